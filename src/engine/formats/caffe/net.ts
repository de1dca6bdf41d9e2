/**
 * A Caffe network as it is when it is used: its inputs, and its layers as calls in the order in which they run. Blobs
 * have numbers here, because layers that work in place give a new blob under an old name. Layers of the training phase,
 * losses, and what only leads to their targets, are gone.
 */
import { z } from 'zod';
import { NeuroreelError } from '../../../protocol/errors.js';
import { inputFields, inputsOf, type NetInput } from './data.js';
import type { LayerType } from './layers/definition.js';
import { LAYERS } from './layers/table.js';
import { choice, optional, problemOf, repeated, text } from './schema.js';
import type { TextMessage } from './text.js';
import { layersOf, type RawLayer } from './upgrade.js';

export interface LayerCall {
  readonly name: string;
  readonly typeName: string;
  readonly type: LayerType;
  readonly config: never;
  readonly shared: readonly string[];
  /** Numbers of blobs. */
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
}

export interface NetBlob {
  readonly name: string;
  /** Number of the call that makes it; null for an input. */
  readonly maker: number | null;
  /** Numbers of the calls that read it. */
  readonly readers: readonly number[];
}

export interface Net {
  readonly name: string;
  /** The inputs that something reads; input i is blob i. */
  readonly inputs: readonly NetInput[];
  readonly calls: readonly LayerCall[];
  readonly blobs: readonly NetBlob[];
}

function invalid(message: string): never {
  throw new NeuroreelError('MODEL_INVALID', message);
}

/** Layers that are there for training and measuring only; all but their first bottom are targets. */
const DROPPED =
  /^(Accuracy|Silence|HDF5Output|SoftmaxWithLoss|(Contrastive|Euclidean|Hinge|Infogain|MultinomialLogistic|SigmoidCrossEntropy|Triplet)Loss)$/;

const rule = z.object({
  phase: optional(choice('TRAIN', 'TEST')),
  min_level: optional(z.int()),
  max_level: optional(z.int()),
  not_stage: repeated(text, 100),
});
const rules = z.object({
  include: repeated(rule, 100),
  exclude: repeated(rule, 100),
});
type Rule = z.output<typeof rule>;

/** Whether a rule is met in the test phase at level 0, with every stage on that a rule asks for. */
const isMet = ({ phase = 'TEST', min_level = 0, max_level = 0, not_stage }: Rule): boolean =>
  phase === 'TEST' && min_level <= 0 && max_level >= 0 && not_stage.length === 0;

/** Whether a layer takes part in the test phase. */
function isUsed({ name, message }: RawLayer): boolean {
  const parsed = rules.safeParse(message);
  if (!parsed.success) return invalid(`The rules of the layer "${name}" are malformed: ${problemOf(parsed.error)}.`);
  const { include, exclude } = parsed.data;
  return include.length > 0 ? include.some(isMet) : !exclude.some(isMet);
}

/** Says what a file without layers is. */
function checkHasLayers(net: TextMessage, what: string): void {
  if (net['layer'] || net['layers']) return;
  const named = ['net', 'train_net', 'test_net'].flatMap((field) => net[field] ?? []);
  const path = named.find((value) => typeof value === 'string');
  if (path !== undefined || net['base_lr'] || net['lr_policy']) {
    const where = path === undefined ? '' : `; the network is ${JSON.stringify(path)}`;
    throw new NeuroreelError(
      'MODEL_FORMAT_UNSUPPORTED',
      `${what} is a solver of Caffe, which says how a network is trained${where}.`,
    );
  }
  throw new NeuroreelError('MODEL_FORMAT_UNSUPPORTED', `${what} has no layers: it is no network of Caffe.`);
}

interface Draft {
  readonly layer: RawLayer;
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
}

/** Gives blobs numbers; throws where a layer reads what no layer before it makes. */
class Wiring {
  readonly inputs: NetInput[] = [];
  readonly drafts: Draft[] = [];
  readonly names: string[] = [];
  readonly #current = new Map<string, number>();

  constructor(net: TextMessage, layers: readonly RawLayer[]) {
    const fed = new Map(layers.map((layer) => [layer, inputsOf(layer)]));
    this.#feed(inputFields(net));
    for (const inputs of fed.values()) if (inputs) this.#feed(inputs);
    const made = new Set(layers.flatMap(({ tops }) => tops));
    for (const layer of layers) if (!fed.get(layer)) this.#wire(layer, made);
  }

