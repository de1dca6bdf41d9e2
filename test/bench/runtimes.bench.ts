/**
 * What the default runtime makes of this machine: a square matrix product, which is as fast as it gets, and beside it
 * the recogniser's convnet with its gradient. A name holds the work of one run: GFLOP times hz is GFLOP/s.
 * `npm run bench`, on a machine that does nothing else.
 */
import { bench, describe } from 'vitest';
import { frameNetwork } from '../../models/figures/lrcn.js';
import { gradients } from '../../src/engine/autodiff/gradients.js';
import { GraphBuilder, typeOf, type Graph } from '../../src/engine/graph/graph.js';
import { sizeOf } from '../../src/engine/graph/shape.js';
import { macsOf } from '../../src/engine/models/cost.js';
import { matmul } from '../../src/engine/ops/matmul.js';
import { sum } from '../../src/engine/ops/reduce.js';
import { Random } from '../../src/engine/random.js';
import { openOnnxRuntime } from '../../src/engine/runtimes/onnxruntime/onnxruntime.js';

const random = new Random('bench');

function product(size: number): Graph {
  const b = new GraphBuilder();
  b.output('y', matmul(b, b.input('a', [size, size]), b.input('b', [size, size])));
  return b.build();
}

function convnetGradient(frames: number): Graph {
  const b = new GraphBuilder();
  const x = b.input('x', [frames, 3, 64, 64]);
  const { gates } = frameNetwork(b, x, (name, shape, spread) =>
    b.constant(random.normals(sizeOf(shape), spread), shape, name),
  );
  b.output('gradient', gradients(b, sum(b, gates!), [x])[0]!);
  return b.build();
}

const runtime = await openOnnxRuntime();

async function benchGraph(name: string, graph: Graph): Promise<void> {
  const compiled = await runtime.compile(graph);
  const inputs = Object.fromEntries(
    graph.inputs.map((port) => [port.name, random.normals(sizeOf(typeOf(graph, port.value).shape), 1)]),
  );
  bench(`${name}, ${((2 * macsOf(graph)) / 1e9).toFixed(3)} GFLOP`, async () => {
    await compiled.run(inputs);
  });
}

describe(runtime.description, async () => {
  await benchGraph('matrix product, 2048', product(2048));
  await benchGraph('convnet and its gradient, 1 frame', convnetGradient(1));
  await benchGraph('convnet and its gradient, 16 frames', convnetGradient(16));
  await benchGraph('convnet and its gradient, 160 frames', convnetGradient(160));
});
