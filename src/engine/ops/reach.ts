/**
 * Which elements of its inputs can influence given elements of an op's output: the parts that the ops' rules of reach are
 * made of. Receptive fields come from them (`analysis/receptive-field.ts`).
 */
import { sizeOf, type Shape } from '../graph/shape.js';
import type { Attributes, Box, Interval, ReachContext } from './definition.js';

/** All of a tensor. */
export const wholeBox = (shape: Shape): Box => shape.map((size): Interval => [0, size - 1]);

/** The rule of ops that mix everything: every element of every input. */
export const everything = ({ inputs }: Pick<ReachContext<Attributes>, 'inputs'>): Box[] =>
  inputs.map(({ shape }) => wholeBox(shape));

/** The smallest box that holds both. */
export const hull = (p: Box | null, q: Box | null): Box | null =>
  p && q ? p.map(([low, high], i): Interval => [Math.min(low, q[i]![0]), Math.max(high, q[i]![1])]) : (p ?? q);

/** What of an interval lies within `size` elements; null where nothing does. */
export function within([low, high]: Interval, size: number): Interval | null {
  const cut: Interval = [Math.max(low, 0), Math.min(high, size - 1)];
  return cut[0] <= cut[1] ? cut : null;
}

/** The box whose axes these are, or null when one of them is empty. */
export const boxOf = (axes: readonly (Interval | null)[]): Box | null =>
  axes.every((axis) => axis !== null) ? axes : null;

/** A box with some of its axes replaced. */
export const withAxes = (box: Box, axes: Readonly<Record<number, Interval | null>>): Box | null =>
  boxOf(box.map((interval, axis) => (axis in axes ? axes[axis]! : interval)));

function broadcasts(from: Shape, to: Shape): boolean {
  const lead = to.length - from.length;
  return lead >= 0 && from.every((size, i) => size === 1 || size === to[lead + i]);
}

/** The rule of ops without one: the same elements of what broadcasts to the output, all of what does not. */
export function elementwise({ box, output, inputs, outputs }: ReachContext<Attributes>): Box[] {
  const to = outputs[output]!.shape;
  return inputs.map(({ shape }) => {
    if (!broadcasts(shape, to)) return wholeBox(shape);
    const lead = to.length - shape.length;
    return shape.map((size, i): Interval => (size === 1 ? [0, 0] : box[lead + i]!));
  });
}

/** How a window slides along an axis: output i reads i * stride - pad + dilation * tap, taps 0 .. kernel - 1. */
export interface Sliding {
  readonly kernel: number;
  readonly stride: number;
  readonly pad: number;
  readonly dilation?: number;
}

/**
 * The positions that outputs low .. high of a sliding window read.
 * @param size extent of what it slides over, where that ends; null when it counts as endless.
 * @returns null where all of them are padding.
 */
export function underWindow([low, high]: Interval, window: Sliding, size: number | null): Interval | null {
  const { kernel, stride, pad, dilation = 1 } = window;
  if (size === null) return [low * stride - pad, high * stride - pad + dilation * (kernel - 1)];
  let [first, last] = [Infinity, -Infinity];
  for (let tap = 0; tap < kernel; tap++) {
    const shift = dilation * tap - pad;
    const from = Math.max(low, Math.ceil(-shift / stride));
    const to = Math.min(high, Math.floor((size - 1 - shift) / stride));
    if (from > to) continue;
    first = Math.min(first, from * stride + shift);
    last = Math.max(last, to * stride + shift);
  }
  return first <= last ? [first, last] : null;
}

/**
 * The reverse: the outputs of a sliding window that read any of the positions low .. high.
 * @param size number of outputs, where they end; null when they count as endless.
 */
export function windowsOver([low, high]: Interval, window: Sliding, size: number | null): Interval | null {
  const { kernel, stride, pad, dilation = 1 } = window;
  let [first, last] = [Infinity, -Infinity];
  for (let tap = 0; tap < kernel; tap++) {
    const shift = dilation * tap - pad;
    const from = Math.max(size === null ? -Infinity : 0, Math.ceil((low - shift) / stride));
    const to = Math.min(size === null ? Infinity : size - 1, Math.floor((high - shift) / stride));
    if (from > to) continue;
    first = Math.min(first, from);
    last = Math.max(last, to);
  }
  return first <= last ? [first + 0, last + 0] : null;
}

/** Channels that are in one group with any of low .. high, where groups have `own` of these and `other` of those. */
export function channelsOfGroups([low, high]: Interval, own: number, other: number): Interval {
  return [Math.floor(low / own) * other, (Math.floor(high / own) + 1) * other - 1];
}

/** Runs of axes of two shapes that hold the same elements: the finest cuts at which both can be taken apart. */
function sharedRuns(from: Shape, to: Shape): { from: number[]; to: number[] }[] {
  const runs: { from: number[]; to: number[] }[] = [];
  let [i, j] = [0, 0];
  while (i < from.length || j < to.length) {
    const run = { from: [] as number[], to: [] as number[] };
    let [p, q] = [1, 1];
    const takeFrom = (): void => void ((p *= from[i]!), run.from.push(i++));
    const takeTo = (): void => void ((q *= to[j]!), run.to.push(j++));
    if (i < from.length) takeFrom();
    if (j < to.length) takeTo();
    while (p !== q) {
      if (p < q) takeFrom();
      else takeTo();
    }
    runs.push(run);
  }
  return runs;
}

/** Intervals of axes of these sizes that hold the elements first .. last of their row-major order. */
function unflattened(first: number, last: number, sizes: readonly number[]): Interval[] {
  let rest = sizeOf(sizes);
  let [low, high] = [first, last];
  return sizes.map((size): Interval => {
    if (low > high) return [0, size - 1];
    rest /= size;
    const interval: Interval = [Math.floor(low / rest), Math.floor(high / rest)];
    // Once two rows are spanned, all of what is in a row may be meant.
    [low, high] = interval[0] === interval[1] ? [low % rest, high % rest] : [1, 0];
    return interval;
  });
}

/** A box of a reshaped tensor as one of the tensor before: axes that stay keep their interval. */
export function reshapedBox(box: Box, to: Shape, from: Shape): Box {
  const before = new Array<Interval>(from.length).fill([0, 0]);
  for (const run of sharedRuns(from, to)) {
    const [inner, outer] = [run.from.filter((i) => from[i]! > 1), run.to.filter((j) => to[j]! > 1)];
    if (inner.length === 0) continue;
    if (inner.length === 1 && outer.length === 1) {
      before[inner[0]!] = box[outer[0]!]!;
      continue;
    }
    let [first, last] = [0, 0];
    for (const j of outer) {
      const [low, high] = within(box[j]!, to[j]!) ?? [0, to[j]! - 1];
      [first, last] = [first * to[j]! + low, last * to[j]! + high];
    }
    const sizes = inner.map((i) => from[i]!);
    unflattened(first, last, sizes).forEach((interval, k) => (before[inner[k]!] = interval));
  }
  return before;
}
