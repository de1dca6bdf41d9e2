/**
 * Two-dimensional convolution, its transpose and its weight gradient: three ops that are each other's gradients.
 * Layout NCHW; weights [out, in / groups, kh, kw] as seen by the convolution.
 */
import type { GraphBuilder, Value } from '../graph/graph.js';
import { showShape, sizeOf, type Shape } from '../graph/shape.js';
import { NeuroreelError } from '../../protocol/errors.js';
import { tfjsTransposedGroup } from './conv-transpose-tfjs.js';
import { defineOp, type Box, type Interval, type OnnxContext, type ReachContext } from './definition.js';
import { sum } from './reduce.js';
import { reshape } from './layout.js';
import { boxOf, channelsOfGroups, everything, underWindow, wholeBox, windowsOver, type Sliding } from './reach.js';
import type * as tfjs from '@tensorflow/tfjs';
import { firstInputRows } from './rows.js';

export type ConvAttributes = {
  /** Vertical, horizontal. */
  strides: readonly number[];
  /** Top, left, bottom, right. */
  pads: readonly number[];
  dilations: readonly number[];
  groups: number;
};
type SizedConvAttributes = ConvAttributes & { size: readonly number[] };

function invalid(message: string): never {
  throw new NeuroreelError('GRAPH_INVALID', message);
}

/** Extent of a convolution's output along one spatial axis (0: height, 1: width). */
function extent(input: number, kernel: number, a: ConvAttributes, axis: 0 | 1): number {
  const reach = a.dilations[axis]! * (kernel - 1) + 1;
  return Math.floor((input + a.pads[axis]! + a.pads[axis + 2]! - reach) / a.strides[axis]!) + 1;
}

function checkAttributes({ strides, pads, dilations, groups }: ConvAttributes): void {
  const positive = [...strides, ...dilations, groups].every((n) => Number.isInteger(n) && n > 0);
  const whole = pads.every((n) => Number.isInteger(n) && n >= 0);
  if (!positive || !whole || strides.length !== 2 || dilations.length !== 2 || pads.length !== 4) {
    invalid('A convolution has impossible strides, pads, dilations or groups.');
  }
}

/** Calls `visit` with flat indices of (convolution input, weight, convolution output) for every product. */
function forEachProduct(
  x: Shape,
  w: Shape,
  y: Shape,
  a: ConvAttributes,
  visit: (xi: number, wi: number, yi: number) => void,
): void {
  const [n, cin, h, wd] = x as [number, number, number, number];
  const [cout, cg, kh, kw] = w as [number, number, number, number];
  const [, , oh, ow] = y as [number, number, number, number];
  const perGroup = cout / a.groups;
  for (let b = 0; b < n; b++) {
    for (let o = 0; o < cout; o++) {
      const first = Math.floor(o / perGroup) * cg;
      for (let c = 0; c < cg; c++) {
        for (let i = 0; i < kh; i++) {
          for (let j = 0; j < kw; j++) {
            const wi = ((o * cg + c) * kh + i) * kw + j;
            for (let p = 0; p < oh; p++) {
              const row = p * a.strides[0]! - a.pads[0]! + i * a.dilations[0]!;
              if (row < 0 || row >= h) continue;
              for (let q = 0; q < ow; q++) {
                const col = q * a.strides[1]! - a.pads[1]! + j * a.dilations[1]!;
                if (col < 0 || col >= wd) continue;
                visit(((b * cin + first + c) * h + row) * wd + col, wi, ((b * cout + o) * oh + p) * ow + q);
              }
            }
          }
        }
      }
    }
  }
}

/** Multiply-accumulates of the convolution with this output and these weights; its two gradients cost the same. */
function convMacs(output: Shape, weights: Shape): number {
  return (sizeOf(output) * sizeOf(weights)) / weights[0]!;
}

