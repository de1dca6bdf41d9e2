/** Graphs run in chunks of rows give what they give as a whole, keep little, and can be interrupted between chunks. */
import { describe, expect, it } from 'vitest';
import { gradients } from '../../src/engine/autodiff/gradients.js';
import { chunkStarts, compileChunked } from '../../src/engine/chunking/chunked.js';
import { activationBytes, constantBytes } from '../../src/engine/chunking/memory.js';
import { chunkedGraph, compileWithin, planWithin } from '../../src/engine/chunking/plan.js';
import { phasesOf } from '../../src/engine/chunking/rows.js';
import { splitSums } from '../../src/engine/chunking/split-sums.js';
import { GraphBuilder, type Graph, type Value } from '../../src/engine/graph/graph.js';
import { sizeOf } from '../../src/engine/graph/shape.js';
import { relu } from '../../src/engine/ops/activation.js';
import { conv2d, convTranspose2d } from '../../src/engine/ops/conv.js';
import { abs, add, div, mul } from '../../src/engine/ops/elementwise.js';
import { gather, reshape } from '../../src/engine/ops/layout.js';
import { lstm } from '../../src/engine/ops/lstm.js';
import { dense, matmul } from '../../src/engine/ops/matmul.js';
import { maxPool2d } from '../../src/engine/ops/pool.js';
import { localResponseNorm } from '../../src/engine/ops/power.js';
import { quantise } from '../../src/engine/ops/quantise.js';
import { opNamed } from '../../src/engine/ops/table.js';
import { mean, sum } from '../../src/engine/ops/reduce.js';
import { Random } from '../../src/engine/random.js';
import { openOnnxRuntime } from '../../src/engine/runtimes/onnxruntime/onnxruntime.js';
import { evaluate, referenceRuntime } from '../../src/engine/runtimes/reference/reference.js';
import type { Runtime, TensorData } from '../../src/engine/runtimes/runtime.js';
import { openTfjsRuntime } from '../../src/engine/runtimes/tfjs/tfjs.js';
import { OP_CASES } from './op-cases.js';

/**
 * A step like that of DGN-AM: codes mixed over time, a generator, a convnet with pooling and normalisation, an LSTM over
 * windows, the gradient to the codes, and an update normalised over the whole clip.
 */
function stepGraph(frames: number): Graph {
  const random = new Random('chunks');
  const b = new GraphBuilder();
  const weight = (...shape: number[]): Value =>
    b.constant(random.normals(sizeOf(shape), 1 / Math.sqrt(shape.slice(1).reduce((n, d) => n * d, 1))), shape);
  const code = b.input('code', [frames, 6]);
  const rate = b.input('rate', []);
  const mixed = matmul(b, weight(frames, frames), code);
  const drawn = relu(b, dense(b, mixed, weight(4 * 3 * 3, 6), null), 0.3);
  const image = convTranspose2d(b, reshape(b, drawn, [0, 4, 3, 3]), weight(4, 3, 4, 4), {
    strides: [3, 3],
    pads: [0, 0, 0, 0],
  });
  const first = maxPool2d(b, relu(b, conv2d(b, image, weight(5, 3, 3, 3), null, { pads: [1, 1, 1, 1] })), {
    kernel: [3, 3],
    strides: [2, 2],
    ceil: true,
  });
  const second = relu(
    b,
    conv2d(b, localResponseNorm(b, first, { size: 3, alpha: 1, beta: 0.75 }), weight(4, 5, 3, 3), null),
  );
  const gates = dense(b, reshape(b, second, [0, -1]), weight(8, sizeOf(second.shape.slice(1))), null);
  const windows = [...Array(3)].flatMap((_, s) => [s, s + 2, frames - 3 + s]);
  const { hidden } = lstm(b, reshape(b, gather(b, gates, windows), [3, 3, 8]), weight(8, 2));
  const target = mean(b, hidden, undefined, false);
  const gradient = gradients(b, target, [code])[0]!;
  const size = mean(b, abs(b, gradient), undefined, false);
  b.output('code', add(b, code, mul(b, div(b, gradient, size), rate)));
  b.output('activation', target);
  b.output('pixels', quantise(b, image, 50, 128));
  b.output('energy', sum(b, mul(b, image, image), undefined, false));
  b.output('fixed', b.constant([1, 2], [2]));
  return b.build();
}

