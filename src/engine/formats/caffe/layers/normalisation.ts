/** Layers that normalise, scale and shift by channel. */
import { z } from 'zod';
import type { GraphBuilder, Value } from '../../../graph/graph.js';
import { sameShape, showShape, sizeOf } from '../../../graph/shape.js';
import { add, mul } from '../../../ops/elementwise.js';
import { reshape } from '../../../ops/layout.js';
import { averagePool2d } from '../../../ops/pool.js';
import { localResponseNorm, power } from '../../../ops/power.js';
import {
  fileAxis,
  innerAxis,
  layerInvalid,
  layerUnsupported,
  leadOf,
  like,
  pictureOf,
  rankOf,
  shapeOf,
  type Blob,
} from '../blob.js';
import { axis, boolean, choice, extent, number, section, withDefault } from '../schema.js';
import { defineLayer } from './definition.js';

const lrn = section(
  'lrn_param',
  z.object({
    local_size: withDefault(extent, 5),
    alpha: withDefault(number, 1),
    beta: withDefault(number, 0.75),
    k: withDefault(number, 1),
    norm_region: withDefault(choice('ACROSS_CHANNELS', 'WITHIN_CHANNEL'), 'ACROSS_CHANNELS'),
  }),
);

/** x * (1 + alpha / size^2 * sum of x^2 over size x size places)^-beta; k plays no part in it. */
function withinChannel(b: GraphBuilder, x: Value, { local_size: size, alpha, beta }: z.output<typeof lrn>): Value {
  const margin = (size - 1) / 2;
  const squares = averagePool2d(b, mul(b, x, x), {
    kernel: [size, size],
    strides: [1, 1],
    pads: [margin, margin, margin, margin],
    divisor: 'padded',
  });
  return mul(b, x, power(b, add(b, mul(b, squares, b.scalar(alpha)), b.scalar(1)), -beta));
}

const LRN = defineLayer({
  config: lrn,
  unsupported: ({ local_size: size }) => (size % 2 === 1 ? null : `local_size ${size}, which is even`),
  build(c, [x], p) {
    const [channels] = pictureOf(x!);
    if (p.beta === 0) return [x!];
    if (p.norm_region === 'WITHIN_CHANNEL') return [like(x!, withinChannel(c.b, x!.value, p))];
    c.claim(channels * channels);
    const { local_size: size, alpha, beta, k } = p;
    return [like(x!, localResponseNorm(c.b, x!.value, { size, alpha, beta, k }))];
  },
});

/** A value for each channel in the shape in which it broadcasts. */
const perChannel = (x: Blob, channel: number): number[] => x.inner.slice(channel).map((dim, i) => (i === 0 ? dim : 1));

/** The axis of `inner` that counts channels. */
const channelOf = (x: Blob): number => innerAxis(x, rankOf(x) === 1 ? 0 : 1);

/** Statistics stand in the file as sums, with the number by which they are to be divided. */
const BatchNorm = defineLayer({
  config: section(
    'batch_norm_param',
    z.object({ use_global_stats: withDefault(boolean, true), eps: withDefault(number, 1e-5) }),
  ),
  unsupported: ({ use_global_stats }) => (use_global_stats ? null : 'use_global_stats: false'),
  weights(_, [x]) {
    const size = x!.inner[channelOf(x!)]!;
    return [
      { name: 'mean', shape: [size], random: { all: 0 } },
      { name: 'variance', shape: [size], random: { all: 1 } },
      { name: 'factor', shape: [1], random: { all: 1 } },
    ];
  },
  build(c, [x], { eps }) {
    const [mean, variance, [factor]] = [c.numbers(0), c.numbers(1), c.numbers(2)];
    const unit = factor === 0 ? 0 : 1 / factor!;
    const scale = variance.map((v) => 1 / Math.sqrt(v * unit + eps));
    if (!scale.every(Number.isFinite)) layerInvalid('a variance is negative or zero');
    const shift = mean.map((m, i) => -m * unit * scale[i]!);
    const shape = perChannel(x!, channelOf(x!));
    const scaled = mul(c.b, x!.value, c.constant('scale', scale, shape));
    return [like(x!, add(c.b, scaled, c.constant('shift', shift, shape)))];
  },
});

