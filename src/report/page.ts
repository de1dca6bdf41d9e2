/** A page that needs nothing but itself: text made safe, tables, figures, and a style for screen and paper. */
import { escapeXml } from '../video/index.js';

/** Text made safe for the content of a page. */
export const safe = escapeXml;

/** A piece of a page: HTML that is safe already. */
export interface Html {
  readonly html: string;
}

/** Puts pieces together; strings and numbers are made safe, lists are joined, what is not there is left out. */
export function html(parts: TemplateStringsArray, ...values: readonly Piece[]): Html {
  return { html: parts.map((part, i) => part + (i < values.length ? rendered(values[i]) : '')).join('') };
}

export type Piece = Html | string | number | null | undefined | false | readonly Piece[];

function rendered(piece: Piece): string {
  if (piece === null || piece === undefined || piece === false) return '';
  // A number and its unit stay on one line.
  if (typeof piece === 'string' || typeof piece === 'number')
    return safe(String(piece)).replace(/(\d) %/g, '$1&nbsp;%');
  return 'html' in piece ? piece.html : piece.map(rendered).join('');
}

export interface Column {
  readonly name: string;
  /** Numbers stand to the right. */
  readonly number?: boolean;
  /** Told when the pointer rests on the name. */
  readonly hint?: string;
}

export function table(columns: readonly Column[], rows: readonly (readonly Piece[])[], caption?: string): Html {
  const kind = ({ number }: Column): Html => ({ html: number ? ' class="n"' : '' });
  return html`<div class="table">
    <table>
      ${
        caption
          ? html`<caption>
              ${caption}
            </caption>`
          : null
      }
      <thead>
        <tr>
          ${columns.map((column) => html`<th scope="col" ${kind(column)}${titled(column)}>${column.name}</th>`)}
        </tr>
      </thead>
      <tbody>
        ${rows.map(
          (row) =>
            html`<tr>
              ${row.map((cell, i) => html`<td${kind(columns[i]!)}>${cell}</td>`)}
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
}

const titled = ({ hint }: Column): Html => ({ html: hint === undefined ? '' : ` title="${safe(hint)}"` });

