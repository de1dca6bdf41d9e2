/**
 * Training of the classifier: cross-entropy on images that are mirrored, cropped, coloured and covered in part, with dropout
 * before and after fc6. Where a generator is to invert it, one is trained with it that shows the image again from fc6 (Zhang et
 * al. 2016, Augmenting supervised neural networks with unsupervised objectives): what a plain classifier drops by fc6
 * - colours, places - no generator can show.
 */
import { argmax } from '../../src/engine/audit/statistics.js';
import type { GraphBuilder, Value } from '../../src/engine/graph/graph.js';
import { abs, add, mul, neg, sub } from '../../src/engine/ops/elementwise.js';
import { mean, sum } from '../../src/engine/ops/reduce.js';
import { logSoftmax } from '../../src/engine/ops/softmax.js';
import type { Weights } from '../../src/engine/models/safetensors.js';
import { Random } from '../../src/engine/random.js';
import type { Tensors } from '../../src/engine/runtimes/runtime.js';
import type { Parameters } from '../../src/engine/training/parameters.js';
import type { TrainingTask } from '../../src/engine/training/trainer.js';
import { NATURAL_LABELS } from './classes.js';
import { convolutions, fromBytes, head, type Architecture, type Dropout } from './classifier.js';
import { IMAGE_BYTES, IMAGE_SIZE, augmented, covered, indicesOf, naturalImages } from './dataset.js';
import { VECTOR_CODE, codeOf, generatorNetwork } from './generator.js';

export interface ClassifierTraining {
  readonly seed: number;
  readonly steps: number;
  /** Images a step. */
  readonly batch: number;
  readonly architecture: Architecture;
  /** Whether a generator that shows the image again from fc6 is trained with it, as `decoder.`. */
  readonly inverted: boolean;
  /** Steps after which the weights are kept. */
  readonly snapshots?: readonly number[];
}

/** What the names of the weights of the generator that is trained with a classifier begin with. */
const DECODER = 'decoder.';

/** The weights of that generator, under the names that generators have, and those of the classifier. */
export function splitDecoder(weights: Weights): { decoder: Weights; rest: Weights } {
  const isDecoder = ([name]: readonly [string, unknown]): boolean => name.startsWith(DECODER);
  const own = [...weights].filter(isDecoder).map(([name, tensor]) => [name.slice(DECODER.length), tensor] as const);
  return { decoder: new Map(own), rest: new Map([...weights].filter((entry) => !isDecoder(entry))) };
}

const RATE = { peak: 1.5e-3, warmUp: 100 } as const;
const AUGMENTATION = { smallest: 0.6, colour: 0.25 } as const;
/** Side of the grey square that covers a part of what the classifier sees. */
const COVER = 20;
/** What showing the image again counts beside cross-entropy, and the noise on the code meanwhile. */
const INVERSION = { squared: 6, absolute: 1.5, noise: 0.05 } as const;
/** Share of the wanted probability that is spread over all classes. */
const SMOOTHING = 0.1;
const DROPPED = { flat: 0.3, fc6: 0.4 } as const;

export function classifierTask(training: ClassifierTraining): TrainingTask {
  const { seed, steps, batch, architecture, inverted, snapshots = [] } = training;
  return {
    snapshots,
    seed,
    steps,
    adam: { weightDecay: 0.02 },
    learningRate: (step) =>
      RATE.peak *
      Math.min(1, (step + 1) / RATE.warmUp) *
      (0.005 + 0.995 * 0.5 * (1 + Math.cos((Math.PI * step) / steps))),
    build(b, p): ReturnType<TrainingTask['build']> {
      const shape = [batch, IMAGE_SIZE, IMAGE_SIZE, 3];
      const layers = convolutions(b, fromBytes(b, b.input('images', shape, 'uint8')), p, architecture);
      const wanted = b.input('wanted', [batch, NATURAL_LABELS.length]);
      const dropout: Dropout = (value, name) => mul(b, value, b.input(`keep.${name}`, value.shape));
      const { logits } = head(b, layers, p, architecture, dropout);
      const each = sum(b, mul(b, wanted, logSoftmax(b, logits!)), [1], false);
      const crossEntropy = neg(b, mean(b, each, undefined, false));
      if (!inverted) return { loss: crossEntropy, watch: { logits: logits! } };
      const whole = fromBytes(b, b.input('whole', shape, 'uint8'));
      const { loss, squared } = inversion(b, whole, head(b, layers, p, architecture), p);
      return { loss: add(b, crossEntropy, loss), watch: { logits: logits!, squared } };
    },
    batch: (step) => classifierBatch(step, training),
  };
}

/** The loss of an image that is shown again from the layers of the classifier. */
function inversion(b: GraphBuilder, target: Value, layers: Readonly<Record<string, Value>>, p: Parameters) {
  const code = codeOf(b, layers, VECTOR_CODE);
  const noisy = add(b, code, b.input('noise', code.shape));
  const error = sub(
    b,
    generatorNetwork(b, noisy, VECTOR_CODE, (name, ...rest) => p(`${DECODER}${name}`, ...rest)),
    target,
  );
  const squared = mean(b, mul(b, error, error), undefined, false);
  const absolute = mean(b, abs(b, error), undefined, false);
  const terms = [mul(b, squared, b.scalar(INVERSION.squared)), mul(b, absolute, b.scalar(INVERSION.absolute))];
  return { loss: add(b, terms[0]!, terms[1]!), squared };
}

async function classifierBatch(
  step: number,
  { seed, batch, architecture, inverted }: ClassifierTraining,
): Promise<Tensors> {
  const data = await naturalImages('train');
  const random = new Random(`${seed}:images:${step}`);
  const whole = new Uint8Array(batch * IMAGE_BYTES);
  const classes = NATURAL_LABELS.length;
  const wanted = new Float32Array(batch * classes).fill(SMOOTHING / classes);
  indicesOf(step, batch, data.classes.length, seed).forEach((index, n) => {
    augmented(data, index, random, AUGMENTATION, whole, n * IMAGE_BYTES);
    wanted[n * classes + data.classes[index]!]! += 1 - SMOOTHING;
  });
  const widths = { flat: flatWidth(architecture), fc6: architecture.fc6 };
  const keep = (name: 'flat' | 'fc6'): Float32Array =>
    random.uniforms(batch * widths[name]).map((u) => (u < DROPPED[name] ? 0 : 1 / (1 - DROPPED[name])));
  const known = { images: covered(whole, random, COVER), wanted, 'keep.flat': keep('flat'), 'keep.fc6': keep('fc6') };
  if (!inverted) return known;
  return { ...known, whole, noise: random.normals(batch * architecture.fc6, INVERSION.noise) };
}

/** Numbers of the last layer of the convolutions. */
function flatWidth({ convolutions: layers }: Architecture): number {
  const side = layers.reduce((size, { stride, pooled }) => size / stride / (pooled ? 2 : 1), IMAGE_SIZE);
  return layers.at(-1)!.out * side * side;
}

/** The share of a batch of training whose largest score is that of the wanted class. */
export function batchAccuracy(logits: ArrayLike<number>, wanted: ArrayLike<number>): number {
  const classes = NATURAL_LABELS.length;
  const rows = logits.length / classes;
  const row = (x: ArrayLike<number>, n: number): number =>
    argmax(Array.from({ length: classes }, (_, c) => x[n * classes + c]!));
  let right = 0;
  for (let n = 0; n < rows; n++) if (row(logits, n) === row(wanted, n)) right++;
  return right / rows;
}
