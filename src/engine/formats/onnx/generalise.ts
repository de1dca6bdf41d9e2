/**
 * Graphs that were made for one number of steps, made to run for any. A graph made for another number shows where the first
 * one holds on to its own; sizes in reshapes that follow from their input are left open. The result is held against graphs
 * made for further numbers: it must be the same nodes with the same shapes.
 */
import { GraphBuilder, typeOf, type Graph, type GraphNode } from '../../graph/graph.js';
import { sameShape } from '../../graph/shape.js';
import { inline } from '../../models/serialise.js';
import type { Attributes } from '../../ops/definition.js';

const sameNumbers = (x: Float32Array, y: Float32Array): boolean =>
  x === y || (x.length === y.length && x.every((number, i) => Object.is(number, y[i])));

function sameConstants(a: Graph, b: Graph): boolean {
  return (
    a.constants.length === b.constants.length &&
    a.constants.every((x, i) => {
      const y = b.constants[i]!;
      return (
        x.value === y.value &&
        x.name === y.name &&
        sameShape(typeOf(a, x.value).shape, typeOf(b, y.value).shape) &&
        sameNumbers(x.data, y.data)
      );
    })
  );
}

const sameList = (a: readonly unknown[], b: readonly unknown[]): boolean =>
  a.length === b.length && a.every((x, i) => x === b[i]);

function sameAttributes(a: Attributes, b: Attributes): boolean {
  const keys = Object.keys(a);
  if (keys.length !== Object.keys(b).length) return false;
  return keys.every((key) => {
    const [x, y] = [a[key], b[key]];
    return Array.isArray(x) && Array.isArray(y) ? sameList(x, y) : x === y;
  });
}

/** The sizes of a reshape with those left open in which two graphs differ, or null where too many do. */
function openSizes(a: Graph, b: Graph, i: number): number[] | null {
  const [x, y] = [a.nodes[i]!, b.nodes[i]!];
  const [p, q] = [x, y].map((node) => node.attributes['shape'] as readonly number[]) as [number[], number[]];
  const [from, to] = [a, b].map((graph) => typeOf(graph, graph.nodes[i]!.inputs[0]!).shape) as [number[], number[]];
  const [made, other] = [a, b].map((graph) => typeOf(graph, graph.nodes[i]!.outputs[0]!).shape) as [number[], number[]];
  if (p.length !== q.length) return null;
  const sizes = p.map((size, axis) => {
    if (size === q[axis]) return size;
    return made[axis] === from[axis] && other[axis] === to[axis] ? 0 : -1;
  });
  return sizes.filter((size) => size === -1).length > 1 ? null : sizes;
}

/** A node that stands for both, or null. */
function common(a: Graph, b: Graph, i: number): GraphNode | null {
  const [x, y] = [a.nodes[i]!, b.nodes[i]!];
  if (x.op !== y.op || !sameList(x.inputs, y.inputs) || !sameList(x.outputs, y.outputs)) return null;
  if (sameAttributes(x.attributes, y.attributes)) return x;
  const shape = x.op === 'Reshape' ? openSizes(a, b, i) : null;
  return shape && { ...x, attributes: { shape } };
}

/** Whether two graphs are the same node for node, number for number. */
export function sameGraph(a: Graph, b: Graph): boolean {
  const ports = (graph: Graph): string => JSON.stringify([graph.inputs, graph.outputs]);
  return (
    a.nodes.length === b.nodes.length &&
    ports(a) === ports(b) &&
    sameConstants(a, b) &&
    a.values.length === b.values.length &&
    a.values.every((type, i) => sameShape(type.shape, b.values[i]!.shape)) &&
    a.nodes.every((x, i) => {
      const y = b.nodes[i]!;
      return x.op === y.op && sameList(x.inputs, y.inputs) && sameAttributes(x.attributes, y.attributes);
    })
  );
}

/** The graph for any number of steps that two graphs for different ones have in common, or null. */
export function generalGraph(a: Graph, b: Graph): Graph | null {
  if (a.nodes.length !== b.nodes.length || !sameConstants(a, b)) return null;
  const nodes = a.nodes.map((_, i) => common(a, b, i));
  return nodes.every((node) => node !== null) ? { ...a, nodes } : null;
}

/** Whether a general graph, run on as many steps as another one was made for, is that other one. */
export function stands(general: Graph, made: Graph): boolean {
  const b = new GraphBuilder();
  const inputs = made.inputs.map(({ name, value }): [string, ReturnType<typeof b.input>] => [
    name,
    b.input(name, typeOf(made, value).shape),
  ]);
  try {
    for (const [name, value] of Object.entries(inline(b, general, Object.fromEntries(inputs)))) b.output(name, value);
  } catch {
    // Its shapes do not fit that number of steps.
    return false;
  }
  const run = b.build();
  return (
    run.nodes.length === made.nodes.length &&
    run.nodes.every((x, i) => {
      const y = made.nodes[i]!;
      const shapes = x.outputs.every((id, k) => sameShape(typeOf(run, id).shape, typeOf(made, y.outputs[k]!).shape));
      return x.op === y.op && shapes && (x.op === 'Reshape' || sameAttributes(x.attributes, y.attributes));
    })
  );
}
