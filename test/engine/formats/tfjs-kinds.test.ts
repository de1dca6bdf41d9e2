/** What a Keras model becomes: a network for pictures, a generator, a recogniser; and what its outputs are called. */
import { createRequire } from 'node:module';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type * as tfjs from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { readModel } from '../../../src/engine/formats/import.js';
import type { ImportedModel } from '../../../src/engine/formats/format.js';
import { GraphBuilder } from '../../../src/engine/graph/graph.js';
import { inline } from '../../../src/engine/models/serialise.js';
import { Random } from '../../../src/engine/random.js';
import { evaluate } from '../../../src/engine/runtimes/reference/reference.js';
import { channelsFirst, randomise, saved, temporaryFolder, worst, writeModel } from './helpers.js';

type Tensor = tfjs.SymbolicTensor;
const tf = createRequire(import.meta.url)('@tensorflow/tfjs') as typeof tfjs;
const root = temporaryFolder();
const random = new Random('kinds');
let count = 0;

beforeAll(async () => {
  await tf.setBackend('cpu');
});

interface Made {
  readonly keras: tfjs.LayersModel;
  readonly model: ImportedModel;
}

/** A model with random weights, as TensorFlow.js has it and imported. */
async function made(shape: (number | null)[], build: (x: Tensor) => Tensor): Promise<Made> {
  const input = tf.input({ shape });
  const keras = tf.model({ inputs: input, outputs: build(input) });
  randomise(tf, keras, random);
  const { json, bytes } = await saved(tf, keras);
  const folder = join(root, `model-${count++}`);
  mkdirSync(folder);
  return { keras, model: await readModel(writeModel(folder, json, bytes)) };
}

/** The pictures that an imported generator draws of codes [N, D]. */
function drawn(model: ImportedModel, codes: Float32Array): Float64Array {
  if (model.kind !== 'generator') throw new Error(`It is a ${model.kind}.`);
  const b = new GraphBuilder();
  const size = model.code.reduce((n, dim) => n * dim, 1);
  const code = b.input('code', [codes.length / size, size]);
  b.output('image', inline(b, model.graphs.generator, { code })['image']!);
  return evaluate(b.build(), { code: codes })['image']!;
}

/** What an imported network gives for pictures [N, C, H, W]. */
function scored(model: ImportedModel, image: Float32Array, channels: number): Float64Array {
  if (model.kind !== 'network') throw new Error(`It is a ${model.kind}.`);
  const b = new GraphBuilder();
  const { height, width } = model;
  const x = b.input('image', [image.length / (height * width * channels), channels, height, width]);
  b.output('logits', inline(b, model.graphs.network, { image: x })['logits']!);
  return evaluate(b.build(), { image })['logits']!;
}

const decoder = (x: Tensor): Tensor => {
  const y = tf.layers.conv2dTranspose({ filters: 6, kernelSize: 4, strides: 2, padding: 'same', name: 'up' }).apply(x);
  const z = tf.layers.leakyReLU({ alpha: 0.2, name: 'bent' }).apply(y);
  return tf.layers.conv2d({ filters: 3, kernelSize: 3, padding: 'same', activation: 'tanh' }).apply(z) as Tensor;
};
const encoder = (x: Tensor): Tensor => {
  const y = tf.layers.conv2d({ filters: 5, kernelSize: 3, padding: 'same', activation: 'relu' }).apply(x);
  return tf.layers.conv2d({ filters: 4, kernelSize: 2, strides: 2, padding: 'same' }).apply(y) as Tensor;
};

describe('a generator', () => {
  it('is made of a model from vectors to pictures', async () => {
    const { keras, model } = await made([7], (x) => {
      const wide = tf.layers.dense({ units: 3 * 2 * 4, name: 'wide' }).apply(x);
      return decoder(tf.layers.reshape({ targetShape: [3, 2, 4], name: 'map' }).apply(wide) as Tensor);
    });
    expect(model).toMatchObject({ kind: 'generator', code: [7], height: 6, width: 4 });
    const codes = random.normals(2 * 7);
    const wanted = (keras.predict(tf.tensor(codes, [2, 7])) as tfjs.Tensor).dataSync();
    expect(worst(drawn(model, codes), channelsFirst(wanted, 24, 3))).toBeLessThan(1e-5);
    expect(model.types).toEqual({
      wide: 'Dense',
      map: 'Reshape',
      up: 'Conv2DTranspose',
      bent: 'LeakyReLU',
      image: 'Conv2D',
    });
  });

  it('is made of a model from small maps to larger pictures; its codes lie channels first', async () => {
    const { keras, model } = await made([3, 2, 4], decoder);
    expect(model).toMatchObject({ kind: 'generator', code: [4, 3, 2], height: 6, width: 4 });
    const maps = random.normals(2 * 24);
    const wanted = (keras.predict(tf.tensor(maps, [2, 3, 2, 4])) as tfjs.Tensor).dataSync();
    expect(worst(drawn(model, channelsFirst(maps, 6, 4)), channelsFirst(wanted, 24, 3))).toBeLessThan(1e-5);
  });

  it('draws grey pictures three times', async () => {
    const { keras, model } = await made([5], (x) => {
      const flat = tf.layers.dense({ units: 12, activation: 'sigmoid' }).apply(x);
      return tf.layers.reshape({ targetShape: [4, 3, 1] }).apply(flat) as Tensor;
    });
    const codes = random.normals(5);
    const grey = [...(keras.predict(tf.tensor(codes, [1, 5])) as tfjs.Tensor).dataSync()];
    expect(worst(drawn(model, codes), [...grey, ...grey, ...grey])).toBeLessThan(1e-5);
  });

  it('keeps what a softmax at its end does', async () => {
    const { keras, model } = await made([5], (x) => {
      const flat = tf.layers.reshape({ targetShape: [2, 2, 3] }).apply(tf.layers.dense({ units: 12 }).apply(x));
      return tf.layers.softmax({ axis: 3 }).apply(flat) as Tensor;
    });
    const codes = random.normals(5);
    const wanted = (keras.predict(tf.tensor(codes, [1, 5])) as tfjs.Tensor).dataSync();
    expect(worst(drawn(model, codes), channelsFirst(wanted, 4, 3))).toBeLessThan(1e-5);
  });
});

