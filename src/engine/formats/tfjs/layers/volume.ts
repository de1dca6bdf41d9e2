/** Layers over sequences of pictures: convolutions and pools whose windows reach over several steps. */
import { z } from 'zod';
import type { GraphBuilder, Value } from '../../../graph/graph.js';
import { conv2d } from '../../../ops/conv.js';
import { concat, gather, pad, padAxis, reshape, sliceAxis } from '../../../ops/layout.js';
import { averagePool2d, maxPool2d } from '../../../ops/pool.js';
import { mean } from '../../../ops/reduce.js';
import { channels, extent, margin } from '../schema.js';
import type { KerasTensor } from '../tensor.js';
import { formatProblem, kernelInFront, tensorflowPads } from './convolution.js';
import { defineLayer, layerInvalid, one, type LayerContext } from './definition.js';
import { meanOfAny, type Pool } from './pooling.js';
import { asSequence, atEachStep, stepByStep } from './sequence.js';

type Triple = [number, number, number];
/** Along time, vertical and horizontal; one number means all. */
const triple = z.union([extent.transform((n): Triple => [n, n, n]), z.tuple([extent, extent, extent])]);
const padding = z.enum(['same', 'valid']);

/** Padding before and after along time, and that of each picture, as TensorFlow has it. */
function pads(mode: 'same' | 'valid', shape: readonly number[], kernel: Triple, strides: Triple, dilations: Triple) {
  const pair = (i: number): [number, number] => [1, i];
  const [, before, , after] = tensorflowPads(
    mode,
    [1, shape[0]!],
    pair(kernel[0]),
    pair(strides[0]),
    pair(dilations[0]),
  );
  const rest = (t: Triple): [number, number] => [t[1], t[2]];
  return { before, after, picture: tensorflowPads(mode, shape.slice(1), rest(kernel), rest(strides), rest(dilations)) };
}

const volume = (inputs: readonly KerasTensor[]): KerasTensor => one(inputs, 4);

const convolutionConfig = z.looseObject({
  kernel_size: triple,
  strides: triple.default([1, 1, 1]),
  dilation_rate: triple.nullish().transform((given): Triple => given ?? [1, 1, 1]),
  padding: padding.default('valid'),
  data_format: z.string().nullish(),
  use_bias: z.boolean().default(true),
  filters: channels,
  groups: z.int().default(1),
});

/** The steps under one tap of a kernel: from `first` on, `count` of them, `stride` apart. */
function tap(b: GraphBuilder, x: Value, first: number, count: number, stride: number): Value {
  if (stride === 1) return sliceAxis(b, x, 0, first, first + count);
  return gather(
    b,
    x,
    Array.from({ length: count }, (_, t) => first + t * stride),
  );
}

/** A convolution of pictures whose channels are those of all steps that a kernel reaches. */
const Conv3D = defineLayer({
  config: convolutionConfig,
  activated: true,
  unsupported: (config) => formatProblem(config) ?? (config.groups === 1 ? null : `${config.groups} groups`),
  anyLength: ({ kernel_size, strides }) => kernel_size[0] === 1 && strides[0] === 1,
  build(c, inputs, { kernel_size: kernel, strides, dilation_rate: dilations, padding: mode, filters, use_bias }) {
    const { b } = c;
    const x = volume(inputs);
    const { before, after, picture } = pads(mode, x.shape, kernel, strides, dilations);
    const depth = x.shape[3]!;
    const [taps, rows, columns] = kernel;
    const padded = padAxis(b, stepByStep(b, x), 0, before, after);
    const reach = dilations[0] * (taps - 1) + 1;
    const count = Math.floor((padded.shape[0]! - reach) / strides[0]) + 1;
    if (count < 1) layerInvalid(`a kernel of ${reach} steps does not fit in ${padded.shape[0]}`);
    const under =
      taps === 1 && strides[0] === 1
        ? padded
        : concat(
            b,
            Array.from({ length: taps }, (_, i) => tap(b, padded, i * dilations[0], count, strides[0])),
            2,
          );
    const weights = kernel3d(c, [taps, rows, columns, depth, filters]);
    const bias = use_bias ? c.constant('bias', c.weight('bias', [filters]), [filters]) : null;
    const options = { strides: strides.slice(1), pads: picture, dilations: dilations.slice(1) };
    const y = atEachStep(b, under, ({ value }) => {
      const convolved = conv2d(b, value, weights, bias, options);
      return { value: convolved, shape: [...convolved.shape.slice(2), filters] };
    });
    return asSequence(b, y);
  },
});

/** A kernel [kt, kh, kw, in, out] as one over pictures of kt * in channels. */
function kernel3d(c: LayerContext, size: [number, number, number, number, number]): Value {
  const [taps, rows, columns, depth, filters] = size;
  const data = c.weight('kernel', size);
  const one = rows * columns * depth * filters;
  const turned = new Float32Array(data.length);
  for (let t = 0; t < taps; t++) {
    const part = kernelInFront(data.subarray(t * one, (t + 1) * one), size.slice(1), true);
    const run = depth * rows * columns;
    for (let o = 0; o < filters; o++) turned.set(part.subarray(o * run, (o + 1) * run), (o * taps + t) * run);
  }
  return c.constant('weight', turned, [filters, taps * depth, rows, columns]);
}