/** How the kernel slides along a spatial axis (0: height, 1: width). */
const sliding = (a: ConvAttributes, weights: Shape, axis: 0 | 1): Sliding => ({
  kernel: weights[axis + 2]!,
  stride: a.strides[axis]!,
  pad: a.pads[axis]!,
  dilation: a.dilations[axis]!,
});

/** What of an input a part of the output depends on: `along` says it for the rows and columns. */
function convReach(
  { box, inputs, attributes: a, bounded }: ReachContext<ConvAttributes>,
  channels: Interval,
  along: (interval: Interval, window: Sliding, size: number | null) => Interval | null,
): (Box | null)[] {
  const [x, w, ...bias] = inputs;
  const places = ([0, 1] as const).map((axis) =>
    along(box[axis + 2]!, sliding(a, w!.shape, axis), bounded ? x!.shape[axis + 2]! : null),
  );
  return [boxOf([box[0]!, channels, ...places]), wholeBox(w!.shape), ...bias.map(({ shape }) => wholeBox(shape))];
}

const onnxAttributes = (a: ConvAttributes): Record<string, number | readonly number[]> => ({
  strides: a.strides,
  pads: a.pads,
  dilations: a.dilations,
  group: a.groups,
});

/** y = conv(x, w) + bias; inputs x [N,C,H,W], w [O,C/g,kh,kw], optionally bias [O]. */
const Conv2dOp = defineOp<ConvAttributes>({
  name: 'Conv2d',
  rows: firstInputRows,
  infer([x, w, bias], a) {
    checkAttributes(a);
    const [n, c, h, wd] = x!.shape;
    const [o, cg, kh, kw] = w!.shape;
    if (x!.shape.length !== 4 || w!.shape.length !== 4 || c !== cg! * a.groups || o! % a.groups !== 0) {
      invalid(`Conv2d: input ${showShape(x!.shape)} does not fit weights ${showShape(w!.shape)}, groups ${a.groups}.`);
    }
    if (bias && sizeOf(bias.shape) !== o) invalid(`Conv2d: ${sizeOf(bias.shape)} biases for ${o} channels.`);
    const size = [extent(h!, kh!, a, 0), extent(wd!, kw!, a, 1)];
    if (size.some((s) => s < 1)) invalid(`Conv2d: a ${kh}x${kw} kernel does not fit in ${h}x${wd}.`);
    return [{ shape: [n!, o!, ...size], dtype: 'float32' }];
  },
  gradient({ b, inputs, grads, wants, attributes }) {
    const [x, w, bias] = inputs as [Value, Value, Value?];
    const g = grads[0]!;
    return [
      wants[0] ? convTranspose2d(b, g, w, { ...attributes, size: x.shape.slice(2) }) : null,
      wants[1] ? conv2dWeightGrad(b, x, g, { ...attributes, size: w.shape.slice(2) }) : null,
      ...(bias ? [wants[2] ? reshape(b, sum(b, g, [0, 2, 3]), bias.shape) : null] : []),
    ];
  },
  reference([x, w, bias], a, [out]) {
    const y = new Float64Array(sizeOf(out!.shape));
    const [, o, oh, ow] = out!.shape;
    if (bias) y.forEach((_, i) => (y[i] = bias.data[Math.floor(i / (oh! * ow!)) % o!]!));
    forEachProduct(x!.shape, w!.shape, out!.shape, a, (xi, wi, yi) => {
      y[yi]! += x!.data[xi]! * w!.data[wi]!;
    });
    return [y];
  },
  onnx(c) {
    c.node('Conv', c.inputs, onnxAttributes(c.attributes), c.outputs[0]);
  },
  tfjs: ({ tf, inputs, attributes }) => [tfjsConv(tf, inputs, attributes)],
  reach(c) {
    const [o, cg] = c.inputs[1]!.shape as [number, number];
    return convReach(c, channelsOfGroups(c.box[1]!, o / c.attributes.groups, cg), underWindow);
  },
  macs: ([, w], [y]) => convMacs(y!.shape, w!.shape),
});

