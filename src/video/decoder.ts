/**
 * Reads videos of any format that ffmpeg knows as RGB frames, in order, none dropped and none doubled. Frames come as PPM
 * pictures, which carry their own size, so nothing has to be known about the file beforehand.
 */
import { open } from 'node:fs/promises';
import { resolve } from 'node:path';
import { NeuroreelError } from '../protocol/errors.js';
import { findFfmpeg } from './ffmpeg-binary.js';
import type { FfmpegBinary } from './ffmpeg-binary.js';
import { FfmpegProcess } from './ffmpeg-process.js';
import type { FrameSequence } from './frames.js';
import { frameLength, MAX_SIDE } from './frames.js';

export interface DecodeOptions {
  /** Size to scale to (bilinear), both or none, 1 to 8192. Default: the video's own (turned upright if it says so). */
  readonly width?: number;
  readonly height?: number;
  /** `stretch` (default) fills the size whatever the aspect; `cover` keeps the aspect and cuts what protrudes. */
  readonly fit?: 'stretch' | 'cover';
  /** Stop after so many frames have been handed out. Default: all. */
  readonly maxFrames?: number;
  /** Only every n-th frame: 0, n, 2n, ... Default 1. */
  readonly every?: number;
  /** Only these frames, counted from 0, ascending. */
  readonly frameIndices?: readonly number[];
  readonly signal?: AbortSignal;
  /** The program to use; default `findFfmpeg()`. */
  readonly ffmpeg?: FfmpegBinary;
  /** ffmpeg is stopped when it does nothing for so long while it is waited for. Default 120 000. */
  readonly stallMs?: number;
}

export interface DecodedFrame {
  /** Place in the video, counted from 0. */
  readonly index: number;
  readonly width: number;
  readonly height: number;
  /** RGB, [height, width, 3]. */
  readonly data: Uint8Array;
}

export interface DecodedVideo extends FrameSequence {
  /** Frame rate that the file states; null when it states none. */
  readonly fps: number | null;
}

const MAX_BYTES = 2 ** 30;

/**
 * Decodes a video into memory, at most `maxBytes` of it (default 1 GiB).
 *
 * @throws NeuroreelError VIDEO_UNREADABLE when the file is missing, empty, damaged or not a video; VIDEO_TOO_LARGE when
 *   the frames pass `maxBytes`; REQUEST_INVALID for options out of range or a frame that the video does not have;
 *   FFMPEG_MISSING, FFMPEG_FAILED; the signal's reason when it is aborted.
 */
export async function decodeVideo(
  path: string,
  options: DecodeOptions & { readonly maxBytes?: number } = {},
): Promise<DecodedVideo> {
  const { maxBytes = MAX_BYTES, ...rest } = options;
  const reader = new VideoReader(path, rest);
  const list: DecodedFrame[] = [];
  let bytes = 0;
  for await (const frame of reader) {
    bytes += frame.data.length;
    if (bytes > maxBytes) {
      const message = `The frames of ${path} need more than ${maxBytes} bytes of memory (${list.length} frames fit).`;
      throw new NeuroreelError('VIDEO_TOO_LARGE', message);
    }
    list.push(frame);
  }
  const { width, height } = list[0]!;
  const frames = new Uint8Array(bytes);
  list.forEach((frame, i) => frames.set(frame.data, i * frameLength(width, height)));
  return { frames, count: list.length, width, height, fps: reader.fps };
}

/**
 * A video as an async iterable of frames: `for await (const frame of new VideoReader(path))`. ffmpeg waits while a frame
 * is worked on, so memory holds one frame whatever the length; leaving the loop ends ffmpeg. Every iteration starts anew.
 * Errors as of `decodeVideo`.
 */
export class VideoReader implements AsyncIterable<DecodedFrame> {
  readonly #path: string;
  readonly #options: DecodeOptions;
  #fps: number | null = null;

