/** Real and tiny Caffe networks against reference outputs that were computed elsewhere in float64. */
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { gradients } from '../../../src/engine/autodiff/gradients.js';
import { readCaffeNet } from '../../../src/engine/formats/caffe/format.js';
import type { ImportedGenerator, ImportedNetwork } from '../../../src/engine/formats/format.js';
import { readModel } from '../../../src/engine/formats/import.js';
import { GraphBuilder, typeOf, type Graph, type Value } from '../../../src/engine/graph/graph.js';
import { inline } from '../../../src/engine/models/serialise.js';
import { abs, add, mul, sqrt, sub } from '../../../src/engine/ops/elementwise.js';
import { reshape, sliceAxis } from '../../../src/engine/ops/layout.js';
import { mean, sum } from '../../../src/engine/ops/reduce.js';
import { softmax } from '../../../src/engine/ops/softmax.js';
import type { CompiledGraph, TensorData } from '../../../src/engine/runtimes/runtime.js';
import { openOnnxRuntime } from '../../../src/engine/runtimes/onnxruntime/onnxruntime.js';
import { referenceRuntime } from '../../../src/engine/runtimes/reference/reference.js';
import { sharedJson, sharedNpy, sharedPart, sharedPath } from '../../shared-data.js';
import { runOnce, scoring, temporaryFolder, worst } from './helpers.js';

const run = async (graph: Graph, inputs: Record<string, TensorData>): Promise<Record<string, TensorData>> =>
  runOnce(await openOnnxRuntime(), graph, inputs);
const floats = (...parts: string[]): Float32Array => Float32Array.from(sharedNpy(...parts).data);
const topOf = (scores: TensorData, n: number): number[] =>
  [...scores.keys()].sort((p, q) => scores[q]! - scores[p]!).slice(0, n);

/** Two graphs are the same, down to the bits of their weights. */
function expectSame(found: Graph, wanted: Graph): void {
  const structure = ({ constants, ...graph }: Graph): unknown => ({
    ...graph,
    constants: constants.map(({ name, value }) => [name, value]),
  });
  expect(structure(found)).toEqual(structure(wanted));
  const different = found.constants.filter(({ data }, i) =>
    Buffer.compare(bytes(data), bytes(wanted.constants[i]!.data)),
  );
  expect(different).toEqual([]);
}
const bytes = (data: Float32Array): Buffer => Buffer.from(data.buffer, data.byteOffset, data.byteLength);

/** A crop as the networks want it: BGR planes minus the mean. */
function planes(file: string, meanBgr: readonly number[]): Float32Array {
  const { data, shape } = sharedNpy('goldens', 'real-models', file);
  const places = shape[0]! * shape[1]!;
  return Float32Array.from({ length: data.length }, (_, i) => {
    const [channel, place] = [Math.floor(i / places), i % places];
    return data[3 * place + 2 - channel]! - meanBgr[channel]!;
  });
}

interface Golden {
  top5: [index: number, label: string, probability: number][];
  crop?: string;
  logits: string;
  gradient?: { file: string; unit: number };
}
interface RealIndex {
  mean_bgr: number[];
  images: { nets: Record<string, Golden> }[];
}

const real = sharedPart('goldens', 'real-models', 'index.json');

