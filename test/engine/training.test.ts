import { truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { gradients } from '../../src/engine/autodiff/gradients.js';
import { GraphBuilder, prune, type Value } from '../../src/engine/graph/graph.js';
import { sizeOf } from '../../src/engine/graph/shape.js';
import type { NamedTensor } from '../../src/engine/models/safetensors.js';
import { relu } from '../../src/engine/ops/activation.js';
import { conv2d } from '../../src/engine/ops/conv.js';
import { add, log, mul, sqrt, sub } from '../../src/engine/ops/elementwise.js';
import { reshape, transpose } from '../../src/engine/ops/layout.js';
import { lstm } from '../../src/engine/ops/lstm.js';
import { dense } from '../../src/engine/ops/matmul.js';
import { maxPool2d } from '../../src/engine/ops/pool.js';
import { dequantise } from '../../src/engine/ops/quantise.js';
import { mean, sum } from '../../src/engine/ops/reduce.js';
import { logSoftmax } from '../../src/engine/ops/softmax.js';
import { Random } from '../../src/engine/random.js';
import { openOnnxRuntime } from '../../src/engine/runtimes/onnxruntime/onnxruntime.js';
import { evaluate, referenceRuntime } from '../../src/engine/runtimes/reference/reference.js';
import type { Runtime } from '../../src/engine/runtimes/runtime.js';
import { heSpread, trainable, trained, type Parameters } from '../../src/engine/training/parameters.js';
import { ADAM } from '../../src/engine/training/adam.js';
import { readSnapshots, train, type TrainingProgress, type TrainingTask } from '../../src/engine/training/trainer.js';
import { failure, relativeError, removeFolder, temporaryFolder } from './small-models.js';

let onnx: Runtime;
let folder: string;
beforeAll(async () => {
  onnx = await openOnnxRuntime();
});
beforeEach(() => (folder = temporaryFolder()));
afterEach(() => removeFolder(folder));

const bytesOf = (weights: ReadonlyMap<string, NamedTensor>): Record<string, string> =>
  Object.fromEntries(
    [...weights].map(([name, { data }]) => [
      name,
      Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('hex'),
    ]),
  );

const [T, N, SIDE, CLASSES, HIDDEN] = [3, 2, 5, 2, 3];

/** Frames [T * N] as bytes through a convolution, a pooling, fc6, an LSTM and a score per class and frame. */
function lrcn(b: GraphBuilder, p: Parameters): Value {
  const bytes = b.input('frames', [T * N, SIDE, SIDE, 3], 'uint8');
  const x = transpose(b, dequantise(b, bytes, 1 / 127.5, -1), [0, 3, 1, 2]);
  const conv = relu(b, conv2d(b, x, p('conv.weight', [4, 3, 3, 3], heSpread(27)), p('conv.bias', [4], 0.1)));
  const flat = reshape(b, maxPool2d(b, conv, { kernel: [2, 2], strides: [1, 1] }), [0, -1]);
  const fc6 = relu(b, dense(b, flat, p('fc6.weight', [6, 16], heSpread(16)), p('fc6.bias', [6], 0.1)));
  const gates = dense(b, fc6, p('lstm.input', [4 * HIDDEN, 6], 0.4), p('lstm.bias', [4 * HIDDEN], 0.1));
  const { hidden } = lstm(b, reshape(b, gates, [T, N, -1]), p('lstm.recurrent', [4 * HIDDEN, HIDDEN], 0.4));
  const logits = dense(b, hidden, p('fc.weight', [CLASSES, HIDDEN], 0.5), p('fc.bias', [CLASSES], 0));
  const each = mul(b, logSoftmax(b, logits), b.input('wanted', [N, CLASSES]));
  return mul(b, sum(b, each, undefined, false), b.scalar(-1 / (T * N)));
}

/** Clips that get brighter (class 0) or darker (class 1): only the order of frames tells. */
function clips(step: number): { frames: Uint8Array; wanted: Float32Array } {
  const random = new Random(`clips ${step}`);
  const frames = new Uint8Array(T * N * SIDE * SIDE * 3);
  const wanted = new Float32Array(N * CLASSES);
  for (let n = 0; n < N; n++) {
    const label = random.integer(2);
    wanted[n * CLASSES + label] = 1;
    for (let t = 0; t < T; t++) {
      const light = 30 + 90 * (label === 0 ? t : T - 1 - t);
      const at = (t * N + n) * SIDE * SIDE * 3;
      for (let i = 0; i < SIDE * SIDE * 3; i++) frames[at + i] = light + random.integer(10);
    }
  }
  return { frames, wanted };
}

const lrcnTask = (changes: Partial<TrainingTask> = {}): TrainingTask => ({
  seed: 3,
  steps: 12,
  learningRate: (step) => 0.02 / (1 + step / 10),
  build: (b, p) => ({ loss: lrcn(b, p) }),
  batch: clips,
  ...changes,
});

describe('the gradient of an LRCN to its weights', () => {
  it('is the one that finite differences give, for every layer', () => {
    const b = new GraphBuilder();
    const initial = new Map<string, NamedTensor>();
    const declare = trainable(b, initial, 1);
    const values: Value[] = [];
    const loss = lrcn(b, (...args) => {
      values.push(declare(...args));
      return values[values.length - 1]!;
    });
    const names = [...initial.keys()];
    b.output('loss', loss);
    gradients(b, loss, values).forEach((grad, i) => b.output(`grad.${names[i]}`, grad!));
    const graph = b.build();
    const weights = Object.fromEntries([...initial].map(([name, { data }]) => [name, Float64Array.from(data)]));
    const inputs = { ...clips(0), ...weights };
    const analytic = evaluate(graph, inputs);
    const lossAlone = prune({ ...graph, outputs: graph.outputs.slice(0, 1) });
    const at = (name: string, element: number, delta: number): number => {
      const moved = weights[name]!.slice();
      moved[element]! += delta;
      return evaluate(lossAlone, { ...inputs, [name]: moved })['loss']![0]!;
    };
    for (const name of names) {
      const wanted = analytic[`grad.${name}`]!;
      // Some numbers of each tensor will do: each is a run of the whole network.
      const some = [...new Random(name).permutation(wanted.length)].slice(0, 5);
      const numeric = some.map((i) => (at(name, i, 1e-5) - at(name, i, -1e-5)) / 2e-5);
      const scale = wanted.reduce((m, x) => Math.max(m, Math.abs(x)), 0);
      expect(scale, name).toBeGreaterThan(0);
      some.forEach((i, k) => expect(Math.abs(numeric[k]! - wanted[i]!) / scale, `${name}[${i}]`).toBeLessThan(1e-6));
    }
  });
});

/** A linear regression whose gradient is long at first and short later, so that some steps are clipped and some are not. */
const SHAPE = [2, 3];
const ROWS = 4;
const CLIP = 3;
function regression(changes: Partial<TrainingTask> = {}): TrainingTask {
  return {
    seed: 5,
    steps: 30,
    adam: { clipNorm: CLIP },
    learningRate: (step) => 0.3 / (1 + step / 20),
    build(b, p) {
      const error = sub(
        b,
        dense(b, b.input('x', [ROWS, 3]), p('w', SHAPE, 1), p('bias', [2], 0)),
        b.input('y', [ROWS, 2]),
      );
      return { loss: mean(b, mul(b, error, error), undefined, false), watch: { error } };
    },
    batch(step) {
      const random = new Random(`rows ${step}`);
      const x = random.normals(ROWS * 3);
      return { x, y: Float32Array.from({ length: ROWS * 2 }, (_, i) => x[Math.floor(i / 2) * 3]! + (i % 2)) };
    },
    ...changes,
  };
}

/** Loss and gradients of the regression in plain float64. */
function slope(w: Float64Array, bias: Float64Array, x: Float32Array, y: Float32Array) {
  const [dw, dbias] = [new Float64Array(6), new Float64Array(2)];
  let loss = 0;
  for (let row = 0; row < ROWS; row++) {
    for (let o = 0; o < 2; o++) {
      let error = bias[o]! - y[row * 2 + o]!;
      for (let i = 0; i < 3; i++) error += w[o * 3 + i]! * x[row * 3 + i]!;
      loss += error ** 2 / (ROWS * 2);
      dbias[o]! += (2 * error) / (ROWS * 2);
      for (let i = 0; i < 3; i++) dw[o * 3 + i]! += (2 * error * x[row * 3 + i]!) / (ROWS * 2);
    }
  }
  return { loss, dw, dbias };
}

/** Adam as Kingma and Ba (2015) write it, on gradients that are scaled down to `clipNorm` all together. */
async function adamByHand(task: TrainingTask, w: Float64Array, bias: Float64Array) {
  const clipNorm = task.adam!.clipNorm!;
  const moments = [w, bias].map((x) => ({ m: new Float64Array(x.length), v: new Float64Array(x.length) }));
  const told: { loss: number; norm: number }[] = [];
  for (let t = 1; t <= task.steps; t++) {
    const { x, y } = (await task.batch(t - 1)) as { x: Float32Array; y: Float32Array };
    const { loss, dw, dbias } = slope(w, bias, x, y);
    const norm = Math.hypot(...dw, ...dbias);
    told.push({ loss, norm });
    [w, bias].forEach((weights, k) => {
      const { m, v } = moments[k]!;
      weights.forEach((_, i) => {
        const g = (k === 0 ? dw : dbias)[i]! * Math.min(1, clipNorm / norm);
        m[i] = ADAM.beta1 * m[i]! + (1 - ADAM.beta1) * g;
        v[i] = ADAM.beta2 * v[i]! + (1 - ADAM.beta2) * g * g;
        const [mh, vh] = [m[i] / (1 - ADAM.beta1 ** t), v[i] / (1 - ADAM.beta2 ** t)];
        weights[i]! -= (task.learningRate(t - 1) * mh) / (Math.sqrt(vh) + ADAM.epsilon);
      });
    });
  }
  return told;
}

describe('training', () => {
  it('takes the steps of Adam, with all gradients clipped together', async () => {
    const start = new Map<string, NamedTensor>([
      ['w', { shape: SHAPE, data: Float32Array.of(1, -1, 0.5, 2, 0, -0.5) }],
      ['bias', { shape: [2], data: Float32Array.of(0.1, -3) }],
    ]);
    const task = regression({ start });
    const told: TrainingProgress[] = [];
    const weights = await train(task, { runtime: referenceRuntime, onProgress: (p) => void told.push(p) });
    const [w, bias] = ['w', 'bias'].map((name) => Float64Array.from(start.get(name)!.data)) as [
      Float64Array,
      Float64Array,
    ];
    const wanted = await adamByHand(task, w, bias);
    expect(wanted.some(({ norm }) => norm > CLIP) && wanted.some(({ norm }) => norm < CLIP)).toBe(true);
    expect(
      relativeError(
        told.map((p) => p.loss),
        wanted.map((p) => p.loss),
      ),
    ).toBeLessThan(1e-5);
    expect(
      relativeError(
        told.map((p) => p.gradientNorm),
        wanted.map((p) => p.norm),
      ),
    ).toBeLessThan(1e-5);
    expect(relativeError(weights.get('w')!.data, w)).toBeLessThan(1e-5);
    expect(relativeError(weights.get('bias')!.data, bias)).toBeLessThan(1e-5);
  });

  it('tells step, loss, batch and what is watched', async () => {
    const told: TrainingProgress[] = [];
    await train(regression({ steps: 2 }), { runtime: referenceRuntime, onProgress: (p) => void told.push(p) });
    expect(told.map(({ step, steps }) => [step, steps])).toEqual([
      [1, 2],
      [2, 2],
    ]);
    expect(told[0]!.watch['error']).toHaveLength(ROWS * 2);
    expect(told[1]!.batch).toEqual(await regression().batch(1));
    const squares = Array.from(told[0]!.watch['error']!).reduce((s, e) => s + e * e, 0) / (ROWS * 2);
    expect(told[0]!.loss).toBeCloseTo(squares, 5);
  });

  it('learns what only the order of frames tells', async () => {
    const losses: number[] = [];
    const task = lrcnTask({ steps: 150, learningRate: () => 0.02 });
    await train(task, { runtime: onnx, threads: 1, onProgress: ({ loss }) => void losses.push(loss) });
    const average = (xs: readonly number[]): number => xs.reduce((s, x) => s + x, 0) / xs.length;
    expect(average(losses.slice(0, 10))).toBeGreaterThan(0.5);
    // A third of the loss stays, however good the network: the first frame of a clip does not tell its class alone.
    expect(average(losses.slice(-10))).toBeLessThan(0.4);
  });

  it('gives the same weights for the same seed, and others for another', async () => {
    const run = async (seed: number) =>
      bytesOf(await train(lrcnTask({ seed, steps: 3 }), { runtime: onnx, threads: 1 }));
    const first = await run(1);
    expect(await run(1)).toEqual(first);
    expect(await run(2)).not.toEqual(first);
  });

  it('starts each weight from its own name and seed, so that a new layer leaves the others as they are', async () => {
    const b = new GraphBuilder();
    const [few, more] = [new Map<string, NamedTensor>(), new Map<string, NamedTensor>()];
    trainable(b, few, 1)('w', [50, 50], 0.5);
    const c = new GraphBuilder();
    const declare = trainable(c, more, 1);
    declare('before', [3], 1);
    declare('w', [50, 50], 0.5);
    expect(more.get('w')!.data).toEqual(few.get('w')!.data);
    const { data } = few.get('w')!;
    expect(Math.sqrt(data.reduce((s, x) => s + x * x, 0) / data.length)).toBeCloseTo(0.5, 1);
  });

  it('that is interrupted and continued gives the weights of a run that was not, to the bit', async () => {
    const whole = bytesOf(await train(lrcnTask(), { runtime: onnx, threads: 1 }));
    const seen: number[] = [];
    const part = async (until: number): Promise<Record<string, string>> => {
      const controller = new AbortController();
      const onProgress = ({ step }: TrainingProgress): void => {
        seen.push(step);
        if (step === until) controller.abort();
      };
      return bytesOf(
        await train(lrcnTask(), { runtime: onnx, threads: 1, folder, onProgress, signal: controller.signal }),
      );
    };
    expect(await part(4)).not.toEqual(whole);
    await part(5);
    expect(await part(Infinity)).toEqual(whole);
    expect(seen).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    expect(await part(Infinity)).toEqual(whole);
    expect(seen).toHaveLength(12);
  });

  it('that dies goes on from its last checkpoint', async () => {
    const whole = bytesOf(await train(lrcnTask(), { runtime: onnx, threads: 1 }));
    const dying = train(lrcnTask(), {
      ...{ runtime: onnx, threads: 1, folder, checkpointSeconds: -1 },
      onProgress({ step }) {
        if (step === 7) throw new Error('the power went');
      },
    });
    await expect(dying).rejects.toThrow('the power went');
    const steps: number[] = [];
    const onProgress = ({ step }: TrainingProgress): void => void steps.push(step);
    expect(bytesOf(await train(lrcnTask(), { runtime: onnx, threads: 1, folder, onProgress }))).toEqual(whole);
    expect(steps[0]).toBe(7);
  });

  it('says so when the loss is no number any more, and keeps no such weights', async () => {
    const task = regression({
      build(b, p) {
        const w = p('w', [1], 0);
        const loss = log(b, sub(b, b.scalar(0.15), sum(b, add(b, w, b.input('x', [1])), undefined, false)));
        return { loss };
      },
      // The loss is the logarithm of a number that falls below zero at the third step.
      batch: (step) => ({ x: Float32Array.of(step < 2 ? -1 : 9) }),
    });
    const failed = train(task, { runtime: referenceRuntime, folder, checkpointSeconds: -1 });
    await expect(failed).rejects.toThrow(failure('TRAINING_DIVERGED', /loss of step 3/));
    const again: number[] = [];
    const weights = await train(
      { ...task, batch: () => ({ x: Float32Array.of(-1) }), steps: 3 },
      {
        ...{ runtime: referenceRuntime, folder },
        onProgress: ({ step }) => void again.push(step),
      },
    );
    expect(again).toEqual([3]);
    expect(weights.get('w')!.data[0]).not.toBeNaN();
  });

  it('says so when the gradient is no number, before it spoils the weights', async () => {
    const task = regression({
      build(b, p) {
        const w = p('w', [1], 0);
        // The root's slope at zero is infinite: the loss is a number, its gradient is none.
        return { loss: sum(b, add(b, sqrt(b, mul(b, w, w)), b.input('x', [1])), undefined, false) };
      },
      batch: () => ({ x: Float32Array.of(1) }),
    });
    const failed = train(task, { runtime: referenceRuntime, folder });
    await expect(failed).rejects.toThrow(failure('TRAINING_DIVERGED', /norm of its gradient NaN/));
  });

  it('refuses the checkpoint of another network, or half of one', async () => {
    await train(regression({ steps: 1 }), { runtime: referenceRuntime, folder });
    await expect(train(lrcnTask(), { runtime: onnx, threads: 1, folder })).rejects.toThrow(
      failure('MODEL_INVALID', /belongs to another network: remove it/),
    );
    const transposed = regression({
      build(b, p) {
        const error = sub(
          b,
          dense(b, b.input('x', [ROWS, 3]), transpose(b, p('w', [3, 2], 1), [1, 0]), p('bias', [2], 0)),
          b.input('y', [ROWS, 2]),
        );
        return { loss: mean(b, mul(b, error, error), undefined, false) };
      },
    });
    await expect(train(transposed, { runtime: referenceRuntime, folder })).rejects.toThrow(failure('MODEL_INVALID'));
    truncateSync(join(folder, 'checkpoint.safetensors'), 100);
    await expect(train(regression(), { runtime: referenceRuntime, folder })).rejects.toThrow(failure('MODEL_INVALID'));
    writeFileSync(join(folder, 'checkpoint.safetensors'), '');
    await expect(train(regression(), { runtime: referenceRuntime, folder })).rejects.toThrow(failure('MODEL_INVALID'));
  });

  it('refuses a weight that the loss does not depend on', async () => {
    const task = regression({
      build: (b, p) => ({ loss: sum(b, mul(b, p('w', [1], 1), p('w', [1], 1)), undefined, false) }),
    });
    const idle = regression({
      build(b, p) {
        p('idle', [4], 1);
        return task.build(b, p);
      },
    });
    await expect(train({ ...task, batch: () => ({}), steps: 1 }, { runtime: referenceRuntime })).resolves.toBeDefined();
    await expect(train(idle, { runtime: referenceRuntime })).rejects.toThrow(failure('GRAPH_INVALID', /idle/));
  });
});

describe('trained weights', () => {
  it('become constants of the network, which then computes the loss it was trained to', async () => {
    const weights = await train(regression(), { runtime: referenceRuntime });
    const b = new GraphBuilder();
    b.output('loss', regression().build(b, trained(b, weights)).loss);
    const batch = (await regression().batch(99)) as { x: Float32Array; y: Float32Array };
    const { loss } = slope(
      ...(['w', 'bias'].map((name) => Float64Array.from(weights.get(name)!.data)) as [Float64Array, Float64Array]),
      batch.x,
      batch.y,
    );
    expect(evaluate(b.build(), batch)['loss']![0]).toBeCloseTo(loss, 9);
    expect([...weights.values()].map(({ shape, data }) => sizeOf(shape) === data.length)).toEqual([true, true]);
  });

  it('that are missing or of another shape are refused by name', () => {
    const b = new GraphBuilder();
    const p = trained(b, new Map([['w', { shape: [2, 3], data: new Float32Array(6) }]]));
    expect(() => p('w', [3, 2], 0)).toThrow(failure('MODEL_INVALID', /"w" of shape \[3, 2\]/));
    expect(() => p('v', [2, 3], 0)).toThrow(failure('MODEL_INVALID'));
  });
});

describe('a rival', () => {
  /** x wants to be near `rival.y`; `rival.y` wants to be near 2 x and 3. */
  const task: TrainingTask = {
    seed: 1,
    steps: 40,
    snapshots: [3, 40],
    learningRate: () => 0.05,
    build(b, p) {
      const [x, y] = [p('x', [2], 1), p('rival.y', [2], 1)];
      const square = (one: Value, other: Value): Value => {
        const d = sub(b, one, other);
        return sum(b, mul(b, d, d), undefined, false);
      };
      const loss = add(b, square(x, y), mul(b, sum(b, b.input('data', [1]), undefined, false), b.scalar(0)));
      return { loss, rival: { prefix: 'rival.', loss: square(y, b.constant([3, 3], [2])) } };
    },
    batch: () => ({ data: new Float32Array(1) }),
  };

  it('follows its own loss while the others follow theirs, and its loss is watched', async () => {
    const losses: number[] = [];
    const weights = await train(
      { ...task, steps: 300 },
      {
        runtime: referenceRuntime,
        onProgress: ({ watch }) => void losses.push(watch['rivalLoss']![0]!),
      },
    );
    for (const name of ['x', 'rival.y']) for (const w of weights.get(name)!.data) expect(w).toBeCloseTo(3, 1);
    expect(losses.at(-1)).toBeLessThan(losses[0]! / 50);
  });

  it('goes on after an interruption as if there had been none, and leaves snapshots', async () => {
    const whole = await train(task, { runtime: referenceRuntime });
    const stop = new AbortController();
    await train(task, {
      ...{ runtime: referenceRuntime, folder, signal: stop.signal },
      onProgress: ({ step }) => {
        if (step === 17) stop.abort();
      },
    });
    expect(bytesOf(await train(task, { runtime: referenceRuntime, folder }))).toEqual(bytesOf(whole));
    const found = readSnapshots(folder, [3, 39, 40]);
    expect([...found.keys()]).toEqual([3, 40]);
    expect(found.get(40)!.get('x')!.data[0]).toBeCloseTo(whole.get('x')!.data[0]!, 2);
  });

  it('lets matrices decay, but not biases', async () => {
    const still: TrainingTask = {
      ...{ seed: 1, steps: 10, adam: { weightDecay: 0.5 }, learningRate: () => 0.1, batch: () => ({}) },
      build(b, p) {
        const zero = (x: Value): Value => mul(b, sum(b, x, undefined, false), b.scalar(0));
        return { loss: add(b, zero(p('matrix', [2, 2], 1)), zero(p('bias', [2], 1))) };
      },
    };
    const [before, after] = [
      await train({ ...still, steps: 0 }, { runtime: referenceRuntime }),
      await train(still, { runtime: referenceRuntime }),
    ];
    before.get('matrix')!.data.forEach((w, i) => expect(after.get('matrix')!.data[i]).toBeCloseTo(w * 0.95 ** 10, 5));
    expect([...after.get('bias')!.data]).toEqual([...before.get('bias')!.data]);
  });
});
