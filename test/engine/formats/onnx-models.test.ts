/**
 * Small models as PyTorch exports them (`onnx/make_models.py`), imported, against ONNX Runtime on the files themselves; and
 * their gradients against finite differences.
 */
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type * as onnxruntime from 'onnxruntime-node';
import { beforeAll, describe, expect, it } from 'vitest';
import { gradients } from '../../../src/engine/autodiff/gradients.js';
import { readModel } from '../../../src/engine/formats/import.js';
import type { ImportedModel, ReadOptions } from '../../../src/engine/formats/format.js';
import { GraphBuilder, typeOf, type Graph, type Value } from '../../../src/engine/graph/graph.js';
import { sizeOf } from '../../../src/engine/graph/shape.js';
import { inline, readGraphs, writeGraphs } from '../../../src/engine/models/serialise.js';
import { mul } from '../../../src/engine/ops/elementwise.js';
import { sum } from '../../../src/engine/ops/reduce.js';
import { softmax } from '../../../src/engine/ops/softmax.js';
import { Random } from '../../../src/engine/random.js';
import { openOnnxRuntime } from '../../../src/engine/runtimes/onnxruntime/onnxruntime.js';
import { evaluate, referenceRuntime } from '../../../src/engine/runtimes/reference/reference.js';
import type { Runtime } from '../../../src/engine/runtimes/runtime.js';
import { openTfjsRuntime } from '../../../src/engine/runtimes/tfjs/tfjs.js';
import { runOnce, scoring, worst } from './helpers.js';

const ort = createRequire(import.meta.url)('onnxruntime-node') as typeof onnxruntime;
const fileOf = (name: string): string => join(import.meta.dirname, 'onnx', `${name}.onnx`);

const runtimes = new Map<string, Runtime>();
beforeAll(async () => {
  runtimes.set('onnxruntime', await openOnnxRuntime());
  runtimes.set('tfjs cpu', await openTfjsRuntime('cpu'));
  runtimes.set('reference', referenceRuntime);
});

/** What ONNX Runtime gives for a file, one input after the other. */
async function original(
  name: string,
  shape: readonly number[],
  inputs: readonly Float32Array[],
): Promise<Float32Array[]> {
  const session = await ort.InferenceSession.create(readFileSync(fileOf(name)), {
    intraOpNumThreads: 1,
    logSeverityLevel: 3,
  });
  const results: Float32Array[] = [];
  for (const x of inputs) {
    const { output } = await session.run({ input: new ort.Tensor('float32', x, [...shape]) });
    results.push(Float32Array.from(output!.data as Float32Array));
  }
  await session.release();
  return results;
}

const drawn = (seed: string, count: number, size: number): Float32Array[] => {
  const random = new Random(seed);
  return Array.from({ length: count }, () => random.normals(size));
};
const joined = (parts: readonly Float32Array[]): Float32Array => Float32Array.from(parts.flatMap((part) => [...part]));

/** Videos [T, C, H, W] side by side as their frames [T * count, C, H, W]. */
function interleaved(videos: readonly Float32Array[], steps: number): Float32Array {
  const size = videos[0]!.length / steps;
  const frames = Array.from({ length: steps }, (_, t) =>
    videos.map((video) => video.subarray(t * size, (t + 1) * size)),
  );
  return joined(frames.flat());
}

/** The graph as it is read back from the disk. */
function stored(model: ImportedModel): ImportedModel {
  const graphs: Readonly<Record<string, Graph>> = model.graphs;
  const { json, weights } = writeGraphs(graphs);
  return { ...model, graphs: readGraphs(json, weights) } as unknown as ImportedModel;
}

async function onAllRuntimes(
  build: () => GraphBuilder,
  inputs: Record<string, Float32Array>,
  wanted: Float32Array,
): Promise<void> {
  const graph = build().build();
  for (const [name, runtime] of runtimes) {
    const { y } = await runOnce(runtime, graph, inputs);
    expect(worst(y!, wanted), name).toBeLessThan(2e-5);
  }
}

interface PictureCase {
  readonly name: string;
  readonly shape: readonly number[];
  readonly units: number;
  readonly probabilities?: boolean;
  readonly options?: ReadOptions;
}
const PICTURES: readonly PictureCase[] = [
  { name: 'resnet', shape: [3, 32, 32], units: 5, probabilities: true },
  { name: 'mobile', shape: [3, 24, 24], units: 6 },
  { name: 'vit', shape: [3, 16, 16], units: 5 },
  { name: 'autoencoder', shape: [3, 12, 20], units: 720, options: { size: [12, 20] } },
];

