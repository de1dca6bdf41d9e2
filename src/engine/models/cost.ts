/** What running a graph costs, counted from its nodes. */
import { typeOf, type Graph, type GraphNode } from '../graph/graph.js';
import { opNamed } from '../ops/table.js';

/** Multiply-accumulates of one run of a node; 0 for ops that are no products. */
export function macsOfNode(graph: Graph, node: GraphNode): number {
  const types = (ids: readonly number[]): ReturnType<typeof typeOf>[] => ids.map((id) => typeOf(graph, id));
  return opNamed(node.op).macs?.(types(node.inputs), types(node.outputs), node.attributes) ?? 0;
}

/** Multiply-accumulates of one run of a graph: convolutions, matrix products and recurrent layers, with their gradients. */
export function macsOf(graph: Graph): number {
  return graph.nodes.reduce((total, node) => total + macsOfNode(graph, node), 0);
}
