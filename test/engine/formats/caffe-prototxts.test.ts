/** Published definitions of the paper's networks: each is read, and has the shapes and the costs that it should have. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readCaffeNet } from '../../../src/engine/formats/caffe/format.js';
import { readModel } from '../../../src/engine/formats/import.js';
import type { ImportedModel } from '../../../src/engine/formats/format.js';
import { typeOf, type Graph } from '../../../src/engine/graph/graph.js';
import { macsOf } from '../../../src/engine/models/cost.js';
import { Random } from '../../../src/engine/random.js';
import { openOnnxRuntime } from '../../../src/engine/runtimes/onnxruntime/onnxruntime.js';
import { SHARED_DATA, sharedPart, sharedPath } from '../../shared-data.js';
import { runOnce } from './helpers.js';

/** A convolution with a square kernel at `places` places, with a bias. */
const conv = (out: number, inputs: number, kernel: number, places: number): Cost => ({
  weights: out * inputs * kernel * kernel + out,
  macs: out * inputs * kernel * kernel * places,
});
const fc = (out: number, inputs: number): Cost => conv(out, inputs, 1, 1);

interface Cost {
  readonly weights: number;
  /** Those of layers with weights. */
  readonly macs: number;
}
const total = (...parts: Cost[]): Cost =>
  parts.reduce((x, y) => ({ weights: x.weights + y.weights, macs: x.macs + y.macs }));

/** A transposed convolution costs what the convolution does whose gradient it is: at the places of its input. */
const deconv = conv;

const UPCONV: readonly Cost[] = [
  deconv(256, 256, 4, 4 ** 2),
  deconv(512, 256, 3, 8 ** 2),
  deconv(256, 512, 4, 8 ** 2),
  deconv(256, 256, 3, 16 ** 2),
  deconv(128, 256, 4, 16 ** 2),
  deconv(128, 128, 3, 32 ** 2),
  deconv(64, 128, 4, 32 ** 2),
  deconv(32, 64, 4, 64 ** 2),
  deconv(3, 32, 4, 128 ** 2),
];
const GENERATOR = total(fc(4096, 4096), fc(4096, 4096), fc(4096, 4096), ...UPCONV);

const POOL5_GENERATOR = total(
  conv(512, 256, 3, 6 ** 2),
  conv(512, 512, 3, 6 ** 2),
  conv(512, 512, 3, 4 ** 2),
  deconv(256, 512, 4, 4 ** 2),
  ...UPCONV.slice(1),
);

const CAFFENET_CONVS: readonly Cost[] = [
  conv(96, 3, 11, 55 ** 2),
  conv(256, 48, 5, 27 ** 2),
  conv(384, 256, 3, 13 ** 2),
  conv(384, 192, 3, 13 ** 2),
  conv(256, 192, 3, 13 ** 2),
];
const alexnet = (units: number): Cost => total(...CAFFENET_CONVS, fc(4096, 9216), fc(4096, 4096), fc(units, 4096));

const LRCN_FEATURES: readonly Cost[] = [
  conv(96, 3, 7, 111 ** 2),
  conv(384, 48, 5, 26 ** 2),
  conv(512, 384, 3, 13 ** 2),
  conv(512, 256, 3, 13 ** 2),
  conv(384, 256, 3, 13 ** 2),
  fc(4096, 384 * 36),
];
/** A step of the LSTM has its input's weights, a bias, and its hidden state's. */
const LSTM: Cost = { weights: 1024 * (4096 + 1 + 256), macs: 1024 * (4096 + 256) };
const LRCN = total(...LRCN_FEATURES, LSTM, fc(101, 256));
const SINGLE_FRAME = total(...LRCN_FEATURES, fc(4096, 4096), fc(101, 4096));

/** Read off the definition, layer by layer, elsewhere. */
const GOOGLENET: Cost = { weights: 6_998_552, macs: 1_582_671_872 };

interface Wanted {
  readonly model: Partial<ImportedModel>;
  readonly cost: Cost;
  readonly shapes: Readonly<Record<string, readonly number[]>>;
}

