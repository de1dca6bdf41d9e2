/** Dense layers, and the layers that do nothing outside of training. */
import { z } from 'zod';
import type { GraphBuilder, Value } from '../../../graph/graph.js';
import { add, mul } from '../../../ops/elementwise.js';
import { conv2d } from '../../../ops/conv.js';
import { reshape } from '../../../ops/layout.js';
import { dense } from '../../../ops/matmul.js';
import { channels } from '../schema.js';
import type { KerasTensor } from '../tensor.js';
import { denseKernel, perChannelShape } from '../tensor.js';
import { defineLayer, nothing, one, type LayerContext } from './definition.js';

/** y = x W + b along the last axis, at every place; weights as the engine has them, [out, in]. */
function linear(b: GraphBuilder, x: KerasTensor, weights: Value, bias: Value | null): KerasTensor {
  const [out, size] = weights.shape as [number, number];
  const shape = [...x.shape.slice(0, -1), out];
  const rank = shape.length;
  if (rank === 1) return { value: dense(b, x.value, weights, bias), shape };
  // A convolution with a single tap: places stay where they are, however many there are.
  const kernel = reshape(b, weights, [out, size, 1, 1]);
  const places = rank === 2 ? [0, 0, 0, 1] : [0, 0, -1, 1];
  const y = conv2d(b, rank === 3 ? x.value : reshape(b, x.value, places), kernel, bias);
  if (rank === 3) return { value: y, shape };
  return { value: reshape(b, y, rank === 2 ? [0, 0, -1] : [0, 0, ...shape.slice(0, -1)]), shape };
}

/** A dense kernel, found under `kernel`, and a bias, applied along the last axis. */
export function denseAlong(
  c: LayerContext,
  x: KerasTensor,
  options: { units: number; bias: Float32Array | null; blocks?: readonly number[] },
): KerasTensor {
  const { units, bias: numbers, blocks } = options;
  const size = x.shape[x.shape.length - 1]!;
  const { data, shape } = denseKernel(c.weight('kernel', [size, units]), x, blocks);
  const weights = c.constant('weight', data, shape);
  const order = blocks ?? [0];
  const width = units / order.length;
  const bias = numbers?.map((_, o) => numbers[order[Math.floor(o / width)]! * width + (o % width)]!);
  return linear(c.b, x, weights, bias ? c.constant('bias', bias, [units]) : null);
}

const Dense = defineLayer({
  config: z.looseObject({ units: channels, use_bias: z.boolean().default(true) }),
  pointwise: true,
  activated: true,
  build: (c, inputs, { units, use_bias }) =>
    denseAlong(c, one(inputs), { units, bias: use_bias ? c.weight('bias', [units]) : null }),
});

/** Random in training, nothing at any other time. */
const Identity = defineLayer({ config: nothing, pointwise: true, build: (_, inputs) => one(inputs) });

const perChannel = z.union([z.number().transform((x) => [x]), z.array(z.number()).min(1).max(65_536)]);

/** x * scale + offset, one number for all channels or one each. */
const Rescaling = defineLayer({
  config: z.looseObject({ scale: perChannel, offset: perChannel.default([0]) }),
  pointwise: true,
  build({ b }, inputs, { scale, offset }) {
    const x = one(inputs);
    const numbers = (v: number[]): Value =>
      v.length === 1 ? b.scalar(v[0]!) : b.constant(v, perChannelShape(x.shape).with(0, v.length));
    const scaled = mul(b, x.value, numbers(scale));
    return { ...x, value: offset.every((o) => o === 0) ? scaled : add(b, scaled, numbers(offset)) };
  },
});

export const coreLayers = {
  Dense,
  Rescaling,
  Dropout: Identity,
  SpatialDropout1D: Identity,
  SpatialDropout2D: Identity,
  SpatialDropout3D: Identity,
  AlphaDropout: Identity,
  GaussianDropout: Identity,
  GaussianNoise: Identity,
  ActivityRegularization: Identity,
};
