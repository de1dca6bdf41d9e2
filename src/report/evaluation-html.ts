/** An evaluation's report as one page to read and to print: the figures first, then the pictures, then each unit. */
import type { EvaluatedUnit, EvaluationReport, MeasuredMethod } from '../protocol/index.js';
import type { Plot } from '../video/index.js';
import type { NamedPicture } from './evaluation-boards.js';
import { figure, html, page, table, type Html, type Piece } from './page.js';

const percent = (x: number | null | undefined): string =>
  x === null || x === undefined ? '–' : `${(100 * x).toFixed(0)} %`;
const number = (x: number | null | undefined, digits = 2): string =>
  x === null || x === undefined ? '–' : x.toFixed(digits);

const STYLE = `<style>figure img { max-width: 100%; height: auto; display: block; border: 1px solid #d9dee7; }</style>`;

/** @param pictures PNGs that lie beside the page */
export function evaluationHtml(report: EvaluationReport, pictures: readonly NamedPicture[], chart: Plot): string {
  const { model, summary } = report;
  const what = model.kind === 'recogniser' ? 'videos' : 'pictures';
  let figures = 0;
  const drawn = pictures.map(
    ({ name, title, caption }) =>
      html`<figure>
        <img src="${name}" alt="${title}" loading="lazy" />
        <figcaption><b>Figure ${++figures}.</b> ${title}. ${caption}</figcaption>
      </figure>`,
  );
  const body = html`${{ html: STYLE }}
    <main>
      <p class="kicker">Evaluation</p>
      <h1>Are the preferred ${what} of ${model.name} any good?</h1>
      ${tiles(report)}
      <h2>With a prior, without, and real</h2>
      ${comparison(report)} ${memory(summary.prior)}
      <h2>To look at</h2>
      ${drawn}
      ${figure(
        chart.svg,
        'Activations',
        'A unit is excited more the further right its mark is; the grey intervals are what real examples of its class reach.',
        ++figures,
      )}
      <h2>Units</h2>
      ${unitTable(report)}
      <h2>Method</h2>
      ${method(report)}
    </main>`;
  return page(`Evaluation of ${model.name}`, body);
}

function tiles({ summary: { prior, baseline }, units, parameters }: EvaluationReport): Html {
  const best = prior.top1[0];
  const bare = (words: string): string => (baseline ? `${words} without a prior` : '');
  const entries: [string, string, string][] = [
    [
      'units above the 95th percentile of real examples',
      percent(prior.aboveReal95),
      bare(percent(baseline?.aboveReal95)),
    ],
    [
      'units recognised by another network',
      percent(best?.units),
      best ? `${best.judge}; ${bare(percent(baseline?.top1[0]?.units))}` : 'no judge was named',
    ],
    ['diversity, 1 − MS-SSIM', number(prior.structure), bare(number(baseline?.structure))],
    ['seconds an example', number(prior.secondsPerExample, 1), `${units.length} units, ${parameters.starts} starts`],
  ];
  return html`<dl class="tiles">
    ${entries.map(
      ([name, value, small]) =>
        html`<div>
          <dt>${name}</dt>
          <dd>${value} <small>${small}</small></dd>
        </div>`,
    )}
  </dl>`;
}

function comparison({ summary, judges, model }: EvaluationReport): Html {
  const { prior, baseline, real } = summary;
  const columns = [
    { name: '' },
    { name: 'with the prior', number: true },
    ...(baseline ? [{ name: 'without a prior', number: true }] : []),
    { name: 'real examples', number: true },
  ];
  const row = (name: string, of: (measured: MeasuredMethod) => Piece): Piece[] => [
    name,
    of(prior),
    ...(baseline ? [of(baseline)] : []),
    of(real),
  ];
  const judged = judges.flatMap(({ name }) => [
    row(`${name} names them (top 1)`, (m) => percent(m.top1.find((one) => one.judge === name)?.share)),
    row(`… units that it names mostly`, (m) => percent(m.top1.find((one) => one.judge === name)?.units)),
    row(`${name} names them (top 5)`, (m) => percent(m.top5.find((one) => one.judge === name)?.share)),
    ...(model.kind === 'recogniser'
      ? [
          row(`${name}: reversed pairs given the partner's label`, (m) => {
            const found = m.reversed.find((one) => one.judge === name);
            return found ? `${percent(found.units)} of ${found.of}` : '–';
          }),
        ]
      : []),
  ]);
  const rows = [
    row('Units above the 95th percentile of real examples', (m) => percent(m.aboveReal95)),
    row('Percentile of the activation, median over units', (m) => number(m.percentile, 0)),
    ...judged,
    row('Diversity: 1 − MS-SSIM', (m) => number(m.structure)),
    row('Diversity: cosine distance of features', (m) => number(m.features)),
    ...(model.kind === 'recogniser'
      ? [
          row('Smoothness over that of real clips', (m) => number(m.smoothness)),
          row('Units as smooth as real clips, within a factor of 2', (m) => percent(m.smoothUnits)),
        ]
      : []),
    row('Seconds an example', (m) => number(m.secondsPerExample, 1)),
  ];
  return table(columns, rows);
}

