/** The charts of an audit's report. */
import type { AuditReport, ConditionResult, Estimate, ModelAudit } from '../protocol/index.js';
import { GREY, PALETTE, type Plot } from '../video/index.js';
import {
  cellChart,
  panelChart,
  rowChart,
  type IntervalPoint,
  type IntervalSeries,
  type Level,
  type Panel,
  type RowSeries,
  type Symbol,
} from './panels.js';

export interface NamedChart {
  /** File name without an extension. */
  readonly name: string;
  readonly title: string;
  /** What is to be seen, for the page. */
  readonly caption: string;
  readonly plot: Plot;
}

const RED = '#c0362c';
/** Classes that are drawn; the table has them all. */
const MOST_CLASSES = 60;
/** Classes of a confusion matrix. */
const MOST_CELLS = 24;

/** Conditions that differ in a size, and single ones. */
const FAMILIES: readonly { name: string; symbol: Symbol; match: RegExp; joined: boolean; letter?: string }[] = [
  {
    name: 'shuffled within windows of w frames',
    symbol: 'circle',
    match: /^shuffle-window-(\d+)$/,
    joined: true,
    letter: 'w',
  },
  { name: 'blocks of b frames permuted', symbol: 'square', match: /^permute-blocks-(\d+)$/, joined: true, letter: 'b' },
  { name: 'whole video shuffled', symbol: 'diamond', match: /^shuffle$/, joined: false },
  { name: "shuffled within the recogniser's clips", symbol: 'triangle', match: /^shuffle-within-clip$/, joined: false },
  { name: 'reversed', symbol: 'diamond', match: /^reverse$/, joined: false },
];

type Measure = (condition: ConditionResult) => { value: number; low?: number; high?: number } | null;

const inPercent = (estimate: Estimate | null): Required<NonNullable<ReturnType<Measure>>> | null =>
  estimate && { value: 100 * estimate.value, low: 100 * estimate.low, high: 100 * estimate.high };

/** Series of a measure against D, one a family; `suffix` tells models apart. */
function against(conditions: readonly ConditionResult[], measure: Measure, labels: boolean): IntervalSeries[] {
  return FAMILIES.flatMap(({ name, symbol, match, joined, letter }, f): IntervalSeries[] => {
    const points = conditions.flatMap((condition): IntervalPoint[] => {
      const found = match.exec(condition.name);
      const value = found && measure(condition);
      if (!found || !value) return [];
      const { displacement } = condition.strength;
      return [
        {
          x: displacement,
          y: value.value,
          low: value.low,
          high: value.high,
          ...(labels && letter && { label: `${letter} ${found[1]}` }),
        },
      ];
    });
    if (points.length === 0) return [];
    return [{ name, symbol, joined, colour: PALETTE[f % PALETTE.length]!, points }];
  });
}

const D_AXIS = { name: 'shuffle strength D: mean distance of a frame from its place (frames)', min: 0 };

function flipRateChart({ name, conditions, noiseFloor }: ModelAudit, delta: number): Promise<Plot> {
  const shuffle = conditions.find((condition) => condition.name === 'shuffle');
  const floor = inPercent(noiseFloor)!;
  const levels: Level[] = [
    { name: 'noise floor (other crops), 95 %', low: floor.low, high: floor.high, colour: GREY },
    { name: `noise floor + delta (${100 * delta} %)`, low: floor.value + 100 * delta, colour: RED },
  ];
  const series = against(conditions, ({ flipRate }) => inPercent(flipRate), true);
  const expected = shuffle ? `; a uniformly random order has D = ${shuffle.strength.expected.toFixed(1)}` : '';
  return panelChart({
    title: `How often the answer of ${name} changes`,
    subtitle: `Flip rate against shuffle strength, with 95 % intervals${expected}`,
    panels: [{ x: D_AXIS, y: { name: 'flip rate (%)', min: 0 }, series, levels }],
  });
}

