/** What running a graph costs, counted from its nodes. */
import { typeOf, type Graph, type GraphNode } from '../graph/graph.js';
import { opNamed } from '../ops/table.js';

/** Multiply-accumulates of one run of a node; 0 for ops that are no products. */
export function macsOfNode(graph: Graph, node: GraphNode): number {
  const types = (ids: readonly number[]): ReturnType<typeof typeOf>[] => ids.map((id) => typeOf(graph, id));
  return opNamed(node.op).macs?.(types(node.inputs), types(node.outputs), node.attributes) ?? 0;
}

/** Constants without a name: matrices that are how something is computed (the band of an LRN), not weights. */
export function namelessConstants(graph: Graph): ReadonlySet<number> {
  return new Set(graph.constants.flatMap(({ name, value }) => (name === undefined ? [value] : [])));
}

/**
 * Multiply-accumulates of one run of a graph: convolutions, matrix products and recurrent layers, with their gradients.
 * Products with a constant that is no weight are left out, as everyone does who counts an LRN as none.
 */
export function macsOf(graph: Graph): number {
  const nameless = namelessConstants(graph);
  return graph.nodes.reduce((total, node) => {
    const counts = node.inputs[1] === undefined || !nameless.has(node.inputs[1]);
    return counts ? total + macsOfNode(graph, node) : total;
  }, 0);
}
