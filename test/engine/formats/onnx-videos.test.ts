/** Ways in which models of videos are written: where they are cut, and that they score as ONNX Runtime does. */
import { createRequire } from 'node:module';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type * as onnxruntime from 'onnxruntime-node';
import { beforeAll, describe, expect, it } from 'vitest';
import { readModel } from '../../../src/engine/formats/import.js';
import type { ReadOptions } from '../../../src/engine/formats/format.js';
import { Random } from '../../../src/engine/random.js';
import { openOnnxRuntime } from '../../../src/engine/runtimes/onnxruntime/onnxruntime.js';
import type { Runtime } from '../../../src/engine/runtimes/runtime.js';
import { runOnce, scoring, temporaryFolder, worst } from './helpers.js';
import { ModelMaker, modelBytes } from './onnx-writer.js';

const ort = createRequire(import.meta.url)('onnxruntime-node') as typeof onnxruntime;
const folder = temporaryFolder();
let runtime: Runtime;
beforeAll(async () => {
  runtime = await openOnnxRuntime();
});

const FRAME = [3, 4, 5];
const SIZE = 60;

interface VideoCase {
  readonly name: string;
  /** Shape of the input; the time is 'T' where it is open. */
  readonly shape: readonly (number | string)[];
  /** Numbers of frames to run it on. */
  readonly lengths: readonly number[];
  readonly options?: ReadOptions;
  /** Name of what crosses, and how many numbers a frame it has. */
  readonly boundary: readonly [string, number];
  readonly build: (m: ModelMaker, x: string) => string;
}

/** Features [T, 6] of frames that are pictures [T, 3, 4, 5]. */
function features(m: ModelMaker, frames: string): string {
  const conv = m.node('Relu', [m.node('Conv', [frames, m.weights(2, 3, 3, 3), m.weights(2)])]);
  const fc = m.node('Gemm', [m.node('Flatten', [conv]), m.weights(6, 12), m.weights(6)], { transB: 1 });
  return m.node('Tanh', [fc]);
}
/** [1, T, 3, 4, 5] as [T, 3, 4, 5], by a reshape to a list that holds no number of frames. */
const asFrames = (m: ModelMaker, x: string): string => m.node('Reshape', [x, m.ints([-1, ...FRAME])]);
/** Features [1, T, 6] of a video. */
const series = (m: ModelMaker, x: string): string => m.node('Unsqueeze', [features(m, asFrames(m, x)), m.ints([0])]);
const lstm = (m: ModelMaker, rows: string, inputs: number, direction: string, outputs: readonly string[]): void => {
  const directions = direction === 'bidirectional' ? 2 : 1;
  const weights = [m.weights(directions, 16, inputs), m.weights(directions, 16, 4), m.weights(directions, 32)];
  m.node('LSTM', [rows, ...weights], { hidden_size: 4, direction }, outputs);
};
const OPEN = [1, 'T', ...FRAME];