/**
 * The transpose of `Conv2d`: its gradient to the input, and the "deconvolution" of generators. Inputs g [N,O,oh,ow],
 * w [O,C/g,kh,kw], optionally bias [C]; output [N,C,size].
 */
const ConvTranspose2dOp = defineOp<SizedConvAttributes>({
  name: 'ConvTranspose2d',
  rows: firstInputRows,
  infer([g, w, bias], a) {
    checkAttributes(a);
    const [n, o, oh, ow] = g!.shape;
    const [wo, cg, kh, kw] = w!.shape;
    const fits =
      g!.shape.length === 4 &&
      w!.shape.length === 4 &&
      o === wo &&
      o! % a.groups === 0 &&
      extent(a.size[0]!, kh!, a, 0) === oh &&
      extent(a.size[1]!, kw!, a, 1) === ow;
    if (!fits) {
      invalid(
        `ConvTranspose2d: ${showShape(g!.shape)} with weights ${showShape(w!.shape)} cannot give ${showShape(a.size)}.`,
      );
    }
    if (bias && sizeOf(bias.shape) !== cg! * a.groups) invalid('ConvTranspose2d: wrong number of biases.');
    return [{ shape: [n!, cg! * a.groups, ...a.size], dtype: 'float32' }];
  },
  gradient({ b, inputs, grads, wants, attributes }) {
    const [x, w, bias] = inputs as [Value, Value, Value?];
    const g = grads[0]!;
    return [
      wants[0] ? conv2d(b, g, w, null, attributes) : null,
      wants[1] ? conv2dWeightGrad(b, g, x, { ...attributes, size: w.shape.slice(2) }) : null,
      ...(bias ? [wants[2] ? reshape(b, sum(b, g, [0, 2, 3]), bias.shape) : null] : []),
    ];
  },
  reference([g, w, bias], a, [out]) {
    const x = new Float64Array(sizeOf(out!.shape));
    const [, c, h, wd] = out!.shape;
    if (bias) x.forEach((_, i) => (x[i] = bias.data[Math.floor(i / (h! * wd!)) % c!]!));
    forEachProduct(out!.shape, w!.shape, g!.shape, a, (xi, wi, yi) => {
      x[xi]! += g!.data[yi]! * w!.data[wi]!;
    });
    return [x];
  },
  onnx: lowerConvTranspose,
  tfjs: ({ tf, inputs, attributes, outputTypes }) => [tfjsConvTranspose(tf, inputs, attributes, outputTypes[0]!.shape)],
  reach(c) {
    const [o, cg] = c.inputs[1]!.shape as [number, number];
    return convReach(c, channelsOfGroups(c.box[1]!, cg, o / c.attributes.groups), windowsOver);
  },
  macs: ([g, w]) => convMacs(g!.shape, w!.shape),
});

/** The gradient of `Conv2d` to its weights; inputs x [N,C,H,W], g [N,O,oh,ow]; `size` is the kernel's. */
const Conv2dWeightGradOp = defineOp<SizedConvAttributes>({
  name: 'Conv2dWeightGrad',
  infer([x, g], a) {
    checkAttributes(a);
    const [n, c, h, wd] = x!.shape;
    const [gn, o, oh, ow] = g!.shape;
    if (n !== gn || extent(h!, a.size[0]!, a, 0) !== oh || extent(wd!, a.size[1]!, a, 1) !== ow) {
      invalid(`Conv2dWeightGrad: ${showShape(x!.shape)} and ${showShape(g!.shape)} do not belong together.`);
    }
    return [{ shape: [o!, c! / a.groups, ...a.size], dtype: 'float32' }];
  },
  gradient({ b, inputs, grads, wants, attributes }) {
    const [x, g] = inputs as [Value, Value];
    const w = grads[0]!;
    return [
      wants[0] ? convTranspose2d(b, g, w, { ...attributes, size: x.shape.slice(2) }) : null,
      wants[1] ? conv2d(b, x, w, null, attributes) : null,
    ];
  },
  reference([x, g], a, [out]) {
    const w = new Float64Array(sizeOf(out!.shape));
    forEachProduct(x!.shape, out!.shape, g!.shape, a, (xi, wi, yi) => {
      w[wi]! += x!.data[xi]! * g!.data[yi]!;
    });
    return [w];
  },
  onnx: lowerWeightGrad,
  tfjs: ({ tf, inputs, attributes, outputTypes }) => [tfjsWeightGrad(tf, inputs, attributes, outputTypes[0]!.shape)],
  reach: everything,
  macs: ([, g], [w]) => convMacs(g!.shape, w!.shape),
});

