/** Ops with shapes and options drawn at random: gradients against finite differences, runtimes against the reference. */
import { describe, expect, it } from 'vitest';
import { sizeOf } from '../../src/engine/graph/shape.js';
import { Random } from '../../src/engine/random.js';
import { openOnnxRuntime } from '../../src/engine/runtimes/onnxruntime/onnxruntime.js';
import { evaluate } from '../../src/engine/runtimes/reference/reference.js';
import type { Runtime } from '../../src/engine/runtimes/runtime.js';
import { openTfjsRuntime } from '../../src/engine/runtimes/tfjs/tfjs.js';
import { build, directional, expectClose } from './gradient-check.js';
import type { OpCase } from './op-cases.js';
import { RANDOM_KINDS, randomCases } from './random-op-cases.js';

const DIRECTIONS = 3;

/** Along random directions a wrong number anywhere in a gradient shows. */
function checkGradients(test: OpCase): void {
  const { graph, inputs } = build(test);
  const results = evaluate(graph, inputs);
  test.inputs.forEach((shape, i) => {
    const gradient = results[`grad${i}`]!;
    const size = gradient.reduce((n, g) => n + g * g, 0) ** 0.5;
    const random = new Random(`directions ${test.name} ${i}`);
    for (let k = 0; k < DIRECTIONS; k++) {
      const direction = random.normals(sizeOf(shape));
      const analytic = gradient.reduce((n, g, j) => n + g * direction[j]!, 0);
      const numeric = directional(graph, inputs, `x${i}`, direction);
      const difference = Math.abs(numeric - analytic) / Math.max(size, 1e-3);
      expect(difference, `${test.name}: gradient to input ${i}`).toBeLessThan(1e-6);
    }
  });
}

async function checkValues(test: OpCase, runtime: Runtime): Promise<void> {
  const { graph, inputs } = build(test);
  const wanted = evaluate(graph, inputs);
  const compiled = await runtime.compile(graph, { threads: 1 });
  const actual = await compiled.run(inputs);
  // The loss is a sum of both signs, whose relative error says little.
  for (const { name } of graph.outputs.filter((port) => port.name !== 'loss')) {
    expectClose(actual[name]!, wanted[name]!, 2e-5, `${test.name}, ${name}`);
  }
  await compiled.close();
}

describe.each(Object.keys(RANDOM_KINDS))('%s drawn at random', (kind) => {
  it('have the gradients that finite differences give', () => {
    for (const test of randomCases(kind)) checkGradients(test);
  });

  it.each<[string, () => Promise<Runtime>]>([
    ['onnxruntime', openOnnxRuntime],
    ['tfjs cpu', () => openTfjsRuntime('cpu')],
  ])('give the reference values, gradients too, on %s', async (_, open) => {
    const runtime = await open();
    for (const test of randomCases(kind)) await checkValues(test, runtime);
  });
});
