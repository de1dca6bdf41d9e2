/** Max and average pooling over windows, NCHW. */
import type { GraphBuilder, Value } from '../graph/graph.js';
import { sameShape, showShape, sizeOf, type Shape } from '../graph/shape.js';
import { NeuroreelError } from '../../protocol/errors.js';
import { relu } from './activation.js';
import {
  defineOp,
  type Box,
  type Interval,
  type NdArray,
  type OnnxContext,
  type OpDefinition,
  type ReachContext,
} from './definition.js';
import { portableMaxPoolGrad, portableMaxPoolPlaces, portableMaxPoolScatter } from './max-pool-portable.js';
import { boxOf, underWindow, windowsOver, type Sliding } from './reach.js';
import type * as tfjs from '@tensorflow/tfjs';
import { everyInputRows } from './rows.js';

export type PoolAttributes = {
  kernel: readonly number[];
  strides: readonly number[];
  /** Top, left; what lies beyond the input at the bottom and right follows from the output's size. */
  pads: readonly number[];
  /** Output height and width: fixed when the node is made, so that every rounding rule can be expressed. */
  size: readonly number[];
  /** What an average divides by: the window within the input, within the padded input, or the whole kernel. */
  divisor?: string;
};

/** Padding at the bottom and right that the output size implies; never negative. */
function endPads(input: Shape, a: PoolAttributes): number[] {
  return [0, 1].map((i) => Math.max(0, (a.size[i]! - 1) * a.strides[i]! + a.kernel[i]! - input[i + 2]! - a.pads[i]!));
}

function inferPool(x: Shape, a: PoolAttributes): number[] {
  const ends = endPads(x, a);
  const fits =
    x.length === 4 &&
    [...a.kernel, ...a.strides, ...a.size].every((n) => Number.isInteger(n) && n > 0) &&
    a.pads.every((p, i) => Number.isInteger(p) && p >= 0 && p < a.kernel[i]!) &&
    ends.every((p, i) => p < a.kernel[i]!);
  if (!fits)
    throw new NeuroreelError('GRAPH_INVALID', `Pooling of ${showShape(x)} to ${showShape(a.size)} is impossible.`);
  return [x[0]!, x[1]!, ...a.size];
}

interface Window {
  readonly out: number;
  readonly rows: readonly [number, number];
  readonly cols: readonly [number, number];
  readonly plane: number;
}

function forEachWindow(x: Shape, a: PoolAttributes, visit: (window: Window) => void): void {
  const [n, c, h, w] = x as [number, number, number, number];
  const [oh, ow] = a.size as [number, number];
  for (let plane = 0; plane < n * c; plane++) {
    for (let p = 0; p < oh; p++) {
      for (let q = 0; q < ow; q++) {
        const top = p * a.strides[0]! - a.pads[0]!;
        const left = q * a.strides[1]! - a.pads[1]!;
        visit({
          out: (plane * oh + p) * ow + q,
          rows: [Math.max(0, top), Math.min(h, top + a.kernel[0]!)],
          cols: [Math.max(0, left), Math.min(w, left + a.kernel[1]!)],
          plane,
        });
      }
    }
  }
}

/** Flat index of the largest element of a window; the first one on ties. */
function argmax(x: NdArray, { rows, cols, plane }: Window): number {
  const [, , h, w] = x.shape as [number, number, number, number];
  let best = (plane * h + rows[0]) * w + cols[0];
  for (let row = rows[0]; row < rows[1]; row++) {
    for (let col = cols[0]; col < cols[1]; col++) {
      const i = (plane * h + row) * w + col;
      if (x.data[i]! > x.data[best]!) best = i;
    }
  }
  return best;
}

const sliding = (a: PoolAttributes, axis: 0 | 1): Sliding => ({
  kernel: a.kernel[axis]!,
  stride: a.strides[axis]!,
  pad: a.pads[axis]!,
});

type Along = (interval: Interval, window: Sliding, size: number | null) => Interval | null;

/** A box with its rows and columns replaced by what `along` says of them, on an input of this size. */
function poolBox(box: Box, c: ReachContext<PoolAttributes>, size: readonly number[], along: Along): Box | null {
  const places = ([0, 1] as const).map((axis) =>
    along(box[axis + 2]!, sliding(c.attributes, axis), c.bounded ? size[axis]! : null),
  );
  return boxOf([box[0]!, box[1]!, ...places]);
}

