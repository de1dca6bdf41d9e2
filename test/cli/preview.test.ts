/** Pictures on the terminal: what each way writes is decoded again, and a real pseudo-terminal answers a real command. */
import { spawn, spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inflateSync } from 'node:zlib';
import sharp from 'sharp';
import { decode as decodeSixel } from 'sixel';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { Output } from '../../clients/cli/output.js';
import { placeFor, type RgbPicture } from '../../clients/cli/preview/picture.js';
import { answersIn, hasTrueColour, QUESTION, wayByVariables } from '../../clients/cli/preview/terminal.js';
import { WAYS } from '../../clients/cli/preview/ways.js';
import { writeTinyModels } from '../fixtures/tiny-models.js';
import { openPlace, program, type Place } from './run-cli.js';

vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

const ESC = '\x1b';

/** Red grows to the right, green downwards. */
function gradient(width: number, height: number): RgbPicture {
  const pixels = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) pixels.set([(255 * x) / width, (255 * y) / height, 90], 3 * (y * width + x));
  }
  return { pixels, width, height };
}

const cell = { width: 10, height: 20 };
const meanDifference = (a: Uint8Array, b: Uint8Array): number =>
  a.reduce((sum, value, i) => sum + Math.abs(value - b[i]!), 0) / a.length;

describe('a picture on the terminal', () => {
  it('in the protocol of kitty is RGB bytes, compressed, in parts of 4096 characters', async () => {
    const picture = gradient(64, 48);
    const text = await WAYS.kitty(picture, { columns: 20, rows: 8, cell, trueColour: true });
    const parts = [...text.matchAll(new RegExp(`${ESC}_G([^;]*);([^${ESC}]*)${ESC}\\\\`, 'g'))].map(
      ([, head, data]) => [head!, data!] as const,
    );
    expect(parts.map(([, data]) => data).join('').length + parts.reduce((n, [head]) => n + head.length + 6, 0)).toBe(
      text.length,
    );
    expect(parts[0]![0]).toMatch(/^a=T,f=24,o=z,s=64,v=48,c=20,r=8,i=\d+,p=1,C=1,q=2,m=[01]$/);
    expect(parts.at(-1)![0]).toMatch(/m=0$/);
    for (const [, data] of parts) expect(data.length).toBeLessThanOrEqual(4096);
    const pixels = inflateSync(Buffer.from(parts.map(([, data]) => data).join(''), 'base64'));
    expect(Buffer.compare(pixels, picture.pixels)).toBe(0);
  });

  it('in the protocol of iTerm2 is a PNG', async () => {
    const picture = gradient(64, 48);
    const text = await WAYS.iterm(picture, { columns: 20, rows: 8, cell, trueColour: true });
    const [, facts, data] = new RegExp(`^${ESC}\\]1337;File=([^:]*):(.*)\x07$`).exec(text)!;
    const png = Buffer.from(data!, 'base64');
    expect(facts).toBe(`inline=1;size=${png.length};width=20;height=8;preserveAspectRatio=0`);
    expect(Buffer.compare(await sharp(png).removeAlpha().raw().toBuffer(), picture.pixels)).toBe(0);
  });

  it('in sixels has the size of its place, and nearly its colours, also for libsixel', async () => {
    const picture = gradient(100, 60);
    const text = await WAYS.sixel(picture, { columns: 10, rows: 3, cell, trueColour: true });
    const { data32, width, height } = decodeSixel(text.slice(text.indexOf('q') + 1, -2));
    expect({ width, height }).toEqual({ width: 100, height: 60 });
    const rgba = new Uint8Array(data32.buffer, data32.byteOffset, width * height * 4);
    expect(
      meanDifference(
        rgba.filter((_, i) => i % 4 !== 3),
        picture.pixels,
      ),
    ).toBeLessThan(6);
    const folder = await mkdtemp(join(tmpdir(), 'neuroreel-sixel-'));
    const [sixels, png] = [join(folder, 'x.six'), join(folder, 'x.png')];
    await writeFile(sixels, text);
    if (spawnSync('sixel2png', ['-i', sixels, '-o', png]).status === 0) {
      const decoded = await sharp(await readFile(png))
        .removeAlpha()
        .raw()
        .toBuffer();
      expect(meanDifference(decoded, picture.pixels)).toBeLessThan(6);
    }
    await rm(folder, { recursive: true });
  });

  it('in half blocks has two pixels a character', async () => {
    const picture = { pixels: Uint8Array.of(1, 2, 3, 200, 100, 50, 4, 5, 6, 255, 255, 255), width: 2, height: 2 };
    const place = { columns: 2, rows: 1, cell };
    expect(await WAYS.blocks(picture, { ...place, trueColour: true })).toBe(
      '\x1b[38;2;1;2;3m\x1b[48;2;4;5;6m▀\x1b[38;2;200;100;50m\x1b[48;2;255;255;255m▀\x1b[0m',
    );
    expect(await WAYS.blocks(picture, { ...place, trueColour: false })).toBe(
      '\x1b[38;5;16m\x1b[48;5;16m▀\x1b[38;5;167m\x1b[48;5;231m▀\x1b[0m',
    );
  });

  it('keeps its proportions within its place', () => {
    expect(placeFor({ width: 64, height: 64 }, { columns: 80, rows: 12, cell })).toMatchObject({
      columns: 24,
      rows: 12,
    });
    expect(placeFor({ width: 640, height: 64 }, { columns: 80, rows: 12, cell })).toMatchObject({
      columns: 80,
      rows: 4,
    });
    expect(placeFor({ width: 1, height: 900 }, { columns: 80, rows: 12, cell })).toMatchObject({
      columns: 1,
      rows: 12,
    });
  });

  it('takes the place of the one before, above the bar, unless text came between', () => {
    const stream = { text: '', isTTY: false, columns: 80, write: (text: string) => ((stream.text += text), true) };
    const out = new Output({}, stream, stream);
    out.picture('A', 2);
    out.picture('B', 2);
    out.note('by the way');
    out.picture('C', 2);
    expect(stream.text).toBe(
      '\r\n\n\x1b[2A\x1b7A\x1b8\x1b[2B' +
        '\r\x1b[2A\x1b7B\x1b8\x1b[2B' +
        'by the way\n' +
        '\r\n\n\x1b[2A\x1b7C\x1b8\x1b[2B',
    );
  });
});

