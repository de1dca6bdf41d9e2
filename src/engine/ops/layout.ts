/** Ops that move numbers without changing them: reshape, transpose, slice, pad, concatenate, gather, pixel shuffle. */
import type { GraphBuilder, Value } from '../graph/graph.js';
import { checkAxis, normalAxis, sameShape, showShape, sizeOf, stridesOf, type Shape } from '../graph/shape.js';
import { NeuroreelError } from '../../protocol/errors.js';
import { everyInputRows, rowsUnless } from './rows.js';
import { defineOp, type Interval, type NdArray, type OpDefinition } from './definition.js';
import { reshapedBox, withAxes, within } from './reach.js';

function invalid(message: string): never {
  throw new NeuroreelError('GRAPH_INVALID', message);
}

/** Fills a tensor of shape `shape` by asking, for each multi-index, where in the source it comes from. */
function gatherBy(shape: Shape, source: (index: readonly number[]) => number, data: Float64Array): Float64Array {
  const strides = stridesOf(shape);
  const index = new Array<number>(shape.length).fill(0);
  return Float64Array.from({ length: sizeOf(shape) }, (_, flat) => {
    let rest = flat;
    for (let axis = 0; axis < shape.length; axis++) {
      index[axis] = Math.floor(rest / strides[axis]!);
      rest -= index[axis]! * strides[axis]!;
    }
    const from = source(index);
    return from < 0 ? 0 : data[from]!;
  });
}

const moved = ([low, high]: Interval, by: number): Interval => [low + by, high + by];
/** The smallest interval that holds all of these; null for none. */
const spanOf = (places: readonly number[]): Interval | null =>
  places.reduce((sofar: Interval | null, i) => [Math.min(sofar?.[0] ?? i, i), Math.max(sofar?.[1] ?? i, i)], null);

/**
 * The sizes that a reshape means: 0 keeps the size of the same axis, -1 (once) takes what is left. Kept symbolic in the
 * node, so that a network can be put into another graph with another batch size.
 */
function reshapedTo(from: Shape, wanted: readonly number[]): number[] {
  const shape = wanted.map((dim, i) => (dim === 0 ? (from[i] ?? 0) : dim));
  const free = shape.indexOf(-1);
  if (free >= 0) shape[free] = sizeOf(from) / -sizeOf(shape);
  if (sizeOf(shape) !== sizeOf(from) || !shape.every((dim) => Number.isInteger(dim) && dim > 0)) {
    invalid(`Reshape: ${showShape(from)} cannot be read as ${showShape(wanted)}.`);
  }
  return shape;
}

const ReshapeOp = defineOp<{ shape: readonly number[] }>({
  name: 'Reshape',
  rows: everyInputRows,
  withRows: (_, count, [out]) => ({ shape: [count, ...out!.shape.slice(1)] }),
  infer: ([x], { shape }) => [{ shape: reshapedTo(x!.shape, shape), dtype: x!.dtype }],
  gradient: ({ b, grads, inputs }) => [reshape(b, grads[0]!, inputs[0]!.shape)],
  reference: ([x]) => [x!.data],
  onnx(c) {
    c.node('Reshape', [c.inputs[0]!, c.integers(c.outputTypes[0]!.shape)], {}, c.outputs[0]);
  },
  tfjs: ({ tf, inputs, outputTypes }) => [tf.reshape(inputs[0]!, [...outputTypes[0]!.shape])],
  reach: ({ box, inputs: [x], outputs: [y] }) => [reshapedBox(box, y!.shape, x!.shape)],
});

