/**
 * A graph that is being made of an ONNX model. Besides what the builder does, it keeps moves that undo each other out of
 * the graph, and gives weights their names.
 */
import { NeuroreelError } from '../../../protocol/errors.js';
import { GraphBuilder, typeOf, type Graph, type Value } from '../../graph/graph.js';
import { sameShape, sizeOf, type Shape } from '../../graph/shape.js';
import { inline } from '../../models/serialise.js';
import { reshape, transpose } from '../../ops/layout.js';
import type { Budget, Known } from './known.js';

const LARGEST_FLOAT = 3.4028234663852886e38;

/**
 * Number of lanes for which graphs are made at first. More than one, and an uncommon number, so that the axis of lanes is
 * not mistaken for one of size 1, and what holds on to the number does not go unnoticed when the graph is made for one lane.
 */
export const NOMINAL_LANES = 11;

/** Names of weights over all graphs of a model: one name always means the same numbers in the same shape. */
export class WeightNames {
  /** Names that mean something else in the file of weights, or in JavaScript, count as taken. */
  readonly #taken = new Set(['__metadata__', '__proto__']);
  readonly #counts = new Map<string, number>();
  readonly #known = new Map<Float32Array, Map<string, string>>();

  nameFor(wanted: string, numbers: Float32Array, shape: Shape): string {
    const names = this.#known.get(numbers) ?? new Map<string, string>();
    const known = names.get(shape.join());
    if (known !== undefined) return known;
    let name = wanted;
    while (this.#taken.has(name)) {
      const count = (this.#counts.get(wanted) ?? 1) + 1;
      this.#counts.set(wanted, count);
      name = `${wanted}.${count}`;
    }
    this.#taken.add(name);
    this.#known.set(numbers, names.set(shape.join(), name));
    return name;
  }
}

interface Move {
  readonly from: Value;
  readonly order: readonly number[];
}

export class Draft {
  readonly b = new GraphBuilder();
  readonly #names: WeightNames;
  readonly budget: Budget;
  readonly #reshaped = new Map<number, Value>();
  readonly #moved = new Map<number, Move>();
  readonly #constants = new Map<string, Value>();
  readonly #finite = new Map<Float32Array | Float64Array, Float32Array>();

  constructor(names: WeightNames, budget: Budget) {
    this.#names = names;
    this.budget = budget;
  }

  /** As `reshape` of the engine; a reshape of what was reshaped is one. */
  reshape(x: Value, shape: readonly number[]): Value {
    const source = this.#reshaped.get(x.id) ?? x;
    const made = this.#plainReshape(x, source, shape);
    if (made.id !== source.id) this.#reshaped.set(made.id, source);
    return made;
  }

  #plainReshape(x: Value, source: Value, shape: readonly number[]): Value {
    const result = shape.map((dim, i) => (dim === 0 ? x.shape[i]! : dim));
    const free = result.indexOf(-1);
    if (free >= 0) result[free] = sizeOf(x.shape) / -sizeOf(result);
    if (sameShape(x.shape, result)) return x;
    if (sameShape(source.shape, result)) return source;
    // A zero keeps a size of x; the source may have another one there.
    const same = shape.every((dim, i) => dim !== 0 || source.shape[i] === x.shape[i]);
    return reshape(this.b, same ? source : x, shape);
  }

  /** As `transpose` of the engine; moves that undo each other are none. */
  transpose(x: Value, order: readonly number[]): Value {
    const { from, order: before } = this.#moved.get(x.id) ?? { from: x, order: x.shape.map((_, i) => i) };
    const both = order.map((axis) => before[axis]!);
    if (both.every((axis, i) => axis === i)) return from;
    const made = transpose(this.b, from, both);
    this.#moved.set(made.id, { from, order: both });
    return made;
  }

  /** A constant of the graph of the numbers of a file, under another shape if one is given. */
  constant(x: Known, wanted: string, shape: Shape = x.shape): Value {
    if (x.data.length === 1 && shape.length === 0) return this.b.scalar(finite(x.data[0]!));
    const data = this.#single(x.data);
    if (data.length <= 16 && x.name === undefined) return this.b.constant(data, shape);
    return this.weight(x.name ?? wanted, data, shape);
  }

  /** A named constant; equal ones are shared. */
  weight(wanted: string, data: Float32Array, shape: Shape): Value {
    const name = this.#names.nameFor(wanted, data, shape);
    let value = this.#constants.get(name);
    if (!value) {
      value = this.b.constant(data, shape, name);
      this.#constants.set(name, value);
    }
    return value;
  }

  /** Float32 numbers that a graph can hold: infinite ones are as large as can be. */
  #single(data: Float32Array | Float64Array): Float32Array {
    if (data instanceof Float32Array && allFinite(data)) return data;
    let single = this.#finite.get(data);
    if (!single) {
      this.budget.spend(data.length);
      single = Float32Array.from(data, finite);
      this.#finite.set(data, single);
    }
    return single;
  }
}

function allFinite(data: Float32Array): boolean {
  // A plain loop: weights are many.
  for (let i = 0; i < data.length; i++) if (!Number.isFinite(data[i])) return false;
  return true;
}

function finite(x: number): number {
  if (Number.isNaN(x)) throw new NeuroreelError('MODEL_INVALID', 'Weights of the model are not numbers (NaN).');
  return Math.max(-LARGEST_FLOAT, Math.min(LARGEST_FLOAT, x));
}

/** A graph that was made for the nominal number of lanes, for one lane. */
export function forOneLane(graph: Graph): Graph {
  const b = new GraphBuilder();
  const inputs = graph.inputs.map(({ name, value }): [string, Value] => [
    name,
    b.input(name, [1, ...typeOf(graph, value).shape.slice(1)]),
  ]);
  const results = inline(b, graph, Object.fromEntries(inputs));
  for (const { name } of graph.outputs) b.output(name, results[name]!);
  return b.build();
}
