/** Convolutions and their transposes over one, two or three axes of places. */
import { z } from 'zod';
import type { Value } from '../../../graph/graph.js';
import type { Shape } from '../../../graph/shape.js';
import { conv2d, convTranspose2d, type ConvAttributes } from '../../../ops/conv.js';
import { concat, gather, padAxis, sliceAxis } from '../../../ops/layout.js';
import { Once, reshaped, strided, transposed, type Known } from '../known.js';
import { invalid, laneAxis, unsupported, view, type Live } from '../live.js';
import { sameMargins, windowAttributes, windowsOf, type Window, type WindowAttributes } from '../windows.js';
import {
  defineOnnxOp,
  extent,
  extents,
  knownOf,
  liveOf,
  margins,
  optionalKnown,
  type BuildContext,
} from './definition.js';

/** Groups, weights and biases of a convolution. */
interface Kernel {
  readonly groups: number;
  readonly weights: Known;
  readonly bias: Value | null;
  /** Stands for the node. */
  readonly key: object;
}

/** [N, C, places]: each picture of the batch may be a lane, but nothing within it. */
function pictureOf(input: Live): { x: Live; channels: number; places: readonly number[] } {
  const places = input.shape.slice(2);
  if (places.length < 1 || places.length > 3) unsupported(`${places.length} axes of places`);
  input.shape.slice(1).forEach((_, i) => laneAxis(input, i + 1));
  return { x: input, channels: input.shape[1]!, places };
}

function biasOf(c: BuildContext, bias: Known | null, channels: number): Value | null {
  if (!bias) return null;
  if (bias.data.length !== channels) invalid(`it has ${bias.data.length} biases for ${channels} channels`);
  return c.d.constant(bias, `${c.name}.bias`, [channels]);
}

/** Attributes of the engine's convolution from the windows down and across. */
function planar([down, across]: readonly [Window, Window], groups: number): ConvAttributes {
  return {
    strides: [down.stride, across.stride],
    dilations: [down.dilation, across.dilation],
    pads: [down.before, across.before, down.after, across.after],
    groups,
  };
}

const NO_WINDOW: Window = { kernel: 1, stride: 1, dilation: 1, before: 0, after: 0 };

/** One or two axes of places as two. */
const flat = <T>(list: readonly T[], one: T): [T, T] => (list.length === 1 ? [one, list[0]!] : [list[0]!, list[1]!]);

/** Depth as the engine sees it: the taps of a kernel as channels. */
interface Taps {
  readonly depth: Window;
  /** Places along the depth that the result has. */
  readonly size: number;
  /** Where each tap begins to read, in the padded depth. */
  readonly starts: readonly number[];
}

/**
 * [lanes, C, D, H*W] to [lanes * size, groups * taps * C / groups, H*W]: what each tap of the depth sees, as channels, for
 * each place along the depth that the result has.
 */
function tapsAsChannels(c: BuildContext, x: Value, groups: number, { depth, size, starts }: Taps): Value {
  const { d } = c;
  const [, channels, , area] = x.shape as [number, number, number, number];
  const each = channels / groups;
  const grouped = d.reshape(x, [-1, groups, each, x.shape[2]!, area]);
  const rows = (start: number): Value => {
    if (depth.stride === 1 || size === 1) return sliceAxis(d.b, grouped, 3, start, start + size);
    return gather(
      d.b,
      grouped,
      Array.from({ length: size }, (_, i) => start + i * depth.stride),
      3,
    );
  };
  const all = concat(d.b, starts.map(rows), 2);
  const first = d.transpose(all, [0, 3, 1, 2, 4]);
  return d.reshape(first, [-1, channels * starts.length, area]);
}

/** [lanes * size, C, H*W] to [lanes, C, size, H*W]. */
function depthInside(c: BuildContext, y: Value, size: number): Value {
  const [, channels, height, width] = y.shape as [number, number, number, number];
  return c.d.transpose(c.d.reshape(y, [-1, size, channels, height * width]), [0, 2, 1, 3]);
}

function checkWeights(shape: Shape, channels: number, rank: number, groups: number, transposed: boolean): void {
  const own = transposed ? shape[0]! : shape[1]! * groups;
  if (shape.length !== rank || own !== channels || shape[0]! % groups !== 0 || shape.includes(0)) {
    invalid(`weights [${shape.join(', ')}] in ${groups} groups do not fit ${channels} channels`);
  }
}

