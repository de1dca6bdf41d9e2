/** Sums, means and the like over axes. */
import { z } from 'zod';
import type { GraphBuilder, Value } from '../../../graph/graph.js';
import { sizeOf, stridesOf } from '../../../graph/shape.js';
import { abs, add, div, exp, log, mul, neg, notLess, sqrt, sub } from '../../../ops/elementwise.js';
import { sliceAxis } from '../../../ops/layout.js';
import { maxPool2d } from '../../../ops/pool.js';
import { sum } from '../../../ops/reduce.js';
import { listOf, reshaped, type Known } from '../known.js';
import { laneAxis, laneShape, moved, reread, view, type Live, type Operand } from '../live.js';
import {
  axesList,
  defineOnnxOp,
  flag,
  liveOf,
  normalAxes,
  optionalKnown,
  type BuildContext,
  type FoldContext,
  type OnnxOp,
} from './definition.js';
import { applied, pair } from './elementwise.js';

type Make1 = (b: GraphBuilder, x: Value) => Value;
type Reduce = (c: BuildContext, x: Live, axes: readonly number[]) => Live;

/** Sum over axes, which stay with size 1. */
export function summed(c: BuildContext, x: Live, axes: readonly number[]): Live {
  const gone = axes.filter((axis) => x.shape[axis]! > 1).map((axis) => laneAxis(x, axis));
  const shape = x.shape.map((dim, i) => (axes.includes(i) ? 1 : dim));
  axes.forEach((axis) => laneAxis(x, axis));
  if (gone.length === 0) return { ...x, shape };
  const { value, places } = squeezed(c, x);
  return {
    shape,
    lanes: x.lanes,
    value: sum(
      c.d.b,
      value,
      gone.map((axis) => places.get(axis)!),
    ),
  };
}

/** A tensor without its axes of size 1, and where its other axes are in the value. */
function squeezed(c: BuildContext, x: Live): { value: Value; places: ReadonlyMap<number, number> } {
  const dims = laneShape(x);
  const own = dims.flatMap((dim, i) => (dim > 1 ? [i] : []));
  // The value may be [lanes, C, 1, W] already: what counts is that the long axes are there.
  const long = x.value.shape.flatMap((dim, at) => (at > 0 && dim > 1 ? [at] : []));
  const fits = long.length === own.length && long.every((at, i) => x.value.shape[at] === dims[own[i]!]);
  if (fits) return { value: x.value, places: new Map(own.map((axis, i) => [axis, long[i]!])) };
  const value = view(
    c.d,
    x,
    own.map((axis) => dims[axis]!),
  );
  return { value, places: new Map(own.map((axis, i) => [axis, i + 1])) };
}

/** Mean over axes, which stay with size 1. */
export function averaged(c: BuildContext, x: Live, axes: readonly number[]): Live {
  const { b } = c.d;
  const total = summed(c, x, axes);
  const share = sizeOf(total.shape) / sizeOf(x.shape);
  if (share === 1) return total;
  if (c.openSteps === null) return applied(total, (v) => mul(b, v, b.scalar(share)));
  // Where the number of steps is open what was summed is counted, so that any number of them will do.
  const { value, places } = squeezed(c, x);
  const gone = axes.filter((axis) => x.shape[axis]! > 1).map((axis) => places.get(laneAxis(x, axis))!);
  const alone = (v: Value, axis: number): Value =>
    axis === 0 || gone.includes(axis) ? v : sliceAxis(b, v, axis, 0, 1);
  const one = value.shape.reduce((v, _, axis) => alone(v, axis), value);
  const count = sum(b, notLess(b, one, one), gone);
  return applied(total, (v) => div(b, v, count));
}

/** The largest along axes, which stay with size 1: as a pooling over one window, whose gradient is there. */
export function largest(c: BuildContext, x: Live, axes: readonly number[]): Live {
  axes.forEach((axis) => laneAxis(x, axis));
  const shape = x.shape.map((dim, i) => (axes.includes(i) ? 1 : dim));
  const count = sizeOf(axes.map((axis) => x.shape[axis]!));
  if (count === 1) return { ...x, shape };
  const rest = x.shape.map((_, i) => i).filter((i) => !axes.includes(i));
  const last = moved(c.d, x, [...rest, ...axes]);
  const rows = view(c.d, last, [1, 1, count]);
  const value = maxPool2d(c.d.b, rows, { kernel: [1, count] });
  // What is left keeps its order, so that its axes of size 1 can be put back in their places.
  return reread(
    { shape: rest.map((i) => x.shape[i]!), lanes: x.lanes === null ? null : rest.indexOf(x.lanes), value },
    shape,
  );
}

const negated: Make1 = neg;
const smallest: Reduce = (c, x, axes) =>
  applied(
    largest(
      c,
      applied(x, (v) => negated(c.d.b, v)),
      axes,
    ),
    (v) => negated(c.d.b, v),
  );

