/** The evolution that a job left (see evolution-writer.ts), read and shown. */
import { open } from 'node:fs/promises';
import sharp from 'sharp';
import { decodeFrame, FRAME_HEADER_BYTES, type FrameHeader } from '../protocol/index.js';
import { LENGTH_BYTES, QUALITY } from './evolution-writer.js';
import { framePicture, sheetPicture, type FrameSet } from './pictures.js';

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
