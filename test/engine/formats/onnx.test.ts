/** Small ONNX models with random weights, imported, against ONNX Runtime on the files themselves. */
import { createRequire } from 'node:module';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type * as onnxruntime from 'onnxruntime-node';
import { beforeAll, describe, expect, it } from 'vitest';
import { readModel } from '../../../src/engine/formats/import.js';
import { ONNX_OPS } from '../../../src/engine/formats/onnx/ops/table.js';
import { Random } from '../../../src/engine/random.js';
import { openOnnxRuntime } from '../../../src/engine/runtimes/onnxruntime/onnxruntime.js';
import { evaluate } from '../../../src/engine/runtimes/reference/reference.js';
import type { Runtime } from '../../../src/engine/runtimes/runtime.js';
import { runOnce, scoring, temporaryFolder, worst } from './helpers.js';
import { ONNX_CASES, type OnnxCase } from './onnx-cases.js';
import { ModelMaker, modelBytes } from './onnx-writer.js';

const ort = createRequire(import.meta.url)('onnxruntime-node') as typeof onnxruntime;
const folder = temporaryFolder();
/** Two pictures at once: the graphs may not hold on to a batch of one. */
const BATCH = 2;
let runtime: Runtime;
beforeAll(async () => {
  runtime = await openOnnxRuntime();
});

/** The case's model, with an open batch or a fixed one. */
function bytesOf(test: OnnxCase, batch: number | 'open'): Uint8Array {
  const maker = new ModelMaker(new Random(test.name));
  const output = test.build(maker, 'x');
  const shape = [batch === 'open' ? 'N' : batch, ...(test.input ?? [3, 6, 5])];
  return modelBytes(maker.model([{ name: 'x', shape }], output, test.opset));
}

/** What ONNX Runtime gives for a file. */
async function original(bytes: Uint8Array, x: Float32Array, shape: readonly number[]): Promise<Float32Array> {
  const session = await ort.InferenceSession.create(bytes, {
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    logSeverityLevel: 3,
  });
  const [name] = session.outputNames;
  const results = await session.run({ x: new ort.Tensor('float32', x, [...shape]) });
  const data = Float32Array.from(results[name!]!.data as Float32Array);
  await session.release();
  return data;
}

function numbersFor(test: OnnxCase, count: number): Float32Array {
  const numbers = new Random(`${test.name} input`).normals(count);
  return test.positive ? numbers.map((v) => 0.3 + Math.abs(v)) : numbers;
}

let files = 0;
async function imported(
  bytes: Uint8Array,
  x: Float32Array,
): Promise<{ onRuntime: ArrayLike<number>; inReference: ArrayLike<number> }> {
  const path = join(folder, `case-${files++}.onnx`);
  writeFileSync(path, bytes);
  const model = await readModel(path);
  expect(model.kind).toBe('network');
  const { b, y } = scoring(model, BATCH, 1);
  b.output('y', y);
  const graph = b.build();
  return { onRuntime: (await runOnce(runtime, graph, { x }))['y']!, inReference: evaluate(graph, { x })['y']! };
}

describe('every ONNX op', () => {
  it('is used by a case', () => {
    const used = new Set(
      ONNX_CASES.flatMap((test) => {
        const maker = new ModelMaker(new Random(0));
        test.build(maker, 'x');
        return maker.nodes.map(({ op }) => op);
      }),
    );
    expect([...ONNX_OPS.keys()].filter((op) => !used.has(op))).toEqual([]);
  });

  it('has cases of different names', () => {
    const names = ONNX_CASES.map(({ name }) => name);
    expect(names.filter((name, i) => names.indexOf(name) !== i)).toEqual([]);
  });

  it.each(ONNX_CASES.map((test): [string, OnnxCase] => [test.name, test]))('%s', async (_, test) => {
    const shape = test.input ?? [3, 6, 5];
    const size = shape.reduce((n, dim) => n * dim, 1);
    const x = numbersFor(test, BATCH * size);
    const open = bytesOf(test, 'open');
    const parts: Float32Array[] = [];
    for (let i = 0; i < BATCH; i++) parts.push(await original(open, x.slice(i * size, (i + 1) * size), [1, ...shape]));
    const wanted = Float32Array.from(parts.flatMap((part) => [...part]));
    const results = await imported(open, x);
    expect(worst(results.onRuntime, wanted)).toBeLessThan(2e-5);
    expect(worst(results.inReference, wanted)).toBeLessThan(2e-5);
  });
});

describe('files that fix a batch of two', () => {
  it.each(ONNX_CASES.filter(({ onlyOpen }) => !onlyOpen).map((test): [string, OnnxCase] => [test.name, test]))(
    '%s',
    async (_, test) => {
      const shape = test.input ?? [3, 6, 5];
      const x = numbersFor(test, BATCH * shape.reduce((n, dim) => n * dim, 1));
      const fixed = bytesOf(test, BATCH);
      const wanted = await original(fixed, x, [BATCH, ...shape]);
      const { onRuntime } = await imported(fixed, x);
      expect(worst(onRuntime, wanted)).toBeLessThan(2e-5);
    },
  );
});
