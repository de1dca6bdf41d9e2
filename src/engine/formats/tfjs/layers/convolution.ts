/** Convolutions over pictures, and the padding rule of TensorFlow. */
import { z } from 'zod';
import type { Value } from '../../../graph/graph.js';
import { conv2d, convTranspose2d } from '../../../ops/conv.js';
import { channels, extent } from '../schema.js';
import type { KerasTensor } from '../tensor.js';
import { defineLayer, one, type LayerContext } from './definition.js';

/** Vertical and horizontal; one number means both. */
export const pair = z.union([extent.transform((n): [number, number] => [n, n]), z.tuple([extent, extent])]);
export const padding = z.enum(['same', 'valid']);
type Pair = readonly [number, number];

const common = {
  kernel_size: pair,
  strides: pair.default([1, 1]),
  dilation_rate: pair.nullish(),
  padding: padding.default('valid'),
  data_format: z.string().nullish(),
  use_bias: z.boolean().default(true),
};

/** Why a layer that was made for channels first cannot be imported. */
export const formatProblem = ({ data_format }: { data_format?: string | null | undefined }): string | null =>
  data_format && data_format !== 'channels_last' ? `the data format ${data_format}` : null;

/**
 * Padding top, left, bottom, right as TensorFlow has it: for `same` the output has ceil(input / stride) places, and what
 * cannot be shared out evenly goes to the bottom and right.
 */
export function tensorflowPads(
  mode: 'same' | 'valid',
  input: readonly number[],
  kernel: Pair,
  strides: Pair,
  dilations: Pair = [1, 1],
): [number, number, number, number] {
  if (mode === 'valid') return [0, 0, 0, 0];
  const total = ([0, 1] as const).map((i) => {
    const reach = dilations[i] * (kernel[i] - 1) + 1;
    return Math.max((Math.ceil(input[i]! / strides[i]) - 1) * strides[i] + reach - input[i]!, 0);
  });
  const [top, left] = total.map((n) => Math.floor(n / 2)) as [number, number];
  return [top, left, total[0]! - top, total[1]! - left];
}

/** Kernels [kh, kw, a, b] with the two last axes in front: [a, b, kh, kw], or [b, a, kh, kw] where `swap`. */
function kernelInFront(data: Float32Array, [kh, kw, a, b]: readonly number[], swap: boolean): Float32Array {
  const taps = kh! * kw!;
  const out = new Float32Array(data.length);
  for (let tap = 0; tap < taps; tap++) {
    for (let i = 0; i < a!; i++) {
      for (let j = 0; j < b!; j++) {
        const row = swap ? j * a! + i : i * b! + j;
        out[row * taps + tap] = data[(tap * a! + i) * b! + j]!;
      }
    }
  }
  return out;
}

function biasOf(c: LayerContext, use: boolean, size: number): Value | null {
  return use ? c.constant('bias', c.weight('bias', [size]), [size]) : null;
}

/** A picture from a value, with the Keras shape that follows from it. */
const picture = (value: Value): KerasTensor => ({ value, shape: [value.shape[2]!, value.shape[3]!, value.shape[1]!] });

const Conv2D = defineLayer({
  config: z.looseObject({ ...common, filters: channels, groups: z.int().min(1).max(65_536).default(1) }),
  activated: true,
  unsupported: formatProblem,
  build(c, inputs, { kernel_size: kernel, strides, dilation_rate, padding: mode, filters, groups, use_bias }) {
    const x = one(inputs, 3);
    const dilations = dilation_rate ?? [1, 1];
    const size = [...kernel, x.shape[2]! / groups, filters];
    const data = kernelInFront(c.weight('kernel', size), size, true);
    const weights = c.constant('weight', data, [filters, size[2]!, ...kernel]);
    const pads = tensorflowPads(mode, x.shape, kernel, strides, dilations);
    return picture(conv2d(c.b, x.value, weights, biasOf(c, use_bias, filters), { strides, pads, dilations, groups }));
  },
});

