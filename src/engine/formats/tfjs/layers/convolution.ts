/** Convolutions over pictures and lists, and the padding rule of TensorFlow. */
import { z } from 'zod';
import type { Value } from '../../../graph/graph.js';
import { conv2d, convTranspose2d } from '../../../ops/conv.js';
import { channels } from '../schema.js';
import type { KerasTensor } from '../tensor.js';
import { defineLayer, layerInvalid, type LayerContext } from './definition.js';
import { asPicture, fromPicture, pairDefault, pairOf, type Dims, type Pair } from './places.js';

export type PaddingMode = 'same' | 'valid' | 'causal';
/** Only along a single axis is there a before and an after. */
const padding = (dims: Dims): z.ZodType<PaddingMode> =>
  z.enum(['same', 'valid', ...(dims === 1 ? ['causal' as const] : [])]);

/** What all convolutions have in their configuration. */
export const convolutionConfig = (dims: Dims) => ({
  kernel_size: pairOf(dims),
  strides: pairOf(dims).default(pairDefault(dims, 1)),
  dilation_rate: pairOf(dims)
    .nullish()
    .transform((given): [number, number] => given ?? [1, 1]),
  padding: padding(dims).default('valid'),
  data_format: z.string().nullish(),
  use_bias: z.boolean().default(true),
});
type ConvolutionConfig = z.output<z.ZodObject<ReturnType<typeof convolutionConfig>>>;

/** Why a layer that was made for channels first cannot be imported. */
export const formatProblem = ({ data_format }: { data_format?: string | null | undefined }): string | null =>
  data_format && data_format !== 'channels_last' ? `the data format ${data_format}` : null;

/**
 * Padding top, left, bottom, right as TensorFlow has it: for `same` the output has ceil(input / stride) places, and what
 * cannot be shared out evenly goes to the bottom and right; for `causal` all is at the start.
 */
export function tensorflowPads(
  mode: PaddingMode,
  input: readonly number[],
  kernel: Pair,
  strides: Pair,
  dilations: Pair = [1, 1],
): [number, number, number, number] {
  if (mode === 'valid') return [0, 0, 0, 0];
  const reach = ([0, 1] as const).map((i) => dilations[i] * (kernel[i] - 1) + 1) as [number, number];
  if (mode === 'causal') return [reach[0] - 1, reach[1] - 1, 0, 0];
  const total = ([0, 1] as const).map((i) =>
    Math.max((Math.ceil(input[i]! / strides[i]) - 1) * strides[i] + reach[i] - input[i]!, 0),
  );
  const [top, left] = total.map((n) => Math.floor(n / 2)) as [number, number];
  return [top, left, total[0]! - top, total[1]! - left];
}

