/**
 * Graphs as JSON (`neuroreel.graph/1`), with the weights beside them, and graphs put into other graphs. Reading checks
 * everything by building the graph again node by node.
 */
import { z } from 'zod';
import { NeuroreelError } from '../../protocol/errors.js';
import type { Attributes } from '../ops/definition.js';
import { opNamed } from '../ops/table.js';
import type { NamedTensor, Weights } from './safetensors.js';
import { GraphBuilder, typeOf, type Graph, type Value } from '../graph/graph.js';
import { sameShape, sizeOf } from '../graph/shape.js';

export const GRAPH_FORMAT = 'neuroreel.graph/1';
const MAX_NODES = 100_000;
/** Most numbers of a list in the JSON. */
const MAX_NUMBERS = 1_000_000;

const id = z.int().min(0).max(10_000_000);
const shape = z.array(z.int().min(1)).max(8);
const attribute = z.union([z.number(), z.string(), z.boolean(), z.array(z.number()).max(MAX_NUMBERS)]);
const graphSchema = z.strictObject({
  inputs: z.array(z.strictObject({ name: z.string(), value: id, shape, dtype: z.enum(['float32', 'uint8']) })).max(64),
  constants: z
    .array(
      z.strictObject({
        value: id,
        shape,
        name: z.string().optional().describe('Name of the tensor in the weights file.'),
        data: z.array(z.number()).max(MAX_NUMBERS).optional().describe('The numbers, for small unnamed constants.'),
      }),
    )
    .max(MAX_NODES),
  nodes: z
    .array(
      z.strictObject({
        op: z.string(),
        inputs: z.array(id).max(1024),
        outputs: z.array(id).max(16),
        attributes: z.record(z.string(), attribute),
      }),
    )
    .max(MAX_NODES),
  outputs: z.array(z.strictObject({ name: z.string(), value: id })).max(MAX_NODES),
});
const fileSchema = z.strictObject({ format: z.literal(GRAPH_FORMAT), graphs: z.record(z.string(), graphSchema) });
type GraphJson = z.output<typeof graphSchema>;

/**
 * Graphs by name as JSON text, and their named constants as tensors. Constants without a name stand in the JSON.
 * @throws NeuroreelError GRAPH_INVALID for what could not be read back: two tensors of one name, numbers that JSON lacks.
 */
export function writeGraphs(graphs: Readonly<Record<string, Graph>>): {
  json: string;
  weights: Map<string, NamedTensor>;
} {
  const weights = new Map<string, NamedTensor>();
  const written = Object.entries(graphs).map(([name, graph]): [string, GraphJson] => [
    name,
    {
      inputs: graph.inputs.map((port) => ({ ...port, ...typed(graph, port.value) })),
      constants: graph.constants.map(({ value, name: tensor, data }) => {
        const { shape: size } = typed(graph, value);
        if (tensor === undefined) return { value, shape: size, data: inText(data, name) };
        const known = weights.get(tensor);
        if (known && !(sameShape(known.shape, size) && sameNumbers(known.data, data))) {
          throw new NeuroreelError('GRAPH_INVALID', `${name}: another tensor is named "${tensor}" too.`);
        }
        weights.set(tensor, { shape: size, data });
        return { value, shape: size, name: tensor };
      }),
      nodes: graph.nodes.map(({ op, inputs, outputs, attributes }) => ({
        op,
        inputs: [...inputs],
        outputs: [...outputs],
        attributes: Object.fromEntries(
          Object.entries(attributes).flatMap(([key, v]) =>
            v === undefined ? [] : [[key, v as z.output<typeof attribute>]],
          ),
        ),
      })),
      outputs: [...graph.outputs],
    },
  ]);
  return { json: JSON.stringify({ format: GRAPH_FORMAT, graphs: Object.fromEntries(written) }), weights };
}

const sameNumbers = (x: Float32Array, y: Float32Array): boolean =>
  x === y || (x.length === y.length && x.every((number, i) => Object.is(number, y[i])));

function inText(data: Float32Array, graph: string): number[] {
  if (data.length > MAX_NUMBERS || !data.every(Number.isFinite)) {
    throw new NeuroreelError(
      'GRAPH_INVALID',
      `${graph}: a constant of ${data.length} numbers, or with one that is not finite, needs a name.`,
    );
  }
  return [...data];
}

function typed(graph: Graph, value: number): { shape: number[]; dtype: 'float32' | 'uint8' } {
  const type = typeOf(graph, value);
  return { shape: [...type.shape], dtype: type.dtype };
}

/**
 * Reads graphs.
 * @param json text in the format `neuroreel.graph/1`.
 * @throws NeuroreelError MODEL_INVALID for another format, GRAPH_INVALID for a graph that breaks a rule.
 */
export function readGraphs(json: string, weights: Weights, file = 'The graph file'): Record<string, Graph> {
  return Object.fromEntries(
    Object.entries(parseGraphs(json, file)).map(([name, graph]) => [
      name,
      readGraph(graph, weights, `${file}, ${name}`),
    ]),
  );
}