/** Weights [O, C/g, kh, kw] as the flipped [C, O/g, kh, kw] with which a stride-1 transpose is a plain convolution. */
function flippedWeights(data: Float32Array, shape: Shape, groups: number): Float32Array {
  const [o, cg, kh, kw] = shape as [number, number, number, number];
  const og = o / groups;
  const flipped = new Float32Array(data.length);
  for (let group = 0; group < groups; group++) {
    for (let k = 0; k < og; k++) {
      for (let c = 0; c < cg; c++) {
        for (let t = 0; t < kh * kw; t++) {
          const from = ((group * og + k) * cg + c) * kh * kw + t;
          const to = ((group * cg + c) * og + k) * kh * kw + (kh * kw - 1 - t);
          flipped[to] = data[from]!;
        }
      }
    }
  }
  return flipped;
}

function flippedInGraph(c: OnnxContext<SizedConvAttributes>): string {
  const [o, cg, kh, kw] = c.inputTypes[1]!.shape as [number, number, number, number];
  const { groups } = c.attributes;
  const flat = c.node('Reshape', [c.inputs[1]!, c.integers([groups, o / groups, cg, kh, kw])]);
  const swapped = c.node('Transpose', [flat], { perm: [0, 2, 1, 3, 4] });
  const joined = c.node('Reshape', [swapped, c.integers([groups * cg, o / groups, kh, kw])]);
  const end = -(2 ** 31);
  return c.node('Slice', [
    joined,
    c.integers([-1, -1]),
    c.integers([end, end]),
    c.integers([2, 3]),
    c.integers([-1, -1]),
  ]);
}

/** Where along one axis the outputs s*q + phase of a transposed convolution come from: kernel taps and padding. */
interface Phase {
  /** Taps in the order of the inputs that they meet. */
  readonly taps: readonly number[];
  readonly before: number;
  readonly after: number;
}

/**
 * The phases of a transposed convolution along one axis, or null where one of them is no plain convolution of all inputs.
 * Output s*q + a meets input i by the tap a + p - s*(i - q).
 */
function phasesOf(input: number, output: number, kernel: number, stride: number, pad: number): Phase[] | null {
  if (output % stride !== 0) return null;
  const phases = Array.from({ length: stride }, (_, a): Phase => {
    const first = (a + pad) % stride;
    const taps = Array.from({ length: Math.ceil((kernel - first) / stride) }, (_t, m) => first + m * stride).reverse();
    const last = Math.floor((a + pad) / stride);
    return { taps, before: taps.length - 1 - last, after: output / stride - input + last };
  });
  return phases.every(({ taps, before, after }) => taps.length > 0 && before >= 0 && after >= 0) ? phases : null;
}

/** Of weights [O, C, kh, kw], the taps of a phase as weights [C, O, rows, columns] of a convolution. */
function phaseWeights(
  data: Float32Array,
  [o, c, kh, kw]: readonly number[],
  rows: Phase,
  columns: Phase,
): Float32Array {
  const places = rows.taps.flatMap((y) => columns.taps.map((x) => y * kw! + x));
  const weights = new Float32Array(o! * c! * places.length);
  let at = 0;
  for (let j = 0; j < c!; j++) {
    for (let i = 0; i < o!; i++) {
      const from = (i * c! + j) * kh! * kw!;
      for (const place of places) weights[at++] = data[from + place]!;
    }
  }
  return weights;
}

