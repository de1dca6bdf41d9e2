/**
 * Writes down how a job's frames came to be what they are: sheets of its frames at some iterations, in one file. A file is
 * a row of records, each a length (u32, big-endian) and a binary message of the stream (header, then a sheet as JPEG), whose
 * `stream` is the number of frames and whose time is 0, so that the same job leaves the same bytes.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { decodeFrame, encodeFrame, type FrameHeader } from '../protocol/index.js';
import type { FrameSet } from './pictures.js';
import { fileWriter } from './store/files.js';

export const EVOLUTION_FILE = 'evolution.frames';

/** Iterations that are kept at most; when more come, every second one is dropped. */
const MOST_KEPT = 64;
/** Width of a kept frame at most, pixels. */
const MOST_WIDTH = 128;
export const QUALITY = 85;

/** Bytes of a record's length. */
export const LENGTH_BYTES = 4;

interface Kept {
  readonly step: number;
  readonly message: Uint8Array;
}

function recordsOf(bytes: Uint8Array): Kept[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const kept: Kept[] = [];
  let at = 0;
  while (at + LENGTH_BYTES <= bytes.byteLength) {
    const end = at + LENGTH_BYTES + view.getUint32(at);
    // A record that an interruption cut is left out.
    if (end > bytes.byteLength) break;
    const message = bytes.subarray(at + LENGTH_BYTES, end);
    kept.push({ step: decodeFrame(message).header.step, message });
    at = end;
  }
  return kept;
}

/** Keeps every n-th iteration of a job, in its folder that outlives interruptions. */
export class EvolutionWriter {
  readonly #work: string;
  #every: number;
  #kept: Kept[] | null = null;
  #adding: Promise<void> = Promise.resolve();

  /** @param work folder that outlives an interruption; @param every iterations from one that is kept to the next */
  constructor(work: string, every: number) {
    this.#work = work;
    this.#every = every;
  }

  /** @param iteration from 1 */
  isDue(iteration: number): boolean {
    return iteration === 1 || iteration % this.#every === 0;
  }

  /** Adds an iteration; one that was kept before an interruption, and those after it, give way. */
  add(set: FrameSet): void {
    this.#adding = this.#adding.then(() => this.#add(set));
    // Who waits for it hears of a failure.
    this.#adding.catch(() => undefined);
  }

  /** Waits until all that was added is on the disk, and copies it to the folder of artifacts. */
  async finish(artifacts: string): Promise<void> {
    await this.#adding;
    if (this.#kept !== null) await this.#write(join(artifacts, EVOLUTION_FILE));
  }

  async #add(set: FrameSet): Promise<void> {
    const { step, activation, frames } = set;
    this.#kept ??= await readFile(join(this.#work, EVOLUTION_FILE)).then(recordsOf, () => []);
    const width = Math.min(MOST_WIDTH, set.width);
    // What draws pictures is large, and few jobs need it.
    const { sheetPicture } = await import('./pictures.js');
    const { bytes, columns, ...size } = await sheetPicture(set, { quality: QUALITY, width });
    const header: FrameHeader = {
      ...{ kind: 'sheet', codec: 'jpeg', flags: 0, stream: frames, frame: columns },
      ...{ step, activation, microseconds: 0, ...size },
    };
    this.#kept = [...this.#kept.filter((kept) => kept.step < step), { step, message: encodeFrame(header, bytes) }];
    if (this.#kept.length > MOST_KEPT) {
      this.#every *= 2;
      this.#kept = this.#kept.filter((kept) => this.isDue(kept.step));
    }
    await this.#write(join(this.#work, EVOLUTION_FILE));
  }

  async #write(path: string): Promise<void> {
    const parts = (this.#kept ?? []).flatMap(({ message }) => {
      const length = Buffer.alloc(LENGTH_BYTES);
      length.writeUInt32BE(message.byteLength);
      return [length, message];
    });
    await fileWriter.write(path, Buffer.concat(parts));
  }
}
