import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import {
  activationPlot,
  decodeStill,
  encodeStill,
  frameAt,
  layoutSheet,
  percentileOf,
  quantile,
  renderPlot,
  renderSheet,
  renderStrip,
} from '../../src/video/index.js';
import type { FrameSequence } from '../../src/video/index.js';
import { temporaryFolder } from './helpers.js';

const folder = await temporaryFolder();

/** Frames of one colour each: red tells the frame, green and blue the place in it. */
function colouredFrames(count: number, width: number, height: number): FrameSequence {
  const frames = Uint8Array.from({ length: count * width * height * 3 }, (_, i) => {
    const pixel = Math.floor(i / 3);
    const place = pixel % (width * height);
    return [Math.floor(pixel / (width * height)), (place % width) * 3, Math.floor(place / width) * 3][i % 3]!;
  });
  return { frames, count, width, height };
}

const decode = async (png: Buffer) => {
  const { data, info } = await sharp(png).raw().toBuffer({ resolveWithObject: true });
  const at = (x: number, y: number) => [...data.subarray((y * info.width + x) * info.channels).subarray(0, 3)];
  return { ...info, at, data };
};

describe('still images', () => {
  const { frames: rgb } = colouredFrames(1, 40, 30);

  it('come back exactly from PNG and closely from JPEG and WebP', async () => {
    for (const [format, tolerance] of [
      ['png', 0],
      ['jpeg', 8],
      ['webp', 12],
    ] as const) {
      const still = await decodeStill(await encodeStill(rgb, 40, 30, { format, quality: 95 }));
      expect([still.width, still.height, still.data.length]).toEqual([40, 30, 40 * 30 * 3]);
      const error = still.data.reduce((worst, value, i) => Math.max(worst, Math.abs(value - rgb[i]!)), 0);
      expect(error, format).toBeLessThanOrEqual(tolerance);
    }
  });

  it('are enlarged with square pixels', async () => {
    const still = await decodeStill(await encodeStill(rgb, 40, 30, { format: 'png', scale: 3 }));
    expect([still.width, still.height]).toEqual([120, 90]);
    for (const [x, y] of [
      [0, 0],
      [59, 44],
      [119, 89],
    ] as const) {
      expect(still.data[(y * 120 + x) * 3 + 1]).toBe(Math.floor(x / 3) * 3);
      expect(still.data[(y * 120 + x) * 3 + 2]).toBe(Math.floor(y / 3) * 3);
    }
  });

  it('of grey, of transparent and of 16-bit pixels become RGB', async () => {
    const create = { width: 4, height: 4, channels: 4 as const, background: { r: 0, g: 0, b: 0, alpha: 0 } };
    const transparent = await decodeStill(await sharp({ create }).png().toBuffer());
    expect([...transparent.data]).toEqual(new Array(48).fill(255));
    const grey = await sharp(rgb, { raw: { width: 40, height: 30, channels: 3 } })
      .greyscale()
      .png()
      .toBuffer();
    expect((await decodeStill(grey)).data).toHaveLength(40 * 30 * 3);
    const deep = await sharp(rgb, { raw: { width: 40, height: 30, channels: 3 } })
      .toColourspace('rgb16')
      .png()
      .toBuffer();
    expect([...(await decodeStill(deep)).data]).toEqual([...rgb]);
  });

  it('are scaled to the size asked for, from a file too', async () => {
    const path = join(folder, 'still.png');
    await writeFile(path, await encodeStill(rgb, 40, 30, { format: 'png' }));
    const still = await decodeStill(path, { width: 16, height: 16, fit: 'cover' });
    expect([still.width, still.height, still.data.length]).toEqual([16, 16, 768]);
  });

  it('that are none are IMAGE_UNREADABLE', async () => {
    await expect(decodeStill(Buffer.from('no image'))).rejects.toMatchObject({ code: 'IMAGE_UNREADABLE' });
    await expect(decodeStill(join(folder, 'none.png'))).rejects.toMatchObject({ code: 'IMAGE_UNREADABLE' });
    const png = await encodeStill(rgb, 40, 30, { format: 'png' });
    await expect(decodeStill(png.subarray(0, 200))).rejects.toMatchObject({ code: 'IMAGE_UNREADABLE' });
  });

  it('of wrong sizes or options are refused', async () => {
    await expect(encodeStill(rgb, 41, 30)).rejects.toThrow(RangeError);
    await expect(encodeStill(rgb, 40, 30, { scale: 0 })).rejects.toThrow(RangeError);
    await expect(encodeStill(rgb, 40, 30, { quality: 101 })).rejects.toThrow(RangeError);
  });
});

