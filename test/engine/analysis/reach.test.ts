/** Every op's rule of reach held against what happens when single numbers of its inputs are changed. */
import { describe, expect, it } from 'vitest';
import { reachOf } from '../../../src/engine/analysis/receptive-field.js';
import { gradients } from '../../../src/engine/autodiff/gradients.js';
import { GraphBuilder, typeOf, type Graph } from '../../../src/engine/graph/graph.js';
import { sizeOf, stridesOf, type Shape } from '../../../src/engine/graph/shape.js';
import { mul } from '../../../src/engine/ops/elementwise.js';
import type { Box } from '../../../src/engine/ops/definition.js';
import { sum } from '../../../src/engine/ops/reduce.js';
import { Random } from '../../../src/engine/random.js';
import { evaluate } from '../../../src/engine/runtimes/reference/reference.js';
import { OP_CASES, type OpCase } from '../op-cases.js';

/** The case's output and, where it has one, the gradient to each input. */
function build(test: OpCase): { graph: Graph; inputs: Record<string, Float64Array> } {
  const random = new Random(test.name);
  const b = new GraphBuilder();
  const values = test.inputs.map((shape, i) => b.input(`x${i}`, shape));
  const y = test.build(b, values);
  b.output('y', y);
  if (!test.forwardOnly) {
    const loss = sum(b, mul(b, y, b.constant(random.normals(sizeOf(y.shape)), y.shape)));
    gradients(b, loss, values).forEach((grad, i) => grad && b.output(`grad${i}`, grad));
  }
  const [low, high] = test.range ?? [-1, 1];
  const inputs = test.inputs.map((shape, i): [string, Float64Array] => [
    `x${i}`,
    Float64Array.from({ length: sizeOf(shape) }, () => random.uniform(low, high)),
  ]);
  return { graph: b.build(), inputs: Object.fromEntries(inputs) };
}

const indexOf = (flat: number, shape: Shape): number[] => {
  const strides = stridesOf(shape);
  return shape.map((size, axis) => Math.floor(flat / strides[axis]!) % size);
};
const holds = (box: Box | null, index: readonly number[]): boolean =>
  box !== null && index.every((at, axis) => at >= box[axis]![0] && at <= box[axis]![1]);

/** Influences that the rules do not know of, in words. */
function overlooked(test: OpCase): string[] {
  const { graph, inputs } = build(test);
  const before = evaluate(graph, inputs);
  const boxes = new Map<string, Box | null>();
  const reach = (target: number, element: number, source: number): Box | null => {
    const key = `${target} ${element} ${source}`;
    if (!boxes.has(key)) {
      const at = indexOf(element, typeOf(graph, target).shape).map((i) => [i, i] as const);
      boxes.set(key, reachOf(graph, target, at, source));
    }
    return boxes.get(key)!;
  };
  const [low, high] = test.range ?? [-1, 1];
  const found: string[] = [];
  for (const { name: input, value: source } of graph.inputs) {
    for (let i = 0; i < inputs[input]!.length; i++) {
      for (const x of [low + 0.03 * (high - low), 3 * high]) {
        const changed = inputs[input]!.slice();
        changed[i] = x;
        const after = evaluate(graph, { ...inputs, [input]: changed });
        for (const { name, value: target } of graph.outputs) {
          after[name]!.forEach((v, e) => {
            if (Object.is(v, before[name]![e])) return;
            const place = indexOf(i, typeOf(graph, source).shape);
            if (!holds(reach(target, e, source), place)) found.push(`${input}[${place}] changes ${name}[${e}]`);
          });
        }
      }
    }
  }
  return found;
}

describe('the rule of reach of every op', () => {
  it.each(OP_CASES)('overlooks no influence: $name', (test) => {
    expect(overlooked(test)).toEqual([]);
  });
});
