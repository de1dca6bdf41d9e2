/** Keras models with random weights, imported, against TensorFlow.js itself. */
import { createRequire } from 'node:module';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type * as tfjs from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { gradients } from '../../../src/engine/autodiff/gradients.js';
import { readModel } from '../../../src/engine/formats/import.js';
import { LAYERS } from '../../../src/engine/formats/tfjs/layers/table.js';
import { softmax } from '../../../src/engine/ops/softmax.js';
import { Random } from '../../../src/engine/random.js';
import { openOnnxRuntime } from '../../../src/engine/runtimes/onnxruntime/onnxruntime.js';
import type { Runtime } from '../../../src/engine/runtimes/runtime.js';
import {
  channelsFirst,
  classesIn,
  randomise,
  runOnce,
  saved,
  scoring,
  temporaryFolder,
  worst,
  writeModel,
} from './helpers.js';
import {
  LAYER_CASES,
  SEQUENCE_CASES,
  SOFTMAX_CASES,
  SOFTMAX_SEQUENCES,
  registerMissing,
  type LayerCase,
} from './tfjs-cases.js';

const tf = createRequire(import.meta.url)('@tensorflow/tfjs') as typeof tfjs;
const folder = temporaryFolder();
const covered = new Set<string>();
let runtime: Runtime;
/** Two at once: the graphs may not hold on to a batch of one. */
const BATCH = 2;

beforeAll(async () => {
  await tf.setBackend('cpu');
  registerMissing(tf);
  runtime = await openOnnxRuntime();
});

interface Prepared {
  readonly model: tfjs.LayersModel;
  readonly path: string;
  readonly x: Float32Array;
  readonly shape: readonly number[];
  readonly wanted: tfjs.Tensor;
}

/** Makes the case's model, saves it, and asks TensorFlow.js what it gives for random numbers. */
async function prepare(test: LayerCase, batch = BATCH): Promise<Prepared> {
  const random = new Random(test.name);
  const open = [...(test.input ?? [7, 6, 3])];
  const shape = [batch, ...open.map((dim) => dim ?? test.steps!)];
  const input = tf.input({ shape: open });
  const model = tf.model({ inputs: input, outputs: test.build(tf, input) });
  randomise(tf, model, random);
  const { json, bytes } = await saved(tf, model);
  for (const name of classesIn(json)) covered.add(name);
  const path = join(folder, test.name.replaceAll(/[^\w]+/g, '-'));
  mkdirSync(path, { recursive: true });
  writeModel(path, json, bytes);
  const x = random.normals(shape.reduce((n, dim) => n * dim));
  return { model, path, x, shape, wanted: model.predict(tf.tensor(x, shape)) as tfjs.Tensor };
}

/** What the imported model gives for pictures, in Keras's own order of axes. */
async function picturesThrough({ path, x, shape, wanted }: Prepared, probabilities = false): Promise<Float32Array> {
  const model = await readModel(path);
  expect(model.kind).toBe('network');
  const { b, y } = scoring(model, BATCH, 1);
  b.output('y', probabilities ? softmax(b, y) : y);
  const [, h, w, c] = shape as [number, number, number, number];
  const result = await runOnce(runtime, b.build(), { x: channelsFirst(x, h * w, c) });
  const [, ...places] = wanted.shape;
  const channels = places.pop()!;
  // Back again: from channels first to channels last is the same exchange of two axes.
  return channelsFirst(
    result['y']!,
    channels,
    places.reduce((n, dim) => n * dim, 1),
  );
}

/** What the imported recogniser gives for sequences, [N, S, C]. */
async function sequencesThrough({ path, x, shape }: Prepared, probabilities = false): Promise<Float32Array> {
  const model = await readModel(path);
  expect(model.kind).toBe('recogniser');
  const [n, t, h, w, c] = shape as [number, number, number, number, number];
  const { b, y } = scoring(model, n, t);
  b.output('y', probabilities ? softmax(b, y) : y);
  const frames = exchanged(channelsFirst(x, h * w, c), n, t, h * w * c);
  const { y: scores } = await runOnce(runtime, b.build(), { x: frames });
  const [steps, , units] = y.shape as [number, number, number];
  return exchanged(scores!, steps, n, units);
}

/** [A, B, size] to [B, A, size]. */
function exchanged(data: ArrayLike<number>, a: number, b: number, size: number): Float32Array {
  return Float32Array.from({ length: a * b * size }, (_, i) => {
    const [row, rest] = [Math.floor(i / size), i % size];
    return data[((row % a) * b + Math.floor(row / a)) * size + rest]!;
  });
}

