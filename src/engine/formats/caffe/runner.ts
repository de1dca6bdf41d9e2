/** Puts the layers of a network into a graph. */
import { NeuroreelError } from '../../../protocol/errors.js';
import { GraphBuilder, type Value } from '../../graph/graph.js';
import type { Shape } from '../../graph/shape.js';
import type { Blob } from './blob.js';
import type { LayerContext, WeightSpec } from './layers/definition.js';
import type { LayerCall } from './net.js';
import type { WeightSource } from './weights.js';

/** Most numbers of constants that layers make besides their weights. */
const MAX_CLAIMED = 2 ** 26;

/** What goes wrong in a layer is told with the layer's name. */
export function inLayer<T>(call: LayerCall, run: () => T): T {
  try {
    return run();
  } catch (error) {
    if (!(error instanceof NeuroreelError)) throw error;
    const layer = `${call.typeName} "${call.name}"`;
    if (error.code === 'MODEL_FORMAT_UNSUPPORTED') {
      const what = `${layer} (${error.message})`;
      const options = { details: { layers: [what] }, cause: error };
      throw new NeuroreelError('MODEL_FORMAT_UNSUPPORTED', `These layers cannot be imported: ${what}.`, options);
    }
    if (error.code !== 'GRAPH_INVALID') throw error;
    throw new NeuroreelError('GRAPH_INVALID', `${layer}: ${error.message}`, { cause: error });
  }
}

/** A graph being made, and the weights that it takes. */
export class LayerRunner {
  readonly b = new GraphBuilder();
  readonly #weights: WeightSource;
  readonly #constants = new Map<string, Value>();
  #claimed = 0;

  constructor(weights: WeightSource) {
    this.#weights = weights;
  }

  /** The blobs that a layer gives. @param regroups see `LayerContext`. */
  run(call: LayerCall, inputs: readonly Blob[], regroups = false): readonly Blob[] {
    return inLayer(call, () => call.type.build(this.#context(call, inputs, regroups), inputs, call.config));
  }

  /** A recurrent layer's projected input. */
  project(call: LayerCall, inputs: readonly Blob[]): Value {
    const [x] = inputs;
    const rule = call.type.recurrent!;
    return inLayer(call, () => rule.project(this.#context(call, inputs, false), x!, call.config));
  }

  /** A recurrent layer from its projected input on, without markers: a sequence is whole. */
  steps(call: LayerCall, inputs: readonly Blob[], projected: Value): Value {
    const rule = call.type.recurrent!;
    return inLayer(call, () => rule.steps(this.#context(call, inputs, false), projected, call.config, null));
  }

  #context(call: LayerCall, inputs: readonly Blob[], regroups: boolean): LayerContext {
    const specs: readonly WeightSpec[] = call.type.weights?.(call.config, inputs) ?? [];
    const numbers = (i: number): Float32Array => this.#weights.numbers(call, i, specs[i]!, specs.length);
    return {
      b: this.b,
      tops: call.outputs.length,
      regroups,
      numbers,
      weight: (i) => this.#constant(`${call.name}.${specs[i]!.name}`, specs[i]!.shape, () => numbers(i)),
      constant: (name, data, shape) => this.#constant(`${call.name}.${name}`, shape, () => data),
      claim: (count) => this.#claim(count),
    };
  }

  #constant(name: string, shape: Shape, data: () => Float32Array): Value {
    let value = this.#constants.get(name);
    if (!value) {
      value = this.b.constant(data(), shape, name);
      this.#constants.set(name, value);
    }
    return value;
  }

  #claim(count: number): void {
    this.#claimed += count;
    if (this.#claimed <= MAX_CLAIMED) return;
    throw new NeuroreelError('GRAPH_INVALID', 'it has too many channels to be normalised.');
  }
}
