/** Graphs of models for single pictures: those that score pictures, and those that draw them of codes. */
import { NeuroreelError } from '../../../protocol/errors.js';
import type { GraphBuilder, Value } from '../../graph/graph.js';
import { checkShape, sizeOf, type Shape } from '../../graph/shape.js';
import { concat, reshape } from '../../ops/layout.js';
import type { ImportedGenerator, ImportedNetwork, ReadOptions } from '../format.js';
import { NamedOutputs, NetworkBuilder, WeightNames, finalSoftmax, readingAll, unsupported } from './builder.js';
import { inKerasOrder, type KerasTensor } from './tensor.js';
import { INPUT, type Topology } from './topology.js';
import type { KerasWeights } from './weights.js';

const MAX_SIDE = 4096;

/** A model without what only its file says of it. */
export type Built<M extends { readonly origin: string }> = Omit<M, 'origin'>;

export interface PictureShape {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
}

/** The size of a model's pictures, rows first; `size` fills in what the file leaves open. */
export function pictureShape(shape: readonly (number | null)[], size: ReadOptions['size']): PictureShape {
  const [h, w, channels] = shape;
  const [height, width] = [h ?? size?.[0], w ?? size?.[1]];
  if (height === undefined || width === undefined || channels === null || channels === undefined) {
    return unsupported(
      `The model leaves the size of its input open, [${shape.join(', ')}]; give a height and a width.`,
    );
  }
  const sides = [height, width, channels];
  if (!sides.every((n) => Number.isInteger(n) && n > 0 && n <= MAX_SIDE)) {
    throw new NeuroreelError('GRAPH_INVALID', `The model's input has an impossible size, [${sides.join(', ')}].`);
  }
  return { height, width, channels };
}

/** Runs all calls of a model of one picture or code; returns what each gives. */
function allCalls(
  builder: NetworkBuilder,
  { calls }: Topology,
  input: KerasTensor,
  softmaxCall: number | null,
): ReadonlyMap<number, KerasTensor> {
  const tensors = new Map<number, KerasTensor>([[INPUT, input]]);
  calls.forEach((call, i) => {
    const inputs = call.inputs.map((source) => tensors.get(source)!);
    tensors.set(i, readingAll(builder, call, inputs, i === softmaxCall));
  });
  return tensors;
}

function buildNetwork(topology: Topology, weights: KerasWeights, picture: PictureShape): Built<ImportedNetwork> {
  const { height, width, channels } = picture;
  const builder = new NetworkBuilder(weights, new WeightNames(), topology.writer);
  const { b } = builder;
  const image = b.input('image', [1, channels, height, width]);
  const input = { value: image, shape: [height, width, channels] };
  const tensors = allCalls(builder, topology, input, finalSoftmax(topology));
  const result = tensors.get(topology.output)!;
  // What is no vector lies in the engine's order, channels first, as networks that read it want it.
  const logits = result.shape.length === 1 ? inKerasOrder(b, result).value : reshape(b, result.value, [0, -1]);
  const outputs = new NamedOutputs(b, [image, logits, result.value], ['logits']);
  topology.calls.forEach((call, i) => outputs.add(call, tensors.get(i)!.value));
  outputs.end('logits', logits, topology.calls[topology.output]!);
  const { types } = outputs;
  return { kind: 'network', graphs: { network: b.build() }, height, width, units: logits.shape[1]!, types };
}

/**
 * What a model draws, as a picture in colour, [N, 3, H, W]: the same three times where it is grey.
 * @param grey whether that is taken for a picture at all.
 * @returns null where it is no picture.
 */
function inColour(b: GraphBuilder, { value, shape }: KerasTensor, grey: boolean): Value | null {
  const channels = shape.length === 3 ? shape[2] : undefined;
  if (channels === 3) return value;
  return channels === 1 && grey ? concat(b, [value, value, value], 1) : null;
}

/**
 * A model as one that draws pictures of codes, [D] or [h, w, C].
 * @returns null where it gives something else.
 */
export function buildGenerator(
  topology: Topology,
  weights: KerasWeights,
  shape: Shape,
): Built<ImportedGenerator> | null {
  const builder = new NetworkBuilder(weights, new WeightNames(), topology.writer);
  const { b } = builder;
  const code = shape.length === 1 ? [...shape] : [shape[2]!, shape[0]!, shape[1]!];
  checkShape(code, 'The code');
  const flat = b.input('code', [1, sizeOf(code)]);
  const value = shape.length === 1 ? flat : reshape(b, flat, [0, ...code]);
  const tensors = allCalls(builder, topology, { value, shape }, null);
  const drawn = tensors.get(topology.output)!;
  // What maps become with one channel may as well be a mask.
  const image = inColour(b, drawn, shape.length === 1);
  if (!image) return null;
  const [height, width] = drawn.shape as [number, number, number];
  const outputs = new NamedOutputs(b, [flat, value, image], ['image']);
  topology.calls.forEach((call, i) => outputs.add(call, tensors.get(i)!.value));
  outputs.end('image', image, topology.calls[topology.output]!);
  return { kind: 'generator', graphs: { generator: b.build() }, height, width, code, types: outputs.types };
}

/**
 * A model that takes pictures: one that scores them, or one whose input is the code of a larger picture.
 * @param shape of the input, rows first.
 */
export function buildPictures(
  topology: Topology,
  weights: KerasWeights,
  picture: PictureShape,
): Built<ImportedNetwork> | Built<ImportedGenerator> {
  const { height, width, channels } = picture;
  // Pictures in grey or colour are no codes.
  const drawn = channels === 1 || channels === 3 ? null : buildGenerator(topology, weights, [height, width, channels]);
  if (drawn && drawn.height > height && drawn.width > width) return drawn;
  return buildNetwork(topology, weights, picture);
}
