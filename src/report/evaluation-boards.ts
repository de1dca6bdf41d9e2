/** The pictures of an evaluation: what was made beside real examples, and the nearest neighbours of what was made. */
import type { EvaluatedUnit, EvaluationReport } from '../protocol/index.js';
import { frameAt, GREY, PALETTE, renderBoard, type BoardCell, type FrameSequence, type Plot } from '../video/index.js';
import { rowChart } from './panels.js';

/** What a unit's pictures are drawn from. */
export interface UnitClips {
  readonly label: string;
  readonly prior: readonly FrameSequence[];
  readonly baseline: readonly FrameSequence[];
  readonly realByName: ReadonlyMap<string, FrameSequence>;
}

export interface NamedPicture {
  /** File name. */
  readonly name: string;
  readonly title: string;
  readonly caption: string;
  readonly png: Buffer;
}

/** Units on a board: longer ones are hard to read. */
const UNITS_A_BOARD = 10;
const REAL_SHOWN = 2;
const MADE_SHOWN = 4;
const BARE_SHOWN = 2;
/** Places of a clip that are shown of it. */
const MOMENTS = [0.3, 0.5];

/** A picture as it is; of a clip a moment. */
function still(clip: FrameSequence, at = MOMENTS[0]!): FrameSequence {
  const frames = frameAt(clip, Math.floor(at * (clip.count - 1)));
  return { frames, count: 1, width: clip.width, height: clip.height };
}

const known = (value: number | null | undefined): value is number => value !== null && value !== undefined;

function madeCells(unit: EvaluatedUnit, clips: readonly FrameSequence[], of: 'prior' | 'baseline', most: number) {
  const examples = unit[of]?.examples ?? [];
  return Array.from({ length: most }, (_, i): BoardCell | null => {
    const [clip, example] = [clips[i], examples[i]];
    if (clip === undefined || example === undefined) return null;
    const named = example.judges[0];
    const percentile = known(example.percentile) ? ` · ${example.percentile.toFixed(0)} %` : '';
    return {
      clip: still(clip),
      label: `${example.activation.toFixed(1)}${percentile}`,
      ...(named && { detail: `${named.rank === 1 ? '✓ ' : ''}${named.answer}` }),
    };
  });
}

function unitRow(unit: EvaluatedUnit, clips: UnitClips): (BoardCell | null)[] {
  const real = [...clips.realByName.values()];
  return [
    ...Array.from({ length: REAL_SHOWN }, (_, i): BoardCell | null => (real[i] ? { clip: still(real[i]) } : null)),
    ...madeCells(unit, clips.prior, 'prior', Math.min(MADE_SHOWN, Math.max(1, clips.prior.length))),
    ...(unit.baseline ? madeCells(unit, clips.baseline, 'baseline', Math.min(BARE_SHOWN, clips.baseline.length)) : []),
  ];
}

/** Items in groups of ten, as evenly as it goes. */
function pages<T>(list: readonly T[]): T[][] {
  const count = Math.ceil(list.length / UNITS_A_BOARD);
  const size = Math.ceil(list.length / count);
  return Array.from({ length: count }, (_, i) => list.slice(i * size, (i + 1) * size));
}

const suffix = (i: number, of: number): string => (of === 1 ? '' : `-${i + 1}`);

/** Boards of made examples beside real ones. */
export async function unitBoards(report: EvaluationReport, clips: readonly UnitClips[]): Promise<NamedPicture[]> {
  const judge = report.judges[0]?.name;
  const groups = pages(report.units.map((unit, u) => ({ unit, clips: clips[u]! })));
  const made: NamedPicture[] = [];
  for (const [i, group] of groups.entries()) {
    const cells = group.map((one) => unitRow(one.unit, one.clips));
    const first = group[0]!;
    const starts = Math.min(MADE_SHOWN, Math.max(1, first.clips.prior.length));
    const bare = first.unit.baseline ? Math.min(BARE_SHOWN, first.clips.baseline.length) : 0;
    const png = await renderBoard({
      title: `What units of ${report.model.name} prefer`,
      subtitle: `Below: activation · per cent of real examples below it${judge ? `; what ${judge} sees (✓: rightly)` : ''}`,
      columns: [
        ...Array.from({ length: REAL_SHOWN }, () => 'real'),
        ...Array.from({ length: starts }, (_, s) => `start ${s + 1}`),
        ...Array.from({ length: bare }, () => 'no prior'),
      ],
      rows: group.map(({ unit }) => unit.label.split(',')[0]!),
      cells,
      scale: Math.max(1, Math.round(128 / first.clips.prior[0]!.width)),
    });
    made.push({
      ...{ name: `units${suffix(i, groups.length)}.png`, title: 'Made and real', png },
      caption:
        'Two real examples of each class, what was made for its unit from several starts, and what is made without a prior' +
        (report.model.kind === 'recogniser' ? '; of videos one frame.' : '.'),
    });
  }
  return made;
}

