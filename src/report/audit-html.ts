/** An audit's report as one page to read and to print: the verdict first, then what it rests on. */
import type { AuditReport, ConditionResult, Estimate, ModelAudit, Reason } from '../protocol/index.js';
import type { NamedChart } from './audit-charts.js';
import { findingsOf } from './findings.js';
import { figure, html, page, table, type Html, type Piece } from './page.js';
import { METHOD } from './method.js';

const percent = (x: number, digits = 1): string => `${(100 * x).toFixed(digits).replace(/^-(0\.?0*)$/, '$1')} %`;
const range = ({ low, high }: Estimate, digits = 1): string =>
  `${(100 * low).toFixed(digits)} to ${(100 * high).toFixed(digits)}`;
const pValue = (p: number | null): string => (p === null ? '–' : p < 0.0001 ? p.toExponential(0) : p.toFixed(4));
const tag = (verdict: string): Html => html`<span class="tag ${verdict}">${verdict}</span>`;

/** The number, and its interval in small. */
const withRange = (estimate: Estimate | null): Piece =>
  estimate === null ? '–' : html`${(100 * estimate.value).toFixed(1)} <small>${range(estimate)}</small>`;

/** `a`, `a and b`, `a, b and c` */
function listed(names: readonly string[]): string {
  return names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
}

/** The page, with its charts in it. */
export function auditHtml(report: AuditReport, charts: readonly NamedChart[]): string {
  const names = listed(report.models.map(({ name }) => name));
  let figures = 0;
  const draw = (wanted: (name: string) => boolean): Html[] =>
    charts
      .filter(({ name }) => wanted(name))
      .map(({ plot, title, caption }) => figure(plot.svg, title, caption, ++figures));
  const [first, ...others] = report.models;
  const body = html`<main>
    <p class="kicker">Temporal-sensitivity audit</p>
    <h1>${report.models.length === 1 ? 'Does' : 'Do'} ${names} use the order of frames?</h1>
    ${verdictBox(first!)} ${tiles(report, first!)} ${controls(report)} ${others.map(otherVerdict)}
    <h2>What was found</h2>
    <ul class="findings">
      ${findingsOf(report).map((finding) => html`<li>${finding}</li>`)}
    </ul>
    ${draw((name) => name === 'flip-rate')} ${draw((name) => name === 'models' || name === 'comparison')}
    ${draw((name) => name === 'decomposition')}
    <h2>Conditions</h2>
    <p>
      Every clip was shown in its own order and in others. All numbers are means over clips, in per cent where not said
      otherwise, with 95 % intervals.
    </p>
    ${report.models.map((model) => conditionTable(model, report.models.length > 1))}
    ${draw((name) => name.startsWith('metrics') || /^flip-rate-/.test(name))}
    ${
      report.models.some(({ classes }) => classes.length > 0)
        ? html`<h2>Classes</h2>
            ${draw((name) => name.startsWith('classes'))} ${report.models.map(classTable)}
            ${draw((name) => name.startsWith('reversal'))}`
        : null
    }
    ${
      report.synthesised.length > 0
        ? html`<h2>Preferred videos</h2>
            ${draw((name) => name === 'synthesised')} ${synthesisedTable(report)}`
        : null
    }
    <h2>Clips</h2>
    ${report.models.map((model) => clipLists(model, report.models.length > 1))}
    <h2>How this was measured</h2>
    ${method(report)}
  </main>`;
  return page(`Audit of ${names}: ${report.verdict}`, body);
}

/** The sentence of a verdict in two: what it says, and its numbers. */
function sentenceParts(sentence: string): [claim: string, numbers: string] {
  const at = sentence.indexOf(' Flip rate ');
  return at < 0 ? [sentence, ''] : [sentence.slice(0, at), sentence.slice(at + 1)];
}

function verdictBox({ verdict, sentence }: ModelAudit): Html {
  const [claim, numbers] = sentenceParts(sentence.replace(/^\w+: /, ''));
  return html`<section class="verdict ${verdict}" aria-label="Verdict">
    <strong class="word">${verdict}</strong>
    <p>${claim}</p>
    <p class="numbers">${numbers}</p>
  </section>`;
}

function otherVerdict({ name, verdict, sentence }: ModelAudit): Html {
  const [claim, numbers] = sentenceParts(sentence.replace(/^\w+: /, ''));
  return html`<h3>Compared with ${name}: ${tag(verdict)}</h3>
    <p>${claim} <span class="quiet">${numbers}</span></p>`;
}