/** Channels from which on separate phases pay: fewer are padded to a block of this size. */
const BLOCK = 16;

/**
 * A strided transpose of constant weights as a plain convolution for each phase of the stride, whose results are put into
 * each other's gaps. The runtime's own operator scatters the columns of a product on one core.
 * @returns false where that is not possible or does not pay.
 */
function lowerAsPhases(c: OnnxContext<SizedConvAttributes>): boolean {
  const { strides, pads, dilations, groups, size } = c.attributes;
  const data = c.constantData(1);
  const shape = c.inputTypes[1]!.shape;
  const [n, , h, w] = c.inputTypes[0]!.shape as [number, number, number, number];
  const channels = shape[1]!;
  if (!data || groups > 1 || channels < BLOCK || dilations.some((d) => d > 1)) return false;
  const rows = phasesOf(h, size[0]!, shape[2]!, strides[0]!, pads[0]!);
  const columns = phasesOf(w, size[1]!, shape[3]!, strides[1]!, pads[1]!);
  if (!rows || !columns) return false;
  const [ph, pw] = [size[0]! / rows.length, size[1]! / columns.length];
  const lines = rows.map((row) => {
    const parts = columns.map((column) => {
      const kernel = [channels, shape[0]!, row.taps.length, column.taps.length];
      const weights = c.floats(phaseWeights(data, shape, row, column), kernel);
      const inputs = [c.inputs[0]!, weights, ...c.inputs.slice(2)];
      const part = c.node('Conv', inputs, { pads: [row.before, column.before, row.after, column.after] });
      return c.node('Reshape', [part, c.integers([n, channels, ph, pw, 1])]);
    });
    return c.node('Reshape', [c.node('Concat', parts, { axis: 4 }), c.integers([n, channels, ph, 1, size[1]!])]);
  });
  c.node('Reshape', [c.node('Concat', lines, { axis: 3 }), c.integers(c.outputTypes[0]!.shape)], {}, c.outputs[0]);
  return true;
}

/** Stride 1 runs faster as a convolution with flipped weights, which for constant weights are made once, here. */
function lowerConvTranspose(c: OnnxContext<SizedConvAttributes>): void {
  const a = c.attributes;
  const shape = c.inputTypes[1]!.shape;
  const kernel = shape.slice(2);
  const reach = kernel.map((k, i) => a.dilations[i]! * (k - 1));
  const [g, w, bias] = c.inputs as [string, string, string?];
  const tail = bias === undefined ? [] : [bias];
  const pads = [0, 1, 2, 3].map((i) => reach[i % 2]! - a.pads[i]!);
  if (a.strides.every((s) => s === 1) && pads.every((p) => p >= 0)) {
    const data = c.constantData(1);
    const [o, cg, kh, kw] = shape as [number, number, number, number];
    const flipped = data
      ? c.floats(flippedWeights(data, shape, a.groups), [cg * a.groups, o / a.groups, kh, kw])
      : flippedInGraph(c);
    c.node('Conv', [g, flipped, ...tail], { ...onnxAttributes(a), pads }, c.outputs[0]);
    return;
  }
  if (lowerAsPhases(c)) return;
  const input = c.inputTypes[0]!.shape.slice(2);
  const natural = input.map((d, i) => (d - 1) * a.strides[i]! + reach[i]! + 1 - a.pads[i]! - a.pads[i + 2]!);
  const output_padding = natural.map((d, i) => a.size[i]! - d);
  c.node('ConvTranspose', [g, w, ...tail], { ...onnxAttributes(a), output_padding }, c.outputs[0]);
}

