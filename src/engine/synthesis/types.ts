/** What a synthesis run takes and what it tells while it goes on. */
import type { RandomState } from '../random.js';

/** One iteration of a run, as reported to whoever drives it. */
export interface SynthesisProgress {
  /** Iterations done, 1-based. */
  readonly iteration: number;
  readonly iterations: number;
  /** The unit's aggregated pre-softmax activation of the sequence before this iteration's update. */
  readonly activation: number;
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
}

/** What a finished run leaves. */
export interface SynthesisResult {
  readonly frames: number;
  readonly width: number;
  readonly height: number;
  /** The final sequence, RGB bytes [frames, height, width, 3]. */
  readonly pixels: Uint8Array;
  /** Aggregated activation of the final sequence, scored as a real video would be (on the quantised pixels). */
  readonly activation: number;
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
  };
  readonly activations: Float32Array;
  readonly smoothness: number;
  /** Why the run ended: all iterations done, a zero gradient, or cancelled. */
  readonly ended: 'completed' | 'zero-gradient' | 'cancelled';
}
