/**
 * How a tensor of an ONNX model lies in our graphs. A graph of ours runs any number of pictures, frames or windows side by
 * side along its first axis; call each of them a lane. A tensor of the model either has the lanes along one of its own axes
 * (the batch of a file that fixes one, the time while frames are treated alone), or it belongs to one lane as a whole (a
 * batch of one). What a layer does to each lane alone is found by leaving that axis out; a layer that mixes lanes says so.
 */
import { NeuroreelError } from '../../../protocol/errors.js';
import type { Value } from '../../graph/graph.js';
import { broadcastShape, normalAxis, sizeOf, stridesOf, type Shape } from '../../graph/shape.js';
import { mul, notLess } from '../../ops/elementwise.js';
import { concat, sliceAxis } from '../../ops/layout.js';
import type { Draft } from './draft.js';
import type { Known } from './known.js';

export interface Live {
  /** Shape in the model. */
  readonly shape: Shape;
  /** The axis of that shape along which the lanes lie; null where the whole tensor is one lane's. */
  readonly lanes: number | null;
  /**
   * The numbers, row-major: lanes first, then the shape without its axis of lanes. Its own shape may be another one with
   * the same order of numbers, since axes of size 1 come and go; `view` reads it as is needed.
   */
  readonly value: Value;
  /** Set on the result of a comparison: 1 where it holds, else 0. */
  readonly mask?: boolean;
}

export type Operand = Known | Live;

export const isLive = (x: Operand): x is Live => 'value' in x;

/** Thrown where a layer reads across lanes; the caller treats lanes as a whole then. */
export class MixesLanes extends Error {
  override readonly name = 'MixesLanes';
  constructor() {
    super('it reads several frames, or several pictures of a batch, at once');
  }
}

export function invalid(message: string): never {
  throw new NeuroreelError('GRAPH_INVALID', message);
}

export function unsupported(message: string): never {
  throw new NeuroreelError('MODEL_FORMAT_UNSUPPORTED', message);
}

/** The shape that belongs to each lane. */
export const laneShape = ({ shape, lanes }: Live): number[] => shape.filter((_, i) => i !== lanes);

/** An axis of a tensor as an axis of its lanes' shape. */
export function laneAxis({ shape, lanes }: Live, axis: number): number {
  const normal = normalAxis(axis, shape.length, 'it');
  if (lanes === null || normal < lanes) return normal;
  if (normal === lanes) throw new MixesLanes();
  return normal - 1;
}

/** The numbers of a tensor as [-1, ...dims]; dims must divide the lanes' shape from the back. */
export function view(d: Draft, x: Live, dims: readonly number[]): Value {
  const size = sizeOf(laneShape(x));
  if (size % sizeOf(dims) !== 0) invalid(`[${laneShape(x).join(', ')}] cannot be read as [${dims.join(', ')}]`);
  // Where the first axis is the lanes and stays it, say so: other sizes may then follow from what is given.
  const kept = sizeOf(dims) === size && sizeOf(x.value.shape.slice(1)) === size;
  return d.reshape(x.value, [kept ? 0 : -1, ...dims]);
}

/** The numbers of a tensor as [lanes, ...lane's shape]. */
export const natural = (d: Draft, x: Live): Value => view(d, x, laneShape(x));

/** The same numbers as a tensor of another shape; lanes lie along the axis that has the same extent and stride. */
export function reread(x: Live, shape: Shape): Live {
  if (sizeOf(shape) !== sizeOf(x.shape)) invalid(`[${x.shape.join(', ')}] cannot be read as [${shape.join(', ')}]`);
  if (x.lanes === null) return { ...x, shape: [...shape] };
  const stride = stridesOf(x.shape)[x.lanes]!;
  const lanes = stridesOf(shape).findIndex((own, i) => own === stride && shape[i] === x.shape[x.lanes!]);
  if (lanes < 0) throw new MixesLanes();
  return { ...x, shape: [...shape], lanes };
}

/** Axis `order[i]` becomes axis i. Moves of axes of size 1 move no numbers. */
export function moved(d: Draft, x: Live, order: readonly number[]): Live {
  const shape = order.map((axis) => x.shape[axis]!);
  const lanes = x.lanes === null ? null : order.indexOf(x.lanes);
  const own = order.filter((axis) => axis !== x.lanes && x.shape[axis]! > 1);
  const inOrder = [...own].sort((p, q) => p - q);
  if (own.every((axis, i) => axis === inOrder[i])) return { ...x, shape, lanes };
  const dims = inOrder.map((axis) => x.shape[axis]!);
  const value = d.transpose(view(d, x, dims), [0, ...own.map((axis) => inOrder.indexOf(axis) + 1)]);
  return { ...x, shape, lanes, value };
}

/** Axis along which the lanes of all operands lie in a result of this many axes. */
export function commonLanes(operands: readonly Operand[], rank: number): number | null {
  let common: number | null = null;
  for (const x of operands) {
    if (!isLive(x) || x.lanes === null) continue;
    const lanes: number = x.lanes + rank - x.shape.length;
    if (common !== null && common !== lanes) throw new MixesLanes();
    common = lanes;
  }
  return common;
}

