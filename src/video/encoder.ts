/** Writes frames to an MP4 as they come, one after another, and shows the file only when it is complete. */
import { createHash, randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { access, constants, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { NeuroreelError } from '../protocol/errors.js';
import { encoderArguments } from './encoder-arguments.js';
import type { EncoderArguments, EncoderOptions } from './encoder-arguments.js';
import { findFfmpeg } from './ffmpeg-binary.js';
import type { FfmpegBinary } from './ffmpeg-binary.js';
import { FfmpegProcess } from './ffmpeg-process.js';
import { checkFrame, eachFrame } from './frames.js';
import type { FrameSequence } from './frames.js';

export interface VideoWriterOptions extends EncoderOptions {
  /** The MP4 to write; an existing file is replaced when the new one is complete. Its folder must exist. */
  readonly path: string;
  /** Called with the number of frames encoded so far, about twice a second and at the end. */
  readonly onProgress?: (frames: number) => void;
  readonly signal?: AbortSignal;
  /** The program to use; default `findFfmpeg()`. */
  readonly ffmpeg?: FfmpegBinary;
  /** ffmpeg is stopped when it does nothing for so long. Default 120 000. */
  readonly stallMs?: number;
}

export interface WrittenVideo {
  readonly path: string;
  readonly bytes: number;
  readonly frames: number;
  /** Size of the picture, enlarged and even (see `EncoderOptions`). */
  readonly width: number;
  readonly height: number;
  /** SHA-256 of the file, in hexadecimal. */
  readonly sha256: string;
}

export interface VideoWriter {
  /** Adds a frame, RGB [height, width, 3]; it is copied. Resolves when the next one is welcome. */
  write(frame: Uint8Array): Promise<void>;
  /** Completes the file. */
  finish(): Promise<WrittenVideo>;
  /** Stops ffmpeg and leaves no file; resolves when it is gone. Without effect after `finish`. */
  abort(reason?: unknown): Promise<void>;
}

/**
 * Starts to write an MP4.
 *
 * `write` and `finish` throw RangeError for a frame of another size, NeuroreelError FFMPEG_FAILED when ffmpeg dies or
 * stalls, and the signal's reason when it is aborted; whatever is thrown, ffmpeg is gone and no file is left.
 *
 * @throws NeuroreelError REQUEST_INVALID for options out of range, OUTPUT_UNWRITABLE when the folder cannot be written,
 *   FFMPEG_MISSING when there is no ffmpeg.
 */
export async function openVideoWriter(options: VideoWriterOptions): Promise<VideoWriter> {
  const encoding = encoderArguments(options);
  options.signal?.throwIfAborted();
  const path = resolve(options.path);
  await checkWritable(path);
  const binary = options.ffmpeg ?? (await findFfmpeg());
  return new Mp4Writer(path, binary, encoding, options);
}

/**
 * Writes all frames of a sequence, or of an iterable of frames, to an MP4. Options and errors as of `openVideoWriter`.
 * When the iterable throws, that error is thrown on and no file is left.
 */
export async function encodeVideo(
  frames: FrameSequence | Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  options: VideoWriterOptions,
): Promise<WrittenVideo> {
  const writer = await openVideoWriter(options);
  try {
    for await (const frame of 'frames' in frames ? eachFrame(frames) : frames) await writer.write(frame);
    return await writer.finish();
  } catch (error) {
    await writer.abort(error);
    throw error;
  }
}

class Mp4Writer implements VideoWriter {
  readonly #path: string;
  readonly #temporary: string;
  readonly #encoding: EncoderArguments;
  readonly #options: VideoWriterOptions;
  readonly #process: FfmpegProcess;
  #written = 0;
  #encoded = 0;

  constructor(path: string, binary: FfmpegBinary, encoding: EncoderArguments, options: VideoWriterOptions) {
    this.#path = path;
    this.#temporary = join(dirname(path), `.${basename(path)}.${randomUUID()}.part`);
    this.#encoding = encoding;
    this.#options = options;
    this.#process = new FfmpegProcess({
      binary,
      input: { options: encoding.input, file: null },
      output: { options: encoding.output, file: this.#temporary },
      signal: options.signal,
      stallMs: options.stallMs,
      onLine: (line) => this.#line(line),
    });
    // A signal may abort between two writes, when nobody is there to tidy up.
    this.#process.done.catch(() => this.#removeTemporary());
  }

  async write(frame: Uint8Array): Promise<void> {
    const { width, height } = this.#options;
    checkFrame(frame, width, height);
    await this.#orTidyUp(this.#process.write(frame));
    this.#written++;
  }

  async finish(): Promise<WrittenVideo> {
    const { width, height } = this.#encoding;
    if (this.#written === 0) {
      const error = new RangeError('A video needs at least one frame.');
      await this.abort(error);
      throw error;
    }
    return this.#orTidyUp(
      this.#process.end().then(async () => {
        const { bytes, sha256 } = await this.#complete();
        return { path: this.#path, bytes, frames: this.#written, width, height, sha256 };
      }),
    );
  }

  async abort(reason?: unknown): Promise<void> {
    await this.#process.kill(reason);
    await this.#removeTemporary();
  }

  /** Checks and measures the finished file, then gives it its name. */
  async #complete(): Promise<{ bytes: number; sha256: string }> {
    const size = await stat(this.#temporary).then(
      (file) => file.size,
      () => 0,
    );
    if (size === 0 || this.#encoded !== this.#written) {
      const message = `ffmpeg ended well but encoded ${this.#encoded} of ${this.#written} frames in ${size} bytes.`;
      throw new NeuroreelError('FFMPEG_FAILED', message, { details: { stderr: [...this.#process.tail] } });
    }
    const hash = createHash('sha256');
    await pipeline(createReadStream(this.#temporary), hash);
    this.#options.signal?.throwIfAborted();
    await rename(this.#temporary, this.#path);
    return { bytes: size, sha256: hash.digest('hex') };
  }

  #line(line: string): void {
    const frames = /^frame=\s*(\d+)$/.exec(line)?.[1];
    if (frames === undefined || Number(frames) <= this.#encoded) return;
    this.#encoded = Number(frames);
    this.#options.onProgress?.(this.#encoded);
  }

  async #orTidyUp<T>(work: Promise<T>): Promise<T> {
    try {
      return await work;
    } catch (error) {
      await this.abort(error);
      throw error;
    }
  }

  async #removeTemporary(): Promise<void> {
    await rm(this.#temporary, { force: true });
  }
}

async function checkWritable(path: string): Promise<void> {
  try {
    await access(dirname(path), constants.W_OK);
    const existing = await stat(path).catch(() => null);
    if (existing?.isDirectory()) throw new Error('it is a folder');
  } catch (error) {
    throw new NeuroreelError('OUTPUT_UNWRITABLE', `${path} cannot be written: ${(error as Error).message}.`, {
      cause: error,
    });
  }
}