describe('the terminal', () => {
  it.each([
    [{ KITTY_WINDOW_ID: '1', TERM: 'xterm-kitty' }, 'kitty'],
    [{ TERM_PROGRAM: 'ghostty' }, 'kitty'],
    [{ TERM_PROGRAM: 'iTerm.app' }, 'iterm'],
    [{ TERM_PROGRAM: 'WezTerm' }, 'iterm'],
    [{ LC_TERMINAL: 'iTerm2', TERM: 'xterm-256color' }, 'iterm'],
    [{ KITTY_WINDOW_ID: '1', TMUX: '/tmp/x' }, null],
    [{ TERM: 'screen-256color', TERM_PROGRAM: 'iTerm.app' }, null],
    [{ TERM: 'xterm-256color' }, null],
    [{ TERM: 'dumb' }, 'none'],
    [{ TERM: 'xterm-kitty', NO_COLOR: '1' }, 'none'],
  ])('with %j shows pictures as %s', (env, way) => {
    expect(wayByVariables(env)).toBe(way);
  });

  it('answers what it can', () => {
    expect(answersIn('\x1b_Gi=31;OK\x1b\\\x1b[6;18;9t\x1b[?62;c')).toEqual({
      ...{ way: 'kitty', cell: { width: 9, height: 18 }, complete: true },
    });
    expect(answersIn('\x1b[?62;4;22c')).toEqual({ way: 'sixel', cell: null, complete: true });
    expect(answersIn('\x1b[?4;6c')).toMatchObject({ way: null, complete: true });
    expect(answersIn('\x1b_Gi=31;ENOTSUPPORTED\x1b\\')).toEqual({ way: null, cell: null, complete: false });
    expect([hasTrueColour({ COLORTERM: 'truecolor' }), hasTrueColour({ TERM: 'xterm' })]).toEqual([true, false]);
  });
});

describe('a command on a terminal', () => {
  let place: Place;
  beforeAll(async () => {
    place = await openPlace();
    await writeTinyModels(join(place.path, 'models'));
  });
  afterAll(() => place.remove());

  /** Runs it on a pseudo-terminal that gives an answer to the question what it can show. */
  function onTerminal(args: string, answer: string): Promise<string> {
    const line = `${process.execPath} ${program} ${args}`;
    const env = { ...place.env, TERM: 'xterm-256color', COLORTERM: 'truecolor', NO_COLOR: '' };
    const child = spawn('script', ['-qec', line, '/dev/null'], { cwd: place.path, env });
    let said = '';
    return new Promise((resolve, reject) => {
      child.on('error', reject);
      child.stdout.setEncoding('latin1').on('data', (text: string) => {
        if (!said.includes(QUESTION) && (said + text).includes(QUESTION)) child.stdin.write(answer);
        said += text;
      });
      child.on('close', () => resolve(said));
    });
  }

  it('shows frames as the terminal says that it can, and a bar below them', async () => {
    const video = 'video --model tiny-lrcn --models models --frames 20 --iterations 1500';
    const said = await onTerminal(video, '\x1b[6;18;9t\x1b[?62;4c');
    const [, sixels] = new RegExp(`${ESC}P[\\d;]*q([^${ESC}]*)${ESC}\\\\`).exec(said)!;
    // 12 frames of 16 pixels in 79 columns of 9 pixels.
    const { width, height } = decodeSixel(sixels!);
    expect(height % 6).toBe(0);
    expect(width % 9).toBe(0);
    expect(said).toMatch(/optimising \[#+\.*\] \d+\/1500 {2}activation -?\d/);
    expect(said).toMatch(/video +out\/video\/video\.mp4/);
  });
});
