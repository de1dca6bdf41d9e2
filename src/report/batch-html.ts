/** The index of a batch: every unit with its pictures, activations and links, as one page. */
import type { UnitBatch, UnitResult } from '../protocol/index.js';
import { html, page, type Html, type Piece } from './page.js';

const STYLE = `<style>
main { max-width: 1400px; }
.units { display: grid; grid-template-columns: repeat(auto-fill, minmax(190px, 1fr)); gap: 18px 16px; margin: 24px 0 0; padding: 0; list-style: none; }
.units li { min-width: 0; }
.units a.first { display: block; background: var(--soft); border: 1px solid var(--line); }
.units img, .units video { display: block; width: 100%; aspect-ratio: 1; object-fit: contain; image-rendering: auto; }
.units .more { display: flex; gap: 3px; margin-top: 3px; } .units .more a { flex: 1 1 0; min-width: 0; max-width: 48px; } .units .more img { border: 1px solid var(--line); }
.units b { display: block; margin-top: 7px; overflow-wrap: anywhere; line-height: 1.3; }
.units small { display: block; color: var(--quiet); font-variant-numeric: tabular-nums; }
.left { color: var(--quiet); }
</style>`;

/** @param batch folders are relative to the page */
export function batchHtml({ model, units, left }: UnitBatch): string {
  const [first] = units;
  const what = first === undefined ? 'units' : first.result.fps === null ? 'pictures' : 'videos';
  const facts = first && [
    `preset ${first.result.request.preset}`,
    first.result.prior === null ? 'without a prior' : `through ${first.result.prior.name}`,
    `${first.result.request.starts} ${first.result.request.starts === 1 ? 'start' : 'starts'} each`,
    `seed ${first.result.request.seed}`,
  ];
  const body = html`${{ html: STYLE }}
    <main>
      <p class="kicker">Batch</p>
      <h1>Preferred ${what} of ${model.name}</h1>
      <p class="quiet">${units.length} units${facts ? `; ${facts.join(', ')}` : ''}.</p>
      ${
        left.length > 0
          ? html`<p class="left">Not done yet: ${left.join(', ')}. The same command goes on with them.</p>`
          : null
      }
      <ul class="units">
        ${units.map(({ folder, result }) => unitCard(folder, result))}
      </ul>
    </main>`;
  return page(`Preferred ${what} of ${model.name}`, body);
}

function unitCard(folder: string, { unit, examples }: UnitResult): Html {
  const best = examples.reduce((a, b) => (b.activation > a.activation ? b : a));
  const others = examples.filter((one) => one !== best);
  const path = (name: string): string => `${folder}/${name}`;
  const shown: Piece =
    best.video === null
      ? html`<img src="${path(best.picture)}" alt="${unit.label}" loading="lazy" />`
      : html`<video
          src="${path(best.video)}"
          poster="${path(best.picture)}"
          muted
          loop
          playsinline
          preload="none"
          onmouseover="this.play()"
          onmouseout="this.pause()"
        ></video>`;
  const sure = best.probability === null ? '' : ` · ${(100 * best.probability).toFixed(0)} %`;
  return html`<li>
    <a class="first" href="${path(best.video ?? best.picture)}">${shown}</a>
    ${
      others.length > 0
        ? html`<span class="more"
            >${others.map(
              (one) =>
                html`<a href="${path(one.video ?? one.picture)}"
                  ><img src="${path(one.picture)}" alt="" loading="lazy"
                /></a>`,
            )}</span
          >`
        : null
    }
    <b>${unit.label}</b>
    <small>activation ${best.activation.toFixed(2)}${sure}</small>
    <small
      >unit ${unit.index} · ${best.sheet === null ? null : html`<a href="${path(best.sheet)}">frames</a> · `}<a
        href="${path('unit.json')}"
        >JSON</a
      ></small
    >
  </li>`;
}
