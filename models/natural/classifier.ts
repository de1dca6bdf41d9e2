/**
 * The classifier of the 40 classes: convolutions, an fc6 like that of the networks that the paper inverts, a score a class.
 * Trained with cross-entropy on images that are mirrored, cropped, coloured and covered, with dropout before and after fc6.
 */
import { argmax } from '../../src/engine/audit/statistics.js';
import type { GraphBuilder, Value } from '../../src/engine/graph/graph.js';
import { relu } from '../../src/engine/ops/activation.js';
import { conv2d } from '../../src/engine/ops/conv.js';
import { mul, neg } from '../../src/engine/ops/elementwise.js';
import { reshape, transpose } from '../../src/engine/ops/layout.js';
import { dense } from '../../src/engine/ops/matmul.js';
import { maxPool2d } from '../../src/engine/ops/pool.js';
import { dequantise } from '../../src/engine/ops/quantise.js';
import { mean, sum } from '../../src/engine/ops/reduce.js';
import { logSoftmax } from '../../src/engine/ops/softmax.js';
import { Random } from '../../src/engine/random.js';
import type { Tensors } from '../../src/engine/runtimes/runtime.js';
import { heSpread, type Parameters } from '../../src/engine/training/parameters.js';
import type { TrainingTask } from '../../src/engine/training/trainer.js';
import { NATURAL_LABELS } from './classes.js';
import { IMAGE_BYTES, IMAGE_SIZE, augmented, indicesOf, naturalImages } from './dataset.js';

interface Layer {
  readonly out: number;
  readonly kernel: number;
  readonly stride: number;
  /** Whether the layer is followed by 2x2 max pooling. */
  readonly pooled: boolean;
}

export interface Architecture {
  readonly convolutions: readonly Layer[];
  readonly fc6: number;
}

const layer = (out: number, kernel: number, stride: number, pooled: boolean): Layer => ({
  ...{ out, kernel, stride, pooled },
});

/** That of `tiny-objects`. */
export const OBJECTS: Architecture = {
  convolutions: [
    layer(24, 5, 2, false),
    layer(48, 3, 1, true),
    layer(96, 3, 1, true),
    layer(128, 3, 1, false),
    layer(128, 3, 1, true),
  ],
  fc6: 256,
};

/** Another one, for a second opinion: larger kernels, fewer layers. */
export const SECOND: Architecture = {
  convolutions: [layer(32, 7, 2, true), layer(64, 5, 1, true), layer(128, 3, 1, true)],
  fc6: 192,
};

/** Bytes 0..255 to the numbers that the networks see, -1..1. */
export const PIXEL_SCALE = { scale: 1 / 127.5, offset: -1 } as const;

/** Images as bytes [N, 64, 64, 3] to what the networks see, [N, 3, 64, 64]. */
export function fromBytes(b: GraphBuilder, bytes: Value): Value {
  return transpose(b, dequantise(b, bytes, PIXEL_SCALE.scale, PIXEL_SCALE.offset), [0, 3, 1, 2]);
}

/**
 * The convolutions.
 * @param x images [N, 3, 64, 64], -1..1.
 * @returns the layers by name: conv1 .., and pool after those that are pooled (pool2 is the pooled conv2).
 */
export function convolutions(
  b: GraphBuilder,
  x: Value,
  p: Parameters,
  { convolutions: layers }: Architecture,
): Record<string, Value> {
  const found: Record<string, Value> = {};
  let y = x;
  layers.forEach(({ out, kernel, stride, pooled }, i) => {
    const fanIn = y.shape[1]! * kernel * kernel;
    const half = (kernel - 1) / 2;
    const weights = p(`conv${i + 1}.weight`, [out, y.shape[1]!, kernel, kernel], heSpread(fanIn));
    const options = { strides: [stride, stride], pads: [half, half, half, half] };
    y = relu(b, conv2d(b, y, weights, p(`conv${i + 1}.bias`, [out], 0), options));
    found[`conv${i + 1}`] = y;
    if (pooled) found[`pool${i + 1}`] = y = maxPool2d(b, y, { kernel: [2, 2] });
  });
  return found;
}