describe('a contact sheet', () => {
  it('of 160 square frames has 16 columns and 10 rows', () => {
    expect(layoutSheet(160, 64, 64)).toMatchObject({ columns: 16, rows: 10, scale: 2 });
    expect(layoutSheet(160, 227, 227)).toMatchObject({ columns: 16, rows: 10, scale: 1 });
    expect(layoutSheet(1, 64, 64)).toMatchObject({ columns: 1, rows: 1 });
  });

  it('shows every pixel of every frame in its place, whatever the labels', async () => {
    const sequence = colouredFrames(23, 20, 12);
    for (const options of [
      { title: 'Title', subtitle: '<&>' },
      { numbers: 'frames' as const, columns: 5, scale: 3, gap: 0 },
      { numbers: 'none' as const, columns: 40 },
    ]) {
      const layout = layoutSheet(sequence.count, 20, 12, options);
      const sheet = await decode(await renderSheet(sequence, options));
      expect([sheet.width, sheet.height, sheet.channels]).toEqual([layout.width, layout.height, 3]);
      for (let i = 0; i < sequence.count; i++) {
        const { x, y } = layout.origin(i);
        for (const [u, v] of [
          [0, 0],
          [19, 0],
          [7, 5],
          [0, 11],
          [19, 11],
        ] as const) {
          const expected = [...frameAt(sequence, i).subarray((v * 20 + u) * 3, (v * 20 + u) * 3 + 3)];
          const { scale } = layout;
          expect(sheet.at(x + u * scale, y + v * scale)).toEqual(expected);
          expect(sheet.at(x + u * scale + scale - 1, y + v * scale + scale - 1)).toEqual(expected);
        }
      }
    }
  });

  it('has readable text on a machine without fonts: title and numbers leave dark pixels', async () => {
    const white = { frames: new Uint8Array(20 * 32 * 32 * 3).fill(255), count: 20, width: 32, height: 32 };
    const dark = async (options: object) =>
      (await decode(await renderSheet(white, options))).data.filter((v) => v < 120).length;
    expect(await dark({ numbers: 'none' })).toBe(0);
    expect(await dark({ numbers: 'rows' })).toBeGreaterThan(20);
    expect(await dark({ numbers: 'none', title: 'sit down' })).toBeGreaterThan(200);
  });

  it('is the same to the byte when it is made again', async () => {
    const sequence = colouredFrames(7, 10, 10);
    expect(await renderSheet(sequence, { title: 'a' })).toEqual(await renderSheet(sequence, { title: 'a' }));
  });

  it('is refused for wrong sizes', async () => {
    await expect(renderSheet({ ...colouredFrames(3, 8, 8), count: 4 })).rejects.toThrow(RangeError);
    expect(() => layoutSheet(0, 8, 8)).toThrow(RangeError);
    expect(() => layoutSheet(5, 8, 8, { columns: 0 })).toThrow(RangeError);
    expect(() => layoutSheet(100000, 512, 512)).toThrow(/too large/);
  });

  it('as a strip shows the first, the last and frames evenly between them', async () => {
    const sequence = colouredFrames(160, 16, 16);
    const layout = layoutSheet(10, 16, 16, { columns: 10, numbers: 'frames' });
    const strip = await decode(await renderStrip(sequence));
    expect([strip.width, strip.height]).toEqual([layout.width, layout.height]);
    const shown = Array.from({ length: 10 }, (_, i) => strip.at(layout.origin(i).x, layout.origin(i).y)[0]);
    expect(shown).toEqual([0, 18, 35, 53, 71, 88, 106, 124, 141, 159]);
    const few = await decode(await renderStrip(colouredFrames(3, 16, 16), { scale: 1 }));
    expect(few.width).toBe(layoutSheet(3, 16, 16, { columns: 3, numbers: 'frames', scale: 1 }).width);
  });
});

