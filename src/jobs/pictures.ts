/** Pictures of a sequence for viewers: one frame, some side by side, or all tiled; as JPEG, WebP, PNG or raw bytes. */
import sharp, { type Sharp } from 'sharp';
import type { FrameCodec } from '../protocol/index.js';

/** A sequence as the engine hands it out. */
export interface FrameSet {
  /** RGB bytes [frames, height, width, 3]. */
  readonly pixels: Uint8Array;
  readonly frames: number;
  readonly width: number;
  readonly height: number;
  /** Iterations done. */
  readonly step: number;
  readonly activation: number;
  /** When the frames were made, microseconds since 1970. */
  readonly microseconds: number;
}

/** A picture with the size of one frame (or tile) in it. */
export interface Picture {
  /** As encoded in the format that was asked for. */
  readonly bytes: Uint8Array;
  readonly width: number;
  readonly height: number;
}

export interface PictureOptions {
  /** JPEG when absent. */
  readonly format?: FrameCodec | undefined;
  /** Quality of JPEG and WebP, 1 to 100. */
  readonly quality: number;
  /** Width of a frame or tile in pixels; height keeps the proportion. As it is when absent. */
  readonly width?: number | undefined;
}

/** Longest side of a picture in pixels; tiles are made smaller to fit. */
export const MAX_SHEET_SIDE = 4096;
/** Longest side of a raw picture: 12 MiB. */
export const MAX_RAW_SIDE = 2048;

const longestSide = (format: FrameCodec | undefined): number => (format === 'raw' ? MAX_RAW_SIDE : MAX_SHEET_SIDE);

/** Bytes copied in one go before other work of the event loop gets its turn. */
const COPY_CHUNK_BYTES = 4 * 1024 * 1024;

/** Columns of a sheet of about 16:10 (16 x 10 for 160 square frames). */
export function sheetColumns(frames: number, width: number, height: number): number {
  return Math.min(frames, Math.max(1, Math.round(Math.sqrt((frames * height * 1.6) / width))));
}

/** The size at which a frame is encoded: as wide as asked for, in proportion, within the given bound. */
export function scaledSize(
  set: Pick<FrameSet, 'width' | 'height'>,
  wanted: number | undefined,
  largest: { width: number; height: number },
): { width: number; height: number } {
  const scale = Math.min((wanted ?? set.width) / set.width, largest.width / set.width, largest.height / set.height);
  return {
    width: Math.max(1, Math.floor(set.width * scale)),
    height: Math.max(1, Math.floor(set.height * scale)),
  };
}

/** How each format is made; all are the quickest that the library has. */
const ENCODERS: Readonly<Record<FrameCodec, (image: Sharp, quality: number) => Sharp>> = {
  // Frames are small and are shown enlarged: subsampled colour would show.
  jpeg: (image, quality) => image.jpeg({ quality, chromaSubsampling: '4:4:4' }),
  webp: (image, quality) => image.webp({ quality, effort: 0 }),
  png: (image) => image.png({ compressionLevel: 1 }),
  raw: (image) => image.raw(),
};

interface Size {
  readonly width: number;
  readonly height: number;
}

async function encode(rgb: Uint8Array, size: Size, target: Size, options: PictureOptions): Promise<Uint8Array> {
  const image = sharp(rgb, { raw: { width: size.width, height: size.height, channels: 3 }, limitInputPixels: false });
  if (target.width !== size.width || target.height !== size.height) {
    image.resize(target.width, target.height, { fit: 'fill' });
  }
  return ENCODERS[options.format ?? 'jpeg'](image, options.quality).toBuffer();
}

/** Makes each encoder ready: the first picture of a process takes long enough for the event loop to be noticed. */
export async function warmUpEncoders(): Promise<void> {
  const size = { width: 8, height: 8 };
  for (const format of Object.keys(ENCODERS) as FrameCodec[]) {
    await encode(new Uint8Array(size.width * size.height * 3), size, size, { format, quality: 80 });
  }
}

/** Frame `index` (clamped to the last) of the sequence. */
export async function framePicture(set: FrameSet, index: number, options: PictureOptions): Promise<Picture> {
  const bytes = set.width * set.height * 3;
  const at = Math.min(index, set.frames - 1) * bytes;
  const side = longestSide(options.format);
  const target = scaledSize(set, options.width, { width: side, height: side });
  return { bytes: await encode(set.pixels.subarray(at, at + bytes), set, target, options), ...target };
}

/**
 * Frames row by row in one picture of RGB bytes [rows * height, columns * width, 3]; unused tiles are black.
 * @param indices which frames, in order
 */
async function tile(set: FrameSet, indices: readonly number[], columns: number): Promise<Uint8Array> {
  const { pixels, width, height } = set;
  const line = width * 3;
  const sheet = new Uint8Array(Math.ceil(indices.length / columns) * columns * height * line);
  let copied = 0;
  for (const [place, frame] of indices.entries()) {
    const left = (place % columns) * line;
    const top = Math.floor(place / columns) * height;
    for (let y = 0; y < height; y++) {
      const from = (frame * height + y) * line;
      sheet.set(pixels.subarray(from, from + line), (top + y) * columns * line + left);
    }
    copied += height * line;
    if (copied >= COPY_CHUNK_BYTES) {
      copied = 0;
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
  return sheet;
}

/** Those frames in one picture with so many columns. */
async function tiled(
  set: FrameSet,
  indices: readonly number[],
  columns: number,
  options: PictureOptions,
): Promise<Picture & { columns: number }> {
  const rows = Math.ceil(indices.length / columns);
  const side = longestSide(options.format);
  const target = scaledSize(set, options.width, { width: side / columns, height: side / rows });
  const bytes = await encode(
    await tile(set, indices, columns),
    { width: columns * set.width, height: rows * set.height },
    { width: columns * target.width, height: rows * target.height },
    options,
  );
  return { bytes, ...target, columns };
}

/** All frames of the sequence in one picture, row by row. */
export function sheetPicture(set: FrameSet, options: PictureOptions): Promise<Picture & { columns: number }> {
  const indices = Array.from({ length: set.frames }, (_, index) => index);
  return tiled(set, indices, sheetColumns(set.frames, set.width, set.height), options);
}

/** `count` frames (or all, if there are fewer), evenly spaced from the first to the last, side by side. */
export function stripPicture(
  set: FrameSet,
  count: number,
  options: PictureOptions,
): Promise<Picture & { columns: number }> {
  const columns = Math.min(count, set.frames);
  const step = columns === 1 ? 0 : (set.frames - 1) / (columns - 1);
  const indices = Array.from({ length: columns }, (_, place) => Math.round(place * step));
  return tiled(set, indices, columns, options);
}
