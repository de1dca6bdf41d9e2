/** Still images: RGB frames to JPEG, WebP or PNG and back, by sharp, whose work happens off the event loop. */
import sharp from 'sharp';
import type { Sharp } from 'sharp';
import { NeuroreelError } from '../protocol/errors.js';
import { checkFrame, MAX_SIDE } from './frames.js';

export type StillFormat = 'jpeg' | 'webp' | 'png';

export interface StillOptions {
  /** Default `jpeg`, the fastest. */
  readonly format?: StillFormat;
  /** Of JPEG and WebP, 1 to 100. Default 80. PNG has no loss. */
  readonly quality?: number;
  /** Whole factor to enlarge by, 1 to 64. Default 1. */
  readonly scale?: number;
  /** How to enlarge: `nearest` (default) keeps square pixels, `cubic` and `lanczos3` smooth. */
  readonly kernel?: 'nearest' | 'cubic' | 'lanczos3';
}

export interface Still {
  /** RGB, [height, width, 3]. */
  readonly data: Uint8Array;
  readonly width: number;
  readonly height: number;
}

const MAX_PIXELS = MAX_SIDE ** 2;

/**
 * Encodes one RGB frame, [height, width, 3].
 * @throws RangeError for a frame of another size or a scale or quality out of range.
 */
export async function encodeStill(
  rgb: Uint8Array,
  width: number,
  height: number,
  options: StillOptions = {},
): Promise<Buffer> {
  const { format = 'jpeg', quality = 80, scale = 1, kernel = 'nearest' } = options;
  checkFrame(rgb, width, height);
  if (!Number.isInteger(scale) || scale < 1 || scale > 64)
    throw new RangeError(`scale is ${scale}; it must be 1 to 64.`);
  if (!Number.isInteger(quality) || quality < 1 || quality > 100) {
    throw new RangeError(`quality is ${quality}; it must be 1 to 100.`);
  }
  let image = sharp(rgb, { raw: { width, height, channels: 3 } });
  if (scale > 1) image = image.resize(width * scale, height * scale, { kernel, fit: 'fill' });
  return compressed(image, format, quality).toBuffer();
}

function compressed(image: Sharp, format: StillFormat, quality: number): Sharp {
  switch (format) {
    case 'jpeg':
      // Halved chroma would smear figures of a few pixels; it saves little on frames this small.
      return image.jpeg({ quality, chromaSubsampling: '4:4:4' });
    case 'webp':
      return image.webp({ quality, effort: 0 });
    case 'png':
      return image.png({ compressionLevel: 6 });
  }
}

/**
 * Decodes an image (file or bytes) to RGB: turned upright by its EXIF tag, converted to sRGB, transparency on white, the
 * first picture of an animation. `resize` scales it (cubic): `stretch` whatever the aspect, `cover` cuts what protrudes.
 *
 * @throws NeuroreelError IMAGE_UNREADABLE when it is missing, damaged, no image, or larger than 8192 x 8192 pixels.
 */
export async function decodeStill(
  source: string | Uint8Array,
  resize?: { readonly width: number; readonly height: number; readonly fit?: 'stretch' | 'cover' },
): Promise<Still> {
  try {
    let image = sharp(source, { limitInputPixels: MAX_PIXELS, failOn: 'error' }).rotate().toColourspace('srgb');
    image = image.flatten({ background: '#ffffff' });
    if (resize) {
      const fit = resize.fit === 'cover' ? 'cover' : 'fill';
      image = image.resize(resize.width, resize.height, { fit, kernel: 'cubic' });
    }
    const { data, info } = await image.raw({ depth: 'uchar' }).toBuffer({ resolveWithObject: true });
    if (info.channels !== 3) throw new Error(`it has ${info.channels} channels`);
    return { data: new Uint8Array(data), width: info.width, height: info.height };
  } catch (error) {
    const what = typeof source === 'string' ? source : `The image of ${source.length} bytes`;
    throw new NeuroreelError('IMAGE_UNREADABLE', `${what} cannot be decoded: ${(error as Error).message}.`, {
      cause: error,
    });
  }
}
