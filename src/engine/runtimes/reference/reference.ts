/** The meaning of a graph in float64, op by op, in plain loops: slow, and what every other runtime is held against. */
import { typeOf, type Graph } from '../../graph/graph.js';
import type { NdArray } from '../../ops/definition.js';
import { opNamed } from '../../ops/table.js';
import { checkInputs } from '../check-inputs.js';
import { written } from '../written.js';
import type { CompiledGraph, RunOptions, Runtime, Tensors } from '../runtime.js';

/** Evaluates a graph in float64; `inputs` and the result are keyed by port name. */
export function evaluate(
  graph: Graph,
  inputs: Readonly<Record<string, ArrayLike<number>>>,
): Record<string, Float64Array> {
  const data = new Map<number, Float64Array>();
  for (const { value, data: array } of graph.constants) data.set(value, Float64Array.from(array));
  for (const { name, value } of graph.inputs) data.set(value, Float64Array.from(inputs[name]!));
  const arrayOf = (id: number): NdArray => ({ shape: typeOf(graph, id).shape, data: data.get(id)! });
  for (const node of graph.nodes) {
    const types = node.outputs.map((id) => typeOf(graph, id));
    const results = opNamed(node.op).reference(node.inputs.map(arrayOf), node.attributes, types);
    node.outputs.forEach((id, i) => data.set(id, results[i]!));
  }
  return Object.fromEntries(graph.outputs.map(({ name, value }) => [name, data.get(value)!]));
}

export const referenceRuntime: Runtime = {
  name: 'reference',
  device: 'cpu',
  description: 'plain float64 loops (for tests)',
  async compile(graph: Graph): Promise<CompiledGraph> {
    return {
      async run(inputs: Tensors, { into, between }: RunOptions = {}) {
        checkInputs(graph, inputs);
        await between?.();
        const results = evaluate(graph, inputs);
        return written(
          into,
          Object.fromEntries(
            graph.outputs.map(({ name, value }) => [
              name,
              typeOf(graph, value).dtype === 'uint8'
                ? Uint8Array.from(results[name]!)
                : Float32Array.from(results[name]!),
            ]),
          ),
        );
      },
      async close() {},
    };
  },
};