describe.skipIf(real.missing)(`classifiers trained on ImageNet${real.note}`, () => {
  const index = (): RealIndex => sharedJson<RealIndex>('goldens', 'real-models', 'index.json');
  const goldens = (net: string): (Golden & { crop: string })[] =>
    index()
      .images.map(({ nets }) => nets[net]!)
      .filter((golden): golden is Golden & { crop: string } => golden.crop !== undefined);

  async function compiled(model: ImportedNetwork): Promise<CompiledGraph> {
    const { b, y } = scoring(model, 1, 1);
    b.output('logits', y);
    b.output('probabilities', softmax(b, y));
    return (await openOnnxRuntime()).compile(b.build(), { threads: 2 });
  }

  it.each([
    ['googlenet', 'the newest form of both files', 'deploy.prototxt', 'loss3/classifier'],
    ['squeezenet', 'a network in the form before, weights too', 'deploy_v1.prototxt', 'pool10'],
  ])('%s scores pictures as the reference does: %s', async (name, _, file, layer) => {
    const model = await readModel(sharedPath('models', name, file), {
      weights: sharedPath('models', name, `${name}.caffemodel`),
    });
    expect(model).toMatchObject({ kind: 'network', units: 1000, randomWeights: false });
    if (model.kind !== 'network') return;
    const names = model.graphs.network.outputs.map((port) => port.name);
    expect(names.slice(-2)).toEqual([layer, 'logits']);
    const scorer = await compiled(model);
    for (const { crop, logits: wanted, top5 } of goldens(name)) {
      const { logits, probabilities } = await scorer.run({ x: planes(crop, index().mean_bgr) });
      expect(worst(logits!, sharedNpy('goldens', 'real-models', wanted).data)).toBeLessThan(1e-5);
      expect(topOf(logits!, 5)).toEqual(top5.map(([unit]) => unit));
      for (const [unit, , probability] of top5) expect(probabilities![unit]).toBeCloseTo(probability, 5);
    }
    await scorer.close();
  });

  it('the folder of a network is enough, of several networks the one to deploy is taken', async () => {
    const [folder, file] = await Promise.all([
      readModel(sharedPath('models', 'squeezenet')),
      readModel(sharedPath('models', 'squeezenet', 'deploy_v1.prototxt'), {
        weights: sharedPath('models', 'squeezenet', 'squeezenet.caffemodel'),
      }),
    ]);
    if (folder.kind !== 'network' || file.kind !== 'network') throw new Error('They are networks.');
    expect(folder.origin).toContain('deploy.prototxt');
    expectSame(folder.graphs.network, file.graphs.network);
  });

  it("has the gradient of GoogLeNet's top logit to its input", async () => {
    const model = (await readModel(sharedPath('models', 'googlenet'))) as ImportedNetwork;
    for (const { crop, gradient: golden } of goldens('googlenet').filter((entry) => entry.gradient)) {
      const { b, x, y } = scoring(model, 1, 1);
      const unit = reshape(b, sliceAxis(b, y, 1, golden!.unit, golden!.unit + 1), [1]);
      b.output('gradient', gradients(b, unit, [x])[0]!);
      const { gradient } = await run(b.build(), { x: planes(crop, index().mean_bgr) });
      const wanted = sharedNpy('goldens', 'real-models', golden!.file).data;
      let [difference, size] = [0, 0];
      wanted.forEach((w, i) => {
        difference += (gradient![i]! - w) ** 2;
        size += w ** 2;
      });
      // Rectifiers and maxima on a kink flip single elements.
      expect(Math.sqrt(difference / size)).toBeLessThan(1e-2);
    }
  }, 30_000);
});

const tiny = sharedPart('goldens', 'tiny-dgn', 'index.json');
const blob = (net: string, name: string): ArrayLike<number> =>
  sharedNpy('goldens', 'tiny-dgn', 'blobs', `${net}.${name}.npy`).data;

describe.skipIf(tiny.missing)(`a generator and a classifier in small${tiny.note}`, () => {
  const alexnet = (weights: string) =>
    readCaffeNet(sharedPath('models', 'tiny-alexnet', 'tiny-alexnet.prototxt'), {
      weights: sharedPath('models', 'tiny-alexnet', weights),
    });

  it.each(['tiny-alexnet.caffemodel', 'tiny-alexnet.v1.caffemodel'])(
    'every blob of the classifier is as in the reference, with the weights of %s',
    async (weights) => {
      const { graph, types } = await alexnet(weights);
      const blobs = await run(graph, { data: Float32Array.from(blob('alexnet', 'data')) });
      const names = ['conv1', 'norm1', 'pool1', 'conv2', 'norm2', 'pool2', 'fc6', 'fc8', 'prob'];
      for (const name of names) expect(worst(blobs[name]!, blob('alexnet', name)), name).toBeLessThan(1e-5);
      expect(Object.keys(blobs).sort()).toEqual([...names, 'conv1@conv1', 'conv2@conv2', 'fc6@fc6'].sort());
      expect(types).toMatchObject({ conv1: 'ReLU', 'conv1@conv1': 'Convolution', fc6: 'ReLU', fc8: 'InnerProduct' });
      // What a layer left before the rectifier overwrote it.
      expect(blobs['conv1@conv1']!.some((x) => x < 0)).toBe(true);
      expect(worst(blobs['conv1@conv1']!.map((x) => Math.max(x, 0)) as Float32Array, blobs['conv1']!)).toBe(0);
    },
  );

  it('both forms of weights are the same', async () => {
    const [newer, older] = await Promise.all([
      alexnet('tiny-alexnet.caffemodel'),
      alexnet('tiny-alexnet.v1.caffemodel'),
    ]);
    expectSame(older.graph, newer.graph);
  });

  it('every blob of the generator is as in the reference', async () => {
    const folder = sharedPath('models', 'tiny-dgn');
    const { graph } = await readCaffeNet(folder);
    const feat = Float32Array.from(blob('dgn', 'feat'));
    const blobs = await run(graph, { feat });
    const names = ['defc7', 'defc6', 'reshape', 'deconv3', 'conv3_1', 'deconv2', 'conv2_1', 'deconv1', 'conv1_1'];
    for (const name of [...names, 'deconv0']) expect(worst(blobs[name]!, blob('dgn', name)), name).toBeLessThan(1e-5);

    const model = await readModel(folder);
    expect(model).toMatchObject({ kind: 'generator', code: [32], width: 32, height: 32, randomWeights: false });
    if (model.kind !== 'generator') return;
    const { image } = await run(model.graphs.generator, { code: feat });
    expect(worst(image!, blob('dgn', 'deconv0'))).toBeLessThan(1e-5);
  });
});