function memory({ nearest }: MeasuredMethod): Piece {
  if (nearest.length === 0) return null;
  const rows = nearest.map(({ space, ratio, least }): Piece[] => [space, number(ratio), number(least)]);
  return html`<h3>Is it remembered?</h3>
    <p>
      The distance of what was made to the nearest real example of its class, over the usual distance of a real example
      to the nearest other one. A copy would be near 0.
    </p>
    ${table([{ name: 'space' }, { name: 'median', number: true }, { name: 'least', number: true }], rows)}`;
}

function unitTable({ units, judges, model }: EvaluationReport): Html {
  const [judge] = judges;
  const video = model.kind === 'recogniser';
  const columns = [
    { name: 'unit' },
    { name: 'activation', number: true },
    { name: 'percentile', number: true },
    ...(judge ? [{ name: `named by ${judge.name}`, number: true }, { name: 'first answers' }] : []),
    { name: '1 − MS-SSIM', number: true, hint: 'in brackets: of real examples' },
    { name: 'nearest, pixels', number: true },
    ...(video ? [{ name: 'smoothness', number: true, hint: 'in brackets: of real clips' }, { name: 'backwards' }] : []),
    { name: 'without a prior', number: true },
  ];
  return table(
    columns,
    units.map((unit) => unitCells(unit, judge?.name, video)),
  );
}

const average = (values: readonly (number | null)[]): number | null => {
  const known = values.filter((value): value is number => value !== null);
  return known.length === 0 ? null : known.reduce((a, b) => a + b, 0) / known.length;
};

function unitCells(unit: EvaluatedUnit, judge: string | undefined, video: boolean): Piece[] {
  const { examples, diversity } = unit.prior;
  const views = examples.flatMap((one) => one.judges.filter((j) => j.judge === judge));
  const named = views.every(({ rank }) => rank === null)
    ? '–'
    : `${views.filter(({ rank }) => rank === 1).length} of ${views.length}`;
  const backwards = examples.flatMap((one) => one.reversed.filter((r) => r.judge === judge));
  const bare = unit.baseline && average(unit.baseline.examples.map(({ activation }) => activation));
  return [
    unit.label,
    number(average(examples.map(({ activation }) => activation))),
    number(average(examples.map(({ percentile }) => percentile)), 0),
    ...(judge === undefined ? [] : [named, [...new Set(views.map(({ answer }) => answer))].join('; ')]),
    `${number(diversity.structure)} (${number(unit.real.diversity.structure)})`,
    number(average(examples.map(({ nearest }) => nearest.find(({ space }) => space === 'pixels')?.ratio ?? null))),
    ...(video
      ? [
          `${number(average(examples.map(({ smoothness }) => smoothness)), 3)} (${number(unit.real.smoothness, 3)})`,
          [...new Set(backwards.map(({ answer }) => answer))].join('; ') || '–',
        ]
      : []),
    number(bare),
  ];
}

function method(report: EvaluationReport): Html {
  const { parameters, judges, model, units } = report;
  const facts: (readonly [string, Piece])[] = [
    [
      'Made',
      `${parameters.starts} examples a unit of ${units.length} units, preset ${parameters.preset}, seeds from ${parameters.seed}` +
        (parameters.frames === null ? '' : `, ${parameters.frames} frames`),
    ],
    ['Real examples', `${report.real}, at most ${parameters.examples} a class`],
    ['Percentile', 'Share of real examples of the class whose activation is lower, scored alike: from bytes.'],
    [
      'Judges',
      judges.length === 0
        ? 'none'
        : judges.map(
            ({ name, unknown, shared }) =>
              html`<p>
                ${name}${unknown.length > 0 ? `; it has no word for ${unknown.join(', ')}` : ''}${
                  shared.length > 0
                    ? `; it calls the same: ${shared.map((labels) => labels.join(' and ')).join('; ')}`
                    : ''
                }.
              </p>`,
          ),
    ],
    [
      'What judges are asked',
      'Their label of the same name; where they have none, what they call more than half of the real examples of the class.',
    ],
    [
      'Diversity',
      'Mean over pairs of examples of a unit of 1 − MS-SSIM (Wang et al. 2003; as many of its scales as fit), and of the cosine distance of the features before the scores.',
    ],
    ['Model', html`${model.name}, SHA-256 of the package <code>${model.sha256}</code>`],
    [
      'Runtime',
      `${report.runtime}; ${Object.entries(report.versions)
        .map(([name, version]) => `${name} ${version}`)
        .join(', ')}`,
    ],
  ];
  return html`<dl class="method">
    ${facts.map(
      ([term, words]) =>
        html`<dt>${term}</dt>
          <dd>${words}</dd>`,
    )}
  </dl>`;
}