/** Every other metric against D. */
function metricsChart({ name, conditions }: ModelAudit): Promise<Plot> {
  const panel = (title: string, axis: string, measure: Measure, x = D_AXIS): Panel => ({
    title,
    x: { ...x, name: 'D (frames)' },
    y: { name: axis },
    series: against(conditions, measure, false),
  });
  const all = [
    panel('Flip rate beyond the noise floor', 'excess (%)', ({ excessFlipRate }) => inPercent(excessFlipRate)),
    panel('Accuracy', 'right answers (%)', ({ accuracy }) => inPercent(accuracy)),
    panel('Flips among rightly answered clips (TSS)', 'flips (%)', ({ flipRateOfCorrect }) =>
      inPercent(flipRateOfCorrect),
    ),
    panel('Probability of the class', 'change (points)', ({ probabilityChange }) => inPercent(probabilityChange)),
    panel('Jensen-Shannon divergence', 'bits', ({ divergence }) => divergence),
    panel('Score of the class: drop d', 'pre-softmax', ({ scoreDrop }) => scoreDrop),
    panel('Effect size', 'd_z', ({ effectSize }) => (effectSize === null ? null : { value: effectSize })),
    adjacencyPanel(conditions),
  ].filter(({ series }) => series.length > 0);
  return panelChart({
    title: `Every metric of ${name} against shuffle strength`,
    subtitle: 'With 95 % intervals; D is the mean distance of a frame from its place',
    panels: all,
    columns: 2,
    width: 1000,
  });
}

/** Blocks keep neighbours together and yet move far: against what is kept of the neighbourhoods they fall apart. */
function adjacencyPanel(conditions: readonly ConditionResult[]): Panel {
  const moved = conditions.map((condition) => ({
    ...condition,
    strength: { ...condition.strength, displacement: 100 * condition.strength.adjacencyKept },
  }));
  return {
    title: 'Flip rate against kept neighbours',
    x: { name: 'frames still followed by their successor (%)', min: 0, max: 100 },
    y: { name: 'flip rate (%)', min: 0 },
    series: against(moved, ({ flipRate }) => inPercent(flipRate), false),
  };
}

function classChart({ name, classes, noiseFloor }: ModelAudit): Promise<Plot> {
  const shown = [...classes].sort((a, b) => b.flipRate.value - a.flipRate.value).slice(0, MOST_CLASSES);
  const floor = inPercent(noiseFloor)!;
  const values = shown.map(({ flipRate, adjustedP }) => ({
    ...inPercent(flipRate)!,
    label: `${(100 * flipRate.value).toFixed(0)} %${adjustedP < 0.05 ? ' *' : ''}`,
  }));
  return rowChart({
    title: `Flip rate of ${name} by class, whole video shuffled`,
    subtitle: `Wilson intervals; * the class's score depends on the order (randomisation test, p < 0.05 after Benjamini-Hochberg)`,
    x: { name: 'flip rate (%)', min: 0, max: 100 },
    rows: shown.map(({ label, clips }) => `${label} (${clips})`),
    series: [{ name: 'flip rate', colour: PALETTE[0]!, symbol: 'circle', values }],
    levels: [{ name: 'noise floor (other crops), 95 %', low: floor.low, high: floor.high, colour: GREY }],
  });
}

/** One bar a part of the accuracy, for each model. */
function decompositionChart(models: readonly ModelAudit[]): Promise<Plot> {
  const known = models.filter(({ decomposition }) => decomposition !== null);
  const parts = ['appearance', 'frames', 'order'] as const;
  const series = known.map(({ name, decomposition }, m): RowSeries => ({
    name,
    colour: PALETTE[m % PALETTE.length]!,
    symbol: 'circle',
    values: parts.map((part) => {
      const share = inPercent(decomposition![part])!;
      return { ...share, label: `${share.value.toFixed(0)} %` };
    }),
  }));
  return rowChart({
    title: 'Where the accuracy above chance comes from',
    subtitle: known
      .map(({ name, decomposition }) => `${name}: chance ${(100 * decomposition!.chance).toFixed(1)} %`)
      .join(' · '),
    x: { name: 'share of the accuracy above chance (%), with 95 % intervals' },
    rows: ['appearance: one frame', 'the set of frames', 'the order of frames'],
    series,
    bars: true,
  });
}

