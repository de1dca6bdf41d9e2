/**
 * The values were computed once with scipy 1.17.1 by `python3 -c`:
 *
 *   from scipy import stats; from scipy.spatial.distance import jensenshannon; import numpy as np
 *   stats.norm.cdf(z); stats.norm.ppf(p)                      # normal distribution
 *   stats.t.ppf(.975, n); stats.t.cdf(t, n)                   # Student's distribution
 *   stats.beta.cdf(x, a, b)                                   # beta distribution
 *   jensenshannon(p, q, base=2) ** 2                          # divergence (scipy gives its root)
 *   stats.binomtest(k, n).proportion_ci(.95, 'wilson')        # Wilson
 *   stats.binomtest(b, b + c, .5).pvalue                      # exact McNemar
 *   stats.false_discovery_control(p)                          # Benjamini-Hochberg
 *   stats.ttest_1samp(d, 0).statistic / len(d) ** .5          # d_z
 *   np.quantile(x, q)                                         # R's type 7
 */
import { describe, expect, it } from 'vitest';
import {
  betaCdf,
  normalCdf,
  normalQuantile,
  studentCdf,
  studentQuantile,
} from '../../../src/engine/audit/distributions.js';
import {
  accuracy,
  argmax,
  benjaminiHochberg,
  effectSize,
  exactMcNemar,
  flipRate,
  jensenShannon,
  quantileOfSorted,
  standardDeviation,
  wilsonInterval,
} from '../../../src/engine/audit/statistics.js';

describe('the normal distribution is that of scipy', () => {
  it.each([
    [-6, 9.865876450376946e-10],
    [-3.2, 0.0006871379379158471],
    [-1, 0.15865525393145707],
    [-0.1, 0.460172162722971],
    [0, 0.5],
    [0.5, 0.6914624612740131],
    [1.96, 0.9750021048517795],
    [4, 0.9999683287581669],
  ])('P(Z <= %f)', (z, p) => {
    expect(normalCdf(z)).toBeCloseTo(p, 13);
  });

  it.each([
    [1e-6, -4.753424308822899],
    [0.025, -1.9599639845400545],
    [0.2, -0.8416212335729142],
    [0.5, 0],
    [0.9, 1.2815515655446004],
    [0.975, 1.959963984540054],
    [0.999999, 4.753424308817087],
  ])('quantile %f', (p, z) => {
    expect(normalQuantile(p)).toBeCloseTo(z, 8);
  });

  it('has no quantile of 0, 1 or nothing', () => {
    for (const p of [0, 1, NaN]) expect(() => normalQuantile(p)).toThrow(RangeError);
  });
});

describe("Student's distribution and the beta distribution are those of scipy", () => {
  it.each([
    [1, 12.706204736174694],
    [2, 4.302652729749462],
    [3, 3.1824463052837078],
    [5, 2.5705818356363146],
    [9, 2.262157162798205],
    [39, 2.022690920036761],
    [199, 1.9719565442517533],
  ])('quantile 0.975 for %i degrees of freedom', (n, t) => {
    expect(studentQuantile(0.975, n) / t).toBeCloseTo(1, 10);
    expect(studentQuantile(0.025, n)).toBeCloseTo(-studentQuantile(0.975, n), 9);
  });

  it.each([
    [-2.5, 4, 0.03338327240599407],
    [0.3, 7, 0.6135549747989328],
    [6, 30, 0.9999993028615617],
  ])('P(T <= %f) for %i degrees of freedom', (t, n, p) => {
    expect(studentCdf(t, n)).toBeCloseTo(p, 12);
  });

  it.each([
    [0.2, 2, 3, 0.1808],
    [0.7, 0.5, 0.5, 0.6309898804344546],
    [0.01, 0.5, 40, 0.6286139767460155],
    [0.95, 60, 3, 0.39504852631311344],
  ])('P(X <= %f) of the beta distribution with %f and %f', (x, a, b, p) => {
    expect(betaCdf(x, a, b)).toBeCloseTo(p, 12);
  });
});

