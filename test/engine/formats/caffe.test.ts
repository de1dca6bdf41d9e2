/** Small Caffe networks, imported, against plain loops; every form of the files. */
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { gradients } from '../../../src/engine/autodiff/gradients.js';
import { readCaffeNet } from '../../../src/engine/formats/caffe/format.js';
import { LAYERS } from '../../../src/engine/formats/caffe/layers/table.js';
import type { ImportedRecogniser } from '../../../src/engine/formats/format.js';
import { importModel, readModel } from '../../../src/engine/formats/import.js';
import { GraphBuilder, typeOf, type Graph } from '../../../src/engine/graph/graph.js';
import { macsOf } from '../../../src/engine/models/cost.js';
import { readPackage } from '../../../src/engine/models/package.js';
import { inline } from '../../../src/engine/models/serialise.js';
import { Random } from '../../../src/engine/random.js';
import { openOnnxRuntime } from '../../../src/engine/runtimes/onnxruntime/onnxruntime.js';
import type { TensorData } from '../../../src/engine/runtimes/runtime.js';
import { FORM_CASES, LAYER_CASES, layer, type CaffeCase } from './caffe-cases.js';
import { NEWEST, caffemodel, writeCaffe, type BlobFile, type Form } from './caffe-files.js';
import { as, sizeOf, type Plain } from './caffe-plain.js';
import { runOnce, scoring, temporaryFolder, worst } from './helpers.js';

const folder = temporaryFolder();
const run = async (graph: Graph, inputs: Record<string, TensorData>): Promise<Record<string, TensorData>> =>
  runOnce(await openOnnxRuntime(), graph, inputs);

const fields = (inputs: CaffeCase['inputs']): string =>
  Object.entries(inputs)
    .map(([name, shape]) => `input: "${name}" input_shape { ${shape.map((dim) => `dim: ${dim}`).join(' ')} }`)
    .join('\n');

const plain = (shape: readonly number[], data: ArrayLike<number>): Plain => ({ shape, data: Float64Array.from(data) });

interface Prepared {
  readonly path: string;
  readonly options: { readonly weights?: string };
  readonly x: Readonly<Record<string, Float32Array>>;
  readonly wanted: Readonly<Record<string, Plain>>;
}

/** Writes a case's files with random weights, and computes what it gives for random inputs. */
function prepare(test: CaffeCase, form: Form = NEWEST): Prepared {
  const random = new Random(test.name);
  const stored: Record<string, BlobFile[]> = {};
  for (const [name, blobs] of Object.entries(test.weights ?? {})) {
    stored[name] = blobs.map((shape, i) => {
      const data = random.normals(sizeOf(shape), 0.5);
      const positive = test.positive?.includes(`${name}.${i}`) ?? false;
      return { shape, data: positive ? data.map((v) => 0.5 + Math.abs(v)) : data };
    });
  }
  const x = Object.fromEntries(
    Object.entries(test.inputs).map(([name, shape]) => {
      const numbers = random.normals(sizeOf(shape));
      const whole = test.whole !== undefined && (name !== 'data' || Object.keys(test.inputs).length === 1);
      return [name, whole ? numbers.map(() => random.integer(test.whole!)) : numbers];
    }),
  );
  const layers = Object.entries(stored).map(([name, blobs]) => ({ name, blobs }));
  const model = layers.length > 0 ? caffemodel(layers, form) : undefined;
  const { path, weights } = writeCaffe(folder, `${fields(test.inputs)}\n${test.layers}`, model);
  const inputs = Object.fromEntries(Object.entries(test.inputs).map(([name, shape]) => [name, plain(shape, x[name]!)]));
  const tensors = Object.fromEntries(
    Object.entries(stored).map(([name, blobs]) => [name, blobs.map(({ shape, data }) => plain(shape, data))]),
  );
  return { path, options: weights === undefined ? {} : { weights }, x, wanted: test.wanted(inputs, tensors) };
}

