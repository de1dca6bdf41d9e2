/** Softmax and its logarithm over the last axis. */
import type { GraphBuilder, Value } from '../graph/graph.js';
import { defineOp, type Box, type NdArray, type ReachContext } from './definition.js';
import { exp, mul, sub } from './elementwise.js';
import { sum } from './reduce.js';

type None = Record<string, never>;

/** x minus the logarithm of the sum of exp x, row by row over the last axis. */
function logSoftmaxRows({ shape, data }: NdArray): Float64Array {
  const width = shape[shape.length - 1]!;
  const out = new Float64Array(data.length);
  for (let row = 0; row < data.length; row += width) {
    const x = data.subarray(row, row + width);
    const top = x.reduce((m, v) => Math.max(m, v), -Infinity);
    const total = x.reduce((s, v) => s + Math.exp(v - top), 0);
    for (let i = 0; i < width; i++) out[row + i] = x[i]! - top - Math.log(total);
  }
  return out;
}

/** All of the rows. */
const rowReach = ({ box, inputs: [x] }: ReachContext<None>): Box[] => [
  [...box.slice(0, -1), [0, x!.shape[x!.shape.length - 1]! - 1]],
];

const SoftmaxOp = defineOp<None>({
  name: 'Softmax',
  rows: ([x]) => (x!.shape.length > 1 ? ['rows'] : null),
  infer: ([x]) => [{ shape: x!.shape, dtype: 'float32' }],
  gradient({ b, grads, outputs }) {
    const y = outputs[0]!;
    const gy = mul(b, grads[0]!, y);
    return [sub(b, gy, mul(b, y, sum(b, gy, [-1])))];
  },
  reference: ([x]) => [logSoftmaxRows(x!).map(Math.exp)],
  onnx(c) {
    c.node('Softmax', c.inputs, { axis: -1 }, c.outputs[0]);
  },
  tfjs: ({ tf, inputs }) => [tf.softmax(inputs[0]!)],
  reach: rowReach,
});

const LogSoftmaxOp = defineOp<None>({
  name: 'LogSoftmax',
  rows: ([x]) => (x!.shape.length > 1 ? ['rows'] : null),
  infer: ([x]) => [{ shape: x!.shape, dtype: 'float32' }],
  gradient({ b, grads, outputs }) {
    const g = grads[0]!;
    return [sub(b, g, mul(b, exp(b, outputs[0]!), sum(b, g, [-1])))];
  },
  reference: ([x]) => [logSoftmaxRows(x!)],
  onnx(c) {
    c.node('LogSoftmax', c.inputs, { axis: -1 }, c.outputs[0]);
  },
  tfjs: ({ tf, inputs }) => [tf.logSoftmax(inputs[0]!)],
  reach: rowReach,
});

export const softmax = (b: GraphBuilder, x: Value): Value => b.node(SoftmaxOp, [x], {})[0]!;
export const logSoftmax = (b: GraphBuilder, x: Value): Value => b.node(LogSoftmaxOp, [x], {})[0]!;

export const softmaxOps = [SoftmaxOp, LogSoftmaxOp];
