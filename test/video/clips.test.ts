import { cp, mkdir, readdir, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listClips, tableOf } from '../../src/video/clip-files.js';
import { ClipReader, type ReadOptions } from '../../src/video/clip-reader.js';
import { findFfmpeg, type FfmpegBinary } from '../../src/video/ffmpeg-binary.js';
import { FrameCache } from '../../src/video/frame-cache.js';
import { dotFrames, TINY_SIDE, writeTinyClips } from '../fixtures/tiny-models.js';
import { temporaryFolder } from '../jobs/fixtures/fixtures.js';

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let ffmpeg: FfmpegBinary;
let long: string;
beforeAll(async () => {
  folder = await temporaryFolder();
  ffmpeg = await findFfmpeg();
  long = join(folder.path, 'long');
  await writeTinyClips(long, 1, 40);
});
afterAll(() => folder.remove());

const size: ReadOptions = { width: TINY_SIDE, height: TINY_SIDE, thin: 'from-start' };

describe('clips of a folder', () => {
  it('come in natural order, with the label of their folder and the group that their name tells', async () => {
    const place = join(folder.path, 'named');
    await mkdir(join(place, 'left'), { recursive: true });
    const names = ['v_Left_g10_c01.mp4', 'v_Left_g2_c01.mp4', 'v_Left_g2_c10.mp4', 'v_Left_g2_c9.mp4', 'clip.mp4'];
    for (const name of names) await cp(join(long, 'left', 'dot-1.mp4'), join(place, 'left', name));
    await writeFile(join(place, 'loose_g01_c1.mp4'), '');
    await writeFile(join(place, '.hidden.mp4'), '');
    const clips = await listClips(place);
    expect(clips.map(({ name, label, group }) => [name, label, group])).toEqual([
      ['left/clip.mp4', 'left', null],
      ['left/v_Left_g2_c01.mp4', 'left', 'left/g2'],
      ['left/v_Left_g2_c9.mp4', 'left', 'left/g2'],
      ['left/v_Left_g2_c10.mp4', 'left', 'left/g2'],
      ['left/v_Left_g10_c01.mp4', 'left', 'left/g10'],
      ['loose_g01_c1.mp4', null, null],
    ]);
  });

  it('are not to be had from nowhere', async () => {
    await expect(listClips(join(folder.path, 'nowhere'))).rejects.toMatchObject({ code: 'REQUEST_INVALID' });
  });
});

describe('a list of clips', () => {
  const list = async (name: string, content: string) => {
    const path = join(folder.path, name);
    await writeFile(path, content);
    return (await listClips(path)).map(({ name: clip, label, group, path: file }) => [
      clip,
      label,
      group,
      file.slice(folder.path.length + 1),
    ]);
  };

  it('says path, label and group, as CSV, TSV or JSON', async () => {
    const rows = [
      ['long/left/dot-1.mp4', 'left', 'a, b', 'long/left/dot-1.mp4'],
      ['v_X_g07_c1.mp4', 'x', 'x/g07', 'v_X_g07_c1.mp4'],
      ['alone.mp4', null, null, 'alone.mp4'],
    ];
    const csv = '\ufeffpath,label,group\r\nlong/left/dot-1.mp4,left,"a, b"\r\nv_X_g07_c1.mp4,x,\n\nalone.mp4,,\n';
    expect(await list('clips.csv', csv)).toEqual(rows);
    expect(await list('clips.tsv', csv.replaceAll('"a, b"', 'a; b').replaceAll(',', '\t'))).toHaveLength(3);
    const json = rows.map(([path, label, group]) => ({ path, label, ...(group !== null && { group }) }));
    expect(await list('clips.json', JSON.stringify(json))).toEqual(rows);
  });

  it.each([
    ['bad.csv', 'file,label\na.mp4,x\n', /no column named "path"/],
    ['bad.json', '{', /not JSON/],
    ['bad2.json', '[{"path": 3}]', /0\.path/],
    ['twice.csv', 'path,label\na.mp4,x\na.mp4,y\n', /names the clip a\.mp4 twice/],
    ['clips.txt', 'a.mp4', /is to end in \.csv/],
  ])('%s that is none is refused with the reason', async (name, content, message) => {
    await expect(list(name, content)).rejects.toMatchObject({
      code: 'REQUEST_INVALID',
      message: expect.stringMatching(message),
    });
  });

  it('may quote its cells', () => {
    expect(tableOf('a,"b ""c"", d"\n"x\ny",z', ',')).toEqual([
      ['a', 'b "c", d'],
      ['x\ny', 'z'],
    ]);
  });
});

