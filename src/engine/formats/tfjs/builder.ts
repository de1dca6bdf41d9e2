/** A graph of a Keras model while it is being made: its layers, its weights, its outputs. */
import { NeuroreelError } from '../../../protocol/errors.js';
import { GraphBuilder, type Value } from '../../graph/graph.js';
import type { Shape } from '../../graph/shape.js';
import type { LayerContext, Writer } from './layers/definition.js';
import { asSequence, atEachStep, stepByStep } from './layers/sequence.js';
import type { KerasTensor } from './tensor.js';
import { INPUT, type LayerCall, type Topology } from './topology.js';
import type { KerasWeights } from './weights.js';

/** Nodes beyond which a graph is not made: recurrences that are written out multiply. */
const MAX_NODES = 50_000;
/** Numbers that a graph's constants may have beyond those of the file. */
const MADE_NUMBERS = 2 ** 26;

export function unsupported(message: string): never {
  throw new NeuroreelError('MODEL_FORMAT_UNSUPPORTED', message);
}

/** Names of weights over all graphs of a model: one name always means the same numbers. */
export class WeightNames {
  readonly #known = new Map<string, Float32Array>();

  nameFor(wanted: string, data: Float32Array): string {
    for (let i = 1; ; i++) {
      const name = i === 1 ? wanted : `${wanted}.${i}`;
      const known = this.#known.get(name);
      if (!known) this.#known.set(name, data);
      if (!known || (known.length === data.length && known.every((x, k) => x === data[k]))) return name;
    }
  }
}

/** A graph being made, and the weights that it takes. */
export class NetworkBuilder {
  readonly b = new GraphBuilder();
  readonly #weights: KerasWeights;
  readonly #names: WeightNames;
  readonly #constants = new Map<string, Value>();
  readonly #writer: Writer;
  readonly #openSteps: boolean;
  #numbers = 0;

  /** @param openSteps whether the file leaves open how many steps the sequences have that this graph reads. */
  constructor(weights: KerasWeights, names: WeightNames, writer: Writer, openSteps = false) {
    this.#weights = weights;
    this.#names = names;
    this.#writer = writer;
    this.#openSteps = openSteps;
  }

  context(name: string, weightNames: readonly string[], leading: number): LayerContext {
    return {
      b: this.b,
      leading,
      writer: this.#writer,
      weight: (weight, shape) => this.#weights.find(weightNames, weight, shape),
      part: (part) =>
        this.context(`${name}.${part}`, [...weightNames.map((outer) => `${outer}/${part}`), part], leading),
      constant: (what, data, shape) => this.#constant(`${name}.${what}`, data, shape),
      needSteps: () => {
        if (!this.#openSteps) return;
        unsupported(`"${name}" is made for a number of frames, which the file leaves open; give the number.`);
      },
    };
  }

  #constant(wanted: string, data: Float32Array, shape: Shape): Value {
    const name = this.#names.nameFor(wanted, data);
    let value = this.#constants.get(name);
    if (!value) {
      this.#numbers += data.length;
      if (this.#numbers > this.#weights.size + MADE_NUMBERS) {
        throw new NeuroreelError('GRAPH_INVALID', 'the model would need far more numbers than its files hold.');
      }
      value = this.b.constant(data, shape, name);
      this.#constants.set(name, value);
    }
    return value;
  }

  /** Runs something of a layer; what goes wrong there is told with the layer's name. */
  inLayer<T>(call: LayerCall, leading: number, run: (c: LayerContext) => T): T {
    try {
      const result = run(this.context(call.name, call.weightNames, leading));
      if (this.b.nodes.length > MAX_NODES) {
        throw new NeuroreelError('GRAPH_INVALID', `the model would become a graph of more than ${MAX_NODES} nodes.`);
      }
      return result;
    } catch (error) {
      if (!(error instanceof NeuroreelError) || error.code !== 'GRAPH_INVALID') throw error;
      const message = `The layer "${call.name}" (${call.className}): ${error.message}`;
      throw new NeuroreelError('GRAPH_INVALID', message, { cause: error });
    }
  }

