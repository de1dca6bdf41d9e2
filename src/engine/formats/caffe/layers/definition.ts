/** What a Caffe layer is to the importer. One type, one entry in `table.ts`; the files here group them. */
import type { z } from 'zod';
import type { GraphBuilder, Value } from '../../../graph/graph.js';
import type { Shape } from '../../../graph/shape.js';
import type { Blob } from '../blob.js';

/** One of the tensors that a layer learns, which Caffe calls its blobs, in the order in which a .caffemodel has them. */
export interface WeightSpec {
  /** What it is, for its name in the graph. */
  readonly name: string;
  readonly shape: Shape;
  /** Where weights are drawn at random: how many inputs each output sums, or the number that all of them are. */
  readonly random: { readonly fan: number } | { readonly all: number };
}

export interface LayerContext {
  readonly b: GraphBuilder;
  /** How many tops the layer has. */
  readonly tops: number;
  /** Whether the layer's output is regrouped from frames [T*N, ...] to sequences [T, N, ...]. */
  readonly regroups: boolean;
  /** Numbers of the layer's weight i. */
  numbers(i: number): Float32Array;
  /** The layer's weight i as it is. */
  weight(i: number): Value;
  /** A constant made of the layer's weights, named after the layer. */
  constant(name: string, data: Float32Array, shape: Shape): Value;
  /** To be told before a constant is made that is not as large as the layer's weights. */
  claim(numbers: number): void;
}

/** A layer whose output at one step depends on other steps. */
export interface RecurrentRule<C> {
  /** What can be computed at each step alone, [..., G]. */
  project(c: LayerContext, x: Blob, config: C): Value;
  /** The rest, on what was projected, [T, N, G]; the hidden states [T, N, H]. */
  steps(c: LayerContext, projected: Value, config: C, markers: Value | null): Value;
}

type Count = readonly [least: number, most: number];

export interface LayerType<C = never> {
  /** What is read of the layer's message. */
  readonly config: z.ZodType<C>;
  /** Why this configuration cannot be run, or null. */
  readonly unsupported?: (config: C) => string | null;
  /** How many bottoms and tops it may have; one by default. */
  readonly bottoms?: Count;
  readonly tops?: Count;
  readonly weights?: (config: C, inputs: readonly Blob[]) => readonly WeightSpec[];
  readonly recurrent?: RecurrentRule<C>;
  /** One blob for each top. */
  build(c: LayerContext, inputs: readonly Blob[], config: C): readonly Blob[];
}

/** Declares a layer; it only fixes the type of the configuration. */
export function defineLayer<C>(type: LayerType<C>): LayerType<C> {
  return type;
}

export const SEVERAL: Count = [1, 10_000];