/** One matrix product of the gradient with the input's shifted copies: faster by 1.6 for plain stride-1 kernels. */
function lowerWeightGradAsProduct(c: OnnxContext<SizedConvAttributes>): void {
  const [top, left, bottom, right] = c.attributes.pads as [number, number, number, number];
  const [o, channels, kh, kw] = c.outputTypes[0]!.shape as [number, number, number, number];
  const [n, , oh, ow] = c.inputTypes[1]!.shape as [number, number, number, number];
  const places = n * oh * ow;
  const x = c.node('Transpose', [c.inputs[0]!], { perm: [1, 0, 2, 3] });
  const padded = c.node('Pad', [x, c.integers([0, 0, top, left, 0, 0, bottom, right])], { mode: 'constant' });
  const taps = Array.from({ length: kh * kw }, (_, tap) => {
    const [i, j] = [Math.floor(tap / kw), tap % kw];
    const under = c.node('Slice', [padded, c.integers([i, j]), c.integers([i + oh, j + ow]), c.integers([2, 3])]);
    return c.node('Reshape', [under, c.integers([channels, places])]);
  });
  const g = c.node('Transpose', [c.inputs[1]!], { perm: [1, 0, 2, 3] });
  const rows = c.node('Reshape', [g, c.integers([o, places])]);
  const product = c.node('Gemm', [rows, c.node('Concat', taps, { axis: 0 })], { transB: 1 });
  const split = c.node('Reshape', [product, c.integers([o, kh, kw, channels])]);
  c.node('Transpose', [split], { perm: [0, 3, 1, 2] }, c.outputs[0]);
}

/** The weight gradient is a convolution whose batch axis is the channels, with stride and dilation exchanged. */
function lowerWeightGrad(c: OnnxContext<SizedConvAttributes>): void {
  const a = c.attributes;
  const plain = a.groups === 1 && [...a.strides, ...a.dilations].every((s) => s === 1);
  if (plain && c.inputTypes[0]!.shape[1]! >= 16) return lowerWeightGradAsProduct(c);
  const [o, cg, kh, kw] = c.outputTypes[0]!.shape as [number, number, number, number];
  const part = (name: string, group: number, width: number): string =>
    a.groups === 1
      ? name
      : c.node('Slice', [name, c.integers([group * width]), c.integers([(group + 1) * width]), c.integers([1])]);
  const parts = Array.from({ length: a.groups }, (_, group) => {
    const x = c.node('Transpose', [part(c.inputs[0]!, group, cg)], { perm: [1, 0, 2, 3] });
    const g = c.node('Transpose', [part(c.inputs[1]!, group, o / a.groups)], { perm: [1, 0, 2, 3] });
    const full = c.node('Conv', [x, g], { strides: a.dilations, dilations: a.strides, pads: a.pads });
    const cut = c.node('Slice', [full, c.integers([0, 0]), c.integers([kh, kw]), c.integers([2, 3])]);
    return c.node('Transpose', [cut], { perm: [1, 0, 2, 3] });
  });
  c.node('Concat', parts, { axis: 0 }, c.outputs[0]);
}

type Tf = typeof tfjs;

/** The input padded, so that TensorFlow.js is only ever asked for 'valid' convolutions. */
function tfjsPadded(tf: Tf, x: tfjs.Tensor, [top, left, bottom, right]: readonly number[]): tfjs.Tensor4D {
  const widths: [number, number][] = [
    [0, 0],
    [0, 0],
    [top!, bottom!],
    [left!, right!],
  ];
  return tf.transpose(tf.pad(x, widths), [0, 2, 3, 1]) as tfjs.Tensor4D;
}

function tfjsGroups(tf: Tf, x: tfjs.Tensor, groups: number, axis: number): tfjs.Tensor[] {
  return groups === 1 ? [x] : tf.split(x, groups, axis);
}

