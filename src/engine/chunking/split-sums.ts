/** A sum over rows and other axes as two: first within each row, which can be done row by row, then over the rows. */
import { GraphBuilder, typeOf, type Graph, type Value } from '../graph/graph.js';
import { sum } from '../ops/reduce.js';
import { opNamed } from '../ops/table.js';

/** The same graph with every sum over the first and further axes split in two; ids of values change. */
export function splitSums(graph: Graph): Graph {
  const b = new GraphBuilder();
  const values = new Map<number, Value>();
  for (const { name, value } of graph.inputs) {
    const { shape, dtype } = typeOf(graph, value);
    values.set(value, b.input(name, shape, dtype));
  }
  for (const { value, name, data } of graph.constants) {
    values.set(value, b.constant(data, typeOf(graph, value).shape, name));
  }
  for (const { op, inputs, outputs, attributes } of graph.nodes) {
    const given = inputs.map((id) => values.get(id)!);
    const axes = op === 'Sum' ? (attributes['axes'] as readonly number[]) : [];
    if (axes.length > 1 && axes.includes(0)) {
      const within = sum(
        b,
        given[0]!,
        axes.filter((axis) => axis !== 0),
      );
      values.set(outputs[0]!, sum(b, within, [0]));
    } else {
      b.node(opNamed(op), given, attributes).forEach((value, i) => values.set(outputs[i]!, value));
    }
  }
  for (const { name, value } of graph.outputs) b.output(name, values.get(value)!);
  return b.build();
}