const poolReach = (c: ReachContext<PoolAttributes>): (Box | null)[] => [
  poolBox(c.box, c, c.inputs[0]!.shape.slice(2), underWindow),
];

const onnxPool = (c: OnnxContext<PoolAttributes>): Record<string, readonly number[]> => {
  const a = c.attributes;
  return { kernel_shape: a.kernel, strides: a.strides, pads: [...a.pads, ...endPads(c.inputTypes[0]!.shape, a)] };
};

/** Key under which the indices of a pooling's maxima are shared between the pooling and its gradient. */
const indicesKey = (c: OnnxContext<PoolAttributes>): string =>
  `argmax:${c.inputs[0]}:${JSON.stringify([c.attributes.kernel, c.attributes.strides, c.attributes.pads, c.attributes.size])}`;

/** The flat indices of the maxima, int64 [n, c, oh, ow]: those that the pooling itself left, or made again. */
function maxIndices(c: OnnxContext<PoolAttributes>): string {
  const known = c.shared(indicesKey(c));
  if (known !== undefined) return known;
  const indices = c.fresh('indices');
  c.share(indicesKey(c), indices);
  c.nodes('MaxPool', [c.inputs[0]!], [c.fresh('pooled'), indices], onnxPool(c));
  return indices;
}

/** Adds values up at flat indices; the rest of the node's output is 0. */
function scatter(c: OnnxContext<PoolAttributes>, indices: string, values: string): void {
  const { shape } = c.outputTypes[0]!;
  const flat = c.integers([-1]);
  const zeros = c.node('Expand', [c.floats([0], []), c.integers([sizeOf(shape)])]);
  const [at, numbers] = [c.node('Reshape', [indices, flat]), c.node('Reshape', [values, flat])];
  const scattered = c.node('ScatterElements', [zeros, at, numbers], { axis: 0, reduction: 'add' });
  c.node('Reshape', [scattered, c.integers(shape)], {}, c.outputs[0]);
}

function tfjsPadded(tf: typeof tfjs, x: tfjs.Tensor, a: PoolAttributes, value: number): tfjs.Tensor4D {
  const [bottom, right] = endPads(x.shape, a);
  const widths: [number, number][] = [
    [0, 0],
    [0, 0],
    [a.pads[0]!, bottom!],
    [a.pads[1]!, right!],
  ];
  const padded = tf.pad(x, widths, value);
  const [rows, cols] = [0, 1].map((i) => (a.size[i]! - 1) * a.strides[i]! + a.kernel[i]!);
  const cut = tf.slice(padded, [0, 0, 0, 0], [x.shape[0], x.shape[1]!, rows!, cols!]);
  return tf.transpose(cut, [0, 2, 3, 1]) as tfjs.Tensor4D;
}

const fromNhwc = (tf: typeof tfjs, x: tfjs.Tensor): tfjs.Tensor => tf.transpose(x, [0, 3, 1, 2]);

const MaxPoolOp = defineOp<PoolAttributes>({
  name: 'MaxPool2d',
  rows: everyInputRows,
  infer: ([x], a) => [{ shape: inferPool(x!.shape, a), dtype: 'float32' }],
  gradient: ({ b, inputs, grads, attributes }) => [b.node(MaxPoolGradOp, [inputs[0]!, grads[0]!], attributes)[0]!],
  reference([x], a, [out]) {
    const y = new Float64Array(sizeOf(out!.shape));
    forEachWindow(x!.shape, a, (window) => {
      y[window.out] = x!.data[argmax(x!, window)]!;
    });
    return [y];
  },
  onnx(c) {
    const needed = c.device === 'cpu' && (c.usedBy('MaxPool2dGrad', 0) || c.usedBy('MaxPool2dPlace', 0));
    const indices = needed ? c.fresh('indices') : '';
    if (indices) c.share(indicesKey(c), indices);
    c.nodes('MaxPool', c.inputs, indices ? [c.outputs[0]!, indices] : [c.outputs[0]!], onnxPool(c));
  },
  tfjs({ tf, inputs, attributes: a }) {
    const x = tfjsPadded(tf, inputs[0]!, a, -3e38);
    return [fromNhwc(tf, tf.maxPool(x, a.kernel as [number, number], a.strides as [number, number], 'valid'))];
  },
  reach: poolReach,
});

