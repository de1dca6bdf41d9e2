/**
 * What of a model file is to be run, in an order in which it can be: the nodes that its output depends on, each with its
 * entry in the table of ops and its attributes. All that cannot be imported is named in one error.
 */
import type { z } from 'zod';
import { NeuroreelError } from '../../../protocol/errors.js';
import type { OnnxFiles } from './files.js';
import type { Known } from './known.js';
import type { NodeFacts, OnnxOp } from './ops/definition.js';
import { ONNX_OPS } from './ops/table.js';
import { bytesOf, decodeTensor, kindOf } from './tensors.js';
import { STANDARD_DOMAINS, type AttributeFile, type NodeFile, type PortFile, type TensorFile } from './wire.js';

/** Most whole numbers that are decoded: weights are floats, and lists of sizes are short. */
const MAX_WHOLE_NUMBERS = 2 ** 26;
/** Problems that are named in the message; the details have all of them. */
const MAX_NAMED = 200;
/** Characters of a name that are kept. */
const MAX_SHOWN = 256;
const OLDEST_OPSET = 9;
const NEWEST_OPSET = 21;

export interface PlannedNode {
  readonly opType: string;
  readonly op: OnnxOp;
  readonly attributes: never;
  readonly facts: NodeFacts;
  readonly outputs: readonly string[];
}

export interface Plan {
  readonly nodes: readonly PlannedNode[];
  readonly input: PortFile;
  /** Name of the tensor that the model gives. */
  readonly output: string;
  /** A tensor whose numbers stand in the file; the same object each time. */
  initialiser(name: string): Known | undefined;
}

function invalid(message: string): never {
  throw new NeuroreelError('MODEL_INVALID', message);
}

function unsupported(message: string): never {
  throw new NeuroreelError('MODEL_FORMAT_UNSUPPORTED', message);
}

/** Tensors of the file by name, decoded when they are first asked for. */
class Initialisers {
  readonly #files: OnnxFiles;
  readonly #byName = new Map<string, TensorFile>();
  readonly #decoded = new Map<TensorFile, Known>();
  #whole = 0;

