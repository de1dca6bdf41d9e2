/** What a synthesis run takes and what it tells while it goes on. */
import type { SynthesisSteering } from '../../protocol/synthesis.js';
import type { PictureBox } from '../analysis/receptive-field.js';
import type { RandomState } from '../random.js';

/** A change of a run while it went on. */
export interface SteeringEvent extends SynthesisSteering {
  /** Iterations that were done when it was made. */
  readonly iteration: number;
}

/** One iteration of a run, as reported to whoever drives it. */
export interface SynthesisProgress {
  /** Iterations done, 1-based. */
  readonly iteration: number;
  readonly iterations: number;
  /** The unit's aggregated pre-softmax activation of the sequence before this iteration's update. */
  readonly activation: number;
  /** Of an objective with several units: the activation of each, the first one's first. */
  readonly unitActivations?: readonly number[];
  /** Activation of the unit at each frame (mean over the windows that hold it), or for each picture; length = frames. */
  readonly frameActivations: Float32Array;
  /** Mean over neighbouring frames of the root mean square difference of pixels in [0, 1]; 0 for pictures. */
  readonly smoothness: number;
  /** Wall-clock seconds of this iteration. */
  readonly seconds: number;
  /** The sequence as RGB bytes [frames, height, width, 3], where asked for; a fresh array each time. */
  readonly pixels?: Uint8Array;
}

/** Everything needed to go on with a run after an interruption, bit for bit. */
export interface SynthesisCheckpoint {
  readonly iteration: number;
  readonly arrays: Readonly<Record<string, Float32Array>>;
  readonly random: RandomState;
  /** Changes of the run so far; absent when there were none. */
  readonly steering?: readonly SteeringEvent[];
}

/** What a finished run leaves. */
export interface SynthesisResult {
  readonly frames: number;
  readonly width: number;
  readonly height: number;
  /** The final sequence, RGB bytes [frames, height, width, 3]. */
  readonly pixels: Uint8Array;
  /** Codes of the final sequence, [frames, D]. */
  readonly codes: Float32Array;
  /** Of a hidden unit with rows and columns around it: the part of a picture that it sees; else null. */
  readonly crop: PictureBox | null;
  /** Aggregated activation of the final sequence, scored as a real video would be (on the quantised pixels). */
  readonly activation: number;
  /** Of an objective with several units: the activation of each, the first one's first. */
  readonly unitActivations?: readonly number[];
  /** Class probabilities of the final sequence, scored as a real video would be. */
  readonly probabilities: Float32Array;
  /**
   * Of a classifier: what each picture gets by itself, scored as any picture would be; `activation` and `probabilities` are
   * their means.
   */
  readonly pictures?: {
    /** Activations of the unit, [pictures]. */
    readonly activations: Float32Array;
    /** [pictures, labels], row-major. */
    readonly probabilities: Float32Array;
    /** Of an objective with several units: activations of each unit, [units][pictures], the first one's first. */
    readonly units: readonly Float32Array[];
  };
  readonly activations: Float32Array;
  readonly smoothness: number;
  /** Why the run ended: all iterations done, a zero gradient, or cancelled. */
  readonly ended: 'completed' | 'zero-gradient' | 'cancelled';
}
