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

/** What a clip looks like to the second part: [T, G], or the pixels themselves [T, height, width, 3]. */
export type ClipFeatures = Float32Array | Uint8Array;

/** A recogniser in two parts, so that another order of frames costs only the second. */
export interface ClipScorer {
  readonly classes: number;
  /** Size of the frames that `features` takes. */
  readonly width: number;
  readonly height: number;
  /** False when `features` only passes the pixels on and every order is run in full; default true. */
  readonly frameWise?: boolean;
  /** Frames of the windows that the recogniser looks at, for `shuffle-within-clip`; default 16. */
  readonly clipLength?: number | undefined;
  /** Shorter clips cannot be scored; default 1. */
  readonly minimumFrames?: number;
  /**
   * The part of the recogniser that sees one frame at a time.
   * @param pixels RGB bytes [T, height, width, 3].
   * @returns [T, G].
   */
  features(pixels: Uint8Array): Promise<ClipFeatures>;
  /** Orders that are best given to `scores` together, for a clip of so many frames; default 64. */
  ordersAtOnce?(frames: number): number;
  /**
   * Scores the clip in each of the orders.
   * @param features of the clip in its own order, [T, G].
   * @param orders lists of T frame numbers; a frame may occur more than once.
   */
  scores(features: ClipFeatures, frames: number, orders: readonly FrameOrder[]): Promise<OrderScores>;
}

export const DEFAULT_CLIP_LENGTH = 16;

const DEFAULT_ORDERS_AT_ONCE = 64;

/** The scores of one of many orders. */
export interface ScoredOrder<T> {
  /** What the order was given with. */
  readonly of: T;
  readonly order: FrameOrder;
  /** [classes]; a view that is valid until the next order. */
  readonly logits: Float32Array;
  readonly probabilities: Float32Array;
}

interface ClipIdentity {
  readonly name: string;
  readonly frames: number;
}

/** @throws {NeuroreelError} SCORES_INVALID when there are too few or too many, or not all are finite. */
function checkScores({ probabilities, logits }: OrderScores, count: number, clip: string): void {
  for (const table of [probabilities, logits]) {
    if (table.length !== count) {
      const message = `The recogniser gave ${table.length} scores for clip ${clip}, not ${count}.`;
      throw new NeuroreelError('SCORES_INVALID', message);
    }
    if (!table.every(Number.isFinite)) {
      const message = `The recogniser's scores of clip ${clip} are not all finite numbers.`;
      throw new NeuroreelError('SCORES_INVALID', message);
    }
  }
}

/**
 * Scores a clip in any number of orders, which are drawn as they are needed: memory holds one run of them.
 * @param orders each with what it belongs to.
 * @throws {NeuroreelError} SCORES_INVALID; the signal's reason when aborted.
 */
export async function* scoreOrders<T>(
  scorer: ClipScorer,
  clip: ClipIdentity,
  features: ClipFeatures,
  orders: Iterable<readonly [of: T, order: FrameOrder]>,
  signal?: AbortSignal,
): AsyncGenerator<ScoredOrder<T>> {
  const most = scorer.ordersAtOnce?.(clip.frames) ?? DEFAULT_ORDERS_AT_ONCE;
  for (const batch of batches(orders, most)) {
    signal?.throwIfAborted();
    const scores = await scorer.scores(
      features,
      clip.frames,
      batch.map(([, order]) => order),
    );
    checkScores(scores, batch.length * scorer.classes, clip.name);
    for (const [r, [of, order]] of batch.entries()) {
      const row = (table: Float32Array): Float32Array => table.subarray(r * scorer.classes, (r + 1) * scorer.classes);
      yield { of, order, logits: row(scores.logits), probabilities: row(scores.probabilities) };
    }
  }
}

function* batches<T>(items: Iterable<T>, size: number): Generator<T[]> {
  let batch: T[] = [];
  for (const item of items) {
    batch.push(item);
    if (batch.length < size) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
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
