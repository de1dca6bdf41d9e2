/** Ops that move numbers: transpose, slice, gather, split, concatenate, pad, tile, depth and space. */
import { z } from 'zod';
import type { Value } from '../../../graph/graph.js';
import { normalAxis, sameShape, sizeOf, stridesOf } from '../../../graph/shape.js';
import { add } from '../../../ops/elementwise.js';
import { concat, gather, pad, pixelShuffle, sliceAxis } from '../../../ops/layout.js';
import { reverse } from '../../../ops/reverse.js';
import { joined, known, listOf, picked, reshaped, scalarOf, strided, transposed, type Known } from '../known.js';
import {
  axisView,
  commonLanes,
  forEachLane,
  invalid,
  isLive,
  laneAxis,
  laneShape,
  moved,
  repeatRows,
  reread,
  spread,
  view,
  type Live,
  type Operand,
} from '../live.js';
import {
  axesList,
  defineOnnxOp,
  extent,
  int,
  knownOf,
  liveOf,
  none,
  normalAxes,
  optionalKnown,
  type BuildContext,
} from './definition.js';
import { pair } from './elementwise.js';
import { zerosAlong } from './shape.js';

/** Copies of a tensor up to which they are put side by side, which is faster than adding zeros. */
const MAX_COPIES = 64;
/** Most rows that are picked one by one. */
const MAX_ROWS = 1_000_000;

function checkOrder(order: readonly number[], rank: number): void {
  const sorted = [...order].sort((p, q) => p - q);
  if (
    !sameShape(
      sorted,
      Array.from({ length: rank }, (_, i) => i),
    )
  ) {
    invalid(`[${order.join(', ')}] is no order of ${rank} axes`);
  }
}

const Transpose = defineOnnxOp({
  attributes: z.strictObject({ perm: axesList.optional() }),
  inputs: [1, 1],
  fold({ budget }, [x], { perm }) {
    const order = perm ?? x!.shape.map((_, i) => i).reverse();
    checkOrder(order, x!.shape.length);
    return [transposed(budget, x!, order)];
  },
  build({ d }, [x], { perm }) {
    const order = perm ?? x!.shape.map((_, i) => i).reverse();
    checkOrder(order, x!.shape.length);
    return [moved(d, liveOf(x), order)];
  },
});

/** Rows start, start + step, ... of an axis. */
interface Rows {
  readonly start: number;
  readonly step: number;
  readonly count: number;
}

/** Rows of an axis of `extent`, as numpy counts them: negative numbers from the end, what is beyond cut off. */
function rowsOf(extent: number, start: number, end: number, step: number): Rows {
  if (!Number.isInteger(step) || step === 0) invalid(`it has a step of ${step}`);
  const place = (at: number, low: number, high: number): number =>
    Math.min(Math.max(at < 0 ? at + extent : at, low), high);
  const [low, high] = step > 0 ? [0, extent] : [-1, extent - 1];
  const from = place(start, step > 0 ? 0 : -1, high);
  const to = place(end, low, high);
  return { start: from, step, count: Math.max(0, Math.ceil((to - from) / step)) };
}

/** Some rows of an axis of a live tensor. */
export function takeRows(c: BuildContext, x: Live, axis: number, { start, step, count }: Rows): Live {
  const dim = x.shape[axis]!;
  if (count === dim && step === 1) return x;
  if (count < 1) invalid(`nothing is left of axis ${axis}`);
  const { value, at } = axisView(c.d, x, axis);
  const { b } = c.d;
  const result = (rows: Value): Live => ({ ...x, shape: x.shape.with(axis, count), value: rows });
  if (step === -1 && count === dim) return result(reverse(b, value, at));
  const last = step === 1 && start + count === dim;
  // Rows at the end of an open time are counted from there, so that any number of steps will do.
  if (last && dim === c.openSteps) return result(fromEnd(c, value, at, count));
  if (step === 1) return result(sliceAxis(b, value, at, start, start + count));
  const indices = Array.from({ length: count }, (_, i) => start + i * step);
  return result(gather(b, value, indices, at));
}

function fromEnd({ d: { b } }: BuildContext, value: Value, at: number, count: number): Value {
  const rows = sliceAxis(b, reverse(b, value, at), at, 0, count);
  return count === 1 ? rows : reverse(b, rows, at);
}