/** A shape with axes of size 1 before it, up to this many, and without the axis of lanes. */
function alignedDims(shape: Shape, rank: number, lanes: number | null): number[] {
  const full = [...new Array<number>(rank - shape.length).fill(1), ...shape];
  return full.filter((_, i) => i !== lanes);
}

/** A constant as each lane of a tensor of this many axes sees it; it must be the same for all lanes. */
export function forEachLane(d: Draft, x: Known, rank: number, lanes: number | null): Known {
  const axis = lanes === null ? -1 : lanes - (rank - x.shape.length);
  const dims = alignedDims(x.shape, rank, lanes);
  if (axis < 0 || x.shape[axis] === 1) return { ...x, shape: dims };
  d.budget.spend(2 * x.data.length);
  const inner = sizeOf(x.shape.slice(axis + 1));
  const count = x.shape[axis]!;
  const data = x.data.filter((_, i) => Math.floor(i / inner) % count === 0);
  const same = x.data.every((number, i) => {
    const place = Math.floor(i / inner);
    return number === data[Math.floor(place / count) * inner + (i % inner)];
  });
  if (!same) throw new MixesLanes();
  const { name: _name, ...rest } = x;
  return { ...rest, data, shape: dims };
}

const withoutLeadingOnes = (dims: readonly number[]): number[] => {
  const first = dims.findIndex((dim) => dim !== 1);
  return first < 0 ? [] : dims.slice(first);
};

/** A function of two values element by element, on operands that broadcast, one of which at least is live. */
export function combined(d: Draft, x: Operand, y: Operand, what: string, f: (x: Value, y: Value) => Value): Live {
  const shape = broadcastShape(x.shape, y.shape, 'it');
  const lanes = commonLanes([x, y], shape.length);
  const result = (value: Value): Live => ({ shape, lanes, value });
  if (!isLive(x)) return result(withConstant(d, y as Live, x, shape.length, lanes, what, (v, k) => f(k, v)));
  if (!isLive(y)) return result(withConstant(d, x, y, shape.length, lanes, what, f));
  const [dx, dy] = [x, y].map((o) => alignedDims(o.shape, shape.length, lanes)) as [number[], number[]];
  // Leading axes that both have with size 1 say nothing.
  const skip = dx.findIndex((dim, i) => dim !== 1 || dy[i] !== 1);
  const cut = skip < 0 ? dx.length : skip;
  const same = dx.every((dim, i) => dim === dy[i]) && x.value.shape.join() === y.value.shape.join();
  if (same) return result(f(x.value, y.value));
  return result(f(view(d, x, dx.slice(cut)), view(d, y, dy.slice(cut))));
}

function withConstant(
  d: Draft,
  x: Live,
  y: Known,
  rank: number,
  lanes: number | null,
  what: string,
  f: (x: Value, y: Value) => Value,
): Value {
  const constant = forEachLane(d, y, rank, lanes);
  const own = withoutLeadingOnes(constant.shape);
  const value = d.constant(constant, what, own);
  const dims = alignedDims(x.shape, rank, lanes);
  const physical = x.value.shape;
  const fits = own.length < physical.length && own.every((_, i) => physical.at(-1 - i) === dims.at(-1 - i));
  return f(fits ? x.value : view(d, x, dims), value);
}

/** A constant repeated over the lanes of another tensor, as the value [lanes, ...dims]. */
export function spread(d: Draft, constant: Value, like: Live): Value {
  const size = sizeOf(laneShape(like));
  const first = sliceAxis(d.b, view(d, like, [size]), 1, 0, 1);
  const ones = notLess(d.b, first, first);
  return mul(d.b, d.reshape(ones, [0, ...constant.shape.map(() => 1)]), constant);
}

/** An axis of a tensor in a value that holds it: [.., extent of the axis, ..] */
export interface AxisView {
  readonly value: Value;
  readonly at: number;
}

/** A value in which an axis of a tensor is an axis of its own; as few numbers of the shape are fixed as can be. */
export function axisView(d: Draft, x: Live, axis: number): AxisView {
  const dims = laneShape(x);
  const place = laneAxis(x, axis);
  const [extent, inner] = [dims[place]!, sizeOf(dims.slice(place + 1))];
  const own = x.value.shape;
  for (let at = own.length - 1, size = 1; at > 0; size *= own[at]!, at--) {
    if (size === inner && own[at] === extent) return { value: x.value, at };
  }
  const outer = sizeOf(dims.slice(0, place));
  const before = outer === 1 ? [] : [outer];
  return { value: view(d, x, [...before, extent, ...(inner === 1 ? [] : [inner])]), at: before.length + 1 };
}

/** Every row along an axis several times, one after the other: [.., n, ..] to [.., n * times, ..]. */
export function repeatRows(d: Draft, x: Live, axis: number, times: number): Live {
  const inner = sizeOf(laneShape(x).slice(laneAxis(x, axis) + 1));
  const rows = view(d, x, [1, inner]);
  const value = concat(d.b, new Array<Value>(times).fill(rows), 1);
  const shape = x.shape.map((dim, i) => (i === axis ? dim * times : dim));
  return { ...x, shape, value };
}