  constructor(files: OnnxFiles) {
    this.#files = files;
    for (const tensor of files.model.initialisers) {
      if (this.#byName.has(tensor.name)) invalid(`Two initialisers are named "${tensor.name}".`);
      this.#byName.set(tensor.name, tensor);
    }
  }

  has(name: string): boolean {
    return this.#byName.has(name);
  }

  find(name: string): Known | undefined {
    const tensor = this.#byName.get(name);
    return tensor && this.decoded(tensor);
  }

  decoded(tensor: TensorFile): Known {
    const done = this.#decoded.get(tensor);
    if (done) return done;
    if (kindOf(tensor.type) !== 'float') this.#whole += bytesOf(tensor);
    if (this.#whole > MAX_WHOLE_NUMBERS) invalid('The model holds more whole numbers than can be imported.');
    const known = decodeTensor(tensor, this.#files.external.get(tensor));
    this.#decoded.set(tensor, known);
    return known;
  }
}

/** A name for messages: the node's own, or that of what it gives. */
const nameOf = (node: NodeFile): string =>
  (node.name || node.outputs.find((name) => name !== '') || node.op).slice(0, MAX_SHOWN);

/** Nodes by the tensors that they make. */
function makersOf(nodes: readonly NodeFile[], given: (name: string) => boolean): Map<string, NodeFile> {
  const makers = new Map<string, NodeFile>();
  for (const node of nodes) {
    for (const output of node.outputs) {
      if (output === '') continue;
      if (makers.has(output) || given(output)) invalid(`Two nodes, or a node and an input, give "${output}".`);
      makers.set(output, node);
    }
  }
  return makers;
}

/** The nodes that a tensor depends on, each after those whose outputs it takes. */
function orderedNodes(
  output: string,
  makers: ReadonlyMap<string, NodeFile>,
  given: (name: string) => boolean,
): NodeFile[] {
  const ordered: NodeFile[] = [];
  const state = new Map<NodeFile, 'open' | 'done'>();
  const first = makers.get(output) ?? invalid(`No node gives the model's output "${output}".`);
  const stack = [first];
  while (stack.length > 0) {
    const node = stack[stack.length - 1]!;
    if (state.get(node) === 'done') {
      stack.pop();
      continue;
    }
    const again = state.get(node) === 'open';
    state.set(node, 'open');
    const waiting: NodeFile[] = [];
    for (const input of new Set(node.inputs)) {
      if (input === '' || given(input)) continue;
      const maker = makers.get(input) ?? invalid(`The node "${nameOf(node)}" takes "${input}", which nothing gives.`);
      if (state.get(maker) === 'done') continue;
      if (again) {
        const message = `The model's nodes form a cycle: "${nameOf(node)}" waits for its own output.`;
        throw new NeuroreelError('GRAPH_INVALID', message);
      }
      waiting.push(maker);
    }
    if (waiting.length > 0) {
      stack.push(...waiting.reverse());
    } else {
      state.set(node, 'done');
      ordered.push(node);
      stack.pop();
    }
  }
  return ordered;
}

/** Attributes as the entries of the table want them; undefined for one of a kind that no entry reads. */
function plainAttribute(attribute: AttributeFile, initialisers: Initialisers): unknown {
  if (attribute.type === 'tensor') return initialisers.decoded(attribute.value);
  return attribute.type === 'other' ? Symbol('of another kind') : attribute.value;
}

/** What is wrong with attributes: unsupported ones as a reason, broken ones as an error. */
function attributeProblem(error: z.ZodError, what: string): string {
  const issue = error.issues[0]!;
  const place = issue.path.join('.');
  if (issue.code === 'unrecognized_keys') return `attribute ${issue.keys.join(', ')}`;
  if (issue.code === 'invalid_value') return `attribute ${place}`;
  return invalid(`${what}: the attribute ${place} is wrong: ${issue.message}.`);
}

class Planner {
  /** Everything that cannot be imported, collected so that one error can name it all. */
  readonly problems = new Set<string>();
  readonly #opset: number;
  readonly #initialisers: Initialisers;
  readonly #used: ReadonlySet<string>;

  constructor(opset: number, initialisers: Initialisers, used: ReadonlySet<string>) {
    this.#opset = opset;
    this.#initialisers = initialisers;
    this.#used = used;
  }

  plan(node: NodeFile): PlannedNode | null {
    const standard = STANDARD_DOMAINS.has(node.domain);
    const name = nameOf(node);
    const what = `${standard ? node.op : `${node.domain}.${node.op}`} "${name}"`;
    const op = standard ? ONNX_OPS.get(node.op) : undefined;
    if (!op) {
      this.problems.add(what);
      return null;
    }
    const facts: NodeFacts = {
      name,
      opset: this.#opset,
      inputs: node.inputs,
      used: node.outputs.map((output) => this.#used.has(output)),
    };
    const [fewest, most] = op.inputs;
    if (node.inputs.length < fewest || node.inputs.slice(0, fewest).includes('')) invalid(`${what} lacks inputs.`);
    if (node.inputs.length > most) this.problems.add(`${what} (${node.inputs.length} inputs)`);
    const last = facts.used.lastIndexOf(true);
    if (last >= (op.outputs ?? 1)) this.problems.add(`${what} (output ${last})`);
    const attributes = this.#attributes(node, op, facts, what);
    return { opType: node.op, op, attributes, facts, outputs: node.outputs };
  }

  #attributes(node: NodeFile, op: OnnxOp, facts: NodeFacts, what: string): never {
    const plain = [...node.attributes].map(([key, value]) => [key, plainAttribute(value, this.#initialisers)]);
    const parsed = op.attributes.safeParse(Object.fromEntries(plain));
    const reason = parsed.success
      ? (op.unsupported?.(parsed.data, facts) ?? null)
      : attributeProblem(parsed.error, what);
    if (reason !== null) this.problems.add(`${what} (${reason})`);
    return parsed.data as never;
  }
}

/** The only one of the model's inputs or outputs. */
function only(ports: readonly PortFile[], what: string): PortFile {
  if (ports.length === 1) return ports[0]!;
  const names = ports.slice(0, 8).map(({ name }) => `"${name}"`);
  return unsupported(`The model has ${ports.length} ${what} (${names.join(', ')}); only one can be imported.`);
}

/**
 * Plans a model.
 * @throws NeuroreelError MODEL_FORMAT_UNSUPPORTED naming every node that cannot be imported, and for an opset that is not
 * known; MODEL_INVALID where something is malformed; GRAPH_INVALID for a cycle.
 */
export function planModel(files: OnnxFiles): Plan {
  const { model } = files;
  const { opset } = model;
  if (opset === null) invalid('The model does not say which version of the standard operators it is written in.');
  if (opset < OLDEST_OPSET || opset > NEWEST_OPSET) {
    unsupported(`The model is of opset ${opset}; ${OLDEST_OPSET} to ${NEWEST_OPSET} can be imported.`);
  }
  const initialisers = new Initialisers(files);
  const input = only(
    model.inputs.filter(({ name }) => !initialisers.has(name)),
    'inputs',
  );
  const output = only(model.outputs, 'outputs');
  const given = (name: string): boolean => name === input.name || initialisers.has(name);
  const ordered = orderedNodes(output.name, makersOf(model.nodes, given), given);
  const used = new Set([output.name, ...ordered.flatMap((node) => node.inputs)]);
  const planner = new Planner(opset, initialisers, used);
  const nodes = ordered.map((node) => planner.plan(node));
  if (planner.problems.size > 0) {
    const problems = [...planner.problems];
    const more = problems.length > MAX_NAMED ? `, and ${problems.length - MAX_NAMED} more` : '';
    const message = `These nodes cannot be imported: ${problems.slice(0, MAX_NAMED).join(', ')}${more}.`;
    throw new NeuroreelError('MODEL_FORMAT_UNSUPPORTED', message, { details: { layers: problems } });
  }
  return {
    nodes: nodes as PlannedNode[],
    input,
    output: output.name,
    initialiser: (name) => initialisers.find(name),
  };
}