function tfjsConv(tf: Tf, [x, w, bias]: readonly tfjs.Tensor[], a: ConvAttributes): tfjs.Tensor {
  const weights = tfjsGroups(tf, w!, a.groups, 0);
  const dilated = a.dilations.some((d) => d > 1);
  const strides = a.strides as [number, number];
  const parts = tfjsGroups(tf, tfjsPadded(tf, x!, a.pads), a.groups, 3).map((part, i) => {
    const kernel = tf.transpose(weights[i]!, [2, 3, 1, 0]) as tfjs.Tensor4D;
    const step = dilated ? 1 : strides;
    const y = tf.conv2d(part as tfjs.Tensor4D, kernel, step, 'valid', 'NHWC', a.dilations as [number, number]);
    // TensorFlow.js has strides or dilations, not both: the rest of a dense result is dropped.
    return dilated ? tf.stridedSlice(y, [0, 0, 0, 0], y.shape, [1, ...strides, 1]) : y;
  });
  const y = tf.transpose(tf.concat(parts, 3), [0, 3, 1, 2]);
  return bias ? tf.add(y, tf.reshape(bias, [1, -1, 1, 1])) : y;
}

function tfjsConvTranspose(
  tf: Tf,
  [g, w, bias]: readonly tfjs.Tensor[],
  a: SizedConvAttributes,
  out: Shape,
): tfjs.Tensor {
  const dilated = a.dilations.some((d) => d > 1);
  const weights = tfjsGroups(tf, w!, a.groups, 0);
  const parts = tfjsGroups(tf, dilated ? tfjsStuffed(tf, g!, w!, a, out) : tf.transpose(g!, [0, 2, 3, 1]), a.groups, 3);
  const results = parts.map((part, i) =>
    dilated ? tfjsDilated(tf, part, weights[i]!, a, out) : tfjsTransposedGroup(tf, part, weights[i]!, out, a),
  );
  const x = tf.transpose(tf.concat(results, 3), [0, 3, 1, 2]);
  return bias ? tf.add(x, tf.reshape(bias, [1, -1, 1, 1])) : x;
}

/** The input with zeros between its numbers and around them, NHWC. */
function tfjsStuffed(tf: Tf, g: tfjs.Tensor, w: tfjs.Tensor, a: SizedConvAttributes, out: Shape): tfjs.Tensor {
  const [n, o, oh, ow] = g.shape as [number, number, number, number];
  const [, , kh, kw] = w.shape as [number, number, number, number];
  const [sy, sx] = a.strides as [number, number];
  const stuffed = tf.reshape(
    tf.pad(tf.reshape(g, [n, o, oh, 1, ow, 1]), [
      [0, 0],
      [0, 0],
      [0, 0],
      [0, sy - 1],
      [0, 0],
      [0, sx - 1],
    ]),
    [n, o, oh * sy, ow * sx],
  );
  const before = [a.dilations[0]! * (kh - 1), a.dilations[1]! * (kw - 1)];
  const after = before.map((r, i) => Math.max(0, r + out[i + 2]! + a.pads[i]! - stuffed.shape[i + 2]!));
  return tfjsPadded(tf, stuffed, [before[0]!, before[1]!, after[0]!, after[1]!]);
}

/** A group of a transposed convolution with dilations, which no backend has: a plain one of the stuffed input. */
function tfjsDilated(tf: Tf, stuffed: tfjs.Tensor, w: tfjs.Tensor, a: SizedConvAttributes, out: Shape): tfjs.Tensor {
  const kernel = tf.reverse(tf.transpose(w, [2, 3, 0, 1]), [0, 1]) as tfjs.Tensor4D;
  const full = tf.conv2d(stuffed as tfjs.Tensor4D, kernel, 1, 'valid', 'NHWC', a.dilations as [number, number]);
  return tf.slice(full, [0, a.pads[0]!, a.pads[1]!, 0], [out[0]!, out[2]!, out[3]!, w.shape[1]!]);
}

