/**
 * A Keras model as a list of layer calls in an order in which they can be run. Models inside models and
 * `TimeDistributed` wrappers are taken apart here, so that the rest sees plain layers only.
 */
import { NeuroreelError } from '../../../protocol/errors.js';
import { activationNamed, isSoftmax, shown } from './activations.js';
import { callKey, checkNames, planCalls } from './connections.js';
import { LAYERS } from './layers/table.js';
import type { LayerContext, LayerType, Writer } from './layers/definition.js';
import {
  MODEL_CLASSES,
  functionalConfig,
  inputConfig,
  layerEntry,
  nameOf,
  problemOf,
  sequentialConfig,
  serialised,
  type LayerEntry,
  type TensorKey,
} from './schema.js';
import type { KerasTensor } from './tensor.js';

const MAX_DEPTH = 8;
/** Layers that are looked at in all, counted again wherever a model inside is called. */
const MAX_WORK = 50_000;

/** Stands for the model's input where a call is named by its number. */
export const INPUT = -1;

export interface LayerCall {
  /** Name of the layer; calls of a shared layer have the same one. */
  readonly name: string;
  readonly className: string;
  readonly type: LayerType;
  readonly config: never;
  /** Names under which the layer's weights may stand, the most telling first. */
  readonly weightNames: readonly string[];
  /** Whether `TimeDistributed` applies the layer to each step alone. */
  readonly distributed: boolean;
  /** Numbers of the calls whose outputs it takes. */
  readonly inputs: readonly number[];
  /** What the layer's `activation` does, after everything else. */
  readonly activation: ((c: LayerContext, x: KerasTensor) => KerasTensor) | null;
  /** Whether the layer ends with a softmax, or is one. */
  readonly softmax: boolean;
}

export interface Topology {
  /** Shape of the input without the batch; null where it is open. */
  readonly input: readonly (number | null)[];
  readonly calls: readonly LayerCall[];
  /** Number of the call that gives the model's output. */
  readonly output: number;
  /** What wrote the model. */
  readonly writer: Writer;
}

function invalid(message: string): never {
  throw new NeuroreelError('MODEL_INVALID', message);
}

/** Where in the model a layer stands. */
interface Scope {
  /** Names of the models and wrappers around it. */
  readonly path: readonly string[];
  readonly distributed: boolean;
}

class TopologyReader {
  readonly calls: LayerCall[] = [];
  /** Everything that cannot be run, collected so that one error can name it all. */
  readonly problems = new Set<string>();
  /** Names given to layers, by the layer's place in the model. */
  readonly #names = new Map<string, string>();
  readonly #taken = new Set<string>();
  #work = 0;

  /** The calls of a model on `inputs`; returns the calls that give its outputs. */
  model(className: string, config: unknown, inputs: readonly number[], scope: Scope): number[] {
    if (scope.path.length > MAX_DEPTH) invalid(`Models stand inside each other more than ${MAX_DEPTH} deep.`);
    return className === 'Sequential'
      ? this.#sequential(config, inputs, scope)
      : this.#functional(config, inputs, scope);
  }

