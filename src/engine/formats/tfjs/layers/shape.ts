/** Layers that pad, crop, repeat and rearrange. */
import { z } from 'zod';
import type { GraphBuilder, Value } from '../../../graph/graph.js';
import { sizeOf } from '../../../graph/shape.js';
import { mul } from '../../../ops/elementwise.js';
import { concat, pad, reshape, sliceAxis, transpose } from '../../../ops/layout.js';
import { extent, margin } from '../schema.js';
import { channelsLast, flatten, fromChannelsLast, inKerasOrder } from '../tensor.js';
import { formatProblem } from './convolution.js';
import { defineLayer, engineAxis, layerInvalid, one } from './definition.js';
import { asPicture, fromPicture, pairDefault, pairOf, type Dims, type Pair } from './places.js';
import { bilinear } from './resize.js';

const Flatten = defineLayer({
  config: z.looseObject({ data_format: z.string().nullish() }),
  unsupported: formatProblem,
  build: ({ b }, inputs) => flatten(b, one(inputs)),
});

const Reshape = defineLayer({
  config: z.looseObject({ target_shape: z.array(z.int().min(-1)).min(1).max(6) }),
  build({ b }, inputs, { target_shape: target }) {
    const x = one(inputs);
    const size = sizeOf(x.shape);
    const known = target.reduce((n, dim) => (dim === -1 ? n : n * dim), 1);
    const shape = target.map((dim) => (dim === -1 ? size / known : dim));
    const fits = sizeOf(shape) === size && shape.every((dim) => Number.isInteger(dim) && dim > 0);
    if (!fits) layerInvalid(`[${x.shape.join(', ')}] cannot be read as [${target.join(', ')}]`);
    if (shape.length === 1) return flatten(b, x);
    return fromChannelsLast(b, reshape(b, channelsLast(b, x), [-1, ...shape]), shape);
  },
});

/** Axis dims[i] of the input, counted from 1, becomes axis i + 1. */
const Permute = defineLayer({
  config: z.looseObject({ dims: z.array(z.int().min(1)).min(1).max(8) }),
  build({ b }, inputs, { dims }) {
    const x = inKerasOrder(b, one(inputs));
    const rank = x.shape.length;
    if ([...dims].sort((p, q) => p - q).join() !== x.shape.map((_, i) => i + 1).join()) {
      layerInvalid(`[${dims.join(', ')}] is not an order of its axes`);
    }
    const order = [0, ...new Array<number>(rank).fill(0)];
    dims.forEach((from, to) => (order[engineAxis(to, rank)] = engineAxis(from - 1, rank)));
    return { value: transpose(b, x.value, order), shape: dims.map((from) => x.shape[from - 1]!) };
  },
});

const side = z.union([margin.transform((n): [number, number] => [n, n]), z.tuple([margin, margin])]);
const sides = z.tuple([side, side]);
/** Top and bottom, left and right: one number for all, one for each axis, or one for each side. */
const pictureMargins = z.union([
  margin.transform((n): z.output<typeof sides> => [
    [n, n],
    [n, n],
  ]),
  sides,
]);
/** Before and after, along the only axis. */
const listMargins = side.transform((given): z.output<typeof sides> => [[0, 0], given]);
const margins = (dims: Dims) => (dims === 2 ? pictureMargins : listMargins);
const marginDefault = (dims: Dims, n: number): z.output<typeof sides> => [dims === 2 ? [n, n] : [0, 0], [n, n]];

const zeroPadding = (dims: Dims) =>
  defineLayer({
    config: z.looseObject({
      padding: margins(dims).default(marginDefault(dims, 1)),
      data_format: z.string().nullish(),
    }),
    unsupported: formatProblem,
    anyLength: () => true,
    build({ b }, inputs, { padding: [[top, bottom], [left, right]] }) {
      const x = asPicture(b, inputs, dims);
      const [h, w, c] = x.shape as [number, number, number];
      const value = pad(b, x.value, [0, 0, top, left], [0, 0, bottom, right]);
      return fromPicture(b, { value, shape: [h + top + bottom, w + left + right, c] }, dims);
    },
  });

const cropping = (dims: Dims) =>
  defineLayer({
    config: z.looseObject({
      cropping: margins(dims).default(marginDefault(dims, dims === 2 ? 0 : 1)),
      data_format: z.string().nullish(),
    }),
    unsupported: formatProblem,
    build({ b }, inputs, { cropping: [[top, bottom], [left, right]] }) {
      const x = asPicture(b, inputs, dims);
      const [h, w, c] = x.shape as [number, number, number];
      if (top + bottom >= h || left + right >= w) layerInvalid(`nothing of ${h}x${w} is left after cropping`);
      const rows = sliceAxis(b, x.value, 2, top, h - bottom);
      const value = sliceAxis(b, rows, 3, left, w - right);
      return fromPicture(b, { value, shape: [h - top - bottom, w - left - right, c] }, dims);
    },
  });

/** Every row and column repeated, with no op that would hold the batch's size. */
function repeated(b: GraphBuilder, x: Value, [rows, columns]: Pair): Value {
  const [, c, h, w] = x.shape as [number, number, number, number];
  const lines = reshape(b, x, [0, c * h, 1, w]);
  const tall = reshape(b, concat(b, new Array<Value>(rows).fill(lines), 2), [0, c, h * rows, w]);
  const dots = reshape(b, tall, [0, 0, -1, 1]);
  return reshape(b, concat(b, new Array<Value>(columns).fill(dots), 3), [0, 0, h * rows, w * columns]);
}

const INTERPOLATIONS = ['nearest', 'bilinear'];

const upSampling = (dims: Dims) =>
  defineLayer({
    config: z.looseObject({
      size: pairOf(dims).default(pairDefault(dims, 2)),
      interpolation: z.string().nullish(),
      data_format: z.string().nullish(),
    }),
    unsupported: (config) =>
      formatProblem(config) ??
      (INTERPOLATIONS.includes(config.interpolation ?? 'nearest') ? null : `interpolation ${config.interpolation}`) ??
      (config.size.some((n) => n > 64) ? `a factor above 64` : null),
    build(c, inputs, { size, interpolation }) {
      const x = asPicture(c.b, inputs, dims);
      const [h, w, depth] = x.shape as [number, number, number];
      const shape = [h * size[0], w * size[1], depth];
      const value =
        interpolation === 'bilinear'
          ? bilinear(c, x.value, [shape[0]!, shape[1]!], c.writer === 'keras' ? 'centres' : 'corner')
          : repeated(c.b, x.value, size);
      return fromPicture(c.b, { value, shape }, dims);
    },
  });

/** A vector n times, as a sequence. */
const RepeatVector = defineLayer({
  config: z.looseObject({ n: extent }),
  build({ b }, inputs, { n }) {
    const x = inKerasOrder(b, one(inputs, 1));
    const value = mul(b, reshape(b, x.value, [0, 0, 1]), b.constant(new Float32Array(n).fill(1), [n]));
    return { value, shape: [n, x.shape[0]!] };
  },
});

export const shapeLayers = {
  Flatten,
  Reshape,
  Permute,
  RepeatVector,
  ZeroPadding1D: zeroPadding(1),
  ZeroPadding2D: zeroPadding(2),
  Cropping1D: cropping(1),
  Cropping2D: cropping(2),
  UpSampling1D: upSampling(1),
  UpSampling2D: upSampling(2),
};
