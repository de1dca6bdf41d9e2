/**
 * The small LRCN (Donahue et al. 2015) that is trained on the figures: a convnet that sees one frame at a time, fc6,
 * an LSTM over the frames, a score per class and frame. And its training: cross-entropy at every frame.
 */
import { FIGURES_LABELS, FRAME_BYTES, FRAME_SIZE, drawClip } from './dataset.js';
import { argmax } from '../../src/engine/audit/statistics.js';
import type { GraphBuilder, Value } from '../../src/engine/graph/graph.js';
import { relu } from '../../src/engine/ops/activation.js';
import { mul } from '../../src/engine/ops/elementwise.js';
import { conv2d } from '../../src/engine/ops/conv.js';
import { reshape, transpose } from '../../src/engine/ops/layout.js';
import { lstm } from '../../src/engine/ops/lstm.js';
import { dense } from '../../src/engine/ops/matmul.js';
import { dequantise } from '../../src/engine/ops/quantise.js';
import { mean, sum } from '../../src/engine/ops/reduce.js';
import type { NamedTensor } from '../../src/engine/models/safetensors.js';
import { Random } from '../../src/engine/random.js';
import { logSoftmax, softmax } from '../../src/engine/ops/softmax.js';
import { heSpread, type Parameters } from '../../src/engine/training/parameters.js';
import type { TrainingTask } from '../../src/engine/training/trainer.js';
import type { Tensors } from '../../src/engine/runtimes/runtime.js';

/** Output channels, kernel and stride of each convolution; padding keeps the size up to the stride. */
const CONVOLUTIONS = [
  { out: 24, kernel: 5, stride: 2 },
  { out: 48, kernel: 3, stride: 2 },
  { out: 64, kernel: 3, stride: 2 },
  { out: 96, kernel: 3, stride: 1 },
  { out: 64, kernel: 3, stride: 2 },
] as const;
const FC6 = 256;
const HIDDEN = 96;

/** Frames of a clip: the length of the windows in which the recogniser sees a video. */
export const CLIP_LENGTH = 16;
/** Distance between the starts of two windows. */
export const CLIP_STRIDE = 8;

/** Bytes 0..255 to the numbers that the networks see, -1..1. */
export const PIXEL_SCALE = { scale: 1 / 127.5, offset: -1 } as const;

/** The convolutions, by name: conv1 [N, 24, 32, 32] .. conv5 [N, 64, 4, 4]. Weights are named after `prefix`. */
export function convolutions(b: GraphBuilder, x: Value, p: Parameters, prefix = ''): Record<string, Value> {
  const layers: Record<string, Value> = {};
  let y = x;
  CONVOLUTIONS.forEach(({ out, kernel, stride }, i) => {
    const fanIn = y.shape[1]! * kernel * kernel;
    const half = (kernel - 1) / 2;
    const weights = p(`${prefix}conv${i + 1}.weight`, [out, y.shape[1]!, kernel, kernel], heSpread(fanIn));
    const bias = p(`${prefix}conv${i + 1}.bias`, [out], 0);
    const options = { strides: [stride, stride], pads: [half, half, half, half] };
    y = relu(b, conv2d(b, y, weights, bias, options));
    layers[`conv${i + 1}`] = y;
  });
  return layers;
}

/**
 * The part that sees frames one by one.
 * @param x frames [N, 3, 64, 64], -1..1.
 * @returns the layers by name: conv1..conv5, fc6 [N, 256], gates [N, 4 * 96].
 */
export function frameNetwork(b: GraphBuilder, x: Value, p: Parameters): Record<string, Value> {
  const layers = convolutions(b, x, p);
  const flat = reshape(b, layers['conv5']!, [0, -1]);
  const width = flat.shape[1]!;
  const fc6 = relu(b, dense(b, flat, p('fc6.weight', [FC6, width], heSpread(width)), p('fc6.bias', [FC6], 0)));
  const spread = Math.sqrt(1 / FC6);
  const gates = dense(b, fc6, p('lstm.input', [4 * HIDDEN, FC6], spread), p('lstm.bias', [4 * HIDDEN], 0));
  return { ...layers, fc6, gates };
}

/**
 * The part that sees the sequence.
 * @param gates [T, N, 4 * 96], the LSTM's projected input.
 * @returns lstm [T, N, 96], its cells, and logits [T, N, classes].
 */
export function sequenceNetwork(b: GraphBuilder, gates: Value, classes: number, p: Parameters): Record<string, Value> {
  const recurrent = p('lstm.recurrent', [4 * HIDDEN, HIDDEN], Math.sqrt(1 / HIDDEN));
  const { hidden, cell } = lstm(b, gates, recurrent);
  const weights = p('fc.weight', [classes, HIDDEN], Math.sqrt(1 / HIDDEN));
  return { lstm: hidden, cell, logits: dense(b, hidden, weights, p('fc.bias', [classes], 0)) };
}