  #sequential(config: unknown, inputs: readonly number[], scope: Scope): number[] {
    const parsed = sequentialConfig.safeParse(config);
    if (!parsed.success) invalid(`The Sequential model is malformed: ${problemOf(parsed.error)}.`);
    this.#count(parsed.data.layers.length);
    const layers = parsed.data.layers.filter((layer) => layer.class_name !== 'InputLayer');
    checkNames(layers);
    let at = [...inputs];
    for (const layer of layers) at = this.#layer(layer, at, scope);
    return at;
  }

  #functional(config: unknown, inputs: readonly number[], scope: Scope): number[] {
    const parsed = functionalConfig.safeParse(config);
    if (!parsed.success) invalid(`The functional model is malformed: ${problemOf(parsed.error)}.`);
    const { layers, input_layers, output_layers } = parsed.data;
    this.#count(layers.length);
    checkNames(layers);
    if (input_layers.length !== inputs.length) {
      invalid(`A model with ${input_layers.length} inputs is given ${inputs.length} tensors.`);
    }
    const results = new Map(input_layers.map(([layer], i): [string, number[]] => [callKey(layer, 0), [inputs[i]!]]));
    const find = ([layer, call, output]: TensorKey, by: string): number =>
      results.get(callKey(layer, call))?.[output] ??
      invalid(`${by} takes output ${output} of "${layer}", which has none.`);
    const plan = planCalls(layers, new Set(results.keys()), output_layers);
    for (const { key, entry, tensors } of plan.calls) {
      const taken = tensors.map((tensor) => find(tensor, `The layer "${nameOf(entry)}"`));
      results.set(key, this.#layer(entry, taken, scope));
    }
    return plan.outputs.map((tensor) => find(tensor, 'The model'));
  }

  /** Keeps what a small file can cause in bounds: a model inside may be called, and taken apart, many times. */
  #count(layers: number): void {
    this.#work += layers + 1;
    if (this.#work > MAX_WORK) invalid('The models inside the model have too many layers in all.');
  }

  /** One call of a layer; returns the calls that give its outputs. */
  #layer(entry: LayerEntry, inputs: readonly number[], scope: Scope): number[] {
    const name = nameOf(entry);
    const inside: Scope = { ...scope, path: [...scope.path, name] };
    if (MODEL_CLASSES.has(entry.class_name)) return this.model(entry.class_name, entry.config, inputs, inside);
    if (entry.class_name === 'TimeDistributed') return this.#distributed(entry, inputs, inside);
    return [this.#plain(entry, inputs, scope)];
  }

  #distributed(entry: LayerEntry, inputs: readonly number[], inside: Scope): number[] {
    const wrapped = serialised.safeParse(entry.config['layer']);
    if (!wrapped.success) invalid(`"${nameOf(entry)}" is a TimeDistributed layer without a layer in it.`);
    const { class_name, config } = wrapped.data;
    // Old Sequential models have a plain list for their configuration.
    const inner = layerEntry.safeParse({ class_name, config: Array.isArray(config) ? { layers: config } : config });
    if (!inner.success) invalid(`The layer in "${nameOf(entry)}" is malformed: ${problemOf(inner.error)}.`);
    if (inside.distributed) {
      this.problems.add(`TimeDistributed "${nameOf(entry)}" (inside another one)`);
      return [...inputs];
    }
    return this.#layer(inner.data, inputs, { ...inside, distributed: true });
  }

  #plain(entry: LayerEntry, inputs: readonly number[], scope: Scope): number {
    const own = nameOf(entry);
    const what = `${entry.class_name} "${scope.path.length > 0 ? `${scope.path.join('/')}/` : ''}${own}"`;
    const type = LAYERS.get(entry.class_name);
    if (!type) {
      this.problems.add(what);
      return inputs[0] ?? INPUT;
    }
    const parsed = type.config.safeParse(entry.config);
    if (!parsed.success) invalid(`${what}: ${problemOf(parsed.error)}.`);
    const config = parsed.data;
    const reason = type.unsupported?.(config) ?? null;
    if (reason !== null) this.problems.add(`${what} (${reason})`);
    if (!type.merges && inputs.length !== 1) this.problems.add(`${what} (${inputs.length} inputs)`);
    const { activation, softmax } = type.activated
      ? this.#activation(entry.config['activation'], what)
      : { activation: null, softmax: entry.class_name === 'Softmax' };
    this.calls.push({
      name: this.#displayName(own, scope),
      className: entry.class_name,
      type,
      config,
      weightNames: weightNames(own, scope),
      distributed: scope.distributed,
      inputs,
      activation,
      softmax,
    });
    return this.calls.length - 1;
  }

  /** An activation as it stands in a configuration: a name, or an activation layer with its own configuration. */
  #activation(given: unknown, what: string): Pick<LayerCall, 'activation' | 'softmax'> {
    if (given === undefined || given === null) return { activation: null, softmax: false };
    const object = serialised.safeParse(given);
    const layer = object.success ? LAYERS.get(object.data.class_name) : undefined;
    if (layer?.pointwise && !layer.merges && !layer.activated) {
      const parsed = layer.config.safeParse(object.data?.config);
      if (parsed.success && !layer.unsupported?.(parsed.data)) {
        const softmax = object.data?.class_name === 'Softmax';
        return { activation: (c, x) => layer.build(c, [x], parsed.data), softmax };
      }
    }
    // Functions are written as their name, or as an object that holds it.
    const inner =
      object.success && typeof object.data.config === 'string' ? object.data.config : object.data?.class_name;
    const name = typeof given === 'string' ? given : (inner ?? '');
    const named = layer ? undefined : activationNamed(name);
    if (named) return { activation: (c, x) => named(c.b, x), softmax: isSoftmax(name) };
    this.problems.add(`${what} (activation ${shown(given)})`);
    return { activation: null, softmax: false };
  }

  /** A name for the layer that no other has: its own, that of its wrapper, or both. */
  #displayName(own: string, { path }: Scope): string {
    const place = [...path, own].join('/');
    const known = this.#names.get(place);
    if (known !== undefined) return known;
    const wrapper = path[path.length - 1];
    // A wrapper that was given a name on purpose says more than the layer in it.
    const telling = wrapper !== undefined && path.length === 1 && !/^time_distributed(_\d+)?$/.test(wrapper);
    const candidates = path.length === 1 && !telling ? [own, place] : [telling ? wrapper : place, place];
    const free = [...candidates, ...candidates.map((name) => `${name}/${this.#taken.size}`)];
    const name = free.find((candidate) => !this.#taken.has(candidate))!;
    this.#names.set(place, name);
    this.#taken.add(name);
    return name;
  }
}