  /** The output of a layer with its activation; without the softmax it ends with where that is `stripped`. */
  layer(call: LayerCall, inputs: readonly KerasTensor[], leading: number, stripped: boolean): KerasTensor {
    return this.inLayer(call, leading, (c) => {
      if (stripped && call.className === 'Softmax') return inputs[0]!;
      const y = call.type.build(c, inputs, call.config);
      return call.activation && !stripped ? call.activation(c, y) : y;
    });
  }

  /** A recurrent layer from its projected gates on. */
  steps(call: LayerCall, projected: Value): KerasTensor {
    return this.inLayer(call, 1, (c) => call.type.recurrent!.steps(c, projected, call.config));
  }
}

/** A layer on tensors that hold whole sequences, or no sequences at all. */
export function readingAll(
  builder: NetworkBuilder,
  call: LayerCall,
  inputs: readonly KerasTensor[],
  stripped: boolean,
): KerasTensor {
  if (!call.distributed) return builder.layer(call, inputs, 1, stripped);
  // A distributed layer counts its axes without the time.
  if (call.type.pointwise) return builder.layer(call, inputs, 0, stripped);
  const [x] = inputs;
  const { b } = builder;
  const each = (c: LayerContext): Value =>
    atEachStep(c.b, stepByStep(c.b, x!), (item) => builder.layer(call, [item], 1, stripped));
  return asSequence(b, builder.inLayer(call, 1, each));
}

/** The layers after which a softmax is still one over the units: they leave every number as it is. */
const TRANSPARENT: ReadonlySet<string> = new Set(['Reshape', 'Flatten', 'Dropout', 'Activation']);

/** The call whose softmax ends the network, or null: logits are what it is given. */
export function finalSoftmax({ calls, output }: Topology): number | null {
  const uses = new Map<number, number>();
  for (const { inputs } of calls) for (const input of inputs) uses.set(input, (uses.get(input) ?? 0) + 1);
  for (let at = output; at !== INPUT;) {
    const call = calls[at]!;
    if (call.softmax) {
      if ((uses.get(at) ?? 0) > (at === output ? 0 : 1)) {
        unsupported(`The probabilities of "${call.name}" are used by several layers, so there are no logits.`);
      }
      return at;
    }
    const passes = TRANSPARENT.has(call.className) && call.activation === null && call.inputs.length === 1;
    if (!passes) return null;
    at = call.inputs[0]!;
  }
  return null;
}

/** Gives layers out under their names, each value once. */
export class NamedOutputs {
  readonly #types = new Map<string, string>();
  readonly #b: GraphBuilder;
  readonly #given: Set<number>;
  readonly #names: Set<string>;
  readonly #counts = new Map<string, number>();

  /** @param hidden values that are no layers: the input, and what is given out under another name. */
  constructor(b: GraphBuilder, hidden: readonly Value[], reserved: readonly string[]) {
    this.#b = b;
    this.#given = new Set(hidden.map(({ id }) => id));
    this.#names = new Set(reserved);
  }

  add({ name, className }: LayerCall, value: Value): void {
    if (this.#given.has(value.id)) return;
    this.#given.add(value.id);
    const free = this.#freeName(name);
    this.#b.output(free, value);
    this.#types.set(free, className);
  }

  #freeName(name: string): string {
    let free = name;
    // Goes on counting where it ended for the name the last time: a layer may be called thousands of times.
    for (let i = this.#counts.get(name) ?? 1; this.#names.has(free); i++) {
      free = `${name}/${i}`;
      this.#counts.set(name, i + 1);
    }
    this.#names.add(free);
    return free;
  }

  /** Gives out what is known under a name of its own, the work of a layer. */
  end(name: string, value: Value, { className }: LayerCall): void {
    this.#b.output(name, value);
    this.#types.set(name, className);
  }

  /** Classes of the layers by the names they were given out under. */
  get types(): Readonly<Record<string, string>> {
    return Object.fromEntries(this.#types);
  }
}