describe('a plot', () => {
  const spec = {
    title: 'Loss & accuracy <1>',
    x: { name: 'time', unit: 's' },
    y: { name: 'loss', unit: 'nats' },
    series: [
      { name: 'train', y: [3, 2, 1.5, NaN, 1.2] },
      { name: 'validation', x: [0, 2, 4], y: [3.2, 2.4, 2.1], dashed: true },
    ],
    references: [{ name: 'chance', value: 2.5 }],
    bands: [{ name: 'range', low: 1, high: 1.8 }],
  };

  it('carries its title, its axes with units and the name of everything in it', async () => {
    const { svg } = await renderPlot(spec);
    for (const text of [
      'Loss &amp; accuracy &lt;1&gt;',
      'time (s)',
      'loss (nats)',
      'train',
      'validation',
      'chance',
      'range',
    ]) {
      expect(svg).toContain(text);
    }
  });

  it('is a PNG of the size asked for, with text drawn', async () => {
    const { png } = await renderPlot({ ...spec, width: 640, height: 360 });
    const picture = await decode(png);
    expect([picture.format, picture.width, picture.height]).toEqual(['raw', 640, 360]);
    expect((await sharp(png).metadata()).format).toBe('png');
    expect(picture.at(1, 1)).toEqual([255, 255, 255]);
    const title = await sharp(png).extract({ left: 20, top: 10, width: 200, height: 26 }).greyscale().raw().toBuffer();
    expect(title.filter((value) => value < 80).length).toBeGreaterThan(150);
  });

  it('is the same to the byte when it is made again', async () => {
    const [first, second] = [await renderPlot(spec), await renderPlot(spec)];
    expect(second.svg).toBe(first.svg);
    expect(second.png).toEqual(first.png);
  });

  it('draws what it can of no data, one point and equal values', async () => {
    for (const y of [[], [1], [0, 0, 0], [NaN]]) {
      const { svg } = await renderPlot({ ...spec, series: [{ name: 'only', y }], references: [], bands: [] });
      expect(svg).not.toContain('NaN');
    }
  });

  it('is refused for series of unequal lengths and for impossible sizes', async () => {
    await expect(renderPlot({ ...spec, series: [{ name: 'a', x: [1], y: [1, 2] }] })).rejects.toThrow(RangeError);
    await expect(renderPlot({ ...spec, width: 0 })).rejects.toThrow(RangeError);
  });

  it('of an activation compares it with the real clips', async () => {
    const realClips = Array.from({ length: 21 }, (_, i) => i);
    const { svg } = await activationPlot({
      unit: 'walk (unit 3)',
      model: 'figures-lrcn',
      activations: [0, 8, 15.5],
      realClips,
    });
    expect(svg).toContain('Activation of walk (unit 3)');
    expect(svg).toContain('reached 15.5, above 76 % of 21 real clips');
    expect(svg).toContain('median of 21 real clips');
    expect((await activationPlot({ unit: 'a', activations: [] })).png.length).toBeGreaterThan(1000);
  });

  it('uses quantiles with linear interpolation', () => {
    expect([0, 0.05, 0.5, 1].map((f) => quantile([4, 1, 3, 2], f))).toEqual([1, 1.15, 2.5, 4]);
    expect(percentileOf([1, 2, 3, 4], 3)).toBe(50);
    expect(() => quantile([], 0.5)).toThrow(RangeError);
  });
});
