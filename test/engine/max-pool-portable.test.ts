/** The gradient of max pooling as it is written for GPUs, run on the CPU: the same numbers as the reference, also on ties. */
import type * as onnxruntime from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { gradients } from '../../src/engine/autodiff/gradients.js';
import { GraphBuilder, typeOf, type Graph } from '../../src/engine/graph/graph.js';
import { sizeOf } from '../../src/engine/graph/shape.js';
import { maxPool2d, maxPool2dPlace, maxPool2dScatter, type PoolOptions } from '../../src/engine/ops/pool.js';
import { Random } from '../../src/engine/random.js';
import { inputName, onnxModel, outputName } from '../../src/engine/runtimes/onnxruntime/onnx-model.js';
import { evaluate } from '../../src/engine/runtimes/reference/reference.js';

const ort: typeof onnxruntime = await import('onnxruntime-node');

function poolGraph(shape: readonly number[], options: PoolOptions): Graph {
  const b = new GraphBuilder();
  const x = b.input('x', shape);
  const y = maxPool2d(b, x, options);
  b.output('y', y);
  const g = b.input('g', y.shape);
  b.output('gradient', gradients(b, y, [x], g)[0]!);
  b.output('from places', maxPool2dScatter(b, maxPool2dPlace(b, x, options), g, x, options));
  return b.build();
}

async function runForGpu(graph: Graph, inputs: Record<string, Float32Array>) {
  const { bytes, external } = onnxModel(graph, { device: 'webgpu' });
  const options = { executionProviders: ['cpu'], externalData: [...external], logSeverityLevel: 3 } as const;
  const session = await ort.InferenceSession.create(bytes, options);
  const feeds = Object.fromEntries(
    graph.inputs.map(({ name, value }) => [
      inputName(name),
      new ort.Tensor('float32', inputs[name]!, typeOf(graph, value).shape),
    ]),
  );
  const results = await session.run(feeds);
  await session.release();
  return (name: string): Float32Array => results[outputName(name)]!.data as Float32Array;
}

describe('the gradient of max pooling for GPUs', () => {
  it.each<[number[], PoolOptions]>([
    [[2, 3, 6, 7], { kernel: [2, 2] }],
    [[1, 2, 7, 7], { kernel: [3, 3], strides: [2, 2] }],
    [[1, 2, 8, 9], { kernel: [3, 3], strides: [2, 2], ceil: true }],
    [[2, 1, 7, 6], { kernel: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1], ceil: true }],
    [[1, 2, 6, 6], { kernel: [3, 2], strides: [1, 2], pads: [1, 0, 1, 0] }],
    // Strides beyond the kernel leave out rows and columns.
    [[1, 2, 8, 8], { kernel: [2, 2], strides: [3, 3] }],
    [[1, 2, 5, 5], { kernel: [1, 1], strides: [2, 2] }],
    [[1, 2, 4, 4], { kernel: [1, 1] }],
    // Global, by places and by one search.
    [[2, 3, 5, 4], { kernel: [5, 4] }],
    [[2, 3, 9, 8], { kernel: [9, 8] }],
    [[1, 2, 9, 9], { kernel: [8, 8], strides: [8, 8] }],
    [[1, 2, 8, 8], { kernel: [9, 9], strides: [9, 9], pads: [1, 1, 0, 0] }],
  ])('is exact for %j by %j, where the first of equals takes it', async (shape, options) => {
    const graph = poolGraph(shape, options);
    const random = new Random('pool');
    // Few different numbers, all below zero: many ties, and padding never wins.
    const x = Float32Array.from({ length: sizeOf(shape) }, () => random.integer(4) - 4);
    const out = typeOf(graph, graph.inputs.find(({ name }) => name === 'g')!.value).shape;
    const inputs = { x, g: random.normals(sizeOf(out)) };
    const wanted = evaluate(graph, inputs);
    const result = await runForGpu(graph, inputs);
    expect([...result('y')]).toEqual([...wanted['y']!]);
    for (const name of ['gradient', 'from places']) {
      result(name).forEach((v, i) => expect(v, `${name}, element ${i}`).toBeCloseTo(wanted['gradient']![i]!, 5));
    }
  });
});
