/** Turns numbers into bytes inside the graph, so that pictures leave a runtime at a quarter of the size. */
import type { GraphBuilder, Value } from '../graph/graph.js';
import { defineOp } from './definition.js';

/** round(x * scale + offset) limited to 0..255, as uint8; no gradient. */
const QuantiseOp = defineOp<{ scale: number; offset: number }>({
  name: 'Quantise',
  infer: ([x]) => [{ shape: x!.shape, dtype: 'uint8' }],
  reference: ([x], { scale, offset }) => [
    x!.data.map((v) => Math.floor(Math.min(Math.max(v * scale + offset + 0.5, 0), 255))),
  ],
  onnx(c) {
    const { scale, offset } = c.attributes;
    const scaled = c.node('Mul', [c.inputs[0]!, c.floats([scale], [])]);
    const shifted = c.node('Add', [scaled, c.floats([offset + 0.5], [])]);
    const clipped = c.node('Clip', [shifted, c.floats([0], []), c.floats([255], [])]);
    c.node('Cast', [clipped], { to: 2 }, c.outputs[0]);
  },
  tfjs: ({ tf, inputs, attributes: { scale, offset } }) => [
    tf.cast(tf.clipByValue(tf.floor(tf.add(tf.mul(inputs[0]!, scale), offset + 0.5)), 0, 255), 'int32'),
  ],
});

/** round(x * scale + offset), limited to bytes. */
export const quantise = (b: GraphBuilder, x: Value, scale: number, offset: number): Value =>
  b.node(QuantiseOp, [x], { scale, offset })[0]!;

export const quantiseOps = [QuantiseOp];
