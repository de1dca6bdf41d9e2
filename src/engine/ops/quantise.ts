/** Numbers to bytes and back inside the graph: pictures cross the border of a runtime at a quarter of the size. */
import type { GraphBuilder, Value } from '../graph/graph.js';
import { defineOp } from './definition.js';
import { elementwiseRows } from './rows.js';

/** round(x * scale + offset) limited to 0..255, as uint8; its derivative is zero. */
const QuantiseOp = defineOp<{ scale: number; offset: number }>({
  name: 'Quantise',
  rows: elementwiseRows,
  infer: ([x]) => [{ shape: x!.shape, dtype: 'uint8' }],
  gradient: () => [null],
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

/** byte * scale + offset, as float32; bytes have no gradient. */
const DequantiseOp = defineOp<{ scale: number; offset: number }>({
  name: 'Dequantise',
  rows: elementwiseRows,
  infer: ([x]) => [{ shape: x!.shape, dtype: 'float32' }],
  gradient: () => [null],
  reference: ([x], { scale, offset }) => [x!.data.map((v) => v * scale + offset)],
  onnx(c) {
    const { scale, offset } = c.attributes;
    const numbers = c.node('Cast', c.inputs, { to: 1 });
    const scaled = c.node('Mul', [numbers, c.floats([scale], [])]);
    c.node('Add', [scaled, c.floats([offset], [])], {}, c.outputs[0]);
  },
  tfjs: ({ tf, inputs, attributes: { scale, offset } }) => [
    tf.add(tf.mul(tf.cast(inputs[0]!, 'float32'), scale), offset),
  ],
});

/** Bytes as numbers: byte * scale + offset. */
export const dequantise = (b: GraphBuilder, x: Value, scale: number, offset: number): Value =>
  b.node(DequantiseOp, [x], { scale, offset })[0]!;

export const quantiseOps = [QuantiseOp, DequantiseOp];
