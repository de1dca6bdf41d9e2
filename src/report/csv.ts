/** An audit's numbers as tables for other programs (RFC 4180): one row a clip and condition, one row a condition. */
import type { AuditReport, Estimate } from '../protocol/index.js';

type Cell = string | number | boolean | null | undefined;

function csv(head: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const cell = (value: Cell): string => {
    const text = value === null || value === undefined ? '' : String(value);
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return [head, ...rows].map((row) => `${row.map(cell).join(',')}\r\n`).join('');
}

/** One row a model, clip and condition. */
export function clipsCsv({ models }: AuditReport): string {
  const head = [
    ...['model', 'clip', 'label', 'group', 'frames', 'answer_in_order', 'probability_in_order', 'noise_flip_rate'],
    ...['condition', 'answer', 'flip_rate', 'correct', 'probability', 'score_drop', 'divergence'],
  ];
  const rows = models.flatMap((model) =>
    model.clips.flatMap((clip) =>
      Object.entries(clip.conditions).map(([condition, seen]): Cell[] => [
        ...[model.name, clip.name, clip.label, clip.group, clip.frames, clip.prediction, clip.probability],
        ...[clip.noiseFlipRate, condition, seen.prediction, seen.flipRate, seen.correct, seen.probability],
        ...[seen.scoreDrop, seen.divergence],
      ]),
    ),
  );
  return csv(head, rows);
}

const ESTIMATES = [
  ['flip_rate', 'flipRate'],
  ['flip_rate_of_correct', 'flipRateOfCorrect'],
  ['excess_flip_rate', 'excessFlipRate'],
  ['accuracy', 'accuracy'],
  ['accuracy_loss', 'accuracyLoss'],
  ['probability_change', 'probabilityChange'],
  ['divergence', 'divergence'],
  ['score_drop', 'scoreDrop'],
] as const;

/** One row a model and condition. */
export function conditionsCsv({ models }: AuditReport): string {
  const head = [
    ...['model', 'condition', 'permutation', 'clips', 'orders'],
    ...['displacement', 'displacement_expected', 'adjacency_kept', 'longest_run'],
    ...ESTIMATES.flatMap(([name]) => [name, `${name}_low`, `${name}_high`]),
    ...['effect_size', 'randomisation_p', 'mcnemar_lost', 'mcnemar_gained', 'mcnemar_p'],
    ...['excess_upper_bound', 'verdict', 'clips_to_decide', 'noise_floor', 'noise_floor_low', 'noise_floor_high'],
  ];
  const ends = (estimate: Estimate | null): Cell[] => [estimate?.value, estimate?.low, estimate?.high];
  const rows = models.flatMap((model) =>
    model.conditions.map((c): Cell[] => [
      ...[model.name, c.name, c.permutation, c.clips, c.orders],
      ...[c.strength.displacement, c.strength.expected, c.strength.adjacencyKept, c.strength.longestRun],
      ...ESTIMATES.flatMap(([, key]) => ends(c[key])),
      ...[c.effectSize, c.randomisationP, c.mcnemar?.lost, c.mcnemar?.gained, c.mcnemar?.p],
      ...[c.judgement?.upperBound, c.judgement?.verdict, c.judgement?.clipsToDecide, ...ends(model.noiseFloor)],
    ]),
  );
  return csv(head, rows);
}
