/** Resizing pictures inside a graph: interpolation along each axis is a product with a matrix. */
import type { GraphBuilder, Value } from '../graph/graph.js';
import { conv2d } from '../ops/conv.js';
import { reshape } from '../ops/layout.js';
import { matmul } from '../ops/matmul.js';

/** Rows of weights [to, from]: linear between centres of pixels; a smaller picture takes means, so that nothing aliases. */
function interpolation(from: number, to: number): Float32Array {
  const step = from / to;
  const reach = Math.max(1, step);
  const matrix = new Float32Array(to * from);
  for (let i = 0; i < to; i++) {
    const centre = (i + 0.5) * step - 0.5;
    const weights = Array.from({ length: from }, (_, k) => Math.max(0, 1 - Math.abs(k - centre) / reach));
    const total = weights.reduce((sum, w) => sum + w, 0);
    weights.forEach((w, k) => (matrix[i * from + k] = w / total));
  }
  return matrix;
}

/** The product of maps [N, C, H, W] with a matrix [to, H] along the rows. */
export function alongRows(b: GraphBuilder, x: Value, matrix: Value): Value {
  const [n, c, h, w] = x.shape as [number, number, number, number];
  const to = matrix.shape[0]!;
  // A convolution with one tap mixes the rows as if they were channels.
  const mixed = conv2d(b, reshape(b, x, [n * c, h, 1, w]), reshape(b, matrix, [to, h, 1, 1]), null);
  return reshape(b, mixed, [n, c, to, w]);
}

/** The product of maps [N, C, H, W] with a matrix [to, W] along the columns. */
export function alongColumns(b: GraphBuilder, x: Value, matrix: Value): Value {
  const [n, c, h, w] = x.shape as [number, number, number, number];
  const mixed = matmul(b, reshape(b, x, [n * c * h, w]), matrix, { transB: true });
  return reshape(b, mixed, [n, c, h, matrix.shape[0]!]);
}

/** Pictures [N, C, H, W] at another size. */
export function resized(b: GraphBuilder, x: Value, height: number, width: number): Value {
  const [, , h, w] = x.shape as [number, number, number, number];
  const matrix = (from: number, to: number): Value => b.constant(interpolation(from, to), [to, from]);
  const tall = h === height ? x : alongRows(b, x, matrix(h, height));
  return w === width ? tall : alongColumns(b, tall, matrix(w, width));
}
