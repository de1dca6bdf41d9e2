/**
 * Priors of natural images: generators that invert a code of the trained classifier, with losses in pixels, in the
 * classifier's features, and of a discriminator (Dosovitskiy and Brox 2016). The code is either a vector that a trained
 * layer makes of the classifier's last maps, or those maps themselves.
 */
import type { GraphBuilder, Value } from '../../src/engine/graph/graph.js';
import { relu } from '../../src/engine/ops/activation.js';
import { conv2d } from '../../src/engine/ops/conv.js';
import { abs, add, div, mul, sub, tanh } from '../../src/engine/ops/elementwise.js';
import { pixelShuffle, reshape } from '../../src/engine/ops/layout.js';
import { dense } from '../../src/engine/ops/matmul.js';
import { mean, sum } from '../../src/engine/ops/reduce.js';
import type { Weights } from '../../src/engine/models/safetensors.js';
import { Random } from '../../src/engine/random.js';
import { heSpread, trained, type Parameters } from '../../src/engine/training/parameters.js';
import type { TrainingTask } from '../../src/engine/training/trainer.js';
import { OBJECTS, classifierNetwork, fromBytes, lastOf, convolutions } from './classifier.js';
import { IMAGE_BYTES, IMAGE_SIZE, augmented, indicesOf, naturalImages } from './dataset.js';

/** Maps of the classifier's last layer before fc6. */
export const MAPS = { channels: 128, size: 4 } as const;
const MAPS_SIZE = MAPS.channels * MAPS.size * MAPS.size;

/** What a generator inverts. */
export interface CodeKind {
  readonly size: number;
  /** Shape of a code without the batch, where it is no vector. */
  readonly shape?: readonly number[];
  /** The classifier's last maps [N, 128, 4, 4] to codes [N, size]. */
  encode(b: GraphBuilder, maps: Value, p: Parameters): Value;
  /** Codes to where the upsampling begins, [N, C, 4, 4]. */
  begin(b: GraphBuilder, codes: Value, p: Parameters): Value;
}

const LEAK = 0.3;
const VECTOR = 256;
const BEGIN_CHANNELS = 192;

/** A vector: a rectified linear map of the classifier's last maps, trained with the generator. */
export const VECTOR_CODE: CodeKind = {
  size: VECTOR,
  encode(b, maps, p) {
    const flat = reshape(b, maps, [0, -1]);
    const weights = p('encoder.code.weight', [VECTOR, MAPS_SIZE], heSpread(MAPS_SIZE));
    return relu(b, dense(b, flat, weights, p('encoder.code.bias', [VECTOR], 0)));
  },
  begin(b, codes, p) {
    const volume = BEGIN_CHANNELS * MAPS.size * MAPS.size;
    const weights = p('fc.weight', [volume, VECTOR], heSpread(VECTOR));
    const start = relu(b, dense(b, codes, weights, p('fc.bias', [volume], 0)), LEAK);
    return reshape(b, start, [0, BEGIN_CHANNELS, MAPS.size, MAPS.size]);
  },
};

/** The maps themselves. */
export const MAPS_CODE: CodeKind = {
  size: MAPS_SIZE,
  shape: [MAPS.channels, MAPS.size, MAPS.size],
  encode: (b, maps) => reshape(b, maps, [0, -1]),
  begin(b, codes, p) {
    const maps = reshape(b, codes, [0, MAPS.channels, MAPS.size, MAPS.size]);
    return relu(b, convolution(b, maps, { out: BEGIN_CHANNELS, kernel: 3, name: 'begin' }, p), LEAK);
  },
};

interface ConvolutionOptions {
  readonly out: number;
  readonly kernel: number;
  readonly name: string;
  readonly stride?: number;
}

function convolution(b: GraphBuilder, x: Value, options: ConvolutionOptions, p: Parameters): Value {
  const { out, kernel, name, stride = 1 } = options;
  const weights = p(`${name}.weight`, [out, x.shape[1]!, kernel, kernel], heSpread(x.shape[1]! * kernel * kernel));
  const before = Math.floor((kernel - 1) / 2);
  const pads = stride === 1 ? [before, before, before, before] : [1, 1, 1, 1];
  return conv2d(b, x, weights, p(`${name}.bias`, [out], 0), {
    strides: [stride, stride],
    pads,
  });
}

/** Channels after each doubling of the size, from 4x4 on. */
const UPSAMPLINGS = [128, 80, 48, 24] as const;

/** Codes [N, D] to images [N, 3, 64, 64], -1..1. */
export function generatorNetwork(b: GraphBuilder, codes: Value, kind: CodeKind, p: Parameters): Value {
  let y = kind.begin(b, codes, p);
  UPSAMPLINGS.forEach((out, i) => {
    y = relu(b, pixelShuffle(b, convolution(b, y, { out: 4 * out, kernel: 3, name: `up${i + 1}` }, p), 2), LEAK);
  });
  return tanh(b, convolution(b, y, { out: 3, kernel: 3, name: 'out' }, p));
}

/** Images [N, 3, 64, 64] to codes, through the classifier's convolutions. */
export function encoderNetwork(b: GraphBuilder, x: Value, kind: CodeKind, known: Parameters, p: Parameters): Value {
  return kind.encode(b, lastOf(convolutions(b, x, known, OBJECTS)), p);
}