function tiles({ parameters }: AuditReport, model: ModelAudit): Html {
  const shuffle = model.conditions.find(({ name }) => name === 'shuffle');
  if (!shuffle) return html``;
  const tile = (name: string, value: Piece, below: Piece): Html =>
    html`<div>
      <dt>${name}</dt>
      <dd>${value}<small>${below}</small></dd>
    </div>`;
  return html`<dl class="tiles">
    ${tile('Flip rate, shuffled', percent(shuffle.flipRate.value), `95 %: ${range(shuffle.flipRate)}`)}
    ${tile('Noise floor', percent(model.noiseFloor.value), `95 %: ${range(model.noiseFloor)}`)}
    ${tile('Excess', percent(shuffle.excessFlipRate.value), `95 %: ${range(shuffle.excessFlipRate)}`)}
    ${tile('Upper bound of the excess', percent(shuffle.judgement!.upperBound), `one-sided 95 %; delta ${percent(parameters.delta)}`)}
    ${tile('Randomisation test', `p = ${pValue(shuffle.randomisationP)}`, `d_z = ${shuffle.effectSize?.toFixed(2) ?? '–'}`)}
    ${tile('Clips N', model.clipsScored, groupWords(model))} ${tile('Orders R', shuffle.orders, 'a clip')}
    ${tile('Accuracy', shuffle.accuracy ? inOrderAccuracy(model) : '–', shuffle.accuracy ? `shuffled ${percent(shuffle.accuracy.value)}` : 'no labels')}
  </dl>`;
}

function inOrderAccuracy({ conditions }: ModelAudit): string {
  const original = conditions.find(({ name }) => name === 'original')?.accuracy;
  return original ? percent(original.value) : '–';
}

function groupWords({ groups, clipsScored, clipsLabelled }: ModelAudit): string {
  const parts = [
    groups === clipsScored ? 'each its own group' : `in ${groups} groups`,
    clipsLabelled === clipsScored ? '' : `${clipsLabelled} labelled`,
  ];
  return parts.filter(Boolean).join(', ');
}

function controls({ controls: list }: AuditReport): Html {
  if (list.length === 0) return html`<p class="quiet">The controls were not run.</p>`;
  const items = list.map(
    ({ name, passed, expectation, found }) =>
      html`<li class="${passed ? 'passed' : 'failed'}">
        Control <b>${name}</b>: ${expectation}${passed ? '.' : `. Found: ${found}. Do not trust the verdict.`}
      </li>`,
  );
  return html`<ul class="checks">
    ${items}
  </ul>`;
}

function conditionTable({ name, conditions, noiseFloor, conditionsLeftOut }: ModelAudit, named: boolean): Html {
  const columns = [
    { name: 'condition' },
    { name: 'N', number: true, hint: 'clips long enough' },
    { name: 'R', number: true, hint: 'orders a clip' },
    { name: 'D', number: true, hint: 'mean distance of a frame from its place, in frames' },
    { name: 'neighbours kept', number: true, hint: 'frames still followed by their successor, per cent' },
    { name: 'flips', number: true, hint: 'share of orders that change the answer' },
    { name: 'excess', number: true, hint: 'flips beyond the noise floor' },
    { name: 'accuracy', number: true },
    { name: 'prob. change', number: true, hint: 'probability of the class here less that in order' },
    { name: 'JS', number: true, hint: 'Jensen-Shannon divergence in bits' },
    { name: 'd_z', number: true, hint: "effect size of the class's score" },
    { name: 'p', number: true, hint: 'randomisation test' },
    { name: 'verdict' },
  ];
  const rows = conditions.map((c: ConditionResult): Piece[] => [
    html`<span title="${c.description}">${c.name}</span>`,
    ...[c.clips, c.orders, c.strength.displacement.toFixed(1), (100 * c.strength.adjacencyKept).toFixed(0)],
    ...[withRange(c.flipRate), withRange(c.excessFlipRate), withRange(c.accuracy), withRange(c.probabilityChange)],
    ...[c.divergence.value.toFixed(3), c.effectSize?.toFixed(2) ?? '–', pValue(c.randomisationP)],
    c.judgement ? tag(c.judgement.verdict) : '–',
  ]);
  const noise: Piece[] = [
    html`<i>another crop</i>`,
    '',
    '',
    '0.0',
    '100',
    withRange(noiseFloor),
    '',
    '',
    '',
    '',
    '',
    '',
    '',
  ];
  return html`${table(columns, [...rows, noise], named ? name : undefined)}
  ${
    conditionsLeftOut.length > 0
      ? html`<p class="quiet">
          Left out: ${conditionsLeftOut.map((one) => `${one.name} (${one.reason})`).join('; ')}.
        </p>`
      : null
  }`;
}

