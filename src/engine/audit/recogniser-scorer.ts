/** A recogniser's package as the audit uses it: frames once, then any number of orders through the recurrent part. */
import { GraphBuilder } from '../graph/graph.js';
import { boundaryOf, frameLayers, windowScores, type RecogniserPackage } from '../models/recogniser.js';
import { seenBytes } from '../models/scoring.js';
import { windowsOf } from '../models/windows.js';
import { mean } from '../ops/reduce.js';
import { reshape, transpose } from '../ops/layout.js';
import { softmax } from '../ops/softmax.js';
import type { CompiledGraph, Runtime } from '../runtimes/runtime.js';
import type { FrameOrder } from './permutations.js';
import type { ClipScorer, OrderScores } from './scorer.js';

/** Orders that go through the recurrent part together. */
const ORDERS_A_RUN = 21;
/** Compiled graphs that are kept: one a clip length for frames and one or two for orders; the oldest go first. */
const MOST_GRAPHS = 12;

export class RecogniserScorer implements ClipScorer {
  readonly classes: number;
  readonly width: number;
  readonly height: number;
  readonly clipLength: number | undefined;
  readonly #model: RecogniserPackage;
  readonly #runtime: Runtime;
  readonly #threads: number | undefined;
  readonly #compiled = new Map<string, CompiledGraph>();

  constructor(model: RecogniserPackage, runtime: Runtime, threads?: number) {
    const { input, labels, sequence } = model.manifest;
    this.classes = labels.length;
    this.width = input.width;
    this.height = input.height;
    this.clipLength = sequence.rule === 'windows' ? sequence.length : undefined;
    this.#model = model;
    this.#runtime = runtime;
    this.#threads = threads;
  }

  async #graph(key: string, build: (b: GraphBuilder) => void): Promise<CompiledGraph> {
    let compiled = this.#compiled.get(key);
    if (!compiled) {
      const b = new GraphBuilder();
      build(b);
      compiled = await this.#runtime.compile(b.build(), { threads: this.#threads });
    }
    // Put back at the end: a Map keeps the order of insertion, so that the first is the one longest unused.
    this.#compiled.delete(key);
    this.#compiled.set(key, compiled);
    const [oldest] = this.#compiled;
    if (this.#compiled.size > MOST_GRAPHS && oldest) {
      this.#compiled.delete(oldest[0]);
      await oldest[1].close();
    }
    return compiled;
  }

  async features(pixels: Uint8Array): Promise<Float32Array> {
    const frames = pixels.length / (3 * this.width * this.height);
    const graph = await this.#graph(`features ${frames}`, (b) => {
      b.output('features', frameLayers(b, this.#model, seenBytes(b, this.#model, frames))[boundaryOf(this.#model)]!);
    });
    return (await graph.run({ pixels }))['features'] as Float32Array;
  }

  async scores(features: Float32Array, frames: number, orders: readonly FrameOrder[]): Promise<OrderScores> {
    const probabilities = new Float32Array(orders.length * this.classes);
    const logits = new Float32Array(orders.length * this.classes);
    for (let first = 0; first < orders.length; first += ORDERS_A_RUN) {
      const some = orders.slice(first, first + ORDERS_A_RUN);
      const scores = await this.#scoreTogether(features, frames, some);
      probabilities.set(scores.probabilities, first * this.classes);
      logits.set(scores.logits, first * this.classes);
    }
    return { probabilities, logits };
  }

  /** The graph is that of a full run; a shorter last one repeats its first order, whose scores are dropped. */
  async #scoreTogether(features: Float32Array, frames: number, orders: readonly FrameOrder[]): Promise<OrderScores> {
    const width = features.length / frames;
    const count = orders.length === 1 ? 1 : ORDERS_A_RUN;
    const rows = new Float32Array(count * features.length);
    for (let r = 0; r < count; r++) {
      const order = orders[r] ?? orders[0]!;
      for (let t = 0; t < frames; t++) {
        rows.set(features.subarray(order[t]! * width, (order[t]! + 1) * width), (r * frames + t) * width);
      }
    }
    const graph = await this.#graph(`scores ${frames} x ${count} x ${width}`, (b) => {
      const windows = windowsOf(this.#model.manifest.sequence, frames);
      const input = b.input('features', [count * frames, width]);
      const steps = windowScores(b, this.#model, input, frames, windows);
      const average = (x: typeof steps): typeof steps => {
        const split = reshape(b, x, [0, count, windows.length, this.classes]);
        return mean(b, transpose(b, split, [1, 0, 2, 3]), [1, 2], false);
      };
      b.output('logits', average(steps));
      b.output('probabilities', average(softmax(b, steps)));
    });
    const results = await graph.run({ features: rows });
    const used = orders.length * this.classes;
    return {
      probabilities: (results['probabilities'] as Float32Array).slice(0, used),
      logits: (results['logits'] as Float32Array).slice(0, used),
    };
  }

  async close(): Promise<void> {
    for (const graph of this.#compiled.values()) await graph.close();
    this.#compiled.clear();
  }
}
