/** Fully connected layers, and tables of vectors by number. */
import { z } from 'zod';
import type { GraphBuilder, Value } from '../../../graph/graph.js';
import { sizeOf } from '../../../graph/shape.js';
import { add, mul, notLess } from '../../../ops/elementwise.js';
import { reshape } from '../../../ops/layout.js';
import { dense } from '../../../ops/matmul.js';
import { fileAxis, keeping, layerUnsupported, like, type Blob } from '../blob.js';
import { axis, boolean, channels, required, section, withDefault } from '../schema.js';
import { defineLayer } from './definition.js';

/** A matrix [rows, columns] as [columns, rows]. */
export function transposed(data: Float32Array, rows: number, columns: number): Float32Array {
  const result = new Float32Array(data.length);
  for (let r = 0; r < rows; r++) {
    for (let c = 0; c < columns; c++) result[c * rows + r] = data[r * columns + c]!;
  }
  return result;
}

/** The axes from `from` on as one: axes of the file's shape, [..., K]. */
export function flattenedFrom(b: GraphBuilder, x: Blob, from: number): { value: Value; size: number } {
  const kept = x.inner.slice(0, from - x.batch.length);
  const size = sizeOf(x.inner.slice(kept.length));
  if (kept.length === x.inner.length - 1) return { value: x.value, size };
  const zeros = kept.map(() => 0);
  return { value: reshape(b, x.value, [...keeping(x, zeros), -1]), size };
}

/** The first of the axes that a fully connected layer sums over; the batch cannot be among them. */
function firstSummed(x: Blob, at: number): number {
  const first = fileAxis(x, at);
  return first === 0 || first < x.batch.length ? layerUnsupported(`it sums over axis ${at}, across the batch`) : first;
}

const innerProduct = section(
  'inner_product_param',
  z.object({
    num_output: required(channels),
    bias_term: withDefault(boolean, true),
    axis: withDefault(axis, 1),
    transpose: withDefault(boolean, false),
  }),
);

const InnerProduct = defineLayer({
  config: innerProduct,
  weights({ num_output: outputs, bias_term, axis: at, transpose }, [x]) {
    const first = firstSummed(x!, at);
    const inputs = sizeOf(x!.inner.slice(first - x!.batch.length));
    return [
      { name: 'weights', shape: transpose ? [inputs, outputs] : [outputs, inputs], random: { fan: inputs } },
      ...(bias_term ? [{ name: 'bias', shape: [outputs], random: { all: 0 } }] : []),
    ];
  },
  build(c, [x], { num_output: outputs, bias_term, axis: at, transpose }) {
    const { value, size } = flattenedFrom(c.b, x!, firstSummed(x!, at));
    const weights = transpose
      ? c.constant('weights', transposed(c.numbers(0), size, outputs), [outputs, size])
      : c.weight(0);
    const y = dense(c.b, value, weights, bias_term ? c.weight(1) : null);
    return [like(x!, y)];
  },
});

const embed = section(
  'embed_param',
  z.object({
    num_output: required(channels),
    input_dim: required(channels),
    bias_term: withDefault(boolean, true),
  }),
);

/** Row i of a table for each number i, by a product with ones where the number is met. */
const Embed = defineLayer({
  config: embed,
  weights: ({ num_output: outputs, input_dim: rows, bias_term }) => [
    { name: 'weights', shape: [rows, outputs], random: { fan: 1 } },
    ...(bias_term ? [{ name: 'bias', shape: [outputs], random: { all: 0 } }] : []),
  ],
  build(c, [x], { num_output: outputs, input_dim: rows, bias_term }) {
    const { b } = c;
    const numbers = reshape(b, x!.value, [...x!.value.shape.map(() => 0), 1]);
    const all = b.constant(
      Float32Array.from({ length: rows }, (_, i) => i),
      [rows],
    );
    const met = mul(b, notLess(b, numbers, all), notLess(b, all, numbers));
    const y = dense(b, met, c.constant('weights', transposed(c.numbers(0), rows, outputs), [outputs, rows]), null);
    return [like(x!, bias_term ? add(b, y, c.weight(1)) : y)];
  },
});

export const denseLayers = { InnerProduct, Embed };
