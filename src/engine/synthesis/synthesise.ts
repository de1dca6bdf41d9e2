/** Runs a synthesis: one compiled step graph, called once an iteration, with everything needed to stop and go on. */
import type { SynthesisCheckpoint, SynthesisProgress, SynthesisResult } from './types.js';
import { NeuroreelError } from '../../protocol/errors.js';
import { MAX_FRAMES } from '../../protocol/jobs.js';
import { scorePictures, SCORES } from '../models/classifier.js';
import { perFrame, type RecogniserPackage } from '../models/recogniser.js';
import { VideoScorer } from '../models/scoring.js';
import type { ModelRegistry } from '../models/registry.js';
import { Random } from '../random.js';
import { withinBudget } from '../chunking/plan.js';
import { budgetBytes, DEFAULT_BUDGET } from '../memory.js';
import { openRuntime } from '../runtimes/open.js';
import type { CompiledGraph, RunOptions, Runtime, Tensors } from '../runtimes/runtime.js';
import { AdamStepper } from './adam-stepper.js';
import { openTask, settingsOf } from './open-task.js';
import { PaperStepper } from './paper-stepper.js';
import type { PresetName, Settings } from './presets.js';
import { isOfPictures, windowsOfTask, type PictureTask, type Task, type VideoTask } from './scene.js';
import { smoothnessOf } from './smoothness.js';

export { PIXELS } from './open-task.js';

export interface SynthesisOptions {
  readonly registry: ModelRegistry;
  readonly model: string;
  /** Index or label; the model's default when absent. */
  readonly unit?: number | string | undefined;
  /** Of a classifier: name of a hidden layer, of which `unit` is one by its index. */
  readonly layer?: string | undefined;
  /** Of a hidden layer with rows and columns: which ones; the middle, floor(size / 2), when absent. */
  readonly position?: readonly [number, number] | undefined;
  /** Name of a prior, or `pixels` for none; the model's default when absent. */
  readonly prior?: string | undefined;
  readonly preset: PresetName;
  /** Replace settings of the preset. */
  readonly settings?: Readonly<Partial<Settings>> | undefined;
  readonly iterations?: number | undefined;
  /** Frames of the video; of a classifier, how many pictures are made at once, each by itself. */
  readonly frames: number;
  readonly seed: number;
  /** A runtime, or the name of one. */
  readonly runtime?: Runtime | string | undefined;
  /** Name of a device, where the runtime is given by its name. */
  readonly device?: string | undefined;
  readonly threads?: number | undefined;
  /** What the run may take, `4G` or a share of what is free (50% by default); frames that do not fit are run in chunks. */
  readonly memory?: string | undefined;
  /** Called between the chunks of a step: it may wait (a pause), and what it throws ends the run (a cancellation). */
  readonly between?: RunOptions['between'];
  readonly resume?: SynthesisCheckpoint | undefined;
}

/** What an update rule brings: its graph's state and what each call of it needs. */
export interface Stepper {
  readonly iterations: number;
  /** The state, which checkpoints hold. */
  arrays(): Readonly<Record<string, Float32Array>>;
  /** One iteration; `ended` when the gradient is zero. */
  step(iteration: number, random: Random): Promise<{ outputs: Tensors; ended: boolean }>;
  /** The pictures of the present state, RGB bytes [T, H, W, 3]. */
  render(): Promise<Uint8Array>;
  close(): Promise<void>;
}

/** How a run goes: frames at a time in its steps, and the milliseconds that it was made to wait. */
interface Course {
  chunk: number;
  waited: number;
}

/** The same waiting, with the time it takes added up. */
function timed(between: NonNullable<RunOptions['between']>, course: Course): () => Promise<void> {
  return async () => {
    const before = performance.now();
    await between();
    course.waited += performance.now() - before;
  };
}

export class Synthesis {
  readonly width: number;
  readonly height: number;
  readonly frames: number;
  readonly unit: { readonly index: number; readonly label: string };
  readonly iterations: number;
  readonly #task: Task;
  readonly #options: SynthesisOptions;
  readonly #runtime: Runtime;
  readonly #stepper: Stepper;
  readonly #settings: Settings;
  readonly #windows: readonly (readonly number[])[];
  readonly #random: Random;
  readonly #activations: number[];
  readonly #course: Course;
  #iteration: number;
  #ended: SynthesisResult['ended'] | null = null;

