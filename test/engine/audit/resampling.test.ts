/**
 * The values were computed once with scipy 1.17.1 by `python3 -c`:
 *
 *   stats.bootstrap((data,), np.mean, n_resamples=200000, method='percentile' or 'BCa', rng=np.random.default_rng(1),
 *                   confidence_level=.95 or 1 - 2 * stats.norm.cdf((10 / 9) ** .5 * stats.t.ppf(.025, 9)))
 *   stats.bootstrap((before, after), lambda b, a, axis: b.mean(axis) / a.mean(axis) - 1, paired=True, ...)  # the same
 *   stats.beta.ppf(.95, k + 1, n - k)                         # Clopper and Pearson's upper bound
 *   stats.permutation_test((d, np.zeros(8)), lambda x, y: np.mean(x - y), permutation_type='samples', n_resamples=np.inf,
 *                          vectorized=False)                  # all 2^8 signs
 *
 * and the ends of a BCa interval of a given distribution by Efron's formula from stats.norm.ppf, stats.norm.cdf and
 * np.quantile.
 */
import { describe, expect, it } from 'vitest';
import {
  bcaInterval,
  bootstrapMean,
  bootstrapShare,
  bootstrapStatistic,
  equivalenceBound,
} from '../../../src/engine/audit/bootstrap.js';
import { randomisationTest } from '../../../src/engine/audit/randomisation.js';
import { Random } from '../../../src/engine/random.js';

const data = [0.05, 0.1, 0.1, 0.2, 0.25, 0.4, 0.4, 0.55, 0.8, 1];
const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

describe('the bootstrap', () => {
  it('gives the interval and standard error of scipy, up to chance', () => {
    const found = bootstrapMean(data, { random: new Random(1), draws: 20_000, method: 'percentile' });
    expect(found.value).toBeCloseTo(0.385, 12);
    expect(Math.abs(found.low - 0.21)).toBeLessThan(0.01);
    expect(Math.abs(found.high - 0.585)).toBeLessThan(0.01);
    expect(Math.abs(found.standardError - 0.0957)).toBeLessThan(0.002);
  });

  it('widens it for few groups as the intervals of scipy at the level 1 - 2 * 0.008551', () => {
    const both = bootstrapMean(data, { random: new Random(1), draws: 20_000 });
    expect(Math.abs(both.low - 0.205)).toBeLessThan(0.01);
    expect(Math.abs(both.high - 0.675)).toBeLessThan(0.012);
    const found = bootstrapMean(data, { random: new Random(1), draws: 20_000, method: 'expanded' });
    expect(Math.abs(found.low - 0.18)).toBeLessThan(0.01);
    expect(Math.abs(found.high - 0.63)).toBeLessThan(0.01);
  });

  it('gives the BCa interval of scipy, up to chance', () => {
    const found = bootstrapMean(data, { random: new Random(1), draws: 20_000, method: 'bca' });
    expect(Math.abs(found.low - 0.23)).toBeLessThan(0.01);
    expect(Math.abs(found.high - 0.615)).toBeLessThan(0.01);
  });

  it('gives the BCa interval of scipy for a ratio of paired means', () => {
    const before = [1, 1, 1, 0, 1, 1, 0, 1, 1, 1, 1, 1];
    const after = [0.9, 0.4, 0.75, 0.1, 1, 0.5, 0, 0.8, 0.35, 0.6, 0.95, 0.7];
    const ratio = ([b, a]: readonly number[]): number => b! / a! - 1;
    const found = bootstrapStatistic([before, after], ratio, { random: new Random(1), draws: 20_000, method: 'bca' });
    expect(found.value).toBeCloseTo(0.4184397163120568, 12);
    expect(Math.abs(found.low - 0.1957)).toBeLessThan(0.01);
    expect(Math.abs(found.high - 0.7822)).toBeLessThan(0.02);
  });

  it('of any few clips is a number within the bounds', () => {
    const random = new Random('few');
    for (let run = 0; run < 400; run++) {
      const values = Array.from({ length: 2 + (run % 4) }, () => random.integer(3) / 2);
      const { low, high, value } = bootstrapShare(values, { random, draws: 100 });
      expect(low).toBeGreaterThanOrEqual(0);
      expect(high).toBeLessThanOrEqual(1);
      expect(value - low).toBeGreaterThan(-1e-9);
      expect(high - value).toBeGreaterThan(-1e-9);
    }
  });

  it('bounds a share of which there is nothing to resample', () => {
    const none = bootstrapShare(new Array<number>(120).fill(0), { random: new Random(1), draws: 8000 });
    expect([none.value, none.low]).toEqual([0, 0]);
    expect(Math.abs(none.high - (1 - 0.025 ** (1 / 120)))).toBeLessThan(0.002);
    const all = bootstrapShare(new Array<number>(20).fill(1), { random: new Random(1), draws: 8000 });
    expect([all.value, all.high]).toEqual([1, 1]);
    expect(Math.abs(all.low - 0.025 ** (1 / 20))).toBeLessThan(0.01);
    const excess = bootstrapShare(new Array<number>(20).fill(0), { random: new Random(1), least: -1 });
    expect(excess.low).toBeLessThan(-0.1);
    expect(excess.high).toBeGreaterThan(0.1);
  });

  it("follows Efron's formula for BCa to the digit", () => {
    const distribution = [
      0.038, 0.048, 0.072, 0.074, 0.093, 0.101, 0.11, 0.111, 0.165, 0.165, 0.167, 0.188, 0.222, 0.227, 0.229, 0.247,
      0.261, 0.267, 0.285, 0.305, 0.309, 0.321, 0.326, 0.334, 0.349, 0.35, 0.353, 0.361, 0.365, 0.373, 0.375, 0.476,
      0.506, 0.537, 0.543, 0.545, 0.618, 0.725, 0.902, 1.163,
    ];
    const sum = data.reduce((a, b) => a + b, 0);
    const jackknife = data.map((x) => (sum - x) / 9);
    const found = bcaInterval(0.35, distribution, jackknife);
    expect(found.low).toBeCloseTo(0.09969242133049747, 10);
    expect(found.high).toBeCloseTo(1.1446441686059714, 10);
  });

  it('is that of its seed', () => {
    const run = (seed: number) => bootstrapMean(data, { random: new Random(seed) });
    expect(run(4)).toEqual(run(4));
    expect(run(4)).not.toEqual(run(5));
  });

  it('of one group tells nothing beyond the estimate', () => {
    const found = bootstrapMean(data, { random: new Random(1), groups: data.map(() => 'all') });
    expect(found).toEqual({ value: found.value, low: found.value, high: found.value, standardError: 0 });
  });

  it('covers the truth 95 times in 100 when it draws groups, and too seldom when it ignores them', () => {
    const random = new Random('coverage');
    const runs = 300;
    const covered = { groups: 0, clips: 0 };
    for (let run = 0; run < runs; run++) {
      const groups = range(40 * 3).map((i) => `g${Math.floor(i / 3)}`);
      const effects = range(40).map(() => random.normal());
      const values = groups.map((_, i) => effects[Math.floor(i / 3)]! + 0.3 * random.normal());
      const holds = ({ low, high }: { low: number; high: number }): number => Number(low <= 0 && high >= 0);
      covered.groups += holds(bootstrapMean(values, { random, groups, draws: 500 }));
      covered.clips += holds(bootstrapMean(values, { random, draws: 200 }));
    }
    expect(covered.groups / runs).toBeGreaterThan(0.91);
    expect(covered.groups / runs).toBeLessThan(0.98);
    expect(covered.clips / runs).toBeLessThan(0.85);
  });
});