describe('frames of clips', () => {
  /** Column of the bright dot in a frame. */
  const dotAt = (pixels: Uint8Array, frame: number): number => {
    const row = (frame * TINY_SIDE + 8) * TINY_SIDE * 3;
    const columns = Array.from({ length: TINY_SIDE }, (_, x) => pixels[row + x * 3]!);
    return columns.indexOf(Math.max(...columns));
  };

  it('of long clips are taken from the start, or evenly, and it is told once', async () => {
    const told: string[] = [];
    const reader = new ClipReader({ ffmpeg, most: 16, onCut: (words) => told.push(words) });
    const [clip] = await listClips(long);
    const started = await reader.read(clip!, size);
    const even = await reader.read(clip!, { ...size, thin: 'evenly' });
    expect([started.frames, even.frames]).toEqual([16, 10]);
    const wanted = dotFrames('left', 1, 40);
    for (const frame of [0, 1, 2, 9]) {
      expect(dotAt(started.pixels, frame)).toBe(dotAt(wanted, frame));
      expect(dotAt(even.pixels, frame)).toBe(dotAt(wanted, frame * 4));
    }
    expect(told).toEqual(['left/dot-1.mp4: only its first 16 frames are taken']);
  });

  it('are decoded once: the second time they come from the cache, notes included', async () => {
    const cache = new FrameCache(join(folder.path, 'cache'));
    const told: string[] = [];
    const read = async () => {
      const reader = new ClipReader({ ffmpeg, cache, most: 16, onCut: (words) => told.push(words) });
      return reader.read((await listClips(long))[0]!, size);
    };
    const first = await read();
    const [file] = await readdir(join(folder.path, 'cache'));
    // What is in the file is what comes.
    const path = join(folder.path, 'cache', file!);
    const bytes = await import('node:fs/promises').then(({ readFile }) => readFile(path));
    bytes[bytes.length - 1]! ^= 255;
    await writeFile(path, bytes);
    const second = await read();
    expect(second.frames).toBe(first.frames);
    expect(second.pixels.at(-1)).toBe(first.pixels.at(-1)! ^ 255);
    expect(told).toHaveLength(2);
  });

  it('in a cache that is damaged are decoded anew', async () => {
    const place = join(folder.path, 'damaged');
    const reader = () => new ClipReader({ ffmpeg, cache: new FrameCache(place) });
    const [clip] = await listClips(long);
    const whole = await reader().read(clip!, size);
    const path = join(place, (await readdir(place))[0]!);
    for (const content of ['', 'neuroreel frames 1 {', 'neuroreel frames 1 {"frames":1e9,"width":1,"height":1}\n']) {
      await writeFile(path, content);
      expect((await reader().read(clip!, size)).pixels).toEqual(whole.pixels);
    }
  });
});

describe('the cache of frames', () => {
  const frames = (fill: number) => ({
    frames: 1,
    width: 10,
    height: 10,
    note: '',
    pixels: new Uint8Array(300).fill(fill),
  });

  it('never holds more than it may, and forgets what was longest unused', async () => {
    const place = join(folder.path, 'bounded');
    const keys = ['a', 'b', 'c'];
    for (const [i, key] of keys.entries()) {
      await new FrameCache(place, 20_000).put(key, frames(i));
      await utimes(join(place, `${key}.frames`), new Date(1e12 + i), new Date(1e12 + i));
    }
    const cache = new FrameCache(place, 4096 + 300 + 700);
    expect((await cache.get('a'))?.pixels[0]).toBe(0);
    await cache.put('d', frames(3));
    expect(await cache.get('b')).toBeNull();
    for (const key of ['a', 'd']) expect(await cache.get(key)).not.toBeNull();
    const sizes = await Promise.all((await readdir(place)).map(async (name) => (await stat(join(place, name))).size));
    expect(sizes.reduce((a, b) => a + b, 0)).toBeLessThanOrEqual(5096);
  });

  it('does without a disk that takes nothing', async () => {
    await writeFile(join(folder.path, 'file'), '');
    const cache = new FrameCache(join(folder.path, 'file', 'in-a-file'));
    await cache.put('a', frames(1));
    expect(await cache.get('a')).toBeNull();
  });
});
