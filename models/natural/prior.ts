/**
 * Training of priors of natural images: generators that invert a layer of the trained classifier, with losses in pixels,
 * in the classifier's features, and of a discriminator (Dosovitskiy and Brox 2016).
 */
import type { GraphBuilder, Value } from '../../src/engine/graph/graph.js';
import { relu } from '../../src/engine/ops/activation.js';
import { abs, add, div, mul, sub } from '../../src/engine/ops/elementwise.js';
import { reshape } from '../../src/engine/ops/layout.js';
import { dense } from '../../src/engine/ops/matmul.js';
import { mean, sum } from '../../src/engine/ops/reduce.js';
import type { Weights } from '../../src/engine/models/safetensors.js';
import { Random } from '../../src/engine/random.js';
import { heSpread, trained, type Parameters } from '../../src/engine/training/parameters.js';
import type { TrainingTask } from '../../src/engine/training/trainer.js';
import { OBJECTS, classifierNetwork, fromBytes } from './classifier.js';
import { IMAGE_BYTES, IMAGE_SIZE, augmented, indicesOf, naturalImages } from './dataset.js';
import { codeOf, convolution, generatorNetwork, type CodeKind } from './generator.js';

/** What the names of the discriminator's weights begin with. */
export const RIVAL = 'rival.';

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
const LOSS = { absolute: 0.3, features: 0.06, rival: 0.01 } as const;
const RATE = { peak: 4e-4, warmUp: 50 } as const;
const FEATURES = ['pool2', 'conv4', 'fc6'] as const;
const AUGMENTATION = { smallest: 0.75, colour: 0.08 } as const;

export interface PriorTraining {
  readonly seed: number;
  readonly steps: number;
  /** Images a step. */
  readonly batch: number;
  readonly kind: CodeKind;
  /** The trained classifier. */
  readonly classifier: Weights;
  /** A generator to begin with: those of its weights that this one has too. */
  readonly start: Weights;
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
  const { seed, steps, batch, kind, classifier, start } = training;
  return {
    seed,
    steps,
    start,
    learningRate: (step) =>
      RATE.peak *
      Math.min(1, (step + 1) / RATE.warmUp) *
      (0.01 + 0.99 * 0.5 * (1 + Math.cos((Math.PI * step) / steps))),
    build(b, p) {
      const target = fromBytes(b, b.input('images', [batch, IMAGE_SIZE, IMAGE_SIZE, 3], 'uint8'));
      const known = trained(b, classifier);
      const wanted = classifierNetwork(b, target, known, OBJECTS);
      const code = codeOf(b, wanted, kind);
      const image = generatorNetwork(b, add(b, code, b.input('noise', [batch, kind.size])), kind, p);
      const error = sub(b, image, target);
      const squared = mean(b, mul(b, error, error), undefined, false);
      const absolute = mean(b, abs(b, error), undefined, false);
      const seen = classifierNetwork(b, image, known, OBJECTS);
      const features = FEATURES.map((name) => relativeError(b, seen[name]!, wanted[name]!)).reduce((x, y) =>
        add(b, x, y),
      );
      const [fake, real] = [image, target].map((x) => discriminator(b, x, code, p));
      const terms = [
        squared,
        mul(b, absolute, b.scalar(LOSS.absolute)),
        mul(b, features, b.scalar(LOSS.features)),
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