interface SliceInputs {
  readonly starts: readonly number[];
  readonly ends: readonly number[];
  readonly axes: readonly number[];
  readonly steps: readonly number[];
}

/** Places of a slice: the largest whole number that the file can hold stands for the end. */
const places = z.array(z.number()).max(8);
const sliceAttributes = z.strictObject({
  starts: places.optional(),
  ends: places.optional(),
  axes: axesList.optional(),
});
type SliceAttributes = z.output<typeof sliceAttributes>;

/** Attributes up to opset 9, inputs from then on. */
function sliceInputs(rank: number, given: readonly (Operand | null | undefined)[], a: SliceAttributes): SliceInputs {
  const input = (i: number, what: string): number[] | null => {
    const x = optionalKnown(given[i], what);
    return x ? listOf(x, what) : null;
  };
  const starts = input(0, 'starts') ?? a.starts ?? invalid('it has no starts');
  const ends = input(1, 'ends') ?? a.ends ?? invalid('it has no ends');
  const axes = normalAxes(input(2, 'axes') ?? a.axes ?? starts.map((_, i) => i), rank);
  const steps = input(3, 'steps') ?? starts.map(() => 1);
  if ([ends, axes, steps].some(({ length }) => length !== starts.length)) invalid('its lists differ in length');
  return { starts, ends, axes, steps };
}

const Slice = defineOnnxOp({
  attributes: sliceAttributes,
  inputs: [1, 5],
  fold({ budget }, [x, ...lists], a) {
    const { starts, ends, axes, steps } = sliceInputs(x!.shape.length, lists, a);
    const strides = stridesOf(x!.shape);
    const shape = [...x!.shape];
    let start = 0;
    axes.forEach((axis, i) => {
      const rows = rowsOf(x!.shape[axis]!, starts[i]!, ends[i]!, steps[i]!);
      shape[axis] = rows.count;
      start += rows.start * strides[axis]!;
      strides[axis]! *= rows.step;
    });
    return [strided(budget, x!, shape, strides, start)];
  },
  build(c, [x, ...lists], a) {
    const { starts, ends, axes, steps } = sliceInputs(x!.shape.length, lists, a);
    return [
      axes.reduce(
        (y, axis, i) => takeRows(c, y, axis, rowsOf(y.shape[axis]!, starts[i]!, ends[i]!, steps[i]!)),
        liveOf(x),
      ),
    ];
  },
});

function rowNumbers(indices: Known, dim: number): number[] {
  if (indices.data.length > MAX_ROWS) invalid(`it picks ${indices.data.length} rows`);
  return Array.from(indices.data, (i) => {
    const row = i < 0 ? i + dim : i;
    if (!Number.isInteger(row) || row < 0 || row >= dim) invalid(`row ${i} is outside an axis of ${dim}`);
    return row;
  });
}

const Gather = defineOnnxOp({
  attributes: z.strictObject({ axis: int.default(0) }),
  inputs: [2, 2],
  fold({ budget }, [x, indices], { axis }) {
    const at = normalAxis(axis, x!.shape.length, 'it');
    const rows = picked(budget, x!, at, rowNumbers(indices!, x!.shape[at]!));
    return [reshaped(rows, [...x!.shape.slice(0, at), ...indices!.shape, ...x!.shape.slice(at + 1)])];
  },
  build(c, [input, list], { axis }) {
    const x = liveOf(input);
    const at = normalAxis(axis, x.shape.length, 'it');
    const indices = knownOf(list, 'indices');
    const rows = rowNumbers(indices, x.shape[at]!);
    if (rows.length === 0) invalid('it picks no rows');
    const step = rows.length > 1 ? rows[1]! - rows[0]! : 1;
    const even = step !== 0 && rows.every((row, i) => row === rows[0]! + i * step);
    const taken = even ? takeRows(c, x, at, { start: rows[0]!, step, count: rows.length }) : pickedRows(c, x, at, rows);
    return [reread(taken, [...x.shape.slice(0, at), ...indices.shape, ...x.shape.slice(at + 1)])];
  },
});

/** Rows of an axis in any order. */
export function pickedRows(c: BuildContext, x: Live, axis: number, rows: readonly number[]): Live {
  const { value, at } = axisView(c.d, x, axis);
  c.budget.spend(rows.length);
  return { ...x, shape: x.shape.with(axis, rows.length), value: gather(c.d.b, value, rows, at) };
}

