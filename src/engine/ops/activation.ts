/** Piecewise-linear ops: rectifiers and clipping, and their gradients. */
import type { GraphBuilder, Value } from '../graph/graph.js';
import { defineOp, type OnnxContext, type OpDefinition } from './definition.js';
import { mul } from './elementwise.js';
import { elementwiseRows } from './rows.js';

type Slope = { slope: number };
type Range = { low: number; high: number };

/** max(x, 0) + slope * min(x, 0); slope 0 is the ReLU, 0.3 the generator's leaky ReLU. 0 <= slope < 1. */
const ReluOp = defineOp<Slope>({
  name: 'Relu',
  rows: elementwiseRows,
  infer: ([x]) => [{ shape: x!.shape, dtype: 'float32' }],
  gradient: ({ b, grads, outputs, attributes }) => [b.node(ReluGradOp, [grads[0]!, outputs[0]!], attributes)[0]!],
  reference: ([x], { slope }) => [x!.data.map((v) => (v > 0 ? v : v * slope))],
  onnx(c) {
    const { slope } = c.attributes;
    if (slope === 0) c.node('Relu', c.inputs, {}, c.outputs[0]);
    else c.node('LeakyRelu', c.inputs, { alpha: { float: slope } }, c.outputs[0]);
  },
  tfjs: ({ tf, inputs, attributes: { slope } }) => [
    slope === 0 ? tf.relu(inputs[0]!) : tf.leakyRelu(inputs[0]!, slope),
  ],
});

/**
 * Gradient of the rectifier from g and the rectifier's *output* y, whose sign is that of its input. Written on y, it
 * lets a runtime keep the rectifier fused with the convolution before it. Instead of y, bytes that are 1 where it is
 * positive will do (`Positive`).
 */
const ReluGradOp: OpDefinition<Slope> = defineOp({
  name: 'ReluGrad',
  rows: elementwiseRows,
  infer: ([g]) => [{ shape: g!.shape, dtype: 'float32' }],
  gradient: ({ b, grads, inputs, attributes }) => [b.node(ReluGradOp, [grads[0]!, inputs[1]!], attributes)[0]!, null],
  reference: ([g, y], { slope }) => [g!.data.map((v, i) => (y!.data[i]! > 0 ? v : v * slope))],
  onnx(c) {
    const bytes = c.inputTypes[1]!.dtype === 'uint8';
    const mask = (bytes ? stepsOfBytes : steps)(c, c.inputs[1]!, c.attributes.slope);
    c.node('Mul', [c.inputs[0]!, mask], {}, c.outputs[0]);
  },
  tfjs({ tf, inputs, attributes: { slope } }) {
    const positive = tf.cast(tf.greater(inputs[1]!, 0), 'float32');
    return [tf.mul(inputs[0]!, tf.add(tf.mul(positive, 1 - slope), slope))];
  },
});

/** 1 where y > 0, else `slope`, in as few passes over the numbers as there are operators for. */
function steps(c: OnnxContext<Slope>, y: string, slope: number): string {
  if (slope === 0) return c.node('HardSigmoid', [y], { alpha: { float: 1e30 }, beta: { float: 0 } });
  const steep = c.node('Mul', [y, c.floats([1e30], [])]);
  return c.node('Clip', [steep, c.floats([slope], []), c.floats([1], [])]);
}

/** The same of bytes that are 1 or 0. */
function stepsOfBytes(c: OnnxContext<Slope>, positive: string, slope: number): string {
  const mask = c.node('Cast', [positive], { to: 1 });
  return slope === 0 ? mask : c.node('Max', [mask, c.floats([slope], [])]);
}

/** Bytes that are 1 where x > 0, else 0: all that a rectifier's gradient needs, in a quarter of the memory. */
const PositiveOp = defineOp<Record<string, never>>({
  name: 'Positive',
  rows: elementwiseRows,
  infer: ([x]) => [{ shape: x!.shape, dtype: 'uint8' }],
  gradient: () => [null],
  reference: ([x]) => [x!.data.map((v) => (v > 0 ? 1 : 0))],
  onnx(c) {
    c.node('Cast', [c.node('Greater', [c.inputs[0]!, c.floats([0], [])])], { to: 2 }, c.outputs[0]);
  },
  tfjs: ({ tf, inputs }) => [tf.cast(tf.greater(inputs[0]!, 0), 'int32')],
});

const ClipOp = defineOp<Range>({
  name: 'Clip',
  rows: elementwiseRows,
  infer: ([x]) => [{ shape: x!.shape, dtype: 'float32' }],
  gradient: ({ b, grads, inputs, attributes }) => [mul(b, grads[0]!, b.node(WithinOp, [inputs[0]!], attributes)[0]!)],
  reference: ([x], { low, high }) => [x!.data.map((v) => Math.min(Math.max(v, low), high))],
  onnx(c) {
    const { low, high } = c.attributes;
    c.node('Clip', [c.inputs[0]!, c.floats([low], []), c.floats([high], [])], {}, c.outputs[0]);
  },
  tfjs: ({ tf, inputs, attributes: { low, high } }) => [tf.clipByValue(inputs[0]!, low, high)],
});

/** 1 where low <= x <= high, else 0; its derivative is zero. */
const WithinOp = defineOp<Range>({
  name: 'Within',
  rows: elementwiseRows,
  infer: ([x]) => [{ shape: x!.shape, dtype: 'float32' }],
  gradient: () => [null],
  reference: ([x], { low, high }) => [x!.data.map((v) => (v >= low && v <= high ? 1 : 0))],
  onnx(c) {
    const { low, high } = c.attributes;
    const above = c.node('GreaterOrEqual', [c.inputs[0]!, c.floats([low], [])]);
    const below = c.node('LessOrEqual', [c.inputs[0]!, c.floats([high], [])]);
    c.node('Cast', [c.node('And', [above, below])], { to: 1 }, c.outputs[0]);
  },
  tfjs({ tf, inputs, attributes: { low, high } }) {
    const x = inputs[0]!;
    return [tf.cast(tf.logicalAnd(tf.greaterEqual(x, low), tf.lessEqual(x, high)), 'float32')];
  },
});

/** Rectifier with a slope for negative inputs, 0 <= slope < 1. */
export const relu = (b: GraphBuilder, x: Value, slope = 0): Value => b.node(ReluOp, [x], { slope })[0]!;
/** Limits every element to [low, high]; the gradient is zero outside. */
export const clip = (b: GraphBuilder, x: Value, low: number, high: number): Value =>
  b.node(ClipOp, [x], { low, high })[0]!;

/** Bytes that are 1 where x > 0, else 0. */
export const positive = (b: GraphBuilder, x: Value): Value => b.node(PositiveOp, [x], {})[0]!;
/** The rectifier's gradient from g and its output, or the bytes that `positive` gives of that. */
export const reluGrad = (b: GraphBuilder, g: Value, y: Value, slope = 0): Value =>
  b.node(ReluGradOp, [g, y], { slope })[0]!;

export const activationOps = [ReluOp, ReluGradOp, PositiveOp, ClipOp, WithinOp];