/** One matrix product per kernel tap: the columns of the input under that tap against the gradient. */
function tfjsWeightGrad(tf: Tf, [x, g]: readonly tfjs.Tensor[], a: SizedConvAttributes, out: Shape): tfjs.Tensor {
  const [o, cg, kh, kw] = out as [number, number, number, number];
  const [n, , oh, ow] = g!.shape as [number, number, number, number];
  const [sy, sx] = a.strides as [number, number];
  const xs = tfjsGroups(tf, tfjsPadded(tf, x!, a.pads), a.groups, 3);
  const gs = tfjsGroups(tf, tf.transpose(g!, [0, 2, 3, 1]), a.groups, 3);
  const parts = xs.map((xg, group) => {
    const rows = tf.transpose<tfjs.Tensor2D>(tf.reshape<tfjs.Rank.R2>(gs[group]!, [n * oh * ow, o / a.groups]), [1, 0]);
    const taps: tfjs.Tensor[] = [];
    for (let i = 0; i < kh; i++) {
      for (let j = 0; j < kw; j++) {
        const begin = [0, i * a.dilations[0]!, j * a.dilations[1]!, 0];
        const end = [n, begin[1]! + (oh - 1) * sy + 1, begin[2]! + (ow - 1) * sx + 1, cg];
        const under = tf.stridedSlice(xg, begin, end, [1, sy, sx, 1]);
        taps.push(tf.matMul(rows, tf.reshape<tfjs.Rank.R2>(under, [n * oh * ow, cg])));
      }
    }
    return tf.reshape(tf.stack(taps, 2), [o / a.groups, cg, kh, kw]);
  });
  return tf.concat(parts, 0);
}

const PLAIN: ConvAttributes = { strides: [1, 1], pads: [0, 0, 0, 0], dilations: [1, 1], groups: 1 };

/** Convolution; attributes not given are stride 1, no padding, dilation 1, one group. */
export function conv2d(
  b: GraphBuilder,
  x: Value,
  w: Value,
  bias: Value | null,
  { strides, pads, dilations, groups }: Partial<ConvAttributes> = {},
): Value {
  const attributes = {
    strides: [...(strides ?? PLAIN.strides)],
    pads: [...(pads ?? PLAIN.pads)],
    dilations: [...(dilations ?? PLAIN.dilations)],
    groups: groups ?? 1,
  };
  return b.node(Conv2dOp, bias ? [x, w, bias] : [x, w], attributes)[0]!;
}

/** Transposed convolution to the spatial size `size`; without it, the smallest size that the stride allows. */
export function convTranspose2d(
  b: GraphBuilder,
  x: Value,
  w: Value,
  options: Partial<ConvAttributes> & { size?: readonly number[]; bias?: Value },
): Value {
  const { bias, size, strides, pads, dilations, groups } = options;
  const a = {
    strides: [...(strides ?? PLAIN.strides)],
    pads: [...(pads ?? PLAIN.pads)],
    dilations: [...(dilations ?? PLAIN.dilations)],
    groups: groups ?? 1,
  };
  const smallest = [0, 1].map(
    (i) =>
      (x.shape[i + 2]! - 1) * a.strides[i]! + a.dilations[i]! * (w.shape[i + 2]! - 1) + 1 - a.pads[i]! - a.pads[i + 2]!,
  );
  return b.node(ConvTranspose2dOp, bias ? [x, w, bias] : [x, w], { ...a, size: [...(size ?? smallest)] })[0]!;
}

function conv2dWeightGrad(b: GraphBuilder, x: Value, g: Value, a: SizedConvAttributes): Value {
  const { strides, pads, dilations, groups, size } = a;
  return b.node(Conv2dWeightGradOp, [x, g], { strides, pads, dilations, groups, size: [...size] })[0]!;
}

export const convOps = [Conv2dOp, ConvTranspose2dOp, Conv2dWeightGradOp];