/** Frames as bytes [N, 64, 64, 3] to what the network sees, [N, 3, 64, 64]. */
export function fromBytes(b: GraphBuilder, bytes: Value): Value {
  return transpose(b, dequantise(b, bytes, PIXEL_SCALE.scale, PIXEL_SCALE.offset), [0, 3, 1, 2]);
}

export interface LrcnTraining {
  readonly seed: number;
  readonly steps: number;
  /** Clips a step. */
  readonly batch: number;
  readonly classes: number;
  /** The class to learn for a label of the data set. */
  readonly classOf: (label: number) => number;
  /** The class to learn for clips whose frames are shuffled; every other clip is then shown like that. */
  readonly shuffledClass?: number | undefined;
  /** Weights to start from. */
  readonly start?: ReadonlyMap<string, NamedTensor>;
}

/** First frames of a shuffled clip, of which nothing is wanted: nobody can tell yet that they are not in order. */
const TOO_FEW = 4;

/** Clips `first` .. of a split, frames in the order [T, N], with the class wanted of each, one-hot, [T, N, classes]. */
function clipBatch(first: number, { batch, classes, classOf, shuffledClass }: LrcnTraining): Tensors {
  const frames = new Uint8Array(CLIP_LENGTH * batch * FRAME_BYTES);
  const wanted = new Float32Array(CLIP_LENGTH * batch * classes);
  for (let n = 0; n < batch; n++) {
    const { label, pixels } = drawClip('train', first + n, CLIP_LENGTH);
    // Labels come in turn: a clip and the one a whole turn later have the same.
    const shuffled = shuffledClass !== undefined && Math.floor((first + n) / FIGURES_LABELS.length) % 2 === 1;
    const order = shuffled ? new Random(`shuffled ${first + n}`).permutation(CLIP_LENGTH) : null;
    for (let t = 0; t < CLIP_LENGTH; t++) {
      const from = order?.[t] ?? t;
      frames.set(pixels.subarray(from * FRAME_BYTES, (from + 1) * FRAME_BYTES), (t * batch + n) * FRAME_BYTES);
      const row = (t * batch + n) * classes;
      if (!shuffled) wanted[row + classOf(label)] = 1;
      else if (t >= TOO_FEW) wanted[row + shuffledClass] = 1;
    }
  }
  return { frames, wanted };
}

const WARM_UP = 30;

/** Cross-entropy at every frame of 16-frame clips that are drawn anew for every step. */
export function lrcnTask(training: LrcnTraining): TrainingTask {
  const { seed, steps, batch, classes, start } = training;
  return {
    seed,
    steps,
    ...(start && { start }),
    // Up over 30 steps, flat, then down along a cosine over the last 60 %.
    learningRate(step) {
      const late = Math.max(0, (step / steps - 0.4) / 0.6);
      return 1e-3 * Math.min(1, (step + 1) / WARM_UP) * (0.02 + 0.98 * 0.5 * (1 + Math.cos(Math.PI * late)));
    },
    build(b, p) {
      const bytes = b.input('frames', [CLIP_LENGTH * batch, FRAME_SIZE, FRAME_SIZE, 3], 'uint8');
      const wanted = b.input('wanted', [CLIP_LENGTH, batch, classes]);
      const { gates } = frameNetwork(b, fromBytes(b, bytes), p);
      const { logits } = sequenceNetwork(b, reshape(b, gates!, [CLIP_LENGTH, batch, -1]), classes, p);
      const each = mul(b, logSoftmax(b, logits!), wanted);
      const loss = mul(b, sum(b, each, undefined, false), b.scalar(-1 / (CLIP_LENGTH * batch)));
      const flat = softmax(b, logits!);
      return { loss, watch: { probabilities: mean(b, flat, [0], false) } };
    },
    // Every run sees its own clips: the seed chooses where in the split it starts.
    batch: (step) => clipBatch(seed * 2 ** 22 + step * batch, training),
  };
}

/** Share of the clips of a step whose averaged probabilities name the right class. */
export function batchAccuracy(probabilities: ArrayLike<number>, wanted: ArrayLike<number>, classes: number): number {
  let right = 0;
  const clips = wanted.length / classes / CLIP_LENGTH;
  // What is wanted of the last frame is wanted of the clip.
  const last = wanted.length - clips * classes;
  for (let n = 0; n < clips; n++) {
    const row = Array.from({ length: classes }, (_, c) => probabilities[n * classes + c]!);
    if (wanted[last + n * classes + argmax(row)] === 1) right++;
  }
  return right / clips;
}
