import { describe, expect, it } from 'vitest';
import { Random } from '../../src/engine/random.js';
import { sequenceForm } from '../../src/engine/synthesis/sequences.js';
import { smoothnessOf } from '../../src/engine/synthesis/smoothness.js';
import { failure } from './small-models.js';

const keyframes = (every: number, interpolation: 'linear' | 'cubic', frames: number) => {
  const { controls, matrix } = sequenceForm({ form: 'keyframes', every, interpolation }, frames);
  const row = (t: number): number[] => [...matrix!.subarray(t * controls, (t + 1) * controls)];
  /** The sequence that control numbers make. */
  const mixed = (numbers: readonly number[]): number[] =>
    Array.from({ length: frames }, (_, t) => row(t).reduce((s, w, k) => s + w * numbers[k]!, 0));
  return { controls, row, mixed };
};

describe.each(['linear', 'cubic'] as const)('%s keyframes', (interpolation) => {
  it.each([
    [2, 160],
    [3, 160],
    [8, 17],
    [2, 2],
    [50, 3],
  ])('every %i of %i frames mix controls with weights that sum to 1, and are exact where they lie', (every, frames) => {
    const { controls, row } = keyframes(every, interpolation, frames);
    expect(controls).toBe(Math.ceil((frames - 1) / every) + 1);
    for (let t = 0; t < frames; t++) {
      expect(row(t).reduce((s, w) => s + w, 0)).toBeCloseTo(1, 6);
      if (t % every === 0)
        expect(row(t)).toEqual(Array.from({ length: controls }, (_, k) => (k === t / every ? 1 : 0)));
    }
  });

  it('reproduce a straight line between the keyframes that have neighbours', () => {
    const { controls, mixed } = keyframes(4, interpolation, 41);
    const line = mixed(Array.from({ length: controls }, (_, k) => 3 + 2 * k));
    for (let t = 4; t <= 36; t++) expect(line[t]).toBeCloseTo(3 + t / 2, 5);
  });
});

describe('keyframes', () => {
  // With keyframes far apart, differences of neighbouring frames come near to slopes.
  const every = 200;
  const numbers = [...new Random('keyframes').normals(6)];
  const slopes = (interpolation: 'linear' | 'cubic', at: number): [number, number] => {
    const sequence = keyframes(every, interpolation, 5 * every + 1).mixed(numbers);
    const x = at * every;
    return [(sequence[x]! - sequence[x - 1]!) * every, (sequence[x + 1]! - sequence[x]!) * every];
  };

  it('bend smoothly when cubic: the slope at a keyframe is half the way between its neighbours, from both sides', () => {
    for (const k of [1, 2, 3, 4]) {
      const [before, after] = slopes('cubic', k);
      const wanted = (numbers[k + 1]! - numbers[k - 1]!) / 2;
      expect(Math.abs(before - wanted)).toBeLessThan(0.06);
      expect(Math.abs(after - wanted)).toBeLessThan(0.06);
    }
  });

  it('have corners when linear', () => {
    const [before, after] = slopes('linear', 2);
    expect(before).toBeCloseTo(numbers[2]! - numbers[1]!, 3);
    expect(after).toBeCloseTo(numbers[3]! - numbers[2]!, 3);
  });

  it('must be a whole number of frames apart', () => {
    for (const bad of [0, -1, 1.5, NaN, Infinity]) {
      expect(() => keyframes(bad, 'cubic', 9)).toThrow(failure('REQUEST_INVALID', /Keyframes/));
    }
  });
});

describe('free codes', () => {
  it('are one control a frame; so are keyframes at every frame, and those of a single frame', () => {
    const own = { controls: 7, matrix: null };
    expect(sequenceForm({ form: 'free' }, 7)).toMatchObject(own);
    expect(sequenceForm({ form: 'keyframes', every: 1, interpolation: 'cubic' }, 7)).toMatchObject(own);
    expect(sequenceForm({ form: 'keyframes', every: 9, interpolation: 'cubic' }, 1)).toMatchObject({
      controls: 1,
      matrix: null,
    });
  });
});

describe('smoothness', () => {
  it('is the mean over neighbouring frames of the root mean square difference, on the scale 0..1', () => {
    const frames = [
      [0, 0],
      [255, 255],
      [255, 0],
    ];
    expect(smoothnessOf(Uint8Array.from(frames.flat()), 3)).toBeCloseTo((1 + Math.SQRT1_2) / 2, 12);
  });

  it('is 0 for a still, for one frame and for frames that are alike', () => {
    expect(smoothnessOf(Uint8Array.of(1, 2, 3), 1)).toBe(0);
    expect(smoothnessOf(Uint8Array.of(5, 6, 5, 6), 2)).toBe(0);
  });
});
