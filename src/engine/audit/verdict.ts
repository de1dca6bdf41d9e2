/**
 * The verdict on a recogniser, word for word:
 *
 * - `insensitive`: the one-sided 95 % upper bound of the excess flip rate is below delta. This is a claim of equivalence;
 *   not finding a difference is not enough for it.
 * - `sensitive`: p < 0.05 in the randomisation test and the lower bound of the excess flip rate is above 0.
 * - `inconclusive`: neither.
 *
 * With many clips both can hold: a difference that is there for certain and for certain smaller than what matters. Delta is
 * the caller's word for what matters, so the verdict is then `insensitive`, and the sentence names the difference.
 */
import type { Estimate, Judgement, Verdict } from '../../protocol/audit-report.js';
import { interval, percent, probability } from './words.js';

export const SIGNIFICANCE = 0.05;

/** N clips that never flip bound the flip rate by this over N. */
const UNSEEN = -Math.log(SIGNIFICANCE);

export interface Evidence {
  /** Who is judged. */
  readonly model: string;
  /** What was done to the order, for example `shuffle`. */
  readonly condition: string;
  /** N. */
  readonly clips: number;
  /** Groups that the clips come in; N when they come alone. */
  readonly groups: number;
  /** R, orders of each clip. */
  readonly permutations: number;
  readonly delta: number;
  readonly flipRate: Estimate;
  readonly excess: Estimate & { readonly standardError: number };
  /** One-sided 95 % upper bound of the excess flip rate. */
  readonly upperBound: number;
  readonly noiseFloor: Estimate;
  /** Of the randomisation test. */
  readonly p: number;
  /** d_z of the true class's score. */
  readonly effectSize: number | null;
}

/** The verdict with its sentence. */
export function judge(evidence: Evidence): Judgement {
  const { p, excess, upperBound, delta, groups } = evidence;
  const detectable = groups > 1 && p < SIGNIFICANCE && excess.low > 0;
  const verdict: Verdict = upperBound < delta ? 'insensitive' : detectable ? 'sensitive' : 'inconclusive';
  const needed = verdict === 'inconclusive' ? clipsToDecide(evidence) : null;
  return {
    verdict,
    sentence: `${verdict}: ${claim(evidence, verdict, needed)} ${numbers(evidence)}`,
    upperBound,
    detectable,
    clipsToDecide: needed,
  };
}

function claim({ model, condition, delta, p, clips }: Evidence, verdict: Verdict, needed: number | null): string {
  switch (verdict) {
    case 'sensitive':
      return `${model} uses the order of frames (${condition}).`;
    case 'insensitive':
      return p < SIGNIFICANCE
        ? `${model} hardly cares about the order of frames (${condition}): its scores depend on it (p = ${probability(p)}), ` +
            `but changes of its answer beyond the noise stay below ${percent(delta)}.`
        : `${model} does not care about the order of frames (${condition}): changes of its answer beyond the noise ` +
            `stay below ${percent(delta)}.`;
    case 'inconclusive':
      return (
        `whether ${model} uses the order of frames (${condition}) cannot be told from ${clips} ` +
        `${clips === 1 ? 'clip' : 'clips'}; ` +
        (needed === null ? 'more clips like these would not decide it.' : `about ${needed} would decide it.`)
      );
  }
}

function numbers(evidence: Evidence): string {
  const { clips, permutations, delta, flipRate, excess, upperBound, noiseFloor, p } = evidence;
  return (
    `Flip rate ${percent(flipRate.value)} (95 % interval ${interval(flipRate)}), noise floor ` +
    `${percent(noiseFloor.value)} (${interval(noiseFloor)}), excess ${percent(excess.value)} (${interval(excess)}; ` +
    `one-sided 95 % upper bound ${percent(upperBound)}), randomisation test p = ${probability(p)}; ` +
    `N = ${clips} clips, R = ${permutations} ${permutations === 1 ? 'order' : 'orders'} each, ` +
    `delta = ${percent(delta)}.`
  );
}

/**
 * About how many clips of this kind would decide it, if they went on as these: the fewer of what would bring the upper
 * bound below delta (1.645 standard errors and the unseen clip, 3 / N) and what would bring the lower bound above 0 (1.96
 * standard errors, and p below 0.05). Null when neither would come: the answer changes, but the score does not on average.
 */
function clipsToDecide({ clips, groups, delta, excess, effectSize }: Evidence): number | null {
  const spread = excess.standardError * Math.sqrt(clips); // of one clip; holds the resemblance within groups
  const candidates: number[] = [];
  const gap = delta - excess.value;
  if (gap > 0) {
    const root = (1.645 * spread + Math.sqrt((1.645 * spread) ** 2 + (4 * UNSEEN * gap * clips) / groups)) / (2 * gap);
    candidates.push(root ** 2);
  }
  if (excess.value > 0) {
    const forTest = effectSize === null ? 0 : (1.96 / effectSize) ** 2;
    candidates.push(Math.max((1.96 * spread) ** 2 / excess.value ** 2, forTest));
  }
  const least = Math.ceil(Math.min(...candidates));
  return Number.isSafeInteger(least) ? Math.max(clips + 1, least) : null;
}
