/** Piecewise-linear ops: rectifiers and clipping, and their gradients. */
import type { GraphBuilder, Value } from '../graph/graph.js';
import { defineOp, type OnnxContext, type OpDefinition } from './definition.js';
import { mul } from './elementwise.js';

type Slope = { slope: number };
type Range = { low: number; high: number };

/** max(x, 0) + slope * min(x, 0); slope 0 is the ReLU, 0.3 the generator's leaky ReLU. 0 <= slope < 1. */
const ReluOp = defineOp<Slope>({
  name: 'Relu',
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
 * lets a runtime keep the rectifier fused with the convolution before it.
 */
const ReluGradOp: OpDefinition<Slope> = defineOp({
  name: 'ReluGrad',
  infer: ([g]) => [{ shape: g!.shape, dtype: 'float32' }],
  gradient: ({ b, grads, inputs, attributes }) => [b.node(ReluGradOp, [grads[0]!, inputs[1]!], attributes)[0]!, null],
  reference: ([g, y], { slope }) => [g!.data.map((v, i) => (y!.data[i]! > 0 ? v : v * slope))],
  onnx(c) {
    c.node('Mul', [c.inputs[0]!, steps(c, c.inputs[1]!, c.attributes.slope)], {}, c.outputs[0]);
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

const ClipOp = defineOp<Range>({
  name: 'Clip',
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

export const activationOps = [ReluOp, ReluGradOp, ClipOp, WithinOp];
