/** Measures and exact tests of the audit. Resampling is in `bootstrap.ts` and `randomisation.ts`. */
import type { Estimate } from '../../protocol/audit-report.js';
import { normalQuantile } from './distributions.js';

/** Index of the largest number; the first of equal ones. */
export function argmax(x: ArrayLike<number>): number {
  let best = 0;
  for (let i = 1; i < x.length; i++) if (x[i]! > x[best]!) best = i;
  return best;
}

/** Arithmetic mean; 0 for nothing. */
export function mean(x: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < x.length; i++) sum += x[i]!;
  return x.length === 0 ? 0 : sum / x.length;
}

/** Standard deviation with n - 1; 0 for fewer than two numbers. */
export function standardDeviation(x: ArrayLike<number>): number {
  if (x.length < 2) return 0;
  const centre = mean(x);
  let sum = 0;
  for (let i = 0; i < x.length; i++) sum += (x[i]! - centre) ** 2;
  return Math.sqrt(sum / (x.length - 1));
}

/** Quantile with linear interpolation between order statistics (R's type 7) of numbers sorted upwards. */
export function quantileOfSorted(sorted: ArrayLike<number>, q: number): number {
  const at = q * (sorted.length - 1);
  const below = Math.floor(at);
  const low = sorted[below]!;
  const high = sorted[Math.min(below + 1, sorted.length - 1)]!;
  return low + (at - below) * (high - low);
}

/** Share of answers that are not `reference`. */
export function flipRate(reference: number, answers: ArrayLike<number>): number {
  return 1 - accuracy(reference, answers);
}

/** Share of answers that are `truth`. */
export function accuracy(truth: number, answers: ArrayLike<number>): number {
  let right = 0;
  for (let i = 0; i < answers.length; i++) if (answers[i] === truth) right++;
  return answers.length === 0 ? 0 : right / answers.length;
}

/** Jensen-Shannon divergence of two distributions, base 2: 0 for equal ones, 1 for ones without anything in common. */
export function jensenShannon(p: ArrayLike<number>, q: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < p.length; i++) {
    const a = p[i]!;
    const b = q[i]!;
    const m = (a + b) / 2;
    if (a > 0) sum += a * Math.log2(a / m);
    if (b > 0) sum += b * Math.log2(b / m);
  }
  return Math.min(1, Math.max(0, sum / 2));
}

/** d_z = mean(d) / sd(d) (Cohen); 0 when all differences are 0, null when it is undefined otherwise. */
export function effectSize(d: ArrayLike<number>): number | null {
  const centre = mean(d);
  const spread = standardDeviation(d);
  if (spread > 0) return centre / spread;
  return centre === 0 && d.length > 0 ? 0 : null;
}

/** Wilson's score interval of a share. `successes` may be a sum of shares, one of each trial. */
export function wilsonInterval(successes: number, trials: number, level = 0.95): Estimate {
  if (trials === 0) return { value: 0, low: 0, high: 1 };
  const z = normalQuantile((1 + level) / 2);
  const p = successes / trials;
  const scale = 1 + (z * z) / trials;
  const centre = (p + (z * z) / (2 * trials)) / scale;
  const half = (z * Math.sqrt((p * (1 - p)) / trials + (z * z) / (4 * trials * trials))) / scale;
  return { value: p, low: p === 0 ? 0 : Math.max(0, centre - half), high: p === 1 ? 1 : Math.min(1, centre + half) };
}

/** Exact two-sided McNemar test: of b + c pairs that differ, b one way and c the other, under equal chances. */
export function exactMcNemar(b: number, c: number): number {
  const n = b + c;
  let logTerm = -n * Math.LN2; // log of C(n, k) / 2^n, from k = 0 on
  let tail = 0;
  for (let k = 0; k <= Math.min(b, c); k++) {
    tail += Math.exp(logTerm);
    logTerm += Math.log((n - k) / (k + 1));
  }
  return Math.min(1, Math.max(Number.MIN_VALUE, 2 * tail));
}

/** Benjamini and Hochberg's (1995) adjusted p values: those below q are found at a false discovery rate of q. */
export function benjaminiHochberg(p: readonly number[]): number[] {
  const downwards = p.map((_, i) => i).sort((a, b) => p[b]! - p[a]!);
  const adjusted = new Array<number>(p.length);
  let least = 1;
  downwards.forEach((i, rank) => {
    least = Math.min(least, (p[i]! * p.length) / (p.length - rank));
    adjusted[i] = least;
  });
  return adjusted;
}
