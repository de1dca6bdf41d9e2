/** Sums and means over axes, and the broadcasting that is their transpose. */
import type { GraphBuilder, Value } from '../graph/graph.js';
import {
  broadcastShape,
  broadcastStrides,
  checkAxis,
  normalAxis,
  sameShape,
  sizeOf,
  stridesOf,
} from '../graph/shape.js';
import { NeuroreelError } from '../../protocol/errors.js';
import { defineOp } from './definition.js';
import { mul } from './elementwise.js';
import { reshape } from './layout.js';
import { elementwiseRows, rowsUnless } from './rows.js';
import { wholeBox } from './reach.js';

type Axes = { axes: readonly number[] };

/** Flat index of the reduced tensor (axes kept as 1) for each flat index of the input. */
function forEachReduced(
  shape: readonly number[],
  axes: readonly number[],
  visit: (input: number, output: number) => void,
): void {
  const kept = shape.map((dim, i) => (axes.includes(i) ? 1 : dim));
  const strides = stridesOf(shape);
  const target = broadcastStrides(kept, shape);
  const size = sizeOf(shape);
  for (let i = 0; i < size; i++) {
    let rest = i;
    let o = 0;
    for (let axis = 0; axis < shape.length; axis++) {
      const index = Math.floor(rest / strides[axis]!);
      rest -= index * strides[axis]!;
      o += index * target[axis]!;
    }
    visit(i, o);
  }
}

/** Sum over axes, which stay with size 1. */
const SumOp = defineOp<Axes>({
  name: 'Sum',
  rows: rowsUnless(({ axes }) => axes.includes(0)),
  infer([x], { axes }) {
    for (const axis of axes) checkAxis(axis, x!.shape.length, 'Sum');
    return [{ shape: x!.shape.map((dim, i) => (axes.includes(i) ? 1 : dim)), dtype: 'float32' }];
  },
  gradient: ({ b, grads, inputs }) => [expand(b, grads[0]!, inputs[0]!.shape)],
  reference([x], { axes }, [out]) {
    const data = new Float64Array(sizeOf(out!.shape));
    forEachReduced(x!.shape, axes, (i, o) => {
      data[o]! += x!.data[i]!;
    });
    return [data];
  },
  onnx(c) {
    c.node('ReduceSum', [c.inputs[0]!, c.integers(c.attributes.axes)], { keepdims: 1 }, c.outputs[0]);
  },
  tfjs: ({ tf, inputs, attributes: { axes } }) => [tf.sum(inputs[0]!, [...axes], true)],
  reach: ({ box, inputs: [x], attributes: { axes } }) => [
    wholeBox(x!.shape).map((all, i) => (axes.includes(i) ? all : box[i]!)),
  ],
});

/** Repeats a tensor along its axes of size 1 (and along new leading axes) up to a shape. */
const ExpandOp = defineOp<{ shape: readonly number[] }>({
  name: 'Expand',
  rows: elementwiseRows,
  withRows: (_, count, [out]) => ({ shape: [count, ...out!.shape.slice(1)] }),
  infer([x], { shape }) {
    if (!sameShape(broadcastShape(x!.shape, shape, 'Expand'), shape)) {
      throw new NeuroreelError(
        'GRAPH_INVALID',
        `Expand: [${x!.shape.join(', ')}] is not part of [${shape.join(', ')}].`,
      );
    }
    return [{ shape, dtype: 'float32' }];
  },
  gradient: ({ b, grads, inputs }) => [sumTo(b, grads[0]!, inputs[0]!.shape)],
  reference([x], { shape }) {
    const strides = stridesOf(shape);
    const source = broadcastStrides(x!.shape, shape);
    return [
      Float64Array.from({ length: sizeOf(shape) }, (_, o) => {
        let rest = o;
        let i = 0;
        shape.forEach((_dim, axis) => {
          const index = Math.floor(rest / strides[axis]!);
          rest -= index * strides[axis]!;
          i += index * source[axis]!;
        });
        return x!.data[i]!;
      }),
    ];
  },
  onnx(c) {
    c.node('Expand', [c.inputs[0]!, c.integers(c.attributes.shape)], {}, c.outputs[0]);
  },
  tfjs: ({ tf, inputs, attributes: { shape } }) => [tf.broadcastTo(inputs[0]!, [...shape])],
});

/** Sum over `axes` (all by default); the summed axes stay with size 1 unless `keep` is false. */
export function sum(b: GraphBuilder, x: Value, axes: readonly number[] = x.shape.map((_, i) => i), keep = true): Value {
  const normal = axes.map((axis) => normalAxis(axis, x.shape.length, 'sum'));
  const summed = normal.length === 0 ? x : b.node(SumOp, [x], { axes: normal })[0]!;
  return keep
    ? summed
    : reshape(
        b,
        summed,
        x.shape.filter((_, i) => !normal.includes(i)),
      );
}

/** Mean over `axes` (all by default); the averaged axes stay with size 1 unless `keep` is false. */
export function mean(b: GraphBuilder, x: Value, axes?: readonly number[], keep = true): Value {
  const summed = sum(b, x, axes, keep);
  return mul(b, summed, b.scalar(sizeOf(summed.shape) / sizeOf(x.shape)));
}

export function expand(b: GraphBuilder, x: Value, shape: readonly number[]): Value {
  return sameShape(x.shape, shape) ? x : b.node(ExpandOp, [x], { shape: [...shape] })[0]!;
}

/** The transpose of broadcasting: sums a tensor down to the shape it was broadcast from. */
export function sumTo(b: GraphBuilder, x: Value, shape: readonly number[]): Value {
  if (sameShape(x.shape, shape)) return x;
  const lead = x.shape.length - shape.length;
  const axes = x.shape.map((_, i) => i).filter((i) => i < lead || (shape[i - lead] === 1 && x.shape[i] !== 1));
  return reshape(b, sum(b, x, axes), shape);
}

export const reduceOps = [SumOp, ExpandOp];