  constructor(
    task: Task,
    settings: Settings,
    options: SynthesisOptions,
    runtime: Runtime,
    stepper: Stepper,
    course: Course,
  ) {
    const { manifest } = task.model;
    this.#task = task;
    this.#settings = settings;
    this.#options = options;
    this.#runtime = runtime;
    this.#stepper = stepper;
    this.#course = course;
    this.width = manifest.input.width;
    this.height = manifest.input.height;
    this.frames = task.frames;
    this.unit = { index: task.unit, label: labelOf(task) };
    this.iterations = stepper.iterations;
    this.#windows = windowsOfTask(task);
    this.#random = options.resume ? Random.fromState(options.resume.random) : new Random(`${options.seed}:steps`);
    this.#iteration = options.resume?.iteration ?? 0;
    this.#activations = Array.from(options.resume?.arrays['activations'] ?? []);
  }

  get runtime(): string {
    return this.#runtime.description;
  }

  /**
   * One iteration.
   * @param pixels whether to hand out the frames; they cost little, but not nothing.
   * @returns null when there is nothing left to do.
   */
  async step({ pixels = true }: { pixels?: boolean } = {}): Promise<SynthesisProgress | null> {
    if (this.#ended || this.#iteration >= this.iterations) {
      this.#ended ??= 'completed';
      return null;
    }
    const started = performance.now() - this.#course.waited;
    const { outputs, ended } = await this.#stepper.step(this.#iteration, this.#random);
    if (ended) this.#ended = 'zero-gradient';
    this.#iteration++;
    const activation = outputs['activation']![0]!;
    this.#activations.push(activation);
    const frames = outputs['pixels'] as Uint8Array;
    return {
      iteration: this.#iteration,
      iterations: this.iterations,
      activation,
      frameActivations: perFrame(outputs['steps']!, this.#windows, this.frames),
      smoothness: this.#smoothness(frames),
      seconds: (performance.now() - this.#course.waited - started) / 1000,
      ...(pixels && { pixels: frames }),
    };
  }

  checkpoint(): SynthesisCheckpoint {
    const arrays = Object.fromEntries(
      Object.entries(this.#stepper.arrays()).map(([name, data]) => [name, data.slice()]),
    );
    return {
      iteration: this.#iteration,
      arrays: { ...arrays, activations: Float32Array.from(this.#activations) },
      random: this.#random.state(),
    };
  }

  #smoothness(pixels: Uint8Array): number {
    return isOfPictures(this.#task) ? 0 : smoothnessOf(pixels, this.frames);
  }

  /** The final frames, scored as a real video (or picture) would be: from their bytes. */
  async finish(): Promise<SynthesisResult> {
    const pixels = await this.#stepper.render();
    const task = this.#task;
    const scores = isOfPictures(task) ? this.#scorePictures(task, pixels) : this.#scoreVideo(task, pixels);
    return {
      frames: this.frames,
      width: this.width,
      height: this.height,
      pixels,
      ...(await scores),
      activations: Float32Array.from(this.#activations),
      smoothness: this.#smoothness(pixels),
      ended: this.#ended ?? (this.#iteration >= this.iterations ? 'completed' : 'cancelled'),
    };
  }

  async #scoreVideo({ model, unit }: VideoTask, pixels: Uint8Array): Promise<FinalScores> {
    const scorer = new VideoScorer(model, this.#runtime, this.#options.threads);
    const { logits, probabilities } = await scorer.score(pixels);
    await scorer.close();
    return { activation: logits[unit]!, probabilities };
  }

  async #scorePictures({ model, place, unit }: PictureTask, pixels: Uint8Array): Promise<FinalScores> {
    const scores = await scorePictures(model, pixels, place, this.#runtime, this.#options.threads);
    const width = scores.units.length / this.frames;
    const activations = Float32Array.from({ length: this.frames }, (_, i) => scores.units[i * width + unit]!);
    const { probabilities } = scores;
    return {
      activation: meanRow(activations, 1)[0]!,
      probabilities: meanRow(probabilities, model.manifest.labels.length),
      pictures: { activations, probabilities },
    };
  }

  /** What made this run what it is: enough to make it again. */
  report(): {
    model: { name: string; sha256: string };
    prior: { name: string; sha256: string } | null;
    unit: { index: number; label: string };
    preset: string;
    settings: Settings;
    seed: number;
    frames: number;
    runtime: string;
    /** Frames that were in a graph at a time. */
    chunk: number;
    /** Of a classifier: where the unit is. */
    place?: PictureTask['place'];
    /** Of a recogniser: how it is fed a video. */
    sequence?: RecogniserPackage['manifest']['sequence'];
    windows: number;
    realClips: { clips: string; frames: number; activations: readonly number[]; smoothness: number | null } | null;
  } {
    const { model, prior } = this.#task;
    const { reference, manifest, sha256 } = model;
    const { place } = this.#task;
    const real = reference?.activations[this.unit.label];
    return {
      model: { name: manifest.name, sha256 },
      prior: prior.sha256 === null ? null : { name: prior.name, sha256: prior.sha256 },
      unit: this.unit,
      preset: this.#options.preset,
      settings: this.#settings,
      seed: this.#options.seed,
      frames: this.frames,
      runtime: this.runtime,
      chunk: this.#course.chunk,
      ...(place && { place }),
      ...(manifest.kind === 'recogniser' && { sequence: manifest.sequence }),
      windows: this.#windows.length,
      realClips:
        reference && real
          ? {
              clips: reference.clips,
              frames: reference.frames,
              activations: real,
              smoothness: reference.smoothness[this.unit.label] ?? null,
            }
          : null,
    };
  }

  async close(): Promise<void> {
    await this.#stepper.close();
  }
}

type FinalScores = Pick<SynthesisResult, 'activation' | 'probabilities' | 'pictures'>;

/** Mean over the rows of [N, width]. */
function meanRow(data: Float32Array, width: number): Float32Array {
  const rows = data.length / width;
  const sums = new Float64Array(width);
  data.forEach((x, i) => (sums[i % width]! += x));
  return Float32Array.from(sums, (sum) => sum / rows);
}

/** What a unit is called: the label of a score, the place of a hidden one. */
function labelOf({ model, place, unit }: Task): string {
  if (place === undefined || place.layer === SCORES) return model.manifest.labels[unit]!;
  const at = place.position === null ? '' : ` at ${place.position.join(', ')}`;
  return `${place.layer} unit ${unit}${at}`;
}

const refused = (message: string): NeuroreelError => new NeuroreelError('REQUEST_INVALID', message);

/**
 * Opens a run: loads the models, builds and compiles the step graph.
 * @throws NeuroreelError MODEL_UNKNOWN, UNIT_UNKNOWN, MODEL_INVALID, MODEL_HASH_MISMATCH, REQUEST_INVALID,
 *   RUNTIME_UNAVAILABLE
 */
export async function openSynthesis(options: SynthesisOptions): Promise<Synthesis> {
  const { frames } = options;
  if (!Number.isInteger(frames) || frames < 1 || frames > MAX_FRAMES) {
    throw refused(`A video must have 1 to ${MAX_FRAMES} frames, not ${frames}.`);
  }
  const task = openTask(options);
  const settings = settingsOf(options, task);
  const course: Course = { chunk: 0, waited: 0 };
  const runtime = withinBudget(
    typeof options.runtime === 'object' ? options.runtime : await openRuntime(options.runtime, options.device),
    {
      memory: budgetBytes(options.memory ?? DEFAULT_BUDGET),
      between: options.between && timed(options.between, course),
      onPlan: (plan) => (course.chunk ||= plan.chunk),
    },
  );
  const compile = (graph: Parameters<Runtime['compile']>[0]): Promise<CompiledGraph> =>
    runtime.compile(graph, { threads: options.threads });
  const start = { seed: options.seed, arrays: options.resume?.arrays };
  const stepper =
    settings.rule === 'paper'
      ? await PaperStepper.open(task, settings, compile, start)
      : await AdamStepper.open(task, settings, compile, start);
  return new Synthesis(task, settings, options, runtime, stepper, course);
}