/** Kernels [kh, kw, a, b] with the two last axes in front: [a, b, kh, kw], or [b, a, kh, kw] where `swap`. */
export function kernelInFront(data: Float32Array, [kh, kw, a, b]: readonly number[], swap: boolean): Float32Array {
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

/** The numbers of a kernel [kh, kw, ...]; the kernels of lists are stored without the axis of rows. */
const kernelNumbers = (c: LayerContext, name: string, size: readonly number[], dims: Dims): Float32Array =>
  c.weight(name, size.slice(2 - dims));

function biasOf(c: LayerContext, use: boolean, size: number): Value | null {
  return use ? c.constant('bias', c.weight('bias', [size]), [size]) : null;
}

/** A picture from a value, with the Keras shape that follows from it. */
const picture = (value: Value): KerasTensor => ({ value, shape: [value.shape[2]!, value.shape[3]!, value.shape[1]!] });

/** The plain convolution of a picture, with the weights `kernel` and `bias`. */
export function convolved(
  c: LayerContext,
  x: KerasTensor,
  options: ConvolutionConfig & { filters: number; groups: number },
  dims: Dims = 2,
): KerasTensor {
  const { kernel_size: kernel, strides, dilation_rate: dilations, padding: mode, filters, groups, use_bias } = options;
  if (x.shape[2]! % groups !== 0) layerInvalid(`${x.shape[2]} channels are not ${groups} groups`);
  const size = [...kernel, x.shape[2]! / groups, filters];
  const data = kernelInFront(kernelNumbers(c, 'kernel', size, dims), size, true);
  const weights = c.constant('weight', data, [filters, size[2]!, ...kernel]);
  const pads = tensorflowPads(mode, x.shape, kernel, strides, dilations);
  return picture(conv2d(c.b, x.value, weights, biasOf(c, use_bias, filters), { strides, pads, dilations, groups }));
}

const unstrided = ({ strides }: { strides: Pair }): boolean => strides.every((n) => n === 1);

const convolution = (dims: Dims) =>
  defineLayer({
    config: z.looseObject({
      ...convolutionConfig(dims),
      filters: channels,
      groups: z.int().min(1).max(65_536).default(1),
    }),
    activated: true,
    unsupported: formatProblem,
    anyLength: unstrided,
    build: (c, inputs, config) => fromPicture(c.b, convolved(c, asPicture(c.b, inputs, dims), config, dims), dims),
  });

/** Every input channel by `multiplier` kernels of its own; kernel [kh, kw, in, multiplier]. */
function depthwise(
  c: LayerContext,
  x: KerasTensor,
  options: ConvolutionConfig & { depth_multiplier: number },
  dims: Dims,
): Value {
  const { kernel_size: kernel, depth_multiplier, strides, dilation_rate: dilations, padding: mode, use_bias } = options;
  const groups = x.shape[2]!;
  const size = [...kernel, groups, depth_multiplier];
  const data = kernelInFront(kernelNumbers(c, 'depthwise_kernel', size, dims), size, false);
  const weights = c.constant('depthwise_kernel', data, [groups * depth_multiplier, 1, ...kernel]);
  const pads = tensorflowPads(mode, x.shape, kernel, strides, dilations);
  const bias = biasOf(c, use_bias, groups * depth_multiplier);
  return conv2d(c.b, x.value, weights, bias, { strides, pads, dilations, groups });
}

const multiplier = z.int().min(1).max(65_536).default(1);

const depthwiseConvolution = (dims: Dims) =>
  defineLayer({
    config: z.looseObject({ ...convolutionConfig(dims), depth_multiplier: multiplier }),
    activated: true,
    unsupported: formatProblem,
    anyLength: unstrided,
    build: (c, inputs, config) =>
      fromPicture(c.b, picture(depthwise(c, asPicture(c.b, inputs, dims), config, dims)), dims),
  });

const separableConvolution = (dims: Dims) =>
  defineLayer({
    config: z.looseObject({ ...convolutionConfig(dims), filters: channels, depth_multiplier: multiplier }),
    activated: true,
    unsupported: formatProblem,
    anyLength: unstrided,
    build(c, inputs, config) {
      const { filters, use_bias } = config;
      const deep = depthwise(c, asPicture(c.b, inputs, dims), { ...config, use_bias: false }, dims);
      const size = [1, 1, deep.shape[1]!, filters];
      const data = kernelInFront(kernelNumbers(c, 'pointwise_kernel', size, dims), size, true);
      const weights = c.constant('pointwise_kernel', data, [filters, size[2]!, 1, 1]);
      return fromPicture(c.b, picture(conv2d(c.b, deep, weights, biasOf(c, use_bias, filters))), dims);
    },
  });

/**
 * The size of a transposed convolution's output along an axis: that of the input of the convolution whose transpose it
 * is, the smallest one unless `extra` says by how much it is larger.
 */
function transposedSize(
  input: number,
  reach: number,
  stride: number,
  mode: PaddingMode,
  extra: number | undefined,
): number {
  if (extra !== undefined) {
    return (input - 1) * stride + reach - (mode === 'same' ? 2 * Math.floor(reach / 2) : 0) + extra;
  }
  return input * stride + (mode === 'valid' ? Math.max(reach - stride, 0) : 0);
}

const outputPadding = (dims: Dims) => {
  const n = z.int().min(0).max(4096);
  const all = z.union([n.transform((k): [number, number] => [k, k]), z.tuple([n, n])]);
  const last = z.union([n, z.tuple([n]).transform(([k]) => k)]).transform((k): [number, number] => [0, k]);
  return dims === 2 ? all : last;
};

const transposedConvolution = (dims: Dims) =>
  defineLayer({
    config: z.looseObject({
      ...convolutionConfig(dims),
      filters: channels,
      output_padding: outputPadding(dims).nullish(),
    }),
    activated: true,
    unsupported: (config) => formatProblem(config) ?? (config.padding === 'causal' ? 'causal padding' : null),
    build(c, inputs, config) {
      const { kernel_size: kernel, strides, dilation_rate: dilations, padding: mode, filters, use_bias } = config;
      const x = asPicture(c.b, inputs, dims);
      const size = [...kernel, filters, x.shape[2]!];
      const data = kernelInFront(kernelNumbers(c, 'kernel', size, dims), size, true);
      const weights = c.constant('weight', data, [x.shape[2]!, filters, ...kernel]);
      const extents = ([0, 1] as const).map((i) => {
        const reach = dilations[i] * (kernel[i] - 1) + 1;
        return transposedSize(x.shape[i]!, reach, strides[i], mode, config.output_padding?.[i]);
      });
      const pads = tensorflowPads(mode, extents, kernel, strides, dilations);
      const bias = biasOf(c, use_bias, filters);
      const options = { strides, pads, dilations, size: extents, ...(bias && { bias }) };
      return fromPicture(c.b, picture(convTranspose2d(c.b, x.value, weights, options)), dims);
    },
  });

export const convolutionLayers = {
  Conv1D: convolution(1),
  Conv2D: convolution(2),
  DepthwiseConv1D: depthwiseConvolution(1),
  DepthwiseConv2D: depthwiseConvolution(2),
  SeparableConv1D: separableConvolution(1),
  SeparableConv2D: separableConvolution(2),
  Conv1DTranspose: transposedConvolution(1),
  Conv2DTranspose: transposedConvolution(2),
};