/** Names under which a layer's weights stand in files of various converters. */
function weightNames(own: string, { path }: Scope): string[] {
  const full = [...path, own];
  const suffixes = full.map((_, i) => full.slice(i).join('/'));
  const wrapper = path[path.length - 1];
  return wrapper === undefined ? suffixes : [...suffixes.slice(0, -1), wrapper, own];
}

/** The input shape that a model says it wants, the batch included. */
function inputShape(className: string, config: unknown, depth = 0): readonly (number | null)[] {
  if (depth > MAX_DEPTH) invalid(`Models stand inside each other more than ${MAX_DEPTH} deep.`);
  const parsed = className === 'Sequential' ? sequentialConfig.safeParse(config) : functionalConfig.safeParse(config);
  if (!parsed.success) invalid(`The ${className} model is malformed: ${problemOf(parsed.error)}.`);
  const { layers } = parsed.data;
  let entry = layers[0]!;
  if ('input_layers' in parsed.data) {
    const ends = parsed.data['input_layers'] as TensorKey[];
    if (ends.length !== 1) {
      throw new NeuroreelError(
        'MODEL_FORMAT_UNSUPPORTED',
        `The model has ${ends.length} inputs; only one can be imported.`,
      );
    }
    entry =
      layers.find((layer) => nameOf(layer) === ends[0]![0]) ?? invalid(`There is no input layer "${ends[0]![0]}".`);
  }
  const own = inputConfig.safeParse(entry.config);
  const shape = own.success ? (own.data.batch_input_shape ?? own.data.batch_shape) : undefined;
  if (shape) return shape;
  if (MODEL_CLASSES.has(entry.class_name)) return inputShape(entry.class_name, entry.config, depth + 1);
  return invalid(`The model does not say what shape its input has: "${nameOf(entry)}" lacks batch_input_shape.`);
}

/**
 * Reads a model's topology.
 * @throws NeuroreelError MODEL_FORMAT_UNSUPPORTED naming every layer that cannot be run, MODEL_INVALID where something
 * is malformed, GRAPH_INVALID for a cycle.
 */
export function readTopology(topology: Readonly<Record<string, unknown>>): Topology {
  const parsed = serialised.safeParse(topology['model_config'] ?? topology);
  if (!parsed.success) invalid(`The model's topology is malformed: ${problemOf(parsed.error)}.`);
  const { class_name: className, config } = parsed.data;
  if (!MODEL_CLASSES.has(className)) {
    throw new NeuroreelError('MODEL_FORMAT_UNSUPPORTED', `A Keras model of the class ${className} cannot be imported.`);
  }
  const input = inputShape(className, config);
  const reader = new TopologyReader();
  const outputs = reader.model(className, config, [INPUT], { path: [], distributed: false });
  if (reader.problems.size > 0) {
    const problems = [...reader.problems];
    throw new NeuroreelError('MODEL_FORMAT_UNSUPPORTED', `These layers cannot be imported: ${problems.join(', ')}.`, {
      details: { layers: problems },
    });
  }
  if (outputs.length !== 1) {
    throw new NeuroreelError(
      'MODEL_FORMAT_UNSUPPORTED',
      `The model has ${outputs.length} outputs; only one can be imported.`,
    );
  }
  if (outputs[0] === INPUT) invalid('The model has no layers.');
  const version = topology['keras_version'];
  const writer = typeof version === 'string' && version.startsWith('tfjs') ? 'tfjs' : 'keras';
  return { input: input.slice(1), ...needed(reader.calls, outputs[0]!), writer };
}

/** The calls that the output depends on. */
function needed(calls: readonly LayerCall[], output: number): Pick<Topology, 'calls' | 'output'> {
  const wanted = new Set([output]);
  for (let i = output; i >= 0; i--) if (wanted.has(i)) calls[i]!.inputs.forEach((input) => wanted.add(input));
  const kept = calls.map((_, i) => i).filter((i) => wanted.has(i));
  const places = new Map(kept.map((i, place) => [i, place]));
  return {
    calls: kept.map((i) => ({ ...calls[i]!, inputs: calls[i]!.inputs.map((input) => places.get(input) ?? INPUT) })),
    output: places.get(output)!,
  };
}