const Concat = defineOnnxOp({
  attributes: z.strictObject({ axis: int }),
  inputs: [1, 1024],
  fold: ({ budget }, parts, { axis }) => [
    joined(budget, parts as Known[], normalAxis(axis, parts[0]!.shape.length, 'it')),
  ],
  build: (c, parts, { axis }) => [joinedLive(c, parts as Operand[], axis)],
});

function joinedLive(c: BuildContext, parts: readonly Operand[], axis: number): Live {
  const rank = parts[0]!.shape.length;
  const at = normalAxis(axis, rank, 'it');
  const lanes = commonLanes(parts, rank);
  const like = parts.find(isLive)!;
  for (const { shape } of parts) {
    if (shape.length !== rank || !shape.every((dim, i) => i === at || dim === like.shape[i])) {
      invalid(`[${shape.join(', ')}] does not continue [${like.shape.join(', ')}] along axis ${at}`);
    }
  }
  const place = laneAxis(like, at);
  const outer = laneShape(like).slice(0, place);
  const skip = sizeOf(outer) === 1 ? place : 0;
  const values = parts
    .filter(({ shape }) => sizeOf(shape) > 0)
    .map((part) => {
      if (isLive(part)) return view(c.d, part, laneShape(part).slice(skip));
      const constant = forEachLane(c.d, part, rank, lanes);
      return spread(c.d, c.d.constant(constant, `${c.name}.constant`, constant.shape.slice(skip)), like);
    });
  const total = parts.reduce((n, { shape }) => n + shape[at]!, 0);
  return { shape: like.shape.with(at, total), lanes, value: concat(c.d.b, values, place - skip + 1) };
}

const splitAttributes = z.strictObject({
  axis: int.default(0),
  split: z.array(int.min(0)).optional(),
  num_outputs: int.optional(),
});

/** Sizes of the parts of a split: given, or as even as can be with the last one smaller. */
function splitSizes(
  dim: number,
  given: Known | null,
  { split, num_outputs: count }: z.output<typeof splitAttributes>,
  outputs: number,
): number[] {
  const parts = count ?? outputs;
  const size = Math.ceil(dim / parts);
  const even = Array.from({ length: parts }, (_, i) => Math.min(size, dim - i * size));
  const sizes = given ? listOf(given, 'sizes') : (split ?? even);
  const fits = sizes.every((n) => Number.isInteger(n) && n >= 0) && sizes.reduce((n, part) => n + part, 0) === dim;
  if (!fits || sizes.length < outputs) invalid(`an axis of ${dim} cannot be split into [${sizes.join(', ')}]`);
  return sizes;
}

const Split = defineOnnxOp({
  attributes: splitAttributes,
  inputs: [1, 2],
  outputs: 4096,
  fold({ budget, used }, [x, sizes], a) {
    const axis = normalAxis(a.axis, x!.shape.length, 'it');
    let start = 0;
    return splitSizes(x!.shape[axis]!, sizes ?? null, a, used.length).map((count) => {
      const rows = Array.from({ length: count }, (_, i) => start + i);
      start += count;
      return picked(budget, x!, axis, rows);
    });
  },
  build(c, [input, given], a) {
    const x = liveOf(input);
    const axis = normalAxis(a.axis, x.shape.length, 'it');
    const sizes = splitSizes(x.shape[axis]!, optionalKnown(given, 'sizes'), a, c.used.length);
    let start = 0;
    return sizes.slice(0, c.used.length).map((count, i) => {
      start += count;
      return c.used[i] ? takeRows(c, x, axis, { start: start - count, step: 1, count }) : null;
    });
  },
});

const padAttributes = z.strictObject({
  mode: z.enum(['constant', 'reflect', 'edge', 'wrap']).default('constant'),
  pads: z.array(int).optional(),
  value: z.number().default(0),
});

/** Rows that padding in a mode other than `constant` takes from an axis. */
function paddedRows(mode: 'reflect' | 'edge' | 'wrap', dim: number, before: number, after: number): number[] {
  if (before + after + dim > MAX_ROWS) invalid(`it pads an axis of ${dim} to ${before + after + dim}`);
  if (mode === 'reflect' && Math.max(before, after) >= dim) invalid(`it reflects more than an axis of ${dim} holds`);
  return Array.from({ length: dim + before + after }, (_, i) => {
    const at = i - before;
    if (mode === 'edge') return Math.min(Math.max(at, 0), dim - 1);
    if (mode === 'wrap') return ((at % dim) + dim) % dim;
    return at < 0 ? -at : at >= dim ? 2 * (dim - 1) - at : at;
  });
}

