import { describe, expect, it } from 'vitest';
import { GraphBuilder, type Graph } from '../../src/engine/graph/graph.js';
import { relu } from '../../src/engine/ops/activation.js';
import { add } from '../../src/engine/ops/elementwise.js';
import { bytesToRgb } from '../../src/engine/models/pixels.js';
import { openOnnxRuntime } from '../../src/engine/runtimes/onnxruntime/onnxruntime.js';
import { openRuntime, RUNTIMES } from '../../src/engine/runtimes/open.js';
import { referenceRuntime } from '../../src/engine/runtimes/reference/reference.js';
import type { Runtime } from '../../src/engine/runtimes/runtime.js';
import { openTfjsRuntime } from '../../src/engine/runtimes/tfjs/tfjs.js';
import { failure } from './small-models.js';

/** Whether the optional native library is there: installed packages do not fetch it by themselves. */
const native = await openTfjsRuntime('tensorflow').then(
  () => true,
  () => false,
);

describe('a runtime by name', () => {
  it('is onnxruntime for auto, and when nothing is said', async () => {
    expect((await openRuntime('auto')).name).toBe('onnxruntime');
    expect((await openRuntime()).name).toBe('onnxruntime');
  });

  it.each([
    ['onnxruntime', /^onnxruntime-node \d+\.\d+.*cpu$/],
    ['tfjs-wasm', /^tfjs \d+\.\d+.*wasm$/],
    ['tfjs-cpu', /^tfjs \d+\.\d+.*cpu$/],
  ])('%s tells what it is, with its version', async (name, description) => {
    expect((await openRuntime(name)).description).toMatch(description);
  });

  it('tfjs is the first of its backends that loads', async () => {
    expect((await openRuntime('tfjs')).description).toMatch(native ? /tensorflow$/ : /wasm$/);
  });

  it.skipIf(native)('tfjs-tensorflow without its library says which command fetches it', async () => {
    await expect(openRuntime('tfjs-tensorflow')).rejects.toThrow(
      failure('RUNTIME_UNAVAILABLE', /npm rebuild @tensorflow\/tfjs-node-gpu --ignore-scripts=false/),
    );
  });

  it('that does not exist is refused with the names there are', async () => {
    for (const name of ['abacus', '', 'constructor', '__proto__', 'toString', 'Onnxruntime']) {
      await expect(openRuntime(name), name).rejects.toThrow(failure('REQUEST_INVALID', /auto, onnxruntime, tfjs/));
    }
    expect(RUNTIMES).toEqual(['auto', 'onnxruntime', 'tfjs', 'tfjs-tensorflow', 'tfjs-wasm', 'tfjs-cpu']);
  });
});

const all: [string, () => Promise<Runtime>][] = [
  ['reference', async () => referenceRuntime],
  ['onnxruntime', openOnnxRuntime],
  ['tfjs cpu', () => openTfjsRuntime('cpu')],
  ['tfjs wasm', () => openTfjsRuntime('wasm')],
];
describe.each(all)('a graph compiled by %s', (_name, open) => {
  function sums(): Graph {
    const b = new GraphBuilder();
    const x = b.input('x', [2, 2]);
    b.input('idle', [3]);
    b.output('sum', add(b, x, b.constant([1, 2], [2])));
    b.output('same', x);
    b.output('fixed', b.constant([7], [1]));
    return b.build();
  }
  const inputs = { x: Float32Array.of(1, 2, 3, 4), idle: new Float32Array(3) };

  it('gives every output, also one that is an input or a constant, again and again', async () => {
    const graph = await (await open()).compile(sums(), { threads: 1 });
    for (let i = 0; i < 3; i++) {
      const results = await graph.run(inputs);
      expect(Object.fromEntries(Object.entries(results).map(([k, v]) => [k, [...v]]))).toEqual({
        sum: [2, 4, 4, 6],
        same: [1, 2, 3, 4],
        fixed: [7],
      });
    }
    await graph.close();
  });

  it('gives results that a later run leaves alone', async () => {
    const graph = await (await open()).compile(sums(), { threads: 1 });
    const first = await graph.run(inputs);
    await graph.run({ ...inputs, x: Float32Array.of(9, 9, 9, 9) });
    expect([...first['sum']!]).toEqual([2, 4, 4, 6]);
    expect([...inputs.x]).toEqual([1, 2, 3, 4]);
    await graph.close();
  });

  it('runs twice at once', async () => {
    const graph = await (await open()).compile(sums(), { threads: 1 });
    const runs = await Promise.all([graph.run(inputs), graph.run({ ...inputs, x: new Float32Array(4) })]);
    expect(runs.map(({ sum }) => [...sum!])).toEqual([
      [2, 4, 4, 6],
      [1, 2, 1, 2],
    ]);
    await graph.close();
  });

  it('refuses inputs that are missing, of another size or of another kind', async () => {
    const graph = await (await open()).compile(sums(), { threads: 1 });
    const wrong = failure('GRAPH_INVALID', /Input "x" wants float32 numbers of shape \[2, 2\]/);
    await expect(graph.run({ idle: inputs.idle })).rejects.toThrow(wrong);
    await expect(graph.run({ ...inputs, x: new Float32Array(5) })).rejects.toThrow(wrong);
    await expect(graph.run({ ...inputs, x: new Uint8Array(4) })).rejects.toThrow(wrong);
    await graph.close();
  });

  it('takes bytes', async () => {
    const b = new GraphBuilder();
    b.output('rgb', bytesToRgb(b, b.input('pixels', [1, 1, 2, 3], 'uint8')));
    const graph = await (await open()).compile(b.build(), { threads: 1 });
    const { rgb } = await graph.run({ pixels: Uint8Array.of(0, 100, 255, 1, 101, 254) });
    expect([...rgb!]).toEqual([0, 1, 100, 101, 255, 254]);
    await graph.close();
  });
});

it('ONNX Runtime says GRAPH_INVALID of a graph whose attributes it cannot use', async () => {
  const b = new GraphBuilder();
  b.output('y', relu(b, b.input('x', [2]), 0.5));
  const built = b.build();
  const broken: Graph = { ...built, nodes: built.nodes.map((node) => ({ ...node, attributes: {} })) };
  await expect((await openOnnxRuntime()).compile(broken)).rejects.toThrow(failure('GRAPH_INVALID', /ONNX Runtime/));
});
