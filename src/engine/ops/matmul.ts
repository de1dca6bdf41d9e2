/** The matrix product, with either factor transposed. */
import type { GraphBuilder, Value } from '../graph/graph.js';
import { showShape, sizeOf } from '../graph/shape.js';
import { NeuroreelError } from '../../protocol/errors.js';
import { defineOp } from './definition.js';
import { add } from './elementwise.js';
import type * as tfjs from '@tensorflow/tfjs';

type MatMulAttributes = { transA: boolean; transB: boolean };

/** C [M,N] = A [M,K] B [K,N]; `transA`: A is given as [K,M]; `transB`: B as [N,K]. */
const MatMulOp = defineOp<MatMulAttributes>({
  name: 'MatMul',
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
  macs: ([x], [out]) => (sizeOf(x!.shape) / out!.shape[0]!) * sizeOf(out!.shape),
});

export function matmul(b: GraphBuilder, x: Value, y: Value, options: Partial<MatMulAttributes> = {}): Value {
  return b.node(MatMulOp, [x, y], { transA: options.transA ?? false, transB: options.transB ?? false })[0]!;
}

/** Fully connected layer: x [N, in], weights [out, in], bias [out] -> [N, out]. */
export function dense(b: GraphBuilder, x: Value, weights: Value, bias: Value | null): Value {
  const y = matmul(b, x, weights, { transB: true });
  return bias ? add(b, y, bias) : y;
}

export const matmulOps = [MatMulOp];