const TransposeOp = defineOp<{ order: readonly number[] }>({
  name: 'Transpose',
  rows: rowsUnless(({ order }) => order[0] !== 0),
  infer([x], { order }) {
    if (
      !sameShape(
        [...order].sort((p, q) => p - q),
        x!.shape.map((_, i) => i),
      )
    ) {
      invalid(`Transpose: ${showShape(order)} is not an order of the axes of ${showShape(x!.shape)}.`);
    }
    return [{ shape: order.map((axis) => x!.shape[axis]!), dtype: x!.dtype }];
  },
  gradient: ({ b, grads, attributes: { order } }) => [
    transpose(
      b,
      grads[0]!,
      order.map((_, i) => order.indexOf(i)),
    ),
  ],
  reference([x], { order }, [out]) {
    const strides = stridesOf(x!.shape);
    const source = (index: readonly number[]): number =>
      index.reduce((from, at, i) => from + at * strides[order[i]!]!, 0);
    return [gatherBy(out!.shape, source, x!.data)];
  },
  onnx(c) {
    c.node('Transpose', c.inputs, { perm: c.attributes.order }, c.outputs[0]);
  },
  tfjs: ({ tf, inputs, attributes: { order } }) => [tf.transpose(inputs[0]!, [...order])],
  reach: ({ box, attributes: { order } }) => [order.map((_, axis) => box[order.indexOf(axis)]!)],
});

type SliceAttributes = { axis: number; start: number; end: number };

/** Elements start .. end-1 along one axis. */
const SliceOp = defineOp<SliceAttributes>({
  name: 'Slice',
  rows: rowsUnless(({ axis }) => axis === 0),
  infer([x], { axis, start, end }) {
    checkAxis(axis, x!.shape.length, 'Slice');
    const dim = x!.shape[axis]!;
    const whole = Number.isInteger(start) && Number.isInteger(end);
    if (!(whole && start >= 0 && start < end && end <= dim))
      invalid(`Slice: ${start}..${end} is outside an axis of ${dim}.`);
    return [{ shape: x!.shape.map((d, i) => (i === axis ? end - start : d)), dtype: x!.dtype }];
  },
  gradient({ b, grads, inputs, attributes: { axis, start, end } }) {
    return [padAxis(b, grads[0]!, axis, start, inputs[0]!.shape[axis]! - end)];
  },
  reference([x], { axis, start }, [out]) {
    const strides = stridesOf(x!.shape);
    const source = (index: readonly number[]): number =>
      index.reduce((from, at, i) => from + (at + (i === axis ? start : 0)) * strides[i]!, 0);
    return [gatherBy(out!.shape, source, x!.data)];
  },
  onnx(c) {
    const { axis, start, end } = c.attributes;
    c.node('Slice', [c.inputs[0]!, c.integers([start]), c.integers([end]), c.integers([axis])], {}, c.outputs[0]);
  },
  tfjs({ tf, inputs, outputTypes, attributes: { axis, start } }) {
    const begin = outputTypes[0]!.shape.map((_, i) => (i === axis ? start : 0));
    return [tf.slice(inputs[0]!, begin, [...outputTypes[0]!.shape])];
  },
  reach: ({ box, attributes: { axis, start } }) => [withAxes(box, { [axis]: moved(box[axis]!, start) })],
});

type PadAttributes = { before: readonly number[]; after: readonly number[] };

/** Zeros around a tensor; `before` and `after` have one number an axis, none negative. */
const PadOp = defineOp<PadAttributes>({
  name: 'Pad',
  rows: rowsUnless(({ before, after }) => before[0] !== 0 || after[0] !== 0),
  infer([x], { before, after }) {
    const fits = before.length === x!.shape.length && after.length === x!.shape.length;
    if (!fits || ![...before, ...after].every((n) => Number.isInteger(n) && n >= 0)) {
      invalid(`Pad: ${showShape(before)} and ${showShape(after)} do not fit ${showShape(x!.shape)}.`);
    }
    return [{ shape: x!.shape.map((d, i) => d + before[i]! + after[i]!), dtype: 'float32' }];
  },
  gradient({ b, grads, inputs, attributes: { before } }) {
    return [
      inputs[0]!.shape.reduce((g, dim, axis) => sliceAxis(b, g, axis, before[axis]!, before[axis]! + dim), grads[0]!),
    ];
  },
  reference([x], { before }, [out]) {
    const strides = stridesOf(x!.shape);
    const source = (index: readonly number[]): number => {
      let from = 0;
      for (let i = 0; i < index.length; i++) {
        const at = index[i]! - before[i]!;
        if (at < 0 || at >= x!.shape[i]!) return -1;
        from += at * strides[i]!;
      }
      return from;
    };
    return [gatherBy(out!.shape, source, x!.data)];
  },
  onnx(c) {
    const { before, after } = c.attributes;
    c.node('Pad', [c.inputs[0]!, c.integers([...before, ...after])], { mode: 'constant' }, c.outputs[0]);
  },
  tfjs({ tf, inputs, attributes: { before, after } }) {
    return [
      tf.pad(
        inputs[0]!,
        before.map((n, i): [number, number] => [n, after[i]!]),
      ),
    ];
  },
  reach: ({ box, attributes: { before } }) => [box.map((interval, i) => moved(interval, -before[i]!))],
});