const poolConfig = z.looseObject({
  pool_size: triple.default([2, 2, 2]),
  strides: triple.nullish(),
  padding: padding.default('valid'),
  data_format: z.string().nullish(),
});

/** A window over pictures and steps is one over pictures, then one over what came out of it, step by step. */
const windows = (pool: Pool) =>
  defineLayer({
    config: poolConfig,
    unsupported: formatProblem,
    anyLength: ({ pool_size, strides }) => pool_size[0] === 1 && (strides?.[0] ?? 1) === 1,
    build({ b }, inputs, { pool_size: kernel, strides: given, padding: mode }) {
      const x = volume(inputs);
      const strides = given ?? kernel;
      const { before, after, picture } = pads(mode, x.shape, kernel, strides, [1, 1, 1]);
      const small = atEachStep(b, stepByStep(b, x), ({ value, shape }) => {
        const options = { kernel: [kernel[1], kernel[2]], strides: [strides[1], strides[2]], pads: picture } as const;
        const y = pool(b, value, options);
        return { value: y, shape: [...y.shape.slice(2), shape[2]!] };
      });
      const sequence = asSequence(b, small);
      if (kernel[0] === 1 && strides[0] === 1) return sequence;
      return pooledOverTime(b, sequence, pool, kernel[0], strides[0], [before, after]);
    },
  });

function pooledOverTime(
  b: GraphBuilder,
  x: KerasTensor,
  pool: Pool,
  kernel: number,
  stride: number,
  [before, after]: readonly [number, number],
): KerasTensor {
  const [steps, h, w, depth] = x.shape as [number, number, number, number];
  const lines = reshape(b, x.value, [0, depth, steps, h * w]);
  const y = pool(b, lines, { kernel: [kernel, 1], strides: [stride, 1], pads: [before, 0, after, 0] });
  const count = y.shape[2]!;
  return { value: reshape(b, y, [0, depth, count, h, w]), shape: [count, h, w, depth] };
}

const globalConfig = z.looseObject({ data_format: z.string().nullish(), keepdims: z.boolean().default(false) });

/** `pool` gives [N, C, 1, 1, 1]. */
const global = (pool: (b: GraphBuilder, x: KerasTensor) => Value, anyLength: boolean) =>
  defineLayer({
    config: globalConfig,
    unsupported: formatProblem,
    anyLength: () => anyLength,
    build({ b }, inputs, { keepdims }) {
      const x = volume(inputs);
      const value = pool(b, x);
      const depth = x.shape[3]!;
      return keepdims ? { value, shape: [1, 1, 1, depth] } : { value: reshape(b, value, [0, -1]), shape: [depth] };
    },
  });

const largest = (b: GraphBuilder, { value, shape }: KerasTensor): Value => {
  const [steps, h, w, depth] = shape as [number, number, number, number];
  const lines = reshape(b, value, [0, depth, steps, h * w]);
  return reshape(b, maxPool2d(b, lines, { kernel: [steps, h * w] }), [0, depth, 1, 1, 1]);
};

const side = z.union([margin.transform((n): [number, number] => [n, n]), z.tuple([margin, margin])]);
const sides = z.tuple([side, side, side]);
const margins = z.union([
  margin.transform((n): z.output<typeof sides> => [
    [n, n],
    [n, n],
    [n, n],
  ]),
  sides,
]);
const ALL_ONE: z.output<typeof sides> = [
  [1, 1],
  [1, 1],
  [1, 1],
];

const ZeroPadding3D = defineLayer({
  config: z.looseObject({ padding: margins.default(ALL_ONE), data_format: z.string().nullish() }),
  unsupported: formatProblem,
  anyLength: () => true,
  build({ b }, inputs, { padding: given }) {
    const x = volume(inputs);
    const [before, after] = [0, 1].map((end) => [0, 0, ...given.map((ends) => ends[end]!)]) as [number[], number[]];
    return { value: pad(b, x.value, before, after), shape: x.shape.map((n, i) => n + before[i + 2]! + after[i + 2]!) };
  },
});

const Cropping3D = defineLayer({
  config: z.looseObject({ cropping: margins.default(ALL_ONE), data_format: z.string().nullish() }),
  unsupported: formatProblem,
  build({ b }, inputs, { cropping }) {
    const x = volume(inputs);
    const shape = x.shape.map((n, i) => n - (cropping[i]?.[0] ?? 0) - (cropping[i]?.[1] ?? 0));
    if (shape.some((n) => n < 1)) layerInvalid(`nothing of [${x.shape.join(', ')}] is left after cropping`);
    const value = cropping.reduce((y, [start], i) => sliceAxis(b, y, i + 2, start, start + shape[i]!), x.value);
    return { value, shape };
  },
});

export const volumeLayers = {
  Conv3D,
  MaxPooling3D: windows(maxPool2d),
  AveragePooling3D: windows(averagePool2d),
  GlobalMaxPooling3D: global(largest, false),
  GlobalAveragePooling3D: global((b, { value }) => meanOfAny(b, mean(b, value, [3, 4]), [2]), true),
  ZeroPadding3D,
  Cropping3D,
};