/** log of the sum of exp x, shifted by the largest so that nothing overflows. */
function logSumExp(c: BuildContext, x: Live, axes: readonly number[]): Live {
  const top = largest(c, x, axes);
  const shifted = pair(c, x, top, sub);
  const total = summed(
    c,
    applied(shifted, (v) => exp(c.d.b, v)),
    axes,
  );
  return pair(
    c,
    applied(total, (v) => log(c.d.b, v)),
    top,
    add,
  );
}

interface Fold {
  readonly start: number;
  readonly step: (total: number, x: number) => number;
  readonly finish?: (total: number, count: number) => number;
}

/** A reduction of known numbers; axes stay with size 1. */
function folded({ budget }: FoldContext, x: Known, axes: readonly number[], fold: Fold): Known {
  budget.spend(x.data.length);
  const shape = x.shape.map((dim, i) => (axes.includes(i) ? 1 : dim));
  const strides = stridesOf(x.shape);
  const targets = stridesOf(shape).map((stride, i) => (axes.includes(i) ? 0 : stride));
  const data = new Float64Array(sizeOf(shape)).fill(fold.start);
  x.data.forEach((number, i) => {
    let to = 0;
    for (let axis = 0; axis < strides.length; axis++)
      to += (Math.floor(i / strides[axis]!) % x.shape[axis]!) * targets[axis]!;
    data[to] = fold.step(data[to]!, number);
  });
  const count = x.data.length / Math.max(1, data.length);
  const done = fold.finish ? data.map((total) => fold.finish!(total, count)) : data;
  return { kind: x.kind, shape, data: x.kind === 'float' ? Float32Array.from(done) : done };
}

const attributes = z.strictObject({
  axes: axesList.optional(),
  keepdims: flag.default(true),
  noop_with_empty_axes: flag.default(false),
});
type Attributes = z.output<typeof attributes>;

/** Axes are an attribute, or from opset 13 (sums) or 18 on an input; none means all. */
function axesOf(x: Operand, list: Operand | null | undefined, a: Attributes): number[] {
  const given = optionalKnown(list, 'axes');
  const axes = given ? listOf(given, 'axes') : (a.axes ?? []);
  if (axes.length > 0) return normalAxes(axes, x.shape.length);
  return a.noop_with_empty_axes ? [] : x.shape.map((_, i) => i);
}

function reduction(reduce: Reduce | null, fold: Fold): OnnxOp<Attributes> {
  const kept = (x: Operand, axes: readonly number[]): number[] => x.shape.filter((_, i) => !axes.includes(i));
  return defineOnnxOp({
    attributes,
    inputs: [1, 2],
    fold(c, [x, list], a) {
      const axes = axesOf(x!, list, a);
      const result = folded(c, x!, axes, fold);
      return [a.keepdims ? result : reshaped(result, kept(x!, axes))];
    },
    ...(reduce && {
      build(c, [input, list], a) {
        const x = liveOf(input);
        const axes = axesOf(x, list, a);
        const result = reduce(c, x, axes);
        return [a.keepdims ? result : reread(result, kept(x, axes))];
      },
    }),
  });
}

const plus = (total: number, x: number): number => total + x;
const squares: Fold = { start: 0, step: (total, x) => total + x * x };

/** A reduction of a function of each element, and a function of the result. */
const around =
  (before: Make1, reduce: Reduce, after?: Make1): Reduce =>
  (c, x, axes) => {
    const result = reduce(
      c,
      applied(x, (v) => before(c.d.b, v)),
      axes,
    );
    return after ? applied(result, (v) => after(c.d.b, v)) : result;
  };
const square: Make1 = (b, x) => mul(b, x, x);
const same: Make1 = (_, x) => x;

/** The sum over all places of each channel, or their largest; [N, C, ...] to [N, C, 1, ...]. */
function globalPool(reduce: Reduce): OnnxOp<Record<string, never>> {
  return defineOnnxOp({
    attributes: z.strictObject({}),
    inputs: [1, 1],
    build(c, [input]) {
      const x = liveOf(input);
      return [
        reduce(
          c,
          x,
          x.shape.map((_, i) => i).filter((i) => i >= 2),
        ),
      ];
    },
  });
}

export const reductionOps = {
  ReduceSum: reduction(summed, { start: 0, step: plus }),
  ReduceMean: reduction(averaged, { start: 0, step: plus, finish: (total, count) => total / count }),
  ReduceMax: reduction(largest, { start: -Infinity, step: Math.max }),
  ReduceMin: reduction(smallest, { start: Infinity, step: Math.min }),
  ReduceProd: reduction(null, { start: 1, step: (total, x) => total * x }),
  ReduceL1: reduction(around(abs, summed), { start: 0, step: (total, x) => total + Math.abs(x) }),
  ReduceL2: reduction(around(square, summed, sqrt), { ...squares, finish: Math.sqrt }),
  ReduceSumSquare: reduction(around(square, summed), squares),
  ReduceLogSum: reduction(around(same, summed, log), { start: 0, step: plus, finish: Math.log }),
  ReduceLogSumExp: reduction(logSumExp, {
    start: 0,
    step: (total, x) => total + Math.exp(x),
    finish: Math.log,
  }),
  GlobalAveragePool: globalPool(averaged),
  GlobalMaxPool: globalPool(largest),
};