/** Sends the gradient of each window to its largest element (the first on ties). Inputs x, g. */
const MaxPoolGradOp = defineOp<PoolAttributes>({
  name: 'MaxPool2dGrad',
  rows: everyInputRows,
  infer: ([x]) => [{ shape: x!.shape, dtype: 'float32' }],
  reference([x, g], a) {
    const dx = new Float64Array(x!.data.length);
    forEachWindow(x!.shape, a, (window) => {
      dx[argmax(x!, window)]! += g!.data[window.out]!;
    });
    return [dx];
  },
  onnx(c) {
    if (c.device !== 'cpu') return portableMaxPoolGrad(c, onnxPool(c));
    scatter(c, maxIndices(c), c.inputs[1]!);
  },
  // No TensorFlow.js kernel for it exists on every backend, so the scatter is done on the host.
  tfjs({ tf, inputs, attributes: a }) {
    const [x, g] = inputs.map((t): NdArray => ({ shape: t.shape, data: Float64Array.from(t.dataSync()) }));
    const dx = new Float32Array(x!.data.length);
    forEachWindow(x!.shape, a, (window) => {
      dx[argmax(x!, window)]! += g!.data[window.out]!;
    });
    return [tf.tensor(dx, [...x!.shape])];
  },
  // What a place gets depends on all that stands with it in a window.
  reach(c) {
    const windows = poolBox(c.box, c, c.attributes.size, windowsOver);
    return [windows && poolBox(windows, c, c.inputs[0]!.shape.slice(2), underWindow), windows];
  },
});

/** Flat index within its plane of the first element of each window, [oh * ow]; negative where padding comes first. */
function windowOrigins(x: Shape, a: PoolAttributes): number[] {
  const along = (i: 0 | 1): number[] => Array.from({ length: a.size[i]! }, (_, p) => p * a.strides[i]! - a.pads[i]!);
  return along(0).flatMap((row) => along(1).map((column) => row * x[3]! + column));
}

/** For each place in a window, row by row, how far its flat index is from that of the window's first element. */
const placeOffsets = ([, , , w]: Shape, { kernel: [kh, kw] }: PoolAttributes): number[] =>
  Array.from({ length: kh! * kw! }, (_, place) => Math.floor(place / kw!) * w! + (place % kw!));

/** Indices into all planes, [n * c, oh, ow], less what `windowOrigins` and the planes before account for. */
function originsInAllPlanes(c: OnnxContext<PoolAttributes>, x: Shape): string {
  const planes = x[0]! * x[1]!;
  const size = x[2]! * x[3]!;
  const plane = c.integers(
    Array.from({ length: planes }, (_, i) => i * size),
    [planes, 1, 1],
  );
  return c.node('Add', [plane, c.integers(windowOrigins(x, c.attributes), [1, ...c.attributes.size])]);
}

/**
 * Where in its window the largest element of each window is (the first on ties), counted row by row, as bytes: all that
 * the gradient of a pooling needs. For kernels of at most 255 places.
 */
