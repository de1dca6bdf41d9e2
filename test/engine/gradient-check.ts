/** Cases of ops as graphs with their gradients, and numbers that say whether they are right. */
import { expect } from 'vitest';
import { gradients } from '../../src/engine/autodiff/gradients.js';
import { GraphBuilder, type Graph } from '../../src/engine/graph/graph.js';
import { sizeOf } from '../../src/engine/graph/shape.js';
import { mul } from '../../src/engine/ops/elementwise.js';
import { sum } from '../../src/engine/ops/reduce.js';
import { Random } from '../../src/engine/random.js';
import { evaluate } from '../../src/engine/runtimes/reference/reference.js';
import type { OpCase } from './op-cases.js';

export interface Built {
  readonly graph: Graph;
  readonly inputs: Record<string, Float32Array>;
}

/** The case's output, a scalar loss (its product with a random probe) and the gradient of the loss to each input. */
export function build(test: OpCase): Built {
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

/** Central difference of the loss along one element of one input, in float64. */
export function difference(graph: Graph, inputs: Built['inputs'], name: string, element: number): number {
  const h = 1e-5;
  const at = (delta: number): number => {
    const moved = Float64Array.from(inputs[name]!);
    moved[element]! += delta;
    return evaluate(graph, { ...inputs, [name]: moved })['loss']![0]!;
  };
  return (at(h) - at(-h)) / (2 * h);
}

export function expectClose(actual: ArrayLike<number>, wanted: Float64Array, tolerance: number, what: string): void {
  const scale = wanted.reduce((m, v) => Math.max(m, Math.abs(v)), 1e-3);
  let worst = 0;
  wanted.forEach((v, i) => (worst = Math.max(worst, Math.abs(v - actual[i]!) / scale)));
  expect(actual.length, what).toBe(wanted.length);
  expect(worst, `${what}: largest difference relative to ${scale}`).toBeLessThan(tolerance);
}

/** Central difference of the loss along a direction of one input, in float64. */
export function directional(graph: Graph, inputs: Built['inputs'], name: string, direction: Float32Array): number {
  const h = 1e-6;
  const at = (delta: number): number => {
    const moved = Float64Array.from(inputs[name]!, (x, i) => x + delta * direction[i]!);
    return evaluate(graph, { ...inputs, [name]: moved })['loss']![0]!;
  };
  return (at(h) - at(-h)) / (2 * h);
}
