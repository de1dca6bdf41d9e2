/** Drives the step graph of DGN-AM: step sizes, the end at a zero gradient, the skip of an update that is no number. */
import { Random } from '../random.js';
import { NeuroreelError } from '../../protocol/errors.js';
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

/**
 * Copies of a checkpoint's arrays of these lengths.
 * @throws NeuroreelError REQUEST_INVALID when one is missing or has another length.
 */
export function storedArrays<K extends string>(
  arrays: Readonly<Record<string, Float32Array>>,
  lengths: Readonly<Record<K, number>>,
): Record<K, Float32Array> {
  const copies = Object.entries<number>(lengths).map(([name, length]): [string, Float32Array] => {
    const array = arrays[name];
    if (array?.length !== length) {
      throw new NeuroreelError(
        'REQUEST_INVALID',
        `The checkpoint is of another run: it holds ${array?.length ?? 'no'} numbers of "${name}", not ${length}.`,
      );
    }
    return [name, array.slice()];
  });
  return Object.fromEntries(copies) as Record<K, Float32Array>;
}

export type Compile = (graph: Graph) => Promise<CompiledGraph>;

type Part = 'moves' | 'skipped' | 'ended';

/** What the gradients say of the update: of all codes together, or of each by itself. */
function partsOf(outputs: Tensors): Part[] {
  const [pictures, codes] = [outputs['pictureGradient']!, outputs['codeGradient']!];
  return Array.from(pictures, (picture, i): Part => {
    const sizes = [picture, codes[i]!];
    if (sizes.includes(0)) return 'ended';
    return sizes.every(Number.isFinite) ? 'moves' : 'skipped';
  });
}

/** The codes after an update; those of parts that do not move stay as they were. */
function updated(before: Float32Array, after: Float32Array, parts: readonly Part[]): Float32Array {
  if (parts.every((part) => part === 'moves')) return after;
  const codes = before.slice();
  const size = codes.length / parts.length;
  parts.forEach((part, i) => {
    if (part === 'moves') codes.set(after.subarray(i * size, (i + 1) * size), i * size);
  });
  return codes;
}

export class PaperStepper implements Stepper {
  readonly iterations: number;
  readonly #settings: PaperSettings;
  readonly #graph: CompiledGraph;
  #code: Float32Array;
  /** The code of the last iteration: the run returns its pictures, not those of the last update. */
  #shown: Float32Array;

  private constructor(settings: PaperSettings, graph: CompiledGraph, code: Float32Array, shown: Float32Array) {
    this.#settings = settings;
    this.iterations = settings.iterations;
    this.#graph = graph;
    this.#code = code;
    this.#shown = shown;
  }

  static async open(task: Task, settings: PaperSettings, compile: Compile, start: Start): Promise<PaperStepper> {
    const { frames, prior } = task;
    const size = frames * prior.size;
    const stored = start.arrays && storedArrays(start.arrays, { code: size, shown: size });
    const code = stored?.code ?? new Random(`${start.seed}:code`).normals(size);
    return new PaperStepper(settings, await compile(paperStepGraph(task, settings)), code, stored?.shown ?? code);
  }

  arrays(): Readonly<Record<string, Float32Array>> {
    return { code: this.#code, shown: this.#shown };
  }

  async #run(code: Float32Array, step: number): Promise<Tensors> {
    return this.#graph.run({ code, step: Float32Array.of(step) });
  }

  async step(iteration: number): Promise<{ outputs: Tensors; ended: boolean }> {
    const { start, end } = this.#settings;
    const outputs = await this.#run(this.#code, start + ((end - start) * iteration) / this.iterations);
    this.#shown = this.#code;
    const parts = partsOf(outputs);
    if (parts.every((part) => part === 'ended')) return { outputs, ended: true };
    this.#code = updated(this.#code, outputs['code'] as Float32Array, parts);
    return { outputs, ended: false };
  }

  async render(): Promise<Uint8Array> {
    return (await this.#run(this.#shown, 0))['pixels'] as Uint8Array;
  }

  async close(): Promise<void> {
    await this.#graph.close();
  }
}
