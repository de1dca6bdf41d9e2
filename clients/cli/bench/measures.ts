/** What `neuroreel bench` measures. To add a measure, add an entry to the table. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { normalInputs, PRODUCT_SIDE, productGraph, randomFrames } from '../../../src/engine/bench/works.js';
import { RecogniserScorer } from '../../../src/engine/audit/recogniser-scorer.js';
import { macsOf } from '../../../src/engine/models/cost.js';
import type { ModelRegistry } from '../../../src/engine/models/registry.js';
import { VideoScorer } from '../../../src/engine/models/scoring.js';
import { Random } from '../../../src/engine/random.js';
import type { Runtime } from '../../../src/engine/runtimes/runtime.js';
import { openSynthesis } from '../../../src/engine/synthesis/synthesise.js';
import { encodeVideo, type FrameSequence } from '../../../src/video/index.js';

/** What a measure works with. */
export interface Bench {
  readonly registry: ModelRegistry;
  readonly runtime: Runtime;
  readonly threads: number | undefined;
  readonly signal: AbortSignal;
}

/** A work that is ready to be timed. */
export interface OpenWork {
  /** Does it once. */
  run(): Promise<unknown>;
  /** What one run does, of which there are so many a second: frames, GFLOP. */
  readonly amount: number;
  close(): Promise<void>;
}

export interface Measure {
  /** As `--only` has it. */
  readonly name: string;
  /** What is timed, a few words. */
  readonly what: string;
  /** Of its numbers. `s` is for seconds a run, the others are amounts a second. */
  readonly unit: 's' | 'GFLOP/s' | 'frames/s' | 'orders/s';
  open(bench: Bench): Promise<OpenWork>;
}

const CLASSIFIER = 'tiny-objects';
const RECOGNISER = 'figures-lrcn';

/** Frames of a video as long as the default one. */
const FRAMES = 160;
const FEW_FRAMES = 16;

/** Orders of a clip that an audit takes unless it is told otherwise. */
const ORDERS = 20;

export const MEASURES: readonly Measure[] = [
  {
    name: 'product',
    what: `product of matrices, ${PRODUCT_SIDE} x ${PRODUCT_SIDE}`,
    unit: 'GFLOP/s',
    async open({ runtime, threads }) {
      const graph = productGraph();
      const compiled = await runtime.compile(graph, threads === undefined ? {} : { threads });
      const inputs = normalInputs(graph);
      return {
        run: () => compiled.run(inputs),
        amount: (2 * macsOf(graph)) / 1e9,
        close: () => compiled.close(),
      };
    },
  },
  { name: 'image-step', what: `step of a preferred image, ${CLASSIFIER}`, unit: 's', open: step(CLASSIFIER, 1) },
  {
    name: 'short-video-step',
    what: `step of a preferred video of ${FEW_FRAMES} frames, ${RECOGNISER}`,
    unit: 's',
    open: step(RECOGNISER, FEW_FRAMES),
  },
  {
    name: 'video-step',
    what: `step of a preferred video of ${FRAMES} frames, ${RECOGNISER}`,
    unit: 's',
    open: step(RECOGNISER, FRAMES),
  },
  {
    name: 'forward',
    what: `forward pass over ${FRAMES} frames, ${RECOGNISER}`,
    unit: 'frames/s',
    async open({ registry, runtime, threads }) {
      const model = registry.loadRecogniser(RECOGNISER);
      const { width, height } = model.manifest.input;
      const scorer = new VideoScorer(model, runtime, threads);
      const pixels = randomFrames(FRAMES, width, height);
      return { run: () => scorer.score(pixels), amount: FRAMES, close: () => scorer.close() };
    },
  },
  {
    name: 'audit',
    what: `audit of a clip of ${FRAMES} frames in ${ORDERS} orders, ${RECOGNISER}`,
    unit: 'orders/s',
    async open({ registry, runtime, threads }) {
      const scorer = new RecogniserScorer(registry.loadRecogniser(RECOGNISER), runtime, { threads });
      const random = new Random(1);
      const pixels = randomFrames(FRAMES, scorer.width, scorer.height);
      const orders = Array.from({ length: ORDERS }, () => random.permutation(FRAMES));
      const run = async (): Promise<void> => {
        const features = await scorer.features(pixels);
        const most = scorer.ordersAtOnce(FRAMES);
        for (let r = 0; r < ORDERS; r += most) await scorer.scores(features, FRAMES, orders.slice(r, r + most));
      };
      return { run, amount: ORDERS, close: () => scorer.close() };
    },
  },
  {
    name: 'encoding',
    what: `encoding of ${FRAMES} frames as an MP4`,
    unit: 'frames/s',
    async open({ signal }) {
      const sequence = movingSquares(64, FRAMES);
      const folder = await mkdtemp(join(tmpdir(), 'neuroreel-bench-'));
      const { width, height } = sequence;
      return {
        run: () => encodeVideo(sequence, { path: join(folder, 'video.mp4'), width, height, fps: 25, signal }),
        amount: FRAMES,
        close: () => rm(folder, { recursive: true, force: true }),
      };
    },
  },
];

/** Real steps of a synthesis, one after the other, with the default preset. */
function step(model: string, frames: number): Measure['open'] {
  return async ({ registry, runtime, threads }) => {
    const synthesis = await openSynthesis({
      ...{ registry, runtime, threads, model, frames, preset: 'default', seed: 1 },
      // There is always another one.
      iterations: 100_000,
    });
    return { run: () => synthesis.step({ pixels: false }), amount: 1, close: () => synthesis.close() };
  };
}

/** Squares that move over shades: pictures with edges, areas and motion, as an encoder is used to. */
function movingSquares(side: number, count: number): FrameSequence {
  const frames = new Uint8Array(count * side * side * 3);
  let at = 0;
  for (let t = 0; t < count; t++) {
    for (let y = 0; y < side; y++) {
      for (let x = 0; x < side; x++) {
        const inside = (x + t) % 32 < 12 && (y + (t >> 1)) % 24 < 10;
        frames[at++] = inside ? 220 : 2 * x;
        frames[at++] = inside ? 90 : 2 * y;
        frames[at++] = inside ? t : 128;
      }
    }
  }
  return { frames, count, width: side, height: side };
}
