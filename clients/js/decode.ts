/** Encoded pictures to pixels: with what the browser brings, or with sharp in Node. */
import type Sharp from 'sharp';
import type { FrameCodec, FrameHeader } from '../../src/protocol/frame-header.js';
import { clientError } from './errors.js';

/** RGBA bytes, row by row, as `ImageData` has them. */
export interface Pixels {
  readonly data: Uint8ClampedArray<ArrayBuffer>;
  readonly width: number;
  readonly height: number;
}

const MEDIA_TYPES: Readonly<Partial<Record<FrameCodec, string>>> = {
  jpeg: 'image/jpeg',
  webp: 'image/webp',
  png: 'image/png',
};

/** A view of bytes that a Blob takes: its buffer is not shared. */
const plain = (bytes: Uint8Array): Uint8Array<ArrayBuffer> => bytes as Uint8Array<ArrayBuffer>;

/** @throws {TypeError} of raw pixels, which no program takes for a picture */
export function blobOf(codec: FrameCodec, picture: Uint8Array): Blob {
  const type = MEDIA_TYPES[codec];
  if (type === undefined) throw new TypeError(`a frame of format ${codec} is no file: take its pixels()`);
  return new Blob([plain(picture)], { type });
}

/** Size of a raw picture: its tiles stand in rows of `header.frame`. */
function rawSize(header: FrameHeader, bytes: number): { width: number; height: number } {
  const width = header.width * (header.kind === 'frame' ? 1 : header.frame);
  const height = bytes / 3 / width;
  if (width > 0 && height > 0 && Number.isInteger(height)) return { width, height };
  throw clientError('IMAGE_UNREADABLE', `A raw frame of ${bytes} bytes does not fill rows of ${width} pixels.`);
}

function rgba(rgb: Uint8Array, width: number, height: number): Pixels {
  const data = new Uint8ClampedArray(width * height * 4);
  for (let from = 0, to = 0; to < data.length; from += 3, to += 4) {
    data[to] = rgb[from]!;
    data[to + 1] = rgb[from + 1]!;
    data[to + 2] = rgb[from + 2]!;
    data[to + 3] = 255;
  }
  return { data, width, height };
}

/** @throws {ClientError} IMAGE_UNREADABLE */
export async function imageBitmapOf(header: FrameHeader, picture: Uint8Array): Promise<ImageBitmap> {
  if (typeof createImageBitmap !== 'function') {
    throw new TypeError('there is no createImageBitmap here: take the pixels() of the frame');
  }
  if (header.codec === 'raw') {
    const { width, height } = rawSize(header, picture.byteLength);
    return createImageBitmap(new ImageData(rgba(picture, width, height).data, width, height));
  }
  try {
    return await createImageBitmap(blobOf(header.codec, picture));
  } catch (cause) {
    throw clientError('IMAGE_UNREADABLE', `A frame of format ${header.codec} cannot be decoded.`, cause);
  }
}

async function inBrowser(header: FrameHeader, picture: Uint8Array): Promise<Pixels> {
  const bitmap = await imageBitmapOf(header, picture);
  const { width, height } = bitmap;
  const context = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true })!;
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  return { data: context.getImageData(0, 0, width, height).data, width, height };
}

async function inNode(header: FrameHeader, picture: Uint8Array): Promise<Pixels> {
  // A name that bundlers for browsers do not follow.
  const name = 'sharp';
  const { default: sharp } = (await import(/* @vite-ignore */ name)) as { default: typeof Sharp };
  try {
    const { data, info } = await sharp(picture).ensureAlpha().raw().toBuffer({ resolveWithObject: true });
    return { data: new Uint8ClampedArray(data), width: info.width, height: info.height };
  } catch (cause) {
    throw clientError('IMAGE_UNREADABLE', `A frame of format ${header.codec} cannot be decoded.`, cause);
  }
}

/**
 * A picture as RGBA bytes.
 * @throws {ClientError} IMAGE_UNREADABLE
 */
export async function pixelsOf(header: FrameHeader, picture: Uint8Array): Promise<Pixels> {
  if (header.codec === 'raw') {
    const { width, height } = rawSize(header, picture.byteLength);
    return rgba(picture, width, height);
  }
  return typeof OffscreenCanvas === 'function' ? inBrowser(header, picture) : inNode(header, picture);
}

/**
 * One frame out of the pixels of a sheet or strip.
 * @param index of the tile, 0 for the first, row by row
 * @throws {RangeError} when there is no such tile
 */
export function tileOf(sheet: Pixels, header: FrameHeader, index: number): Pixels {
  const { width, height } = header;
  const columns = header.kind === 'frame' ? 1 : header.frame;
  const left = (index % columns) * width;
  const top = Math.floor(index / columns) * height;
  if (!Number.isInteger(index) || index < 0 || top + height > sheet.height || left + width > sheet.width) {
    throw new RangeError(`there is no tile ${index} in a picture of ${sheet.width}x${sheet.height} pixels`);
  }
  const data = new Uint8ClampedArray(width * height * 4);
  for (let row = 0; row < height; row++) {
    const from = ((top + row) * sheet.width + left) * 4;
    data.set(sheet.data.subarray(from, from + width * 4), row * width * 4);
  }
  return { data, width, height };
}
