/** Drives the Adam step graph: rate, noise and jitter of each iteration, and the moments. */
import { Random } from '../random.js';
import type { CompiledGraph, Tensors } from '../runtimes/runtime.js';
import { ADAM } from '../training/trainer.js';
import { adamStepGraph, renderGraph, shiftKernel } from './adam-step.js';
import { storedArrays, type Compile, type Start } from './paper-stepper.js';
import type { AdamSettings } from './presets.js';
import type { Task } from './scene.js';
import { sequenceForm } from './sequences.js';
import type { Stepper } from './synthesise.js';

/** Share of the iterations after which noise and rate fade. */
const FADE_FROM = 2 / 3;

type State = Record<'controls' | 'm' | 'v', Float32Array>;

export class AdamStepper implements Stepper {
  readonly iterations: number;
  readonly #task: Task;
  readonly #settings: AdamSettings;
  readonly #graph: CompiledGraph;
  readonly #compile: Compile;
  #state: State;

  private constructor(task: Task, settings: AdamSettings, graph: CompiledGraph, compile: Compile, state: State) {
    this.#task = task;
    this.#settings = settings;
    this.iterations = settings.iterations;
    this.#graph = graph;
    this.#compile = compile;
    this.#state = state;
  }

  static async open(task: Task, settings: AdamSettings, compile: Compile, start: Start): Promise<AdamStepper> {
    const size = sequenceForm(settings.sequence, task.frames).controls * task.prior.size;
    const state = start.arrays
      ? storedArrays(start.arrays, { controls: size, m: size, v: size })
      : startingState(task, settings, start.seed);
    const graph = await compile(adamStepGraph(task, settings));
    return new AdamStepper(task, settings, graph, compile, state);
  }

  arrays(): Readonly<Record<string, Float32Array>> {
    return this.#state;
  }

  async step(iteration: number, random: Random): Promise<{ outputs: Tensors; ended: boolean }> {
    const { rate, noise, jitter } = this.#settings;
    const { frames, prior } = this.#task;
    const t = iteration + 1;
    const fade = fading(iteration / this.iterations);
    const shift = (): number => random.integer(2 * jitter + 1) - jitter;
    const outputs = await this.#graph.run({
      ...this.#state,
      rate: Float32Array.of(rate * (0.1 + 0.9 * fade)),
      'correct.m': Float32Array.of(1 / (1 - ADAM.beta1 ** t)),
      'correct.v': Float32Array.of(1 / (1 - ADAM.beta2 ** t)),
      ...(noise > 0 && { noise: random.normals(frames * prior.size, noise * fade) }),
      ...(jitter > 0 && { shift: shiftKernel(jitter, shift(), shift()) }),
    });
    const next = { controls: outputs['controls'], m: outputs['m'], v: outputs['v'] } as State;
    if (next.controls.every(Number.isFinite)) this.#state = next;
    return { outputs, ended: false };
  }

  async render(): Promise<Uint8Array> {
    const graph = await this.#compile(renderGraph(this.#task, this.#settings));
    const { pixels } = await graph.run({ controls: this.#state.controls });
    await graph.close();
    return pixels as Uint8Array;
  }

  async close(): Promise<void> {
    await this.#graph.close();
  }
}

/** 1 for the first two thirds, then down to 0 along a cosine. */
function fading(share: number): number {
  return share < FADE_FROM ? 1 : 0.5 * (1 + Math.cos((Math.PI * (share - FADE_FROM)) / (1 - FADE_FROM)));
}

/** One whitened code for all frames, and a little of its own for each control. */
function startingState(task: Task, settings: AdamSettings, seed: number): State {
  const { size } = task.prior;
  const { controls: count } = sequenceForm(settings.sequence, task.frames);
  const random = new Random(`${seed}:code`);
  const shared = random.normals(size, settings.start.shared);
  const controls = random.normals(count * size, settings.start.own);
  for (let i = 0; i < controls.length; i++) controls[i]! += shared[i % size]!;
  return { controls, m: new Float32Array(count * size), v: new Float32Array(count * size) };
}