describe('a network', () => {
  it('gives an encoder its latent flattened as a generator reads it', async () => {
    const coding = await made([6, 4, 3], encoder);
    expect(coding.model).toMatchObject({ kind: 'network', height: 6, width: 4, units: 24 });
    const drawing = await made([3, 2, 4], decoder);
    const pictures = random.normals(2 * 72);
    const latent = scored(coding.model, channelsFirst(pictures, 24, 3), 3);
    const wanted = (
      drawing.keras.predict(coding.keras.predict(tf.tensor(pictures, [2, 6, 4, 3])) as tfjs.Tensor) as tfjs.Tensor
    ).dataSync();
    expect(worst(drawn(drawing.model, Float32Array.from(latent)), channelsFirst(wanted, 24, 3))).toBeLessThan(1e-5);
  });

  it('is made of a model from pictures to pictures, larger ones too', async () => {
    const { model } = await made([3, 2, 3], decoder);
    expect(model).toMatchObject({ kind: 'network', height: 3, width: 2, units: 6 * 4 * 3 });
  });

  it('tells the classes of its layers, wrapped and shared ones too', async () => {
    const { model } = await made([6, 4, 3], (x) => {
      const twice = tf.layers.conv2d({ filters: 3, kernelSize: 1, name: 'twice' });
      const y = tf.layers.reLU({ name: 'bent' }).apply(twice.apply(twice.apply(x)));
      const flat = tf.layers.globalAveragePooling2d({ name: 'mean' }).apply(y);
      return tf.layers.dense({ units: 2, activation: 'softmax', name: 'scores' }).apply(flat) as Tensor;
    });
    expect(model.types).toEqual({
      twice: 'Conv2D',
      'twice/1': 'Conv2D',
      bent: 'ReLU',
      mean: 'GlobalAveragePooling2D',
      logits: 'Dense',
    });
    const network = model.kind === 'network' ? model.graphs.network : null;
    expect(network!.outputs.map((port) => port.name)).toEqual(Object.keys(model.types!));
  });
});

describe('a recogniser', () => {
  it('tells the classes of its layers and of its boundary', async () => {
    const { model } = await made([4, 6, 4, 3], (x) => {
      const each = (layer: tfjs.layers.Layer, y: unknown): unknown =>
        tf.layers.timeDistributed({ layer, name: `each_${layer.name}` }).apply(y as Tensor);
      const y = each(tf.layers.conv2d({ filters: 2, kernelSize: 3, name: 'conv' }), x);
      const states = tf.layers
        .gru({ units: 3, name: 'reader' })
        .apply(each(tf.layers.flatten({ name: 'flat' }), y) as Tensor);
      return tf.layers.dense({ units: 2, name: 'scores' }).apply(states) as Tensor;
    });
    expect(model.kind).toBe('recogniser');
    expect(model.types).toEqual({ each_conv: 'Conv2D', each_flat: 'Flatten', gates: 'GRU', logits: 'Dense' });
  });

  it('whose pictures reach the sequence as they are has them as its features', async () => {
    const { model } = await made([4, 6, 5, 3], (x) => {
      const y = tf.layers.conv3d({ filters: 2, kernelSize: 3, name: 'deep' }).apply(x);
      return tf.layers.dense({ units: 2 }).apply(tf.layers.flatten().apply(y)) as Tensor;
    });
    if (model.kind !== 'recogniser') throw new Error('It is a recogniser.');
    expect(model.types).toEqual({ features: 'InputLayer', logits: 'Dense' });
    expect(model.graphs.frames.outputs.map((port) => port.name)).toEqual(['features']);
  });
});

it.each<[string, (number | null)[], (x: Tensor) => Tensor]>([
  ['from vectors to vectors', [5], (x) => tf.layers.dense({ units: 3 }).apply(x) as Tensor],
  ['of sequences of vectors', [5, 3], (x) => tf.layers.flatten().apply(x) as Tensor],
  ['of vectors of any size', [null], (x) => tf.layers.reLU().apply(x) as Tensor],
])('models %s are refused', async (_, shape, build) => {
  await expect(made(shape, build)).rejects.toMatchObject({ code: 'MODEL_FORMAT_UNSUPPORTED' });
});
