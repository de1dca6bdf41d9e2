/** A classifier put into a graph: pictures in, scores of each picture out, of its labels or of a hidden layer's units. */
import { NeuroreelError } from '../../protocol/errors.js';
import type { ClassifierManifest, RecogniserManifest } from '../../protocol/manifest.js';
import { GraphBuilder, typeOf, type Graph, type Value } from '../graph/graph.js';
import { centreOf, showShape, type Shape } from '../graph/shape.js';
import { reshape, sliceAxis } from '../ops/layout.js';
import { mean } from '../ops/reduce.js';
import { softmax } from '../ops/softmax.js';
import type { CompiledGraph, Runtime } from '../runtimes/runtime.js';
import type { ModelPackage } from './package.js';
import { bytesToRgb, fromRgb } from './pixels.js';
import { inline } from './serialise.js';

export type ClassifierPackage = ModelPackage<ClassifierManifest>;

/** The layer that holds the scores of the labels. */
export const SCORES = 'logits';

/** Where the units of a layer are read. */
export interface LayerPlace {
  /** Name of a layer; `logits` holds the scores of the labels. */
  readonly layer: string;
  /** Row and column; null for a layer without rows and columns; `all`: the mean over them. */
  readonly position: readonly [number, number] | 'all' | null;
}

type WithLayers = Pick<ModelPackage<ClassifierManifest> | ModelPackage<RecogniserManifest>, 'manifest' | 'graphs'>;

/** Shapes of layers for one picture, by their names. */
export type LayerShapes = ReadonlyMap<string, Shape>;

function networkOf({ graphs, manifest }: WithLayers): Graph {
  const network = graphs['network'];
  if (network?.inputs.length === 1 && network.inputs[0]!.name === 'image') return network;
  throw new NeuroreelError('MODEL_INVALID', `${manifest.name} has no graph "network" with an input "image".`);
}

/** Layers by name, with their shapes for one picture; those of a recogniser's sequence are vectors. */
export function layerShapes(model: WithLayers): LayerShapes {
  const shapes = (graph: Graph): [string, Shape][] =>
    graph.outputs.map(({ name, value }) => [name, typeOf(graph, value).shape]);
  if (model.manifest.kind === 'classifier') return new Map(shapes(networkOf(model)));
  const { frames, sequence } = model.graphs;
  const steps = sequence ? shapes(sequence) : [];
  return new Map([
    ...steps.map(([name, shape]): [string, Shape] => [name, shape.length === 3 ? [1, shape[2]!] : shape]),
    ...(frames ? shapes(frames) : []),
  ]);
}

/** The shape of a layer for one picture; throws UNIT_UNKNOWN with the layers there are. */
export function layerShape(model: WithLayers, layer: string): Shape {
  return shapeOf(model.manifest.name, layerShapes(model), layer);
}

function shapeOf(model: string, shapes: LayerShapes, layer: string): Shape {
  const shape = shapes.get(layer);
  if (shape) return shape;
  const names = [...shapes.keys()].join(', ');
  const message = `${model} has no layer ${JSON.stringify(layer)}; there are: ${names}.`;
  throw new NeuroreelError('UNIT_UNKNOWN', message);
}

function checkScores(model: WithLayers): void {
  const { name, labels } = model.manifest;
  const shape = layerShape(model, SCORES);
  if (shape.length === 2 && shape[1] === labels.length) return;
  const message = `${name}: logits of shape ${showShape(shape)} are not scores of ${labels.length} labels.`;
  throw new NeuroreelError('MODEL_INVALID', message);
}

/**
 * Checks that a layer has a unit there.
 * @param position row and column of a layer [1, C, H, W]; its middle, floor(size / 2), when absent; `all` of them.
 * @returns the place, with its position filled in.
 * @throws NeuroreelError UNIT_UNKNOWN where there is no such layer, unit or position; MODEL_INVALID where the scores are
 *   not as many as the labels.
 */
export function placeOf(
  model: WithLayers,
  layer: string,
  unit: number,
  position?: readonly [number, number] | 'all',
): LayerPlace {
  checkScores(model);
  return placeIn({ name: model.manifest.name, shapes: layerShapes(model) }, layer, unit, position);
}