const FRAMES = 10;
const graph = stepGraph(FRAMES);
const random = new Random('codes');
const inputs = { code: random.normals(FRAMES * 6), rate: Float32Array.of(0.5) };

function expectSame(actual: Record<string, TensorData>, tolerance: number): void {
  const wanted = evaluate(graph, inputs);
  for (const { name } of graph.outputs) {
    const scale = wanted[name]!.reduce((m, v) => Math.max(m, Math.abs(v)), 1e-3);
    const off = wanted[name]!.reduce((m, v, i) => Math.max(m, Math.abs(v - actual[name]![i]!)), 0);
    // Bytes may be rounded either way.
    expect(off / scale, name).toBeLessThan(name === 'pixels' ? 1.01 / scale : tolerance);
    expect(actual[name]!.length).toBe(wanted[name]!.length);
  }
}

const runtimes: [string, () => Promise<Runtime>, number][] = [
  ['reference', async () => referenceRuntime, 1e-6],
  ['onnxruntime', openOnnxRuntime, 2e-5],
  ['tfjs cpu', () => openTfjsRuntime('cpu'), 2e-5],
];

describe('a step run in chunks of frames', () => {
  it('has more than one row-wise phase, with all of the convolutions in them', () => {
    const { rows, phases } = phasesOf(splitSums(graph), 0)!;
    expect(rows).toBe(FRAMES);
    const kinds = phases.map(({ kind }) => kind);
    expect(kinds.filter((kind) => kind === 'rows').length).toBeGreaterThan(1);
    const heavy = phases.flatMap(({ kind, nodes }) => nodes.map(({ node }) => [node.op, kind]));
    expect(heavy.filter(([op]) => /Conv|Pool/.test(op!)).every(([, kind]) => kind === 'rows')).toBe(true);
    expect(heavy.filter(([op]) => op === 'Lstm')).toEqual([['Lstm', 'whole']]);
  });

  it.each(runtimes)('gives what the whole graph gives, on %s', async (_name, open, tolerance) => {
    const runtime = await open();
    for (const keep of [true, false]) {
      for (const chunk of [1, 3, 4, 5, 10]) {
        const plan = chunkedGraph(graph, chunk, keep, { worth: 0 })!;
        const compiled = await compileChunked(runtime, plan, { threads: 1 });
        expectSame(await compiled.run(inputs), tolerance);
        expectSame(await compiled.run(inputs), tolerance);
        await compiled.close();
      }
    }
  });

  it('keeps signs and places of maxima as bytes, and one number of each that is normalised', () => {
    const plan = chunkedGraph(graph, 5, true, { worth: 0 })!;
    const forward = plan.phases.findIndex(({ graph: g }) => g.nodes.some(({ op }) => op === 'Conv2d'));
    const given = plan.phases[forward]!.given.map((id) => plan.values[id]!);
    const isOutput = (shape: readonly number[]): boolean => shape[1] === 3;
    const bytes = given.filter(({ dtype, shape }) => dtype === 'uint8' && !isOutput(shape));
    // The generator's signs, the places of maxima, and the signs of the second convolution.
    expect(bytes.map(({ shape }) => shape.slice(1).join('x')).sort()).toEqual(['36', '4x3x3', '5x5x5'].sort());
    const pooled = given.filter(({ dtype, shape }) => dtype === 'float32' && shape.slice(1).join('x') === '5x5x5');
    expect(pooled).toHaveLength(1);
  });

  it('keeps the pooled values where a device does not tell the places of maxima', () => {
    const { phases, values } = chunkedGraph(graph, 5, true, { worth: 0, places: false })!;
    const ops = phases.flatMap((phase) => phase.graph.nodes.map(({ op }) => op));
    expect(ops.filter((op) => /Place|Scatter/.test(op))).toEqual([]);
    expect(phases.flatMap(({ given }) => given).filter((id) => values[id]!.dtype === 'uint8').length).toBeGreaterThan(
      1,
    );
  });

  it('keeps no pictures of the forward pass where there is no room', () => {
    const b = new GraphBuilder();
    const x = b.input('x', [4, 4, 64, 64]);
    const w = b.constant(new Random(1).normals(4 * 4 * 9), [4, 4, 3, 3]);
    const features = mean(b, relu(b, conv2d(b, relu(b, conv2d(b, x, w, null)), w, null)), [1, 2, 3]);
    const target = sum(b, mul(b, features, gather(b, features, [1, 2, 3, 0])));
    b.output('dx', gradients(b, target, [x])[0]!);
    const given = (keep: boolean): (readonly number[])[] => {
      const plan = chunkedGraph(b.build(), 2, keep, { worth: 40_000 })!;
      const ids = new Set(plan.phases.flatMap((phase) => phase.given));
      return [...ids].map((id) => plan.values[id]!.shape).filter((shape) => sizeOf(shape) > 1000);
    };
    // Kept, there are signs of both convolutions besides the gradient itself.
    expect(given(true).length).toBeGreaterThan(2);
    expect(given(false)).toEqual([[4, 4, 64, 64]]);
  });

  it('leaves results alone in later runs, and the caller its inputs', async () => {
    const compiled = await compileChunked(referenceRuntime, chunkedGraph(graph, 4, true, { worth: 0 })!, {});
    const first = await compiled.run(inputs);
    const copy = Float32Array.from(first['code']!);
    await compiled.run({ ...inputs, code: random.normals(FRAMES * 6) });
    expect(first['code']).toEqual(copy);
    const into = { code: new Float32Array(FRAMES * 6) };
    const { code } = await compiled.run(inputs, { into });
    expect(code).toBe(into.code);
    expect(into.code).toEqual(copy);
  });

  it('asks between chunks, and ends where the answer is an error', async () => {
    const compiled = await compileChunked(referenceRuntime, chunkedGraph(graph, 4, true, { worth: 0 })!, {});
    let asked = 0;
    await compiled.run(inputs, { between: () => void asked++ });
    expect(asked).toBeGreaterThanOrEqual(2 * 3);
    let left = 2;
    const stop = compiled.run(inputs, {
      between() {
        if (left-- === 0) throw new Error('enough');
      },
    });
    await expect(stop).rejects.toThrow('enough');
    expectSame(await compiled.run(inputs), 1e-6);
  });
});