function neighbourRow(unit: EvaluatedUnit, clips: UnitClips, spaces: readonly string[]): (BoardCell | null)[] {
  const [clip] = clips.prior;
  const [example] = unit.prior.examples;
  if (clip === undefined || example === undefined) return [null, ...spaces.map(() => null)];
  return [
    { clip: still(clip) },
    ...spaces.map((space): BoardCell | null => {
      const found = example.nearest.find((one) => one.space === space);
      const real = found && clips.realByName.get(found.name);
      if (!real) return null;
      return { clip: still(real), label: found.ratio === null ? '–' : `${found.ratio.toFixed(2)} x` };
    }),
  ];
}

/** Boards of nearest neighbours (figure S22 of the paper): is anything a copy of a real example? */
export async function neighbourBoards(report: EvaluationReport, clips: readonly UnitClips[]): Promise<NamedPicture[]> {
  const spaces = [
    ...new Set(report.units.flatMap((u) => u.prior.examples.flatMap((e) => e.nearest.map((n) => n.space)))),
  ];
  const groups = pages(
    report.units.map((unit, u) => ({ unit, clips: clips[u]! })).filter((one) => one.unit.real.count > 0),
  );
  const made: NamedPicture[] = [];
  for (const [i, group] of groups.entries()) {
    const png = await renderBoard({
      title: 'The nearest real example of the class',
      subtitle: 'In pixels and in each space; x: distance over the usual one between real examples, near 0 for a copy',
      columns: ['made', ...spaces],
      rows: group.map(({ unit }) => unit.label.split(',')[0]!),
      cells: group.map((one) => neighbourRow(one.unit, one.clips, spaces)),
      scale: Math.max(1, Math.round(128 / group[0]!.clips.prior[0]!.width)),
    });
    made.push({
      ...{ name: `neighbours${suffix(i, groups.length)}.png`, title: 'Nearest neighbours', png },
      caption: 'The first start of each unit, and the real example of its class that is nearest to it in each space.',
    });
  }
  return made;
}

const quantile = (sorted: readonly number[], q: number): number => sorted[Math.round(q * (sorted.length - 1))]!;

/** Activations reached, with a prior and without, over those of real examples. */
export function activationChart(report: EvaluationReport): Promise<Plot> {
  const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;
  const methods = (of: 'prior' | 'baseline') =>
    report.units.map((unit) => {
      const reached = unit[of]?.examples.map(({ activation }) => activation) ?? [];
      if (reached.length === 0) return null;
      return { value: mean(reached), low: Math.min(...reached), high: Math.max(...reached) };
    });
  return rowChart({
    title: `Activation of units of ${report.model.name}`,
    subtitle: 'Real examples: mean, and 5th to 95th percentile; made: mean, least and most over starts',
    x: { name: 'activation before softmax' },
    rows: report.units.map(({ label }) => label.split(',')[0]!),
    series: [
      {
        ...{ name: 'real examples', colour: GREY, symbol: 'circle', hollow: true },
        values: report.units.map(({ real: { activations } }) =>
          activations.length === 0
            ? null
            : { value: mean(activations), low: quantile(activations, 0.05), high: quantile(activations, 0.95) },
        ),
      },
      { name: 'with the prior', colour: PALETTE[0]!, symbol: 'diamond', values: methods('prior') },
      ...(report.summary.baseline
        ? [{ name: 'without a prior', colour: PALETTE[1]!, symbol: 'square' as const, values: methods('baseline') }]
        : []),
    ],
  });
}