/** Every input channel by `depth_multiplier` kernels of its own; kernel [kh, kw, in, multiplier]. */
function depthwise(
  c: LayerContext,
  x: KerasTensor,
  options: { kernel: Pair; multiplier: number; strides: Pair; dilations: Pair; mode: 'same' | 'valid'; bias: boolean },
): Value {
  const { kernel, multiplier, strides, dilations, mode, bias } = options;
  const groups = x.shape[2]!;
  const size = [...kernel, groups, multiplier];
  const data = kernelInFront(c.weight('depthwise_kernel', size), size, false);
  const weights = c.constant('depthwise_kernel', data, [groups * multiplier, 1, ...kernel]);
  const pads = tensorflowPads(mode, x.shape, kernel, strides, dilations);
  const added = biasOf(c, bias, groups * multiplier);
  return conv2d(c.b, x.value, weights, added, { strides, pads, dilations, groups });
}

const multiplier = z.int().min(1).max(65_536).default(1);

const DepthwiseConv2D = defineLayer({
  config: z.looseObject({ ...common, depth_multiplier: multiplier }),
  activated: true,
  unsupported: formatProblem,
  build(c, inputs, { kernel_size: kernel, strides, dilation_rate, padding: mode, depth_multiplier, use_bias }) {
    const rest = { strides, dilations: dilation_rate ?? ([1, 1] as const), mode, bias: use_bias };
    const x = one(inputs, 3);
    return picture(depthwise(c, x, { kernel, multiplier: depth_multiplier, ...rest }));
  },
});

const SeparableConv2D = defineLayer({
  config: z.looseObject({ ...common, filters: channels, depth_multiplier: multiplier }),
  activated: true,
  unsupported: formatProblem,
  build(c, inputs, config) {
    const { kernel_size: kernel, strides, dilation_rate, padding: mode, filters, depth_multiplier, use_bias } = config;
    const rest = { strides, dilations: dilation_rate ?? ([1, 1] as const), mode, bias: false };
    const x = one(inputs, 3);
    const deep = depthwise(c, x, { kernel, multiplier: depth_multiplier, ...rest });
    const size = [1, 1, deep.shape[1]!, filters];
    const data = kernelInFront(c.weight('pointwise_kernel', size), size, true);
    const weights = c.constant('pointwise_kernel', data, [filters, size[2]!, 1, 1]);
    return picture(conv2d(c.b, deep, weights, biasOf(c, use_bias, filters)));
  },
});

const Conv2DTranspose = defineLayer({
  config: z.looseObject({ ...common, filters: channels, output_padding: z.unknown().optional() }),
  activated: true,
  unsupported: (config) =>
    formatProblem(config) ??
    (config.dilation_rate?.some((d) => d !== 1) ? 'dilation' : null) ??
    ((config.output_padding ?? null) !== null ? 'output_padding' : null),
  build(c, inputs, { kernel_size: kernel, strides, padding: mode, filters, use_bias }) {
    const x = one(inputs, 3);
    const size = [...kernel, filters, x.shape[2]!];
    const data = kernelInFront(c.weight('kernel', size), size, true);
    const weights = c.constant('weight', data, [x.shape[2]!, filters, ...kernel]);
    // As large as the input of the convolution whose transpose this is.
    const extents = ([0, 1] as const).map((i) => {
      const extra = mode === 'valid' ? Math.max(kernel[i] - strides[i], 0) : 0;
      return x.shape[i]! * strides[i] + extra;
    });
    const pads = tensorflowPads(mode, extents, kernel, strides);
    const bias = biasOf(c, use_bias, filters);
    return picture(convTranspose2d(c.b, x.value, weights, { strides, pads, size: extents, ...(bias && { bias }) }));
  },
});

export const convolutionLayers = { Conv2D, DepthwiseConv2D, SeparableConv2D, Conv2DTranspose };
