import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { FrameBus } from '../../src/jobs/frame-bus.js';
import { framePicture, scaledSize, sheetColumns, sheetPicture, type FrameSet } from '../../src/jobs/pictures.js';
import type { FrameView } from '../../src/protocol/index.js';

const WIDTH = 24;
const HEIGHT = 16;

/** Frame k is filled with the grey value 10 k + step. */
function frames(count: number, step = 0): FrameSet {
  const bytes = WIDTH * HEIGHT * 3;
  const pixels = new Uint8Array(count * bytes);
  for (let k = 0; k < count; k++) pixels.fill(10 * k + step, k * bytes, (k + 1) * bytes);
  return { pixels, frames: count, width: WIDTH, height: HEIGHT, step, activation: step / 2, microseconds: 1000 + step };
}

const view = (more: Partial<FrameView> = {}): FrameView => ({ view: 'frame', format: 'jpeg', quality: 95, ...more });

/** Grey value in the middle of the tile at a column and row. */
async function greyAt(jpeg: Uint8Array, column: number, row: number, width = WIDTH, height = HEIGHT): Promise<number> {
  const { data, info } = await sharp(jpeg).raw().toBuffer({ resolveWithObject: true });
  const x = column * width + (width >> 1);
  const y = row * height + (height >> 1);
  return data[(y * info.width + x) * info.channels]!;
}

describe('pictures', () => {
  it('a frame is that frame, and the last when there are fewer', async () => {
    const { bytes: jpeg, width, height } = await framePicture(frames(8), 5, { quality: 95 });
    expect([width, height]).toEqual([WIDTH, HEIGHT]);
    expect(Math.abs((await greyAt(jpeg, 0, 0)) - 50)).toBeLessThanOrEqual(2);
    expect(
      Math.abs((await greyAt((await framePicture(frames(8), 99, { quality: 95 })).bytes, 0, 0)) - 70),
    ).toBeLessThanOrEqual(2);
  });

  it('a sheet has all frames in order, row by row', async () => {
    const { bytes: jpeg, columns, width, height } = await sheetPicture(frames(21), { quality: 95 });
    const meta = await sharp(jpeg).metadata();
    expect([meta.width, meta.height]).toEqual([columns * width, Math.ceil(21 / columns) * height]);
    for (let k = 0; k < 21; k++) {
      const grey = await greyAt(jpeg, k % columns, Math.floor(k / columns));
      expect(Math.abs(grey - 10 * k)).toBeLessThanOrEqual(2);
    }
  });

  it('can be smaller or larger, in proportion', async () => {
    const sheet = await sheetPicture(frames(12), { quality: 90, width: 12 });
    expect([sheet.width, sheet.height]).toEqual([12, 8]);
    expect(Math.abs((await greyAt(sheet.bytes, 1, 1, 12, 8)) - 10 * (sheet.columns + 1))).toBeLessThanOrEqual(3);
    const frame = await framePicture(frames(1), 0, { quality: 90, width: 48 });
    expect((await sharp(frame.bytes).metadata()).height).toBe(32);
  });

  it('160 square frames tile 16 x 10; sizes stay within bounds', () => {
    expect(sheetColumns(160, 64, 64)).toBe(16);
    expect(sheetColumns(1, 64, 64)).toBe(1);
    expect(sheetColumns(3, 8, 800)).toBe(3);
    expect(scaledSize({ width: 200, height: 100 }, 1000, { width: 50, height: 1000 })).toEqual({
      width: 50,
      height: 25,
    });
    expect(scaledSize({ width: 4000, height: 1 }, 8, { width: 4096, height: 4096 })).toEqual({ width: 8, height: 1 });
  });
});

describe('frame bus', () => {
  it('encodes a view once for all who want the same, and anew for new frames only', async () => {
    const bus = new FrameBus();
    const one = bus.watch('a', view({ index: 1, maxFps: 5 }), () => undefined);
    const two = bus.watch('a', view({ index: 1 }), () => undefined);
    const other = bus.watch('a', view({ index: 2 }), () => undefined);
    expect(one.fetch()).toBeNull();
    bus.publish('a', frames(4, 1));
    expect(one.fetch()).toBe(two.fetch());
    expect(one.fetch()).not.toBe(other.fetch());
    const before = one.fetch();
    bus.publish('a', frames(4, 2));
    expect(one.fetch()).not.toBe(before);
    expect(await one.fetch()).toMatchObject({ kind: 'frame', frame: 1, step: 2, activation: 1, microseconds: 1002 });
  });

  it('tells watchers of each new sequence, and those who come late of the last at once', () => {
    const bus = new FrameBus();
    const calls: string[] = [];
    bus.watch('a', view(), () => calls.push('early'));
    bus.publish('a', frames(4));
    bus.publish('b', frames(4));
    bus.watch('a', view(), () => calls.push('late'));
    bus.watch('a', view({ view: 'sheet' }), () => calls.push('sheet'));
    expect(calls).toEqual(['early', 'late', 'sheet']);
    bus.publish('a', frames(4));
    expect(calls).toEqual(['early', 'late', 'sheet', 'early', 'late', 'sheet']);
  });

  it('knows whether a job is watched', () => {
    const news: [string, boolean][] = [];
    const bus = new FrameBus((job, watched) => news.push([job, watched]));
    const one = bus.watch('a', view(), () => undefined);
    const two = bus.watch('a', view({ view: 'sheet' }), () => undefined);
    expect(bus.isWatched('a')).toBe(true);
    one.close();
    one.close();
    expect(bus.isWatched('a')).toBe(true);
    two.close();
    expect(bus.isWatched('a')).toBe(false);
    bus.watch('a', view(), () => undefined).close();
    expect(news).toEqual([
      ['a', true],
      ['a', false],
      ['a', true],
      ['a', false],
    ]);
  });

  it('plays the frames in turn, for all watchers alike, only while there are any', async () => {
    const ticks = new Set<() => void>();
    const rates: number[] = [];
    const bus = new FrameBus(() => undefined, {
      every: (milliseconds, action) => {
        rates.push(milliseconds);
        ticks.add(action);
        return () => ticks.delete(action);
      },
    });
    const one = bus.watch('a', view({ view: 'play', maxFps: 20 }), () => undefined);
    const two = bus.watch('a', view({ view: 'play', maxFps: 20 }), () => undefined);
    expect(ticks.size).toBe(0);
    bus.publish('a', frames(3));
    expect([ticks.size, rates]).toEqual([1, [50]]);
    const seen: number[] = [];
    for (let i = 0; i < 5; i++) {
      expect(one.fetch()).toBe(two.fetch());
      seen.push((await one.fetch())!.frame);
      for (const tick of ticks) tick();
    }
    expect(seen).toEqual([0, 1, 2, 0, 1]);
    one.close();
    expect(ticks.size).toBe(1);
    two.close();
    expect(ticks.size).toBe(0);
    bus.watch('a', view({ view: 'play' }), () => undefined);
    expect(ticks.size).toBe(1);
    bus.end('a');
    expect(ticks.size).toBe(0);
  });
});
