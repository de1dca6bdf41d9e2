/** How much memory running a graph takes, told from its values and how long each is needed. */
import type { Graph } from '../graph/graph.js';
import { bytesOf } from './rows.js';

/**
 * Most bytes of values that are alive at once when the nodes run in their order and a value is let go after its last use.
 * Runtimes that change values in place stay below it; those that keep memory for reuse somewhat above it.
 */
export function activationBytes(graph: Graph): number {
  const last = new Map<number, number>();
  graph.nodes.forEach((node, index) => {
    for (const id of [...node.inputs, ...node.outputs]) last.set(id, index);
  });
  for (const { value } of graph.outputs) last.set(value, graph.nodes.length);
  const constants = new Set(graph.constants.map(({ value }) => value));
  let alive = graph.inputs.reduce((sum, { value }) => sum + bytesOf(graph, value), 0);
  let most = alive;
  graph.nodes.forEach((node, index) => {
    for (const id of node.outputs) alive += bytesOf(graph, id);
    most = Math.max(most, alive);
    for (const id of new Set([...node.inputs, ...node.outputs])) {
      if (last.get(id) === index && !constants.has(id)) alive -= bytesOf(graph, id);
    }
  });
  return most;
}

/** Bytes of the constants of graphs; equal arrays count once. */
export function constantBytes(graphs: readonly Graph[]): number {
  const arrays = new Set(graphs.flatMap(({ constants }) => constants.map(({ data }) => data)));
  return [...arrays].reduce((sum, { byteLength }) => sum + byteLength, 0);
}
