/** What the probe keeps of one clip: how its answers and scores fare under every condition: 12 bytes an order. */
import { Random } from '../random.js';
import type { Condition } from './conditions.js';
import { inOrder, strengthOf, type FrameOrder } from './permutations.js';
import { DEFAULT_CLIP_LENGTH, scoreOrders, shiftFrames, type ClipScorer, type ScoreRows } from './scorer.js';
import { accuracy, argmax, flipRate, jensenShannon, mean } from './statistics.js';
import type { Strength } from '../../protocol/probe-report.js';

/** A clip as it comes from its source. */
export interface ProbeClip {
  readonly name: string;
  /** The true class; null when it is not known. */
  readonly label: string | null;
  /** Clips of one group resemble each other (same person, same scene). */
  readonly group?: string;
  readonly frames: number;
  /** RGB bytes [frames, height, width, 3] at the recogniser's size. */
  readonly pixels: Uint8Array;
}

export interface ConditionOutcome {
  /** Answers by order. */
  readonly predictions: Int32Array;
  /** Share of orders whose answer is not the one in order. */
  readonly flips: number;
  /** Share of right answers. */
  readonly correct: number;
  /** Pre-softmax scores of the true class by order. */
  readonly scores: Float64Array;
  /** The true class's probability, mean over orders. */
  readonly probability: number;
  /** Jensen-Shannon divergence from the probabilities in order, mean over orders. */
  readonly divergence: number;
  readonly strength: Strength;
}

export interface ClipOutcome {
  readonly name: string;
  /** Index of the true class. */
  readonly target: number;
  readonly group: string | null;
  readonly frames: number;
  readonly prediction: number;
  readonly score: number;
  readonly probability: number;
  /** Share of crops whose answer differs. */
  readonly noiseFlips: number;
  /** By name; conditions that need a longer clip are missing. */
  readonly conditions: ReadonlyMap<string, ConditionOutcome>;
}

/** What is done to every clip. */
export interface ClipPlan {
  readonly conditions: readonly Condition[];
  readonly permutations: number;
  readonly crops: number;
  readonly seed: number;
}

/**
 * The orders of a clip. They depend on the seed, the condition and the clip's name alone, so that every model is given
 * the same ones, whatever else is probed.
 */
export function ordersOf(
  condition: Condition,
  clip: { readonly name: string; readonly frames: number },
  plan: ClipPlan,
  clipLength: number,
): FrameOrder[] {
  const random = new Random(`${plan.seed}/${condition.name}/${clip.name}`);
  return condition.orders(clip.frames, plan.permutations, random, clipLength);
}

/**
 * Scores a clip under all conditions and crops.
 * @throws {NeuroreelError} SCORES_INVALID; the signal's reason when aborted.
 */
export async function observeClip(
  scorer: ClipScorer,
  clip: ProbeClip,
  target: number,
  plan: ClipPlan,
  signal?: AbortSignal,
): Promise<ClipOutcome> {
  const conditions = plan.conditions.filter((condition) => clip.frames >= condition.minFrames);
  const sets = conditions.map((condition) => ordersOf(condition, clip, plan, scorer.clipLength ?? DEFAULT_CLIP_LENGTH));
  const features = await scorer.features(clip.pixels);
  const rows = await scoreOrders(scorer, clip, features, [inOrder(clip.frames), ...sets.flat()], signal);
  const prediction = argmax(rows.probabilities(0));
  let start = 1;
  const outcomes = conditions.map((condition, i): [string, ConditionOutcome] => {
    const orders = sets[i]!;
    const numbers = orders.map((_, r) => start + r);
    start += orders.length;
    const kept = condition.combine === 'best' ? [bestRow(rows, numbers, target)] : numbers;
    return [condition.name, outcomeOf(rows, kept, target, orders)];
  });
  return {
    name: clip.name,
    target,
    group: clip.group ?? null,
    frames: clip.frames,
    prediction,
    score: rows.logits(0)[target]!,
    probability: rows.probabilities(0)[target]!,
    noiseFlips: flipRate(prediction, await cropPredictions(scorer, clip, plan, signal)),
    conditions: new Map(outcomes),
  };
}

function bestRow(rows: ScoreRows, numbers: readonly number[], target: number): number {
  return numbers[argmax(numbers.map((row) => rows.logits(row)[target]!))]!;
}

function outcomeOf(
  rows: ScoreRows,
  numbers: readonly number[],
  target: number,
  orders: readonly FrameOrder[],
): ConditionOutcome {
  const original = rows.probabilities(0);
  const predictions = Int32Array.from(numbers, (row) => argmax(rows.probabilities(row)));
  const strengths = orders.map(strengthOf);
  const over = (key: keyof Strength): number => mean(strengths.map((strength) => strength[key]));
  return {
    predictions,
    flips: flipRate(argmax(original), predictions),
    correct: accuracy(target, predictions),
    scores: Float64Array.from(numbers, (row) => rows.logits(row)[target]!),
    probability: mean(numbers.map((row) => rows.probabilities(row)[target]!)),
    divergence: mean(numbers.map((row) => jensenShannon(original, rows.probabilities(row)))),
    strength: {
      displacement: over('displacement'),
      expected: over('expected'),
      adjacencyKept: over('adjacencyKept'),
      longestRun: over('longestRun'),
    },
  };
}

/** Largest shift of a crop, in pixels. */
const MOST_SHIFT = 2;

/** Answers for the clip in its own order, seen a pixel or two beside. */
async function cropPredictions(
  scorer: ClipScorer,
  clip: ProbeClip,
  { crops, seed }: ClipPlan,
  signal?: AbortSignal,
): Promise<number[]> {
  const random = new Random(`${seed}/crop/${clip.name}`);
  const shifts: [number, number][] = [];
  for (let dx = -MOST_SHIFT; dx <= MOST_SHIFT; dx++) {
    for (let dy = -MOST_SHIFT; dy <= MOST_SHIFT; dy++) if (dx !== 0 || dy !== 0) shifts.push([dx, dy]);
  }
  const chosen = Array.from(random.permutation(shifts.length).subarray(0, crops), (i) => shifts[i]!);
  const predictions: number[] = [];
  for (const [dx, dy] of chosen) {
    signal?.throwIfAborted();
    const features = await scorer.features(shiftFrames(clip.pixels, scorer, dx, dy));
    const rows = await scoreOrders(scorer, clip, features, [inOrder(clip.frames)], signal);
    predictions.push(argmax(rows.probabilities(0)));
  }
  return predictions;
}
