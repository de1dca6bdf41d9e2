/** The spaces in which examples are compared: layers of the model before its scores, and codes of its prior's encoder. */
import { SCORES, type ClassifierPackage } from '../models/classifier.js';
import type { Prior } from '../models/prior.js';
import { bytesToRgb, centreCrop, fromRgb } from '../models/pixels.js';
import { boundaryOf, frameLayers, type RecogniserPackage } from '../models/recogniser.js';
import { inline } from '../models/serialise.js';
import { GraphBuilder, typeOf, type Graph, type Value } from '../graph/graph.js';
import { reshape } from '../ops/layout.js';
import { softmax } from '../ops/softmax.js';
import type { CompiledGraph, Runtime } from '../runtimes/runtime.js';

/** The name of the last layer before the scores, and all spaces. */
export interface Spaces {
  readonly names: readonly string[];
  /** The space that says what a network sees: its last layer before the scores. */
  readonly last: string | null;
}

/** Frames that are run at once. */
const BATCH = 16;
/** A larger layer is no space to compare in. */
const MOST_NUMBERS = 100_000;

type Model = RecogniserPackage | ClassifierPackage;

const isClassifier = (model: Model): model is ClassifierPackage => model.manifest.kind === 'classifier';

/** Layers of a network that are vectors, and what passes from frames to the sequence; in order, without the scores. */
function layersOf(model: Model): string[] {
  const network = isClassifier(model) ? model.graphs['network']! : model.graphs['frames']!;
  const own = isClassifier(model) ? null : boundaryOf(model);
  return network.outputs.flatMap(({ name, value }) => {
    const { shape } = typeOf(network, value);
    const numbers = shape.slice(1).reduce((product, side) => product * side, 1);
    const wanted = name === own || shape.length === 2;
    return wanted && name !== SCORES && numbers <= MOST_NUMBERS ? [name] : [];
  });
}

/** Values [N, ...] as [N, numbers]. */
function flat(b: GraphBuilder, x: Value): Value {
  return x.shape.length === 2 ? x : reshape(b, x, [0, x.shape.slice(1).reduce((product, side) => product * side, 1)]);
}

/** Reads what pictures or frames are in every space. */
export class FeatureReader {
  readonly spaces: Spaces;
  readonly #graph: CompiledGraph;
  readonly #size: number;

  private constructor(spaces: Spaces, graph: CompiledGraph, size: number) {
    this.spaces = spaces;
    this.#graph = graph;
    this.#size = size;
  }

  /** @param prior its encoder's code is a space, where it has one and its pictures are of the model's size or smaller */
  static async open(model: Model, prior: Prior | null, runtime: Runtime, threads?: number): Promise<FeatureReader> {
    const { width, height } = model.manifest.input;
    const layers = layersOf(model);
    const graph = featureGraph(model, prior, layers);
    const names = graph.outputs.map(({ name }) => name).filter((name) => name !== SCORES);
    const spaces = { names, last: layers.at(-1) ?? null };
    return new FeatureReader(spaces, await runtime.compile(graph, { threads }), 3 * width * height);
  }

  /** @param pixels RGB bytes [N, height, width, 3] of the model's size; @returns by space, one point a picture */
  async read(pixels: Uint8Array): Promise<Map<string, Float32Array[]>> {
    const count = pixels.length / this.#size;
    const found = new Map<string, Float32Array[]>(this.spaces.names.map((name) => [name, []]));
    for (let from = 0; from < count; from += BATCH) {
      const batch = new Uint8Array(BATCH * this.#size);
      batch.set(pixels.subarray(from * this.#size, Math.min(count, from + BATCH) * this.#size));
      const outputs = await this.#graph.run({ pixels: batch });
      for (const [name, points] of found) {
        const data = outputs[name] as Float32Array;
        const width = data.length / BATCH;
        for (let i = 0; i < Math.min(BATCH, count - from); i++) points.push(data.slice(i * width, (i + 1) * width));
      }
    }
    return found;
  }

  close(): Promise<void> {
    return this.#graph.close();
  }
}

function featureGraph(model: Model, prior: Prior | null, layers: readonly string[]): Graph {
  const { input } = model.manifest;
  const b = new GraphBuilder();
  const rgb = bytesToRgb(b, b.input('pixels', [BATCH, input.height, input.width, 3], 'uint8'));
  const seen = fromRgb(b, rgb, input);
  const all = isClassifier(model) ? inline(b, model.graphs['network']!, { image: seen }) : frameLayers(b, model, seen);
  for (const name of layers) b.output(name, flat(b, all[name]!));
  if (prior?.encode && prior.output.width <= input.width && prior.output.height <= input.height) {
    const cropped = centreCrop(b, rgb, prior.output.height, prior.output.width);
    b.output(`code of ${prior.name}`, flat(b, prior.encode(b, fromRgb(b, cropped, prior.output))));
  }
  // A graph must have an output even where a network has no space of its own.
  if (isClassifier(model)) b.output(SCORES, softmax(b, all[SCORES]!));
  return b.build();
}