/** A number all around; constants of its shape are made only where it is not zero. */
function paddedWith(c: BuildContext, x: Live, before: readonly number[], after: readonly number[], fill: number): Live {
  const shape = x.shape.map((dim, i) => dim + before[i]! + after[i]!);
  shape.forEach((dim, i) => dim !== x.shape[i] && laneAxis(x, i));
  const dims = laneShape(x);
  const first = dims.findIndex((_, i) => laneShape({ ...x, shape })[i] !== dims[i]);
  const skip = sizeOf(dims.slice(0, first)) === 1 ? first : 0;
  const along = (sides: readonly number[]): number[] => [0, ...sides.filter((_, i) => i !== x.lanes).slice(skip)];
  const value = pad(c.d.b, view(c.d, x, dims.slice(skip)), along(before), along(after));
  const padded: Live = { ...x, shape, value };
  if (fill === 0) return padded;
  const around = shape.map((dim, i) => (dim === x.shape[i] ? 1 : dim));
  const strides = stridesOf(around);
  const border = known(c.budget, 'float', around, (i) => {
    const inside = around.every((dim, axis) => {
      const at = Math.floor(i / strides[axis]!) % dim;
      return dim === 1 || (at >= before[axis]! && at < before[axis]! + x.shape[axis]!);
    });
    return inside ? 0 : fill;
  });
  return pair(c, padded, border, add);
}

/** Pads are an attribute up to opset 10, then an input; a negative one cuts off. */
const Pad = defineOnnxOp({
  attributes: padAttributes,
  inputs: [1, 4],
  fold({ budget }, [x, pads, value, list], a) {
    const sides = padSides(x!.shape.length, pads, list, a);
    const fill = value ? scalarOf(value, 'value') : a.value;
    const strides = stridesOf(x!.shape);
    const shape = x!.shape.map((dim, i) => dim + sides[i]![0] + sides[i]![1]);
    if (a.mode !== 'constant') invalid(`a constant is padded in the mode ${a.mode}`);
    const outStrides = stridesOf(shape);
    return [
      known(budget, x!.kind, shape, (i) => {
        let from = 0;
        for (const [axis, dim] of x!.shape.entries()) {
          const at = (Math.floor(i / outStrides[axis]!) % shape[axis]!) - sides[axis]![0];
          if (at < 0 || at >= dim) return fill;
          from += at * strides[axis]!;
        }
        return x!.data[from]!;
      }),
    ];
  },
  build(c, [input, pads, value, list], a) {
    let x = liveOf(input);
    const sides = padSides(x.shape.length, pads, list, a);
    const fill = value ? scalarOf(knownOf(value, 'value'), 'value') : a.value;
    sides.forEach(([before, after], axis) => {
      const start = Math.max(0, -before);
      const count = x.shape[axis]! - start - Math.max(0, -after);
      x = takeRows(c, x, axis, { start, step: 1, count });
    });
    const [before, after] = [0, 1].map((side) => sides.map((both) => Math.max(0, both[side as 0 | 1])));
    const some = sides.flatMap((_, i) => (before![i]! > 0 || after![i]! > 0 ? [i] : []));
    if (some.length === 0) return [x];
    if (a.mode === 'constant') return [paddedWith(c, x, before!, after!, fill)];
    const { mode } = a;
    return [some.reduce((y, i) => pickedRows(c, y, i, paddedRows(mode, y.shape[i]!, before![i]!, after![i]!)), x)];
  },
});

/** Numbers before and after each axis. */
function padSides(
  rank: number,
  pads: Operand | null | undefined,
  list: Operand | null | undefined,
  a: z.output<typeof padAttributes>,
): [number, number][] {
  const given = optionalKnown(pads, 'pads');
  const numbers = given ? listOf(given, 'pads') : (a.pads ?? invalid('it has no pads'));
  const named = optionalKnown(list, 'axes');
  const axes = named ? normalAxes(listOf(named, 'axes'), rank) : Array.from({ length: rank }, (_, i) => i);
  const whole = numbers.every((n) => Number.isInteger(n) && Math.abs(n) <= MAX_ROWS);
  if (numbers.length !== 2 * axes.length || !whole) invalid(`its pads [${numbers.join(', ')}] do not fit`);
  return Array.from({ length: rank }, (_, i): [number, number] => {
    const at = axes.indexOf(i);
    return at < 0 ? [0, 0] : [numbers[at]!, numbers[at + axes.length]!];
  });
}

