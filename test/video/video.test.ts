import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { decodeVideo, encodeVideo, eachFrame, frameAt, VideoReader } from '../../src/video/index.js';
import { boxAt, boxes, numberedFrames, readNumbers, readSps, SAMPLE_ENTRY, temporaryFolder } from './helpers.js';

const folder = await temporaryFolder();
const upTo = (n: number) => Array.from({ length: n }, (_, i) => i);

describe('a video of 160 frames', async () => {
  const sequence = numberedFrames(160, 64, 64);
  const path = join(folder, 'numbered.mp4');
  const progress: number[] = [];
  const written = await encodeVideo(sequence, {
    path,
    width: 64,
    height: 64,
    fps: 25,
    onProgress: (n) => progress.push(n),
  });
  const file = await readFile(path);

  it('is reported with its size and hash, and its progress ends at 160', async () => {
    expect(written).toEqual({
      ...{ path, frames: 160, width: 256, height: 256, bytes: (await stat(path)).size },
      sha256: createHash('sha256').update(file).digest('hex'),
    });
    expect(progress.at(-1)).toBe(160);
    expect(progress).toEqual([...new Set(progress)].sort((a, b) => a - b));
  });

  it('comes back with every frame once, in order, at any size', async () => {
    const whole = await decodeVideo(path);
    expect([whole.count, whole.width, whole.height, whole.fps]).toEqual([160, 256, 256, 25]);
    expect(readNumbers(whole)).toEqual(upTo(160));
    const scaled = await decodeVideo(path, { width: 113, height: 57 });
    expect([scaled.count, scaled.width, scaled.height]).toEqual([160, 113, 57]);
    expect(readNumbers(scaled)).toEqual(upTo(160));
  });

  it('is 8-bit yuv420p of the enlarged size', () => {
    expect(readSps(file)).toMatchObject({ chroma: 1, depth: 8, width: 256, height: 256 });
  });

  it('is tagged bt709 in limited range, in the stream and in the container', () => {
    expect(readSps(file)).toMatchObject({ primaries: 1, transfer: 1, matrix: 1, fullRange: 0 });
    const { start } = boxAt(file, ...SAMPLE_ENTRY, 'colr');
    expect(file.toString('latin1', start, start + 4)).toBe('nclx');
    expect([4, 6, 8].map((at) => file.readUInt16BE(start + at))).toEqual([1, 1, 1]);
    expect(file[start + 10]! >> 7).toBe(0);
  });

  it('starts to play before it is loaded: moov comes before mdat', () => {
    const types = boxes(file).map((box) => box.type);
    expect(types.indexOf('moov')).toBeGreaterThan(0);
    expect(types.indexOf('moov')).toBeLessThan(types.indexOf('mdat'));
  });

  it('has a key frame every 30 frames, and no fewer than 160 samples', () => {
    const table = ['moov', 'trak', 'mdia', 'minf', 'stbl'];
    const keys = boxAt(file, ...table, 'stss').start;
    const frames = Array.from({ length: file.readUInt32BE(keys + 4) }, (_, i) => file.readUInt32BE(keys + 8 + 4 * i));
    expect(Math.max(...frames.map((frame, i) => (frames[i + 1] ?? 161) - frame))).toBeLessThanOrEqual(30);
    expect(file.readUInt32BE(boxAt(file, ...table, 'stsz').start + 8)).toBe(160);
  });

  it('is the same to the byte when it is made again', async () => {
    const again = await encodeVideo(sequence, { path: join(folder, 'again.mp4'), width: 64, height: 64, fps: 25 });
    expect(again.sha256).toBe(written.sha256);
  });

  it('gives the chosen frames: the first few, every n-th, or by number', async () => {
    const numbers = async (options: object) => readNumbers(await decodeVideo(path, options));
    expect(await numbers({ maxFrames: 3 })).toEqual([0, 1, 2]);
    expect(await numbers({ every: 50 })).toEqual([0, 50, 100, 150]);
    expect(await numbers({ every: 50, maxFrames: 2 })).toEqual([0, 50]);
    expect(await numbers({ frameIndices: [7, 8, 159] })).toEqual([7, 8, 159]);
  });

  it('says so when a chosen frame does not exist', async () => {
    await expect(decodeVideo(path, { frameIndices: [3, 160] })).rejects.toMatchObject({
      code: 'REQUEST_INVALID',
      message: expect.stringMatching(/160 frames.*frame 160/) as string,
    });
  });

  it('can be read frame by frame and left at any time', async () => {
    const seen: number[] = [];
    const reader = new VideoReader(path, { width: 32, height: 32 });
    for await (const frame of reader) {
      seen.push(frame.index);
      if (frame.index === 4) break;
    }
    expect(seen).toEqual(upTo(5));
    expect(reader.fps).toBe(25);
  });

  it('is not decoded into more memory than allowed', async () => {
    await expect(decodeVideo(path, { maxBytes: 1e6 })).rejects.toMatchObject({ code: 'VIDEO_TOO_LARGE' });
  });
});

