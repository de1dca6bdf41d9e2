/** The bag of frames as a control: scored beside the audited recogniser, and what came of it. */
import type { ControlResult } from '../../protocol/audit-report.js';
import { bagOfFrames } from './controls.js';
import { unpackScores } from './observation.js';
import { observeClip, type ClipPlan, type LoadedClip } from './observe.js';
import type { ClipScorer } from './scorer.js';

/** Orders of each condition that the bag of frames is shown: what must be exactly 0 needs no more. */
const MOST_ORDERS = 20;

/** The bag of frames on the very clips of the audit: what it says must not change by a single bit. */
export class BagControl {
  readonly #bag: ClipScorer;
  readonly #plan: ClipPlan;
  #largest = 0;
  #clips = 0;

  constructor({ classes, width, height }: ClipScorer, plan: ClipPlan) {
    this.#bag = bagOfFrames({ classes, width, height, seed: plan.seed });
    this.#plan = {
      ...plan,
      conditions: plan.conditions.filter((condition) => condition.permutation),
      permutations: Math.min(MOST_ORDERS, plan.permutations),
      crops: 0,
    };
  }

  /** Largest change of its score of a clip under any permutation, or 1 when its answer changes. */
  async change(clip: LoadedClip, signal?: AbortSignal): Promise<number> {
    const { conditions } = await observeClip(this.#bag, clip, 0, this.#plan, signal);
    let largest = 0;
    for (const { scores, flips } of Object.values(conditions)) {
      const [own, ...others] = unpackScores(scores);
      for (const score of others) largest = Math.max(largest, Math.abs(score - own!));
      if (flips > 0) largest = Math.max(largest, 1);
    }
    return largest;
  }

  add(change: number): void {
    this.#largest = Math.max(this.#largest, change);
    this.#clips++;
  }

  result(): ControlResult {
    return {
      name: 'bag of frames',
      expectation: 'the score changes by exactly 0 under every permutation',
      found: `largest change ${this.#largest} in ${this.#clips} ${this.#clips === 1 ? 'clip' : 'clips'}`,
      passed: this.#largest === 0 && this.#clips > 0,
    };
  }
}