const MaxPoolPlaceOp: OpDefinition<PoolAttributes> = defineOp<PoolAttributes>({
  name: 'MaxPool2dPlace',
  rows: everyInputRows,
  infer: ([x], a) => {
    if (a.kernel[0]! * a.kernel[1]! > 255) {
      throw new NeuroreelError('GRAPH_INVALID', `Places in a window of ${showShape(a.kernel)} do not fit in a byte.`);
    }
    return [{ shape: inferPool(x!.shape, a), dtype: 'uint8' }];
  },
  gradient: () => [null],
  reference([x], a, [out]) {
    const places = new Float64Array(sizeOf(out!.shape));
    const origins = windowOrigins(x!.shape, a);
    const w = x!.shape[3]!;
    forEachWindow(x!.shape, a, (window) => {
      const within = argmax(x!, window) - window.plane * x!.shape[2]! * w;
      const offset = within - origins[window.out % origins.length]!;
      places[window.out] = Math.floor(offset / w) * a.kernel[1]! + (offset % w);
    });
    return [places];
  },
  onnx(c) {
    if (c.device !== 'cpu') return portableMaxPoolPlaces(c, onnxPool(c));
    const x = c.inputTypes[0]!.shape;
    const [, , oh, ow] = c.outputTypes[0]!.shape as [number, number, number, number];
    const indices = c.node('Reshape', [maxIndices(c), c.integers([x[0]! * x[1]!, oh, ow])]);
    const offset = c.node('Sub', [indices, originsInAllPlanes(c, x)]);
    const offsets = placeOffsets(x, c.attributes);
    const placeOf = new Array<number>(Math.max(...offsets) + 1).fill(0);
    offsets.forEach((distance, place) => (placeOf[distance] = place));
    const table = c.node('Cast', [c.integers(placeOf)], { to: 2 });
    const places = c.node('Gather', [table, offset], { axis: 0 });
    c.node('Reshape', [places, c.integers(c.outputTypes[0]!.shape)], {}, c.outputs[0]);
  },
  tfjs({ tf, inputs, attributes: a, outputTypes }) {
    const x: NdArray = { shape: inputs[0]!.shape, data: Float64Array.from(inputs[0]!.dataSync()) };
    const [places] = MaxPoolPlaceOp.reference([x], a, outputTypes);
    return [tf.tensor(Int32Array.from(places!), [...outputTypes[0]!.shape], 'int32')];
  },
});

type ScatterAttributes = PoolAttributes & { input: readonly number[] };

/** The gradient of a max pooling from the places of the maxima. Inputs places, g; `input`: height and width pooled. */
const MaxPoolScatterOp: OpDefinition<ScatterAttributes> = defineOp<ScatterAttributes>({
  name: 'MaxPool2dScatter',
  rows: everyInputRows,
  infer: ([places, g], { input }) => {
    if (!sameShape(places!.shape, g!.shape)) {
      throw new NeuroreelError('GRAPH_INVALID', `Places ${showShape(places!.shape)} for ${showShape(g!.shape)}.`);
    }
    return [{ shape: [g!.shape[0]!, g!.shape[1]!, ...input], dtype: 'float32' }];
  },
  reference([places, g], a, [out]) {
    const dx = new Float64Array(sizeOf(out!.shape));
    const origins = windowOrigins(out!.shape, a);
    const offsets = placeOffsets(out!.shape, a);
    const plane = a.input[0]! * a.input[1]!;
    g!.data.forEach((v, i) => {
      const first = Math.floor(i / origins.length) * plane + origins[i % origins.length]!;
      dx[first + offsets[places!.data[i]!]!]! += v;
    });
    return [dx];
  },
  onnx(c) {
    if (c.device !== 'cpu') return portableMaxPoolScatter(c);
    const out = c.outputTypes[0]!.shape;
    const planes = out[0]! * out[1]!;
    const places = c.node('Reshape', [c.inputs[0]!, c.integers([planes, ...c.attributes.size])]);
    const table = c.integers(placeOffsets(out, c.attributes));
    const offsets = c.node('Gather', [table, c.node('Cast', [places], { to: 6 })], { axis: 0 });
    scatter(c, c.node('Add', [offsets, originsInAllPlanes(c, out)]), c.inputs[1]!);
  },
  tfjs({ tf, inputs, attributes: a, outputTypes }) {
    const [places, g] = inputs.map((t): NdArray => ({ shape: t.shape, data: Float64Array.from(t.dataSync()) }));
    const [dx] = MaxPoolScatterOp.reference([places!, g!], a, outputTypes);
    return [tf.tensor(Float32Array.from(dx!), [...outputTypes[0]!.shape])];
  },
});

/** 1 / divisor of each window of an average pooling, [oh * ow]. */
function inverseDivisors(x: Shape, a: PoolAttributes): Float32Array {
  const whole = a.kernel[0]! * a.kernel[1]!;
  const along = (i: 0 | 1): number[] =>
    Array.from({ length: a.size[i]! }, (_, p) => {
      const start = p * a.strides[i]! - a.pads[i]!;
      if (a.divisor === 'padded') return Math.min(start + a.kernel[i]!, x[i + 2]! + a.pads[i]!) - start;
      return Math.min(start + a.kernel[i]!, x[i + 2]!) - Math.max(0, start);
    });
  const [rows, cols] = [along(0), along(1)];
  return Float32Array.from(rows.flatMap((r) => cols.map((c) => 1 / (a.divisor === 'kernel' ? whole : r * c))));
}

