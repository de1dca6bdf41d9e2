/**
 * Forty classes of Tiny-ImageNet-200 (64x64 photographs): 218 training and 50 validation images a class, from two tars of
 * class folders, and what training shows of them: mirrored, cropped, coloured, covered in part.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { Random } from '../../src/engine/random.js';
import { NeuroreelError } from '../../src/protocol/errors.js';
import { CLASSES } from './classes.js';
import { tarFiles } from './tar.js';

/** Width and height of an image, and its bytes. */
export const IMAGE_SIZE = 64;
export const IMAGE_BYTES = 3 * IMAGE_SIZE * IMAGE_SIZE;

/** The environment variable that names the folder of the tars. */
const FOLDER = 'NEUROREEL_TINY_IMAGENET';
const FILES = { train: 'tiny-imagenet-40.tar', test: 'tiny-imagenet-40-val.tar' } as const;
export type Split = keyof typeof FILES;

export interface LabelledImages {
  /** RGB bytes [N, 64, 64, 3]. */
  readonly pixels: Uint8Array;
  /** Index of the class of each. */
  readonly classes: Uint8Array;
}

/**
 * The images of an archive of class folders, sorted by class and name; greyscale ones get three equal channels.
 * @throws NeuroreelError TRAINING_DATA_INVALID when the archive is damaged, or an image is no 64x64 JPEG.
 */
export async function imagesOfTar(archive: Buffer, name: string): Promise<LabelledImages> {
  const indices = new Map<string, number>(CLASSES.map(([wnid], i) => [wnid, i]));
  const found = [...tarFiles(archive, name)]
    .map(({ name: path, bytes }) => ({ path, bytes, index: indices.get(path.split('/').at(-2) ?? '') }))
    .filter((file): file is typeof file & { index: number } => file.index !== undefined && /\.jpe?g$/i.test(file.path))
    .sort((a, b) => a.index - b.index || (a.path < b.path ? -1 : 1));
  const pixels = new Uint8Array(found.length * IMAGE_BYTES);
  for (const [i, { path, bytes }] of found.entries()) pixels.set(await decoded(bytes, path), i * IMAGE_BYTES);
  return { pixels, classes: Uint8Array.from(found, ({ index }) => index) };
}

async function decoded(bytes: Buffer, path: string): Promise<Buffer> {
  const image = await sharp(bytes, { limitInputPixels: 2 ** 22 })
    .toColourspace('srgb')
    .removeAlpha()
    .raw()
    .toBuffer({ resolveWithObject: true })
    .catch(() => null);
  const { width, height, channels } = image?.info ?? {};
  if (width === IMAGE_SIZE && height === IMAGE_SIZE && channels === 3) return image!.data;
  throw new NeuroreelError('TRAINING_DATA_INVALID', `${path} is no ${IMAGE_SIZE}x${IMAGE_SIZE} JPEG.`);
}

const loaded = new Map<string, Promise<LabelledImages>>();

/**
 * The images of a split, read once.
 * @throws NeuroreelError TRAINING_DATA_INVALID when the folder of the tars is not named, or they are not there.
 */
export function naturalImages(split: Split): Promise<LabelledImages> {
  const folder = process.env[FOLDER];
  if (!folder) {
    throw new NeuroreelError(
      'TRAINING_DATA_INVALID',
      `Set ${FOLDER} to the folder of ${Object.values(FILES).join(' and ')}.`,
    );
  }
  const path = join(folder, FILES[split]);
  const known = loaded.get(path);
  if (known) return known;
  let archive: Buffer;
  try {
    archive = readFileSync(path);
  } catch (cause) {
    throw new NeuroreelError('TRAINING_DATA_INVALID', `${path} cannot be read.`, { cause });
  }
  const images = imagesOfTar(archive, path);
  loaded.set(path, images);
  return images;
}

export interface Augmentation {
  /** Smallest side of a crop, as a share of the image's. */
  readonly smallest: number;
  /** Largest change of the gain and of the offset of each channel, as shares of 1 and 255. */
  readonly colour: number;
}