/**
 * Reads graphs without their weights, which are zeros in them: good for shapes only.
 * @throws NeuroreelError as {@link readGraphs}
 */
export function readOutlines(json: string, file = 'The graph file'): Record<string, Graph> {
  const graphs = parseGraphs(json, file);
  const named = Object.values(graphs).flatMap(({ constants }) => constants.filter(({ name }) => name !== undefined));
  // All of them are parts of one array, so that a large network costs no more than its largest tensor.
  const zeros = new Float32Array(named.reduce((most, { shape: size }) => Math.max(most, sizeOf(size)), 0));
  const weights = new Map(
    named.map(({ name, shape: size }) => [name!, { shape: size, data: zeros.subarray(0, sizeOf(size)) }]),
  );
  return Object.fromEntries(
    Object.entries(graphs).map(([name, graph]) => [name, readGraph(graph, weights, `${file}, ${name}`)]),
  );
}

function parseGraphs(json: string, file: string): Record<string, GraphJson> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(json);
  } catch {
    throw new NeuroreelError('MODEL_INVALID', `${file} is not JSON.`);
  }
  const result = fileSchema.safeParse(parsed);
  if (!result.success) {
    const issue = result.error.issues[0];
    throw new NeuroreelError('MODEL_INVALID', `${file}: ${issue?.path.join('.')}: ${issue?.message}`);
  }
  return result.data.graphs;
}

function readGraph(json: GraphJson, weights: Weights, what: string): Graph {
  const b = new GraphBuilder();
  const values = new Map<number, Value>();
  const define = (key: number, value: Value): void => {
    if (values.has(key)) throw new NeuroreelError('GRAPH_INVALID', `${what}: value ${key} is made twice.`);
    values.set(key, value);
  };
  const find = (key: number): Value => {
    const value = values.get(key);
    if (!value) throw new NeuroreelError('GRAPH_INVALID', `${what}: value ${key} is used before it is made.`);
    return value;
  };
  for (const { name, value, shape: size, dtype } of json.inputs) define(value, b.input(name, size, dtype));
  for (const constant of json.constants) {
    const { value, shape: size, name } = constant;
    define(value, b.constant(dataOf(constant, weights, what), size, name));
  }
  for (const { op, inputs, outputs, attributes } of json.nodes) {
    const made = nodeMade(b, op, inputs.map(find), attributes, what);
    if (made.length !== outputs.length) {
      throw new NeuroreelError('GRAPH_INVALID', `${what}: ${op} has ${made.length} outputs, not ${outputs.length}.`);
    }
    outputs.forEach((key, i) => define(key, made[i]!));
  }
  for (const { name, value } of json.outputs) b.output(name, find(value));
  return b.build();
}

function dataOf(
  { value, shape: size, name, data }: GraphJson['constants'][number],
  weights: Weights,
  what: string,
): Float32Array | readonly number[] {
  const tensor = name === undefined ? data && { data, shape: [data.length] } : weights.get(name);
  const fits = name === undefined ? data?.length === sizeOf(size) : tensor && sameShape(tensor.shape, size);
  if (tensor && fits) return tensor.data;
  throw new NeuroreelError('MODEL_INVALID', `${what}: no weights "${name ?? value}" of shape [${size.join(', ')}].`);
}

/** Adds a node of a file. A shape rule that finds inputs or attributes missing, or of another kind, may fail in any way. */
function nodeMade(b: GraphBuilder, op: string, inputs: Value[], attributes: Attributes, what: string): Value[] {
  const definition = opNamed(op);
  try {
    return b.node(definition, inputs, attributes);
  } catch (cause) {
    const why = cause instanceof NeuroreelError ? cause.message : 'its inputs or attributes are not those of the op.';
    throw new NeuroreelError('GRAPH_INVALID', `${what}, a node ${op}: ${why}`, { cause });
  }
}

/**
 * Puts a graph into another: its nodes are added with `inputs` in place of its inputs, and shapes are inferred anew, so
 * that a network stored for one frame runs on a batch.
 * @returns the graph's outputs by name.
 */
export function inline(b: GraphBuilder, graph: Graph, inputs: Readonly<Record<string, Value>>): Record<string, Value> {
  const values = new Map<number, Value>();
  for (const { name, value } of graph.inputs) {
    const given = inputs[name];
    if (!given) throw new NeuroreelError('GRAPH_INVALID', `The network's input "${name}" is not connected.`);
    values.set(value, given);
  }
  for (const { value, name, data } of graph.constants) {
    values.set(value, b.constant(data, typeOf(graph, value).shape, name));
  }
  for (const node of graph.nodes) {
    const made = b.node(
      opNamed(node.op),
      node.inputs.map((key) => values.get(key)!),
      node.attributes,
    );
    node.outputs.forEach((key, i) => values.set(key, made[i]!));
  }
  return Object.fromEntries(graph.outputs.map(({ name, value }) => [name, values.get(value)!]));
}
