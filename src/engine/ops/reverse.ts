/**
 * One axis read backwards. Unlike a gather, the node does not hold the axis's length, so a network that was stored for
 * one number of frames runs on another.
 */
import type { GraphBuilder, Value } from '../graph/graph.js';
import { checkAxis, normalAxis, sizeOf } from '../graph/shape.js';
import { defineOp, type OpDefinition } from './definition.js';
import { rowsUnless } from './rows.js';
import { withAxes } from './reach.js';

type Axis = { axis: number };

const ReverseOp: OpDefinition<Axis> = defineOp<Axis>({
  name: 'Reverse',
  rows: rowsUnless(({ axis }) => axis === 0),
  infer([x], { axis }) {
    checkAxis(axis, x!.shape.length, 'Reverse');
    return [{ shape: x!.shape, dtype: x!.dtype }];
  },
  gradient: ({ b, grads, attributes }) => [b.node(ReverseOp, [grads[0]!], attributes)[0]!],
  reference([x], { axis }) {
    const length = x!.shape[axis]!;
    const inner = sizeOf(x!.shape.slice(axis + 1));
    const data = new Float64Array(x!.data.length);
    for (let row = 0; row < data.length / inner; row++) {
      const from = row - (row % length) + (length - 1 - (row % length));
      data.set(x!.data.subarray(from * inner, (from + 1) * inner), row * inner);
    }
    return [data];
  },
  onnx(c) {
    const [start, end, step] = [c.integers([-1]), c.integers([-(2 ** 31)]), c.integers([-1])];
    c.node('Slice', [c.inputs[0]!, start, end, c.integers([c.attributes.axis]), step], {}, c.outputs[0]);
  },
  tfjs: ({ tf, inputs, attributes: { axis } }) => [tf.reverse(inputs[0]!, axis)],
  reach({ box, inputs: [x], attributes: { axis } }) {
    const [low, high] = box[axis]!;
    const last = x!.shape[axis]! - 1;
    return [withAxes(box, { [axis]: [last - high, last - low] })];
  },
});

/** The elements along an axis in the opposite order. */
export const reverse = (b: GraphBuilder, x: Value, axis: number): Value =>
  b.node(ReverseOp, [x], { axis: normalAxis(axis, x.shape.length, 'reverse') })[0]!;

export const reverseOps = [ReverseOp];
