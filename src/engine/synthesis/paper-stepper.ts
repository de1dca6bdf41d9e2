/** Drives the step graph of DGN-AM: step sizes, the end at a zero gradient, the skip of an update that is no number. */
import { Random } from '../random.js';
import type { Graph } from '../graph/graph.js';
import type { CompiledGraph, Tensors } from '../runtimes/runtime.js';
import { paperStepGraph } from './paper-step.js';
import type { PaperSettings } from './presets.js';
import type { Task } from './scene.js';
import type { Stepper } from './synthesise.js';

export interface Start {
  readonly seed: number;
  /** State to go on from. */
  readonly arrays?: Readonly<Record<string, Float32Array>> | undefined;
}
export type Compile = (graph: Graph) => Promise<CompiledGraph>;

export class PaperStepper implements Stepper {
  readonly iterations: number;
  readonly #settings: PaperSettings;
  readonly #graph: CompiledGraph;
  #code: Float32Array;
  /** The pictures of the last iteration: the run returns these, not those of the last update. */
  #pixels: Uint8Array | null = null;

  private constructor(settings: PaperSettings, graph: CompiledGraph, code: Float32Array) {
    this.#settings = settings;
    this.iterations = settings.iterations;
    this.#graph = graph;
    this.#code = code;
  }

  static async open(task: Task, settings: PaperSettings, compile: Compile, start: Start): Promise<PaperStepper> {
    const { frames, prior } = task;
    const random = new Random(`${start.seed}:code`);
    const code = start.arrays?.['code']?.slice() ?? random.normals(frames * prior.size);
    return new PaperStepper(settings, await compile(paperStepGraph(task, settings)), code);
  }

  arrays(): Readonly<Record<string, Float32Array>> {
    return { code: this.#code };
  }

  async #run(step: number): Promise<Tensors> {
    return this.#graph.run({ code: this.#code, step: Float32Array.of(step) });
  }

  async step(iteration: number): Promise<{ outputs: Tensors; ended: boolean }> {
    const { start, end } = this.#settings;
    const outputs = await this.#run(start + ((end - start) * iteration) / this.iterations);
    this.#pixels = outputs['pixels'] as Uint8Array;
    const sizes = [outputs['pictureGradient']![0]!, outputs['codeGradient']![0]!];
    if (sizes[0] === 0 || sizes[1] === 0) return { outputs, ended: true };
    if (sizes.every(Number.isFinite)) this.#code = outputs['code'] as Float32Array;
    return { outputs, ended: false };
  }

  async render(): Promise<Uint8Array> {
    return this.#pixels ?? ((await this.#run(0))['pixels'] as Uint8Array);
  }

  async close(): Promise<void> {
    await this.#graph.close();
  }
}
