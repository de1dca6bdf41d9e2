/**
 * Intervals by resampling clips. Where clips come in groups (the 25 groups of a class of UCF-101), groups are drawn, since
 * clips of one group resemble each other.
 */
import type { Estimate } from '../../protocol/audit-report.js';
import type { Random } from '../random.js';
import { normalCdf, normalQuantile, studentQuantile } from './distributions.js';
import { mean, quantileOfSorted, standardDeviation } from './statistics.js';

export const BOOTSTRAP_DRAWS = 2000;

export interface BootstrapOptions {
  readonly random: Random;
  /** Group of each value; each value is its own group when absent. */
  readonly groups?: readonly string[];
  /** At least 2000 for anything that is reported. */
  readonly draws?: number;
  readonly level?: number;
  /**
   * `bca` corrects bias and skewness (Efron 1987); `expanded` is the percentile interval made wider for few groups
   * (Hesterberg 2015, "What Teachers Should Know About the Bootstrap", 4.3), since the plain one covers too seldom. The
   * default does both: of 2000 simulated audits 94 to 96 % cover the truth, from 20 clips on, with groups or without.
   */
  readonly method?: 'both' | 'expanded' | 'percentile' | 'bca';
}

/** Sums and numbers of the values of each group. */
interface Clusters {
  readonly sums: Float64Array;
  readonly counts: Float64Array;
}

