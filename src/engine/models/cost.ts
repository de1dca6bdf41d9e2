/** What running a graph costs, counted from its nodes. */
import { typeOf, type Graph } from '../graph/graph.js';
import { opNamed } from '../ops/table.js';

/** Multiply-accumulates of one run of a graph: convolutions, matrix products and recurrent layers, with their gradients. */
export function macsOf(graph: Graph): number {
  let total = 0;
  for (const node of graph.nodes) {
    const types = (ids: readonly number[]): ReturnType<typeof typeOf>[] => ids.map((id) => typeOf(graph, id));
    total += opNamed(node.op).macs?.(types(node.inputs), types(node.outputs), node.attributes) ?? 0;
  }
  return total;
}
