/**
 * A recogniser's package as the audit uses it: by the fast path where frames are seen one by one, else in full: where the
 * frame-wise part does nothing (3-D convolutions), or sees more than its frame. The latter is not taken on trust: on the
 * first clip the features of the reversed clip must be the reversed features.
 */
import type { Graph } from '../graph/graph.js';
import { macsOfNode } from '../models/cost.js';
import { boundaryOf, type RecogniserPackage } from '../models/recogniser.js';
import type { Runtime } from '../runtimes/runtime.js';
import { FrameWiseScorer } from './frame-wise-scorer.js';
import { FullScorer } from './full-scorer.js';
import { reverse, type FrameOrder } from './permutations.js';
import type { ClipFeatures, ClipScorer, OrderScores } from './scorer.js';

/** Features may differ by so much of the largest of them: a frame's place in a batch changes how sums are rounded. */
const ROUNDING = 1e-4;

export interface RecogniserScorerOptions {
  readonly threads?: number | undefined;
  /** `auto`, the default, takes the fast path where it holds; `full` runs the whole network for every order. */
  readonly path?: 'auto' | 'full' | undefined;
}

type Path = FrameWiseScorer | FullScorer;

export class RecogniserScorer implements ClipScorer {
  readonly classes: number;
  readonly width: number;
  readonly height: number;
  readonly clipLength: number | undefined;
  #path: Path;
  #checked: boolean;
  readonly #full: () => FullScorer;

  constructor(model: RecogniserPackage, runtime: Runtime, { threads, path = 'auto' }: RecogniserScorerOptions = {}) {
    this.#full = () => new FullScorer(model, runtime, threads);
    boundaryOf(model); // A package without the two parts is refused here.
    const full = path === 'full' || computesNothing(model.graphs['frames']!);
    this.#path = full ? this.#full() : new FrameWiseScorer(model, runtime, threads);
    this.#checked = full;
    this.classes = this.#path.classes;
    this.width = this.#path.width;
    this.height = this.#path.height;
    this.clipLength = this.#path.clipLength;
  }

  /** Which path it takes; certain once a clip of two frames or more has been seen. */
  get frameWise(): boolean {
    return this.#path.frameWise;
  }

  async features(pixels: Uint8Array): Promise<ClipFeatures> {
    const features = await this.#path.features(pixels);
    const frames = pixels.length / (3 * this.width * this.height);
    if (this.#checked || frames < 2) return features;
    this.#checked = true;
    const backwards = await this.#path.features(reorderRows(pixels, reverse(frames)));
    if (sameNumbers(reorderRows(features, reverse(frames)), backwards)) return features;
    await this.#path.close();
    this.#path = this.#full();
    return this.#path.features(pixels);
  }

  ordersAtOnce(frames: number): number {
    return this.#path.ordersAtOnce(frames);
  }

  scores(features: ClipFeatures, frames: number, orders: readonly FrameOrder[]): Promise<OrderScores> {
    return this.#path.scores(features, frames, orders);
  }

  close(): Promise<void> {
    return this.#path.close();
  }
}

/** Whether a graph has no products: it only passes on what it gets. */
function computesNothing(graph: Graph): boolean {
  return graph.nodes.every((node) => macsOfNode(graph, node) === 0);
}

function reorderRows<T extends ClipFeatures>(rows: T, order: FrameOrder): T {
  const width = rows.length / order.length;
  const moved = rows.slice() as T;
  order.forEach((frame, t) => moved.set(rows.subarray(frame * width, (frame + 1) * width), t * width));
  return moved;
}

function sameNumbers(a: ClipFeatures, b: ClipFeatures): boolean {
  let [largest, apart] = [0, 0];
  for (let i = 0; i < a.length; i++) {
    largest = Math.max(largest, Math.abs(a[i]!));
    apart = Math.max(apart, Math.abs(a[i]! - b[i]!));
  }
  return apart <= ROUNDING * largest;
}
