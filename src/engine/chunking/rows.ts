/**
 * Finds the part of a graph that treats the rows of a batch (frames, pictures) alone, and cuts the graph into phases: parts
 * that can be run on some rows at a time, and between them parts that look at all rows at once (a recurrent layer, a mean
 * over the clip).
 */
import { typeOf, type Graph, type GraphNode } from '../graph/graph.js';
import { sizeOf } from '../graph/shape.js';
import type { RowUse } from '../ops/rows.js';
import { opNamed } from '../ops/table.js';

/** A node as a phase runs it; `uses` is null in a phase that looks at all rows. */
export interface PhaseNode {
  readonly node: GraphNode;
  readonly uses: readonly RowUse[] | null;
}

export interface Phase {
  readonly kind: 'rows' | 'whole';
  readonly nodes: readonly PhaseNode[];
}

export interface Phases {
  /** Rows of the batch. */
  readonly rows: number;
  readonly phases: readonly Phase[];
}

/** Row-wise parts of which all values together take less than this stay with their neighbours, bytes. */
const WORTH_CUTTING = 4 * 2 ** 20;

const BYTES = { float32: 4, uint8: 1 } as const;

/** Bytes of a value of a graph. */
export function bytesOf(graph: Pick<Graph, 'values'>, id: number): number {
  const { shape, dtype } = graph.values[id]!;
  return sizeOf(shape) * BYTES[dtype];
}

const rowsOf = (graph: Graph, id: number): number => typeOf(graph, id).shape[0] ?? 1;

/** What a node takes of each input when it is run on some rows; null when it cannot be. */
export function rowUses(graph: Graph, node: GraphNode): readonly RowUse[] | null {
  const types = (ids: readonly number[]): ReturnType<typeof typeOf>[] => ids.map((id) => typeOf(graph, id));
  return opNamed(node.op).rows?.(types(node.inputs), types(node.outputs), node.attributes) ?? null;
}

/**
 * The number of rows whose row-wise nodes hold the most bytes, and those nodes' uses by their index; null when a graph has
 * no part that is worth cutting.
 */
function rowwiseNodes(graph: Graph, worth: number): { rows: number; uses: Map<number, readonly RowUse[]> } | null {
  const byRows = new Map<number, { bytes: number; uses: Map<number, readonly RowUse[]> }>();
  graph.nodes.forEach((node, index) => {
    const uses = rowUses(graph, node);
    const rows = rowsOf(graph, node.outputs[0]!);
    if (!uses || rows < 2 || !node.outputs.every((id) => rowsOf(graph, id) === rows)) return;
    const entry = byRows.get(rows) ?? { bytes: 0, uses: new Map<number, readonly RowUse[]>() };
    entry.bytes += node.outputs.reduce((sum, id) => sum + bytesOf(graph, id), 0);
    entry.uses.set(index, uses);
    byRows.set(rows, entry);
  });
  const [best] = [...byRows].sort(([, p], [, q]) => q.bytes - p.bytes);
  return best && best[1].bytes >= worth ? { rows: best[0], uses: best[1].uses } : null;
}

/** Leaves out nodes that hang together only with others that hold little. */
function withoutLightParts(graph: Graph, uses: ReadonlyMap<number, readonly RowUse[]>, worth: number): Set<number> {
  const parent = new Map<number, number>([...uses.keys()].map((index) => [index, index]));
  const root = (index: number): number => {
    let at = index;
    while (parent.get(at) !== at) at = parent.get(at)!;
    parent.set(index, at);
    return at;
  };
  const producer = new Map<number, number>();
  for (const index of uses.keys()) for (const id of graph.nodes[index]!.outputs) producer.set(id, index);
  for (const [index, use] of uses) {
    graph.nodes[index]!.inputs.forEach((id, i) => {
      const from = producer.get(id);
      if (from !== undefined && use[i] === 'rows') parent.set(root(from), root(index));
    });
  }
  const bytes = new Map<number, number>();
  for (const index of uses.keys()) {
    const own = graph.nodes[index]!.outputs.reduce((sum, id) => sum + bytesOf(graph, id), 0);
    bytes.set(root(index), (bytes.get(root(index)) ?? 0) + own);
  }
  return new Set([...uses.keys()].filter((index) => bytes.get(root(index))! >= worth));
}

/**
 * Cuts a graph into phases, each of which needs only what earlier ones give; row-wise and whole ones take turns.
 * @param worth bytes that the values of a row-wise part must take for it to be a phase of its own
 * @returns null when no part of the graph treats rows alone, or none of a size worth it.
 */
export function phasesOf(graph: Graph, worth = WORTH_CUTTING): Phases | null {
  const rowwise = rowwiseNodes(graph, worth);
  if (!rowwise) return null;
  const { rows, uses } = rowwise;
  const heavy = withoutLightParts(graph, uses, worth);
  if (heavy.size === 0) return null;
  // Even phases look at everything, odd ones at rows; inputs and constants are there from the beginning.
  const made = new Map<number, number>();
  const nodes: PhaseNode[][] = [];
  graph.nodes.forEach((node, index) => {
    const parity = heavy.has(index) ? 1 : 0;
    const ready = Math.max(0, ...node.inputs.map((id) => made.get(id) ?? 0));
    const phase = ready % 2 === parity ? ready : ready + 1;
    (nodes[phase] ??= []).push({ node, uses: parity === 1 ? uses.get(index)! : null });
    for (const id of node.outputs) made.set(id, phase);
  });
  const phases = nodes.flatMap((list, i): Phase[] =>
    list ? [{ kind: i % 2 === 1 ? 'rows' : 'whole', nodes: list }] : [],
  );
  return { rows, phases };
}
