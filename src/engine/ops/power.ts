/** A constant power, and what is made of it: local response normalisation. */
import type { GraphBuilder, Value } from '../graph/graph.js';
import { defineOp } from './definition.js';
import { add, mul } from './elementwise.js';
import { conv2d } from './conv.js';
import { elementwiseRows } from './rows.js';

/** x to a constant power; x > 0 unless the exponent is a whole number. */
const PowerOp = defineOp<{ exponent: number }>({
  name: 'Power',
  rows: elementwiseRows,
  infer: ([x]) => [{ shape: x!.shape, dtype: 'float32' }],
  gradient({ b, grads, inputs, attributes: { exponent } }) {
    return [mul(b, grads[0]!, mul(b, b.scalar(exponent), power(b, inputs[0]!, exponent - 1)))];
  },
  reference: ([x], { exponent }) => [x!.data.map((v) => v ** exponent)],
  // Quarter powers by square roots, which run several times faster than the general power.
  onnx(c) {
    const { exponent } = c.attributes;
    const quarters = exponent * 4;
    if (!Number.isInteger(quarters) || Number.isInteger(exponent) || Math.abs(quarters) > 8) {
      c.node('Pow', [c.inputs[0]!, c.floats([exponent], [])], {}, c.outputs[0]);
      return;
    }
    const root = c.node('Sqrt', [c.inputs[0]!]);
    const fourth = c.node('Sqrt', [root]);
    const factors = [
      ...new Array<string>(Math.floor(Math.abs(quarters) / 4)).fill(c.inputs[0]!),
      ...(Math.abs(quarters) % 4 >= 2 ? [root] : []),
      ...(Math.abs(quarters) % 2 === 1 ? [fourth] : []),
    ];
    const product = factors.reduce((p, q) => c.node('Mul', [p, q]));
    c.node(exponent < 0 ? 'Reciprocal' : 'Identity', [product], {}, c.outputs[0]);
  },
  tfjs: ({ tf, inputs, attributes: { exponent } }) => [tf.pow(inputs[0]!, exponent)],
});

export function power(b: GraphBuilder, x: Value, exponent: number): Value {
  return exponent === 0 ? b.constant(new Float32Array([1]), []) : b.node(PowerOp, [x], { exponent })[0]!;
}

export interface LrnOptions {
  readonly size: number;
  readonly alpha: number;
  readonly beta: number;
  readonly k?: number;
}

/**
 * Local response normalisation across channels, x / (k + alpha/size * sum of x^2 over `size` channels)^beta
 * (Krizhevsky et al. 2012, alpha divided by the size as in Caffe). The window sum is a 1x1 convolution with a banded
 * matrix, forward and backward, which is the fastest construction measured on CPU.
 */
export function localResponseNorm(b: GraphBuilder, x: Value, { size, alpha, beta, k = 1 }: LrnOptions): Value {
  const channels = x.shape[1]!;
  const band = new Float32Array(channels * channels);
  for (let i = 0; i < channels; i++) {
    for (let j = Math.max(0, i - (size >> 1)); j < Math.min(channels, i - (size >> 1) + size); j++) {
      band[i * channels + j] = alpha / size;
    }
  }
  const weights = b.constant(band, [channels, channels, 1, 1]);
  const scale = add(b, conv2d(b, mul(b, x, x), weights, null), b.scalar(k));
  return mul(b, x, power(b, scale, -beta));
}

export const powerOps = [PowerOp];