const Tile = defineOnnxOp({
  attributes: none,
  inputs: [2, 2],
  fold({ budget }, [x, repeats]) {
    const times = tileTimes(repeats!, x!.shape.length);
    const split = x!.shape.flatMap((dim) => [1, dim]);
    const repeated = x!.shape.flatMap((dim, i) => [times[i]!, dim]);
    const shape = x!.shape.map((dim, i) => dim * times[i]!);
    // Twice as many axes at first, so it is done without the bound on axes.
    const source = stridesOf(split).map((stride, i) => (i % 2 === 0 ? 0 : stride));
    const wide = stridesOf(repeated);
    return [
      known(budget, x!.kind, shape, (i) => {
        let from = 0;
        for (let axis = 0; axis < wide.length; axis++) {
          from += (Math.floor(i / wide[axis]!) % repeated[axis]!) * source[axis]!;
        }
        return x!.data[from]!;
      }),
    ];
  },
  build(c, [input, repeats]) {
    const x = liveOf(input);
    const times = tileTimes(knownOf(repeats, 'repeats'), x.shape.length);
    return [times.reduce((y, n, axis) => (n === 1 ? y : tiled(c, y, axis, n)), x)];
  },
});

function tileTimes(repeats: Known, rank: number): number[] {
  const times = listOf(repeats, 'repeats');
  if (times.length !== rank || !times.every((n) => Number.isInteger(n) && n >= 0)) {
    invalid(`it repeats ${rank} axes [${times.join(', ')}] times`);
  }
  return times;
}

/** All rows of an axis, several times over. */
function tiled(c: BuildContext, x: Live, axis: number, times: number): Live {
  if (times < 1) invalid(`it repeats an axis ${times} times`);
  laneAxis(x, axis);
  const whole: Live = { ...x, shape: x.shape.toSpliced(axis, 0, 1), lanes: laneAfterInsert(x, axis) };
  const shape = x.shape.with(axis, x.shape[axis]! * times);
  if (times <= MAX_COPIES) return reread(repeatRows(c.d, whole, axis, times), shape);
  return reread(pair(c, whole, zerosAlong(c, whole.shape, whole.shape.with(axis, times)), add), shape);
}

function laneAfterInsert({ lanes }: Live, axis: number): number | null {
  return lanes === null || lanes < axis ? lanes : lanes + 1;
}

const blockSize = z.strictObject({ blocksize: extent, mode: z.enum(['DCR', 'CRD']).default('DCR') });

/** Channels to places: a block's places are the slowest of the channels (DCR), or the fastest (CRD). */
const DepthToSpace = defineOnnxOp({
  attributes: blockSize,
  inputs: [1, 1],
  build({ d }, [input], { blocksize: r, mode }) {
    const x = liveOf(input, 4);
    const [n, channels, h, w] = x.shape as [number, number, number, number];
    if (channels % (r * r) !== 0) invalid(`${channels} channels are no blocks of ${r}x${r}`);
    const c = channels / (r * r);
    laneAxis(x, 1);
    const crd = mode === 'CRD' ? x : reread(moved(d, reread(x, [n, r * r, c, h, w]), [0, 2, 1, 3, 4]), x.shape);
    laneAxis(x, 2);
    laneAxis(x, 3);
    const value = pixelShuffle(d.b, view(d, crd, [channels, h, w]), r);
    return [{ shape: [n, c, h * r, w * r], lanes: x.lanes, value }];
  },
});

const SpaceToDepth = defineOnnxOp({
  attributes: z.strictObject({ blocksize: extent }),
  inputs: [1, 1],
  build({ d }, [input], { blocksize: r }) {
    const x = liveOf(input, 4);
    const [n, c, h, w] = x.shape as [number, number, number, number];
    if (h % r !== 0 || w % r !== 0) invalid(`${h}x${w} places are no blocks of ${r}x${r}`);
    const split = reread(x, [n, c, h / r, r, w / r, r]);
    return [reread(moved(d, split, [0, 3, 5, 1, 2, 4]), [n, c * r * r, h / r, w / r])];
  },
});

export const layoutOps = { Transpose, Slice, Gather, Concat, Split, Pad, Tile, DepthToSpace, SpaceToDepth };