/** The whole net gives what is wanted, blob by blob. */
async function expectWhole({ path, options, x, wanted }: Prepared): Promise<Record<string, TensorData>> {
  const { graph } = await readCaffeNet(path, options);
  const blobs = await run(graph, x);
  for (const [name, { shape, data }] of Object.entries(wanted)) {
    const port = graph.outputs.find((output) => output.name === name);
    expect(port, name).toBeDefined();
    expect(typeOf(graph, port!.value).shape, name).toEqual(shape);
    expect(worst(blobs[name]!, data), name).toBeLessThan(1e-5);
  }
  return blobs;
}

describe('layers', () => {
  it.each(LAYER_CASES)('$name', async (test) => {
    const prepared = prepare(test);
    const blobs = await expectWhole(prepared);
    if (Object.keys(test.inputs).length > 1 || test.inputs['data']!.length !== 4) return;
    // Made for one picture, it gives the same for two.
    const model = await readModel(prepared.path, prepared.options);
    if (model.kind !== 'network') throw new Error('It is a network.');
    const b = new GraphBuilder();
    const image = b.input('image', test.inputs['data']!);
    const outputs = inline(b, model.graphs.network, { image });
    for (const [name, value] of Object.entries(outputs)) b.output(name, value);
    const results = await run(b.build(), { image: prepared.x['data']! });
    expect(Object.keys(results).at(-1)).toBe('logits');
    for (const name of Object.keys(results)) {
      if (name !== 'logits') expect(worst(results[name]!, blobs[name]!), name).toBeLessThan(1e-6);
    }
  });

  it('of every type that there is are tested', () => {
    const text = LAYER_CASES.map(({ layers }) => layers).join('\n');
    expect([...LAYERS.keys()].filter((type) => !text.includes(`type: "${type}"`))).toEqual([]);
  });
});

describe('forms of the network', () => {
  it.each(FORM_CASES)('$name', async (test) => {
    await expectWhole(prepare(test));
  });

  it('data layers give shapes, losses and what is for training are left out', async () => {
    const text = `
      layer { name: "train" type: "ImageData" top: "data" top: "label" include { phase: TRAIN }
        transform_param { crop_size: 9 } image_data_param { batch_size: 64 source: "train.txt" } }
      layer { name: "test" type: "ImageData" top: "data" top: "label" include { phase: TEST stage: "one" }
        transform_param { crop_size: 5 mean_value: 104 } image_data_param { batch_size: 4 source: "test.txt" } }
      layer { name: "test" type: "ImageData" top: "data" top: "label" include { phase: TEST stage: "two" }
        transform_param { crop_size: 5 } image_data_param { batch_size: 8 source: "test2.txt" } }
      layer { name: "labels" type: "Reshape" bottom: "label" top: "labels" reshape_param { shape { dim: -1 dim: 1 } } }
      ${layer('InnerProduct', 'inner_product_param { num_output: 2 }', { name: 'aux' })}
      layer { name: "auxloss" type: "SoftmaxWithLoss" bottom: "aux" bottom: "labels" top: "auxloss" loss_weight: 0.3 }
      ${layer('InnerProduct', 'inner_product_param { num_output: 3 }', { name: 'scores' })}
      layer { name: "loss" type: "SoftmaxWithLoss" bottom: "scores" bottom: "labels" top: "loss" }
      layer { name: "accuracy" type: "Accuracy" bottom: "scores" bottom: "labels" top: "accuracy" include { phase: TEST } }`;
    const { path } = writeCaffe(folder, text);
    const { graph } = await readCaffeNet(path);
    expect(graph.inputs.map(({ name, value }) => [name, typeOf(graph, value).shape])).toEqual([['data', [4, 3, 5, 5]]]);
    expect(graph.outputs.map(({ name }) => name)).toEqual(['aux', 'scores']);
    const model = await readModel(path);
    expect(model).toMatchObject({ kind: 'network', units: 3, width: 5, height: 5, randomWeights: true });
    expect(model.types).toEqual({ aux: 'InnerProduct', scores: 'InnerProduct' });
  });

  it('what goes on from a loss is left out as well', async () => {
    const text = `${fields({ data: [2, 3, 4, 4], label: [2] })}
      ${layer('InnerProduct', 'inner_product_param { num_output: 3 }', { name: 'scores' })}
      layer { name: "loss" type: "SoftmaxWithLoss" bottom: "scores" bottom: "label" top: "loss" top: "prob" }
      ${layer('Power', 'power_param { scale: 2 }', { name: 'twice', bottom: 'loss' })}
      layer { name: "sum" type: "Eltwise" bottom: "twice" bottom: "loss" top: "sum" }
      layer { name: "quiet" type: "Silence" bottom: "prob" bottom: "sum" }`;
    const { graph } = await readCaffeNet(writeCaffe(folder, text).path);
    expect(graph.outputs.map(({ name }) => name)).toEqual(['scores']);
    expect(graph.inputs.map(({ name }) => name)).toEqual(['data']);
  });

  it('a size that is left open is asked for', async () => {
    const text = `layer { name: "data" type: "Python" top: "data" } ${layer('ReLU')}`;
    const { path } = writeCaffe(folder, text);
    await expect(readModel(path)).rejects.toMatchObject({
      code: 'MODEL_FORMAT_UNSUPPORTED',
      message: expect.stringMatching(/size of its input "data" open, \[\?, 3, \?, \?\]/),
    });
    expect(await readModel(path, { size: [4, 6] })).toMatchObject({ height: 4, width: 6, units: 72 });
  });

  it('layers share weights by name', async () => {
    const options = 'inner_product_param { num_output: 4 } param { name: "w" } param { name: "b" }';
    const chain = `${layer('InnerProduct', options, { name: 'p' })} ${layer('InnerProduct', options, { name: 'q', bottom: 'p' })}`;
    const { path, weights } = writeCaffe(
      folder,
      `${fields({ data: [1, 4, 1, 1] })} ${chain}`,
      caffemodel(
        ['p', 'q'].map((name, i) => ({
          name,
          blobs: [
            { shape: [4, 4], data: new Float32Array(16).fill(i) },
            { shape: [4], data: new Float32Array(4).fill(2 * i) },
          ],
        })),
      ),
    );
    // Those of the last layer count for all.
    const { graph } = await readCaffeNet(path, { weights: weights! });
    const { p, q } = await run(graph, { data: Float32Array.of(1, 1, 1, 1) });
    expect([...p!, ...q!]).toEqual([6, 6, 6, 6, 26, 26, 26, 26]);
  });
});