const ConcatOp = defineOp<{ axis: number }>({
  name: 'Concat',
  rows: rowsUnless(({ axis }) => axis === 0),
  infer(inputs, { axis }) {
    const first = inputs[0]!.shape;
    checkAxis(axis, first.length, 'Concat');
    for (const { shape } of inputs) {
      if (shape.length !== first.length || !shape.every((d, i) => i === axis || d === first[i])) {
        invalid(`Concat: ${showShape(shape)} does not continue ${showShape(first)} along axis ${axis}.`);
      }
    }
    const total = inputs.reduce((n, { shape }) => n + shape[axis]!, 0);
    return [{ shape: first.map((d, i) => (i === axis ? total : d)), dtype: inputs[0]!.dtype }];
  },
  gradient({ b, grads, inputs, attributes: { axis } }) {
    let start = 0;
    return inputs.map((input) => {
      const end = start + input.shape[axis]!;
      const part = sliceAxis(b, grads[0]!, axis, start, end);
      start = end;
      return part;
    });
  },
  reference(inputs: readonly NdArray[], { axis }, [out]) {
    const data = new Float64Array(sizeOf(out!.shape));
    const inner = sizeOf(out!.shape.slice(axis + 1));
    const outer = sizeOf(out!.shape.slice(0, axis));
    const row = out!.shape[axis]! * inner;
    let offset = 0;
    for (const { shape, data: part } of inputs) {
      const run = shape[axis]! * inner;
      for (let o = 0; o < outer; o++) data.set(part.subarray(o * run, (o + 1) * run), o * row + offset);
      offset += run;
    }
    return [data];
  },
  onnx(c) {
    c.node('Concat', c.inputs, { axis: c.attributes.axis }, c.outputs[0]);
  },
  tfjs: ({ tf, inputs, attributes: { axis } }) => [tf.concat([...inputs], axis)],
  reach({ box, inputs, attributes: { axis } }) {
    let start = 0;
    return inputs.map(({ shape }) => {
      const part = within(moved(box[axis]!, -start), shape[axis]!);
      start += shape[axis]!;
      return withAxes(box, { [axis]: part });
    });
  },
});

/** `axis` is 0 where it is absent. */
type GatherAttributes = { indices: readonly number[]; axis?: number };

/** Rows of an axis in a given order; a row may be taken several times. */
const GatherOp = defineOp<GatherAttributes>({
  name: 'Gather',
  infer([x], { indices, axis = 0 }) {
    checkAxis(axis, x!.shape.length, 'Gather');
    const rows = x!.shape[axis]!;
    if (!indices.every((i) => Number.isInteger(i) && i >= 0 && i < rows)) {
      invalid(`Gather: an index is outside the ${rows} rows.`);
    }
    return [{ shape: x!.shape.map((d, i) => (i === axis ? indices.length : d)), dtype: x!.dtype }];
  },
  gradient: ({ b, grads, inputs, attributes: { indices, axis = 0 } }) => [
    b.node(GatherGradOp, [grads[0]!], { indices, rows: inputs[0]!.shape[axis]!, axis })[0]!,
  ],
  reference([x], { indices, axis = 0 }) {
    const inner = sizeOf(x!.shape.slice(axis + 1));
    const rows = x!.shape[axis]!;
    const outer = sizeOf(x!.shape.slice(0, axis));
    const data = new Float64Array(outer * indices.length * inner);
    for (let o = 0; o < outer; o++) {
      indices.forEach((row, i) => {
        const from = (o * rows + row) * inner;
        data.set(x!.data.subarray(from, from + inner), (o * indices.length + i) * inner);
      });
    }
    return [data];
  },
  onnx(c) {
    const { indices, axis = 0 } = c.attributes;
    c.node('Gather', [c.inputs[0]!, c.integers(indices)], { axis }, c.outputs[0]);
  },
  tfjs: ({ tf, inputs, attributes: { indices, axis = 0 } }) => [tf.gather(inputs[0]!, [...indices], axis)],
  reach({ box, attributes: { indices, axis = 0 } }) {
    const [low, high] = box[axis]!;
    return [withAxes(box, { [axis]: spanOf(indices.slice(Math.max(low, 0), high + 1)) })];
  },
});