  /** @throws NeuroreelError REQUEST_INVALID for options out of range. */
  constructor(path: string, options: DecodeOptions = {}) {
    checkOptions(options);
    this.#path = resolve(path);
    this.#options = options;
  }

  /** Frame rate that the file states; known once an iteration has ended. */
  get fps(): number | null {
    return this.#fps;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<DecodedFrame, void> {
    const { signal, stallMs, ffmpeg, maxFrames = Infinity } = this.#options;
    signal?.throwIfAborted();
    await checkReadable(this.#path);
    const binary = ffmpeg ?? (await findFfmpeg());
    const process = new FfmpegProcess({
      binary,
      input: { options: ['-nostdin'], file: `file:${this.#path}` },
      output: { options: decoderArguments(this.#options, binary), file: null },
      signal,
      stallMs,
      onLine: (line) => (this.#fps ??= frameRateOf(line)),
    });
    const wanted = selection(this.#options);
    let index = -1;
    let count = 0;
    try {
      for await (const picture of ppmPictures(process.read())) {
        if (!wanted.has(++index)) continue;
        yield { index, ...picture };
        if (++count >= maxFrames || index >= wanted.last) return;
      }
    } catch (error) {
      throw this.#explain(error);
    } finally {
      await process.kill();
    }
    if (index < 0) throw this.#unreadable('it holds no picture', process.tail);
    if (wanted.last !== Infinity || count === 0) {
      const message = `${this.#path} has ${index + 1} frames (0 to ${index}); frame ${wanted.last} does not exist.`;
      throw new NeuroreelError('REQUEST_INVALID', message);
    }
  }

  /** An exit code of ffmpeg while it reads a file is the file's fault; a signal or a stall is not. */
  #explain(error: unknown): unknown {
    if (!(error instanceof NeuroreelError) || error.code !== 'FFMPEG_FAILED') return error;
    const { exitCode, stderr } = (error.details ?? {}) as { exitCode?: number | null; stderr?: string[] };
    return exitCode == null ? error : this.#unreadable('ffmpeg cannot decode it', stderr ?? []);
  }

  #unreadable(why: string, stderr: readonly string[]): NeuroreelError {
    const said = stderr.filter((line) => !/^\s|^(Input|Output|Stream|Press) /.test(line)).slice(-2);
    const message = [`${this.#path} is not a readable video: ${why}`, ...said].join('; ').replace(/\.?$/, '.');
    return new NeuroreelError('VIDEO_UNREADABLE', message, { details: { stderr: [...stderr] } });
  }
}

/**
 * Options of ffmpeg to write every frame of the first video stream (cover pictures of music are none) as PPM. Colours
 * are converted by the tags of the file: matrix bt601 or bt709, limited or full range; without tags bt601 limited, as
 * every other decoder takes it. Pixels count as square, as recognisers were trained.
 */
export function decoderArguments(options: DecodeOptions, binary: Pick<FfmpegBinary, 'libavutil'>): string[] {
  const { width, height, fit = 'stretch' } = options;
  const flags = 'flags=bilinear+accurate_rnd+full_chroma_int';
  const scale =
    width === undefined
      ? `scale=iw:ih:${flags}`
      : fit === 'stretch'
        ? `scale=${width}:${height}:${flags}`
        : `scale=${width}:${height}:${flags}:force_original_aspect_ratio=increase`;
  const crop = width !== undefined && fit === 'cover' ? `,crop=${width}:${height}` : '';
  // `-vsync` is on its way out; `-fps_mode` came with ffmpeg 5.1 (libavutil 57.28).
  const [major, minor] = binary.libavutil ?? [Infinity, 0];
  const modern = major > 57 || (major === 57 && minor >= 28);
  return [
    ...['-hide_banner', '-nostats', '-map', '0:V:0', '-an', '-sn', '-dn'],
    ...(modern ? ['-fps_mode', 'passthrough'] : ['-vsync', '0']),
    ...['-vf', `${scale},format=rgb24${crop}`, '-c:v', 'ppm', '-f', 'image2pipe'],
  ];
}

/** The frames per second in one of the lines in which ffmpeg describes its input. */
function frameRateOf(line: string): number | null {
  const match = /Stream #0:\d+.*: Video: .*?([\d.]+)(k?) fps/.exec(line);
  return match ? Number(match[1]) * (match[2] ? 1000 : 1) : null;
}

function selection({ every = 1, frameIndices }: DecodeOptions): { has(index: number): boolean; last: number } {
  if (!frameIndices) return { has: (index) => index % every === 0, last: Infinity };
  const set = new Set(frameIndices);
  return { has: (index) => set.has(index), last: frameIndices.at(-1)! };
}

/** Cuts a stream of bytes into the pictures of a sequence of binary PPMs (`P6 width height 255`). */
async function* ppmPictures(chunks: AsyncIterable<Buffer>): AsyncGenerator<Omit<DecodedFrame, 'index'>> {
  let header = '';
  let picture: { width: number; height: number; data: Uint8Array } | null = null;
  let filled = 0;
  for await (const chunk of chunks) {
    for (let at = 0; at < chunk.length;) {
      if (!picture) {
        header += String.fromCharCode(chunk[at++]!);
        picture = parseHeader(header);
        continue;
      }
      const part = chunk.subarray(at, at + picture.data.length - filled);
      picture.data.set(part, filled);
      filled += part.length;
      at += part.length;
      if (filled < picture.data.length) continue;
      yield picture;
      [picture, header, filled] = [null, '', 0];
    }
  }
}

function parseHeader(text: string): { width: number; height: number; data: Uint8Array } | null {
  const match = /^P6\s(\d+)\s(\d+)\s255\s$/.exec(text);
  if (!match) {
    if (text.length > 32) throw new NeuroreelError('FFMPEG_FAILED', 'ffmpeg wrote something other than pictures.');
    return null;
  }
  const [width, height] = [Number(match[1]), Number(match[2])];
  return { width, height, data: new Uint8Array(frameLength(width, height)) };
}

async function checkReadable(path: string): Promise<void> {
  const fail = (why: string, cause?: unknown) =>
    new NeuroreelError('VIDEO_UNREADABLE', `${path} is not a readable video: ${why}.`, { cause });
  const file = await open(path, 'r').catch((error: NodeJS.ErrnoException) => {
    throw fail(error.code === 'ENOENT' ? 'there is no such file' : error.message, error);
  });
  try {
    const { size } = await file.stat().then((s) => (s.isDirectory() ? Promise.reject(fail('it is a folder')) : s));
    if (size === 0) throw fail('it is empty');
  } finally {
    await file.close();
  }
}

function checkOptions({ width, height, maxFrames, every, frameIndices }: DecodeOptions): void {
  const fail = (message: string) => new NeuroreelError('REQUEST_INVALID', message);
  const isWhole = (value: number, low: number, high: number) =>
    Number.isInteger(value) && value >= low && value <= high;
  if ((width === undefined) !== (height === undefined)) throw fail('Give both width and height to scale to, or none.');
  for (const size of [width, height]) {
    if (size !== undefined && !isWhole(size, 1, MAX_SIDE)) {
      throw fail(`A video cannot be scaled to ${width} x ${height}; sizes are 1 to ${MAX_SIDE}.`);
    }
  }
  if (maxFrames !== undefined && !isWhole(maxFrames, 1, 1e9))
    throw fail(`maxFrames is ${maxFrames}; it must be 1 or more.`);
  if (every !== undefined && !isWhole(every, 1, 1e9)) throw fail(`every is ${every}; it must be 1 or more.`);
  if (!frameIndices) return;
  if (every !== undefined) throw fail('Give either every or frameIndices.');
  const ascending = frameIndices.every((n, i) => isWhole(n, 0, 1e9) && (i === 0 || n > frameIndices[i - 1]!));
  if (frameIndices.length === 0 || !ascending)
    throw fail('frameIndices must be whole numbers from 0 up, ascending, at least one.');
}
