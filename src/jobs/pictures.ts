/** Pictures of a sequence for viewers: one frame, or all frames tiled, as JPEG. */
import sharp from 'sharp';

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
  readonly jpeg: Uint8Array;
  readonly width: number;
  readonly height: number;
}

export interface PictureOptions {
  /** JPEG quality, 1 to 100. */
  readonly quality: number;
  /** Width of a frame or tile in pixels; height keeps the proportion. As it is when absent. */
  readonly width?: number | undefined;
}

/** Longest side of a sheet in pixels; tiles are made smaller to fit. */
export const MAX_SHEET_SIDE = 4096;

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

async function toJpeg(
  rgb: Uint8Array,
  size: { width: number; height: number },
  target: { width: number; height: number },
  quality: number,
): Promise<Uint8Array> {
  const image = sharp(rgb, { raw: { width: size.width, height: size.height, channels: 3 }, limitInputPixels: false });
  if (target.width !== size.width || target.height !== size.height) {
    image.resize(target.width, target.height, { fit: 'fill' });
  }
  // Frames are small and are shown enlarged: subsampled colour would show.
  return image.jpeg({ quality, chromaSubsampling: '4:4:4' }).toBuffer();
}

/** Frame `index` (clamped to the last) of the sequence. */
export async function framePicture(set: FrameSet, index: number, options: PictureOptions): Promise<Picture> {
  const bytes = set.width * set.height * 3;
  const at = Math.min(index, set.frames - 1) * bytes;
  const target = scaledSize(set, options.width, { width: 4096, height: 4096 });
  const jpeg = await toJpeg(set.pixels.subarray(at, at + bytes), set, target, options.quality);
  return { jpeg, ...target };
}

/** All frames row by row in one picture of RGB bytes [rows * height, columns * width, 3]; unused tiles are black. */
async function tile(set: FrameSet, columns: number, rows: number): Promise<Uint8Array> {
  const { pixels, frames, width, height } = set;
  const line = width * 3;
  const sheet = new Uint8Array(columns * rows * height * line);
  let copied = 0;
  for (let frame = 0; frame < frames; frame++) {
    const left = (frame % columns) * line;
    const top = Math.floor(frame / columns) * height;
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

/** All frames of the sequence in one picture, row by row. */
export async function sheetPicture(set: FrameSet, options: PictureOptions): Promise<Picture & { columns: number }> {
  const columns = sheetColumns(set.frames, set.width, set.height);
  const rows = Math.ceil(set.frames / columns);
  const target = scaledSize(set, options.width, { width: MAX_SHEET_SIDE / columns, height: MAX_SHEET_SIDE / rows });
  const jpeg = await toJpeg(
    await tile(set, columns, rows),
    { width: columns * set.width, height: rows * set.height },
    { width: columns * target.width, height: rows * target.height },
    options.quality,
  );
  return { jpeg, ...target, columns };
}