  /** Of several sources of the same data, for several stages of testing, the first counts. */
  #feed(inputs: readonly NetInput[]): void {
    if (inputs.length > 0 && inputs.every(({ name }) => this.#current.has(name))) return;
    for (const input of inputs) {
      if (this.#current.has(input.name)) invalid(`The blob "${input.name}" is fed twice.`);
      this.inputs.push(input);
      this.#add(input.name);
    }
  }

  #add(name: string): number {
    this.#current.set(name, this.names.length);
    return this.names.push(name) - 1;
  }

  #wire(layer: RawLayer, made: ReadonlySet<string>): void {
    const inputs = layer.bottoms.map((name) => {
      const blob = this.#current.get(name);
      if (blob !== undefined) return blob;
      const problem = `The layer "${layer.name}" reads the blob "${name}", which `;
      if (!made.has(name)) return invalid(`${problem}nothing makes.`);
      throw new NeuroreelError('GRAPH_INVALID', `${problem}only it or a later layer makes: a cycle, or a wrong order.`);
    });
    for (const name of layer.tops) {
      if (this.#current.has(name) && !layer.bottoms.includes(name)) {
        invalid(`The blob "${name}" is made twice, the second time by the layer "${layer.name}".`);
      }
    }
    this.drafts.push({ layer, inputs, outputs: layer.tops.map((name) => this.#add(name)) });
  }
}

/** Layers that measure, and those that go on from what they give. */
function measuring(drafts: readonly Draft[]): Set<Draft> {
  const found = new Set<Draft>();
  const made = new Set<number>();
  for (const draft of drafts) {
    if (!DROPPED.test(draft.layer.type) && !draft.inputs.some((blob) => made.has(blob))) continue;
    found.add(draft);
    for (const blob of draft.outputs) made.add(blob);
  }
  return found;
}

/** The layers that are left without losses and without what only makes their targets. */
function withoutTargets(drafts: readonly Draft[], blobs: number): Draft[] {
  const dropped = measuring(drafts);
  // A blob is only a target when it is read, and nothing reads it but as a target.
  const read = new Array<boolean>(blobs).fill(false);
  const needed = new Array<boolean>(blobs).fill(false);
  const kept: Draft[] = [];
  for (const draft of [...drafts].reverse()) {
    const { layer, inputs, outputs } = draft;
    const target = outputs.length > 0 && outputs.every((blob) => read[blob] && !needed[blob]);
    const takesTargets = DROPPED.test(layer.type);
    for (const [i, blob] of inputs.entries()) {
      read[blob] = true;
      if (takesTargets ? i === 0 : !target) needed[blob] = true;
    }
    if (!dropped.has(draft) && !target) kept.push(draft);
  }
  return kept.reverse();
}

/** Looks up types and reads options; says all that cannot be run in one error. */
function typed(drafts: readonly Draft[]): LayerCall[] {
  const problems = new Set<string>();
  const calls: LayerCall[] = [];
  for (const { layer, inputs, outputs } of drafts) {
    const what = `${layer.type} "${layer.name}"`;
    const type = LAYERS.get(layer.type);
    if (!type) {
      problems.add(what);
      continue;
    }
    const parsed = type.config.safeParse(layer.message);
    if (!parsed.success) invalid(`${what}: ${problemOf(parsed.error)}.`);
    const reason = type.unsupported?.(parsed.data) ?? countProblem(type, layer);
    if (reason !== null) problems.add(`${what} (${reason})`);
    const { name, type: typeName, shared } = layer;
    calls.push({ name, typeName, type, config: parsed.data, shared, inputs, outputs });
  }
  if (problems.size > 0) {
    const layers = [...problems];
    throw new NeuroreelError('MODEL_FORMAT_UNSUPPORTED', `These layers cannot be imported: ${layers.join(', ')}.`, {
      details: { layers },
    });
  }
  return calls;
}

function countProblem({ bottoms = [1, 1], tops = [1, 1] }: LayerType, layer: RawLayer): string | null {
  const [below, above] = [layer.bottoms.length, layer.tops.length];
  if (below < bottoms[0] || below > bottoms[1]) return `${below} bottoms`;
  return above < tops[0] || above > tops[1] ? `${above} tops` : null;
}

/** Numbers blobs anew, without those that nothing is left to read or make. */
function compact({ inputs, names }: Wiring, calls: readonly LayerCall[], title: string): Net {
  const used = new Set(calls.flatMap((call) => call.inputs));
  const numbers = new Map<number, number>();
  const blobs: { name: string; maker: number | null; readers: number[] }[] = [];
  const add = (old: number, maker: number | null): number => {
    numbers.set(old, blobs.length);
    return blobs.push({ name: names[old]!, maker, readers: [] }) - 1;
  };
  const kept = inputs.filter((_, i) => used.has(i));
  inputs.forEach((_, i) => used.has(i) && add(i, null));
  const renumbered = calls.map((call, i) => {
    const read = call.inputs.map((old) => numbers.get(old)!);
    for (const blob of new Set(read)) blobs[blob]!.readers.push(i);
    return { ...call, inputs: read, outputs: call.outputs.map((old) => add(old, i)) };
  });
  return { name: title, inputs: kept, calls: renumbered, blobs };
}

const title = z.object({ name: optional(text) });

/**
 * Reads a network.
 * @param what the file, for messages.
 * @throws NeuroreelError MODEL_FORMAT_UNSUPPORTED naming every layer that cannot be run, and for a file that is no
 * network; MODEL_INVALID where something is malformed; GRAPH_INVALID for a cycle.
 */
export function readNet(message: TextMessage, what: string): Net {
  checkHasLayers(message, what);
  const named = title.safeParse(message);
  const wiring = new Wiring(message, layersOf(message).filter(isUsed));
  const calls = typed(withoutTargets(wiring.drafts, wiring.names.length));
  const net = compact(wiring, calls, (named.success ? named.data.name : undefined) ?? '');
  if (net.calls.length === 0) invalid(`${what} has no layers that are used for anything but training.`);
  if (net.inputs.length === 0) invalid(`${what} has no input.`);
  return net;
}
