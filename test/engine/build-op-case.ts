/** An op's case as a graph with its gradients. */
import { gradients } from '../../src/engine/autodiff/gradients.js';
import { GraphBuilder, type Graph } from '../../src/engine/graph/graph.js';
import { sizeOf } from '../../src/engine/graph/shape.js';
import { mul } from '../../src/engine/ops/elementwise.js';
import { sum } from '../../src/engine/ops/reduce.js';
import { Random } from '../../src/engine/random.js';
import type { OpCase } from './op-cases.js';

export interface BuiltCase {
  readonly graph: Graph;
  readonly inputs: Record<string, Float32Array>;
}

/** The case's output, a scalar loss (its product with a random probe) and the gradient of the loss to each input. */
export function buildOpCase(test: OpCase): BuiltCase {
  const random = new Random(test.name);
  const b = new GraphBuilder();
  const [low, high] = test.range ?? [-1, 1];
  const values = test.inputs.map((shape, i) => b.input(`x${i}`, shape));
  // Numbers are spread so that none is near 0 or near another: no kink within reach of a finite difference.
  const inputs = Object.fromEntries(
    test.inputs.map((shape, i) => {
      const n = sizeOf(shape);
      const order = random.permutation(n);
      return [`x${i}`, Float32Array.from(order, (k) => low + ((k + 0.5 + 0.13 * (i + 1)) / (n + 1)) * (high - low))];
    }),
  );
  const y = test.build(b, values);
  b.output('y', y);
  if (!test.forwardOnly) {
    const probe = b.constant(random.normals(sizeOf(y.shape)), y.shape);
    const loss = sum(b, mul(b, y, probe));
    b.output('loss', loss);
    gradients(b, loss, values).forEach((grad, i) => {
      b.output(`grad${i}`, grad ?? mul(b, values[i]!, b.scalar(0)));
    });
  }
  return { graph: b.build(), inputs };
}