describe('networks for pictures', () => {
  it.each(PICTURES)(
    '$name gives what it gave, for any number of pictures',
    async ({ name, shape, units, probabilities, options }) => {
      const model = stored(await readModel(fileOf(name), options));
      expect(model).toMatchObject({ kind: 'network', units, height: shape[1], width: shape[2] });
      const pictures = drawn(name, 3, sizeOf(shape));
      const wanted = joined(await original(name, [1, ...shape], pictures));
      const build = (): GraphBuilder => {
        const { b, y } = scoring(model, 3, 1);
        b.output('y', probabilities ? softmax(b, y) : y);
        return b;
      };
      await onAllRuntimes(build, { x: joined(pictures) }, wanted);
    },
  );

  it('give their layers under the names of the nodes, one picture a row', async () => {
    const model = await readModel(fileOf('resnet'));
    if (model.kind !== 'network') throw new Error();
    const { network } = model.graphs;
    const shapes = Object.fromEntries(network.outputs.map(({ name, value }) => [name, typeOf(network, value).shape]));
    expect(shapes).toMatchObject({
      '/stem/Conv': [1, 8, 16, 16],
      '/layers/layers.0/Add': [1, 8, 8, 8],
      logits: [1, 5],
    });
    expect(model.types).toMatchObject({ '/stem/Conv': 'Conv', '/Relu': 'Relu', '/pool/MaxPool': 'MaxPool' });
    expect(network.outputs.at(-1)!.name).toBe('logits');
  });
});

describe('generators', () => {
  it.each([
    { name: 'generator', code: [12], size: [16, 16] },
    { name: 'shuffler', code: [8, 3, 4], size: [6, 8] },
  ])('$name draws what it drew', async ({ name, code, size }) => {
    const model = stored(await readModel(fileOf(name)));
    expect(model).toMatchObject({ kind: 'generator', code, height: size[0], width: size[1] });
    if (model.kind !== 'generator') return;
    const codes = drawn(name, 3, sizeOf(code));
    const pictures = await original(name, [1, ...code], codes);
    // Grey pictures are the same in all colours.
    const wanted = joined(pictures.map((p) => (p.length === size[0]! * size[1]! ? joined([p, p, p]) : p)));
    const build = (): GraphBuilder => {
      const b = new GraphBuilder();
      b.output('y', inline(b, model.graphs.generator, { code: b.input('code', [3, sizeOf(code)]) })['image']!);
      return b;
    };
    await onAllRuntimes(build, { code: joined(codes) }, wanted);
  });
});

interface VideoCase {
  readonly name: string;
  /** Number of frames that the file fixes, or null. */
  readonly steps: number | null;
  /** Numbers of frames to run it on. */
  readonly lengths: readonly number[];
  readonly frame: readonly number[];
  /** Shape of the file's input for a number of frames; channels come before the time in one of them. */
  readonly shape: (steps: number) => readonly number[];
  readonly channelsFirst?: boolean;
  readonly boundary: readonly [name: string, size: number];
  /** Whether every step is scored. */
  readonly each?: boolean;
  readonly probabilities?: boolean;
}
const frame = [3, 16, 16];
const VIDEOS: readonly VideoCase[] = [
  { name: 'lrcn', steps: null, lengths: [5, 2, 24], frame, shape: (t) => [1, t, ...frame], boundary: ['gates', 28] },
  {
    name: 'gru-both-ways',
    steps: 5,
    lengths: [5],
    frame,
    shape: (t) => [1, t, ...frame],
    boundary: ['gates', 36],
    each: true,
    probabilities: true,
  },
  {
    name: 'time-first',
    steps: null,
    lengths: [3, 16],
    frame,
    shape: (t) => [t, 1, ...frame],
    boundary: ['features', 28],
  },
  {
    name: 'one-video',
    steps: null,
    lengths: [4, 17],
    frame,
    shape: (t) => [t, ...frame],
    boundary: ['gates', 28],
    each: true,
  },
  {
    name: 'clips',
    steps: 8,
    lengths: [8],
    frame: [3, 12, 12],
    shape: (t) => [1, 3, t, 12, 12],
    channelsFirst: true,
    boundary: ['features', 432],
  },
  { name: 'frame-attention', steps: 6, lengths: [6], frame, shape: (t) => [1, t, ...frame], boundary: ['features', 8] },
];