function reversalChart({ name, reversalConfusion }: ModelAudit): Promise<Plot> {
  const paired = reversalConfusion.filter(({ partner }) => partner !== null);
  const rows = (
    paired.length > 0
      ? [...paired, ...reversalConfusion.filter(({ partner }) => partner === null)]
      : [...reversalConfusion]
  ).slice(0, MOST_CELLS);
  const own = rows.map(({ label }) => label);
  const strangers = new Set(
    rows.flatMap(({ answers }) => answers.map(({ label }) => label)).filter((label) => !own.includes(label)),
  );
  const columns = [...own, ...strangers].slice(0, MOST_CELLS + 8);
  return cellChart({
    title: `What ${name} makes of reversed clips`,
    subtitle: `Per cent of the clips of a class${paired.length > 0 ? '; framed: the label of the time-reversed action' : ''}`,
    x: 'answer for the reversed clip',
    y: 'true class',
    rows: own,
    columns,
    cells: rows.map(({ clips, answers }) =>
      columns.map((label) => (answers.find((answer) => answer.label === label)?.clips ?? 0) / clips),
    ),
    framed: (row, column) => rows[row]!.partner !== null && columns[column] === rows[row]!.partner,
    colour: PALETTE[0]!,
  });
}

function comparisonChart({ comparisons, models }: AuditReport): Promise<Plot> {
  const conditions = [...new Set(comparisons.map(({ condition }) => condition))];
  const others = models.slice(1).map(({ name }) => name);
  const series = others.map((second, m): RowSeries => ({
    name: `${models[0]!.name} less ${second}`,
    colour: PALETTE[m % PALETTE.length]!,
    symbol: (['circle', 'square', 'diamond', 'triangle'] as const)[m % 4]!,
    values: conditions.map((condition) => {
      const found = comparisons.find((one) => one.second === second && one.condition === condition);
      return found ? inPercent(found.difference) : null;
    }),
  }));
  return rowChart({
    title: 'Difference in flip rate, the same clips in the same orders',
    subtitle: 'Paired bootstrap over clips, 95 % intervals; right of 0: the first model changes its answer more often',
    x: { name: 'difference (points)' },
    rows: conditions,
    series,
    levels: [{ name: 'no difference', low: 0, colour: GREY }],
  });
}

/** Flip rates of all models against D: the sized windows, which make the curve. */
function curvesChart({ models }: AuditReport): Promise<Plot> {
  const series = models.map(({ name, conditions }, m): IntervalSeries => {
    const points = conditions
      .filter((condition) => /^(shuffle|shuffle-window-\d+)$/.test(condition.name))
      .map(({ strength, flipRate }) => {
        const { value, low, high } = inPercent(flipRate)!;
        return { x: strength.displacement, y: value, low, high };
      })
      .sort((a, b) => a.x - b.x);
    const symbol = (['circle', 'square', 'diamond', 'triangle'] as const)[m % 4]!;
    return { name, colour: PALETTE[m % PALETTE.length]!, symbol, joined: true, points };
  });
  return panelChart({
    title: 'Models compared: how often the answer changes',
    subtitle: 'Flip rate against shuffle strength (windows of growing size, then the whole video), 95 % intervals',
    panels: [{ x: D_AXIS, y: { name: 'flip rate (%)', min: 0 }, series }],
  });
}

