/** The parts of the report that are not about one condition: classes, reversed pairs, where accuracy comes from, clips. */
import type { ClassResult, ClipResult, Confusion, Decomposition, ModelAudit } from '../../protocol/audit-report.js';
import { Random } from '../random.js';
import { bootstrapStatistic } from './bootstrap.js';
import type { ClipOutcome, ConditionOutcome, ModelEvidence } from './evidence.js';
import { benjaminiHochberg, mean, wilsonInterval } from './statistics.js';
import { groupsOf, type SummaryContext } from './summary.js';

/** Index of the partner's label of a class; null when it has none or the recogniser has no such label. */
function partnerOf(target: number | null, { labels, partners }: SummaryContext): number | null {
  const label = target === null ? undefined : partners[labels[target]!];
  const index = label === undefined ? -1 : labels.indexOf(label);
  return index < 0 ? null : index;
}

const reversedOf = (clip: ClipOutcome): ConditionOutcome | undefined => clip.conditions.get('reverse');

/** Share of the clips that, reversed, are given the partner's label; null when that cannot be said. */
function partnerShare(clips: readonly ClipOutcome[], context: SummaryContext): number | null {
  const answers = clips.flatMap((clip) => {
    const partner = partnerOf(clip.target, context);
    const reversed = reversedOf(clip);
    return partner === null || !reversed ? [] : [Number(reversed.first === partner)];
  });
  return answers.length === 0 ? null : mean(answers);
}

/** Classes that have clips, in the order of the labels. */
export function summariseClasses(evidence: ModelEvidence, context: SummaryContext): ClassResult[] {
  const shuffled = evidence.clips.filter((clip) => clip.conditions.has('shuffle'));
  const rows = context.labels.flatMap((label, target): Omit<ClassResult, 'adjustedP'>[] => {
    const clips = shuffled.filter((clip) => clip.target === target);
    if (clips.length === 0) return [];
    const outcomes = clips.map((clip) => clip.conditions.get('shuffle')!);
    const flips = outcomes.reduce((sum, outcome) => sum + outcome.flips, 0);
    const partner = partnerOf(target, context);
    return [
      {
        label,
        clips: clips.length,
        accuracy: mean(clips.map((clip) => Number(clip.answer === target))),
        accuracyShuffled: mean(outcomes.map((outcome) => outcome.correct ?? 0)),
        flipRate: wilsonInterval(flips, clips.length),
        p: evidence.classP(target),
        partner: partner === null ? null : context.labels[partner]!,
        partnerShare: partnerShare(clips, context),
      },
    ];
  });
  const adjusted = benjaminiHochberg(rows.map((row) => row.p));
  return rows.map((row, i) => ({ ...row, adjustedP: adjusted[i]! }));
}

/** How the reversed clips of classes with a partner are named. */
export function summariseReversal(all: readonly ClipOutcome[], context: SummaryContext): ModelAudit['reversal'] {
  const clips = all.filter((clip) => reversedOf(clip) && partnerOf(clip.target, context) !== null);
  const share = partnerShare(clips, context);
  if (share === null) return null;
  return {
    clips: clips.length,
    partner: wilsonInterval(share * clips.length, clips.length),
    own: mean(clips.map((clip) => reversedOf(clip)!.correct ?? 0)),
  };
}

/** What the reversed clips of each class are taken for. */
export function confuseReversed(all: readonly ClipOutcome[], context: SummaryContext): Confusion[] {
  return context.labels.flatMap((label, target): Confusion[] => {
    const reversed = all.filter((clip) => clip.target === target).flatMap((clip) => reversedOf(clip) ?? []);
    if (reversed.length === 0) return [];
    const counts = new Map<number, number>();
    for (const { first } of reversed) counts.set(first, (counts.get(first) ?? 0) + 1);
    const answers = [...counts]
      .sort(([i, a], [j, b]) => b - a || i - j)
      .map(([unit, clips]) => ({ label: context.labels[unit]!, clips }));
    const partner = partnerOf(target, context);
    return [{ label, partner: partner === null ? null : context.labels[partner]!, clips: reversed.length, answers }];
  });
}

/** Accuracy above chance from which on it is worth being split. */
const LEAST_ABOVE_CHANCE = 0.05;

/**
 * Accuracy above chance, split: what one frame gives, what the set of frames adds, and what their order adds; as shares of
 * the whole, which add up to 1. Chance is 1 / classes. Over the labelled clips that were scored shuffled and still.
 */
export function decompose(all: readonly ClipOutcome[], context: SummaryContext): Decomposition | null {
  const clips = all.filter(
    ({ target, conditions }) => target !== null && conditions.has('shuffle') && conditions.has('static'),
  );
  if (clips.length === 0) return null;
  const correct = (name: string): number[] => clips.map(({ conditions }) => conditions.get(name)?.correct ?? 0);
  const inOrder = clips.map(({ answer, target }) => Number(answer === target));
  const chance = 1 / context.labels.length;
  // Shares of nearly nothing would only mislead.
  if (mean(inOrder) - chance < LEAST_ABOVE_CHANCE) return null;
  const columns = [inOrder, correct('shuffle'), correct('static')];
  const shareOf = (name: string, part: (full: number, shuffled: number, still: number) => number) =>
    bootstrapStatistic(columns, ([full, shuffled, still]) => part(full!, shuffled!, still!) / (full! - chance), {
      random: new Random(`${context.seed}/decomposition/${name}`),
      groups: groupsOf(clips),
      draws: context.bootstrapDraws,
    });
  return {
    chance,
    appearance: shareOf('appearance', (_, __, still) => still - chance),
    frames: shareOf('frames', (_, shuffled, still) => shuffled - still),
    order: shareOf('order', (full, shuffled) => full - shuffled),
  };
}

/** One row a clip. */
export function describeClip(clip: ClipOutcome, labels: readonly string[]): ClipResult {
  return {
    name: clip.name,
    label: clip.target === null ? null : labels[clip.target]!,
    group: clip.group,
    frames: clip.frames,
    prediction: labels[clip.answer]!,
    probability: clip.probability,
    noiseFlipRate: clip.noiseFlips,
    conditions: Object.fromEntries(
      Array.from(clip.conditions, ([name, { answers, flips, correct, probability, drop, divergence }]) => [
        name,
        {
          prediction: labels[answers[0]![0]]!,
          flipRate: flips,
          correct,
          probability,
          scoreDrop: drop,
          divergence,
        },
      ]),
    ),
  };
}