describe('what an op says of rows', () => {
  const told = OP_CASES.flatMap((test) => {
    const b = new GraphBuilder();
    test.build(
      b,
      test.inputs.map((shape, i) => b.input(`x${i}`, shape)),
    );
    return b.nodes.map((node) => ({ name: test.name, node, b }));
  });

  it('holds: some rows of the outputs come from the rows it names', () => {
    let checked = 0;
    for (const { name, node, b } of told) {
      const inputs = node.inputs.map((id) => b.value(id));
      const outputs = node.outputs.map((id) => b.value(id));
      const op = opNamed(node.op);
      const uses = op.rows?.(inputs, outputs, node.attributes);
      const rows = outputs[0]!.shape[0] ?? 1;
      if (!uses || rows < 2) continue;
      checked++;
      const random = new Random(name);
      const data = inputs.map(({ shape, dtype }) => {
        const numbers = Float64Array.from(random.normals(sizeOf(shape)));
        return { shape, data: dtype === 'uint8' ? numbers.map((x) => (x > 0 ? 1 : 0)) : numbers.map(Math.abs) };
      });
      const all = op.reference(data, node.attributes, outputs);
      // The last row alone.
      const some = data.map(({ shape, data: numbers }, i) =>
        uses[i] === 'whole'
          ? { shape, data: numbers }
          : { shape: [1, ...shape.slice(1)], data: numbers.subarray((numbers.length / rows) * (rows - 1)) },
      );
      const attributes = op.withRows?.(node.attributes, 1, outputs) ?? node.attributes;
      const types = op.infer(
        some.map(({ shape }, i) => ({ shape, dtype: inputs[i]!.dtype })),
        attributes,
      );
      expect(
        types.map(({ shape }) => shape),
        name,
      ).toEqual(outputs.map(({ shape }) => [1, ...shape.slice(1)]));
      op.reference(some, attributes, types).forEach((row, i) => {
        const wanted = all[i]!.subarray((all[i]!.length / rows) * (rows - 1));
        expect([...row], `${name}: ${node.op}`).toEqual([...wanted]);
      });
    }
    expect(checked).toBeGreaterThan(60);
  });
});

