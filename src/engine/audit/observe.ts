/** Scores one clip under all conditions and crops. Memory holds one run of orders and 4 bytes for each that was scored. */
import type { Strength } from '../../protocol/audit-report.js';
import { Random } from '../random.js';
import type { Condition } from './conditions.js';
import { packScores, type ClipObservation, type ConditionObservation } from './observation.js';
import { inOrder, strengthOf, type FrameOrder } from './permutations.js';
import {
  DEFAULT_CLIP_LENGTH,
  scoreOrders,
  shiftFrames,
  type ClipFeatures,
  type ClipScorer,
  type ScoredOrder,
} from './scorer.js';
import { argmax, flipRate, jensenShannon } from './statistics.js';

/** A clip that is in memory. */
export interface LoadedClip {
  readonly name: string;
  readonly frames: number;
  /** RGB bytes [frames, height, width, 3] at the recogniser's size. */
  readonly pixels: Uint8Array;
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
 * the same ones, whatever else is audited.
 */
export function ordersOf(
  condition: Condition,
  clip: { readonly name: string; readonly frames: number },
  plan: ClipPlan,
  clipLength: number,
): Iterable<FrameOrder> {
  const random = new Random(`${plan.seed}/${condition.name}/${clip.name}`);
  return condition.orders(clip.frames, plan.permutations, random, clipLength);
}

/** What `observeClip` finds out; who the clip and the model are is added by the caller. */
export type Observed = Pick<ClipObservation, 'answer' | 'probability' | 'crops' | 'cropFlips' | 'conditions'>;

/**
 * Scores a clip under all conditions and crops.
 * @param target unit of the true class; null when it is not known.
 * @throws {NeuroreelError} SCORES_INVALID; the signal's reason when aborted.
 */
export async function observeClip(
  scorer: ClipScorer,
  clip: LoadedClip,
  target: number | null,
  plan: ClipPlan,
  signal?: AbortSignal,
): Promise<Observed> {
  const features = await scorer.features(clip.pixels);
  const score = <T>(orders: Iterable<readonly [T, FrameOrder]>): AsyncGenerator<ScoredOrder<T>> =>
    scoreOrders(scorer, clip, features, orders, signal);
  const original = await only(score([[null, inOrder(clip.frames)]]));
  const conditions = plan.conditions.filter((condition) => clip.frames >= condition.minFrames);
  const orders = function* (): Generator<readonly [Condition, FrameOrder]> {
    for (const condition of conditions) {
      for (const order of ordersOf(condition, clip, plan, scorer.clipLength ?? DEFAULT_CLIP_LENGTH)) {
        yield [condition, order];
      }
    }
  };
  const favourites = target === null ? await favouritesOf(original, conditions, score(orders())) : null;
  const tallies = new Map(
    conditions.map((condition) => [
      condition,
      new Tally(original, target, target ?? favourites!.get(condition)!, condition.combine),
    ]),
  );
  for await (const scored of score(orders())) tallies.get(scored.of)!.add(scored);
  const answer = argmax(original.probabilities);
  const crops = await cropAnswers(scorer, clip, plan, signal);
  return {
    answer,
    probability: asShare(original.probabilities[target ?? answer]!),
    crops: crops.length,
    cropFlips: crops.length === 0 ? 0 : flipRate(answer, crops),
    conditions: Object.fromEntries([...tallies].map(([condition, tally]) => [condition.name, tally.result()])),
  };
}

/** The one result of a run, copied so that it stays. */
async function only(scored: AsyncGenerator<ScoredOrder<null>>): Promise<Omit<ScoredOrder<null>, 'of'>> {
  const { value } = (await scored.next()) as { value: ScoredOrder<null> };
  await scored.return(undefined);
  return { order: value.order, logits: value.logits.slice(), probabilities: value.probabilities.slice() };
}

/**
 * For a clip without a true class, the class with the highest mean score over all orders of a condition and its own. The
 * class that it is given in its own order would favour that order: a test of whether that order is special would then
 * find something where there is nothing.
 */
async function favouritesOf(
  original: Pick<ScoredOrder<null>, 'logits'>,
  conditions: readonly Condition[],
  scored: AsyncIterable<ScoredOrder<Condition>>,
): Promise<Map<Condition, number>> {
  const sums = new Map(conditions.map((condition) => [condition, Float64Array.from(original.logits)]));
  for await (const { of, logits } of scored) {
    const sum = sums.get(of)!;
    for (let c = 0; c < sum.length; c++) sum[c]! += logits[c]!;
  }
  return new Map([...sums].map(([condition, sum]) => [condition, argmax(sum)]));
}

const MEASURES = ['displacement', 'expected', 'adjacencyKept', 'longestRun'] as const satisfies (keyof Strength)[];

/** Sums up the orders of one condition as they come. */
class Tally {
  readonly #original: Pick<ScoredOrder<null>, 'logits' | 'probabilities'>;
  readonly #target: number | null;
  readonly #unit: number;
  readonly #best: boolean;
  #orders = 0;
  readonly #strength: Record<keyof Strength, number> = {
    displacement: 0,
    expected: 0,
    adjacencyKept: 0,
    longestRun: 0,
  };
  #scores: number[] = [];
  #answers = new Map<number, number>();
  #first = 0;
  #probability = 0;
  #divergence = 0;