const VIDEOS: readonly VideoCase[] = [
  {
    name: 'each frame scored alone',
    shape: OPEN,
    lengths: [3, 7],
    boundary: ['features', 6],
    build: (m, x) => series(m, x),
  },
  {
    name: 'scores of each frame, softmax over the units of each',
    shape: ['N', 'T', ...FRAME],
    lengths: [3, 7],
    boundary: ['features', 6],
    build: (m, x) => m.node('Mul', [m.node('Softmax', [series(m, x)], { axis: 2 }), m.scalar(5)]),
  },
  {
    name: 'the last state of an LSTM both ways',
    shape: OPEN,
    lengths: [1, 2, 9],
    boundary: ['gates', 32],
    build(m, x) {
      lstm(m, m.node('Transpose', [series(m, x)], { perm: [1, 0, 2] }), 6, 'bidirectional', ['', 'last']);
      return m.node('Reshape', [m.node('Transpose', ['last'], { perm: [1, 0, 2] }), m.ints([-1, 8])]);
    },
  },
  {
    name: 'two LSTMs, every step scored, units before the time',
    shape: OPEN,
    lengths: [2, 9],
    boundary: ['gates', 16],
    build(m, x) {
      lstm(m, m.node('Transpose', [series(m, x)], { perm: [1, 0, 2] }), 6, 'reverse', ['all']);
      lstm(m, m.node('Squeeze', ['all', m.ints([1])]), 4, 'forward', ['again']);
      return m.node('Transpose', [m.node('MatMul', [m.node('Squeeze', ['again', m.ints([1])]), m.weights(4, 5)])], {
        perm: [1, 2, 0],
      });
    },
  },
  {
    name: 'an LSTM and the features themselves',
    shape: OPEN,
    lengths: [2, 9],
    boundary: ['features', 22],
    build(m, x) {
      const frames = m.node('Transpose', [series(m, x)], { perm: [1, 0, 2] });
      lstm(m, frames, 6, 'forward', ['', 'last']);
      const mean = m.node('ReduceMean', [frames], { axes: [0], keepdims: 0 });
      return m.node('Concat', [m.node('Squeeze', ['last', m.ints([0])]), mean], { axis: 1 });
    },
  },
  {
    name: 'an LSTM after a layer that mixes frames',
    shape: OPEN,
    lengths: [2, 9],
    boundary: ['features', 6],
    build(m, x) {
      const frames = m.node('Transpose', [series(m, x)], { perm: [1, 0, 2] });
      const centred = m.node('Sub', [frames, m.node('ReduceMean', [frames], { axes: [0] })]);
      lstm(m, centred, 6, 'forward', ['', 'last']);
      return m.node('Squeeze', ['last', m.ints([0])]);
    },
  },
  {
    name: 'a softmax over the time that weighs the frames',
    shape: OPEN,
    lengths: [2, 9],
    boundary: ['features', 7],
    build(m, x) {
      const frames = series(m, x);
      const weights = m.node('Softmax', [m.node('MatMul', [frames, m.weights(6, 1)])], { axis: 1 });
      return m.node('ReduceSum', [m.node('Mul', [frames, weights]), m.ints([1])], { keepdims: 0 });
    },
  },
  {
    name: 'a convolution over the time, averaged',
    shape: OPEN,
    lengths: [4, 9],
    boundary: ['features', 6],
    build(m, x) {
      const y = m.node(
        'Conv',
        [m.node('Transpose', [series(m, x)], { perm: [0, 2, 1] }), m.weights(5, 6, 3), m.weights(5)],
        { pads: [1, 1] },
      );
      return m.node('Flatten', [m.node('GlobalAveragePool', [m.node('Relu', [y])])]);
    },
  },
  {
    name: 'the largest over the time, for the number of frames that was asked for',
    shape: OPEN,
    lengths: [4],
    options: { steps: 4 },
    boundary: ['features', 6],
    build: (m, x) => m.node('ReduceMax', [series(m, x)], { axes: [1], keepdims: 0 }),
  },
  {
    name: 'frames picked one by one',
    shape: [1, 3, ...FRAME],
    lengths: [3],
    boundary: ['features', SIZE],
    build(m, x) {
      const one = (t: number): string => features(m, m.node('Gather', [x, m.ints(t)], { axis: 1 }));
      return m.node('Sum', [one(0), one(2), one(1)]);
    },
  },
  {
    name: 'differences of frames',
    shape: [1, 5, ...FRAME],
    lengths: [5],
    boundary: ['features', 6],
    build(m, x) {
      const all = series(m, x);
      const later = m.node('Slice', [all, m.ints([1]), m.ints([2 ** 53 - 1]), m.ints([1])]);
      const earlier = m.node('Slice', [all, m.ints([0]), m.ints([-1]), m.ints([1])]);
      return m.node('ReduceL1', [m.node('Sub', [later, earlier])], { axes: [1], keepdims: 0 });
    },
  },
  {
    name: 'a number for each frame that is not the same for all',
    shape: [1, 4, ...FRAME],
    lengths: [4],
    boundary: ['features', 6],
    build: (m, x) =>
      m.node('ReduceSum', [m.node('Mul', [series(m, x), m.weights(4, 1)]), m.ints([1])], { keepdims: 0 }),
  },
  {
    name: 'a number for each frame that is the same for all',
    shape: [1, 4, ...FRAME],
    lengths: [4],
    boundary: ['features', 6],
    build(m, x) {
      const twos = m.node('ConstantOfShape', [m.ints([1, 4, 1])], {
        value: { tensor: { name: 'v', shape: [1], data: [2] } },
      });
      return m.node('ReduceSum', [m.node('Mul', [series(m, x), twos]), m.ints([1])], { keepdims: 0 });
    },
  },
  {
    name: 'the time first, one batch',
    shape: [4, 1, ...FRAME],
    lengths: [4],
    boundary: ['gates', 16],
    build(m, x) {
      lstm(m, m.node('Unsqueeze', [features(m, asFrames(m, x)), m.ints([1])]), 6, 'forward', ['', 'last']);
      return m.node('Squeeze', ['last', m.ints([0])]);
    },
  },
  {
    name: 'a single frame',
    shape: [1, 1, ...FRAME],
    lengths: [1],
    boundary: ['features', 6],
    build: (m, x) => m.node('Squeeze', [series(m, x), m.ints([1])]),
  },
];

/** Videos [T, C, H, W] side by side, frame by frame. */
function interleaved(videos: readonly Float32Array[], steps: number): Float32Array {
  const frames = Array.from({ length: steps }, (_, t) => videos.map((v) => [...v.subarray(t * SIZE, (t + 1) * SIZE)]));
  return Float32Array.from(frames.flat(2));
}

function save(test: Pick<VideoCase, 'name' | 'shape' | 'build'>): { path: string; bytes: Uint8Array } {
  const maker = new ModelMaker(new Random(test.name));
  const output = test.build(maker, 'x');
  const bytes = modelBytes(maker.model([{ name: 'x', shape: test.shape }], output));
  const path = join(folder, `${test.name.replaceAll(/\W+/g, '-')}.onnx`);
  writeFileSync(path, bytes);
  return { path, bytes };
}

