/** Boards: where pictures and words are, that pixels stay what they are, and that scenes make a video. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { boardFrames, boardScale, inRows, placesOf, renderBoard, type BoardCell } from '../../src/video/board.js';
import { scenesLength, writeBoardVideo } from '../../src/video/board-video.js';
import { decodeVideo } from '../../src/video/decoder.js';
import { fitText, textWidth, wrapText } from '../../src/video/words.js';

/** A clip whose frame t is all of one colour, t higher in red than the one before. */
function clip(size: number, red: number, count = 1): BoardCell['clip'] {
  const frames = new Uint8Array(count * size * size * 3);
  for (let i = 0; i < frames.length; i += 3) frames.set([red + Math.floor(i / (size * size * 3)), 90, 160], i);
  return { frames, count, width: size, height: size };
}

const cell = (size: number, red: number, count = 1): BoardCell => ({
  clip: clip(size, red, count),
  label: 'goldfish',
  detail: '12.3',
});

async function pixelsOf(png: Buffer): Promise<{ at(x: number, y: number): number[]; width: number; height: number }> {
  const { data, info } = await sharp(png).raw().toBuffer({ resolveWithObject: true });
  const { width, height } = info;
  return { width, height, at: (x, y) => [...data.subarray((y * width + x) * 3, (y * width + x) * 3 + 3)] };
}

describe('a board', () => {
  it('shows every picture at its place, in its colours, enlarged by one factor', async () => {
    const board = { title: 'A title', columns: ['a', 'b'], rows: ['x', 'y'], scale: 3 };
    const cells = inRows([10, 60, 110, 160].map((red) => cell(20, red)));
    const places = placesOf({ ...board, cells });
    const drawn = await pixelsOf(await renderBoard({ ...board, cells }));
    expect([drawn.width, drawn.height]).toEqual([places.width, places.height]);
    cells.flat().forEach((_, i) => {
      const box = places.pictures[Math.floor(i / 2)]![i % 2]!;
      expect([box.width, box.height]).toEqual([60, 60]);
      expect(drawn.at(box.x, box.y)).toEqual([10 + 50 * i, 90, 160]);
      expect(drawn.at(box.x + 59, box.y + 59)).toEqual([10 + 50 * i, 90, 160]);
      expect(drawn.at(box.x + 60, box.y + 30)).toEqual([255, 255, 255]);
    });
  });

  it('keeps pictures of several sizes in proportion, in the middle of their columns', () => {
    const places = placesOf({ cells: [[cell(11, 0)], [cell(51, 0)], [cell(99, 0)]], scale: 2 });
    const boxes = places.pictures.map(([box]) => box!);
    expect(boxes.map(({ width }) => width)).toEqual([22, 102, 198]);
    const middles = boxes.map(({ x, width }) => x + width / 2);
    expect(Math.max(...middles) - Math.min(...middles)).toBeLessThan(1);
  });

  it('leaves empty places white and takes no room for words where there are none', async () => {
    const places = placesOf({ cells: [[{ clip: clip(90, 5) }, null]], scale: 1 });
    const drawn = await pixelsOf(await renderBoard({ cells: [[{ clip: clip(90, 5) }, null]], scale: 1 }));
    expect(places.height).toBe(16 + 90 + 16);
    expect(drawn.at(drawn.width - 30, 60)).toEqual([255, 255, 255]);
  });

  it('is the same to the byte when it is drawn again', async () => {
    const board = { title: 'A & B', subtitle: 'x < y', cells: [[cell(16, 50)]], footer: 'Made again.' };
    expect(await renderBoard(board)).toEqual(await renderBoard(board));
  });

  it('is as wide as a page at most by itself, and refused where it would be enormous', () => {
    const cells = [Array.from({ length: 12 }, () => cell(64, 0))];
    expect(boardScale({ cells })).toBe(2);
    expect(placesOf({ cells }).width).toBeLessThanOrEqual(1850);
    expect(() => placesOf({ cells, scale: 99 })).toThrow(RangeError);
    expect(() => placesOf({ cells: [[null]] })).toThrow('A board needs a cell');
  });
});

describe('text', () => {
  it('is made smaller, then cut, until it fits', () => {
    expect(fitText('short', 200, [14, 10])).toEqual({ text: 'short', size: 14 });
    expect(fitText('a label that is rather long', 150, [14, 9]).size).toBe(9);
    const cut = fitText('a label that is by far too long for its place', 60, [14, 9]);
    expect(cut.text).toMatch(/…$/);
    expect(textWidth(cut.text, 9)).toBeLessThanOrEqual(60);
    expect(wrapText('one two three four', textWidth('one two', 12), 12)).toEqual(['one two', 'three', 'four']);
  });
});

describe('a video of boards', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'neuroreel-board-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('runs all its clips at once; a shorter one stays at its last frame', async () => {
    const board = { cells: [[cell(32, 10, 4), cell(32, 100, 2)]], scale: 1 };
    const places = placesOf(board);
    const reds: number[][] = [];
    for await (const frame of boardFrames(board)) {
      reds.push(places.pictures[0]!.map((box) => frame[(box!.y * places.width + box!.x) * 3]!));
    }
    expect(reds).toEqual([
      [10, 100],
      [11, 101],
      [12, 101],
      [13, 101],
    ]);
  });

  it('shows scenes one after another, each as long as it says or as its clips are', async () => {
    const scenes = [
      { board: { title: 'step 0', cells: [[cell(32, 10, 3)]] } },
      { board: { title: 'step 100', cells: [[cell(32, 200)]] }, hold: 4 },
    ];
    const path = join(folder, 'series.mp4');
    const written = await writeBoardVideo(scenes, { path, fps: 10 });
    expect(written.frames).toBe(scenesLength(scenes));
    const { count, width, height } = await decodeVideo(path);
    expect({ count, width, height }).toEqual({ count: 7, width: written.width, height: written.height });
  });

  it('refuses scenes of several sizes, and none', async () => {
    const path = join(folder, 'none.mp4');
    const scenes = [{ board: { cells: [[cell(32, 1)]] } }, { board: { cells: [[cell(96, 1)]] } }];
    await expect(writeBoardVideo(scenes, { path, fps: 10 })).rejects.toThrow('do not make one video');
    await expect(writeBoardVideo([], { path, fps: 10 })).rejects.toThrow('at least one scene');
  });
});
