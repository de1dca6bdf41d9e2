/**
 * How a job's frames came to be what they are: sheets of its frames at some iterations, in one file. A file is a row of
 * records, each a length (u32, big-endian) and a binary message of the stream (header, then a sheet as JPEG), whose
 * `stream` is the number of frames and whose time is 0, so that the same job leaves the same bytes.
 */
import { open, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { decodeFrame, encodeFrame, FRAME_HEADER_BYTES, type FrameHeader } from '../protocol/index.js';
import { framePicture, sheetPicture, type FrameSet } from './pictures.js';

export const EVOLUTION_FILE = 'evolution.frames';

/** Iterations that are kept at most; when more come, every second one is dropped. */
const MOST_KEPT = 64;
/** Width of a kept frame at most, pixels. */
const MOST_WIDTH = 128;
const QUALITY = 85;

const LENGTH_BYTES = 4;

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
    await writeFile(path, Buffer.concat(parts));
  }
}

interface Place {
  readonly at: number;
  readonly bytes: number;
}

/** The evolution that a job left; pictures are read when they are asked for. */
export class Evolution {
  readonly #path: string;
  readonly #places: readonly Place[];

  private constructor(path: string, places: readonly Place[]) {
    this.#path = path;
    this.#places = places;
  }

  static async open(path: string): Promise<Evolution> {
    const file = await open(path);
    try {
      const { size } = await file.stat();
      const places: Place[] = [];
      const length = Buffer.alloc(LENGTH_BYTES);
      for (let at = 0; at + LENGTH_BYTES + FRAME_HEADER_BYTES <= size;) {
        await file.read(length, 0, LENGTH_BYTES, at);
        const bytes = length.readUInt32BE(0);
        places.push({ at: at + LENGTH_BYTES, bytes });
        at += LENGTH_BYTES + bytes;
      }
      return new Evolution(path, places);
    } finally {
      await file.close();
    }
  }

  /** Iterations that are kept. */
  get length(): number {
    return this.#places.length;
  }

  /** The frames of the `index`-th iteration that is kept. */
  async frames(index: number): Promise<FrameSet> {
    const { at, bytes } = this.#places[index]!;
    const file = await open(this.#path);
    try {
      const message = Buffer.alloc(bytes);
      await file.read(message, 0, bytes, at);
      const { header, picture } = decodeFrame(message);
      return await framesOf(header, picture);
    } finally {
      await file.close();
    }
  }
}

/** A sheet cut into its frames. */
async function framesOf(header: FrameHeader, picture: Uint8Array): Promise<FrameSet> {
  const { stream: frames, frame: columns, width, height, step, activation } = header;
  const { data } = await sharp(picture).removeAlpha().toColourspace('srgb').raw().toBuffer({ resolveWithObject: true });
  const line = width * 3;
  const pixels = new Uint8Array(frames * height * line);
  for (let frame = 0; frame < frames; frame++) {
    const left = (frame % columns) * line;
    const top = Math.floor(frame / columns) * height;
    for (let y = 0; y < height; y++) {
      const from = (top + y) * columns * line + left;
      pixels.set(data.subarray(from, from + line), (frame * height + y) * line);
    }
  }
  return { pixels, frames, width, height, step, activation, microseconds: Date.now() * 1000 };
}

/** One picture for each iteration that was kept: a frame of it, or all of them tiled. RGB bytes [height, width, 3]. */
export async function* replayPictures(
  evolution: Evolution,
  frame: number | undefined,
): AsyncGenerator<{ pixels: Uint8Array; width: number; height: number }, void> {
  for (let index = 0; index < evolution.length; index++) {
    const set = await evolution.frames(index);
    const options = { format: 'raw', quality: QUALITY } as const;
    if (frame === undefined) {
      const { bytes, width, height, columns } = await sheetPicture(set, options);
      yield { pixels: bytes, width: width * columns, height: height * Math.ceil(set.frames / columns) };
    } else {
      const { bytes, width, height } = await framePicture(set, frame, options);
      yield { pixels: bytes, width, height };
    }
  }
}
