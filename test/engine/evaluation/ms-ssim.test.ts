/** MS-SSIM against values of an independent implementation: python3 test/engine/evaluation/ms_ssim_golden.py */
import { describe, expect, it } from 'vitest';
import { msSsim, scalesOf } from '../../../src/engine/evaluation/ms-ssim.js';

/** [width, height, phase of one picture, of the other, share of noise, value] */
const GOLDEN: [number, number, number, number, number, number][] = [
  [64, 64, 1, 1.05, 0.1, 0.9972579827429127],
  [64, 64, 1, 2, 0.3, 0.21885114534031377],
  [200, 180, 1, 1.2, 0.2, 0.9624911215288868],
  [33, 47, 3, 3.1, 0.5, 0.9946226874541155],
  [64, 64, 1, 1.6, 0.6, 0.8086726883016607],
];

function picture(width: number, height: number, phase: number, grain: number): Uint8Array {
  return Uint8Array.from({ length: width * height * 3 }, (_, i) => {
    const [c, x, y] = [i % 3, Math.floor(i / 3) % width, Math.floor(i / 3 / width)];
    const noise = (i * 7919 + Math.floor(phase) * 104729) % 251;
    const wave = 127 + 90 * Math.sin(x / 7 + phase + c) * Math.cos(y / 5 - phase);
    return Math.min(255, Math.max(0, Math.floor(wave * (1 - grain) + noise * grain)));
  });
}

describe('MS-SSIM', () => {
  it.each(GOLDEN)('of pictures of %i x %i, phases %d and %d, noise %d, is what numpy and scipy say', (...golden) => {
    const [width, height, one, two, grain, value] = golden;
    const [a, b] = [picture(width, height, one, grain), picture(width, height, two, grain)];
    expect(msSsim(a, b, width, height)).toBeCloseTo(value, 9);
    expect(msSsim(b, a, width, height)).toBeCloseTo(value, 9);
  });

  it('is 1 for equal pictures', () => {
    const one = picture(64, 64, 1, 0.4);
    expect(msSsim(one, one, 64, 64)).toBeCloseTo(1, 12);
  });

  it('has as many scales as a window fits in, and refuses pictures without one', () => {
    expect([176, 175, 64, 11, 10].map((side) => scalesOf(side, 400))).toEqual([5, 4, 3, 1, 0]);
    expect(() => msSsim(new Uint8Array(300), new Uint8Array(300), 10, 10)).toThrow('at least 11');
    expect(() => msSsim(new Uint8Array(300), new Uint8Array(3), 10, 10)).toThrow('are not two RGB pictures');
  });
});
