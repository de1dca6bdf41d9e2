/** Large models are kept as they were optimised, found again by their content, and made anew when damaged. */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { GraphBuilder, type Graph } from '../../src/engine/graph/graph.js';
import { relu } from '../../src/engine/ops/activation.js';
import { conv2d } from '../../src/engine/ops/conv.js';
import { reshape } from '../../src/engine/ops/layout.js';
import { dense } from '../../src/engine/ops/matmul.js';
import { Random } from '../../src/engine/random.js';
import { defaultModelCache } from '../../src/engine/runtimes/onnxruntime/model-cache.js';
import { openOnnxRuntime } from '../../src/engine/runtimes/onnxruntime/onnxruntime.js';
import type { TensorData } from '../../src/engine/runtimes/runtime.js';

const home = mkdtempSync(join(tmpdir(), 'neuroreel-cache-'));
afterAll(() => rmSync(home, { recursive: true, force: true }));

/** A network of 17 MB: a convolution and a fully connected layer. */
function network(seed: number): Graph {
  const random = new Random('weights').normals(4096 * 1040, 0.01);
  random[0] = seed;
  const b = new GraphBuilder();
  const x = b.input('x', [1, 16, 8, 8]);
  const y = relu(
    b,
    conv2d(b, x, b.constant(random.subarray(0, 16 * 16 * 9), [16, 16, 3, 3]), null, { pads: [1, 1, 1, 1] }),
  );
  b.output('y', dense(b, reshape(b, y, [1, 1024]), b.constant(random.subarray(0, 4096 * 1024), [4096, 1024]), null));
  return b.build();
}

const x = new Random('x').normals(1024);
const LIMIT = 2 ** 30;
let folder: string;
let count = 0;
beforeEach(() => {
  folder = join(home, String(count++));
});

async function result(graph: Graph, limit = LIMIT): Promise<TensorData> {
  const runtime = await openOnnxRuntime('cpu', undefined, { folder, limit });
  const compiled = await runtime.compile(graph, { threads: 1 });
  const { y } = await compiled.run({ x });
  await compiled.close();
  return y!;
}
const entries = (): string[] => (existsSync(folder) ? readdirSync(folder).sort() : []);
const bits = (data: TensorData): string => Buffer.from(data.buffer).toString('base64');

describe('a large model', () => {
  it('is kept, and gives the same bits from the cache and without one', async () => {
    const without = bits(await result(network(1), 0));
    expect(entries()).toEqual([]);
    expect(bits(await result(network(1)))).toBe(without);
    expect(entries()).toHaveLength(1);
    const [entry] = entries();
    const before = statSync(join(folder, entry!, 'model.onnx')).mtimeMs;
    expect(bits(await result(network(1)))).toBe(without);
    expect(statSync(join(folder, entry!, 'model.onnx')).mtimeMs).toBe(before);
    expect(entries()).toEqual([entry]);
  });

  it('of other weights is another', async () => {
    const one = bits(await result(network(1)));
    expect(bits(await result(network(2)))).not.toBe(one);
    expect(entries()).toHaveLength(2);
  });

  it('whose files were damaged is made anew', async () => {
    const whole = bits(await result(network(1)));
    const [entry] = entries();
    for (const file of ['model.onnx', 'model.bin']) {
      truncateSync(join(folder, entry!, file), 100);
      expect(bits(await result(network(1))), file).toBe(whole);
    }
    expect(entries()).toEqual([entry]);
  });

  it('is compiled all the same where the cache cannot be written', async () => {
    mkdirSync(home, { recursive: true });
    writeFileSync(folder, 'a file where the folder would be');
    expect(await result(network(1))).toHaveLength(4096);
  });

  it('gives way to newer ones when there is no room for all', async () => {
    await result(network(1));
    const [first] = entries();
    await result(network(2), 30 * 2 ** 20);
    expect(entries()).toHaveLength(1);
    expect(entries()).not.toContain(first);
  });
});

it('small models are not kept', async () => {
  const b = new GraphBuilder();
  b.output('y', relu(b, b.input('x', [1024])));
  await result(b.build());
  expect(entries()).toEqual([]);
});

it('the environment says where, and how much', () => {
  expect(defaultModelCache({ XDG_CACHE_HOME: '/c' })).toEqual({ folder: '/c/neuroreel/compiled', limit: 8 * 2 ** 30 });
  expect(defaultModelCache({ HOME: '/h' }).folder).toBe('/h/.cache/neuroreel/compiled');
  expect(defaultModelCache({ NEUROREEL_CACHE: '/n', NEUROREEL_CACHE_MB: '10' })).toEqual({
    folder: '/n/compiled',
    limit: 10 * 2 ** 20,
  });
  expect(defaultModelCache({ NEUROREEL_CACHE_MB: '0' }).limit).toBe(0);
  expect(defaultModelCache({ NEUROREEL_CACHE_MB: 'much' }).limit).toBe(8 * 2 ** 30);
});