describe('pictures in a video', () => {
  it.each([
    [227, 227],
    [301, 257],
    [5, 3],
    [1, 1],
  ])('of %i x %i survive', async (width, height) => {
    const path = join(folder, `${width}x${height}.mp4`);
    const sequence = numberedFrames(9, width, height);
    const written = await encodeVideo(sequence, { path, width, height, fps: 25 });
    const back = await decodeVideo(path);
    expect([back.width, back.height]).toEqual([written.width, written.height]);
    expect([back.width % 2, back.height % 2, back.count]).toEqual([0, 0, 9]);
    if (width >= 8) expect(readNumbers(back)).toEqual(upTo(9));
  });

  it('of two pixels survive without enlargement', async () => {
    const path = join(folder, 'tiny.mp4');
    const written = await encodeVideo([new Uint8Array(6)], { path, width: 2, height: 1, fps: 240, upscale: 'none' });
    const back = await decodeVideo(path);
    expect([written.width, written.height, back.width, back.height, back.fps]).toEqual([2, 2, 2, 2, 240]);
  });

  it('keep their colours through bt709 and back', async () => {
    const colours = [
      [255, 0, 0],
      [0, 255, 0],
      [0, 0, 255],
      [255, 255, 255],
      [0, 0, 0],
      [200, 120, 40],
    ];
    const path = join(folder, 'colours.mp4');
    const frames = colours.map((rgb) => Uint8Array.from({ length: 64 * 64 * 3 }, (_, i) => rgb[i % 3]!));
    await encodeVideo(frames, { path, width: 64, height: 64, fps: 1 });
    const back = await decodeVideo(path);
    colours.forEach((rgb, t) => {
      const at = (128 * 256 + 128) * 3;
      const seen = frameAt(back, t).subarray(at, at + 3);
      rgb.forEach((value, c) => expect(Math.abs(seen[c]! - value)).toBeLessThanOrEqual(4));
    });
  });

  it('keep square pixels with the nearest-pixel enlargement', async () => {
    const path = join(folder, 'squares.mp4');
    const frame = Uint8Array.from(
      { length: 8 * 8 * 3 },
      (_, i) => (((Math.floor(i / 3) % 8) + Math.floor(i / 24)) % 2) * 255,
    );
    await encodeVideo([frame], { path, width: 8, height: 8, fps: 25, upscale: 'nearest' });
    const back = await decodeVideo(path);
    for (let y = 0; y < 256; y += 5) {
      for (let x = 0; x < 256; x += 5) {
        const expected = ((Math.floor(x / 32) + Math.floor(y / 32)) % 2) * 255;
        expect(Math.abs(back.frames[(y * 256 + x) * 3]! - expected)).toBeLessThan(40);
      }
    }
  });

  it('repeat the last column where an odd side is padded', async () => {
    const path = join(folder, 'padded.mp4');
    await encodeVideo([new Uint8Array(301 * 301 * 3).fill(255)], { path, width: 301, height: 301, fps: 25 });
    const back = await decodeVideo(path);
    expect([back.width, back.height]).toEqual([302, 302]);
    expect(back.frames.reduce((least, value) => Math.min(least, value))).toBeGreaterThan(245);
  });

  it('are cut, not squeezed, with fit: cover', async () => {
    const path = join(folder, 'wide.mp4');
    // Left and right quarter black, the middle half white.
    const frame = Uint8Array.from({ length: 512 * 256 * 3 }, (_, i) => {
      const x = Math.floor(i / 3) % 512;
      return x >= 128 && x < 384 ? 255 : 0;
    });
    await encodeVideo([frame], { path, width: 512, height: 256, fps: 25 });
    const mean = (pixels: Uint8Array) => pixels.reduce((sum, value) => sum + value, 0) / pixels.length;
    const cover = await decodeVideo(path, { width: 64, height: 64, fit: 'cover' });
    const stretch = await decodeVideo(path, { width: 64, height: 64 });
    expect([cover.width, cover.height]).toEqual([64, 64]);
    expect(mean(cover.frames)).toBeGreaterThan(240);
    expect(mean(stretch.frames)).toBeCloseTo(127.5, -1);
  });
});

