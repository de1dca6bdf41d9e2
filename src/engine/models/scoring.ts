/** Scores real videos, given as bytes, the way the model package says. */
import type { Graph } from '../graph/graph.js';
import { GraphBuilder } from '../graph/graph.js';
import type { CompiledGraph, Runtime } from '../runtimes/runtime.js';
import { bytesToRgb, fromRgb } from './pixels.js';
import { boundaryOf, frameLayers, scoreVideo, type RecogniserPackage } from './recogniser.js';

/** RGB bytes `pixels` [T, H, W, 3] in; `logits` and `probabilities` [C] and `steps` [S, W, C] out. */
export function scoringGraph(model: RecogniserPackage, frames: number): Graph {
  const b = new GraphBuilder();
  const scores = scoreVideo(b, model, frameLayers(b, model, seenBytes(b, model, frames))[boundaryOf(model)]!);
  b.output('logits', scores.logits);
  b.output('probabilities', scores.probabilities);
  b.output('steps', scores.steps);
  return b.build();
}

/** Declares the input `pixels`, RGB bytes [T, H, W, 3], and gives it as the recogniser's numbers. */
export function seenBytes(
  b: GraphBuilder,
  { manifest }: RecogniserPackage,
  frames: number,
): ReturnType<typeof fromRgb> {
  const { input } = manifest;
  return fromRgb(b, bytesToRgb(b, b.input('pixels', [frames, input.height, input.width, 3], 'uint8')), input);
}

export interface VideoScore {
  readonly logits: Float32Array;
  readonly probabilities: Float32Array;
}

/** Scores videos of any length; graphs are compiled once for each length. */
export class VideoScorer {
  readonly #model: RecogniserPackage;
  readonly #runtime: Runtime;
  readonly #threads: number | undefined;
  readonly #graphs = new Map<number, CompiledGraph>();

  constructor(model: RecogniserPackage, runtime: Runtime, threads?: number) {
    this.#model = model;
    this.#runtime = runtime;
    this.#threads = threads;
  }

  /** @param pixels RGB bytes [T, H, W, 3] at the model's input size. */
  async score(pixels: Uint8Array): Promise<VideoScore> {
    const { width, height } = this.#model.manifest.input;
    const frames = pixels.length / (3 * width * height);
    let graph = this.#graphs.get(frames);
    if (!graph) {
      graph = await this.#runtime.compile(scoringGraph(this.#model, frames), { threads: this.#threads });
      this.#graphs.set(frames, graph);
    }
    const { logits, probabilities } = await graph.run({ pixels });
    return { logits: logits as Float32Array, probabilities: probabilities as Float32Array };
  }

  async close(): Promise<void> {
    for (const graph of this.#graphs.values()) await graph.close();
    this.#graphs.clear();
  }
}