/** A figure that is an SVG of ours, at most as wide as the page. Ids are made unlike those of the other figures. */
export function figure(svg: string, title: string, caption: string, number: number): Html {
  const own = svg
    .replace(/<\?xml[^>]*\?>/, '')
    .replace(/<svg /, `<svg role="img" aria-label="${safe(title)}" `)
    .replace(/\b(id="|url\(#|href="#)/g, `$1f${number}-`)
    .replace(/<svg ([^>]*?)width="(\d+)" height="(\d+)"/, (_, rest: string, w: string, h: string) =>
      /viewBox/.test(rest) || /viewBox/.test(svg.slice(0, 400))
        ? `<svg ${rest}`
        : `<svg ${rest}viewBox="0 0 ${w} ${h}"`,
    );
  return html`<figure>
    ${{ html: own }}
    <figcaption><b>Figure ${number}.</b> ${title}. ${caption}</figcaption>
  </figure>`;
}

/** A whole document. */
export function page(title: string, body: Html): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${safe(title)}</title>
<style>${STYLE}</style>
</head>
<body>
${body.html.replace(/\n\s+/g, '\n')}
</body>
</html>
`;
}

const STYLE = `
:root { color-scheme: light; --ink: #101828; --quiet: #5b6474; --line: #d9dee7; --soft: #f5f7fa;
  --sensitive: #1f5fbf; --insensitive: #2b8a5f; --inconclusive: #a35a00; }
* { box-sizing: border-box; }
body { margin: 0; background: #fff; color: var(--ink); font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto,
  "Helvetica Neue", "DejaVu Sans", sans-serif; }
main { max-width: 1000px; margin: 0 auto; padding: 40px 24px 80px; }
h1 { font-size: 30px; line-height: 1.2; margin: 0 0 6px; letter-spacing: -0.01em; }
h2 { font-size: 21px; margin: 52px 0 12px; padding-top: 14px; border-top: 2px solid var(--ink); }
h3 { font-size: 16px; margin: 26px 0 6px; }
p { margin: 0 0 12px; max-width: 72ch; }
a { color: var(--sensitive); }
.kicker { font-size: 13px; letter-spacing: 0.08em; text-transform: uppercase; color: var(--quiet); margin: 0 0 8px; }
.quiet { color: var(--quiet); }
.verdict { border-left: 8px solid var(--hue); background: var(--soft); padding: 20px 24px; margin: 24px 0 20px; }
.verdict strong.word { display: block; font-size: 34px; line-height: 1.15; color: var(--hue); text-transform: capitalize;
  letter-spacing: -0.01em; }
.verdict p { max-width: none; margin: 8px 0 0; font-size: 17px; }
.verdict p.numbers { font-size: 15px; color: var(--quiet); }
.sensitive { --hue: var(--sensitive); } .insensitive { --hue: var(--insensitive); } .inconclusive { --hue: var(--inconclusive); }
.tag { color: var(--hue); font-weight: 600; white-space: nowrap; }
.tiles { display: grid; grid-template-columns: repeat(4, 1fr); gap: 1px; background: var(--line);
  border: 1px solid var(--line); margin: 0 0 20px; }
.tiles div { background: #fff; padding: 12px 14px; }
.tiles dt { font-size: 12.5px; color: var(--quiet); }
.tiles dd { margin: 2px 0 0; font-size: 22px; font-variant-numeric: tabular-nums; }
.tiles dd small { display: block; font-size: 12.5px; color: var(--quiet); }
.checks { list-style: none; padding: 0; margin: 0 0 12px; }
.checks li { padding: 3px 0 3px 26px; position: relative; }
.checks li::before { position: absolute; left: 2px; font-weight: 700; }
.checks li.passed::before { content: "\\2713"; color: var(--insensitive); }
.checks li.failed::before { content: "\\2717"; color: #b3261e; }
.checks li.failed { font-weight: 600; color: #b3261e; }
ul.findings { padding-left: 20px; max-width: 76ch; } ul.findings li { margin-bottom: 7px; }
figure { margin: 26px 0 30px; break-inside: avoid; }
figure svg { width: 100%; height: auto; border: 1px solid var(--line); display: block; }
figcaption { font-size: 14px; color: var(--quiet); margin-top: 8px; max-width: 86ch; }
.table { overflow-x: auto; margin: 10px 0 22px; }
table { border-collapse: collapse; font-size: 13.5px; width: 100%; font-variant-numeric: tabular-nums; }
caption { text-align: left; font-weight: 600; padding: 6px 0; }
th { text-align: left; font-weight: 600; border-bottom: 1.5px solid var(--ink); padding: 6px 10px 6px 0; vertical-align: bottom;
  line-height: 1.3; }
td { border-bottom: 1px solid var(--line); padding: 5px 10px 5px 0; vertical-align: top; }
th.n, td.n { text-align: right; } td.n { white-space: nowrap; }
td small { color: var(--quiet); display: block; font-size: 11.5px; line-height: 1.3; }
td:first-child { white-space: nowrap; }
details { margin: 8px 0; } summary { cursor: pointer; font-weight: 600; }
dl.method { display: grid; grid-template-columns: minmax(120px, 200px) 1fr; gap: 6px 20px; font-size: 14.5px; margin: 0; }
dl.method dt { font-weight: 600; } dl.method dd { margin: 0; min-width: 0; overflow-wrap: anywhere; }
code { font: 13px/1.4 ui-monospace, "DejaVu Sans Mono", Menlo, monospace; background: var(--soft); padding: 1px 4px; overflow-wrap: anywhere; }
pre { background: var(--soft); padding: 12px 14px; overflow-x: auto; } pre code { padding: 0; }
@media (max-width: 640px) { .tiles { grid-template-columns: repeat(2, 1fr); } main { padding: 24px 16px 60px; } dl.method { grid-template-columns: 1fr; gap: 0; }
  dl.method dd { margin-bottom: 8px; } }
@media print {
  @page { margin: 15mm; }
  body { font-size: 10.5pt; } main { max-width: none; padding: 0; }
  h2 { break-after: avoid; margin-top: 26px; } table { font-size: 7.2pt; }
  th, td { padding-right: 5px; } td small { font-size: 6.4pt; } .table { overflow: visible; }
  thead { display: table-header-group; } tr { break-inside: avoid; }
  .verdict, .tiles { break-inside: avoid; -webkit-print-color-adjust: exact; print-color-adjust: exact; }
  details:not([open]) { display: none; }
}`;