const network = (side: number, units: number, cost: Cost, shapes: Wanted['shapes']): Wanted => ({
  model: { kind: 'network', width: side, height: side, units },
  cost,
  shapes,
});
const caffenet = (units: number): Wanted =>
  network(227, units, alexnet(units), {
    conv1: [1, 96, 55, 55],
    pool1: [1, 96, 27, 27],
    conv2: [1, 256, 27, 27],
    pool2: [1, 256, 13, 13],
    conv5: [1, 256, 13, 13],
    pool5: [1, 256, 6, 6],
    'fc6@fc6': [1, 4096],
    logits: [1, units],
  });
const lrcn: Wanted = {
  model: { kind: 'recogniser', width: 227, height: 227, units: 101, steps: 16 },
  cost: LRCN,
  shapes: {
    conv1: [1, 96, 111, 111],
    pool1: [1, 96, 55, 55],
    conv2: [1, 384, 26, 26],
    pool2: [1, 384, 13, 13],
    conv4: [1, 512, 13, 13],
    pool5: [1, 384, 6, 6],
    fc6: [1, 4096],
    gates: [1, 1024],
    logits: [16, 1, 101],
  },
};
const singleFrame = network(227, 101, SINGLE_FRAME, { pool5: [1, 384, 6, 6], fc7: [1, 4096], logits: [1, 101] });
const generator: Wanted = {
  model: { kind: 'generator', width: 256, height: 256, code: [4096] },
  cost: GENERATOR,
  shapes: { reshape_defc5: [1, 256, 4, 4], deconv5: [1, 256, 8, 8], conv5_1: [1, 512, 8, 8], image: [1, 3, 256, 256] },
};

const NETWORKS: Readonly<Record<string, Wanted>> = {
  'caffenet.prototxt': caffenet(1000),
  'ppgn/caffenet_caffenet.prototxt': caffenet(1000),
  'places205CNN_deploy_updated.prototxt': caffenet(205),
  'ppgn/placesCNN_places205CNN_deploy_updated.prototxt': caffenet(205),
  'bvlc_googlenet_updated.prototxt': network(224, 1000, GOOGLENET, {
    'conv1/7x7_s2': [1, 64, 112, 112],
    'pool1/3x3_s2': [1, 64, 56, 56],
    'inception_3a/output': [1, 256, 28, 28],
    'inception_4e/output': [1, 832, 14, 14],
    'inception_5b/output': [1, 1024, 7, 7],
    'pool5/7x7_s1': [1, 1024, 1, 1],
    'loss3/classifier': [1, 1000],
  }),
  'lrcn/deploy_lstm.prototxt': lrcn,
  'lrcn/train_test_lstm_RGB.prototxt': lrcn,
  'lrcn/train_test_lstm_flow.prototxt': lrcn,
  'lrcn/deploy_singleFrame.prototxt': singleFrame,
  'lrcn/train_test_singleFrame_RGB.prototxt': singleFrame,
  'lrcn/train_test_singleFrame_flow.prototxt': singleFrame,
  'upconv/generator_fc6.prototxt': generator,
  'upconv/generator_fc6_160.prototxt': generator,
  'upconv/generator_fc7.prototxt': generator,
  'ppgn/generator_noiseless_generator.prototxt': generator,
  'ppgn/generator_noiseless_example_generator_batchsize.prototxt': generator,
  'upconv/generator_pool5.prototxt': {
    model: { kind: 'generator', width: 256, height: 256, code: [256, 6, 6] },
    cost: POOL5_GENERATOR,
    shapes: { Rconv6: [1, 512, 6, 6], deconv0: [1, 3, 256, 256] },
  },
};
const SOLVERS = ['singleFrame_solver_RGB', 'singleFrame_solver_flow', 'lstm_solver_RGB', 'lstm_solver_flow'];
const CAPTIONS = 'ppgn/lrcn_lrcn_word_to_preds.deploy.prototxt';

/** What the layers with weights cost: those of normalisation across channels are left aside. */
function costOf(graphs: readonly Graph[]): Cost {
  const names = new Map<string, number>();
  let macs = 0;
  for (const graph of graphs) {
    const weights = new Set<number>();
    for (const { name, value, data } of graph.constants) {
      if (name === undefined) continue;
      weights.add(value);
      names.set(name, data.length);
    }
    // A graph made for several steps counts for one.
    const steps = graph.inputs[0]!.name === 'gates' ? typeOf(graph, graph.inputs[0]!.value).shape[0]! : 1;
    macs +=
      macsOf({ ...graph, nodes: graph.nodes.filter(({ inputs }) => inputs.some((id) => weights.has(id))) }) / steps;
  }
  return { weights: [...names.values()].reduce((n, size) => n + size, 0), macs };
}

