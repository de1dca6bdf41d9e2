/** The index of the jobs of a batch: one page that holds its pictures itself. */
import { html, page, type Html } from './page.js';

export interface BatchPart {
  /** What it is about: the label of its unit. */
  readonly title: string;
  /** What it reached, or why it left nothing. */
  readonly words: string;
  /** A small picture of what it left (WebP); null where it left none. */
  readonly picture: Uint8Array | null;
  /** Files with their addresses, relative to the page. */
  readonly links: readonly { readonly name: string; readonly href: string }[];
}

export interface BatchJobs {
  readonly title: string;
  readonly facts: readonly string[];
  /** Whether pictures are strips of frames, which are wide. */
  readonly strips: boolean;
  readonly parts: readonly BatchPart[];
}

const STYLE = `<style>
main { max-width: 1400px; }
.parts { display: grid; grid-template-columns: repeat(auto-fill, minmax(150px, 1fr)); gap: 18px 16px; margin: 24px 0 0; padding: 0; list-style: none; }
.parts.strips { grid-template-columns: repeat(auto-fill, minmax(min(320px, 100%), 1fr)); }
.parts li { min-width: 0; }
.parts img { display: block; width: 100%; border: 1px solid var(--line); background: var(--soft); }
.parts b { display: block; margin-top: 7px; overflow-wrap: anywhere; line-height: 1.3; }
.parts small { display: block; color: var(--quiet); font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
</style>`;

export function batchJobsHtml({ title, facts, strips, parts }: BatchJobs): string {
  const body = html`${{ html: STYLE }}
    <main>
      <p class="kicker">Batch</p>
      <h1>${title}</h1>
      <p class="quiet">${facts.join(', ')}.</p>
      <ul class="${strips ? 'parts strips' : 'parts'}">
        ${parts.map(partCard)}
      </ul>
    </main>`;
  return page(title, body);
}

function partCard({ title, words, picture, links }: BatchPart): Html {
  const source = picture && `data:image/webp;base64,${Buffer.from(picture).toString('base64')}`;
  return html`<li>
    ${source && html`<img src="${source}" alt="${title}" loading="lazy" />`}
    <b>${title}</b>
    <small>${words}</small>
    <small>${links.map(({ name, href }) => html`<a href="${href}">${name}</a> `)}</small>
  </li>`;
}