/** Kernels of volumes with the taps of their depth as channels; made once, since a model is put into several graphs. */
const kernels = new Once<Known>();

/** The taps of a depth become input channels: [O, C, kd, kh, kw] to [O, kd * C, kh, kw]. */
function tapWeights(c: BuildContext, weights: Known): Known {
  const [o, each, kd, kh, kw] = weights.shape as [number, number, number, number, number];
  return reshaped(unnamed(transposed(c.budget, weights, [0, 2, 1, 3, 4])), [o, kd * each, kh, kw]);
}

const unnamed = ({ kind, shape, data }: Known): Known => ({ kind, shape, data });

function volumeConv(
  c: BuildContext,
  x: Live,
  windows: readonly Window[],
  { groups, weights, bias, key }: Kernel,
): Live {
  const { d } = c;
  const [depth, down, across] = windows as [Window, Window, Window];
  const [n, channels, length, height, width] = x.shape as [number, number, number, number, number];
  const whole = view(d, x, [channels, length, height * width]);
  const padded = padAxis(d.b, whole, 2, depth.before, depth.after);
  const size = Math.floor((padded.shape[2]! - (depth.kernel - 1) * depth.dilation - 1) / depth.stride) + 1;
  if (size < 1) invalid(`a kernel of ${depth.kernel} does not fit in ${length}`);
  const starts = Array.from({ length: depth.kernel }, (_, tap) => tap * depth.dilation);
  const stacked = tapsAsChannels(c, padded, groups, { depth, size, starts });
  const plane = d.reshape(stacked, [-1, stacked.shape[1]!, height, width]);
  const kernel = d.constant(
    kernels.get(key, () => tapWeights(c, weights)),
    `${c.name}.weight`,
  );
  const y = conv2d(d.b, plane, kernel, bias, planar([down, across], groups));
  return {
    shape: [n, ...[y.shape[1]!, size, y.shape[2]!, y.shape[3]!]],
    lanes: x.lanes,
    value: depthInside(c, y, size),
  };
}

const Conv = defineOnnxOp({
  attributes: z.strictObject({ ...windowAttributes, group: extent.default(1) }),
  inputs: [2, 3],
  build(c, [input, w, biases], a) {
    const { x, channels, places } = pictureOf(liveOf(input));
    const weights = knownOf(w, 'weights');
    checkWeights(weights.shape, channels, x.shape.length, a.group, false);
    const outputs = weights.shape[0]!;
    const bias = biasOf(c, optionalKnown(biases, 'biases'), outputs);
    const windows = windowsOf(places, a, weights.shape.slice(2));
    if (places.length === 3) return [volumeConv(c, x, windows, { groups: a.group, weights, bias, key: a })];
    const plane = view(c.d, x, [channels, ...flat(places, 1)]);
    const kernel = c.d.constant(weights, `${c.name}.weight`, [
      outputs,
      weights.shape[1]!,
      ...flat(weights.shape.slice(2), 1),
    ]);
    const y = conv2d(c.d.b, plane, kernel, bias, planar(flat(windows, NO_WINDOW), a.group));
    return [{ shape: [x.shape[0]!, outputs, ...y.shape.slice(4 - places.length)], lanes: x.lanes, value: y }];
  },
});

const transposeAttributes = z.strictObject({
  ...windowAttributes,
  group: extent.default(1),
  output_padding: margins.optional(),
  output_shape: extents.optional(),
});

/** A window along one axis of a transposed convolution, and the extent that it gives. */
interface Spread {
  readonly window: Window;
  readonly size: number;
}

/** Extents of a transposed convolution: from the pads, or the pads from the extents. */
function spreadsOf(
  places: readonly number[],
  kernel: readonly number[],
  a: z.output<typeof transposeAttributes>,
): Spread[] {
  const plain: WindowAttributes = { ...a, auto_pad: 'NOTSET' };
  const extra = a.output_padding ?? places.map(() => 0);
  const same = a.auto_pad === 'SAME_UPPER' || a.auto_pad === 'SAME_LOWER';
  const wanted = a.output_shape ?? (same ? places.map((place, i) => place * (a.strides?.[i] ?? 1)) : null);
  if (extra.length !== places.length || (wanted && wanted.length !== places.length)) {
    invalid('its output_padding or output_shape does not fit its input');
  }
  return windowsOf(places, plain, kernel).map((window, i) => {
    const full = (places[i]! - 1) * window.stride + extra[i]! + (window.kernel - 1) * window.dilation + 1;
    if (!wanted) return { window, size: full - window.before - window.after };
    const total = full - wanted[i]!;
    if (total < 0) unsupported(`an output_shape of ${wanted.join('x')}, larger than the convolution gives`);
    const [before, after] = sameMargins(total, a.auto_pad === 'SAME_UPPER');
    return { window: { ...window, before, after }, size: wanted[i]! };
  });
}

