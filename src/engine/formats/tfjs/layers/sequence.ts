/** Sequences between the two ways in which they lie: as Keras tensors [N, C, T, ...], and step by step [T, N, C, ...]. */
import type { GraphBuilder, Value } from '../../../graph/graph.js';
import { fold, unfold } from '../../../ops/fold.js';
import { reshape, sliceAxis, transpose } from '../../../ops/layout.js';
import { reverse } from '../../../ops/reverse.js';
import { inKerasOrder, type KerasTensor } from '../tensor.js';
import { layerInvalid } from './definition.js';

const further = (rank: number): number[] => Array.from({ length: rank - 3 }, (_, i) => i + 3);

/** A tensor whose first axis is time, [T, ...item], as [T, N, ...] with the item in the engine's order of axes. */
export function stepByStep(b: GraphBuilder, x: KerasTensor): Value {
  if (x.shape.length < 2) layerInvalid('it takes a sequence, and is given a vector');
  return transpose(b, x.value, [2, 0, 1, ...further(x.value.shape.length)]);
}

/** The way back: [T, N, C, ...] as a Keras tensor of the shape [T, ..., C]. */
export function asSequence(b: GraphBuilder, steps: Value): KerasTensor {
  const [length, , channels, ...places] = steps.shape as [number, number, number, ...number[]];
  const value = transpose(b, steps, [1, 2, 0, ...further(steps.shape.length)]);
  return { value, shape: [length, ...places, channels] };
}

/** The last of the steps [T, N, C, ...] as a Keras tensor. */
export function lastStep(b: GraphBuilder, steps: Value): KerasTensor {
  const [, , channels, ...places] = steps.shape as [number, number, number, ...number[]];
  // The last step is the first one backwards: that holds for any number of steps.
  const last = sliceAxis(b, reverse(b, steps, 0), 0, 0, 1);
  return { value: reshape(b, last, [-1, channels, ...places]), shape: [...places, channels] };
}

/** Runs something that knows no time on each step of a sequence alone. */
export function atEachStep(b: GraphBuilder, x: Value, run: (item: KerasTensor) => KerasTensor): Value {
  const [, , channels, ...places] = x.shape as [number, number, number, ...number[]];
  const y = run({ value: fold(b, x), shape: [...places, channels] });
  return unfold(b, inKerasOrder(b, y).value, x);
}