const AveragePoolOp: OpDefinition<PoolAttributes> = defineOp({
  name: 'AveragePool2d',
  rows: everyInputRows,
  infer: ([x], a) => [{ shape: inferPool(x!.shape, a), dtype: 'float32' }],
  gradient: ({ b, inputs, grads, attributes }) => [
    b.node(AveragePoolGradOp, [grads[0]!], { ...attributes, input: inputs[0]!.shape.slice(2) })[0]!,
  ],
  reference([x], a, [out]) {
    const y = new Float64Array(sizeOf(out!.shape));
    const inverse = inverseDivisors(x!.shape, a);
    const [, , h, w] = x!.shape as [number, number, number, number];
    forEachWindow(x!.shape, a, ({ out: o, rows, cols, plane }) => {
      for (let r = rows[0]; r < rows[1]; r++) {
        for (let c = cols[0]; c < cols[1]; c++) y[o]! += x!.data[(plane * h + r) * w + c]!;
      }
      y[o]! *= inverse[o % inverse.length]!;
    });
    return [y];
  },
  onnx(c) {
    const x = c.inputTypes[0]!.shape;
    const kernel = c.attributes.kernel[0]! * c.attributes.kernel[1]!;
    const inverse = inverseDivisors(x, c.attributes).map((v) => v * kernel);
    const even = inverse.every((v) => v === 1);
    const options = { ...onnxPool(c), count_include_pad: 1 };
    const pooled = c.node('AveragePool', c.inputs, options, even ? c.outputs[0] : undefined);
    if (!even) c.node('Mul', [pooled, c.floats(inverse, [1, 1, ...c.attributes.size])], {}, c.outputs[0]);
  },
  tfjs({ tf, inputs, attributes: a }) {
    const x = tfjsPadded(tf, inputs[0]!, a, 0);
    const pooled = fromNhwc(tf, tf.avgPool(x, a.kernel as [number, number], a.strides as [number, number], 'valid'));
    const kernel = a.kernel[0]! * a.kernel[1]!;
    const inverse = inverseDivisors(inputs[0]!.shape, a).map((v) => v * kernel);
    return [tf.mul(pooled, tf.tensor(inverse, [1, 1, ...a.size]))];
  },
  reach: poolReach,
});

type AverageGradAttributes = PoolAttributes & { input: readonly number[] };

/** Spreads the gradient of each window evenly over the window. Input g. */
const AveragePoolGradOp = defineOp<AverageGradAttributes>({
  name: 'AveragePool2dGrad',
  rows: everyInputRows,
  infer: ([g], a) => [{ shape: [g!.shape[0]!, g!.shape[1]!, ...a.input], dtype: 'float32' }],
  gradient: ({ b, grads, attributes: { input: _input, ...a } }) => [b.node(AveragePoolOp, [grads[0]!], a)[0]!],
  reference([g], a, [out]) {
    const dx = new Float64Array(sizeOf(out!.shape));
    const inverse = inverseDivisors(out!.shape, a);
    const [, , h, w] = out!.shape as [number, number, number, number];
    forEachWindow(out!.shape, a, ({ out: o, rows, cols, plane }) => {
      const share = g!.data[o]! * inverse[o % inverse.length]!;
      for (let r = rows[0]; r < rows[1]; r++) {
        for (let c = cols[0]; c < cols[1]; c++) dx[(plane * h + r) * w + c]! += share;
      }
    });
    return [dx];
  },
  // A depthwise transposed convolution with ones.
  onnx(c) {
    const a = c.attributes;
    const shape = c.outputTypes[0]!.shape;
    const channels = shape[1]!;
    const g = c.node('Mul', [c.inputs[0]!, c.floats(inverseDivisors(shape, a), [1, 1, ...a.size])]);
    const ones = c.floats(new Float32Array(channels * a.kernel[0]! * a.kernel[1]!).fill(1), [channels, 1, ...a.kernel]);
    const full = c.node('ConvTranspose', [g, ones], { strides: a.strides, group: channels });
    const rest = [0, 1].map((i) => (a.size[i]! - 1) * a.strides[i]! + a.kernel[i]!);
    const missing = rest.map((r, i) => Math.max(0, a.pads[i]! + a.input[i]! - r));
    const padded = missing.some((m) => m > 0)
      ? c.node('Pad', [full, c.integers([0, 0, 0, 0, 0, 0, ...missing])], { mode: 'constant' })
      : full;
    const ends = a.pads.map((p, i) => p + a.input[i]!);
    c.node('Slice', [padded, c.integers(a.pads), c.integers(ends), c.integers([2, 3])], {}, c.outputs[0]);
  },
  tfjs({ tf, inputs, outputTypes, attributes: a }) {
    const shape = outputTypes[0]!.shape;
    const inverse = inverseDivisors(shape, a);
    const g = Float32Array.from(inputs[0]!.dataSync(), (v, i) => v * inverse[i % inverse.length]!);
    const dx = new Float32Array(sizeOf(shape));
    const [, , h, w] = shape as [number, number, number, number];
    forEachWindow(shape, a, ({ out: o, rows, cols, plane }) => {
      for (let r = rows[0]; r < rows[1]; r++) {
        for (let c = cols[0]; c < cols[1]; c++) dx[(plane * h + r) * w + c]! += g[o]!;
      }
    });
    return [tf.tensor(dx, [...shape])];
  },
  reach: (c) => [poolBox(c.box, c, c.attributes.size, windowsOver)],
});