/** [C, O, kd, kh, kw] to [groups * kd * C / groups, O, kh, kw], as the taps of the depth are channels. */
function spreadWeights(c: BuildContext, weights: Known, groups: number): Known {
  const [channels, each, kd, kh, kw] = weights.shape as [number, number, number, number, number];
  const [inner, area] = [channels / groups, kh * kw];
  const strides = [inner * each * kd * area, area, each * kd * area, kd * area, 1];
  const moved = strided(c.budget, weights, [groups, kd, inner, each, area], strides);
  return reshaped(unnamed(moved), [channels * kd, each, kh, kw]);
}

/** A transpose along the depth is a convolution of the depth with zeros between its places. */
function volumeSpread(
  c: BuildContext,
  x: Live,
  spreads: readonly Spread[],
  { groups, weights, bias, key }: Kernel,
): Live {
  const { d } = c;
  const [{ window: depth, size }, down, across] = spreads as [Spread, Spread, Spread];
  const [n, channels, length, height, width] = x.shape as [number, number, number, number, number];
  const area = height * width;
  const apart = padAxis(d.b, view(d, x, [channels * length, 1, area]), 2, 0, depth.stride - 1);
  const long = d.reshape(apart, [-1, channels, length * depth.stride, area]);
  const reach = (depth.kernel - 1) * depth.dilation;
  const before = Math.max(0, reach - depth.before);
  const after = Math.max(0, size + depth.before - length * depth.stride);
  const padded = padAxis(d.b, long, 2, before, after);
  const starts = Array.from({ length: depth.kernel }, (_, tap) => before + depth.before - tap * depth.dilation);
  const stacked = tapsAsChannels(c, padded, groups, { depth: { ...depth, stride: 1 }, size, starts });
  const plane = d.reshape(stacked, [-1, stacked.shape[1]!, height, width]);
  const kernel = d.constant(
    kernels.get(key, () => spreadWeights(c, weights, groups)),
    `${c.name}.weight`,
  );
  const options = { ...planar([down.window, across.window], groups), size: [down.size, across.size] };
  const y = convTranspose2d(d.b, plane, kernel, { ...options, ...(bias && { bias }) });
  return { shape: [n, y.shape[1]!, size, down.size, across.size], lanes: x.lanes, value: depthInside(c, y, size) };
}

const ConvTranspose = defineOnnxOp({
  attributes: transposeAttributes,
  inputs: [2, 3],
  build(c, [input, w, biases], a) {
    const { x, channels, places } = pictureOf(liveOf(input));
    const weights = knownOf(w, 'weights');
    checkWeights(weights.shape, channels, x.shape.length, a.group, true);
    const outputs = weights.shape[1]! * a.group;
    const bias = biasOf(c, optionalKnown(biases, 'biases'), outputs);
    const spreads = spreadsOf(places, weights.shape.slice(2), a);
    if (spreads.some(({ size }) => size < 1)) invalid('nothing is left of its output');
    if (places.length === 3) return [volumeSpread(c, x, spreads, { groups: a.group, weights, bias, key: a })];
    const plane = view(c.d, x, [channels, ...flat(places, 1)]);
    const shape = [channels, weights.shape[1]!, ...flat(weights.shape.slice(2), 1)];
    const kernel = c.d.constant(weights, `${c.name}.weight`, shape);
    const [down, across] = flat(spreads, { window: NO_WINDOW, size: 1 });
    const options = { ...planar([down.window, across.window], a.group), size: [down.size, across.size] };
    const value = convTranspose2d(c.d.b, plane, kernel, { ...options, ...(bias && { bias }) });
    return [{ shape: [x.shape[0]!, outputs, ...spreads.map(({ size }) => size)], lanes: x.lanes, value }];
  },
});

export const convolutionOps = { Conv, ConvTranspose };
