/** The slow path: every order of frames goes through the whole network. For networks that see several frames at once. */
import { VideoScorer } from '../models/scoring.js';
import type { RecogniserPackage } from '../models/recogniser.js';
import type { Runtime } from '../runtimes/runtime.js';
import type { FrameOrder } from './permutations.js';
import type { ClipFeatures, ClipScorer, OrderScores } from './scorer.js';

/** Orders between two looks at whether to stop. */
const ORDERS_AT_ONCE = 4;

export class FullScorer implements ClipScorer {
  readonly frameWise = false;
  readonly classes: number;
  readonly width: number;
  readonly height: number;
  readonly clipLength: number | undefined;
  readonly #videos: VideoScorer;

  constructor(model: RecogniserPackage, runtime: Runtime, threads?: number) {
    const { input, labels, sequence } = model.manifest;
    this.classes = labels.length;
    this.width = input.width;
    this.height = input.height;
    this.clipLength = sequence.rule === 'windows' ? sequence.length : undefined;
    this.#videos = new VideoScorer(model, runtime, threads);
  }

  /** The pixels themselves. */
  features(pixels: Uint8Array): Promise<ClipFeatures> {
    return Promise.resolve(pixels);
  }

  ordersAtOnce(): number {
    return ORDERS_AT_ONCE;
  }

  async scores(pixels: ClipFeatures, frames: number, orders: readonly FrameOrder[]): Promise<OrderScores> {
    const bytes = pixels.length / frames;
    const shown = new Uint8Array(pixels.length);
    const probabilities = new Float32Array(orders.length * this.classes);
    const logits = new Float32Array(orders.length * this.classes);
    for (const [r, order] of orders.entries()) {
      order.forEach((frame, t) => shown.set(pixels.subarray(frame * bytes, (frame + 1) * bytes), t * bytes));
      const scores = await this.#videos.score(shown);
      probabilities.set(scores.probabilities, r * this.classes);
      logits.set(scores.logits, r * this.classes);
    }
    return { probabilities, logits };
  }

  close(): Promise<void> {
    return this.#videos.close();
  }
}