/** Rows of the first axis by numbers that are data: x and `rows` [N], whole numbers of rows of x, as float32. */
const TakeRowsOp = defineOp<Record<string, never>>({
  name: 'TakeRows',
  infer([x, rows]) {
    if (rows!.shape.length !== 1) invalid(`TakeRows: ${showShape(rows!.shape)} is not a list of rows.`);
    return [{ shape: [rows!.shape[0]!, ...x!.shape.slice(1)], dtype: x!.dtype }];
  },
  reference([x, rows], _, [out]) {
    const inner = sizeOf(out!.shape.slice(1));
    const data = new Float64Array(sizeOf(out!.shape));
    rows!.data.forEach((row, i) => data.set(x!.data.subarray(row * inner, (row + 1) * inner), i * inner));
    return [data];
  },
  onnx(c) {
    c.node('Gather', [c.inputs[0]!, c.node('Cast', [c.inputs[1]!], { to: ONNX_INT64 })], { axis: 0 }, c.outputs[0]);
  },
  tfjs: ({ tf, inputs: [x, rows] }) => [tf.gather(x!, tf.cast(rows!, 'int32'))],
});

/** ONNX's number of the type int64. */
const ONNX_INT64 = 7;

/** The 0/1 matrix [rows, indices.length] whose product with gathered rows sums them where they came from. */
function scatterMatrix(indices: readonly number[], rows: number): Float32Array {
  const matrix = new Float32Array(rows * indices.length);
  indices.forEach((row, i) => {
    matrix[row * indices.length + i] = 1;
  });
  return matrix;
}

/** Adds rows up where `Gather` took them from: a product with the scatter matrix along the axis. */
const GatherGradOp = defineOp<GatherAttributes & { rows: number }>({
  name: 'GatherGrad',
  infer: ([g], { rows, axis = 0 }) => [{ shape: g!.shape.map((d, i) => (i === axis ? rows : d)), dtype: 'float32' }],
  gradient: ({ b, grads, attributes: { indices, axis = 0 } }) => [gather(b, grads[0]!, indices, axis)],
  reference([g], { indices, rows, axis = 0 }) {
    const inner = sizeOf(g!.shape.slice(axis + 1));
    const outer = sizeOf(g!.shape.slice(0, axis));
    const data = new Float64Array(outer * rows * inner);
    for (let o = 0; o < outer; o++) {
      indices.forEach((row, i) => {
        const [from, to] = [(o * indices.length + i) * inner, (o * rows + row) * inner];
        for (let k = 0; k < inner; k++) data[to + k]! += g!.data[from + k]!;
      });
    }
    return [data];
  },
  onnx(c) {
    const { indices, rows, axis = 0 } = c.attributes;
    const flat = c.node('Reshape', [c.inputs[0]!, c.integers(scatterView(c.inputTypes[0]!.shape, axis))]);
    const summed = c.node('MatMul', [c.floats(scatterMatrix(indices, rows), [rows, indices.length]), flat]);
    c.node('Reshape', [summed, c.integers(c.outputTypes[0]!.shape)], {}, c.outputs[0]);
  },
  tfjs({ tf, inputs, outputTypes, attributes: { indices, rows, axis = 0 } }) {
    const matrix = tf.tensor2d(scatterMatrix(indices, rows), [rows, indices.length]);
    const flat = tf.reshape(inputs[0]!, scatterView(inputs[0]!.shape, axis));
    return [tf.reshape(tf.matMul(matrix, flat as never), [...outputTypes[0]!.shape])];
  },
  reach({ box, attributes: { indices, axis = 0 } }) {
    const [low, high] = box[axis]!;
    const from = indices.map((_, place) => place).filter((place) => indices[place]! >= low && indices[place]! <= high);
    return [withAxes(box, { [axis]: spanOf(from) })];
  },
});

