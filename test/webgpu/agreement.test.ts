/** Steps of random networks on WebGPU: the right numbers, and the same ones each time. */
import { expect, it } from 'vitest';
import { openOnnxRuntime } from '../../src/engine/runtimes/onnxruntime/onnxruntime.js';
import { agreementCases, holdToFloat64 } from '../engine/agreement.js';

const runtime = await openOnnxRuntime('webgpu');
const cases = agreementCases(5);

it.each(cases)('$name agrees with float64', async (test) => {
  const { worst, excused } = await holdToFloat64(runtime, test);
  expect(worst).toBeGreaterThan(0);
  expect(excused, 'rows on a kink').toBe(0);
});

it('writes outputs to the arrays that it is given', async () => {
  const { graph, inputs } = cases[0]!;
  const compiled = await runtime.compile(graph);
  const plain = await compiled.run(inputs);
  const into = { code: new Float32Array(plain['code']!.length), pixels: new Uint8Array(plain['pixels']!.length) };
  const results = await compiled.run(inputs, { into });
  expect(results['code']).toBe(into.code);
  expect(results).toEqual(plain);
  await compiled.close();
});

it('gives the same bytes each time', async () => {
  const { graph, inputs } = cases[0]!;
  const runs = [];
  for (let i = 0; i < 2; i++) {
    const compiled = await runtime.compile(graph);
    runs.push(await compiled.run(inputs), await compiled.run(inputs));
    await compiled.close();
  }
  for (const run of runs.slice(1)) expect(run).toEqual(runs[0]);
});
