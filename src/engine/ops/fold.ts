/**
 * Two leading axes read as one and back: what a network for single frames needs to run on sequences of them. The op of
 * the way back takes its two sizes from another tensor, so that a stored graph runs for any number of either.
 */
import type { GraphBuilder, Value } from '../graph/graph.js';
import { showShape } from '../graph/shape.js';
import { NeuroreelError } from '../../protocol/errors.js';
import { defineOp } from './definition.js';
import { reshape } from './layout.js';
import { reshapedBox } from './reach.js';

/** Inputs x [A * B, ...] and a tensor [A, B, ...] of which only the sizes count; output [A, B, ...] with x's numbers. */
const UnfoldOp = defineOp<Record<string, never>>({
  name: 'Unfold',
  infer([x, like]) {
    const [a, c] = like!.shape;
    if (like!.shape.length < 2 || x!.shape[0] !== a! * c!) {
      throw new NeuroreelError(
        'GRAPH_INVALID',
        `Unfold: ${showShape(x!.shape)} is not made of ${showShape(like!.shape)}.`,
      );
    }
    return [{ shape: [a!, c!, ...x!.shape.slice(1)], dtype: x!.dtype }];
  },
  gradient: ({ b, grads, inputs }) => [reshape(b, grads[0]!, inputs[0]!.shape), null],
  reference: ([x]) => [x!.data],
  onnx(c) {
    c.node('Reshape', [c.inputs[0]!, c.integers(c.outputTypes[0]!.shape)], {}, c.outputs[0]);
  },
  tfjs: ({ tf, inputs, outputTypes }) => [tf.reshape(inputs[0]!, [...outputTypes[0]!.shape])],
  reach: ({ box, inputs: [x], outputs: [y] }) => [reshapedBox(box, y!.shape, x!.shape), null],
});

/** [A, B, ...] as [A * B, ...]. */
export const fold = (b: GraphBuilder, x: Value): Value => reshape(b, x, [-1, ...x.shape.slice(2)]);

/** [A * B, ...] as [A, B, ...], with the two leading sizes of `like`. */
export const unfold = (b: GraphBuilder, x: Value, like: Value): Value => b.node(UnfoldOp, [x, like], {})[0]!;

export const foldOps = [UnfoldOp];