/** The shape [k, inner] or [outer, k, inner] in which a matrix product runs along an axis. */
function scatterView(shape: Shape, axis: number): number[] {
  const [outer, inner] = [sizeOf(shape.slice(0, axis)), sizeOf(shape.slice(axis + 1))];
  return outer === 1 ? [shape[axis]!, inner] : [outer, shape[axis]!, inner];
}

/** The multi-axis view that pixel shuffle permutes: [N, C, r, r, H, W] <-> [N, C, H, r, W, r]. */
const SHUFFLE_ORDER = [0, 1, 4, 2, 5, 3];
const UNSHUFFLE_ORDER = [0, 1, 3, 5, 2, 4];

/** Sub-pixel upsampling: [N, C*r*r, H, W] -> [N, C, H*r, W*r] (Shi et al. 2016; depth to space in CRD order). */
export function pixelShuffle(b: GraphBuilder, x: Value, r: number): Value {
  return b.node(PixelShuffleOp, [x], { r })[0]!;
}

const PixelShuffleOp: OpDefinition<{ r: number }> = defineOp({
  name: 'PixelShuffle',
  rows: everyInputRows,
  infer([x], { r }) {
    const [n, c, h, w] = x!.shape;
    if (x!.shape.length !== 4 || c! % (r * r) !== 0) invalid(`PixelShuffle: ${showShape(x!.shape)} by ${r}.`);
    return [{ shape: [n!, c! / (r * r), h! * r, w! * r], dtype: 'float32' }];
  },
  gradient: ({ b, grads, attributes }) => [b.node(PixelUnshuffleOp, [grads[0]!], attributes)[0]!],
  reference([x], { r }, [out]) {
    const [, , h, w] = x!.shape;
    const strides = stridesOf(x!.shape);
    const source = ([n, c, y, z]: readonly number[]): number => {
      const channel = c! * r * r + (y! % r) * r + (z! % r);
      return n! * strides[0]! + channel * h! * w! + Math.floor(y! / r) * w! + Math.floor(z! / r);
    };
    return [gatherBy(out!.shape, source, x!.data)];
  },
  onnx(c) {
    c.node('DepthToSpace', c.inputs, { blocksize: c.attributes.r, mode: 'CRD' }, c.outputs[0]);
  },
  tfjs({ tf, inputs, outputTypes, attributes: { r } }) {
    const [n, c, h, w] = outputTypes[0]!.shape;
    const split = tf.reshape(inputs[0]!, [n!, c!, r, r, h! / r, w! / r]);
    return [tf.reshape(tf.transpose(split, SHUFFLE_ORDER), [n!, c!, h!, w!])];
  },
  reach({ box: [n, channels, ...places], attributes: { r } }) {
    const coarse = places.map(([low, high]): Interval => [Math.floor(low / r), Math.floor(high / r)]);
    return [[n!, [channels![0] * r * r, (channels![1] + 1) * r * r - 1], ...coarse]];
  },
});

