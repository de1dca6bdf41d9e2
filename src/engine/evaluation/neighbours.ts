/**
 * Distances between examples, in pixels or in a code space: is what was synthesised new, and is it diverse? An example is
 * a picture or a few frames of a video: one point each.
 */

/** An example in one space: its points, all of one length. */
export interface Example {
  readonly points: readonly Float32Array[];
}

/** Root mean square difference of two points. */
export function distance(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i]! - b[i]!) ** 2;
  return Math.sqrt(sum / a.length);
}

/** 1 less the cosine of the angle between two points, 0 to 2; 1 where one of them is 0. */
export function cosineDistance(a: Float32Array, b: Float32Array): number {
  let [ab, aa, bb] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    ab += a[i]! * b[i]!;
    aa += a[i]! * a[i]!;
    bb += b[i]! * b[i]!;
  }
  return aa === 0 || bb === 0 ? 1 : 1 - ab / Math.sqrt(aa * bb);
}

/** Mean over the points of an example of the distance to the closest point of the other: 0 where it holds nothing new. */
export function exampleDistance(from: Example, to: Example): number {
  let sum = 0;
  for (const point of from.points) sum += Math.min(...to.points.map((other) => distance(point, other)));
  return sum / from.points.length;
}

export interface Neighbour {
  /** Place among the others. */
  readonly index: number;
  readonly distance: number;
}

/** The closest of others, the nearest first. */
export function nearest(example: Example, others: readonly Example[], count: number): Neighbour[] {
  return others
    .map((other, index) => ({ index, distance: exampleDistance(example, other) }))
    .sort((a, b) => a.distance - b.distance || a.index - b.index)
    .slice(0, count);
}

/** The middle of sorted numbers; the mean of the two middle ones of an even count; NaN of none. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[half]! : ((sorted[half - 1] ?? NaN) + (sorted[half] ?? NaN)) / 2;
}

/** Median distance of real examples to the nearest other one: what is usual among examples that are not copies. */
export function usualDistance(real: readonly Example[]): number {
  if (real.length < 2) return NaN;
  const distances = real.map(
    (example, i) =>
      nearest(
        example,
        real.filter((_, j) => j !== i),
        1,
      )[0]!.distance,
  );
  return median(distances);
}

/** Mean of a measure over all pairs of items; null of fewer than two. */
export function meanOverPairs<T>(items: readonly T[], measure: (a: T, b: T) => number): number | null {
  let [sum, pairs] = [0, 0];
  for (let i = 0; i < items.length; i++) {
    for (let j = i + 1; j < items.length; j++) {
      sum += measure(items[i]!, items[j]!);
      pairs++;
    }
  }
  return pairs === 0 ? null : sum / pairs;
}
