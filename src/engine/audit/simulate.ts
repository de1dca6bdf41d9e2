/**
 * Simulated recognisers and audits whose truth is known, for the self-test: what an audit says of them can be held against
 * what they are.
 */
import { hashText, Random } from '../random.js';
import type { AuditClip } from './clip-source.js';
import type { FrameOrder } from './permutations.js';
import type { ClipFeatures, ClipScorer } from './scorer.js';

/** A gamma deviate with shape a > 0 and scale 1 (Marsaglia and Tsang 2000). */
function gamma(random: Random, a: number): number {
  // A shape below 1 by the one above it (their section 6).
  if (a < 1) return gamma(random, a + 1) * (1 - random.uniform()) ** (1 / a);
  const d = a - 1 / 3;
  const c = 1 / Math.sqrt(9 * d);
  for (;;) {
    const x = random.normal();
    const v = (1 + c * x) ** 3;
    if (v <= 0) continue;
    if (Math.log(1 - random.uniform()) < 0.5 * x * x + d - d * v + d * Math.log(v)) return d * v;
  }
}

/** A beta deviate with mean m in (0, 1); the larger `size`, a + b, the closer to the mean. */
export function beta(random: Random, m: number, size: number): number {
  if (m <= 0 || m >= 1) return m;
  const a = gamma(random, m * size);
  const b = gamma(random, (1 - m) * size);
  return a / (a + b);
}

/** Share of n tries that succeed with probability p. */
export function binomialShare(random: Random, n: number, p: number): number {
  let successes = 0;
  for (let i = 0; i < n; i++) if (random.uniform() < p) successes++;
  return successes / n;
}

const SIZE = { width: 1, height: 1 };

/** Clips of one pixel a frame that hold nothing but a number that tells them apart. */
export function blankClips(count: number, frames: number, label: string | null, seed: string): AuditClip[] {
  return Array.from({ length: count }, (_, i) => {
    const pixels = new Uint8Array(frames * 3);
    new DataView(pixels.buffer).setUint32(0, hashText(`${seed}/${i}`));
    return { name: `${seed}/${i}`, label, read: () => Promise.resolve({ frames, pixels }) };
  });
}

/**
 * A recogniser whose scores are noise: each order of a clip has its own, the clip's own order like any other, so that there
 * is nothing to be found. Clips differ in level, spread and skewness.
 */
export function indifferent(classes: number): ClipScorer {
  return {
    ...SIZE,
    classes,
    features: (pixels) => Promise.resolve(Float32Array.of(new DataView(pixels.buffer).getUint32(0))),
    scores: (features, _, orders) => Promise.resolve(noiseScores(features, orders, classes)),
  };
}

function noiseScores(features: ClipFeatures, orders: readonly FrameOrder[], classes: number) {
  const logits = new Float32Array(orders.length * classes);
  const probabilities = new Float32Array(orders.length * classes);
  const spread = 1 + (features[0]! % 3);
  orders.forEach((order, r) => {
    const random = new Random(`${features[0]}/${order.join()}`);
    let sum = 0;
    for (let c = 0; c < classes; c++) {
      const score = -spread * Math.log(1 - random.uniform());
      logits[r * classes + c] = score;
      sum += Math.exp(score);
    }
    for (let c = 0; c < classes; c++) probabilities[r * classes + c] = Math.exp(logits[r * classes + c]!) / sum;
  });
  return { logits, probabilities };
}

/** What an audit would see of one recogniser: shares of flips, clip by clip. */
export interface SimulatedFlips {
  readonly flips: number[];
  readonly noise: number[];
  readonly groups: string[];
  /** Scores of each clip, its own order first. */
  readonly scores: Float64Array[];
}

export interface FlipTruth {
  /** N. */
  readonly clips: number;
  /** Clips of one group share half of what makes them flip; absent: every clip is its own. */
  readonly clipsAGroup?: number;
  /** R. */
  readonly permutations: number;
  /** True share of orders that change the answer, beyond the noise. */
  readonly excess: number;
  /** True share of crops that do. */
  readonly noise: number;
  /** a + b of the beta distribution of the clips' own shares: how alike they are. */
  readonly alike?: number;
}

/** Crops of each simulated clip. */
const CROPS = 4;
/** How far the score falls, in standard deviations between orders, for a clip that always flips. */
const DROP = 2;

/** A simulated audit. Its true flip rate is excess + noise, its true noise floor the noise. */
export function simulateFlips(random: Random, truth: FlipTruth): SimulatedFlips {
  const { clips, clipsAGroup = 1, permutations, excess, noise, alike = 2 } = truth;
  const made: SimulatedFlips = { flips: [], noise: [], groups: [], scores: [] };
  let shared = 0;
  for (let i = 0; i < clips; i++) {
    if (i % clipsAGroup === 0) shared = beta(random, excess, alike);
    const own = clipsAGroup === 1 ? shared : (shared + beta(random, excess, alike)) / 2;
    const shaky = beta(random, noise, alike);
    made.groups.push(`group ${Math.floor(i / clipsAGroup)}`);
    // A clip flips for its order or for the noise; the second has to keep its share of the whole.
    const either = own + (1 - own) * Math.min(1, shaky / Math.max(1e-9, 1 - excess));
    made.flips.push(binomialShare(random, permutations, either));
    made.noise.push(binomialShare(random, CROPS, shaky));
    made.scores.push(scoresOf(random, permutations, DROP * own));
  }
  return made;
}

function scoresOf(random: Random, permutations: number, drop: number): Float64Array {
  const scores = Float64Array.from({ length: permutations + 1 }, () => random.normal());
  scores[0]! += drop;
  return scores;
}