interface TwoUnits {
  units: [number, number];
  lambda: number;
  cases: { gamma: number; code: number; value: number; a1: number; a2: number; gradient: string }[];
}
const two = sharedPart('goldens', 'two-units', 'index.json');

describe.skipIf(two.missing)(`two units at once through generator and classifier${two.note}`, () => {
  const OFFSET = 2;
  const SIDE = 28;

  /** a1 + a2 - lambda * |code| - gamma * |a1 - a2|, and its gradient to the code. */
  function objective(generator: ImportedGenerator, classifier: ImportedNetwork, gamma: number, index: TwoUnits): Graph {
    const b = new GraphBuilder();
    const code = b.input('code', [1, generator.code[0]!]);
    const image = inline(b, generator.graphs.generator, { code })['image']!;
    const rows = sliceAxis(b, image, 2, OFFSET, OFFSET + SIDE);
    const crop = sliceAxis(b, rows, 3, OFFSET, OFFSET + SIDE);
    const fc8 = inline(b, classifier.graphs.network, { image: crop })['fc8']!;
    const [a1, a2] = index.units.map((unit) => reshape(b, sliceAxis(b, fc8, 1, unit, unit + 1), [1])) as [Value, Value];
    const norm = reshape(b, sqrt(b, sum(b, mul(b, code, code))), [1]);
    const penalty = add(b, mul(b, norm, b.scalar(index.lambda)), mul(b, abs(b, sub(b, a1, a2)), b.scalar(gamma)));
    const value = sub(b, add(b, a1, a2), penalty);
    b.output('a1', a1);
    b.output('a2', a2);
    b.output('value', value);
    b.output('gradient', gradients(b, value, [code])[0]!);
    return b.build();
  }

  it('value and gradient are as in the reference', async () => {
    const index = sharedJson<TwoUnits>('goldens', 'two-units', 'index.json');
    const generator = (await readModel(sharedPath('models', 'tiny-dgn'))) as ImportedGenerator;
    const classifier = (await readModel(sharedPath('models', 'tiny-alexnet', 'tiny-alexnet.prototxt'), {
      weights: sharedPath('models', 'tiny-alexnet', 'tiny-alexnet.caffemodel'),
    })) as ImportedNetwork;
    const codes = floats('goldens', 'two-units', 'codes.npy');
    for (const { gamma, code, gradient: file, ...golden } of index.cases) {
      const inputs = { code: codes.slice(32 * code, 32 * (code + 1)) };
      const { a1, a2, value, gradient } = await run(objective(generator, classifier, gamma, index), inputs);
      expect(worst([...a1!, ...a2!, ...value!], [golden.a1, golden.a2, golden.value])).toBeLessThan(3e-5);
      expect(worst(gradient!, sharedNpy('goldens', 'two-units', file).data)).toBeLessThan(3e-5);
    }
  });
});

interface LrcnIndex {
  objective: { unit: number; value: number };
  permutations: { permutations: number[][] };
}
const lrcn = sharedPart('goldens', 'tiny-lrcn', 'index.json');

