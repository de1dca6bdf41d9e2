/** Smooth functions that some networks' activations are made of: softplus and the error function. */
import type { GraphBuilder, Value } from '../graph/graph.js';
import { defineOp } from './definition.js';
import { exp, mul, neg, sigmoid } from './elementwise.js';
import { elementwiseRows } from './rows.js';

type None = Record<string, never>;

/** log(1 + exp x), without overflow. */
const SoftplusOp = defineOp<None>({
  name: 'Softplus',
  rows: elementwiseRows,
  infer: ([x]) => [{ shape: x!.shape, dtype: 'float32' }],
  gradient: ({ b, grads, inputs }) => [mul(b, grads[0]!, sigmoid(b, inputs[0]!))],
  reference: ([x]) => [x!.data.map((v) => Math.max(v, 0) + Math.log1p(Math.exp(-Math.abs(v))))],
  onnx(c) {
    c.node('Softplus', c.inputs, {}, c.outputs[0]);
  },
  tfjs: ({ tf, inputs }) => [tf.softplus(inputs[0]!)],
});

const TWO_OVER_ROOT_PI = 2 / Math.sqrt(Math.PI);

/** The error function in float64: a series of positive terms (Abramowitz and Stegun, 7.1.6), so nothing cancels. */
function erfOf(x: number): number {
  if (Math.abs(x) > 6) return Math.sign(x);
  let term = x;
  let total = x;
  for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(total); n++) {
    term *= (2 * x * x) / (2 * n + 1);
    total += term;
  }
  return TWO_OVER_ROOT_PI * Math.exp(-x * x) * total;
}

/** The error function, 2 / sqrt(pi) times the integral of exp(-t^2) from 0 to x. */
const ErfOp = defineOp<None>({
  name: 'Erf',
  rows: elementwiseRows,
  infer: ([x]) => [{ shape: x!.shape, dtype: 'float32' }],
  gradient({ b, grads, inputs }) {
    const bell = exp(b, neg(b, mul(b, inputs[0]!, inputs[0]!)));
    return [mul(b, grads[0]!, mul(b, bell, b.scalar(TWO_OVER_ROOT_PI)))];
  },
  reference: ([x]) => [x!.data.map(erfOf)],
  onnx(c) {
    c.node('Erf', c.inputs, {}, c.outputs[0]);
  },
  tfjs: ({ tf, inputs }) => [tf.erf(inputs[0]!)],
});

/** log(1 + exp x). */
export const softplus = (b: GraphBuilder, x: Value): Value => b.node(SoftplusOp, [x], {})[0]!;
/** The error function. */
export const erf = (b: GraphBuilder, x: Value): Value => b.node(ErfOp, [x], {})[0]!;

export const smoothOps = [SoftplusOp, ErfOp];