interface Placed {
  readonly axis: number;
  readonly num_axes: number;
}

/** The shape of a learned scale or shift over `num_axes` axes from `axis` on (-1: all), and how it broadcasts. */
function placed(x: Blob, { axis: at, num_axes: count }: Placed): { own: number[]; broadcast: number[] } {
  if (count === 0) return { own: [], broadcast: [] };
  const first = innerAxis(x, at);
  const end = count < 0 ? x.inner.length : first + count;
  if (end > x.inner.length) layerInvalid(`${count} axes from ${at} on are more than ${showShape(shapeOf(x))} has`);
  const own = x.inner.slice(first, end);
  return { own, broadcast: [...own, ...x.inner.slice(end).map(() => 1)] };
}

/** A second blob in the shape in which it broadcasts along the first, from an axis of the first on. */
function alongside(b: GraphBuilder, x: Blob, y: Blob, at: number): Value {
  const first = fileAxis(x, at);
  const own = shapeOf(y);
  if (!sameShape(shapeOf(x).slice(first, first + own.length), own)) {
    layerInvalid(`${showShape(own)} does not lie in ${showShape(shapeOf(x))} from axis ${at} on`);
  }
  // Both count the batch, or neither does.
  if (first === 0 ? leadOf(y) !== leadOf(x) || y.batch.length !== x.batch.length : y.batch.length > 0) {
    layerUnsupported('its second input stands across the batch');
  }
  if (own.length === 0) return y.value;
  const ones = shapeOf(x)
    .slice(first + own.length)
    .map(() => 1);
  const kept = first === 0 ? y.value.shape.map(() => 0) : y.value.shape;
  return ones.length === 0 ? y.value : reshape(b, y.value, [...kept, ...ones]);
}

const place = { axis: withDefault(axis, 1), num_axes: withDefault(z.int().min(-1).max(8), 1) };
const atLeastOne = (x: readonly number[]): number[] => (sizeOf(x) === 1 ? [1] : [...x]);

const Scale = defineLayer({
  config: section('scale_param', z.object({ ...place, bias_term: withDefault(boolean, false) })),
  bottoms: [1, 2],
  weights(p, inputs) {
    const [x, y] = inputs as [Blob, Blob?];
    if (y && p.bias_term) return [{ name: 'bias', shape: y.inner, random: { all: 0 } }];
    if (y) return [];
    const shape = atLeastOne(placed(x, p).own);
    return [
      { name: 'scale', shape, random: { all: 1 } },
      ...(p.bias_term ? [{ name: 'bias', shape, random: { all: 0 } }] : []),
    ];
  },
  build(c, inputs, p) {
    const [x, y] = inputs as [Blob, Blob?];
    if (y) {
      if (p.bias_term) layerUnsupported('a bias_term besides a second input');
      return [like(x, mul(c.b, x.value, alongside(c.b, x, y, p.axis)))];
    }
    const { broadcast } = placed(x, p);
    const scaled = mul(c.b, x.value, c.constant('scale', c.numbers(0), broadcast));
    return [like(x, p.bias_term ? add(c.b, scaled, c.constant('bias', c.numbers(1), broadcast)) : scaled)];
  },
});

const Bias = defineLayer({
  config: section('bias_param', z.object(place)),
  bottoms: [1, 2],
  weights: (p, [x, y]) => (y ? [] : [{ name: 'bias', shape: atLeastOne(placed(x!, p).own), random: { all: 0 } }]),
  build(c, inputs, p) {
    const [x, y] = inputs as [Blob, Blob?];
    const shift = y ? alongside(c.b, x, y, p.axis) : c.constant('bias', c.numbers(0), placed(x, p).broadcast);
    return [like(x, add(c.b, x.value, shift))];
  },
});

export const normalisationLayers = { LRN, BatchNorm, Scale, Bias };
