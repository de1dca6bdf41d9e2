/**
 * What an audit knows of one recogniser: the outcomes of its clips, added one by one, and the sums of the randomisation
 * tests. The scores of the single orders are used up on the way, so that memory does not grow with their number.
 */
import type { Strength } from '../../protocol/audit-report.js';
import { Random } from '../random.js';
import { unpackScores, type ClipObservation, type ConditionObservation } from './observation.js';
import { contrastsOf, RandomisationTest } from './randomisation.js';

export interface ConditionOutcome {
  readonly orders: number;
  /** Units and how many orders each was the answer for, the most frequent first. */
  readonly answers: readonly (readonly [unit: number, orders: number])[];
  /** The answer for the first order. */
  readonly first: number;
  /** Share of orders whose answer is not the one in order. */
  readonly flips: number;
  /** Share of right answers; null without a true class. */
  readonly correct: number | null;
  /** Score of the class in order less its mean over orders, d. */
  readonly drop: number;
  /** The class's probability, mean over orders, and in order. */
  readonly probability: number;
  readonly probabilityInOrder: number;
  /** Jensen-Shannon divergence from the probabilities in order, mean over orders. */
  readonly divergence: number;
  readonly strength: Strength;
}

export interface ClipOutcome {
  readonly name: string;
  /** Index of the true class; null when it is not known. */
  readonly target: number | null;
  readonly group: string | null;
  readonly frames: number;
  readonly answer: number;
  readonly probability: number;
  /** Share of crops whose answer differs. */
  readonly noiseFlips: number;
  /** By name; conditions that need a longer clip are missing. */
  readonly conditions: ReadonlyMap<string, ConditionOutcome>;
}

export interface EvidenceOptions {
  readonly seed: number;
  readonly randomisationDraws: number;
}

export class ModelEvidence {
  readonly clips: ClipOutcome[] = [];
  readonly #options: EvidenceOptions;
  readonly #tests = new Map<string, RandomisationTest>();
  readonly #running = { flips: 0, shuffled: 0, noise: 0 };

  constructor(options: EvidenceOptions) {
    this.#options = options;
  }

  add(observation: ClipObservation): void {
    const conditions = Object.entries(observation.conditions).map(([name, seen]): [string, ConditionOutcome] => {
      const scores = unpackScores(seen.scores);
      this.#test(name, observation, scores);
      return [name, outcomeOf(seen, scores)];
    });
    this.#running.noise += observation.cropFlips;
    const shuffled = observation.conditions['shuffle'];
    if (shuffled) {
      this.#running.flips += shuffled.flips;
      this.#running.shuffled++;
    }
    const { clip: name, target, group, frames, answer, probability, cropFlips: noiseFlips } = observation;
    const known = { name, target, group, frames, answer, probability, noiseFlips };
    this.clips.push({ ...known, conditions: new Map(conditions) });
  }

  #test(condition: string, { clip, target }: ClipObservation, scores: Float32Array): void {
    if (condition === 'original') return;
    const { seed, randomisationDraws } = this.#options;
    const random = new Random(`${seed}/${condition}/randomisation/${clip}`);
    const contrasts = contrastsOf(scores, random, randomisationDraws);
    const tests = [condition, ...(condition === 'shuffle' && target !== null ? [classKey(target)] : [])];
    for (const key of tests) {
      const test = this.#tests.get(key) ?? new RandomisationTest(randomisationDraws);
      this.#tests.set(key, test);
      test.add(contrasts);
    }
  }

  /** Means over the clips so far; null before the first. */
  soFar(): { flipRate: number | null; noiseFloor: number | null } {
    const { flips, shuffled, noise } = this.#running;
    const clips = this.clips.length;
    return { flipRate: shuffled === 0 ? null : flips / shuffled, noiseFloor: clips === 0 ? null : noise / clips };
  }

  /** p of the randomisation test of a condition. */
  p(condition: string): number {
    return this.#tests.get(condition)?.result().p ?? 1;
  }

  /** The same of `shuffle` within a class. */
  classP(target: number): number {
    return this.p(classKey(target));
  }
}

const classKey = (target: number): string => `shuffle, class ${target}`;

function outcomeOf(seen: ConditionObservation, scores: Float32Array): ConditionOutcome {
  const { orders, answers, first, flips, correct, probability, probabilityInOrder, divergence, strength } = seen;
  let drop = 0;
  for (let r = 1; r < scores.length; r++) drop += (scores[0]! - scores[r]!) / (scores.length - 1);
  return { orders, answers, first, flips, correct, drop, probability, probabilityInOrder, divergence, strength };
}
