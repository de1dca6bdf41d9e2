/** How the layers of a functional model are connected: its calls of layers, in an order in which they can be run. */
import { NeuroreelError } from '../../../protocol/errors.js';
import { MODEL_CLASSES, inboundCall, nameOf, type LayerEntry, type TensorKey } from './schema.js';

const MAX_CALLS = 10_000;

/** One call of a layer, and the tensors that it takes. */
export interface PlannedCall {
  readonly key: string;
  readonly entry: LayerEntry;
  readonly tensors: readonly TensorKey[];
}

export interface CallPlan {
  readonly calls: readonly PlannedCall[];
  /** The model's outputs, with the numbers of calls that `calls` have. */
  readonly outputs: readonly TensorKey[];
}

function invalid(message: string): never {
  throw new NeuroreelError('MODEL_INVALID', message);
}

/** Names a call: a layer, and which of its calls. */
export const callKey = (layer: string, call: number): string => `${layer}\n${call}`;
const layerOf = (key: string): string => key.slice(0, key.lastIndexOf('\n'));

export function checkNames(layers: readonly LayerEntry[]): void {
  const seen = new Set<string>();
  for (const layer of layers) {
    const name = nameOf(layer);
    if (seen.has(name)) invalid(`Two layers are named "${name}".`);
    seen.add(name);
  }
}

/** The tensors that a call of a layer takes. */
function tensorsOf(call: unknown, name: string): TensorKey[] {
  if (typeof call === 'object' && call !== null && !Array.isArray(call)) {
    throw new NeuroreelError(
      'MODEL_FORMAT_UNSUPPORTED',
      `The layer "${name}" is connected as Keras 3 writes it; save the model with Keras 2 (tf_keras).`,
    );
  }
  const parsed = inboundCall.safeParse(call);
  return parsed.success ? parsed.data : invalid(`The inputs of the layer "${name}" are malformed.`);
}

/**
 * Keras counts the calls of a model inside a model from 1 (the first is its own making), TensorFlow.js from 0. Gives
 * the function that counts them from 0.
 */
function zeroBased(
  layers: readonly LayerEntry[],
  uses: readonly (readonly TensorKey[])[],
): (tensor: TensorKey) => TensorKey {
  const counts = new Map<string, number>();
  for (const layer of layers) {
    if (MODEL_CLASSES.has(layer.class_name)) counts.set(nameOf(layer), layer.inbound_nodes?.length ?? 0);
  }
  const shifted = new Set<string>();
  for (const tensors of uses) {
    for (const [name, call] of tensors) if (call >= (counts.get(name) ?? Infinity)) shifted.add(name);
  }
  return (tensor) => (shifted.has(tensor[0]) ? [tensor[0], Math.max(0, tensor[1] - 1), tensor[2]] : tensor);
}

/** Which calls wait for which, and for how many each waits. */
function dependencies(planned: ReadonlyMap<string, PlannedCall>, given: ReadonlySet<string>) {
  const users = new Map<string, string[]>([...planned.keys()].map((key) => [key, []]));
  const missing = new Map<string, number>();
  for (const { key, tensors, entry } of planned.values()) {
    const sources = new Set(
      tensors.map(([layer, call]) => callKey(layer, call)).filter((source) => !given.has(source)),
    );
    for (const source of sources) {
      const known = users.get(source);
      if (!known) {
        return invalid(
          `The layer "${nameOf(entry)}" takes an output of "${layerOf(source)}", which does not give one.`,
        );
      }
      known.push(key);
    }
    missing.set(key, sources.size);
  }
  return { users, missing };
}

/**
 * All calls of a functional model, each after those whose outputs it takes.
 * @param given calls whose outputs are there from the start: those of the input layers.
 * @throws NeuroreelError GRAPH_INVALID for a cycle, MODEL_INVALID for what is malformed.
 */
export function planCalls(
  layers: readonly LayerEntry[],
  given: ReadonlySet<string>,
  outputs: readonly TensorKey[],
): CallPlan {
  const total = layers.reduce((n, layer) => n + (layer.inbound_nodes?.length ?? 0), 0);
  if (total > MAX_CALLS) invalid(`The model calls layers more than ${MAX_CALLS} times.`);
  const inbound = layers.map((entry) => (entry.inbound_nodes ?? []).map((call) => tensorsOf(call, nameOf(entry))));
  const counted = zeroBased(layers, [outputs, ...inbound.flat()]);
  const planned = new Map<string, PlannedCall>();
  layers.forEach((entry, i) =>
    inbound[i]!.forEach((tensors, call) => {
      const key = callKey(nameOf(entry), call);
      if (!given.has(key)) planned.set(key, { key, entry, tensors: tensors.map(counted) });
    }),
  );
  const { users, missing } = dependencies(planned, given);
  const order = [...planned.keys()].filter((key) => missing.get(key) === 0);
  // The list grows while it is read.
  for (const key of order) {
    for (const user of users.get(key)!) {
      missing.set(user, missing.get(user)! - 1);
      if (missing.get(user) === 0) order.push(user);
    }
  }
  const stuck = [...planned.keys()].find((key) => missing.get(key)! > 0);
  if (stuck !== undefined) {
    const message = `The model's layers form a cycle: "${layerOf(stuck)}" waits for its own output.`;
    throw new NeuroreelError('GRAPH_INVALID', message);
  }
  return { calls: order.map((key) => planned.get(key)!), outputs: outputs.map(counted) };
}