const FORMS: readonly Form[] = ([0, 1, 2] as const).flatMap((version) =>
  [true, false].flatMap((legacyShapes) =>
    (['packed', 'single', 'mixed', 'doubles', 'single doubles'] as const).map((numbers) => ({
      version,
      legacyShapes,
      numbers,
    })),
  ),
);

describe('forms of the weights', () => {
  const test = FORM_CASES.at(-1)!;

  it.each(FORMS)('layers of V$version, legacy shapes $legacyShapes, numbers $numbers', async (form) => {
    const { graph } = await readCaffeNet(...args(prepare(test, form)));
    const { graph: newest } = await readCaffeNet(...args(prepare(test)));
    expect(graph).toEqual(newest);
  });
  const args = ({ path, options }: Prepared): Parameters<typeof readCaffeNet> => [path, options];

  it.each([134, 140, 146])('options of recurrent layers under the field number %i do not matter', async (field) => {
    const lstm = LAYER_CASES.find(({ name }) => name.startsWith('LSTM: markers'))!;
    const { path, options, x, wanted } = prepare(lstm);
    const random = new Random(lstm.name);
    const blobs = lstm.weights!['y']!.map((shape) => ({ shape, data: random.normals(sizeOf(shape), 0.5) }));
    const bytes = caffemodel([{ name: 'y', blobs }], NEWEST, (w) => w.tag(field, 2).bytes(Uint8Array.of(8, 3)));
    const { weights } = writeCaffe(folder, '', bytes);
    expect(weights).not.toBe(options.weights);
    const { graph } = await readCaffeNet(path, { weights: weights! });
    expect(worst((await run(graph, x))['y']!, wanted['y']!.data)).toBeLessThan(1e-5);
  });
});

