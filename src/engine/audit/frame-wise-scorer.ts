/**
 * The fast path: a convnet sees one frame at a time, so its features (and the projection into the recurrent part) are
 * computed once a clip, and another order of frames costs the recurrent part only, many orders together.
 */
import { boundaryOf, frameLayers, sequenceLogits, type RecogniserPackage } from '../models/recogniser.js';
import { seenBytes } from '../models/scoring.js';
import { windowsOf } from '../models/windows.js';
import { reshape, takeRows } from '../ops/layout.js';
import { mean } from '../ops/reduce.js';
import { softmax } from '../ops/softmax.js';
import type { CompiledGraph, Runtime } from '../runtimes/runtime.js';
import { GraphCache } from './graph-cache.js';
import type { FrameOrder } from './permutations.js';
import type { ClipFeatures, ClipScorer, OrderScores } from './scorer.js';

/** Frames that go through the convnet together: enough to keep it busy, few enough for any memory. */
const FRAMES_A_RUN = 16;
/** Windows that go through the recurrent part together, when there are many and when there are few. */
const SEQUENCES_A_RUN = [128, 16] as const;
/** Rows of features that a run takes at most: long sequences go in smaller numbers. */
const ROWS_A_RUN = 16_384;
/** Clips' features are padded to a multiple of so many frames, so that one graph serves clips of several lengths. */
const CAPACITY_STEP = 64;

/** Windows of one length, for a clip. */
interface Windows {
  readonly length: number;
  readonly all: readonly (readonly number[])[];
}

export class FrameWiseScorer implements ClipScorer {
  readonly frameWise = true;
  readonly classes: number;
  readonly width: number;
  readonly height: number;
  readonly clipLength: number | undefined;
  readonly #model: RecogniserPackage;
  readonly #graphs: GraphCache;

  constructor(model: RecogniserPackage, runtime: Runtime, threads?: number) {
    const { input, labels, sequence } = model.manifest;
    this.classes = labels.length;
    this.width = input.width;
    this.height = input.height;
    this.clipLength = sequence.rule === 'windows' ? sequence.length : undefined;
    this.#model = model;
    this.#graphs = new GraphCache(runtime, threads);
  }

  /** [T, G], row-major: the boundary layer of each frame. */
  async features(pixels: Uint8Array): Promise<Float32Array> {
    const bytes = 3 * this.width * this.height;
    const frames = pixels.length / bytes;
    const graph = await this.#graphs.get('features', (b) => {
      const layers = frameLayers(b, this.#model, seenBytes(b, this.#model, FRAMES_A_RUN));
      b.output('features', layers[boundaryOf(this.#model)]!);
    });
    const chunk = new Uint8Array(FRAMES_A_RUN * bytes);
    let features = new Float32Array(0);
    for (let first = 0; first < frames; first += FRAMES_A_RUN) {
      const part = pixels.subarray(first * bytes, (first + FRAMES_A_RUN) * bytes);
      chunk.set(part);
      const rows = (await graph.run({ pixels: chunk }))['features'] as Float32Array;
      const width = rows.length / FRAMES_A_RUN;
      if (first === 0) features = new Float32Array(frames * width);
      features.set(rows.subarray(0, (part.length / bytes) * width), first * width);
    }
    return features;
  }

  ordersAtOnce(frames: number): number {
    const windows = this.#windows(frames);
    return Math.max(1, Math.floor((4 * sequencesARun(windows.length, 0)) / windows.all.length));
  }

  async scores(features: ClipFeatures, frames: number, orders: readonly FrameOrder[]): Promise<OrderScores> {
    const windows = this.#windows(frames);
    const padded = paddedRows(features as Float32Array, frames);
    const total = orders.length * windows.all.length;
    const sums = { logits: this.#table(orders), probabilities: this.#table(orders) };
    for (let first = 0; first < total;) {
      const few = sequencesARun(windows.length, 1);
      const count = total - first <= few ? few : sequencesARun(windows.length, 0);
      const results = await (
        await this.#graph(windows.length, count, padded)
      ).run({
        features: padded.rows,
        taken: takenRows(orders, windows, first, count),
      });
      for (const name of ['logits', 'probabilities'] as const) {
        addRows(sums[name], results[name] as Float32Array, windows.all.length, this.classes, first, total);
      }
      first += count;
    }
    return {
      logits: Float32Array.from(sums.logits, (sum) => sum / windows.all.length),
      probabilities: Float32Array.from(sums.probabilities, (sum) => sum / windows.all.length),
    };
  }

  #table(orders: readonly FrameOrder[]): Float64Array {
    return new Float64Array(orders.length * this.classes);
  }

  #windows(frames: number): Windows {
    const all = windowsOf(this.#model.manifest.sequence, frames);
    return { all, length: all[0]!.length };
  }

  /** Means over the steps of `count` windows whose frames are picked from the features by their rows. */
  #graph(length: number, count: number, { capacity, width }: Padded): Promise<CompiledGraph> {
    return this.#graphs.get(`scores ${capacity} ${length} ${count} ${width}`, (b) => {
      const features = b.input('features', [capacity, width]);
      const rows = takeRows(b, features, b.input('taken', [length * count]));
      const logits = sequenceLogits(b, this.#model, reshape(b, rows, [length, count, width]));
      b.output('logits', mean(b, logits, [0], false));
      b.output('probabilities', mean(b, softmax(b, logits), [0], false));
    });
  }

  close(): Promise<void> {
    return this.#graphs.close();
  }
}

function sequencesARun(length: number, few: 0 | 1): number {
  return Math.max(1, Math.min(SEQUENCES_A_RUN[few], Math.floor(ROWS_A_RUN / length)));
}

interface Padded {
  readonly rows: Float32Array;
  readonly width: number;
  readonly capacity: number;
}

function paddedRows(features: Float32Array, frames: number): Padded {
  const width = features.length / frames;
  const capacity = Math.ceil(frames / CAPACITY_STEP) * CAPACITY_STEP;
  if (capacity === frames) return { rows: features, width, capacity };
  const rows = new Float32Array(capacity * width);
  rows.set(features);
  return { rows, width, capacity };
}

/**
 * Which frame is shown at each step of `count` windows, [length, count]. The windows of all orders, one order after the
 * other, are numbered; these are the ones from `first` on. Behind the last order frame 0 fills the run.
 */
function takenRows(
  orders: readonly FrameOrder[],
  { all, length }: Windows,
  first: number,
  count: number,
): Float32Array {
  const rows = new Float32Array(length * count);
  for (let n = 0; n < count; n++) {
    const order = orders[Math.floor((first + n) / all.length)];
    if (!order) break;
    const window = all[(first + n) % all.length]!;
    for (let step = 0; step < length; step++) rows[step * count + n] = order[window[step]!]!;
  }
  return rows;
}

/** Adds the rows of a run to the orders that their windows belong to. */
function addRows(
  sums: Float64Array,
  rows: Float32Array,
  windows: number,
  classes: number,
  first: number,
  total: number,
): void {
  const count = Math.min(rows.length / classes, total - first);
  for (let n = 0; n < count; n++) {
    const order = Math.floor((first + n) / windows) * classes;
    for (let c = 0; c < classes; c++) sums[order + c]! += rows[n * classes + c]!;
  }
}