/** The inverse of pixel shuffle. */
const PixelUnshuffleOp = defineOp<{ r: number }>({
  name: 'PixelUnshuffle',
  rows: everyInputRows,
  infer([x], { r }) {
    const [n, c, h, w] = x!.shape;
    if (x!.shape.length !== 4 || h! % r !== 0 || w! % r !== 0) {
      invalid(`PixelUnshuffle: ${showShape(x!.shape)} by ${r}.`);
    }
    return [{ shape: [n!, c! * r * r, h! / r, w! / r], dtype: 'float32' }];
  },
  gradient: ({ b, grads, attributes }) => [b.node(PixelShuffleOp, [grads[0]!], attributes)[0]!],
  reference([x], { r }, [out]) {
    const strides = stridesOf(x!.shape);
    const source = ([n, k, y, z]: readonly number[]): number => {
      const c = Math.floor(k! / (r * r));
      const dy = Math.floor((k! % (r * r)) / r);
      const dx = k! % r;
      return n! * strides[0]! + c * strides[1]! + (y! * r + dy) * strides[2]! + z! * r + dx;
    };
    return [gatherBy(out!.shape, source, x!.data)];
  },
  onnx(c) {
    const { r } = c.attributes;
    const [n, k, h, w] = c.outputTypes[0]!.shape;
    const split = c.node('Reshape', [c.inputs[0]!, c.integers([n!, k! / (r * r), h!, r, w!, r])]);
    const moved = c.node('Transpose', [split], { perm: UNSHUFFLE_ORDER });
    c.node('Reshape', [moved, c.integers([n!, k!, h!, w!])], {}, c.outputs[0]);
  },
  tfjs({ tf, inputs, outputTypes, attributes: { r } }) {
    const [n, k, h, w] = outputTypes[0]!.shape;
    const split = tf.reshape(inputs[0]!, [n!, k! / (r * r), h!, r, w!, r]);
    return [tf.reshape(tf.transpose(split, UNSHUFFLE_ORDER), [n!, k!, h!, w!])];
  },
  reach({ box: [n, channels, ...places], attributes: { r } }) {
    const fine = places.map(([low, high]): Interval => [low * r, high * r + r - 1]);
    return [[n!, [Math.floor(channels![0] / (r * r)), Math.floor(channels![1] / (r * r))], ...fine]];
  },
});

/** Reads a tensor under another shape; 0 keeps the size of the same axis, -1 takes what is left. */
export function reshape(b: GraphBuilder, x: Value, shape: readonly number[]): Value {
  return sameShape(x.shape, shape) ? x : b.node(ReshapeOp, [x], { shape: [...shape] })[0]!;
}
/** Axis `order[i]` of x becomes axis i. */
export function transpose(b: GraphBuilder, x: Value, order: readonly number[]): Value {
  return b.node(TransposeOp, [x], { order: [...order] })[0]!;
}
/** Elements start .. end-1 along an axis. */
export function sliceAxis(b: GraphBuilder, x: Value, axis: number, start: number, end: number): Value {
  const normal = normalAxis(axis, x.shape.length, 'slice');
  return start === 0 && end === x.shape[normal] ? x : b.node(SliceOp, [x], { axis: normal, start, end })[0]!;
}
export function pad(b: GraphBuilder, x: Value, before: readonly number[], after: readonly number[]): Value {
  const nothing = [...before, ...after].every((n) => n === 0);
  return nothing ? x : b.node(PadOp, [x], { before: [...before], after: [...after] })[0]!;
}
/** Zeros before and after along one axis. */
export function padAxis(b: GraphBuilder, x: Value, axis: number, before: number, after: number): Value {
  const normal = normalAxis(axis, x.shape.length, 'pad');
  const at = (n: number): number[] => x.shape.map((_, i) => (i === normal ? n : 0));
  return pad(b, x, at(before), at(after));
}
export function concat(b: GraphBuilder, parts: readonly Value[], axis: number): Value {
  if (parts.length === 1) return parts[0]!;
  return b.node(ConcatOp, parts, { axis: normalAxis(axis, parts[0]!.shape.length, 'concat') })[0]!;
}
/** Rows of an axis (the first by default), in the order of `indices`. */
export function gather(b: GraphBuilder, x: Value, indices: readonly number[], axis = 0): Value {
  const normal = normalAxis(axis, x.shape.length, 'gather');
  return b.node(GatherOp, [x], { indices: [...indices], ...(normal > 0 && { axis: normal }) })[0]!;
}
/** Rows of the first axis, whose numbers the graph is given when it runs. Has no gradient. */
export function takeRows(b: GraphBuilder, x: Value, rows: Value): Value {
  return b.node(TakeRowsOp, [x, rows], {})[0]!;
}

export const layoutOps = [
  ReshapeOp,
  TransposeOp,
  SliceOp,
  PadOp,
  ConcatOp,
  GatherOp,
  TakeRowsOp,
  GatherGradOp,
  PixelShuffleOp,
  PixelUnshuffleOp,
];