describe('the Jensen-Shannon divergence is that of scipy', () => {
  it.each([
    [[0.7, 0.2, 0.1], [0.1, 0.3, 0.6], 0.33275110160267973],
    [[0.5, 0.5, 0], [0.5, 0.25, 0.25], 0.15563906222956644],
    [[1, 0], [0, 1], 1],
    [[0.9, 0.1], [0.9, 0.1], 0],
  ])('of %j and %j', (p, q, divergence) => {
    expect(jensenShannon(p, q)).toBeCloseTo(divergence, 14);
    expect(jensenShannon(q, p)).toBeCloseTo(divergence, 14);
  });
});

describe("Wilson's interval is that of scipy", () => {
  it.each([
    [0, 10, 0, 0.27753279986288926],
    [3, 10, 0.10779126740630102, 0.6032218525388546],
    [10, 10, 0.7224672001371109, 1],
    [27, 1000, 0.018621382774294995, 0.03899873075304015],
    [59, 60, 0.9114487027240994, 0.9970518402052138],
  ])('of %i in %i', (successes, trials, low, high) => {
    const found = wilsonInterval(successes, trials);
    expect(found.value).toBe(successes / trials);
    expect(found.low).toBeCloseTo(low, 12);
    expect(found.high).toBeCloseTo(high, 12);
  });

  it('of nothing is everything', () => {
    expect(wilsonInterval(0, 0)).toEqual({ value: 0, low: 0, high: 1 });
  });
});

describe("McNemar's exact test is that of scipy", () => {
  it.each([
    [0, 0, 1],
    [1, 0, 1],
    [3, 9, 0.14599609375],
    [15, 2, 0.002349853515625],
    [20, 20, 1],
    [300, 350, 0.05452994175892356],
    [2000, 1800, 0.0012427867782632013],
  ])('for %i against %i', (b, c, p) => {
    expect(exactMcNemar(b, c)).toBeCloseTo(p, 11);
    expect(exactMcNemar(c, b)).toBeCloseTo(p, 11);
  });

  it('is never 0', () => {
    expect(exactMcNemar(100_000, 0)).toBeGreaterThan(0);
  });
});

describe('small measures', () => {
  it('Benjamini-Hochberg is that of scipy', () => {
    const adjusted = benjaminiHochberg([0.01, 0.04, 0.03, 0.005, 0.2, 0.9, 0.04]);
    const expected = [0.035, 0.056, 0.056, 0.035, 0.23333333333333336, 0.9, 0.056];
    adjusted.forEach((p, i) => expect(p).toBeCloseTo(expected[i]!, 14));
    expect(benjaminiHochberg([])).toEqual([]);
  });

  it('d_z is that of scipy, 0 without any difference, undefined without spread', () => {
    expect(effectSize([0.5, 1.25, -0.25, 0.75, 2, 0, 0.1])).toBeCloseTo(0.7866514575182783, 14);
    expect(effectSize([0, 0, 0])).toBe(0);
    expect(effectSize([2, 2, 2])).toBeNull();
    expect(effectSize([])).toBeNull();
    expect(standardDeviation([5])).toBe(0);
  });

  it('quantiles are those of numpy', () => {
    const x = [0.3, 1.7, 2.2, 3.1, 4.8, 5.5, 9.1];
    const expected = [0.3, 0.51, 2.19, 3.1, 8.56, 9.1];
    [0, 0.025, 0.33, 0.5, 0.975, 1].forEach((q, i) => expect(quantileOfSorted(x, q)).toBeCloseTo(expected[i]!, 12));
  });

  it('flip rate and accuracy are shares of answers', () => {
    expect(flipRate(2, [2, 2, 0, 1])).toBe(0.5);
    expect(flipRate(2, Int32Array.of(2, 2))).toBe(0);
    expect(accuracy(1, [2, 2, 0, 1])).toBe(0.25);
  });

  it('the answer is the largest number, the first of equal ones', () => {
    expect(argmax([0.1, 0.4, 0.4, 0.1])).toBe(1);
  });
});
