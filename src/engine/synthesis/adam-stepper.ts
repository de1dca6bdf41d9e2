/** Drives the Adam step graph: rate, noise and jitter of each iteration, and the moments. */
import { sizeOf } from '../graph/shape.js';
import { Random } from '../random.js';
import type { CompiledGraph, Tensors } from '../runtimes/runtime.js';
import { ADAM, biasCorrections } from '../training/adam.js';
import { adamStepGraph, identitiesOf, renderGraph, shiftKernel, stateShape } from './adam-step.js';
import { storedArrays, type Compile, type Start } from './paper-stepper.js';
import type { AdamSettings } from './presets.js';
import type { Task } from './scene.js';
import type { Stepper } from './synthesise.js';

/** Share of the iterations after which noise and rate fade. */
const FADE_FROM = 2 / 3;

type State = Record<'state' | 'm' | 'v', Float32Array>;

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
    const size = sizeOf(stateShape(task, settings));
    const state = start.arrays
      ? storedArrays(start.arrays, { state: size, m: size, v: size })
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
      ...biasCorrections(t, ADAM),
      ...(noise > 0 && { noise: random.normals(frames * prior.size, noise * fade) }),
      ...(jitter > 0 && { shift: shiftKernel(jitter, shift(), shift()) }),
    });
    const next = { state: outputs['state'], m: outputs['m'], v: outputs['v'] } as State;
    if (next.state.every(Number.isFinite)) this.#state = next;
    return { outputs, ended: false };
  }

  async render(): Promise<Uint8Array> {
    const graph = await this.#compile(renderGraph(this.#task, this.#settings));
    const { pixels } = await graph.run({ state: this.#state.state });
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

/** Random identities, and a little movement of its own for each control. */
function startingState(task: Task, settings: AdamSettings, seed: number): State {
  const [rows, size] = stateShape(task, settings);
  const random = new Random(`${seed}:code`);
  const state = new Float32Array(rows * size);
  const identities = identitiesOf(task);
  state.set(random.normals(identities * size, settings.start.identity), 0);
  state.set(random.normals((rows - identities) * size, settings.start.movement), identities * size);
  return { state, m: new Float32Array(rows * size), v: new Float32Array(rows * size) };
}
