import { describe, expect, it } from 'vitest';
import { judge, type Evidence } from '../../../src/engine/audit/verdict.js';

const evidence: Evidence = {
  model: 'figures-lrcn',
  condition: 'shuffle',
  clips: 120,
  groups: 120,
  permutations: 20,
  delta: 0.05,
  flipRate: { value: 0.325, low: 0.27, high: 0.38 },
  excess: { value: 0.31, low: 0.26, high: 0.36, standardError: 0.025 },
  upperBound: 0.37,
  noiseFloor: { value: 0.015, low: 0.003, high: 0.031 },
  p: 0.0001,
  effectSize: 1.2,
};
const small = {
  flipRate: { value: 0.01, low: 0, high: 0.02 },
  excess: { value: 0.005, low: -0.005, high: 0.015, standardError: 0.005 },
  upperBound: 0.034,
  p: 0.4,
};

describe('the verdict', () => {
  it('is sensitive with p < 0.05 and a lower bound above 0', () => {
    expect(judge(evidence)).toEqual({
      verdict: 'sensitive',
      upperBound: 0.37,
      detectable: true,
      clipsToDecide: null,
      sentence:
        'sensitive: figures-lrcn uses the order of frames (shuffle). Flip rate 32.5 % (95 % interval 27.0 to 38.0 %), ' +
        'noise floor 1.5 % (0.3 to 3.1 %), excess 31.0 % (26.0 to 36.0 %; one-sided 95 % upper bound 37.0 %), ' +
        'randomisation test p = 0.0001; N = 120 clips, R = 20 orders each, delta = 5.0 %.',
    });
  });

  it('is insensitive only when the upper bound is below delta', () => {
    const found = judge({ ...evidence, ...small });
    expect(found.verdict).toBe('insensitive');
    expect(found.sentence).toMatch(/^insensitive: figures-lrcn does not care about the order of frames \(shuffle\)/);
    expect(found.sentence).toContain('N = 120 clips, R = 20 orders each, delta = 5.0 %.');
    expect(judge({ ...evidence, ...small, upperBound: 0.05 }).verdict).toBe('inconclusive');
  });

  it('is not insensitive for want of significance', () => {
    const found = judge({ ...evidence, p: 0.3, excess: { ...evidence.excess, low: -0.01 } });
    expect(found.verdict).toBe('inconclusive');
  });

  it.each([
    ['p', { p: 0.05 }],
    ['the lower bound', { excess: { ...evidence.excess, low: 0 } }],
    ['a second group of clips', { groups: 1 }],
  ])('is not sensitive without %s', (_, change) => {
    expect(judge({ ...evidence, ...change }).verdict).toBe('inconclusive');
  });

  it('names an effect that is certain and certainly small', () => {
    const found = judge({ ...evidence, ...small, p: 0.002, excess: { ...small.excess, low: 0.001 } });
    expect(found).toMatchObject({ verdict: 'insensitive', detectable: true });
    expect(found.sentence).toContain('its scores depend on it (p = 0.0020), but changes of its answer');
  });

  it('says how many clips would decide it', () => {
    const nothingSeen = {
      clips: 12,
      groups: 12,
      flipRate: { value: 0, low: 0, high: 0 },
      excess: { value: 0, low: 0, high: 0, standardError: 0 },
      upperBound: 0.22,
      p: 1,
      effectSize: 0,
    };
    const found = judge({ ...evidence, ...nothingSeen });
    expect(found).toMatchObject({ verdict: 'inconclusive', clipsToDecide: 60 });
    expect(found.sentence).toContain('cannot be told from 12 clips; about 60 would decide it.');
    // Half as many groups as clips: twice the clips.
    expect(judge({ ...evidence, ...nothingSeen, groups: 6 }).clipsToDecide).toBe(120);
  });

  it('asks for enough clips to bring the lower bound above 0 when the excess is large', () => {
    const found = judge({
      ...evidence,
      clips: 10,
      groups: 10,
      excess: { value: 0.2, low: -0.05, high: 0.45, standardError: 0.13 },
      p: 0.1,
      effectSize: 0.5,
    });
    expect(found.clipsToDecide).toBe(Math.ceil((1.96 * 0.13 * Math.sqrt(10)) ** 2 / 0.2 ** 2));
  });

  it('says so when more clips would not help', () => {
    const found = judge({ ...evidence, p: 0.9, effectSize: 0 });
    expect(found).toMatchObject({ verdict: 'inconclusive', clipsToDecide: null });
    expect(found.sentence).toContain('more clips like these would not decide it');
  });
});
