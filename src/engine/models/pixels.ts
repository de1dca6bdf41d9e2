/** Between bytes that people see and the numbers that networks see: channel order, mean and scale, inside the graph. */
import type { PixelFormat } from '../../protocol/manifest.js';
import { NeuroreelError } from '../../protocol/errors.js';
import type { GraphBuilder, Value } from '../graph/graph.js';
import { add, mul } from '../ops/elementwise.js';
import { concat, sliceAxis, transpose } from '../ops/layout.js';
import { dequantise, quantise } from '../ops/quantise.js';
import { resized } from './resize.js';

const channels = (b: GraphBuilder, numbers: readonly number[]): Value => b.constant([...numbers], [1, 3, 1, 1]);

/** RGB on the scale 0..1. */
export const UNIT_SCALE: Pick<PixelFormat, 'order' | 'mean' | 'scale'> = {
  order: 'rgb',
  mean: [0, 0, 0],
  scale: [1 / 255, 1 / 255, 1 / 255],
};

/** x * scale + offset channel by channel, leaving out what does nothing. */
function affine(b: GraphBuilder, x: Value, scale: readonly number[], offset: readonly number[]): Value {
  const scaled = scale.every((s) => s === 1) ? x : mul(b, x, channels(b, scale));
  return offset.every((o) => o === 0) ? scaled : add(b, scaled, channels(b, offset));
}

/** Exchanges the first and the last of three channels. */
function reversed(b: GraphBuilder, x: Value): Value {
  return concat(
    b,
    [2, 1, 0].map((c) => sliceAxis(b, x, 1, c, c + 1)),
    1,
  );
}

/** A network's numbers [T, 3, H, W] to RGB on the scale 0..255, unrounded and unlimited. */
export function toRgb(b: GraphBuilder, x: Value, { order, mean, scale }: PixelFormat): Value {
  const bytes = affine(
    b,
    x,
    scale.map((s) => 1 / s),
    mean,
  );
  return order === 'bgr' ? reversed(b, bytes) : bytes;
}

/** RGB on the scale 0..255, [T, 3, H, W], to a network's numbers. */
export function fromRgb(b: GraphBuilder, rgb: Value, { order, mean, scale }: PixelFormat): Value {
  const ordered = order === 'bgr' ? reversed(b, rgb) : rgb;
  return affine(
    b,
    ordered,
    scale,
    mean.map((m, c) => -m * scale[c]!),
  );
}

/** One network's numbers as another's, without a detour where both count alike. */
export function convert(b: GraphBuilder, x: Value, from: PixelFormat, to: PixelFormat): Value {
  const same = from.order === to.order && from.mean.join() === to.mean.join() && from.scale.join() === to.scale.join();
  return same ? x : fromRgb(b, toRgb(b, x, from), to);
}

/** RGB bytes [T, H, W, 3] to RGB numbers 0..255 [T, 3, H, W]. */
export const bytesToRgb = (b: GraphBuilder, bytes: Value): Value =>
  transpose(b, dequantise(b, bytes, 1, 0), [0, 3, 1, 2]);

/** RGB numbers 0..255 [T, 3, H, W] to RGB bytes [T, H, W, 3], rounded and limited. */
export const rgbToBytes = (b: GraphBuilder, rgb: Value): Value => quantise(b, transpose(b, rgb, [0, 2, 3, 1]), 1, 0);

/**
 * The middle of a picture: offset floor((size - wanted) / 2), as the paper crops (14 for 227 of 256).
 * @throws NeuroreelError REQUEST_INVALID when the picture is smaller than what is wanted.
 */
export function centreCrop(b: GraphBuilder, x: Value, height: number, width: number): Value {
  const [, , h, w] = x.shape as [number, number, number, number];
  if (h < height || w < width) {
    throw new NeuroreelError(
      'REQUEST_INVALID',
      `The prior's pictures are ${w}x${h}, smaller than the ${width}x${height} that the network wants.`,
    );
  }
  const top = Math.floor((h - height) / 2);
  const left = Math.floor((w - width) / 2);
  return sliceAxis(b, sliceAxis(b, x, 2, top, top + height), 3, left, left + width);
}

/**
 * Pictures as a network's input: their middle (`crop`), all of them resized (`resize`), or their middle where they are large
 * enough for it, else resized (`auto`).
 * @throws NeuroreelError REQUEST_INVALID when the picture is smaller than what is to be cropped.
 */
export function fitted(
  b: GraphBuilder,
  x: Value,
  height: number,
  width: number,
  fit: 'crop' | 'resize' | 'auto' = 'auto',
): Value {
  const [, , h, w] = x.shape as [number, number, number, number];
  const crops = fit === 'crop' || (fit === 'auto' && h >= height && w >= width);
  return crops ? centreCrop(b, x, height, width) : resized(b, x, height, width);
}