/** Output extent of a pooling; `ceil` rounds up as Caffe does and drops a window that would start beyond the input. */
export function pooledSize(
  input: number,
  kernel: number,
  stride: number,
  pads: readonly [number, number],
  ceil: boolean,
): number {
  const steps = (input + pads[0] + pads[1] - kernel) / stride;
  const size = (ceil ? Math.ceil(steps) : Math.floor(steps)) + 1;
  return ceil && (size - 1) * stride >= input + pads[0] ? size - 1 : size;
}

export interface PoolOptions {
  readonly kernel: readonly [number, number];
  readonly strides?: readonly [number, number];
  /** Top, left, bottom, right. */
  readonly pads?: readonly [number, number, number, number];
  readonly ceil?: boolean;
}

function attributesOf(x: Value, { kernel, strides, pads, ceil }: PoolOptions): PoolAttributes {
  const p = pads ?? [0, 0, 0, 0];
  const s = strides ?? kernel;
  const size = ([0, 1] as const).map((i) =>
    pooledSize(x.shape[i + 2]!, kernel[i], s[i], [p[i], p[i + 2]!], ceil ?? false),
  );
  return { kernel: [...kernel], strides: [...s], pads: [p[0], p[1]], size };
}

/**
 * Max pooling. Of a rectifier it is the rectifier of the max pooling, since both keep the order of numbers: so made, the
 * rectifier and its gradient have to look at the maxima only.
 */
export function maxPool2d(b: GraphBuilder, x: Value, options: PoolOptions): Value {
  const before = b.producer(x);
  if (before?.op === 'Relu') {
    const { slope } = before.attributes as { slope: number };
    return relu(b, maxPool2d(b, b.value(before.inputs[0]!), options), slope);
  }
  return b.node(MaxPoolOp, [x], attributesOf(x, options))[0]!;
}

/** Places of the maxima in their windows, bytes [N, C, oh, ow]; see `MaxPoolPlaceOp`. */
export const maxPool2dPlace = (b: GraphBuilder, x: Value, options: PoolOptions): Value =>
  b.node(MaxPoolPlaceOp, [x], attributesOf(x, options))[0]!;

/** The gradient of a max pooling of `x` from the places of its maxima. */
export const maxPool2dScatter = (b: GraphBuilder, places: Value, g: Value, x: Value, options: PoolOptions): Value =>
  b.node(MaxPoolScatterOp, [places, g], { ...attributesOf(x, options), input: x.shape.slice(2) })[0]!;

/** Average pooling; `divisor` as in `PoolAttributes`, the window within the input by default. */
export const averagePool2d = (
  b: GraphBuilder,
  x: Value,
  options: PoolOptions & { divisor?: 'input' | 'padded' | 'kernel' },
): Value => b.node(AveragePoolOp, [x], { ...attributesOf(x, options), divisor: options.divisor ?? 'input' })[0]!;

export const poolOps = [MaxPoolOp, MaxPoolGradOp, MaxPoolPlaceOp, MaxPoolScatterOp, AveragePoolOp, AveragePoolGradOp];
