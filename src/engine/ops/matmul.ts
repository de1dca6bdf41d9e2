/** The matrix product, with either factor transposed. */
import type { GraphBuilder, Value } from '../graph/graph.js';
import { showShape, sizeOf } from '../graph/shape.js';
import { NeuroreelError } from '../../protocol/errors.js';
import { defineOp, type Interval } from './definition.js';
import { add } from './elementwise.js';
import { reshape } from './layout.js';
import { wholeBox } from './reach.js';
import type * as tfjs from '@tensorflow/tfjs';
import { firstInputRows } from './rows.js';

type MatMulAttributes = { transA: boolean; transB: boolean };

/** C [M,N] = A [M,K] B [K,N]; `transA`: A is given as [K,M]; `transB`: B as [N,K]. */
const MatMulOp = defineOp<MatMulAttributes>({
  name: 'MatMul',
  rows: (inputs, outputs, { transA }) => (transA ? null : firstInputRows(inputs, outputs)),
  infer([x, y], { transA, transB }) {
    if (x!.shape.length === 2 && y!.shape.length === 2) {
      const [m, k] = transA ? [x!.shape[1]!, x!.shape[0]!] : [x!.shape[0]!, x!.shape[1]!];
      const [l, n] = transB ? [y!.shape[1]!, y!.shape[0]!] : [y!.shape[0]!, y!.shape[1]!];
      if (k === l) return [{ shape: [m, n], dtype: 'float32' }];
    }
    throw new NeuroreelError('GRAPH_INVALID', `MatMul: ${showShape(x!.shape)} times ${showShape(y!.shape)}.`);
  },
  gradient({ b, inputs, grads, wants, attributes: { transA, transB } }) {
    const [x, y] = inputs as [Value, Value];
    const g = grads[0]!;
    return [
      wants[0]
        ? transA
          ? matmul(b, y, g, { transA: transB, transB: true })
          : matmul(b, g, y, { transB: !transB })
        : null,
      wants[1]
        ? transB
          ? matmul(b, g, x, { transA: true, transB: transA })
          : matmul(b, x, g, { transA: !transA })
        : null,
    ];
  },
  reference([x, y], { transA, transB }, [out]) {
    const [m, n] = out!.shape as [number, number];
    const k = sizeOf(x!.shape) / m;
    const data = new Float64Array(m * n);
    for (let i = 0; i < m; i++) {
      for (let j = 0; j < n; j++) {
        let total = 0;
        for (let p = 0; p < k; p++) {
          total += x!.data[transA ? p * m + i : i * k + p]! * y!.data[transB ? j * k + p : p * n + j]!;
        }
        data[i * n + j] = total;
      }
    }
    return [data];
  },
  onnx(c) {
    const { transA, transB } = c.attributes;
    c.node('Gemm', c.inputs, { transA: transA ? 1 : 0, transB: transB ? 1 : 0 }, c.outputs[0]);
  },
  tfjs({ tf, inputs, attributes: { transA, transB } }) {
    const [x, y] = inputs as [tfjs.Tensor2D, tfjs.Tensor2D];
    return [tf.matMul(transA ? tf.transpose(x) : x, transB ? tf.transpose(y) : y)];
  },
  reach({ box: [row, column], inputs: [x, y], attributes: { transA, transB } }) {
    const [m, n] = [row!, column!];
    const rows: Interval = [0, x!.shape[transA ? 0 : 1]! - 1];
    const columns: Interval = [0, y!.shape[transB ? 1 : 0]! - 1];
    return [transA ? [rows, m] : [m, rows], transB ? [n, columns] : [columns, n]];
  },
  macs: ([x], [out]) => (sizeOf(x!.shape) / out!.shape[0]!) * sizeOf(out!.shape),
});

export function matmul(b: GraphBuilder, x: Value, y: Value, options: Partial<MatMulAttributes> = {}): Value {
  return b.node(MatMulOp, [x, y], { transA: options.transA ?? false, transB: options.transB ?? false })[0]!;
}

/** y [..., out] = x [..., in] W^T, weights [out, in]: a fully connected layer over any leading axes. */
const LinearOp = defineOp<Record<string, never>>({
  name: 'Linear',
  rows: (inputs, outputs) => (inputs[0]!.shape.length > 1 ? firstInputRows(inputs, outputs) : null),
  infer([x, w]) {
    if (w!.shape.length !== 2 || x!.shape[x!.shape.length - 1] !== w!.shape[1]) {
      throw new NeuroreelError('GRAPH_INVALID', `Linear: ${showShape(x!.shape)}, weights ${showShape(w!.shape)}.`);
    }
    return [{ shape: [...x!.shape.slice(0, -1), w!.shape[0]!], dtype: 'float32' }];
  },
  gradient({ b, inputs, grads, wants }) {
    const [x, w] = inputs as [Value, Value];
    const g = reshape(b, grads[0]!, [-1, w.shape[0]!]);
    const rows = reshape(b, x, [-1, w.shape[1]!]);
    return [
      wants[0] ? reshape(b, matmul(b, g, w), x.shape) : null,
      wants[1] ? matmul(b, g, rows, { transA: true }) : null,
    ];
  },
  reference([x, w], _, [out]) {
    const [n, k] = w!.shape as [number, number];
    return [
      Float64Array.from({ length: sizeOf(out!.shape) }, (_unused, i) => {
        const row = Math.floor(i / n) * k;
        const column = (i % n) * k;
        let total = 0;
        for (let p = 0; p < k; p++) total += x!.data[row + p]! * w!.data[column + p]!;
        return total;
      }),
    ];
  },
  onnx(c) {
    const rows = c.node('Reshape', [c.inputs[0]!, c.integers([-1, c.inputTypes[1]!.shape[1]!])]);
    const product = c.node('Gemm', [rows, c.inputs[1]!], { transB: 1 });
    c.node('Reshape', [product, c.integers(c.outputTypes[0]!.shape)], {}, c.outputs[0]);
  },
  tfjs({ tf, inputs: [x, w], outputTypes }) {
    const rows = tf.reshape<tfjs.Rank.R2>(x!, [-1, w!.shape[1]!]);
    return [tf.reshape(tf.matMul(rows, tf.transpose(w!) as tfjs.Tensor2D), [...outputTypes[0]!.shape])];
  },
  reach: ({ box, inputs: [, w] }) => [[...box.slice(0, -1), [0, w!.shape[1]! - 1]], wholeBox(w!.shape)],
  macs: ([, w], [out]) => sizeOf(out!.shape) * w!.shape[1]!,
});

/** Fully connected layer: x [..., in], weights [out, in], bias [out] -> [..., out]. */
export function dense(b: GraphBuilder, x: Value, weights: Value, bias: Value | null): Value {
  const y = x.shape.length === 2 ? matmul(b, x, weights, { transB: true }) : b.node(LinearOp, [x, weights], {})[0]!;
  return bias ? add(b, y, bias) : y;
}

export const matmulOps = [MatMulOp, LinearOp];
