/** Reverse mode: adds to a graph the nodes that compute gradients. */
import type { GraphBuilder, Value } from '../graph/graph.js';
import { NeuroreelError } from '../../protocol/errors.js';
import { sizeOf } from '../graph/shape.js';
import { add } from '../ops/elementwise.js';
import { opNamed } from '../ops/table.js';

/**
 * Gradients of the sum of `y` (or of its product with `seed`) to each of `xs`.
 *
 * @param seed gradient to `y` to start from, of y's shape; ones by default.
 * @returns one value of the same shape for each of `xs`; null where y does not depend on it.
 * @throws NeuroreelError GRAPH_INVALID when the only way from an x to y passes an op without a gradient.
 */
export function gradients(b: GraphBuilder, y: Value, xs: readonly Value[], seed?: Value): (Value | null)[] {
  const nodes = [...b.nodes];
  const reached = new Set(xs.map((x) => x.id));
  for (const node of nodes)
    if (node.inputs.some((id) => reached.has(id))) node.outputs.forEach((id) => reached.add(id));

  const grads = new Map<number, Value>();
  grads.set(y.id, seed ?? b.constant(new Float32Array(sizeOf(y.shape)).fill(1), y.shape));
  for (const node of nodes.reverse()) {
    if (!node.outputs.some((id) => grads.has(id)) || !node.inputs.some((id) => reached.has(id))) continue;
    const op = opNamed(node.op);
    if (!op.gradient) throw new NeuroreelError('GRAPH_INVALID', `The op ${node.op} has no gradient.`);
    const inputGrads = op.gradient({
      b,
      inputs: node.inputs.map((id) => b.value(id)),
      outputs: node.outputs.map((id) => b.value(id)),
      attributes: node.attributes,
      grads: node.outputs.map((id) => grads.get(id) ?? null),
      wants: node.inputs.map((id) => reached.has(id)),
    });
    node.inputs.forEach((id, i) => {
      const grad = inputGrads[i];
      if (!grad || !reached.has(id)) return;
      const sofar = grads.get(id);
      grads.set(id, sofar ? add(b, sofar, grad) : grad);
    });
  }
  return xs.map((x) => grads.get(x.id) ?? null);
}