describe.skipIf(lrcn.missing)(`a recogniser of sequences in small${lrcn.note}`, () => {
  const T = 16;
  const FRAME = 3 * 20 * 20;
  const folder = sharedPath('models', 'tiny-lrcn');
  const index = (): LrcnIndex => sharedJson<LrcnIndex>('goldens', 'tiny-lrcn', 'index.json');
  const golden = (name: string): ArrayLike<number> => sharedNpy('goldens', 'tiny-lrcn', `${name}.npy`).data;
  const frames = (): Float32Array => floats('goldens', 'tiny-lrcn', 'frames.npy');
  const inOrder = (order: readonly number[]): Float32Array => {
    const all = frames();
    return Float32Array.from(order.flatMap((t) => [...all.subarray(t * FRAME, (t + 1) * FRAME)]));
  };

  it.each([
    ['clip_markers', ''],
    ['clip_markers_reset', '_reset'],
  ])('every blob is as in the reference, with the markers %s', async (markers, suffix) => {
    const { graph } = await readCaffeNet(folder);
    expect(graph.inputs.map(({ name, value }) => [name, typeOf(graph, value).shape])).toEqual([
      ['data', [T, 3, 20, 20]],
      ['clip_markers', [T, 1, 1, 1]],
    ]);
    const inputs = { data: frames(), clip_markers: floats('goldens', 'tiny-lrcn', `${markers}.npy`) };
    const blobs = await run(graph, inputs);
    expect(worst(blobs['probs']!, golden(`per_frame_probs${suffix}.f64`))).toBeLessThan(1e-5);
    if (suffix !== '') return;
    expect(worst(blobs['lstm1']!, golden('lstm1.f64'))).toBeLessThan(1e-5);
    expect(worst(blobs['fc8-final']!, golden('fc8-final.f64'))).toBeLessThan(1e-5);
  });

  it('becomes a recogniser that scores frames in any order as the reference does', async () => {
    const model = await readModel(folder);
    expect(model).toMatchObject({ kind: 'recogniser', steps: T, units: 6, width: 20, height: 20 });
    if (model.kind !== 'recogniser') return;
    expect(model.graphs.frames.outputs.map(({ name }) => name).slice(-3)).toEqual(['fc6', 'fc6-reshape', 'gates']);
    expect(model.graphs.sequence.inputs.map(({ name }) => name)).toEqual(['gates']);
    const { b, y } = scoring(model, 1, T);
    const probabilities = softmax(b, y);
    b.output('each', probabilities);
    b.output('mean', mean(b, probabilities, [0, 1]));
    const scorer = await (await openOnnxRuntime()).compile(b.build(), { threads: 1 });
    const plain = await scorer.run({ x: frames() });
    expect(worst(plain['each']!, golden('per_frame_probs.f64'))).toBeLessThan(1e-5);
    expect(worst(plain['mean']!, golden('mean_probs.f64'))).toBeLessThan(1e-5);
    const [means, each] = [golden('perm_mean_probs.f64'), golden('perm_per_frame_probs.f64')].map((x) => Array.from(x));
    for (const [k, order] of index().permutations.permutations.entries()) {
      const permuted = await scorer.run({ x: inOrder(order) });
      expect(worst(permuted['mean']!, means!.slice(6 * k, 6 * (k + 1)))).toBeLessThan(1e-5);
      expect(worst(permuted['each']!, each!.slice(6 * T * k, 6 * T * (k + 1)))).toBeLessThan(1e-5);
    }
    await scorer.close();
  });

  it('has the gradient of the mean pre-softmax unit to the frames', async () => {
    const { unit, value: wanted } = index().objective;
    const { b, x, y } = scoring(await readModel(folder), 1, T);
    const value = mean(b, sliceAxis(b, y, 2, unit, unit + 1), undefined, false);
    b.output('value', value);
    b.output('gradient', gradients(b, value, [x])[0]!);
    const { value: found, gradient } = await run(b.build(), { x: frames() });
    expect(found![0]).toBeCloseTo(wanted, 5);
    expect(worst(gradient!, golden('grad_frames.f64'))).toBeLessThan(1e-5);
  });

  it('runs any number of sequences of any length at once', async () => {
    const model = await readModel(folder);
    const [count, steps] = [2, 5];
    const { b, y } = scoring(model, count, steps);
    b.output('y', y);
    const order = [0, 3, 1, 4, 2, 5, 7, 9, 8, 6];
    const both = await run(b.build(), { x: inOrder(order) });
    for (const lane of [0, 1]) {
      const one = scoring(model, 1, steps);
      one.b.output('y', one.y);
      const alone = await run(one.b.build(), { x: inOrder(order.filter((_, i) => i % count === lane)) });
      const lanes = Array.from(
        { length: steps * 6 },
        (_, i) => both['y']![Math.floor(i / 6) * 12 + 6 * lane + (i % 6)]!,
      );
      expect(worst(alone['y']!, lanes)).toBeLessThan(1e-6);
    }
  });

  it('agrees with the plain loops of the reference runtime', async () => {
    const { graph } = await readCaffeNet(folder);
    const inputs = { data: frames(), clip_markers: floats('goldens', 'tiny-lrcn', 'clip_markers_reset.npy') };
    const { probs } = await runOnce(referenceRuntime, graph, inputs);
    expect(worst(probs!, golden('per_frame_probs_reset.f64'))).toBeLessThan(1e-6);
  });
});

describe.skipIf(tiny.missing)('files in a folder', () => {
  it('several networks are named, none is guessed', async () => {
    const folder = temporaryFolder();
    const source = sharedPath('models', 'tiny-dgn', 'tiny-dgn.prototxt');
    for (const name of ['a.prototxt', 'b.prototxt']) copyFileSync(source, join(folder, name));
    await expect(readModel(folder)).rejects.toMatchObject({
      code: 'MODEL_INVALID',
      message: expect.stringMatching(/several networks: a\.prototxt, b\.prototxt/),
    });
    copyFileSync(source, join(folder, 'deploy.prototxt'));
    expect(await readModel(folder)).toMatchObject({ kind: 'generator', randomWeights: true });
  });
});