const LRCN = `${fields({ data: [6, 3, 4, 4], cont: [6, 1, 1, 1] })}
  ${layer('InnerProduct', 'inner_product_param { num_output: 5 }', { name: 'fc' })}
  ${layer('Reshape', 'reshape_param { shape { dim: 3 dim: 2 dim: 5 } }', { name: 'steps', bottom: 'fc' })}
  ${layer('Dropout', '', { name: 'drop', bottom: 'steps' })}
  ${layer('Reshape', 'reshape_param { shape { dim: 3 dim: 2 } }', { name: 'markers', bottom: 'cont' })}
  layer { name: "lstm1" type: "LSTM" bottom: "drop" bottom: "markers" top: "lstm1" recurrent_param { num_output: 4 } }`;
const TAILS: Readonly<Record<string, string>> = {
  'scores of each step': layer('InnerProduct', 'inner_product_param { num_output: 2 axis: 2 }', {
    name: 'scores',
    bottom: 'lstm1',
  }),
  'steps put in a row again': `
    ${layer('Reshape', 'reshape_param { shape { dim: 6 dim: 4 } }', { name: 'row', bottom: 'lstm1' })}
    ${layer('InnerProduct', 'inner_product_param { num_output: 2 }', { name: 'scores', bottom: 'row' })}
    ${layer('Softmax', '', { name: 'prob', bottom: 'scores' })}`,
  'a second recurrent layer': `
    layer { name: "lstm2" type: "LSTM" bottom: "lstm1" bottom: "markers" top: "lstm2" recurrent_param { num_output: 4 } }
    ${layer('InnerProduct', 'inner_product_param { num_output: 2 axis: -1 }', { name: 'scores', bottom: 'lstm2' })}`,
  'features beside the hidden states': `
    layer { name: "both" type: "Concat" bottom: "lstm1" bottom: "steps" top: "both" concat_param { axis: 2 } }
    ${layer('InnerProduct', 'inner_product_param { num_output: 2 axis: 2 }', { name: 'scores', bottom: 'both' })}`,
};

describe('recognisers of sequences', () => {
  it.each(Object.keys(TAILS))('%s: the two graphs give what the whole net gives', async (name) => {
    const { path } = writeCaffe(folder, LRCN + TAILS[name]!);
    const model = await readModel(path);
    expect(model).toMatchObject({ kind: 'recogniser', steps: 3, units: 2, width: 4, height: 4, randomWeights: true });
    if (model.kind !== 'recogniser') return;
    expect(model.graphs.frames.outputs.at(-1)!.name).toBe(name.startsWith('features') ? 'features' : 'gates');
    const x = new Random(1).normals(6 * 48);
    const { graph } = await readCaffeNet(path);
    const { scores } = await run(graph, { data: x, cont: Float32Array.of(0, 0, 1, 1, 1, 1) });
    const { b, y } = scoring(model, 2, 3);
    expect(y.shape).toEqual([3, 2, 2]);
    b.output('y', y);
    const found = await run(b.build(), { x });
    expect(worst(found['y']!, scores!)).toBeLessThan(1e-6);
  });

  it('become packages', async () => {
    const { path } = writeCaffe(folder, LRCN + TAILS['scores of each step']!);
    const options = { path, name: 'lrcn', out: join(folder, 'packages'), licence: 'CC0-1.0', randomWeights: true };
    const { directory, manifest } = await importModel({ ...options, order: 'bgr', mean: [104, 117, 123], scale: 1 });
    expect(manifest).toMatchObject({
      kind: 'recogniser',
      sequence: { rule: 'spread', length: 3 },
      source: expect.stringMatching(/^Caffe network net-\d+\.prototxt, weights at random$/),
    });
    const model = (await readModel(path)) as ImportedRecogniser;
    const packed = { ...model, graphs: readPackage(directory).graphs as ImportedRecogniser['graphs'] };
    const x = new Random(1).normals(3 * 48);
    const [wanted, found] = await Promise.all(
      [model, packed].map(async (from) => {
        const { b, y } = scoring(from, 1, 3);
        b.output('y', y);
        return (await run(b.build(), { x }))['y']!;
      }),
    );
    expect(found).toEqual(wanted);
  });

  it('have gradients through both graphs', async () => {
    const model = await readModel(writeCaffe(folder, LRCN + TAILS['a second recurrent layer']!).path);
    const { b, x, y } = scoring(model, 1, 3);
    b.output('gradient', gradients(b, y, [x])[0]!);
    const { gradient } = await run(b.build(), { x: new Random(1).normals(3 * 48) });
    expect(gradient!.every(Number.isFinite)).toBe(true);
    expect(gradient!.some((v) => v !== 0)).toBe(true);
  });

  it.each([
    [
      'a layer across time',
      layer('Softmax', 'softmax_param { axis: 0 }', { name: 'y', bottom: 'lstm1' }),
      /across the batch/,
    ],
    [
      'sequences mixed with their features',
      layer('Reshape', 'reshape_param { shape { dim: 4 dim: 6 } }', { name: 'y', bottom: 'lstm1' }),
      /mixes the batch/,
    ],
  ])('%s is refused with its name', async (_, tail, message) => {
    await expect(readModel(writeCaffe(folder, LRCN + tail).path)).rejects.toMatchObject({
      code: 'MODEL_FORMAT_UNSUPPORTED',
      message: expect.stringMatching(message),
      details: { layers: [expect.stringContaining('"y"')] },
    });
  });
});

