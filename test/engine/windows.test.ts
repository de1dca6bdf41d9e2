import { describe, expect, it } from 'vitest';
import { windowsOf } from '../../src/engine/models/windows.js';

const range = (start: number, end: number): number[] => Array.from({ length: end - start }, (_, i) => start + i);
const LRCN = { rule: 'windows', length: 16, stride: 8 } as const;

describe('windows', () => {
  it('of 16 frames every 8 in a video of 160 are 19, the last from frame 144', () => {
    const windows = windowsOf(LRCN, 160);
    expect(windows.map((window) => window[0])).toEqual(range(0, 19).map((k) => 8 * k));
    for (const window of windows) expect(window).toEqual(range(window[0]!, window[0]! + 16));
  });

  it('begin at each stride as long as they end before the last frame, and once so as to end with it', () => {
    for (const frames of range(17, 70)) {
      const kept = range(0, frames).filter((i) => i % 8 === 0 && i + 16 < frames);
      expect(windowsOf(LRCN, frames), `${frames} frames`).toEqual(
        [...kept, frames - 16].map((start) => range(start, start + 16)),
      );
    }
  });

  it('are one for a video of their length or shorter', () => {
    for (const frames of [1, 2, 15, 16]) expect(windowsOf(LRCN, frames)).toEqual([range(0, frames)]);
  });

  it('may be further apart than they are long', () => {
    expect(windowsOf({ rule: 'windows', length: 2, stride: 5 }, 12)).toEqual([
      [0, 1],
      [5, 6],
      [10, 11],
    ]);
  });
});

describe('spread windows', () => {
  it('take evenly spaced frames, all equally far apart, and leave out no frame of any video', () => {
    for (const length of [1, 2, 5, 16]) {
      for (const frames of range(1, 50)) {
        const windows = windowsOf({ rule: 'spread', length }, frames);
        const step = Math.max(1, Math.floor(frames / length));
        for (const window of windows) {
          expect(window).toEqual(range(0, Math.min(length, frames)).map((i) => window[0]! + i * step));
        }
        expect(new Set(windows.flat()), `${length} of ${frames}`).toEqual(new Set(range(0, frames)));
        expect(windows.length).toBeLessThan(step + length);
      }
    }
  });

  it('of a whole multiple of the length are its phases', () => {
    expect(windowsOf({ rule: 'spread', length: 20 }, 160)).toEqual(
      range(0, 8).map((phase) => range(0, 20).map((i) => phase + 8 * i)),
    );
  });
});

it('a whole video is one window', () => expect(windowsOf({ rule: 'whole' }, 7)).toEqual([range(0, 7)]));
