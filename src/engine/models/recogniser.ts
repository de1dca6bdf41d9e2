/** A recogniser put into a graph: frames in, scores of whole videos out, as the model package says they are made. */
import type { RecogniserManifest, SequenceRule } from '../../protocol/manifest.js';
import { NeuroreelError } from '../../protocol/errors.js';
import type { GraphBuilder, Value } from '../graph/graph.js';
import { inline } from './serialise.js';
import { gather, reshape } from '../ops/layout.js';
import { mean } from '../ops/reduce.js';
import { softmax } from '../ops/softmax.js';
import type { ModelPackage } from './package.js';
import { windowsOf } from './windows.js';

export type RecogniserPackage = ModelPackage<RecogniserManifest>;

export interface VideoScores {
  /** Pre-softmax scores averaged over steps and windows, [C]. */
  readonly logits: Value;
  /** Probabilities averaged over steps and windows, [C]. */
  readonly probabilities: Value;
  /** Scores of each step of each window, [S, W, C]. */
  readonly steps: Value;
  readonly windows: readonly (readonly number[])[];
}

/** The name of what passes from the frame-wise part to the sequence: the sequence graph's input. */
export function boundaryOf(model: RecogniserPackage): string {
  const { frames, sequence } = model.graphs;
  const name = sequence?.inputs[0]?.name;
  if (!frames || name === undefined || !frames.outputs.some((port) => port.name === name)) {
    throw new NeuroreelError('MODEL_INVALID', `${model.manifest.name} lacks the graphs "frames" and "sequence".`);
  }
  return name;
}

/** The frame-wise part: numbers as the network wants them [N, 3, H, W] to its layers by name. */
export function frameLayers(b: GraphBuilder, model: RecogniserPackage, x: Value): Record<string, Value> {
  return inline(b, model.graphs['frames']!, { frames: x });
}

/**
 * The recurrent part over the windows of videos of T frames.
 * @param features [R * T, G]: the boundary layer of R videos, one after the other.
 * @returns scores of each step of each window, [S, R * W, C]; S is 1 for a model that scores windows as a whole.
 * @throws NeuroreelError MODEL_INVALID when the model does not give one score a label for each of the windows.
 */
export function windowScores(
  b: GraphBuilder,
  model: RecogniserPackage,
  features: Value,
  frames: number,
  windows: readonly (readonly number[])[],
): Value {
  return sequenceLogits(b, model, windowFeatures(b, features, frames, windows));
}

/** The boundary layer [R * T, G] of R videos of T frames, window by window: [length, R * W, G]. */
export function windowFeatures(
  b: GraphBuilder,
  features: Value,
  frames: number,
  windows: readonly (readonly number[])[],
): Value {
  const videos = features.shape[0]! / frames;
  const length = windows[0]!.length;
  const rows: number[] = [];
  for (let t = 0; t < length; t++) {
    for (let r = 0; r < videos; r++) for (const window of windows) rows.push(r * frames + window[t]!);
  }
  const count = videos * windows.length;
  return reshape(b, gather(b, features, rows), [length, count, features.shape[1]!]);
}

/** The recurrent part's layers over sequences [length, N, G], by name: scores, and hidden and cell units, [S, N, C]. */
export function sequenceLayers(b: GraphBuilder, model: RecogniserPackage, sequences: Value): Record<string, Value> {
  const layers = inline(b, model.graphs['sequence']!, { [boundaryOf(model)]: sequences });
  checkLogits(model, layers['logits'], sequences.shape[1]!);
  return layers;
}

/**
 * The recurrent part over sequences that are there already.
 * @param sequences [length, N, G]: the boundary layer of the frames of N windows.
 * @returns scores of each step of each window, [S, N, C]; S is 1 for a model that scores windows as a whole.
 * @throws NeuroreelError MODEL_INVALID when the model does not give one score a label for each of the windows.
 */
export function sequenceLogits(b: GraphBuilder, model: RecogniserPackage, sequences: Value): Value {
  return sequenceLayers(b, model, sequences)['logits']!;
}

function checkLogits({ manifest }: RecogniserPackage, logits: Value | undefined, windows: number): void {
  const { name, labels } = manifest;
  if (!logits) throw new NeuroreelError('MODEL_INVALID', `${name}: the sequence has no "logits".`);
  const [, count, classes] = logits.shape;
  if (logits.shape.length !== 3 || count !== windows || classes !== labels.length) {
    throw new NeuroreelError(
      'MODEL_INVALID',
      `${name}: logits of shape [${logits.shape.join(', ')}] are not scores of ${labels.length} labels in ${windows} windows.`,
    );
  }
}

/** Scores one video given as the frame-wise part's boundary layer [T, G]. */
export function scoreVideo(
  b: GraphBuilder,
  model: RecogniserPackage,
  features: Value,
  rule: SequenceRule = model.manifest.sequence,
): VideoScores {
  const frames = features.shape[0]!;
  const windows = windowsOf(rule, frames);
  const steps = windowScores(b, model, features, frames, windows);
  return {
    windows,
    steps,
    logits: mean(b, steps, [0, 1], false),
    probabilities: mean(b, softmax(b, steps), [0, 1], false),
  };
}

/**
 * Activation of a unit at each frame: the mean over the windows that hold it.
 * @param steps the unit's scores [S, W], row-major.
 */
export function perFrame(
  steps: ArrayLike<number>,
  windows: readonly (readonly number[])[],
  frames: number,
): Float32Array {
  const sums = new Float64Array(frames);
  const counts = new Float64Array(frames);
  const whole = steps.length === windows.length;
  windows.forEach((window, w) =>
    window.forEach((frame, s) => {
      sums[frame]! += steps[whole ? w : s * windows.length + w]!;
      counts[frame]! += 1;
    }),
  );
  return Float32Array.from(sums, (sum, t) => (counts[t] === 0 ? NaN : sum / counts[t]!));
}