  constructor(
    original: Pick<ScoredOrder<null>, 'logits' | 'probabilities'>,
    target: number | null,
    unit: number,
    combine: Condition['combine'],
  ) {
    this.#original = original;
    this.#target = target;
    this.#unit = unit;
    this.#best = combine === 'best';
  }

  add({ order, logits, probabilities }: ScoredOrder<unknown>): void {
    const strength = strengthOf(order);
    for (const measure of MEASURES) this.#strength[measure] += strength[measure];
    this.#orders++;
    const score = logits[this.#unit]!;
    if (this.#best && this.#scores.length > 0) {
      if (score <= this.#scores[0]!) return;
      this.#forget();
    }
    const answer = argmax(probabilities);
    if (this.#scores.length === 0) this.#first = answer;
    this.#scores.push(score);
    this.#answers.set(answer, (this.#answers.get(answer) ?? 0) + 1);
    this.#probability += probabilities[this.#unit]!;
    this.#divergence += jensenShannon(this.#original.probabilities, probabilities);
  }

  /** A better one takes the place of the best so far. */
  #forget(): void {
    this.#scores = [];
    this.#answers = new Map();
    this.#probability = 0;
    this.#divergence = 0;
  }

  result(): ConditionObservation {
    const kept = this.#scores.length;
    const given = (answer: number): number => this.#answers.get(answer) ?? 0;
    const strength = (measure: keyof Strength): number => this.#strength[measure] / this.#orders;
    return {
      orders: kept,
      answers: [...this.#answers].sort(([, a], [, b]) => b - a),
      first: this.#first,
      flips: (kept - given(argmax(this.#original.probabilities))) / kept,
      correct: this.#target === null ? null : given(this.#target) / kept,
      unit: this.#unit,
      scores: packScores([this.#original.logits[this.#unit]!, ...this.#scores]),
      probability: asShare(this.#probability / kept),
      probabilityInOrder: asShare(this.#original.probabilities[this.#unit]!),
      divergence: this.#divergence / kept,
      strength: {
        displacement: strength('displacement'),
        expected: strength('expected'),
        adjacencyKept: strength('adjacencyKept'),
        longestRun: strength('longestRun'),
      },
    };
  }
}

/** Probabilities in single precision may miss 1 by a rounding. */
export function asShare(x: number): number {
  return Math.min(1, Math.max(0, x));
}

/** Steps of a shift to each side, and how many steps a frame's shorter side has: crops shift by at most 3 %. */
const [MOST_STEPS, STEPS_A_SIDE] = [2, 64];

/** Answers for the clip in its own order, seen a little beside. */
async function cropAnswers(
  scorer: ClipScorer,
  clip: LoadedClip,
  { crops, seed }: ClipPlan,
  signal?: AbortSignal,
): Promise<number[]> {
  const random = new Random(`${seed}/crop/${clip.name}`);
  const step = Math.max(1, Math.round(Math.min(scorer.width, scorer.height) / STEPS_A_SIDE));
  const shifts: [number, number][] = [];
  for (let x = -MOST_STEPS; x <= MOST_STEPS; x++) {
    for (let y = -MOST_STEPS; y <= MOST_STEPS; y++) if (x !== 0 || y !== 0) shifts.push([x * step, y * step]);
  }
  const chosen = Array.from(random.permutation(shifts.length).subarray(0, crops), (i) => shifts[i]!);
  const answers: number[] = [];
  for (const [dx, dy] of chosen) {
    signal?.throwIfAborted();
    const features: ClipFeatures = await scorer.features(shiftFrames(clip.pixels, scorer, dx, dy));
    const { probabilities } = await only(
      scoreOrders(scorer, clip, features, [[null, inOrder(clip.frames)] as const], signal),
    );
    answers.push(argmax(probabilities));
  }
  return answers;
}