function synthesisedChart({ synthesised }: AuditReport): Promise<Plot> {
  const rows = synthesised.map(({ name, unit }) => (name === unit.label ? name : `${name}: ${unit.label}`));
  const row = (of: (video: AuditReport['synthesised'][number]) => RowSeries['values'][number]) => synthesised.map(of);
  return rowChart({
    title: 'Preferred videos: does their activation depend on the order of their frames?',
    subtitle: 'Pre-softmax score of the unit that each was made for; shuffled: mean and central 95 % of the orders',
    x: { name: 'activation' },
    rows,
    series: [
      {
        name: 'in order',
        colour: PALETTE[0]!,
        symbol: 'diamond',
        values: row(({ inOrder }) => ({ value: inOrder.activation })),
      },
      {
        ...{ name: 'shuffled', colour: PALETTE[1]!, symbol: 'circle' },
        values: row(({ shuffled }) => ({ ...shuffled.activation })),
      },
      {
        name: 'reversed',
        colour: PALETTE[3]!,
        symbol: 'square',
        values: row(({ reversed }) => ({ value: reversed.activation })),
      },
      {
        ...{ name: "the partner's unit, reversed", colour: PALETTE[3]!, symbol: 'square', hollow: true },
        values: row(({ partner }) => (partner === null ? null : { value: partner.reversed.activation })),
      },
      {
        ...{ name: 'mean of real clips', colour: GREY, symbol: 'triangle', hollow: true },
        values: row(({ real }) => (real === null ? null : { value: real.mean })),
      },
    ],
  });
}

interface Draft extends Omit<NamedChart, 'plot'> {
  readonly due: boolean;
  readonly draw: () => Promise<Plot>;
}

/** The charts that the report has something for, in the order in which they are to be seen. */
export async function auditCharts(report: AuditReport): Promise<NamedChart[]> {
  const drafts = [
    ...comparisonDrafts(report),
    ...report.models.flatMap((model, m) =>
      modelDrafts(model, m === 0 ? '' : `-${model.name}`, report.parameters.delta),
    ),
    {
      ...{
        name: 'decomposition',
        title: 'Where the accuracy comes from',
        due: report.models.some((m) => m.decomposition),
      },
      caption:
        'Accuracy above chance, split into what one frame gives, what the set of frames adds, and what their order adds.',
      draw: () => decompositionChart(report.models),
    },
    {
      ...{ name: 'synthesised', title: 'Preferred videos', due: report.synthesised.length > 0 },
      caption:
        'A unit that cares about order is excited less when the frames of its preferred video are shuffled. Played backwards, ' +
        "the video should please the time-reversed action's unit instead.",
      draw: () => synthesisedChart(report),
    },
  ];
  const charts: NamedChart[] = [];
  for (const { due, draw, name, title, caption } of drafts) {
    if (due) charts.push({ name, title, caption, plot: await draw() });
  }
  return charts;
}

function comparisonDrafts(report: AuditReport): Draft[] {
  return [
    {
      ...{ name: 'models', title: 'Models compared', due: report.models.length > 1 },
      caption: 'All models saw the same clips in the same orders.',
      draw: () => curvesChart(report),
    },
    {
      ...{ name: 'comparison', title: 'Differences between models', due: report.comparisons.length > 0 },
      caption: 'An interval that leaves out 0 shows a difference.',
      draw: () => comparisonChart(report),
    },
  ];
}

function modelDrafts(model: ModelAudit, suffix: string, delta: number): Draft[] {
  const of = suffix === '' ? '' : ` (${model.name})`;
  const scored = model.clipsScored > 0;
  return [
    {
      ...{ name: `flip-rate${suffix}`, title: `Flip rate against shuffle strength${of}`, due: scored },
      caption:
        'The more a permutation moves the frames, the further right it is. A model that uses order rises above the grey noise ' +
        'floor; below the red line a change is too rare to matter.',
      draw: () => flipRateChart(model, delta),
    },
    {
      ...{ name: `metrics${suffix}`, title: `Every metric${of}`, due: scored },
      caption:
        'The same conditions by the other measures. Blocks move frames far and yet keep most neighbours together.',
      draw: () => metricsChart(model),
    },
    {
      ...{ name: `classes${suffix}`, title: `Flip rate by class${of}`, due: model.classes.length > 0 },
      caption: 'Which classes are recognised by the order of frames, and which by how the frames look.',
      draw: () => classChart(model),
    },
    {
      ...{ name: `reversal${suffix}`, title: `Reversed clips${of}`, due: model.reversalConfusion.length > 0 },
      caption: 'A model that knows the direction of time gives a reversed clip the label of the time-reversed action.',
      draw: () => reversalChart(model),
    },
  ];
}
