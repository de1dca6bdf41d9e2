/**
 * What a row-wise phase keeps for a later one (a backward pass): as little as can be. A value whose sign is all that
 * matters is kept as bytes, a pooling's input as the places of its maxima, and what follows from other kept values by
 * little work is computed again.
 */
import type { Graph, TensorType } from '../graph/graph.js';
import { sizeOf } from '../graph/shape.js';
import { opNamed } from '../ops/table.js';
import type { Attributes } from '../ops/definition.js';
import { bytesOf, rowUses, type Phase, type PhaseNode, type Phases } from './rows.js';

/** Multiply-accumulates per kept number up to which computing it again is cheaper than keeping it. */
const CHEAP_MACS = 512;

/** How a gradient op may be fed something smaller than the value it is given: one entry an op. */
interface Compaction {
  /** Index of the input that is replaced. */
  readonly input: number;
  /** The op that makes the smaller value of it, beside the op that takes it instead. */
  readonly make: string;
  readonly instead: string;
  readonly makeAttributes: (attributes: Attributes) => Attributes;
  readonly insteadAttributes: (attributes: Attributes, replaced: TensorType) => Attributes;
}
const COMPACTIONS: Readonly<Record<string, Compaction>> = {
  ReluGrad: {
    input: 1,
    make: 'Positive',
    instead: 'ReluGrad',
    makeAttributes: () => ({}),
    insteadAttributes: (attributes) => attributes,
  },
  MaxPool2dGrad: {
    input: 0,
    make: 'MaxPool2dPlace',
    instead: 'MaxPool2dScatter',
    makeAttributes: (attributes) => attributes,
    insteadAttributes: (attributes, { shape }) => ({ ...attributes, input: shape.slice(2) }),
  },
};

/** Phases over values of which some were added to those of the graph. */
export interface ReadyPhases extends Phases {
  readonly values: readonly TensorType[];
}

/** The nodes of all row-wise phases by the values they make, with the phase's index. */
function producersOf({ phases }: Phases): Map<number, { phase: number; made: PhaseNode; order: number }> {
  const producers = new Map<number, { phase: number; made: PhaseNode; order: number }>();
  let order = 0;
  phases.forEach((phase, index) => {
    for (const made of phase.nodes) {
      for (const id of made.node.outputs) producers.set(id, { phase: index, made, order });
      order++;
    }
  });
  return producers;
}

type Producers = ReturnType<typeof producersOf>;

/** Values that nodes take by rows and that nodes of earlier row-wise phases make. */
function takenFromRows(
  nodes: Iterable<PhaseNode>,
  own: ReadonlySet<number>,
  phases: Phases,
  producers: Producers,
): Set<number> {
  const taken = new Set<number>();
  for (const { node, uses } of nodes) {
    node.inputs.forEach((id, i) => {
      const from = producers.get(id);
      if (uses?.[i] === 'rows' && from && !own.has(id) && phases.phases[from.phase]!.kind === 'rows') taken.add(id);
    });
  }
  return taken;
}

/** The nodes of a phase with those of earlier phases that it runs again, in an order in which they can be run. */
function inOrder(nodes: ReadonlySet<PhaseNode>, producers: Producers): PhaseNode[] {
  const place = (made: PhaseNode): number => producers.get(made.node.outputs[0]!)!.order;
  return [...nodes].sort((p, q) => place(p) - place(q));
}

const outputsOf = (nodes: Iterable<PhaseNode>): Set<number> => new Set([...nodes].flatMap(({ node }) => node.outputs));

/** Steps back from a kept value within which a smaller set of kept values is looked for. */
const LOOK_BACK = 8;

/**
 * Runs again in a phase what costs little, as long as less is kept for it: x, the sum of squares around it and a power of
 * that sum are all made of x.
 */
function recomputeCheap(graph: Graph, phase: Phase, phases: Phases, producers: Producers): PhaseNode[] {
  const nodes = new Set(phase.nodes);
  const kept = (): Map<number, number> => keptBytes(graph, nodes, phases, producers);
  const total = (sizes: ReadonlyMap<number, number>): number =>
    [...sizes.values()].reduce((sum, size) => sum + size, 0);
  const isCheap = (id: number): boolean => {
    const { made } = producers.get(id)!;
    const size = sizeOf(graph.values[id]!.shape);
    return made.node.outputs.length === 1 && macsOf(graph, made) <= CHEAP_MACS * size;
  };
  /** Goes back from a value by nodes that keep no more than before, until less is kept; undone where that never is. */
  const shrinks = (start: number): boolean => {
    const before = kept();
    const added: PhaseNode[] = [];
    let next: number | undefined = start;
    let sizes = before;
    while (next !== undefined && added.length < LOOK_BACK && isCheap(next)) {
      const { made } = producers.get(next)!;
      nodes.add(made);
      added.push(made);
      const now = kept();
      if (total(now) < total(before)) return true;
      if (total(now) > total(before)) break;
      const previous = sizes;
      next = [...now.keys()].find((id) => !previous.has(id));
      sizes = now;
    }
    for (const made of added) nodes.delete(made);
    return false;
  };
  const latestFirst = (): number[] =>
    [...kept().keys()].sort((p, q) => producers.get(q)!.order - producers.get(p)!.order);
  while (latestFirst().some(shrinks));
  return inOrder(nodes, producers);
}

function macsOf(graph: Graph, { node }: PhaseNode): number {
  const types = (ids: readonly number[]): TensorType[] => ids.map((id) => graph.values[id]!);
  return opNamed(node.op).macs?.(types(node.inputs), types(node.outputs), node.attributes) ?? 0;
}

