/** The parts of the report that are not about one condition: classes, reversed pairs, where accuracy comes from, clips. */
import type { ClassResult, ClipResult, ConditionResult, ProbeReport } from '../../protocol/probe-report.js';
import { Random } from '../random.js';
import type { ClipOutcome, ConditionOutcome } from './outcomes.js';
import { randomisationTest } from './randomisation.js';
import { accuracy, benjaminiHochberg, mean, wilsonInterval } from './statistics.js';
import { scoresOf, type SummaryContext } from './summary.js';

/** Index of the partner's label of a class; null when it has none or the recogniser has no such label. */
function partnerOf(target: number, { labels, partners }: SummaryContext): number | null {
  const label = partners[labels[target]!];
  const index = label === undefined ? -1 : labels.indexOf(label);
  return index < 0 ? null : index;
}

const reversedOf = (clip: ClipOutcome): ConditionOutcome | undefined => clip.conditions.get('reverse');

/** Share of the clips that, reversed, are given the partner's label; null when that cannot be said. */
function partnerShare(clips: readonly ClipOutcome[], context: SummaryContext): number | null {
  const answers = clips.flatMap((clip) => {
    const partner = partnerOf(clip.target, context);
    const reversed = reversedOf(clip);
    return partner === null || !reversed ? [] : [accuracy(partner, reversed.predictions)];
  });
  return answers.length === 0 ? null : mean(answers);
}

/** Classes that have clips, in the order of the labels. */
export function summariseClasses(all: readonly ClipOutcome[], context: SummaryContext): ClassResult[] {
  const shuffled = all.filter((clip) => clip.conditions.has('shuffle'));
  const rows = context.labels.flatMap((label, target): Omit<ClassResult, 'adjustedP'>[] => {
    const clips = shuffled.filter((clip) => clip.target === target);
    if (clips.length === 0) return [];
    const outcomes = clips.map((clip) => clip.conditions.get('shuffle')!);
    const flips = outcomes.reduce((sum, outcome) => sum + outcome.flips, 0);
    const test = randomisationTest(
      clips.map((clip, i) => scoresOf(outcomes[i]!, clip)),
      { random: new Random(`${context.seed}/class ${label}`), draws: context.randomisationDraws },
    );
    const partner = partnerOf(target, context);
    return [
      {
        label,
        clips: clips.length,
        accuracy: mean(clips.map((clip) => Number(clip.prediction === target))),
        accuracyShuffled: mean(outcomes.map((outcome) => outcome.correct)),
        flipRate: wilsonInterval(flips, clips.length),
        p: test.p,
        partner: partner === null ? null : context.labels[partner]!,
        partnerShare: partnerShare(clips, context),
      },
    ];
  });
  const adjusted = benjaminiHochberg(rows.map((row) => row.p));
  return rows.map((row, i) => ({ ...row, adjustedP: adjusted[i]! }));
}

/** How the reversed clips of classes with a partner are named. */
export function summariseReversal(all: readonly ClipOutcome[], context: SummaryContext): ProbeReport['reversal'] {
  const clips = all.filter((clip) => reversedOf(clip) && partnerOf(clip.target, context) !== null);
  const share = partnerShare(clips, context);
  if (share === null) return null;
  return {
    clips: clips.length,
    partner: wilsonInterval(share * clips.length, clips.length),
    own: mean(clips.map((clip) => reversedOf(clip)!.correct)),
  };
}

/** Accuracy above chance from which on it is worth being split. */
const LEAST_ABOVE_CHANCE = 0.05;

/**
 * Accuracy above chance, split: what one frame gives, what the set of frames adds, and what their order adds; as shares of
 * the whole, which add up to 1. Chance is 1 / classes.
 */
export function decompose(
  conditions: readonly ConditionResult[],
  classes: number,
): { chance: number; appearance: number; frames: number; order: number } | null {
  const of = (name: string): number | undefined => conditions.find((c) => c.name === name)?.accuracy.value;
  const [full, shuffled, still] = [of('original'), of('shuffle'), of('static')];
  const chance = 1 / classes;
  if (full === undefined || shuffled === undefined || still === undefined) return null;
  // Shares of nearly nothing would only mislead.
  if (full - chance < LEAST_ABOVE_CHANCE) return null;
  const whole = full - chance;
  return {
    chance,
    appearance: (still - chance) / whole,
    frames: (shuffled - still) / whole,
    order: (full - shuffled) / whole,
  };
}

/** One row a clip. */
export function describeClip(clip: ClipOutcome, labels: readonly string[]): ClipResult {
  return {
    name: clip.name,
    label: labels[clip.target]!,
    group: clip.group,
    frames: clip.frames,
    prediction: labels[clip.prediction]!,
    probability: asShare(clip.probability),
    noiseFlipRate: clip.noiseFlips,
    conditions: Object.fromEntries(
      Array.from(clip.conditions, ([name, outcome]) => [
        name,
        {
          prediction: labels[mostFrequent(outcome.predictions)]!,
          flipRate: outcome.flips,
          correct: outcome.correct,
          probability: asShare(outcome.probability),
        },
      ]),
    ),
  };
}

/** Probabilities in single precision may miss 1 by a rounding. */
function asShare(x: number): number {
  return Math.min(1, Math.max(0, x));
}

function mostFrequent(answers: Int32Array): number {
  const counts = new Map<number, number>();
  for (const answer of answers) counts.set(answer, (counts.get(answer) ?? 0) + 1);
  return [...counts].reduce((best, entry) => (entry[1] > best[1] ? entry : best))[0];
}
