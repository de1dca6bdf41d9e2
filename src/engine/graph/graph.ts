/**
 * The tensor graph: values with static shapes, nodes that compute them, constants, named inputs and outputs.
 * Nodes stand in an order in which they can be run. Gradients are nodes like any others (see `autodiff/`).
 */
import { checkShape, sizeOf, type Shape } from './shape.js';
import { NeuroreelError } from '../../protocol/errors.js';
import type { Attributes, OpDefinition } from '../ops/definition.js';

export type DType = 'float32' | 'uint8';

export interface TensorType {
  readonly shape: Shape;
  readonly dtype: DType;
}

/** A tensor in a graph. Only the builder that made it may use it. */
export interface Value extends TensorType {
  readonly id: number;
}

export interface GraphNode {
  readonly op: string;
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
  readonly attributes: Attributes;
}

/** A named end of the graph. */
export interface Port {
  readonly name: string;
  readonly value: number;
}

export interface Constant {
  readonly value: number;
  /** A name for weights, so that they can be found again; absent for constants made on the way. */
  readonly name?: string;
  readonly data: Float32Array;
}

export interface Graph {
  readonly values: readonly TensorType[];
  readonly nodes: readonly GraphNode[];
  readonly inputs: readonly Port[];
  readonly constants: readonly Constant[];
  readonly outputs: readonly Port[];
}

/** The type of a value of a graph, by its id. */
export function typeOf(graph: Graph, id: number): TensorType {
  const type = graph.values[id];
  if (!type) throw new NeuroreelError('GRAPH_INVALID', `The graph has no value ${id}.`);
  return type;
}

/** Builds a graph node by node; every shape is inferred and checked at once. */
export class GraphBuilder {
  readonly #values: TensorType[] = [];
  readonly #nodes: GraphNode[] = [];
  readonly #inputs: Port[] = [];
  readonly #constants: Constant[] = [];
  readonly #outputs: Port[] = [];
  readonly #scalars = new Map<number, Value>();
  readonly #producers = new Map<number, GraphNode>();

  get nodes(): readonly GraphNode[] {
    return this.#nodes;
  }

  value(id: number): Value {
    const type = this.#values[id];
    if (!type) throw new NeuroreelError('GRAPH_INVALID', `The graph has no value ${id}.`);
    return { id, ...type };
  }

  /** The node that makes a value; undefined for inputs and constants. */
  producer({ id }: Value): GraphNode | undefined {
    return this.#producers.get(id);
  }

  #add(type: TensorType, what: string): Value {
    checkShape(type.shape, what);
    this.#values.push({ shape: [...type.shape], dtype: type.dtype });
    return this.value(this.#values.length - 1);
  }

  /** An input that is given anew at each run. */
  input(name: string, shape: Shape, dtype: DType = 'float32'): Value {
    if (this.#inputs.some((port) => port.name === name)) {
      throw new NeuroreelError('GRAPH_INVALID', `The graph has two inputs named "${name}".`);
    }
    const value = this.#add({ shape, dtype }, `Input "${name}"`);
    this.#inputs.push({ name, value: value.id });
    return value;
  }

  /** A tensor that never changes. `name` marks it as a weight. */
  constant(data: Float32Array | readonly number[], shape: Shape, name?: string): Value {
    const array = data instanceof Float32Array ? data : Float32Array.from(data);
    if (array.length !== sizeOf(shape)) {
      throw new NeuroreelError(
        'GRAPH_INVALID',
        `Constant ${name ?? ''} has ${array.length} numbers for the shape [${shape.join(', ')}].`,
      );
    }
    const value = this.#add({ shape, dtype: 'float32' }, `Constant ${name ?? ''}`);
    this.#constants.push(
      name === undefined ? { value: value.id, data: array } : { value: value.id, name, data: array },
    );
    return value;
  }

  /** A scalar constant; equal ones are shared. */
  scalar(x: number): Value {
    let value = this.#scalars.get(x);
    if (!value) {
      value = this.constant([x], []);
      this.#scalars.set(x, value);
    }
    return value;
  }

  /** The data of a constant, or undefined when the value is not one. */
  constantData(value: Value): Float32Array | undefined {
    return this.#constants.find((constant) => constant.value === value.id)?.data;
  }

  /** Adds a node; its output types come from the op's shape rule. */
  node<A extends Attributes>(op: OpDefinition<A>, inputs: readonly Value[], attributes: A): Value[] {
    for (const input of inputs) {
      const known = this.#values[input.id];
      if (!known || known.dtype !== input.dtype || sizeOf(known.shape) !== sizeOf(input.shape)) {
        throw new NeuroreelError('GRAPH_INVALID', `${op.name} was given a value of another graph.`);
      }
    }
    const outputs = op.infer(inputs, attributes).map((type) => this.#add(type, `The output of ${op.name}`));
    const node = { op: op.name, inputs: inputs.map((v) => v.id), outputs: outputs.map((v) => v.id), attributes };
    this.#nodes.push(node);
    for (const { id } of outputs) this.#producers.set(id, node);
    return outputs;
  }

  output(name: string, value: Value): void {
    if (this.#outputs.some((port) => port.name === name)) {
      throw new NeuroreelError('GRAPH_INVALID', `The graph has two outputs named "${name}".`);
    }
    this.#outputs.push({ name, value: value.id });
  }

  /** The graph as built so far, without the nodes and constants that no output needs. */
  build(): Graph {
    return prune({
      values: this.#values,
      nodes: this.#nodes,
      inputs: this.#inputs,
      constants: this.#constants,
      outputs: this.#outputs,
    });
  }
}

/** Drops nodes and constants that no output depends on. Inputs stay, so that the way a graph is called never changes. */
export function prune(graph: Graph): Graph {
  const needed = new Set(graph.outputs.map((port) => port.value));
  const nodes: GraphNode[] = [];
  for (let i = graph.nodes.length - 1; i >= 0; i--) {
    const node = graph.nodes[i]!;
    if (!node.outputs.some((id) => needed.has(id))) continue;
    nodes.push(node);
    for (const id of node.inputs) needed.add(id);
  }
  return {
    ...graph,
    nodes: nodes.reverse(),
    constants: graph.constants.filter((constant) => needed.has(constant.value)),
  };
}