describe.each(VIDEOS)('$name', (test) => {
  it('is cut where frames are first seen together', async () => {
    const model = await readModel(save(test).path, test.options);
    const steps = typeof test.shape[1] === 'string' ? (test.options?.steps ?? null) : test.lengths[0];
    expect(model).toMatchObject({ kind: 'recogniser', height: 4, width: 5, steps });
    if (model.kind !== 'recogniser') return;
    const { frames } = model.graphs;
    const last = frames.outputs.at(-1)!;
    expect([last.name, frames.values[last.value]!.shape[1]]).toEqual(test.boundary);
  });

  it.each(test.lengths)('scores videos of %d frames', async (steps) => {
    const { path, bytes } = save(test);
    const random = new Random(`${test.name} ${steps}`);
    const videos = [0, 1].map(() => random.normals(steps * SIZE));
    const session = await ort.InferenceSession.create(bytes, { intraOpNumThreads: 1, logSeverityLevel: 3 });
    const shape = test.shape.map((dim) => (typeof dim === 'number' ? dim : dim === 'T' ? steps : 1));
    const wanted: number[][] = [];
    for (const video of videos) {
      const results = await session.run({ x: new ort.Tensor('float32', video, shape) });
      wanted.push([...(results[session.outputNames[0]!]!.data as Float32Array)]);
    }
    await session.release();
    const { b, y } = scoring(await readModel(path, test.options), 2, steps);
    b.output('y', y);
    const scores = (await runOnce(runtime, b.build(), { x: interleaved(videos, steps) }))['y']!;
    const [count, , units] = y.shape as [number, number, number];
    wanted.forEach((numbers, v) => {
      const last = numbers.length / (count * units);
      expect(last).toBe(1);
      const own = Array.from({ length: count * units }, (_, i) => {
        const [s, u] = [Math.floor(i / units), i % units];
        return scores[(s * 2 + v) * units + u]!;
      });
      // Where units come before the time, so do the scores of the file.
      const before = test.name.includes('units before the time');
      expect(
        worst(own, before ? own.map((_, i) => numbers[(i % units) * count + Math.floor(i / units)]!) : numbers),
      ).toBeLessThan(2e-5);
    });
  });
});

describe('models of videos that are refused', () => {
  const refusal = async (test: Pick<VideoCase, 'name' | 'shape' | 'build'>, options?: ReadOptions): Promise<string> => {
    const reason: unknown = await readModel(save(test).path, options).then(
      () => 'it was read',
      (error: unknown) => error,
    );
    return reason instanceof Error ? `${(reason as Error & { code: string }).code}: ${reason.message}` : String(reason);
  };

  it('an open number of frames where the graph depends on it, with what to say', async () => {
    const largest = (m: ModelMaker, x: string): string =>
      m.node('ReduceMax', [series(m, x)], { axes: [1], keepdims: 0 });
    expect(await refusal({ name: 'open', shape: OPEN, build: largest })).toMatch(
      /^MODEL_FORMAT_UNSUPPORTED: .*number of its frames open.*--sequence/,
    );
  });

  it('results that are neither scores of the video nor of its frames', async () => {
    const pictures = (m: ModelMaker, x: string): string => m.node('Relu', [x]);
    expect(await refusal({ name: 'pictures', shape: OPEN, build: pictures })).toMatch(
      /^MODEL_FORMAT_UNSUPPORTED: .*scores of the sequence/,
    );
  });

  it('a batch that constants of the file hold on to, with what to do', async () => {
    const fixed = (m: ModelMaker, x: string): string =>
      m.node('ReduceMean', [m.node('Reshape', [x, m.ints([2, 240])])], { axes: [1] });
    expect(await refusal({ name: 'fixed', shape: [2, 4, ...FRAME], build: fixed })).toMatch(
      /^GRAPH_INVALID: .*batch of 2; export it/,
    );
  });

  it('videos without an axis of colours, of no frames, of too many', async () => {
    const any = (m: ModelMaker, x: string): string => m.node('Relu', [x]);
    expect(await refusal({ name: 'colourless', shape: [1, 4, 2, 5, 5], build: any })).toMatch(
      /^MODEL_FORMAT_UNSUPPORTED: .*colours/,
    );
    expect(await refusal({ name: 'none', shape: [1, 0, ...FRAME], build: any })).toMatch(
      /^GRAPH_INVALID: .*number of frames, 0/,
    );
    expect(await refusal({ name: 'many', shape: [1, 10 ** 9, ...FRAME], build: any })).toMatch(/^GRAPH_INVALID/);
    expect(await refusal({ name: 'asked', shape: OPEN, build: any }, { steps: 10 ** 9 })).toMatch(/^GRAPH_INVALID/);
  });
});