describe('generators', () => {
  const tail = (bottom: string): string =>
    layer('Deconvolution', 'convolution_param { num_output: 3 kernel_size: 4 stride: 2 pad: 1 }', {
      name: 'image',
      bottom,
    });

  it.each([
    [
      'a vector',
      [7, 12],
      `${layer('Reshape', 'reshape_param { shape { dim: 7 dim: 3 dim: 2 dim: 2 } }', { name: 'r' })} ${tail('r')}`,
      [12],
    ],
    ['feature maps', [1, 5, 2, 2], tail('data'), [5, 2, 2]],
  ])('from %s', async (_, shape, layers, code) => {
    const model = await readModel(writeCaffe(folder, `${fields({ data: shape })} ${layers}`).path);
    expect(model).toMatchObject({ kind: 'generator', code, width: 4, height: 4 });
    if (model.kind !== 'generator') return;
    const { generator } = model.graphs;
    expect(generator.inputs.map(({ name, value }) => [name, typeOf(generator, value).shape])).toEqual([
      ['code', [1, sizeOf(code)]],
    ]);
    const b = new GraphBuilder();
    const { image } = inline(b, generator, { code: b.input('code', [2, sizeOf(code)]) });
    expect(image!.shape).toEqual([2, 3, 4, 4]);
  });
});

describe('weights at random', () => {
  const text = `${fields({ data: [1, 3, 8, 8] })} ${layer('Convolution', 'convolution_param { num_output: 64 kernel_size: 3 }')}`;

  it('are the same each time, and keep the size of activations', async () => {
    const [first, second] = await Promise.all([1, 2].map(async () => readCaffeNet(writeCaffe(folder, text).path)));
    expect(first!.randomWeights).toBe(true);
    expect(first!.graph).toEqual(second!.graph);
    const { data } = first!.graph.constants.find(({ name }) => name === 'y.weights')!;
    const variance = data.reduce((total, v) => total + v * v, 0) / data.length;
    expect(variance * 27).toBeCloseTo(2, 1);
  });

  it('cost nothing that the file with weights would not', async () => {
    const { graph } = await readCaffeNet(writeCaffe(folder, text).path);
    expect(macsOf(graph)).toBe(6 * 6 * 64 * 27);
  });
});

it('a net that is none of the kinds of models is there as a whole', async () => {
  const { path } = writeCaffe(folder, `${fields({ data: [2, 5] })} ${layer('TanH')}`);
  await expect(readModel(path)).rejects.toMatchObject({
    code: 'MODEL_FORMAT_UNSUPPORTED',
    message: expect.stringMatching(/takes "data" \[2, 5\]: neither/),
  });
  const { graph } = await readCaffeNet(path);
  const x = new Random(1).normals(10);
  const { y } = await run(graph, { data: x });
  expect(worst(y!, as(plain([10], x.map(Math.tanh)), [2, 5]).data)).toBeLessThan(1e-6);
});
