/** Layers that pad, crop, repeat and rearrange. */
import { z } from 'zod';
import type { GraphBuilder, Value } from '../../../graph/graph.js';
import { sizeOf } from '../../../graph/shape.js';
import { concat, pad, reshape, sliceAxis, transpose } from '../../../ops/layout.js';
import { margin } from '../schema.js';
import { channelsLast, flatten, fromChannelsLast, inKerasOrder } from '../tensor.js';
import { formatProblem, pair } from './convolution.js';
import { defineLayer, engineAxis, layerInvalid, one } from './definition.js';

const Flatten = defineLayer({
  config: z.looseObject({ data_format: z.string().nullish() }),
  unsupported: formatProblem,
  build: ({ b }, inputs) => flatten(b, one(inputs)),
});

const Reshape = defineLayer({
  config: z.looseObject({ target_shape: z.array(z.int().min(-1)).min(1).max(4) }),
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
/** Top and bottom, left and right: one number for all, one for each axis, or one for each side. */
const margins = z.union([
  margin.transform((n): [[number, number], [number, number]] => [
    [n, n],
    [n, n],
  ]),
  z.tuple([side, side]),
]);

const ZeroPadding2D = defineLayer({
  config: z.looseObject({
    padding: margins.default([
      [1, 1],
      [1, 1],
    ]),
    data_format: z.string().nullish(),
  }),
  unsupported: formatProblem,
  build({ b }, inputs, { padding: [[top, bottom], [left, right]] }) {
    const x = one(inputs, 3);
    const [h, w, c] = x.shape as [number, number, number];
    const value = pad(b, x.value, [0, 0, top, left], [0, 0, bottom, right]);
    return { value, shape: [h + top + bottom, w + left + right, c] };
  },
});

const Cropping2D = defineLayer({
  config: z.looseObject({
    cropping: margins.default([
      [0, 0],
      [0, 0],
    ]),
    data_format: z.string().nullish(),
  }),
  unsupported: formatProblem,
  build({ b }, inputs, { cropping: [[top, bottom], [left, right]] }) {
    const x = one(inputs, 3);
    const [h, w, c] = x.shape as [number, number, number];
    if (top + bottom >= h || left + right >= w) layerInvalid(`nothing of ${h}x${w} is left after cropping`);
    const rows = sliceAxis(b, x.value, 2, top, h - bottom);
    return { value: sliceAxis(b, rows, 3, left, w - right), shape: [h - top - bottom, w - left - right, c] };
  },
});

/** Every row and column repeated, with no op that would hold the batch's size. */
function repeated(b: GraphBuilder, x: Value, [rows, columns]: readonly [number, number]): Value {
  const [, c, h, w] = x.shape as [number, number, number, number];
  const lines = reshape(b, x, [0, c * h, 1, w]);
  const tall = reshape(b, concat(b, new Array<Value>(rows).fill(lines), 2), [0, c, h * rows, w]);
  const dots = reshape(b, tall, [0, 0, -1, 1]);
  return reshape(b, concat(b, new Array<Value>(columns).fill(dots), 3), [0, 0, h * rows, w * columns]);
}

const UpSampling2D = defineLayer({
  config: z.looseObject({
    size: pair.default([2, 2]),
    interpolation: z.string().nullish(),
    data_format: z.string().nullish(),
  }),
  unsupported: (config) =>
    formatProblem(config) ??
    (config.interpolation && config.interpolation !== 'nearest' ? `interpolation ${config.interpolation}` : null) ??
    (config.size.some((n) => n > 64) ? `a factor above 64` : null),
  build({ b }, inputs, { size }) {
    const x = one(inputs, 3);
    const [h, w, c] = x.shape as [number, number, number];
    return { value: repeated(b, x.value, size), shape: [h * size[0], w * size[1], c] };
  },
});

export const shapeLayers = { Flatten, Reshape, Permute, ZeroPadding2D, Cropping2D, UpSampling2D };
