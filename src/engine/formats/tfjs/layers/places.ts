/**
 * Layers over lists of places are layers over pictures of one row: the options and tensors of the former as those of
 * the latter.
 */
import { z } from 'zod';
import type { GraphBuilder } from '../../../graph/graph.js';
import { reshape } from '../../../ops/layout.js';
import { extent } from '../schema.js';
import type { KerasTensor } from '../tensor.js';
import { layerInvalid } from './definition.js';

/** Number of axes besides the channels: 1 for lists, 2 for pictures. */
export type Dims = 1 | 2;
export type Pair = readonly [number, number];

/** An option with a number for each axis, or one for all: vertical and horizontal. */
export const pairOf = (dims: Dims): z.ZodType<[number, number]> =>
  dims === 2
    ? z.union([extent.transform((n): [number, number] => [n, n]), z.tuple([extent, extent])])
    : z.union([extent, z.tuple([extent]).transform(([n]) => n)]).transform((n): [number, number] => [1, n]);

/** What is given where nothing is. */
export const pairDefault = (dims: Dims, n: number): [number, number] => [dims === 2 ? n : 1, n];

/** The only input of a layer over lists or pictures, as a picture. */
export function asPicture(b: GraphBuilder, [x]: readonly KerasTensor[], dims: Dims): KerasTensor {
  if (x!.shape.length !== dims + 1) {
    layerInvalid(`it takes tensors of ${dims + 2} axes, not of ${x!.shape.length + 1}`);
  }
  if (dims === 2) return x!;
  return { value: reshape(b, x!.value, [0, 0, 1, -1]), shape: [1, ...x!.shape] };
}

/** A picture as a layer over lists or pictures gives it. */
export function fromPicture(b: GraphBuilder, picture: KerasTensor, dims: Dims): KerasTensor {
  if (dims === 2) return picture;
  return { value: reshape(b, picture.value, [0, 0, -1]), shape: picture.shape.slice(1) };
}
