/**
 * The prior of the figures: an encoder of single frames, and the upconvolutional generator that inverts its code
 * (Dosovitskiy and Brox 2016). Both are trained together, on pixels and on the features of the trained recogniser.
 */
import { FRAME_BYTES, FRAME_SIZE, randomFrame } from '../figures/dataset.js';
import { convolutions, frameNetwork, fromBytes } from '../figures/lrcn.js';
import type { GraphBuilder, Value } from '../../src/engine/graph/graph.js';
import { relu } from '../../src/engine/ops/activation.js';
import { conv2d } from '../../src/engine/ops/conv.js';
import { abs, add, div, mul, sub, tanh } from '../../src/engine/ops/elementwise.js';
import { pixelShuffle, reshape, transpose } from '../../src/engine/ops/layout.js';
import { dense } from '../../src/engine/ops/matmul.js';
import { dequantise } from '../../src/engine/ops/quantise.js';
import { mean } from '../../src/engine/ops/reduce.js';
import type { NamedTensor, Weights } from '../../src/engine/models/safetensors.js';
import { Random } from '../../src/engine/random.js';
import type { Tensors } from '../../src/engine/runtimes/runtime.js';
import { heSpread, trained, type Parameters } from '../../src/engine/training/parameters.js';
import type { TrainingTask } from '../../src/engine/training/trainer.js';

/** Numbers of a code. */
export const CODE_SIZE = 128;
/** Channels after each doubling of the size, from 4x4 on. */
const UPSAMPLINGS = [96, 64, 40, 24] as const;
const BASE = { channels: 128, size: 4 } as const;
const LEAK = 0.3;

/** Frames [N, 3, 64, 64], -1..1, to codes [N, 128], none negative. Its convolutions have the recogniser's shape. */
export function encoderNetwork(b: GraphBuilder, x: Value, p: Parameters): Value {
  const { conv5 } = convolutions(b, x, p, 'encoder.');
  const flat = reshape(b, conv5!, [0, -1]);
  const width = flat.shape[1]!;
  const weights = p('encoder.code.weight', [CODE_SIZE, width], heSpread(width));
  return relu(b, dense(b, flat, weights, p('encoder.code.bias', [CODE_SIZE], 0)));
}

/** Codes [N, 128] to frames [N, 3, 64, 64], -1..1. */
export function generatorNetwork(b: GraphBuilder, codes: Value, p: Parameters): Value {
  const { channels, size } = BASE;
  const volume = channels * size * size;
  const start = dense(b, codes, p('fc.weight', [volume, CODE_SIZE], heSpread(CODE_SIZE)), p('fc.bias', [volume], 0));
  let y = reshape(b, relu(b, start, LEAK), [0, channels, size, size]);
  UPSAMPLINGS.forEach((out, i) => {
    y = pixelShuffle(b, convolution(b, y, 4 * out, `up${i + 1}`, p), 2);
    y = relu(b, y, LEAK);
  });
  return tanh(b, convolution(b, y, 3, 'out', p));
}

function convolution(b: GraphBuilder, x: Value, out: number, name: string, p: Parameters): Value {
  const fanIn = x.shape[1]! * 9;
  const weights = p(`${name}.weight`, [out, x.shape[1]!, 3, 3], heSpread(fanIn));
  return conv2d(b, x, weights, p(`${name}.bias`, [out], 0), { pads: [1, 1, 1, 1] });
}

export interface PriorTraining {
  readonly seed: number;
  readonly steps: number;
  /** Frames a step. */
  readonly batch: number;
  /** The trained recogniser: its features are compared, and the encoder's convolutions start as its own. */
  readonly recogniser: Weights;
}

/** Standard deviation of the noise on codes while training, so that neighbours of a code give neighbours of a frame. */
const CODE_NOISE = 0.05;
const LOSS = { absolute: 0.2, figure: 4, code: 1e-3, features: 0.02 } as const;
const FEATURES = ['conv2', 'conv4', 'fc6'] as const;

function frameBatch(step: number, { seed, batch }: PriorTraining): Tensors {
  const frames = new Uint8Array(batch * FRAME_BYTES);
  const mask = new Uint8Array(batch * FRAME_SIZE * FRAME_SIZE);
  for (let n = 0; n < batch; n++) {
    const frame = randomFrame('train', seed * 2 ** 22 + step * batch + n);
    frames.set(frame.pixels, n * FRAME_BYTES);
    mask.set(frame.mask, n * FRAME_SIZE * FRAME_SIZE);
  }
  const noise = new Random(`${seed}:noise:${step}`).normals(batch * CODE_SIZE, CODE_NOISE);
  return { frames, mask, noise };
}

/** mean((x - y)^2) / mean(y^2) */
function relativeError(b: GraphBuilder, x: Value, y: Value): Value {
  const d = sub(b, x, y);
  return div(b, mean(b, mul(b, d, d), undefined, false), mean(b, mul(b, y, y), undefined, false));
}

/** Squared and absolute error of pixels, the figure's counted five times; feature error; a short code. */
export function priorTask(training: PriorTraining): TrainingTask {
  const { seed, steps, batch, recogniser } = training;
  const start = new Map<string, NamedTensor>();
  for (const [name, tensor] of recogniser) if (name.startsWith('conv')) start.set(`encoder.${name}`, tensor);
  return {
    seed,
    steps,
    start,
    learningRate: (step) =>
      1.5e-3 * Math.min(1, (step + 1) / 50) * (0.01 + 0.99 * 0.5 * (1 + Math.cos((Math.PI * step) / steps))),
    build(b, p) {
      const target = fromBytes(b, b.input('frames', [batch, FRAME_SIZE, FRAME_SIZE, 3], 'uint8'));
      const mask = dequantise(b, b.input('mask', [batch, FRAME_SIZE, FRAME_SIZE, 1], 'uint8'), LOSS.figure / 255, 1);
      const code = encoderNetwork(b, target, p);
      const image = generatorNetwork(b, add(b, code, b.input('noise', [batch, CODE_SIZE])), p);
      const error = sub(b, image, target);
      const squared = mul(b, error, error);
      const each = add(b, squared, mul(b, abs(b, error), b.scalar(LOSS.absolute)));
      const pixels = mean(b, mul(b, each, transpose(b, mask, [0, 3, 1, 2])), undefined, false);
      const known = trained(b, recogniser);
      const [seen, wanted] = [image, target].map((x) => frameNetwork(b, x, known));
      const features = FEATURES.map((name) => relativeError(b, seen![name]!, wanted![name]!)).reduce((x, y) =>
        add(b, x, y),
      );
      const size = mean(b, mul(b, code, code), undefined, false);
      const terms = [pixels, mul(b, features, b.scalar(LOSS.features)), mul(b, size, b.scalar(LOSS.code))];
      return {
        loss: terms.reduce((x, y) => add(b, x, y)),
        watch: { squared: mean(b, squared, undefined, false), features },
      };
    },
    batch: (step) => frameBatch(step, training),
  };
}

/** Peak signal-to-noise ratio, dB, of a mean squared error between numbers in -1..1. */
export const psnr = (meanSquaredError: number): number => 10 * Math.log10(4 / meanSquaredError);