describe('files that are no videos', () => {
  it.each([
    ['missing.mp4', null, /no such file/],
    ['empty.mp4', Buffer.alloc(0), /empty/],
    ['noise.mp4', Buffer.from(Array.from({ length: 5000 }, (_, i) => (i * 7919) % 251)), /not a readable video/],
    ['text.avi', Buffer.from('This is not a video.\n'.repeat(50)), /not a readable video/],
  ])('%s is VIDEO_UNREADABLE', async (name, content, message) => {
    const path = join(folder, name);
    if (content) await writeFile(path, content);
    await expect(decodeVideo(path)).rejects.toMatchObject({
      code: 'VIDEO_UNREADABLE',
      message: expect.stringMatching(message) as string,
    });
  });

  it('a folder and a video cut off before its index are too', async () => {
    await expect(decodeVideo(folder)).rejects.toMatchObject({ code: 'VIDEO_UNREADABLE' });
    const path = join(folder, 'whole.mp4');
    await encodeVideo(numberedFrames(5, 64, 64), { path, width: 64, height: 64, fps: 25 });
    const cut = join(folder, 'cut.mp4');
    await writeFile(cut, (await readFile(path)).subarray(0, 300));
    await expect(decodeVideo(cut)).rejects.toMatchObject({ code: 'VIDEO_UNREADABLE' });
  });

  it('a name that looks like an address or an option is only a file name', async () => {
    await expect(decodeVideo('http://127.0.0.1:1/a.mp4')).rejects.toMatchObject({ code: 'VIDEO_UNREADABLE' });
    await mkdir(join(folder, 'odd: name'));
    const path = join(folder, 'odd: name', '-i 100% d\u00e9j\u00e0.mp4');
    await encodeVideo(numberedFrames(3, 64, 64), { path, width: 64, height: 64, fps: 25 });
    expect(readNumbers(await decodeVideo(path))).toEqual([0, 1, 2]);
    expect(await readdir(join(folder, 'odd: name'))).toHaveLength(1);
  });

  it.each([
    { width: 64 },
    { width: 0, height: 64 },
    { width: 64, height: 9000 },
    { maxFrames: 0 },
    { every: 1.5 },
    { frameIndices: [] },
    { frameIndices: [3, 2] },
    { frameIndices: [1], every: 2 },
  ])('wrong options are refused before anything is read: %o', async (options) => {
    await expect(decodeVideo(join(folder, 'missing.mp4'), options)).rejects.toMatchObject({ code: 'REQUEST_INVALID' });
  });
});

it('views of single frames are checked', () => {
  const sequence = numberedFrames(3, 8, 8);
  expect([...eachFrame(sequence)]).toHaveLength(3);
  expect(() => frameAt(sequence, 3)).toThrow(RangeError);
  expect(() => [...eachFrame({ ...sequence, count: 4 })]).toThrow(RangeError);
});
