import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { Split } from '../../models/figures/dataset.js';
import {
  FIGURES_LABELS,
  FRAME_BYTES,
  FRAME_SIZE,
  MERGED_LABELS,
  MERGED_OF,
  MIRROR_OF,
  PARTNER_OF,
  SPLIT_SIZE,
  clipSeed,
  drawClip,
  randomFrame,
  renderClip,
} from '../../models/figures/dataset.js';
import { cosine, fraction, sine } from '../../models/figures/waves.js';

const SPLITS: readonly Split[] = ['train', 'validation', 'test', 'probe'];
const classes = FIGURES_LABELS.map((_, label) => label);

const digest = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex').slice(0, 16);

function framesOf(pixels: Uint8Array): Uint8Array[] {
  return Array.from({ length: pixels.length / FRAME_BYTES }, (_, t) =>
    pixels.subarray(t * FRAME_BYTES, (t + 1) * FRAME_BYTES),
  );
}

/** Mean absolute difference of two frames, 0..255. */
function difference(a: Uint8Array, b: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += Math.abs(a[i]! - b[i]!);
  return sum / a.length;
}

describe('labels', () => {
  it('are 12, of which 8 remain without the order of time', () => {
    expect(new Set(FIGURES_LABELS).size).toBe(12);
    expect(new Set(MERGED_LABELS).size).toBe(8);
    expect(new Set(MERGED_OF)).toEqual(new Set([0, 1, 2, 3, 4, 5, 6, 7]));
  });

  it('have partners: four classes are their own, eight form pairs within a merged class', () => {
    expect(classes.filter((label) => PARTNER_OF[label] === label)).toHaveLength(4);
    for (const label of classes) {
      const partner = PARTNER_OF[label]!;
      expect(PARTNER_OF[partner]).toBe(label);
      expect(MERGED_OF[partner]).toBe(MERGED_OF[label]);
      expect(MIRROR_OF[MIRROR_OF[label]!]).toBe(label);
    }
  });
});

describe('clips', () => {
  it.each(classes.filter((label) => PARTNER_OF[label]! > label))(
    'of class %i played backwards are byte for byte the clips of its partner',
    (label) => {
      for (const frames of [1, 16, 33]) {
        const request = { seed: 77 + label, frames };
        const forwards = framesOf(renderClip({ ...request, label }));
        const partner = framesOf(renderClip({ ...request, label: PARTNER_OF[label]! }));
        expect(partner.reverse().map(digest)).toEqual(forwards.map(digest));
      }
    },
  );

  it('have the same bytes everywhere and whatever was rendered before', () => {
    const digests = classes.map((label) => digest(renderClip({ seed: 1000 + label, label, frames: 3 })));
    expect(digests).toMatchInlineSnapshot(`
      [
        "d3528847994e4b22",
        "3e7b384608104f62",
        "0ed0aafa70059380",
        "b308d1a2a72f005b",
        "8bc15784f9353d81",
        "7dcf4bf105652a8a",
        "09388090f5b0e266",
        "ddecf82df24b81f8",
        "a8d878d0b263a63d",
        "6b12a59042c9742b",
        "f9fb5d0bab0f055e",
        "b7f8763445f736ab",
      ]
    `);
    for (const label of [...classes].reverse()) {
      expect(digest(renderClip({ seed: 1000 + label, label, frames: 3 }))).toBe(digests[label]);
    }
  });

  it('begin alike whatever their length, in classes that run forwards', () => {
    const long = renderClip({ seed: 5, label: 0, frames: 20 });
    expect(digest(long.subarray(0, 4 * FRAME_BYTES))).toBe(digest(renderClip({ seed: 5, label: 0, frames: 4 })));
  });

  it.each(classes)('of class %i move at a moderate pace and differ from seed to seed', (label) => {
    const frames = framesOf(renderClip({ seed: 9, label, frames: 16 }));
    const steps = frames.slice(1).map((frame, t) => difference(frame, frames[t]!));
    expect(Math.min(...steps)).toBeGreaterThan(0.05);
    expect(Math.max(...steps)).toBeLessThan(20);
    expect(digest(renderClip({ seed: 10, label, frames: 1 }))).not.toBe(digest(frames[0]!));
  });

  it('refuse labels and lengths out of range', () => {
    expect(() => renderClip({ seed: 1, label: 12, frames: 16 })).toThrow(RangeError);
    expect(() => renderClip({ seed: 1, label: 0.5, frames: 16 })).toThrow(RangeError);
    expect(() => renderClip({ seed: 1, label: 0, frames: 0 })).toThrow(RangeError);
    expect(() => renderClip({ seed: 1, label: 0, frames: 1.5 })).toThrow(RangeError);
  });
});

describe('splits', () => {
  it('have seeds of their own', () => {
    const seeds = SPLITS.flatMap((split) => [0, 1, 12345, SPLIT_SIZE - 1].map((index) => clipSeed(split, index)));
    expect(new Set(seeds).size).toBe(seeds.length);
    for (const seed of seeds) expect(seed >>> 0).toBe(seed);
    expect(() => clipSeed('train', SPLIT_SIZE)).toThrow(RangeError);
    expect(() => clipSeed('train', -1)).toThrow(RangeError);
    expect(() => clipSeed('holiday' as Split, 0)).toThrow(RangeError);
  });

  it('are balanced', () => {
    const counts = classes.map(() => 0);
    for (let i = 0; i < 36; i++) counts[drawClip('test', i, 1).label]!++;
    expect(counts).toEqual(classes.map(() => 3));
  });
});

describe('single frames', () => {
  it('are frames of the 16-frame clip of the same index', () => {
    for (let index = 0; index < 24; index++) {
      const { label, pixels } = randomFrame('validation', index);
      const clip = drawClip('validation', index, 16);
      expect(label).toBe(clip.label);
      expect(framesOf(clip.pixels).map(digest)).toContain(digest(pixels));
    }
  });

  it('come with a mask of the figure', () => {
    for (let index = 0; index < 12; index++) {
      const { pixels, mask } = randomFrame('train', index);
      expect(pixels).toHaveLength(FRAME_BYTES);
      expect(mask).toHaveLength(FRAME_SIZE * FRAME_SIZE);
      const share = mask.reduce((sum, value) => sum + value, 0) / 255 / mask.length;
      expect(share).toBeGreaterThan(0.06);
      expect(share).toBeLessThan(0.4);
      expect(mask[0]).toBe(0);
    }
  });
});

describe('waves', () => {
  it('are those of Math to 1e-6', () => {
    for (let turns = -2; turns <= 2; turns += 0.0137) {
      expect(sine(turns)).toBeCloseTo(Math.sin(2 * Math.PI * turns), 6);
      expect(cosine(turns)).toBeCloseTo(Math.cos(2 * Math.PI * turns), 6);
    }
    expect(fraction(-0.25)).toBe(0.75);
  });
});