/** [T, C, H, W] as [C, T, H, W]. */
function channelsFirst(video: Float32Array, steps: number, [channels, height, width]: readonly number[]): Float32Array {
  const area = height! * width!;
  return Float32Array.from(video, (_, i) => {
    const [c, t, p] = [Math.floor(i / (steps * area)), Math.floor(i / area) % steps, i % area];
    return video[(t * channels! + c) * area + p]!;
  });
}

/** Rows [units] by step, then by video, in the other order. */
function byVideo(scores: Float32Array, steps: number, videos: number): Float32Array {
  const units = scores.length / steps / videos;
  return Float32Array.from(scores, (_, i) => {
    const [v, t, u] = [Math.floor(i / (steps * units)), Math.floor(i / units) % steps, i % units];
    return scores[(t * videos + v) * units + u]!;
  });
}

describe('networks for videos', () => {
  describe.each(VIDEOS)('$name', (test) => {
    it('is cut where it first looks at several frames', async () => {
      const model = await readModel(fileOf(test.name));
      const [channels, height, width] = test.frame;
      expect(model).toMatchObject({ kind: 'recogniser', steps: test.steps, units: 4, height, width });
      if (model.kind !== 'recogniser') return;
      const { frames, sequence } = model.graphs;
      const last = frames.outputs.at(-1)!;
      expect(last.name).toBe(test.boundary[0]);
      expect(typeOf(frames, last.value).shape).toEqual([1, test.boundary[1]]);
      expect(typeOf(frames, frames.inputs[0]!.value).shape).toEqual([1, channels, height, width]);
      expect(sequence.inputs.map(({ name }) => name)).toEqual([test.boundary[0]]);
      expect(sequence.outputs.map(({ name }) => name)).toEqual(['logits']);
    });

    it.each(test.lengths)('scores videos of %d frames as it did, several at once', async (steps) => {
      const model = stored(await readModel(fileOf(test.name)));
      const videos = drawn(`${test.name} ${steps}`, 2, steps * sizeOf(test.frame));
      const asGiven = test.channelsFirst ? videos.map((video) => channelsFirst(video, steps, test.frame)) : videos;
      const wanted = joined(await original(test.name, test.shape(steps), asGiven));
      const { b, y } = scoring(model, 2, steps);
      b.output('y', test.probabilities ? softmax(b, y) : y);
      expect(y.shape).toEqual([test.each ? steps : 1, 2, 4]);
      const graph = b.build();
      const x = interleaved(videos, steps);
      for (const [name, runtime] of runtimes) {
        const scores = (await runOnce(runtime, graph, { x }))['y'] as Float32Array;
        const inOrder = byVideo(scores, test.each ? steps : 1, 2);
        expect(worst(test.probabilities ? inOrder.map(Math.log) : inOrder, wanted), name).toBeLessThan(2e-5);
      }
    });
  });
});

describe('gradients to the input', () => {
  /** A random direction along the input: its derivative by the gradient, and by finite differences in float64. */
  function slopes(b: GraphBuilder, x: Value, y: Value): { byGradient: number; byDifference: number } {
    const random = new Random('slopes');
    const loss = sum(b, mul(b, y, b.constant(random.normals(sizeOf(y.shape)), y.shape)));
    b.output('loss', loss);
    b.output('gradient', gradients(b, loss, [x])[0]!);
    const graph = b.build();
    const at = Float64Array.from(random.normals(sizeOf(x.shape)));
    const along = Float64Array.from(random.normals(sizeOf(x.shape)));
    const moved = (h: number): Float64Array => at.map((v, i) => v + h * along[i]!);
    const loss1 = (h: number): number => evaluate(graph, { x: moved(h) })['loss']![0]!;
    const { gradient } = evaluate(graph, { x: at });
    const h = 1e-6;
    return {
      byGradient: gradient!.reduce((total, g, i) => total + g * along[i]!, 0),
      byDifference: (loss1(h) - loss1(-h)) / (2 * h),
    };
  }

  it.each([
    ['vit', 1],
    ['mobile', 1],
    ['autoencoder', 1],
    ['lrcn', 4],
    ['time-first', 4],
    ['clips', 8],
    ['frame-attention', 6],
  ])('of %s are those of finite differences', async (name, steps) => {
    const { b, x, y } = scoring(await readModel(fileOf(name), { size: [16, 16] }), 1, steps);
    const { byGradient, byDifference } = slopes(b, x, y);
    expect(Math.abs(byGradient - byDifference)).toBeLessThan(1e-5 * Math.max(1, Math.abs(byDifference)));
  });
});
