/** The classifier of the 40 classes: convolutions, an fc6 like that of the networks that the paper inverts, a score a class. */
import type { GraphBuilder, Value } from '../../src/engine/graph/graph.js';
import { relu } from '../../src/engine/ops/activation.js';
import { conv2d } from '../../src/engine/ops/conv.js';
import { reshape, transpose } from '../../src/engine/ops/layout.js';
import { dense } from '../../src/engine/ops/matmul.js';
import { maxPool2d } from '../../src/engine/ops/pool.js';
import { dequantise } from '../../src/engine/ops/quantise.js';
import { heSpread, type Parameters } from '../../src/engine/training/parameters.js';
import type { PixelFormat } from '../../src/protocol/manifest.js';
import { NATURAL_LABELS } from './classes.js';
import { IMAGE_SIZE } from './dataset.js';

interface Layer {
  readonly out: number;
  readonly kernel: number;
  readonly stride: number;
  /** Whether the layer is followed by 2x2 max pooling. */
  readonly pooled: boolean;
}

export interface Architecture {
  readonly convolutions: readonly Layer[];
  readonly fc6: number;
}

const layer = (out: number, kernel: number, stride: number, pooled: boolean): Layer => ({
  ...{ out, kernel, stride, pooled },
});

/** That of `tiny-objects`. */
export const OBJECTS: Architecture = {
  convolutions: [
    layer(24, 5, 2, false),
    layer(48, 3, 1, true),
    layer(96, 3, 1, true),
    layer(128, 3, 1, false),
    layer(128, 3, 1, true),
  ],
  fc6: 256,
};

/** Another one, for a second opinion: larger kernels, fewer layers. */
export const SECOND: Architecture = {
  convolutions: [layer(32, 7, 2, true), layer(64, 5, 1, true), layer(128, 3, 1, true)],
  fc6: 192,
};

/** Bytes 0..255 to the numbers that the networks see, -1..1. */
const PIXEL_SCALE = { scale: 1 / 127.5, offset: -1 } as const;

/** How images of 64x64 are meant by all these networks. */
export const PIXELS: PixelFormat = {
  width: IMAGE_SIZE,
  height: IMAGE_SIZE,
  order: 'rgb',
  mean: [127.5, 127.5, 127.5],
  scale: [PIXEL_SCALE.scale, PIXEL_SCALE.scale, PIXEL_SCALE.scale],
};

/** Images as bytes [N, 64, 64, 3] to what the networks see, [N, 3, 64, 64]. */
export function fromBytes(b: GraphBuilder, bytes: Value): Value {
  return transpose(b, dequantise(b, bytes, PIXEL_SCALE.scale, PIXEL_SCALE.offset), [0, 3, 1, 2]);
}

/**
 * The convolutions.
 * @param x images [N, 3, 64, 64], -1..1.
 * @returns the layers by name: conv1 .., and pool after those that are pooled (pool2 is the pooled conv2).
 */
export function convolutions(
  b: GraphBuilder,
  x: Value,
  p: Parameters,
  { convolutions: layers }: Architecture,
): Record<string, Value> {
  const found: Record<string, Value> = {};
  let y = x;
  layers.forEach(({ out, kernel, stride, pooled }, i) => {
    const fanIn = y.shape[1]! * kernel * kernel;
    const half = (kernel - 1) / 2;
    const weights = p(`conv${i + 1}.weight`, [out, y.shape[1]!, kernel, kernel], heSpread(fanIn));
    const options = { strides: [stride, stride], pads: [half, half, half, half] };
    y = relu(b, conv2d(b, y, weights, p(`conv${i + 1}.bias`, [out], 0), options));
    found[`conv${i + 1}`] = y;
    if (pooled) found[`pool${i + 1}`] = y = maxPool2d(b, y, { kernel: [2, 2] });
  });
  return found;
}

/** The last of the layers of the convolutions. */
export const lastOf = (layers: Readonly<Record<string, Value>>): Value => Object.values(layers).at(-1)!;

/** What multiplies a layer by its factors of dropout. */
export type Dropout = (x: Value, name: string) => Value;

const keepAll: Dropout = (value) => value;

/** All layers by name, to `logits` [N, 40]. */
export const classifierNetwork = (
  b: GraphBuilder,
  x: Value,
  p: Parameters,
  architecture: Architecture,
): Record<string, Value> => head(b, convolutions(b, x, p, architecture), p, architecture);

/** The layers of the convolutions and those after them. */
export function head(
  b: GraphBuilder,
  layers: Readonly<Record<string, Value>>,
  p: Parameters,
  architecture: Architecture,
  dropout: Dropout = keepAll,
): Record<string, Value> {
  const flat = dropout(reshape(b, lastOf(layers), [0, -1]), 'flat');
  const [width, { fc6: units }] = [flat.shape[1]!, architecture];
  const fc6 = relu(b, dense(b, flat, p('fc6.weight', [units, width], heSpread(width)), p('fc6.bias', [units], 0)));
  const scores = NATURAL_LABELS.length;
  const weights = p('fc7.weight', [scores, units], Math.sqrt(1 / units));
  return { ...layers, fc6, logits: dense(b, dropout(fc6, 'fc6'), weights, p('fc7.bias', [scores], 0)) };
}