/** Gradient of all scores, weighed by `probe` [N, S, C], to the input [N, T, H, W, C]. */
async function gradientThrough({ path, shape, x }: Prepared, probe: Float32Array): Promise<Float32Array> {
  const [n, t, h, w, c] = shape as [number, number, number, number, number];
  const { b, x: input, y } = scoring(await readModel(path), n, t);
  const [steps, , units] = y.shape as [number, number, number];
  const seed = b.constant(exchanged(probe, n, steps, units), y.shape);
  b.output('gradient', gradients(b, y, [input], seed)[0]!);
  const frames = exchanged(channelsFirst(x, h * w, c), n, t, h * w * c);
  const { gradient } = await runOnce(runtime, b.build(), { x: frames });
  return channelsFirst(exchanged(gradient!, t, n, h * w * c), c, h * w);
}

describe('layers on pictures', () => {
  it.each(LAYER_CASES)('$name', async (test) => {
    const prepared = await prepare(test);
    expect(worst(await picturesThrough(prepared), prepared.wanted.dataSync())).toBeLessThan(1e-5);
  });

  it.each(SOFTMAX_CASES)('$name: logits are what the last softmax is given', async (test) => {
    const prepared = await prepare(test);
    const wanted = prepared.wanted.dataSync();
    expect(worst(await picturesThrough(prepared, true), wanted)).toBeLessThan(1e-5);
    expect(worst(await picturesThrough(prepared), wanted)).toBeGreaterThan(0.1);
  });
});

describe('recognisers of sequences', () => {
  it.each(SEQUENCE_CASES)('$name', async (test) => {
    const prepared = await prepare(test);
    expect(worst(await sequencesThrough(prepared), prepared.wanted.dataSync())).toBeLessThan(1e-5);
  });

  // One with each of what is done to a sequence: its last step, backwards, several layers, several crossings; pictures.
  const differentiated =
    /^(LSTM, last|LSTM backwards, every|two LSTMs|features beside|GRU, last|SimpleRNN, every|mean over|ConvLSTM2Ds with|layers of pictures|Conv3D and)/;
  it.each(SEQUENCE_CASES.filter(({ name }) => differentiated.test(name)))(
    '$name: the gradient to the frames',
    async (test) => {
      const prepared = await prepare(test);
      const probe = new Random(`probe of ${test.name}`).normals(prepared.wanted.size);
      const weighed = (x: tfjs.Tensor): tfjs.Scalar =>
        tf.sum(tf.mul(prepared.model.apply(x) as tfjs.Tensor, tf.tensor(probe, prepared.wanted.shape)));
      const wanted = tf.grad(weighed)(tf.tensor(prepared.x, [...prepared.shape]));
      expect(worst(await gradientThrough(prepared, probe), wanted.dataSync())).toBeLessThan(1e-5);
    },
  );

  describe('that are made for a number of frames', () => {
    const test: LayerCase = {
      name: 'ConvLSTM2D, open',
      input: [null, 5, 4, 3],
      steps: 3,
      build: (t, x) => {
        const states = t.layers.convLstm2d({ filters: 2, kernelSize: 3 }).apply(x) as tfjs.SymbolicTensor;
        return t.layers.flatten().apply(states) as tfjs.SymbolicTensor;
      },
    };

    it('want it where the file leaves it open', async () => {
      const { path } = await prepare(test);
      await expect(readModel(path)).rejects.toMatchObject({
        code: 'MODEL_FORMAT_UNSUPPORTED',
        message: expect.stringMatching(/number of frames/) as string,
      });
      expect(await readModel(path, { steps: 3 })).toMatchObject({ kind: 'recogniser', steps: 3 });
    });

    it('run for no other', async () => {
      const { path, x, wanted } = await prepare(test);
      const model = await readModel(path, { steps: 3 });
      for (const steps of [2, 4]) {
        expect(() => scoring(model, BATCH, steps)).toThrow(expect.objectContaining({ code: 'GRAPH_INVALID' }));
      }
      const { b, y } = scoring(model, BATCH, 3);
      b.output('y', y);
      const frames = exchanged(channelsFirst(x, 20, 3), BATCH, 3, 60);
      expect(worst((await runOnce(runtime, b.build(), { x: frames }))['y']!, wanted.dataSync())).toBeLessThan(1e-5);
    });
  });

  it.each(SOFTMAX_SEQUENCES)('$name', async (test) => {
    const prepared = await prepare(test);
    expect(worst(await sequencesThrough(prepared, true), prepared.wanted.dataSync())).toBeLessThan(1e-5);
  });
});

// After all cases have run.
it('every layer that can be imported has a case', () => {
  expect([...LAYERS.keys()].filter((name) => !covered.has(name))).toEqual([]);
});

it('every layer that can be imported is in the documentation', () => {
  const text = readFileSync(join(import.meta.dirname, '..', '..', '..', 'docs', 'keras.md'), 'utf8');
  expect([...LAYERS.keys()].filter((name) => !text.includes(`\`${name}\``))).toEqual([]);
});
