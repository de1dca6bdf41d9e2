/** Matrix products side by side: what attention is made of. */
import type { GraphBuilder, Value } from '../graph/graph.js';
import { showShape, sizeOf } from '../graph/shape.js';
import { NeuroreelError } from '../../protocol/errors.js';
import { defineOp } from './definition.js';
import { transpose } from './layout.js';
import { everyInputRows } from './rows.js';
import type * as tfjs from '@tensorflow/tfjs';

/** C [P,M,N] = A [P,M,K] B [P,K,N], each of the P pairs alone. */
const BatchMatMulOp = defineOp<Record<string, never>>({
  name: 'BatchMatMul',
  rows: everyInputRows,
  infer([x, y]) {
    const [p, m, k] = x!.shape;
    const [q, l, n] = y!.shape;
    if (x!.shape.length !== 3 || y!.shape.length !== 3 || p !== q || k !== l) {
      throw new NeuroreelError('GRAPH_INVALID', `BatchMatMul: ${showShape(x!.shape)} times ${showShape(y!.shape)}.`);
    }
    return [{ shape: [p!, m!, n!], dtype: 'float32' }];
  },
  gradient({ b, inputs, grads, wants }) {
    const [x, y] = inputs as [Value, Value];
    const flipped = (z: Value): Value => transpose(b, z, [0, 2, 1]);
    return [
      wants[0] ? batchMatmul(b, grads[0]!, flipped(y)) : null,
      wants[1] ? batchMatmul(b, flipped(x), grads[0]!) : null,
    ];
  },
  reference([x, y], _, [out]) {
    const [p, m, n] = out!.shape as [number, number, number];
    const k = x!.shape[2]!;
    const data = new Float64Array(p * m * n);
    for (let row = 0; row < p * m; row++) {
      const pair = Math.floor(row / m);
      for (let j = 0; j < n; j++) {
        let total = 0;
        for (let i = 0; i < k; i++) total += x!.data[row * k + i]! * y!.data[(pair * k + i) * n + j]!;
        data[row * n + j] = total;
      }
    }
    return [data];
  },
  onnx(c) {
    c.node('MatMul', c.inputs, {}, c.outputs[0]);
  },
  tfjs: ({ tf, inputs }) => [tf.matMul(inputs[0] as tfjs.Tensor3D, inputs[1] as tfjs.Tensor3D)],
  reach: ({ box, inputs: [x, y] }) => [
    [box[0]!, box[1]!, [0, x!.shape[2]! - 1]],
    [box[0]!, [0, y!.shape[1]! - 1], box[2]!],
  ],
  macs: ([x], [out]) => sizeOf(out!.shape) * x!.shape[2]!,
});

/** Products of P pairs of matrices, [P, M, K] times [P, K, N]. */
export const batchMatmul = (b: GraphBuilder, x: Value, y: Value): Value => b.node(BatchMatMulOp, [x, y], {})[0]!;

export const batchMatmulOps = [BatchMatMulOp];
