/**
 * How a sequence of codes depends on what is optimised: a matrix [frames, controls] that mixes control codes into the
 * codes of frames. One table, one entry a parametrisation.
 */
import { NeuroreelError } from '../../protocol/errors.js';
import type { SynthesisSequence } from '../../protocol/synthesis.js';

export interface SequenceForm {
  /** Number of control codes. */
  readonly controls: number;
  /** [frames, controls], row-major; null: every frame has its own code. */
  readonly matrix: Float32Array | null;
  /** Controls [controls, size] that come nearest to the codes [frames, size] of all frames. */
  controlsOf(codes: Float32Array, size: number): Float32Array;
}

export type SequenceSettings = SynthesisSequence;

/** Catmull-Rom weights of the points at -1, 0, 1, 2 for a place t between 0 and 1. */
const cubicWeights = (t: number): number[] => [
  ((-t + 2) * t - 1) * t * 0.5,
  ((3 * t - 5) * t * t + 2) * 0.5,
  ((-3 * t + 4) * t + 1) * t * 0.5,
  (t - 1) * t * t * 0.5,
];

type Form<F extends SequenceSettings['form']> = (
  settings: Extract<SequenceSettings, { form: F }>,
  frames: number,
) => SequenceForm;

/** Rows of [frames, size] at some frames. */
function rowsAt(codes: Float32Array, size: number, frames: readonly number[]): Float32Array {
  const rows = new Float32Array(frames.length * size);
  frames.forEach((t, k) => rows.set(codes.subarray(t * size, (t + 1) * size), k * size));
  return rows;
}

const free: Form<'free'> = (_, frames) => ({ controls: frames, matrix: null, controlsOf: (codes) => codes.slice() });

/** The last keyframe may lie beyond the last frame. */
const keyframes: Form<'keyframes'> = ({ every, interpolation }, frames) => {
  if (!Number.isInteger(every) || every < 1) {
    throw new NeuroreelError('REQUEST_INVALID', `Keyframes cannot be ${every} frames apart.`);
  }
  if (every === 1 || frames === 1) return free({ form: 'free' }, frames);
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
  const places = Array.from({ length: controls }, (_, k) => Math.min(k * every, frames - 1));
  return { controls, matrix, controlsOf: (codes, size) => rowsAt(codes, size, places) };
};

/** The orthonormal DCT-II: code(t) = sum over k of control(k) w(k) cos(pi (t + 1/2) k / T). */
const dct: Form<'dct'> = ({ coefficients }, frames) => {
  if (!Number.isInteger(coefficients) || coefficients < 1) {
    throw new NeuroreelError('REQUEST_INVALID', `A sequence cannot have ${coefficients} coefficients.`);
  }
  const controls = Math.min(coefficients, frames);
  const matrix = Float32Array.from({ length: frames * controls }, (_, i) => {
    const [t, k] = [Math.floor(i / controls), i % controls];
    return Math.sqrt((k === 0 ? 1 : 2) / frames) * Math.cos((Math.PI * (t + 0.5) * k) / frames);
  });
  const controlsOf = (codes: Float32Array, size: number): Float32Array => {
    const rows = new Float32Array(controls * size);
    for (let t = 0; t < frames; t++) {
      for (let k = 0; k < controls; k++) {
        const w = matrix[t * controls + k]!;
        for (let d = 0; d < size; d++) rows[k * size + d]! += w * codes[t * size + d]!;
      }
    }
    return rows;
  };
  return { controls, matrix, controlsOf };
};

const FORMS: { readonly [F in SequenceSettings['form']]: Form<F> } = { free, keyframes, dct };

/**
 * The form for a number of frames.
 * @throws NeuroreelError REQUEST_INVALID when the distance of keyframes or the number of coefficients is no whole number
 *   above zero.
 */
export function sequenceForm(settings: SequenceSettings, frames: number): SequenceForm {
  return (FORMS[settings.form] as Form<SequenceSettings['form']>)(settings, frames);
}