function classTable({ name, classes }: ModelAudit): Html {
  if (classes.length === 0) return html``;
  const columns = [
    { name: 'class' },
    { name: 'clips', number: true },
    { name: 'accuracy', number: true },
    { name: 'shuffled', number: true },
    { name: 'flips (Wilson)', number: true },
    { name: 'p', number: true },
    { name: 'adjusted p', number: true, hint: 'Benjamini-Hochberg over the classes' },
    { name: 'time-reversed action' },
    { name: 'reversed clips given it', number: true },
  ];
  const rows = classes.map((c): Piece[] => [
    ...[c.label, c.clips, (100 * c.accuracy).toFixed(1), (100 * c.accuracyShuffled).toFixed(1), withRange(c.flipRate)],
    ...[pValue(c.p), pValue(c.adjustedP), c.partner ?? '–', c.partnerShare === null ? '–' : percent(c.partnerShare)],
  ]);
  return table(columns, rows, name);
}

function synthesisedTable({ synthesised }: AuditReport): Html {
  const columns = [
    { name: 'video' },
    { name: 'unit' },
    { name: 'in order', number: true },
    { name: 'shuffled', number: true, hint: 'mean and central 95 % of the orders' },
    { name: 'p', number: true, hint: 'share of orders, its own among them, that excite the unit as much' },
    { name: 'reversed', number: true },
    { name: 'partner in order', number: true },
    { name: 'partner reversed', number: true },
    { name: 'answer', hint: 'in order / reversed' },
  ];
  const rows = synthesised.map(({ name, unit, inOrder, shuffled, reversed, partner }): Piece[] => {
    const { value, low, high } = shuffled.activation;
    return [
      ...[name, unit.label, inOrder.activation.toFixed(2)],
      html`${value.toFixed(2)} <small>${low.toFixed(2)} to ${high.toFixed(2)}</small>`,
      ...[pValue(shuffled.p), reversed.activation.toFixed(2), partner?.inOrder.activation.toFixed(2) ?? '–'],
      ...[partner?.reversed.activation.toFixed(2) ?? '–', `${inOrder.answer} / ${reversed.answer}`],
    ];
  });
  return html`${table(columns, rows)}
    <ul class="findings">
      ${synthesised.map(({ sentence }) => html`<li>${sentence}</li>`)}
    </ul>`;
}

function clipLists({ name, clips, skipped, unlabelled, clipsScored }: ModelAudit, named: boolean): Html {
  const columns = [
    { name: 'clip' },
    { name: 'label' },
    { name: 'frames', number: true },
    { name: 'answer in order' },
    { name: 'probability', number: true },
    { name: 'flips shuffled', number: true },
    { name: 'answer shuffled' },
    { name: 'answer reversed' },
  ];
  const rows = clips.map((clip): Piece[] => {
    const { shuffle, reverse } = clip.conditions;
    return [
      ...[clip.name, clip.label ?? '–', clip.frames, clip.prediction, clip.probability.toFixed(3)],
      ...[shuffle ? percent(shuffle.flipRate) : '–', shuffle?.prediction ?? '–', reverse?.prediction ?? '–'],
    ];
  });
  return html`${named ? html`<h3>${name}</h3>` : null}
    <p>${clipsScored} clips were scored. ${skipped.length === 0 ? 'None was skipped.' : ''}</p>
    ${reasons('Skipped', skipped)} ${reasons('Without a true class: scored, but not for accuracy', unlabelled)}
    <details>
      <summary>All clips</summary>
      ${table(columns, rows)}
    </details>`;
}

function reasons(title: string, list: readonly Reason[]): Piece {
  if (list.length === 0) return null;
  const rows = list.map(({ name, reason }): Piece[] => [name, reason]);
  return table([{ name: 'clip' }, { name: 'why' }], rows, `${title} (${list.length})`);
}

function method({ parameters, models, runtime, versions }: AuditReport): Html {
  const facts: (readonly [string, Piece])[] = [
    ['Clips', parameters.clips],
    [
      'Parameters',
      `R = ${parameters.permutations} orders a clip, delta = ${parameters.delta}, seed ${parameters.seed}, ${parameters.crops} crops a clip for the noise floor, ${parameters.bootstrapDraws} bootstrap draws, ${parameters.randomisationDraws} randomisation draws`,
    ],
    ...models.map(({ name, sha256, path, labels }): readonly [string, Piece] => [
      'Model',
      html`${name}, ${labels} labels;
        ${path === 'frame-wise' ? 'features computed once a frame, orders through the recurrent part only' : 'the whole network for every order'};
        SHA-256 of the package <code>${sha256 ?? 'unknown'}</code>`,
    ]),
    ['Runtime', runtime ?? 'unknown'],
    [
      'Versions',
      Object.entries(versions)
        .map(([name, version]) => `${name} ${version}`)
        .join(', '),
    ],
  ];
  return html`<dl class="method">
      ${METHOD.map(
        ([term, words]) =>
          html`<dt>${term}</dt>
            <dd>${words}</dd>`,
      )}
    </dl>
    <h3>To make it again</h3>
    <dl class="method">
      ${facts.map(
        ([term, words]) =>
          html`<dt>${term}</dt>
            <dd>${words}</dd>`,
      )}
    </dl>`;
}
