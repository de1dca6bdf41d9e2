/**
 * What the audit needs of a recogniser, and the two ways in which it asks: the same pixels in many orders, and slightly
 * other crops in the same order.
 */
import { NeuroreelError } from '../../protocol/errors.js';
import type { FrameOrder } from './permutations.js';

/** Scores of a clip in several orders, as the recogniser scores whole videos; both [orders, classes], row-major. */
export interface OrderScores {
  /** Each row sums to 1; its largest is the answer. */
  readonly probabilities: Float32Array;
  /** Pre-softmax scores. */
  readonly logits: Float32Array;
}

/** A recogniser in two parts, so that another order of frames costs only the second. */
export interface ClipScorer {
  readonly classes: number;
  /** Size of the frames that `features` takes. */
  readonly width: number;
  readonly height: number;
  /** False when `features` only passes the pixels on and every order is run in full; default true. */
  readonly frameWise?: boolean;
  /** Frames of the windows that the recogniser looks at, for `shuffle-within-clip`; default 16. */
  readonly clipLength?: number;
  /** Shorter clips cannot be scored; default 1. */
  readonly minimumFrames?: number;
  /**
   * The part of the recogniser that sees one frame at a time.
   * @param pixels RGB bytes [T, height, width, 3].
   * @returns [T, G].
   */
  features(pixels: Uint8Array): Promise<Float32Array>;
  /**
   * Scores the clip in each of the orders.
   * @param features of the clip in its own order, [T, G].
   * @param orders lists of T frame numbers; a frame may occur more than once.
   */
  scores(features: Float32Array, frames: number, orders: readonly FrameOrder[]): Promise<OrderScores>;
}

export const DEFAULT_CLIP_LENGTH = 16;

/** Orders given to a scorer at once, so that memory does not grow with their number and cancelling is quick. */
const ORDERS_AT_ONCE = 256;

/** The rows of a table of scores. */
export class ScoreRows {
  readonly #classes: number;
  readonly #parts: OrderScores[] = [];
  #rows = 0;

  constructor(classes: number) {
    this.#classes = classes;
  }

  get length(): number {
    return this.#rows;
  }

  /** @throws {NeuroreelError} SCORES_INVALID */
  add(scores: OrderScores, rows: number, clip: string): void {
    for (const table of [scores.probabilities, scores.logits]) {
      if (table.length !== rows * this.#classes) {
        throw new NeuroreelError(
          'SCORES_INVALID',
          `The recogniser gave ${table.length} scores for clip ${clip}, not ${rows} x ${this.#classes}.`,
        );
      }
      if (!table.every(Number.isFinite)) {
        throw new NeuroreelError(
          'SCORES_INVALID',
          `The recogniser's scores of clip ${clip} are not all finite numbers.`,
        );
      }
    }
    this.#parts.push(scores);
    this.#rows += rows;
  }

  probabilities(row: number): Float32Array {
    return this.#row(row, 'probabilities');
  }

  logits(row: number): Float32Array {
    return this.#row(row, 'logits');
  }

  #row(row: number, of: keyof OrderScores): Float32Array {
    const part = this.#parts[Math.floor(row / ORDERS_AT_ONCE)]!;
    const start = (row % ORDERS_AT_ONCE) * this.#classes;
    return part[of].subarray(start, start + this.#classes);
  }
}

/**
 * Scores a clip in all orders.
 * @throws {NeuroreelError} SCORES_INVALID; the signal's reason when aborted.
 */
export async function scoreOrders(
  scorer: ClipScorer,
  clip: { readonly name: string; readonly frames: number },
  features: Float32Array,
  orders: readonly FrameOrder[],
  signal?: AbortSignal,
): Promise<ScoreRows> {
  const rows = new ScoreRows(scorer.classes);
  for (let start = 0; start < orders.length; start += ORDERS_AT_ONCE) {
    signal?.throwIfAborted();
    const some = orders.slice(start, start + ORDERS_AT_ONCE);
    rows.add(await scorer.scores(features, clip.frames, some), some.length, clip.name);
  }
  return rows;
}

/**
 * All frames moved by (dx, dy) pixels, edges repeated: what a slightly different crop of the video would show.
 * @param pixels RGB bytes [T, height, width, 3].
 * @param dx less than the width in magnitude; positive to the right.
 * @param dy less than the height in magnitude; positive downwards.
 */
export function shiftFrames(
  pixels: Uint8Array,
  size: { readonly width: number; readonly height: number },
  dx: number,
  dy: number,
): Uint8Array {
  const { width, height } = size;
  const stride = width * 3;
  const shifted = new Uint8Array(pixels.length);
  const clamp = (x: number, end: number): number => Math.min(end - 1, Math.max(0, x));
  const left = clamp(dx, width); // columns before it repeat the first one
  const right = clamp(width - 1 + dx, width); // and those behind it the last
  for (let row = 0; row < pixels.length / stride; row++) {
    const y = row % height;
    const source = pixels.subarray((row - y + clamp(y - dy, height)) * stride).subarray(0, stride);
    const target = shifted.subarray(row * stride, (row + 1) * stride);
    target.set(source.subarray((left - dx) * 3, (right - dx + 1) * 3), left * 3);
    for (let x = 0; x < left; x++) target.copyWithin(x * 3, left * 3, left * 3 + 3);
    for (let x = right + 1; x < width; x++) target.copyWithin(x * 3, right * 3, right * 3 + 3);
  }
  return shifted;
}
