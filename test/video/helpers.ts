import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import type { FfmpegBinary, FrameSequence } from '../../src/video/index.js';

/** A folder of the calling test file's own; removed when its tests have run. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'neuroreel-video-'));
  afterAll(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

const BITS = 8;

/** Grey frames whose upper half spells the frame's number in eight columns, black or white, lowest bit first. */
export function numberedFrames(count: number, width: number, height: number): FrameSequence {
  const frames = new Uint8Array(count * width * height * 3).fill(128);
  for (let t = 0; t < count; t++) {
    for (let y = 0; y < height / 2; y++) {
      for (let x = 0; x < width; x++) {
        const bit = (t >> Math.floor((x * BITS) / width)) & 1;
        frames.fill(bit * 255, ((t * height + y) * width + x) * 3, ((t * height + y) * width + x + 1) * 3);
      }
    }
  }
  return { frames, count, width, height };
}

/** The numbers that `numberedFrames` wrote, whatever the size the frames have now. */
export function readNumbers({ frames, count, width, height }: FrameSequence): number[] {
  return Array.from({ length: count }, (_, t) => {
    let number = 0;
    for (let bit = 0; bit < BITS; bit++) {
      const x = Math.floor(((bit + 0.5) * width) / BITS);
      const y = Math.floor(height / 4);
      if (frames[((t * height + y) * width + x) * 3]! > 127) number |= 1 << bit;
    }
    return number;
  });
}

/** A program that says it is ffmpeg and then does what the script (JavaScript) says. */
export async function fakeFfmpeg(folder: string, name: string, script: string): Promise<string> {
  const path = join(folder, name);
  const version = `if (process.argv[2] === '-version') { console.log('ffmpeg version 9.9-fake'); process.exit(0); }`;
  // A package.json further up must not make a module of it.
  await writeFile(join(folder, 'package.json'), '{}');
  await writeFile(path, `#!${process.execPath}\n${version}\n${script}\n`, { mode: 0o755 });
  return path;
}

export function binaryAt(path: string): FfmpegBinary {
  return { path, version: 'fake', source: 'FFMPEG_PATH', libavutil: null };
}

/** Whether a process with this id exists. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** A box of an MP4 file: type, where its content starts and ends. */
export interface Box {
  readonly type: string;
  readonly start: number;
  readonly end: number;
}

/** Boxes between two places of an MP4, in order (ISO/IEC 14496-12, 4.2). */
export function boxes(file: Buffer, from = 0, to = file.length): Box[] {
  const found: Box[] = [];
  for (let at = from; at + 8 <= to;) {
    let size = file.readUInt32BE(at);
    let header = 8;
    if (size === 1) [size, header] = [Number(file.readBigUInt64BE(at + 8)), 16];
    if (size === 0) size = to - at;
    found.push({ type: file.toString('latin1', at + 4, at + 8), start: at + header, end: at + size });
    at += size;
  }
  return found;
}

/** The first box at a path of types; `skip` bytes of a box that come before its children are known for stsd and avc1. */
export function boxAt(file: Buffer, ...path: string[]): Box {
  let box: Box = { type: '', start: 0, end: file.length };
  for (const type of path) {
    const skip = { stsd: 8, avc1: 78 }[box.type] ?? 0;
    const next = boxes(file, box.start + skip, box.end).find((b) => b.type === type);
    if (!next) throw new Error(`There is no ${type} in ${box.type || 'the file'}.`);
    box = next;
  }
  return box;
}

export const SAMPLE_ENTRY = ['moov', 'trak', 'mdia', 'minf', 'stbl', 'stsd', 'avc1'];

/** Fields of an H.264 sequence parameter set (ITU-T H.264, 7.3.2.1.1 and E.1.1), as far as our files use them. */
export function readSps(file: Buffer) {
  const { start } = boxAt(file, ...SAMPLE_ENTRY, 'avcC');
  const length = file.readUInt16BE(start + 6);
  // 00 00 03 stands for 00 00 inside a NAL unit.
  const bytes = [...file.subarray(start + 8, start + 8 + length)].filter(
    (byte, i, all) => !(byte === 3 && all[i - 1] === 0 && all[i - 2] === 0),
  );
  let at = 8;
  const bit = () => (bytes[at >> 3]! >> (7 - (at++ & 7))) & 1;
  const u = (n: number) => Array.from({ length: n }, bit).reduce((value, b) => value * 2 + b, 0);
  const ue = () => {
    let zeros = 0;
    while (bit() === 0) zeros++;
    return 2 ** zeros - 1 + u(zeros);
  };
  const profile = u(8);
  at += 16;
  ue();
  const chroma = profile >= 100 ? ue() : 1;
  const depth = profile >= 100 ? 8 + ue() : 8;
  if (profile >= 100) {
    ue();
    u(2);
  }
  ue();
  if (ue() === 0) ue();
  ue();
  u(1);
  const [columns, rows] = [ue() + 1, ue() + 1];
  if (u(1) === 0) u(1);
  u(1);
  const crop = u(1) ? [ue(), ue(), ue(), ue()] : [0, 0, 0, 0];
  const colour = { fullRange: -1, primaries: -1, transfer: -1, matrix: -1 };
  if (u(1)) {
    if (u(1) && u(8) === 255) u(32);
    if (u(1)) u(1);
    if (u(1)) {
      u(3);
      colour.fullRange = u(1);
      if (u(1)) [colour.primaries, colour.transfer, colour.matrix] = [u(8), u(8), u(8)];
    }
  }
  const [width, height] = [columns * 16 - 2 * (crop[0]! + crop[1]!), rows * 16 - 2 * (crop[2]! + crop[3]!)];
  return { chroma, depth, width, height, ...colour };
}