function clustersOf(values: ArrayLike<number>, groups: readonly string[] | undefined): Clusters {
  const sums = new Map<string | number, number>();
  const counts = new Map<string | number, number>();
  for (let i = 0; i < values.length; i++) {
    const key = groups?.[i] ?? i;
    sums.set(key, (sums.get(key) ?? 0) + values[i]!);
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return { sums: Float64Array.from(sums.values()), counts: Float64Array.from(counts.values()) };
}

function resampledMeans({ sums, counts }: Clusters, draws: number, random: Random): Float64Array {
  const k = sums.length;
  return Float64Array.from({ length: draws }, () => {
    let sum = 0;
    let count = 0;
    for (let i = 0; i < k; i++) {
      const j = random.integer(k);
      sum += sums[j]!;
      count += counts[j]!;
    }
    return sum / count;
  }).sort();
}

/** Mean without one group, for each group. */
function jackknife({ sums, counts }: Clusters): number[] {
  const sum = sums.reduce((a, b) => a + b, 0);
  const count = counts.reduce((a, b) => a + b, 0);
  return Array.from(sums, (s, i) => (sum - s) / (count - counts[i]!));
}

/** The interval of a bootstrap distribution, sorted upwards, by one of the methods. */
function intervalBy(
  method: NonNullable<BootstrapOptions['method']>,
  value: number,
  sorted: Float64Array,
  leaveOneOut: () => readonly number[],
  level: number,
  groups: number,
): Estimate {
  const wanted = method === 'both' || method === 'expanded' ? expanded(level, groups) : level;
  return method === 'both' || method === 'bca'
    ? bcaInterval(value, sorted, leaveOneOut(), wanted)
    : percentileInterval(value, sorted, wanted);
}

/**
 * The ends of a bias-corrected and accelerated interval (Efron 1987, "Better Bootstrap Confidence Intervals").
 * @param sorted the bootstrap distribution, sorted upwards.
 * @param leaveOneOut the estimate without each unit of resampling in turn.
 */
export function bcaInterval(
  value: number,
  sorted: ArrayLike<number>,
  leaveOneOut: readonly number[],
  level = 0.95,
): Estimate {
  let below = 0;
  for (let i = 0; i < sorted.length; i++) below += sorted[i]! < value ? 1 : sorted[i] === value ? 0.5 : 0;
  const share = below / sorted.length;
  const centre = mean(leaveOneOut);
  const squares = leaveOneOut.reduce((sum, x) => sum + (centre - x) ** 2, 0);
  if (share === 0 || share === 1 || squares === 0) return percentileInterval(value, sorted, level);
  const acceleration = leaveOneOut.reduce((sum, x) => sum + (centre - x) ** 3, 0) / (6 * squares ** 1.5);
  const bias = normalQuantile(share);
  const end = (p: number): number => {
    // So few groups that the widened interval is everything that was drawn.
    if (p <= 0 || p >= 1) return quantileOfSorted(sorted, p <= 0 ? 0 : 1);
    const z = bias + normalQuantile(p);
    return quantileOfSorted(sorted, normalCdf(bias + z / (1 - acceleration * z)));
  };
  return { value, low: end((1 - level) / 2), high: end((1 + level) / 2) };
}

function percentileInterval(value: number, sorted: ArrayLike<number>, level: number): Estimate {
  return { value, low: quantileOfSorted(sorted, (1 - level) / 2), high: quantileOfSorted(sorted, (1 + level) / 2) };
}

/** The level at which a percentile interval of n units is as wide as Student's at the level that is asked for. */
function expanded(level: number, n: number): number {
  return 1 - 2 * normalCdf(Math.sqrt(n / (n - 1)) * studentQuantile((1 - level) / 2, n - 1));
}

/**
 * Mean of one value a clip, with its bootstrap interval and standard error. A single group has no spread to tell an
 * interval from: its interval is the estimate itself, and nothing should be concluded from it.
 */
export function bootstrapMean(
  values: ArrayLike<number>,
  { random, groups, draws = BOOTSTRAP_DRAWS, level = 0.95, method = 'both' }: BootstrapOptions,
): Estimate & { readonly standardError: number } {
  const value = mean(values);
  const clusters = clustersOf(values, groups);
  if (clusters.sums.length < 2) return { value, low: value, high: value, standardError: 0 };
  const sorted = resampledMeans(clusters, draws, random);
  const interval = intervalBy(method, value, sorted, () => jackknife(clusters), level, clusters.sums.length);
  return { ...interval, standardError: standardDeviation(sorted) };
}

/**
 * The same for a mean of values within [`least`, `most`]. Where all groups are alike (no clip ever flips) resampling them
 * says nothing: the interval is then between two bounds as that of `equivalenceBound`, 0 to 3.0 % for 0 of 120 clips.
 */
export function bootstrapShare(
  values: ArrayLike<number>,
  options: BootstrapOptions & { readonly least?: number; readonly most?: number },
): Estimate & { readonly standardError: number } {
  const { least = 0, most = 1, level = 0.95, ...rest } = options;
  const found = bootstrapMean(values, { ...rest, level });
  const within = (x: number): number => Math.min(most, Math.max(least, x));
  if (values.length === 0 || found.standardError > 1e-12) {
    return { ...found, low: within(found.low), high: within(found.high) };
  }
  const side = (1 + level) / 2;
  const mirrored = Array.from(values, (x) => least + most - x);
  const high = found.value >= most ? most : equivalenceBound(values, { ...rest, level: side, most });
  const low = found.value <= least ? least : least + most - equivalenceBound(mirrored, { ...rest, level: side, most });
  return { ...found, low, high };
}

/**
 * A statistic of several means (a ratio of accuracies, say) with its bootstrap interval: the groups are drawn for all
 * columns alike.
 * @param columns one value a clip each.
 * @param statistic of the columns' means; where it is not finite for a draw, the draw says nothing and is left out.
 */
export function bootstrapStatistic(
  columns: readonly ArrayLike<number>[],
  statistic: (means: readonly number[]) => number,
  { random, groups, draws = BOOTSTRAP_DRAWS, level = 0.95, method = 'both' }: BootstrapOptions,
): Estimate {
  const value = statistic(columns.map((column) => mean(column)));
  const clusters = columns.map((column) => clustersOf(column, groups));
  const k = clusters[0]?.sums.length ?? 0;
  if (k < 2) return { value, low: value, high: value };
  const found: number[] = [];
  for (let draw = 0; draw < draws; draw++) {
    const sums = columns.map(() => 0);
    let count = 0;
    for (let i = 0; i < k; i++) {
      const j = random.integer(k);
      clusters.forEach((cluster, c) => (sums[c]! += cluster.sums[j]!));
      count += clusters[0]!.counts[j]!;
    }
    const drawn = statistic(sums.map((sum) => sum / count));
    if (Number.isFinite(drawn)) found.push(drawn);
  }
  if (found.length === 0) return { value, low: value, high: value };
  const leaveOneOut = (): number[] => {
    const without = clusters.map(jackknife);
    const each = Array.from({ length: k }, (_, i) => statistic(without.map((means) => means[i]!)));
    return each.filter(Number.isFinite);
  };
  return intervalBy(method, value, Float64Array.from(found).sort(), leaveOneOut, level, k);
}

/**
 * One-sided upper bound of the mean of values that cannot exceed `most`: Gaffke's (2005) bound, a Bayesian bootstrap over
 * the groups and one group more, unseen, at `most`. An ordinary bootstrap of clips that never flip says that no clip
 * ever would, however few there are; this one gives Clopper and Pearson's bound there (59 clips without a flip for 5 %).
 */
export function equivalenceBound(
  values: ArrayLike<number>,
  { random, groups, draws = 2 * BOOTSTRAP_DRAWS, level = 0.95, most = 1 }: BootstrapOptions & { most?: number },
): number {
  const { sums, counts } = clustersOf(values, groups);
  if (sums.length === 0) return most;
  const unseen = mean(counts);
  const weight = (): number => -Math.log(1 - random.uniform());
  const bounds = Float64Array.from({ length: draws }, () => {
    const extra = weight() * unseen;
    let total = extra * most;
    let weights = extra;
    for (let i = 0; i < sums.length; i++) {
      const w = weight();
      total += w * sums[i]!;
      weights += w * counts[i]!;
    }
    return total / weights;
  });
  return quantileOfSorted(bounds.sort(), level);
}
