/** What a Keras layer is to the importer. One class, one entry in `table.ts`; the files here group them. */
import { z } from 'zod';
import { NeuroreelError } from '../../../../protocol/errors.js';
import type { GraphBuilder, Value } from '../../../graph/graph.js';
import type { Shape } from '../../../graph/shape.js';
import type { KerasTensor } from '../tensor.js';

export interface LayerContext {
  readonly b: GraphBuilder;
  /** Number of axes before the tensor's shape that Keras counts: the batch, and time where the layer sees it. */
  readonly leading: number;
  /** What wrote the model; it decides where Keras and TensorFlow.js differ. */
  readonly writer: Writer;
  /** Numbers of a weight of this layer; throws MODEL_INVALID when there is none of that shape. */
  weight(name: string, shape: Shape): Float32Array;
  /** The context of a part that has weights of its own, such as one direction of a bidirectional layer. */
  part(name: string): LayerContext;
  /** A weight of the graph, named after the layer. */
  constant(name: string, data: Float32Array, shape: Shape): Value;
  /**
   * To be called by a layer that is made for the number of steps that it sees here; throws MODEL_FORMAT_UNSUPPORTED
   * where the file leaves that open.
   */
  needSteps(): void;
}

export type Writer = 'keras' | 'tfjs';

/** A layer whose output at one step depends on other steps. */
export interface RecurrentRule<C> {
  /** What can be computed at each step alone, from one step's input (without the time). */
  project(c: LayerContext, x: KerasTensor, config: C): KerasTensor;
  /** The rest, on what was projected, in the engine's order of axes: [T, N, G] for vectors, [T, N, G, H, W]. */
  steps(c: LayerContext, projected: Value, config: C): KerasTensor;
}

export interface LayerType<C = never> {
  /** What is read of the layer's configuration. */
  readonly config: z.ZodType<C>;
  /** Why this configuration cannot be run, or null. */
  readonly unsupported?: (config: C) => string | null;
  /** Whether each place of the leading axes is treated alone, so that the layer may see sequences as they are. */
  readonly pointwise?: boolean;
  /**
   * Whether a graph in which the layer reads a sequence runs for sequences of other lengths too; pointwise layers do.
   * Else the graph is held to the length that it was made for.
   */
  readonly anyLength?: (config: C) => boolean;
  /** Whether the layer has `activation` in its configuration, which is applied to what `build` gives. */
  readonly activated?: boolean;
  /** Whether the layer takes several tensors; else it takes exactly one. */
  readonly merges?: boolean;
  readonly recurrent?: RecurrentRule<C>;
  build(c: LayerContext, inputs: readonly KerasTensor[], config: C): KerasTensor;
}

/** Declares a layer; it only fixes the type of the configuration. */
export function defineLayer<C>(type: LayerType<C>): LayerType<C> {
  return type;
}

export const nothing = z.looseObject({});

export function layerInvalid(message: string): never {
  throw new NeuroreelError('GRAPH_INVALID', message);
}

/** The only tensor of a layer that takes one, which must have `rank` axes besides the batch. */
export function one([x]: readonly KerasTensor[], rank?: number): KerasTensor {
  if (rank !== undefined && x!.shape.length !== rank) {
    layerInvalid(`it takes tensors of ${rank + 1} axes, not of ${x!.shape.length + 1}`);
  }
  return x!;
}

/** An axis as Keras counts it (the batch is 0) as an axis of the tensor's shape. */
export function shapeAxis(c: LayerContext, axis: number, x: KerasTensor): number {
  const index = axis < 0 ? axis + x.shape.length : axis - c.leading;
  if (index < 0 || index >= x.shape.length) layerInvalid(`axis ${axis} is outside a tensor of ${x.shape.length} axes`);
  return index;
}

/** An axis of a Keras shape as an axis of the engine's tensor. */
export const engineAxis = (axis: number, rank: number): number => (axis === rank - 1 ? 1 : axis + 2);
