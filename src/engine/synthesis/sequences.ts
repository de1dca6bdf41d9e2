/**
 * How a sequence of codes depends on what is optimised: a matrix [frames, controls] that mixes control codes into the
 * codes of frames. One table, one entry a parametrisation.
 */
import { NeuroreelError } from '../../protocol/errors.js';

export interface SequenceForm {
  /** Number of control codes. */
  readonly controls: number;
  /** [frames, controls], row-major; null: every frame has its own code. */
  readonly matrix: Float32Array | null;
}

export type SequenceSettings =
  | { readonly form: 'free' }
  | { readonly form: 'keyframes'; readonly every: number; readonly interpolation: 'linear' | 'cubic' };

/** Catmull-Rom weights of the points at -1, 0, 1, 2 for a place t between 0 and 1. */
const cubicWeights = (t: number): number[] => [
  ((-t + 2) * t - 1) * t * 0.5,
  ((3 * t - 5) * t * t + 2) * 0.5,
  ((-3 * t + 4) * t + 1) * t * 0.5,
  (t - 1) * t * t * 0.5,
];

/**
 * The matrix for a number of frames; the last keyframe may lie beyond the last frame.
 * @throws NeuroreelError REQUEST_INVALID when the distance of keyframes is not a whole number above zero.
 */
export function sequenceForm(settings: SequenceSettings, frames: number): SequenceForm {
  if (settings.form === 'free' || settings.every === 1 || frames === 1) return { controls: frames, matrix: null };
  const { every, interpolation } = settings;
  if (!Number.isInteger(every) || every < 1) {
    throw new NeuroreelError('REQUEST_INVALID', `Keyframes cannot be ${every} frames apart.`);
  }
  const controls = Math.ceil((frames - 1) / every) + 1;
  const matrix = new Float32Array(frames * controls);
  for (let t = 0; t < frames; t++) {
    const left = Math.min(Math.floor(t / every), controls - 2);
    const place = t / every - left;
    const weights = interpolation === 'linear' ? [0, 1 - place, place, 0] : cubicWeights(place);
    weights.forEach((weight, k) => {
      const control = Math.min(Math.max(left - 1 + k, 0), controls - 1);
      matrix[t * controls + control]! += weight;
    });
  }
  return { controls, matrix };
}
