/**
 * What all rules have in common when they drive their step graphs: the inputs that each call of a graph needs, changes while
 * the run goes on, blurs, and the picture of a state.
 */
import { NeuroreelError } from '../../protocol/errors.js';
import type { SynthesisOptimiser, SynthesisPenalties } from '../../protocol/synthesis.js';
import type { Graph } from '../graph/graph.js';
import type { Random } from '../random.js';
import type { CompiledGraph, Tensors } from '../runtimes/runtime.js';
import { renderGraph } from './adam-step.js';
import { activePenalties, controlInputs } from './controls.js';
import type { Settings } from './presets.js';
import type { Task } from './scene.js';
import { fading } from './schedules.js';
import { drawView, hasViews, PLAIN_VIEW, viewInputs } from './views.js';

/** A change of a run while it goes on, with the unit as an index. */
export interface Steering {
  readonly rate?: number | undefined;
  readonly unit?: number | undefined;
  readonly penalties?: Partial<SynthesisPenalties> | undefined;
}

export interface Start {
  /** What a new run starts with, [I + K, D]. */
  readonly state: Float32Array;
  /** State to go on from. */
  readonly arrays?: Readonly<Record<string, Float32Array>> | undefined;
  /** A start anew, for chains. */
  readonly again: (random: Random) => Float32Array;
}

export type Compile = (graph: Graph) => Promise<CompiledGraph>;

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

/** A rule with another rate to begin its schedule with. */
function withRate(optimiser: SynthesisOptimiser, rate: number): SynthesisOptimiser {
  const field = { paper: 'start', adam: 'rate', ppgn: 'eps2' }[optimiser.rule];
  return { ...optimiser, [field]: rate };
}

/** What an update rule brings: its graph's state and what each call of it needs. */
export abstract class Stepper<S extends Settings = Settings> {
  #task: Task;
  #settings: S;
  #graph: CompiledGraph | null = null;
  #inputs: Tensors;
  readonly #compile: Compile;

  protected constructor(task: Task, settings: S, compile: Compile) {
    this.#task = task;
    this.#settings = settings;
    this.#compile = compile;
    this.#inputs = controlInputs(task, settings);
  }

  get iterations(): number {
    return this.#settings.iterations;
  }
  get task(): Task {
    return this.#task;
  }
  get settings(): S {
    return this.#settings;
  }

  /** The rule's graph. */
  protected abstract build(task: Task, settings: S): Graph;
  /** The state, which checkpoints hold. */
  abstract arrays(): Readonly<Record<string, Float32Array>>;
  /** One iteration; `ended` when the gradient is zero. */
  abstract step(iteration: number, random: Random): Promise<{ outputs: Tensors; ended: boolean }>;
  /** The state that is shown, [I + K, D]. */
  protected abstract shown(): Float32Array;

  /** Compiles the graph, so that what cannot be built fails before the run begins. */
  async ready(): Promise<this> {
    this.#graph ??= await this.#compile(this.build(this.#task, this.#settings));
    return this;
  }

  /** Runs the graph with what the rule and the settings give it. */
  protected async run(given: Tensors, iteration: number, random: Random | null): Promise<Tensors> {
    await this.ready();
    return this.#graph!.run({ ...this.#inputs, ...given, ...this.#chance(iteration, random) });
  }

  /** Noise and view of an iteration; none for a picture of the state. */
  #chance(iteration: number, random: Random | null): Tensors {
    const { noise } = this.#settings;
    const { frames, prior } = this.#task;
    const size = frames * prior.size;
    const fade = fading(iteration / this.iterations);
    return {
      ...(noise > 0 && { noise: random ? random.normals(size, noise * fade) : new Float32Array(size) }),
      ...(hasViews(this.#settings) && viewInputs(this.#task, random ? drawView(random, this.#settings) : PLAIN_VIEW)),
    };
  }

  /** The state with its pictures blurred, in iterations that blur. */
  protected afterwards(state: Float32Array, iteration: number): Float32Array {
    const { every, sigma } = this.#settings.blur;
    if (every === 0 || sigma === 0 || (iteration + 1) % every !== 0) return state;
    return this.#task.prior.blur!(state, sigma);
  }

  /** Changes the run from the next iteration on; the graph is made again only for a penalty that it has not. */
  async steer({ rate, unit, penalties }: Steering): Promise<void> {
    if (rate !== undefined) this.#settings = { ...this.#settings, optimiser: withRate(this.#settings.optimiser, rate) };
    if (unit !== undefined) this.#task = { ...this.#task, unit, units: undefined };
    const before = activePenalties(this.#settings).join();
    if (penalties) this.#settings = { ...this.#settings, penalties: { ...this.#settings.penalties, ...penalties } };
    this.#inputs = controlInputs(this.#task, this.#settings);
    if (activePenalties(this.#settings).join() !== before) await this.close();
  }

  /** The pictures of the present state, RGB bytes [T, H, W, 3], and their codes [T, D]. */
  async render(): Promise<{ pixels: Uint8Array; codes: Float32Array }> {
    const graph = await this.#compile(renderGraph(this.#task, this.#settings));
    try {
      const { pixels, codes } = await graph.run({ state: this.shown() });
      return { pixels: pixels as Uint8Array, codes: codes as Float32Array };
    } finally {
      await graph.close();
    }
  }

  async close(): Promise<void> {
    const graph = this.#graph;
    this.#graph = null;
    await graph?.close();
  }
}
