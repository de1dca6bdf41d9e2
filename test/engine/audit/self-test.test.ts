/** The self-test at a smaller size: the audit's instruments, held against simulated recognisers of known truth. */
import { beforeAll, describe, expect, it } from 'vitest';
import { selfTest } from '../../../src/engine/audit/self-test.js';
import { beta, binomialShare, simulateFlips } from '../../../src/engine/audit/simulate.js';
import { mean, standardDeviation } from '../../../src/engine/audit/statistics.js';
import { Random } from '../../../src/engine/random.js';
import { selfTestReport, type SelfTestReport } from '../../../src/protocol/self-test-report.js';

let report: SelfTestReport;
const told: number[] = [];
beforeAll(async () => {
  report = await selfTest({ runs: 100, seed: 3, onProgress: (done, total) => told.push(done / total) });
}, 120_000);

describe('the self-test', () => {
  it('passes: false positives, coverage, wrong verdicts, controls', () => {
    expect(report.checks.filter(({ passed }) => !passed)).toEqual([]);
    expect(report.passed).toBe(true);
    expect(report.checks.map(({ name }) => name.split(':')[0])).toEqual(
      expect.arrayContaining([
        'false positives of the randomisation test',
        'coverage of the interval of the excess',
        'wrong verdicts',
        'a bag of frames, whatever the order of frames',
      ]),
    );
    expect(selfTestReport.parse(JSON.parse(JSON.stringify(report)))).toEqual(report);
  });

  it('finds that the bag of frames changes by exactly 0', () => {
    expect(report.checks.find(({ name }) => name.startsWith('a bag of frames'))!.value).toBe(0);
  });

  it('draws power curves that rise with the truth and with the number of clips', () => {
    const sensitive = (clips: number, excess: number): number =>
      report.power.find((point) => point.clips === clips && point.excess === excess)!.sensitive;
    expect(sensitive(120, 0)).toBeLessThan(0.1);
    expect(sensitive(120, 0.4)).toBeGreaterThan(0.95);
    expect(sensitive(120, 0.1)).toBeGreaterThan(sensitive(30, 0.1));
    expect(sensitive(60, 0.4)).toBeGreaterThan(sensitive(60, 0.05));
    for (const { sensitive: yes, insensitive, inconclusive } of report.power) {
      expect(yes + insensitive + inconclusive).toBeCloseTo(1, 12);
    }
  });

  it('tells how far it is, and can be stopped', async () => {
    expect(told).toEqual([...told].sort((a, b) => a - b));
    expect(told.at(-1)).toBe(1);
    const stop = new AbortController();
    const stopped = selfTest({ runs: 100, signal: stop.signal, onProgress: () => stop.abort(new Error('enough')) });
    await expect(stopped).rejects.toThrow('enough');
    await expect(selfTest({ runs: 10 })).rejects.toThrow(RangeError);
  });
});

describe('what it simulates', () => {
  it('has the truth that it is asked for', () => {
    const random = new Random('truth');
    const seen = Array.from({ length: 400 }, () =>
      simulateFlips(random, { clips: 60, clipsAGroup: 3, permutations: 20, excess: 0.3, noise: 0.05 }),
    );
    expect(Math.abs(mean(seen.flatMap(({ flips }) => flips)) - 0.35)).toBeLessThan(0.01);
    expect(Math.abs(mean(seen.flatMap(({ noise }) => noise)) - 0.05)).toBeLessThan(0.005);
    expect(new Set(seen[0]!.groups).size).toBe(20);
  });

  it('has beta and binomial deviates with the mean and spread that they must have', () => {
    const random = new Random('deviates');
    const betas = Array.from({ length: 20_000 }, () => beta(random, 0.2, 3));
    expect(mean(betas)).toBeCloseTo(0.2, 1.8);
    expect(standardDeviation(betas)).toBeCloseTo(Math.sqrt((0.2 * 0.8) / 4), 1.8);
    const shares = Array.from({ length: 20_000 }, () => binomialShare(random, 20, 0.3));
    expect(standardDeviation(shares)).toBeCloseTo(Math.sqrt((0.3 * 0.7) / 20), 2);
  });
});