/** The nodes of a phase that take a value, each with its compaction if it takes the value where that applies. */
function takers(id: number, nodes: Iterable<PhaseNode>): { taker: PhaseNode; compaction: Compaction | undefined }[] {
  return [...nodes].flatMap((taker) =>
    taker.node.inputs.flatMap((input, i) => {
      if (input !== id) return [];
      const compaction = COMPACTIONS[taker.node.op];
      return [{ taker, compaction: compaction?.input === i ? compaction : undefined }];
    }),
  );
}

/** Bytes that are kept of each value that nodes take by rows of earlier row-wise phases. */
function keptBytes(
  graph: Graph,
  nodes: ReadonlySet<PhaseNode>,
  phases: Phases,
  producers: Producers,
): Map<number, number> {
  const small = new Map<number, Map<string, number>>();
  const whole = new Set<number>();
  const taken = takenFromRows(nodes, outputsOf(nodes), phases, producers);
  for (const { node } of nodes) {
    const compaction = COMPACTIONS[node.op];
    node.inputs.forEach((id, i) => {
      if (!taken.has(id)) return;
      if (compaction?.input !== i) {
        whole.add(id);
        return;
      }
      // Signs are as many as the value has numbers; places as many as there are windows, of which g has one number each.
      const like = compaction.make === 'Positive' ? id : node.inputs[1]!;
      const sizes = small.get(id) ?? new Map<string, number>();
      sizes.set(compaction.make + JSON.stringify(node.attributes), sizeOf(graph.values[like]!.shape));
      small.set(id, sizes);
    });
  }
  return new Map(
    [...taken].map((id) => {
      const sizes = [...(small.get(id)?.values() ?? [])];
      return [id, whole.has(id) ? bytesOf(graph, id) : sizes.reduce((sum, size) => sum + size, 0)];
    }),
  );
}

/** Bytes a row up to which a value is kept in any case: codes, features and their gradients, of which there are few. */
const KEPT_ANYWAY = 32 * 2 ** 10;

/** What a phase needs of earlier row-wise phases, run again, but for what is small. */
function recomputeAll(graph: Graph, phase: Phase, phases: Phases, producers: Producers): PhaseNode[] {
  const nodes = new Set(phase.nodes);
  for (;;) {
    const taken = [...takenFromRows(nodes, outputsOf(nodes), phases, producers)];
    const large = taken.filter((id) => bytesOf(graph, id) > KEPT_ANYWAY * phases.rows);
    if (large.length === 0) return inOrder(nodes, producers);
    for (const id of large) nodes.add(producers.get(id)!.made);
  }
}

/** Puts smaller values in the place of those that a phase takes from earlier ones only where a compaction applies. */
class Compactor {
  readonly values: TensorType[];
  readonly #graph: Graph;
  readonly #places: boolean;
  readonly #made = new Map<string, number>();
  /** Nodes to be added to the phases that make the values. */
  readonly additions = new Map<number, PhaseNode[]>();

  constructor(graph: Graph, places: boolean) {
    this.#graph = graph;
    this.#places = places;
    this.values = [...graph.values];
  }

  compact(nodes: readonly PhaseNode[], phases: Phases, producers: Producers): PhaseNode[] {
    const taken = takenFromRows(nodes, outputsOf(nodes), phases, producers);
    const replaced = new Map<PhaseNode, PhaseNode>();
    for (const id of taken) {
      const all = takers(id, nodes);
      if (!all.every(({ compaction }) => compaction && (this.#places || compaction.make === 'Positive'))) continue;
      for (const { taker, compaction } of all) {
        const small = this.#smaller(id, taker, compaction!, producers.get(id)!.phase);
        const inputs = taker.node.inputs.map((input, i) => (i === compaction!.input ? small : input));
        const attributes = compaction!.insteadAttributes(taker.node.attributes, this.#graph.values[id]!);
        replaced.set(taker, { ...taker, node: { ...taker.node, op: compaction!.instead, inputs, attributes } });
      }
    }
    return nodes.map((node) => replaced.get(node) ?? node);
  }

  #smaller(id: number, { node }: PhaseNode, compaction: Compaction, phase: number): number {
    const attributes = compaction.makeAttributes(node.attributes);
    const key = `${id}:${compaction.make}:${JSON.stringify(attributes)}`;
    const known = this.#made.get(key);
    if (known !== undefined) return known;
    const [type] = opNamed(compaction.make).infer([this.#graph.values[id]!], attributes);
    const output = this.values.push(type!) - 1;
    const made: GraphNodeLike = { op: compaction.make, inputs: [id], outputs: [output], attributes };
    const uses = rowUses({ ...this.#graph, values: this.values }, made);
    this.additions.set(phase, [...(this.additions.get(phase) ?? []), { node: made, uses }]);
    this.#made.set(key, output);
    return output;
  }
}
type GraphNodeLike = PhaseNode['node'];

/**
 * Phases in which each row-wise one takes little from earlier row-wise ones.
 * @param keep whether values may be kept from one phase to the next at all; else all is computed again.
 * @param places whether the places of maxima may be kept; on devices that do not tell them, the pooled values are.
 */
export function withSmallResiduals(graph: Graph, phases: Phases, keep: boolean, places = true): ReadyPhases {
  const producers = producersOf(phases);
  const compactor = new Compactor(graph, places);
  const ready = phases.phases.map((phase): Phase => {
    if (phase.kind !== 'rows') return phase;
    if (!keep) return { ...phase, nodes: recomputeAll(graph, phase, phases, producers) };
    const nodes = recomputeCheap(graph, phase, phases, producers);
    return { ...phase, nodes: compactor.compact(nodes, phases, producers) };
  });
  const added = ready.map((phase, i): Phase => ({
    ...phase,
    nodes: [...phase.nodes, ...(compactor.additions.get(i) ?? [])],
  }));
  return { rows: phases.rows, phases: added, values: compactor.values };
}
