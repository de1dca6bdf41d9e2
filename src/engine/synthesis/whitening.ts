/**
 * From codes back to the normal numbers they are made of: a code is mean + B u + W v, where u is what the frames of a clip
 * have in common and v what is each frame's own.
 */
import type { GraphBuilder, Value } from '../graph/graph.js';
import { choleskyFactor } from '../models/covariance.js';
import type { CodeStatistics } from '../models/prior.js';
import { mul } from '../ops/elementwise.js';
import { concat, sliceAxis } from '../ops/layout.js';
import { matmul } from '../ops/matmul.js';

/** Which of the covariances of codes: of what a clip's frames have in common, or of each frame's own. */
type Which = 'between' | 'within';

/** Normal numbers [N, D] as codes' distances from their mean, [N, D]: B u, or W v. */
export function spreadOut(b: GraphBuilder, x: Value, { factors, spread }: CodeStatistics, which: Which): Value {
  const alone = (y: Value): Value => mul(b, y, b.scalar(spread));
  if (!factors) return alone(x);
  const { size } = factors;
  const together = (y: Value): Value => matmul(b, y, b.constant(factors[which], [size, size]), { transB: true });
  const all = x.shape[1]!;
  if (all === size) return together(x);
  return concat(b, [together(sliceAxis(b, x, 1, 0, size)), alone(sliceAxis(b, x, 1, size, all))], 1);
}

/** The same of one row of numbers, [D]. */
export function spreadOutRow(z: Float32Array, { factors, spread }: CodeStatistics, which: Which): Float32Array {
  const n = factors?.size ?? 0;
  return z.map((own, i) => {
    if (i >= n) return spread * own;
    let sum = 0;
    for (let k = 0; k <= i; k++) sum += factors![which][i * n + k]! * z[k]!;
    return sum;
  });
}

/** Mean of rows [N, size]. */
export function meanOfRows(rows: Float32Array, size: number): Float32Array {
  const count = rows.length / size;
  const sums = new Float64Array(size);
  rows.forEach((x, i) => (sums[i % size]! += x));
  return Float32Array.from(sums, (x) => x / count);
}

/** x of L x = y for a lower triangular L, [n, n]; where L has nothing on its diagonal, x is 0. */
function solveLower(factor: ArrayLike<number>, y: ArrayLike<number>): Float64Array {
  const n = Math.sqrt(factor.length);
  const x = new Float64Array(n);
  for (let i = 0; i < n; i++) {
    let rest = y[i]!;
    for (let k = 0; k < i; k++) rest -= factor[i * n + k]! * x[k]!;
    const pivot = factor[i * n + i]!;
    x[i] = Math.abs(pivot) < 1e-6 ? 0 : rest / pivot;
  }
  return x;
}

/** x of L' x = y for a lower triangular L, [n, n]. */
function solveLowerTransposed(factor: ArrayLike<number>, y: ArrayLike<number>): Float64Array {
  const n = Math.sqrt(factor.length);
  const x = new Float64Array(n);
  for (let i = n - 1; i >= 0; i--) {
    let rest = y[i]!;
    for (let k = i + 1; k < n; k++) rest -= factor[k * n + i]! * x[k]!;
    const pivot = factor[i * n + i]!;
    x[i] = Math.abs(pivot) < 1e-12 ? 0 : rest / pivot;
  }
  return x;
}

/** v of W v = y; y / spread where only the spread of codes is known. */
export function unwhitened({ factors, spread }: CodeStatistics, y: Float32Array): Float32Array {
  const alone = y.map((x) => x / spread);
  if (factors) alone.set(solveLower(factors.within, y));
  return alone;
}

/** A A' for a lower triangular A, [n, n], times a number, added to `total`. */
function addSquare(total: Float64Array, a: Float32Array, n: number, times: number): void {
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      let dot = 0;
      for (let k = 0; k <= j; k++) dot += a[i * n + k]! * a[j * n + k]!;
      total[i * n + j]! += times * dot;
      if (i !== j) total[j * n + i]! += times * dot;
    }
  }
}

/**
 * Finds u, [D], the likeliest for d, the mean over so many frames of a clip of their codes' distances from the mean code:
 * with d ~ N(B u, W W' / frames) and u ~ N(0, 1), that is u = B' (B B' + W W' / frames)^-1 d.
 * @returns u and B u
 */
export function identityReader(
  { factors, spread }: CodeStatistics,
  frames: number,
): (d: Float32Array) => { unit: Float32Array; shared: Float32Array } {
  const kept = frames / (frames + 1);
  const alone = (d: Float32Array): { unit: Float32Array; shared: Float32Array } => ({
    unit: d.map((x) => (kept * x) / spread),
    shared: d.map((x) => kept * x),
  });
  if (!factors) return alone;
  const { size: n, between, within } = factors;
  const covariance = new Float64Array(n * n);
  addSquare(covariance, between, n, 1);
  addSquare(covariance, within, n, 1 / frames);
  const factor = choleskyFactor(covariance, n);
  return (d) => {
    const solved = solveLowerTransposed(factor, solveLower(factor, d));
    const { unit, shared } = alone(d);
    unit.fill(0, 0, n);
    shared.fill(0, 0, n);
    for (let k = 0; k < n; k++) for (let i = k; i < n; i++) unit[k]! += between[i * n + k]! * solved[i]!;
    for (let i = 0; i < n; i++) for (let k = 0; k <= i; k++) shared[i]! += between[i * n + k]! * unit[k]!;
    return { unit, shared };
  };
}
