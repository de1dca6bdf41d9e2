/** A phase as a graph of its own, for all rows or for a number of them at a time. */
import { GraphBuilder, type Graph, type TensorType, type Value } from '../graph/graph.js';
import { opNamed } from '../ops/table.js';
import type { RowUse } from '../ops/rows.js';
import type { Phase } from './rows.js';

/** An input of a phase: a value of the whole graph, taken by rows or as a whole. */
export interface Taken {
  readonly id: number;
  readonly use: RowUse;
}

export interface PhaseGraph {
  readonly kind: Phase['kind'];
  readonly graph: Graph;
  readonly taken: readonly Taken[];
  /** Values that others need of it. */
  readonly given: readonly number[];
}

export const takenName = ({ id, use }: Taken): string => `${use}.${id}`;
export const givenName = (id: number): string => `value.${id}`;

/** What a phase takes from outside, each value once for each way of taking it. Constants that are taken whole are its own. */
function takenBy(phase: Phase, constants: ReadonlyMap<number, unknown>): Taken[] {
  const own = new Set(phase.nodes.flatMap(({ node }) => node.outputs));
  const taken = new Map<string, Taken>();
  for (const { node, uses } of phase.nodes) {
    node.inputs.forEach((id, i) => {
      const entry: Taken = { id, use: uses?.[i] ?? 'whole' };
      if (own.has(id) || (entry.use === 'whole' && constants.has(id))) return;
      taken.set(takenName(entry), entry);
    });
  }
  return [...taken.values()];
}

/**
 * The graph of a phase.
 * @param values types of the values that nodes name
 * @param rows rows that the graph works on at a time, of those that the batch has
 * @param wanted values that others need; the phase gives those that it makes
 */
export function phaseGraph(
  phase: Phase,
  values: readonly TensorType[],
  constants: ReadonlyMap<number, Graph['constants'][number]>,
  rows: number,
  wanted: ReadonlySet<number>,
): PhaseGraph {
  const b = new GraphBuilder();
  const taken = takenBy(phase, constants);
  const byTaking = new Map<string, Value>();
  const byId = new Map<number, Value>();
  const some = ({ shape }: TensorType): number[] => [rows, ...shape.slice(1)];
  for (const entry of taken) {
    const type = values[entry.id]!;
    const shape = entry.use === 'rows' ? some(type) : type.shape;
    byTaking.set(takenName(entry), b.input(takenName(entry), shape, type.dtype));
  }
  const constant = (id: number): Value => {
    const { name, data } = constants.get(id)!;
    const value = b.constant(data, values[id]!.shape, name);
    byId.set(id, value);
    return value;
  };
  for (const { node, uses } of phase.nodes) {
    const inputs = node.inputs.map(
      (id, i) => byTaking.get(takenName({ id, use: uses?.[i] ?? 'whole' })) ?? byId.get(id) ?? constant(id),
    );
    const op = opNamed(node.op);
    const outputs = node.outputs.map((id) => values[id]!);
    const attributes = (uses && op.withRows?.(node.attributes, rows, outputs)) ?? node.attributes;
    b.node(op, inputs, attributes).forEach((value, i) => byId.set(node.outputs[i]!, value));
  }
  const given = [...new Set(phase.nodes.flatMap(({ node }) => node.outputs))].filter((id) => wanted.has(id));
  for (const id of given) b.output(givenName(id), byId.get(id)!);
  return { kind: phase.kind, graph: b.build(), taken, given };
}