/** As {@link placeOf}, where no more is known of a model than the shapes of its layers. @throws NeuroreelError UNIT_UNKNOWN */
export function placeIn(
  { name, shapes }: { readonly name: string; readonly shapes: LayerShapes },
  layer: string,
  unit: number,
  position?: readonly [number, number] | 'all',
): LayerPlace {
  const shape = shapeOf(name, shapes, layer);
  const [, units, ...places] = shape;
  const unknown = (what: string): never => {
    throw new NeuroreelError('UNIT_UNKNOWN', `The layer "${layer}" of ${name}, ${showShape(shape)}, has no ${what}.`);
  };
  if (shape.length !== 2 && shape.length !== 4) unknown('units that can be read: it is neither a vector nor maps');
  if (!Number.isInteger(unit) || unit < 0 || unit >= units!) unknown(`unit ${unit}`);
  if (shape.length === 2) {
    if (position && position !== 'all') unknown('rows and columns');
    return { layer, position: null };
  }
  if (position === 'all') return { layer, position };
  const [row, column] = position ?? centreOf(shape);
  const inside = [row, column].every((at, i) => Number.isInteger(at) && at >= 0 && at < places[i]!);
  if (!inside) unknown(`position ${row}, ${column}`);
  return { layer, position: [row, column] };
}

/** All layers of a classifier for pictures in its numbers, [N, 3, H, W]. */
export const classifierLayers = (b: GraphBuilder, model: ClassifierPackage, pictures: Value): Record<string, Value> =>
  inline(b, networkOf(model), { image: pictures });

/**
 * The units at a place of a layer, [N, C] or [N, C, H, W], for each of `rows` pictures: [N, C].
 * @throws NeuroreelError MODEL_INVALID where the layer does not hold units of each picture.
 */
export function unitsAt(
  b: GraphBuilder,
  { manifest }: WithLayers,
  units: Value,
  { layer, position }: LayerPlace,
  rows: number,
): Value {
  if (units.shape[0] !== rows) {
    const message = `${manifest.name}: "${layer}" does not hold the units of each of several pictures.`;
    throw new NeuroreelError('MODEL_INVALID', message);
  }
  if (!position || units.shape.length !== 4) return units;
  const width = units.shape[1]!;
  if (position === 'all') return reshape(b, mean(b, units, [2, 3]), [0, width]);
  const [row, column] = position;
  return reshape(b, sliceAxis(b, sliceAxis(b, units, 2, row, row + 1), 3, column, column + 1), [0, width]);
}

/**
 * A layer as it is before its ReLU, where it is what one puts out; any other as it is. The two are the same for units that
 * fire. A unit that does not has no gradient after its ReLU: what it wants to see can only be found before.
 */
export function beforeRelu(b: GraphBuilder, layer: Value): Value {
  const node = b.producer(layer);
  return node?.op === 'Relu' && node.attributes['slope'] === 0 ? b.value(node.inputs[0]!) : layer;
}

/**
 * The units of a layer for each picture.
 * @param pictures the classifier's numbers, [N, 3, H, W].
 * @returns [N, C]: before any softmax.
 */
export function unitsOf(b: GraphBuilder, model: ClassifierPackage, pictures: Value, place: LayerPlace): Value {
  return unitsAt(b, model, classifierLayers(b, model, pictures)[place.layer]!, place, pictures.shape[0]!);
}

export interface PictureScores {
  /** Units of the layer for each picture, [N, C], row-major. */
  readonly units: Float32Array;
  /** Probabilities of the labels for each picture, [N, labels]. */
  readonly probabilities: Float32Array;
}

/** RGB bytes `pixels` [N, H, W, 3] in; `units` [N, C] and `probabilities` [N, labels] out. */
export function pictureScoringGraph(model: ClassifierPackage, count: number, place: LayerPlace): Graph {
  const { input } = model.manifest;
  const b = new GraphBuilder();
  const pixels = b.input('pixels', [count, input.height, input.width, 3], 'uint8');
  const pictures = fromRgb(b, bytesToRgb(b, pixels), input);
  b.output('units', unitsOf(b, model, pictures, place));
  b.output('probabilities', softmax(b, unitsOf(b, model, pictures, { layer: SCORES, position: null })));
  return b.build();
}

/** Scores pictures given as RGB bytes [N, H, W, 3] of the classifier's size, as any picture would be. */
export async function scorePictures(
  model: ClassifierPackage,
  pixels: Uint8Array,
  place: LayerPlace,
  runtime: Runtime,
  threads?: number,
): Promise<PictureScores> {
  const { width, height } = model.manifest.input;
  const graph = pictureScoringGraph(model, pixels.length / (3 * width * height), place);
  const compiled: CompiledGraph = await runtime.compile(graph, { threads });
  try {
    const { units, probabilities } = await compiled.run({ pixels });
    return { units: units as Float32Array, probabilities: probabilities as Float32Array };
  } finally {
    await compiled.close();
  }
}