/** What the names of the discriminator's weights begin with. */
const RIVAL = 'rival.';

/**
 * How real an 8x8 grid of patches looks, and whether the image is that of the code: [N, 1, 8, 8]
 * (least squares GAN, Mao et al. 2017; projection of the condition, Miyato and Koyama 2018).
 */
function discriminator(b: GraphBuilder, image: Value, codes: Value, p: Parameters): Value {
  let y = image;
  [32, 64, 128].forEach((out, i) => {
    y = relu(b, convolution(b, y, { out, kernel: 4, name: `${RIVAL}conv${i + 1}`, stride: 2 }, p), 0.2);
  });
  const patches = convolution(b, y, { out: 1, kernel: 3, name: `${RIVAL}patch` }, p);
  const width = codes.shape[1]!;
  const wanted = dense(
    b,
    codes,
    p(`${RIVAL}code.weight`, [128, width], 0.3 * heSpread(width)),
    p(`${RIVAL}code.bias`, [128], 0),
  );
  const match = sum(b, mul(b, mean(b, y, [2, 3], false), wanted), [1], true);
  return add(b, patches, reshape(b, mul(b, match, b.scalar(1 / 128)), [0, 1, 1, 1]));
}

/** Standard deviation of the noise on codes while training, so that neighbours of a code give neighbours of an image. */
const CODE_NOISE = 0.05;
const LOSS = { absolute: 0.3, code: 1e-3, features: 0.04, rival: 0.02 } as const;
const FEATURES = ['pool2', 'conv4', 'fc6'] as const;
const AUGMENTATION = { smallest: 0.75, colour: 0.08, cover: 0 } as const;

export interface PriorTraining {
  readonly seed: number;
  readonly steps: number;
  /** Images a step. */
  readonly batch: number;
  readonly kind: CodeKind;
  /** The trained classifier. */
  readonly classifier: Weights;
}

/** mean((x - y)^2) / mean(y^2) */
function relativeError(b: GraphBuilder, x: Value, y: Value): Value {
  const d = sub(b, x, y);
  return div(b, mean(b, mul(b, d, d), undefined, false), mean(b, mul(b, y, y), undefined, false));
}

/** mean((x - wanted)^2) */
function distance(b: GraphBuilder, x: Value, wanted: number): Value {
  const d = sub(b, x, b.scalar(wanted));
  return mean(b, mul(b, d, d), undefined, false);
}

export function priorTask(training: PriorTraining): TrainingTask {
  const { seed, steps, batch, kind, classifier } = training;
  return {
    seed,
    steps,
    learningRate: (step) =>
      1e-3 * Math.min(1, (step + 1) / 50) * (0.01 + 0.99 * 0.5 * (1 + Math.cos((Math.PI * step) / steps))),
    build(b, p) {
      const target = fromBytes(b, b.input('images', [batch, IMAGE_SIZE, IMAGE_SIZE, 3], 'uint8'));
      const known = trained(b, classifier);
      const wanted = classifierNetwork(b, target, known, OBJECTS);
      const code = kind.encode(b, wanted['pool5']!, p);
      const image = generatorNetwork(b, add(b, code, b.input('noise', [batch, kind.size])), kind, p);
      const error = sub(b, image, target);
      const squared = mean(b, mul(b, error, error), undefined, false);
      const absolute = mean(b, abs(b, error), undefined, false);
      const seen = classifierNetwork(b, image, known, OBJECTS);
      const features = FEATURES.map((name) => relativeError(b, seen[name]!, wanted[name]!)).reduce((x, y) =>
        add(b, x, y),
      );
      const [fake, real] = [image, target].map((x) => discriminator(b, x, code, p));
      const size = mean(b, mul(b, code, code), undefined, false);
      const terms = [
        squared,
        mul(b, absolute, b.scalar(LOSS.absolute)),
        mul(b, features, b.scalar(LOSS.features)),
        mul(b, size, b.scalar(LOSS.code)),
        mul(b, distance(b, fake!, 1), b.scalar(LOSS.rival)),
      ];
      return {
        loss: terms.reduce((x, y) => add(b, x, y)),
        rival: { prefix: RIVAL, loss: add(b, distance(b, fake!, 0), distance(b, real!, 1)) },
        watch: { squared, features },
      };
    },
    batch: (step) => priorBatch(step, training),
  };
}

async function priorBatch(step: number, { seed, batch, kind }: PriorTraining) {
  const data = await naturalImages('train');
  const random = new Random(`${seed}:images:${step}`);
  const images = new Uint8Array(batch * IMAGE_BYTES);
  indicesOf(step, batch, data.classes.length, seed).forEach((index, n) =>
    augmented(data, index, random, AUGMENTATION, images, n * IMAGE_BYTES),
  );
  return { images, noise: random.normals(batch * kind.size, CODE_NOISE) };
}

/** Peak signal-to-noise ratio, dB, of a mean squared error between numbers in -1..1. */
export const psnr = (meanSquaredError: number): number => 10 * Math.log10(4 / meanSquaredError);