describe('the equivalence bound', () => {
  it.each([
    [0, 20, 0.13910834066826516],
    [0, 59, 0.04950760988822693],
    [3, 60, 0.12418721047743608],
    [10, 40, 0.3870602400920182],
    [7, 100, 0.12745801558297026],
  ])('of %i clips that always flip among %i that never do is that of Clopper and Pearson', (k, n, bound) => {
    const values = range(n).map((i) => Number(i < k));
    expect(Math.abs(equivalenceBound(values, { random: new Random(1), draws: 20_000 }) - bound)).toBeLessThan(0.004);
  });

  it('says nothing without clips, and counts groups rather than clips', () => {
    expect(equivalenceBound([], { random: new Random(1) })).toBe(1);
    const zeros = new Array<number>(60).fill(0);
    const groups = range(60).map((i) => `g${i % 6}`);
    expect(equivalenceBound(zeros, { random: new Random(1) })).toBeLessThan(0.055);
    expect(equivalenceBound(zeros, { random: new Random(1), groups })).toBeGreaterThan(0.3);
  });

  it('claims equivalence wrongly in at most 5 of 100 cases at the edge', () => {
    const random = new Random('edge');
    const runs = 300;
    let claims = 0;
    for (let run = 0; run < runs; run++) {
      const values = range(80).map(() => Number(random.uniform() < 0.1));
      if (equivalenceBound(values, { random, draws: 500 }) < 0.1) claims++;
    }
    expect(claims / runs).toBeLessThan(0.08);
    expect(claims / runs).toBeGreaterThan(0.005);
  });
});

describe('the randomisation test', () => {
  it('with one other order is the test of signs, enumerated by scipy', () => {
    const d = [0.8, -0.3, 1.1, 0.4, 0.9, -0.2, 0.7, 0.5];
    const { statistic, p } = randomisationTest(
      d.map((x) => [x, 0]),
      { random: new Random(1), draws: 40_000 },
    );
    expect(statistic).toBeCloseTo(0.4875, 12);
    expect(Math.abs(p - 0.046875)).toBeLessThan(0.004);
  });

  it('gives 1 when nothing changes, and never 0', () => {
    const random = new Random(1);
    const same = range(10).map(() => new Array<number>(21).fill(random.normal()));
    expect(randomisationTest(same, { random, draws: 99 })).toEqual({ statistic: 0, p: 1 });
    const far = range(40).map(() => [10, ...range(20).map(() => random.normal())]);
    expect(randomisationTest(far, { random, draws: 99 }).p).toBe(0.01);
  });

  it('finds a difference that is not there in 5 of 100 cases', () => {
    const random = new Random('null');
    const runs = 800;
    let found = 0;
    for (let run = 0; run < runs; run++) {
      // Clips differ in level, spread and skewness; within a clip the orders are alike.
      const scores = range(12).map((i) => range(6).map(() => i - (1 + (i % 3)) * Math.log(1 - random.uniform())));
      if (randomisationTest(scores, { random, draws: 199 }).p <= 0.05) found++;
    }
    expect(Math.abs(found / runs - 0.05)).toBeLessThan(0.02);
  });

  it('finds a difference of one standard deviation almost always', () => {
    const random = new Random('power');
    let found = 0;
    for (let run = 0; run < 50; run++) {
      const scores = range(30).map(() => [1 + random.normal(), ...range(20).map(() => random.normal())]);
      if (randomisationTest(scores, { random, draws: 199 }).p <= 0.05) found++;
    }
    expect(found).toBeGreaterThan(45);
  });
});