/** The last of the layers of the convolutions. */
export const lastOf = (layers: Readonly<Record<string, Value>>): Value => Object.values(layers).at(-1)!;

/** Factors of dropout, by what they are multiplied with. */
type Dropout = (x: Value, name: string) => Value;

/** All layers by name, to `logits` [N, 40]. */
export function classifierNetwork(
  b: GraphBuilder,
  x: Value,
  p: Parameters,
  architecture: Architecture,
  dropout: Dropout = (value) => value,
): Record<string, Value> {
  const layers = convolutions(b, x, p, architecture);
  const flat = dropout(reshape(b, lastOf(layers), [0, -1]), 'flat');
  const [width, { fc6: units }] = [flat.shape[1]!, architecture];
  const fc6 = relu(b, dense(b, flat, p('fc6.weight', [units, width], heSpread(width)), p('fc6.bias', [units], 0)));
  const scores = NATURAL_LABELS.length;
  const weights = p('fc7.weight', [scores, units], Math.sqrt(1 / units));
  return { ...layers, fc6, logits: dense(b, dropout(fc6, 'fc6'), weights, p('fc7.bias', [scores], 0)) };
}

export interface ClassifierTraining {
  readonly seed: number;
  readonly steps: number;
  /** Images a step. */
  readonly batch: number;
  readonly architecture: Architecture;
  /** Steps after which the weights are kept. */
  readonly snapshots?: readonly number[];
}

const RATE = { peak: 1.5e-3, warmUp: 100 } as const;
const AUGMENTATION = { smallest: 0.6, colour: 0.25, cover: 20 } as const;
/** Share of the wanted probability that is spread over all classes. */
const SMOOTHING = 0.1;
const DROPPED = { flat: 0.3, fc6: 0.4 } as const;

export function classifierTask(training: ClassifierTraining): TrainingTask {
  const { seed, steps, batch, architecture, snapshots = [] } = training;
  return {
    snapshots,
    seed,
    steps,
    adam: { weightDecay: 0.02 },
    learningRate: (step) =>
      RATE.peak *
      Math.min(1, (step + 1) / RATE.warmUp) *
      (0.005 + 0.995 * 0.5 * (1 + Math.cos((Math.PI * step) / steps))),
    build(b, p) {
      const x = fromBytes(b, b.input('images', [batch, IMAGE_SIZE, IMAGE_SIZE, 3], 'uint8'));
      const wanted = b.input('wanted', [batch, NATURAL_LABELS.length]);
      const dropout: Dropout = (value, name) => mul(b, value, b.input(`keep.${name}`, value.shape));
      const { logits } = classifierNetwork(b, x, p, architecture, dropout);
      const each = sum(b, mul(b, wanted, logSoftmax(b, logits!)), [1], false);
      return { loss: neg(b, mean(b, each, undefined, false)), watch: { logits: logits! } };
    },
    batch: (step) => classifierBatch(step, training),
  };
}

async function classifierBatch(step: number, { seed, batch, architecture }: ClassifierTraining): Promise<Tensors> {
  const data = await naturalImages('train');
  const random = new Random(`${seed}:images:${step}`);
  const images = new Uint8Array(batch * IMAGE_BYTES);
  const classes = NATURAL_LABELS.length;
  const wanted = new Float32Array(batch * classes).fill(SMOOTHING / classes);
  indicesOf(step, batch, data.classes.length, seed).forEach((index, n) => {
    augmented(data, index, random, AUGMENTATION, images, n * IMAGE_BYTES);
    wanted[n * classes + data.classes[index]!]! += 1 - SMOOTHING;
  });
  const widths = { flat: flatWidth(architecture), fc6: architecture.fc6 };
  const keep = (name: 'flat' | 'fc6'): Float32Array =>
    random.uniforms(batch * widths[name]).map((u) => (u < DROPPED[name] ? 0 : 1 / (1 - DROPPED[name])));
  return { images, wanted, 'keep.flat': keep('flat'), 'keep.fc6': keep('fc6') };
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