function shapesOf(graphs: readonly Graph[]): Record<string, readonly number[]> {
  return Object.fromEntries(
    graphs.flatMap((graph) => graph.outputs.map(({ name, value }) => [name, typeOf(graph, value).shape])),
  );
}

const prototxts = sharedPart('prototxts', 'caffenet.prototxt');

describe.skipIf(prototxts.missing)(`published definitions${prototxts.note}`, () => {
  const path = (file: string): string => sharedPath('prototxts', ...file.split('/'));

  it('all of them are looked at here', () => {
    const root = join(SHARED_DATA, 'prototxts');
    const found = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.prototxt'));
    const known = [...Object.keys(NETWORKS), ...SOLVERS.map((name) => `lrcn/${name}.prototxt`), CAPTIONS];
    expect(found.sort()).toEqual(known.sort());
  });

  it.each(Object.entries(NETWORKS))('%s', async (file, { model: wanted, cost, shapes }) => {
    // Only what reads its data through a program of its own says nothing of its pictures' size.
    const model = await readModel(path(file), { size: [227, 227] });
    expect(model).toMatchObject({ ...wanted, randomWeights: true });
    const graphs: Graph[] = Object.values(model.graphs);
    expect(costOf(graphs)).toEqual(cost);
    expect(shapesOf(graphs)).toMatchObject(shapes);
  });

  it('the figures that are told of them', () => {
    expect(LRCN.weights / 1e6).toBeCloseTo(65.4, 1);
    expect(LRCN.macs / 1e9).toBeCloseTo(1.19, 2);
    expect(GENERATOR.weights / 1e6).toBeCloseTo(56.1, 1);
    expect(GENERATOR.macs / 1e9).toBeCloseTo(1.0, 1);
  });

  it.each(SOLVERS)('%s is no network, and names the one it is for', async (name) => {
    const network = name.replace(/(.*)_solver_(.*)/, 'train_test_$1_$2.prototxt');
    await expect(readModel(path(`lrcn/${name}.prototxt`))).rejects.toMatchObject({
      code: 'MODEL_FORMAT_UNSUPPORTED',
      message: expect.stringMatching(new RegExp(`is a solver.*"${network}"`)),
    });
  });

  it('a network of words is there as a whole', async () => {
    await expect(readModel(path(CAPTIONS))).rejects.toMatchObject({ code: 'MODEL_FORMAT_UNSUPPORTED' });
    const { graph } = await readCaffeNet(path(CAPTIONS));
    expect(costOf([graph]).weights).toBe(
      8801 * 1000 + 2 * (4000 * 1000 + 4000 + 4000 * 1000) + 4000 * 1000 + 8801 * 1000 + 8801,
    );
    expect(shapesOf([graph])).toMatchObject({
      embedded_input_sentence: [1, 20, 1000],
      lstm2: [1, 20, 1000],
      log_prob: [1, 20, 8801],
    });
  });

  it('a whole net has the batch of its file', async () => {
    const { graph } = await readCaffeNet(path('lrcn/train_test_lstm_RGB.prototxt'), { size: [227, 227] });
    expect(graph.inputs.map(({ name, value }) => [name, typeOf(graph, value).shape])).toEqual([
      ['data', [48, 3, 227, 227]],
      ['clip_markers', [48]],
    ]);
    expect(shapesOf([graph])).toMatchObject({ 'fc6-reshape': [16, 3, 4096], 'fc8-final': [16, 3, 101] });
  });

  it('numbers neither die nor explode with weights at random', async () => {
    const model = await readModel(path('upconv/generator_pool5.prototxt'));
    if (model.kind !== 'generator') throw new Error('It is a generator.');
    const code = new Random(1).normals(9216).map(Math.abs);
    const { image } = await runOnce(await openOnnxRuntime(), model.graphs.generator, { code });
    const spread = Math.sqrt(Array.from(image!).reduce((sum, v) => sum + v * v, 0) / image!.length);
    expect(spread).toBeGreaterThan(0.01);
    expect(spread).toBeLessThan(100);
  });
});