it('chunks cover all rows, the last one reaching back', () => {
  expect(chunkStarts(10, 4)).toEqual([0, 4, 6]);
  expect(chunkStarts(8, 4)).toEqual([0, 4]);
  expect(chunkStarts(3, 3)).toEqual([0]);
});

describe('within a budget', () => {
  const large = (): Graph => {
    const b = new GraphBuilder();
    const x = b.input('x', [32, 8, 64, 64]);
    const w = b.constant(new Random(1).normals(8 * 8 * 9), [8, 8, 3, 3]);
    const y = relu(b, conv2d(b, relu(b, conv2d(b, x, w, null)), w, null));
    b.output('dx', gradients(b, sum(b, y), [x])[0]!);
    return b.build();
  };

  it('a graph that fits runs as a whole, one that does not in smaller and smaller chunks', () => {
    const whole = planWithin(large(), 1e12);
    expect(whole).toMatchObject({ chunked: null, rows: 32, chunk: 32 });
    const some = planWithin(large(), whole.bytes * 0.8);
    expect(some.chunked).not.toBeNull();
    const least = planWithin(large(), 1);
    expect(least.chunk).toBeLessThanOrEqual(some.chunk);
    expect(least.bytes).toBeLessThan(whole.bytes);
    expect(planWithin(large(), some.bytes).bytes).toBeLessThanOrEqual(some.bytes);
  });

  it('gives the same on ONNX Runtime', async () => {
    const runtime = await openOnnxRuntime();
    const x = new Random(2).normals(32 * 8 * 64 * 64);
    const results: TensorData[] = [];
    for (const memory of [Infinity, 1]) {
      const compiled = await compileWithin(runtime, large(), { memory }, { threads: 1 });
      results.push((await compiled.run({ x }))['dx']!);
      await compiled.close();
    }
    expect(Buffer.compare(Buffer.from(results[0]!.buffer), Buffer.from(results[1]!.buffer))).toBe(0);
  });

  it('a graph without rows runs as a whole, whatever the budget', () => {
    const b = new GraphBuilder();
    b.output('y', matmul(b, b.input('x', [300, 300]), b.input('w', [300, 300]), { transA: true }));
    expect(planWithin(b.build(), 1)).toMatchObject({ chunked: null, rows: 0 });
  });
});

it('memory is counted from what is alive at once', () => {
  const b = new GraphBuilder();
  const x = b.input('x', [10]);
  b.output('y', add(b, relu(b, relu(b, x)), b.constant(new Float32Array(10), [10], 'w')));
  const counted = b.build();
  expect(activationBytes(counted)).toBe(3 * 40 - 40);
  expect(constantBytes([counted, counted])).toBe(40);
});
