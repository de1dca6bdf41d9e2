/**
 * How a Keras tensor lies in our graphs. Keras counts channels last, [N, H, W, C]; the engine channels first. Here axis
 * 1 is always the channel and the other axes keep their order: [H, W, C] is [N, C, H, W], [T, C] is [N, C, T], [C] is
 * [N, C]. Only wildcards stand for the batch and for an open first axis, so that graphs run for any number of either.
 */
import type { GraphBuilder, Value } from '../../graph/graph.js';
import { sizeOf } from '../../graph/shape.js';
import { reshape, transpose } from '../../ops/layout.js';

export interface KerasTensor {
  readonly value: Value;
  /** Shape as Keras has it, without the batch. */
  readonly shape: readonly number[];
  /**
   * Set on a vector that was flattened from this shape and whose elements are still in our order (C, H, W), not in
   * that of Keras (H, W, C). What reads it either permutes its weights or asks for `inKerasOrder`.
   */
  readonly flatFrom?: readonly number[];
}

/** The order of axes that takes channels-last to channels-first, for tensors of this many axes, batch included. */
const toFirst = (rank: number): number[] => [0, rank - 1, ...Array.from({ length: rank - 2 }, (_, i) => i + 1)];
const toLast = (rank: number): number[] => [0, ...Array.from({ length: rank - 2 }, (_, i) => i + 2), 1];

/** The value as Keras lays it out, [N, ...shape]. */
export function channelsLast(b: GraphBuilder, t: KerasTensor): Value {
  const { value } = inKerasOrder(b, t);
  return t.shape.length === 1 ? value : transpose(b, value, toLast(t.shape.length + 1));
}

/** A value that is laid out as Keras does, [N, ...shape], as a tensor. */
export function fromChannelsLast(b: GraphBuilder, value: Value, shape: readonly number[]): KerasTensor {
  return { value: shape.length === 1 ? value : transpose(b, value, toFirst(shape.length + 1)), shape };
}

/** Reads a tensor as a vector, [N, everything], without moving a number. */
export function flatten(b: GraphBuilder, t: KerasTensor): KerasTensor {
  if (t.shape.length === 1) return t;
  const size = sizeOf(t.shape);
  const channels = t.shape[t.shape.length - 1]!;
  const flat = { value: reshape(b, t.value, [0, -1]), shape: [size] };
  return channels === 1 || channels === size ? flat : { ...flat, flatFrom: t.shape };
}

/** The same tensor with a flattened vector's elements in the order of Keras. */
export function inKerasOrder(b: GraphBuilder, t: KerasTensor): KerasTensor {
  if (!t.flatFrom) return t;
  const channels = t.flatFrom[t.flatFrom.length - 1]!;
  const places = reshape(b, t.value, [0, channels, -1]);
  return { value: reshape(b, transpose(b, places, [0, 2, 1]), [0, -1]), shape: t.shape };
}

/**
 * A Keras kernel [in, out] as the engine has it, [out, in], for an input that may be a flattened vector.
 * @param blocks order of the blocks of outputs, for gates; [0] for none.
 */
export function denseKernel(
  kernel: Float32Array,
  input: KerasTensor,
  blocks: readonly number[] = [0],
): { data: Float32Array; shape: [number, number] } {
  const size = input.shape[input.shape.length - 1]!;
  const out = kernel.length / size;
  const channels = input.flatFrom?.[input.flatFrom.length - 1] ?? size;
  const places = size / channels;
  const block = out / blocks.length;
  const data = new Float32Array(kernel.length);
  for (let o = 0; o < out; o++) {
    const from = blocks[Math.floor(o / block)]! * block + (o % block);
    for (let c = 0; c < channels; c++) {
      for (let p = 0; p < places; p++) data[o * size + c * places + p] = kernel[(p * channels + c) * out + from]!;
    }
  }
  return { data, shape: [out, size] };
}

/** The numbers of a weight of a Keras shape [..., C] in the engine's order, [C, ...]. */
export function channelsInFront(data: Float32Array, shape: readonly number[]): { data: Float32Array; shape: number[] } {
  const channels = shape[shape.length - 1]!;
  const places = data.length / channels;
  const turned = new Float32Array(data.length);
  for (let p = 0; p < places; p++) {
    for (let c = 0; c < channels; c++) turned[c * places + p] = data[p * channels + c]!;
  }
  return { data: turned, shape: [channels, ...shape.slice(0, -1)] };
}

/** A per-channel value [C] in the shape in which it broadcasts over a tensor of this Keras shape. */
export const perChannelShape = (shape: readonly number[]): number[] => [
  shape[shape.length - 1]!,
  ...new Array<number>(shape.length - 1).fill(1),
];