/** Writes image `index`, changed at random, as RGB bytes to `into` at `at`. */
export function augmented(
  { pixels }: LabelledImages,
  index: number,
  random: Random,
  { smallest, colour }: Augmentation,
  into: Uint8Array,
  at: number,
): void {
  const side = random.uniform(smallest, 1) * IMAGE_SIZE;
  const [top, left] = [random.uniform(0, IMAGE_SIZE - side), random.uniform(0, IMAGE_SIZE - side)];
  const mirrored = random.uniform() < 0.5;
  const gain = random.uniform(1 - colour, 1 + colour);
  const gains = [0, 1, 2].map(() => gain * random.uniform(1 - colour / 2, 1 + colour / 2));
  const offset = random.uniform(-colour, colour) * 128;
  const base = index * IMAGE_BYTES;
  const places = bilinear(left, side);
  for (let y = 0; y < IMAGE_SIZE; y++) {
    const row = Math.min(Math.max(top + ((y + 0.5) * side) / IMAGE_SIZE - 0.5, 0), IMAGE_SIZE - 1);
    const y0 = Math.floor(row);
    const fy = row - y0;
    const [upper, lower] = [base + y0 * IMAGE_SIZE * 3, base + Math.min(y0 + 1, IMAGE_SIZE - 1) * IMAGE_SIZE * 3];
    for (let x = 0; x < IMAGE_SIZE; x++) {
      const { first, second, fraction } = places[x]!;
      const target = at + 3 * (y * IMAGE_SIZE + (mirrored ? IMAGE_SIZE - 1 - x : x));
      for (let c = 0; c < 3; c++) {
        const above = pixels[upper + first + c]! * (1 - fraction) + pixels[upper + second + c]! * fraction;
        const below = pixels[lower + first + c]! * (1 - fraction) + pixels[lower + second + c]! * fraction;
        const value = (above * (1 - fy) + below * fy) * gains[c]! + offset;
        into[target + c] = Math.min(Math.max(Math.round(value), 0), 255);
      }
    }
  }
}

/** A copy of images [N, 64, 64, 3] with a grey square of this side, in pixels, somewhere on each. */
export function covered(images: Uint8Array, random: Random, side: number): Uint8Array {
  const copy = images.slice();
  for (let at = 0; at < images.length; at += IMAGE_BYTES) {
    const [top, left] = [random.integer(IMAGE_SIZE), random.integer(IMAGE_SIZE)].map((x) => x - side / 2) as [
      number,
      number,
    ];
    const [first, end] = [left, left + side].map((x) => 3 * Math.min(Math.max(x, 0), IMAGE_SIZE)) as [number, number];
    for (let y = Math.max(top, 0); y < Math.min(top + side, IMAGE_SIZE); y++) {
      const row = at + 3 * y * IMAGE_SIZE;
      copy.fill(128, row + first, row + end);
    }
  }
  return copy;
}

/** Byte offsets and weights of the two columns that each column of a crop lies between. */
function bilinear(left: number, side: number): { first: number; second: number; fraction: number }[] {
  return Array.from({ length: IMAGE_SIZE }, (_, x) => {
    const column = Math.min(Math.max(left + ((x + 0.5) * side) / IMAGE_SIZE - 0.5, 0), IMAGE_SIZE - 1);
    const first = Math.floor(column);
    return { first: 3 * first, second: 3 * Math.min(first + 1, IMAGE_SIZE - 1), fraction: column - first };
  });
}

/** Indices of the images of a step: each image once an epoch, in an order drawn from the seed. */
export function indicesOf(step: number, batch: number, count: number, seed: number): number[] {
  const orders = new Map<number, Int32Array>();
  return Array.from({ length: batch }, (_, n) => {
    const place = step * batch + n;
    const epoch = Math.floor(place / count);
    if (!orders.has(epoch)) orders.set(epoch, new Random(`${seed}:epoch:${epoch}`).permutation(count));
    return orders.get(epoch)![place % count]!;
  });
}
