/** Every op on WebGPU, against float64. */
import { expect, it } from 'vitest';
import { typeOf } from '../../src/engine/graph/graph.js';
import { openOnnxRuntime } from '../../src/engine/runtimes/onnxruntime/onnxruntime.js';
import { evaluate } from '../../src/engine/runtimes/reference/reference.js';
import { rowErrors } from '../engine/agreement.js';
import { build } from '../engine/gradient-check.js';
import { OP_CASES } from '../engine/op-cases.js';

const runtime = await openOnnxRuntime('webgpu');

it.each(OP_CASES)('$name, and its gradient', async (test) => {
  const { graph, inputs } = build(test);
  const wanted = evaluate(graph, inputs);
  const compiled = await runtime.compile(graph, { threads: 1 });
  const actual = await compiled.run(inputs);
  await compiled.close();
  for (const { name, value } of graph.outputs) {
    // Rounding to bytes may fall either way where a value lies on the border.
    const tolerance = typeOf(graph, value).dtype === 'uint8' ? 1.01 / 255 : 5e-5;
    expect(rowErrors(actual[name]!, wanted[name]!, 1)[0], name).toBeLessThan(tolerance);
  }
});
