/** Runs a synthesis: one compiled step graph, called once an iteration, with everything needed to stop and go on. */
import type { SteeringEvent, SynthesisCheckpoint, SynthesisProgress, SynthesisResult } from './types.js';
import { NeuroreelError } from '../../protocol/errors.js';
import { MAX_FRAMES } from '../../protocol/jobs.js';
import { synthesisSteering, type SynthesisOverrides, type SynthesisSteering } from '../../protocol/synthesis.js';
import { parseWith } from '../../protocol/validation.js';
import { receptiveField, type PictureBox } from '../analysis/receptive-field.js';
import { placeOf, SCORES } from '../models/classifier.js';
import { perFrame, type RecogniserPackage } from '../models/recogniser.js';
import type { ModelRegistry } from '../models/registry.js';
import { Random } from '../random.js';
import { withinBudget } from '../chunking/plan.js';
import { budgetBytes, DEFAULT_BUDGET } from '../memory.js';
import { openRuntime } from '../runtimes/open.js';
import type { CompiledGraph, RunOptions, Runtime } from '../runtimes/runtime.js';
import { finalScores } from './final-scores.js';
import { openTask, unitOf } from './open-task.js';
import type { PatchPictures } from './patches.js';
import type { PresetName, Settings } from './presets.js';
import { openStepper } from './rules.js';
import { isOfPictures, placeOfTask, windowsOfTask, type PictureTask, type Task } from './scene.js';
import { smoothnessOf } from './smoothness.js';
import { startingState, type StartPictures } from './starts.js';
import type { Start, Stepper } from './stepper.js';

export interface SynthesisOptions {
  readonly registry: ModelRegistry;
  readonly model: string;
  /** Index or label; the model's default when absent. */
  readonly unit?: number | string | undefined;
  /** Of a classifier: the unit of each picture, in place of `unit`; as many as `frames`. */
  readonly units?: readonly (number | string)[] | undefined;
  /** Name of a hidden layer, of which `unit` is one by its index. */
  readonly layer?: string | undefined;
  /** Of a hidden layer with rows and columns: which ones; the middle, floor(size / 2), when absent. */
  readonly position?: readonly [number, number] | undefined;
  /** Name of a prior, or `pixels` or `fourier` for none; the model's default when absent. */
  readonly prior?: string | undefined;
  readonly preset: PresetName;
  /** Replace settings of the preset. */
  readonly settings?: SynthesisOverrides | undefined;
  /** What a run that starts from a picture starts from. */
  readonly pictures?: StartPictures | undefined;
  /** Real pictures of which the patch prior is made, where the settings have one; of none it is that of natural pictures. */
  readonly examples?: PatchPictures | undefined;
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
  readonly iterations: number;
  readonly #options: SynthesisOptions;
  readonly #runtime: Runtime;
  readonly #stepper: Stepper;
  readonly #steering: SteeringEvent[];
  readonly #random: Random;
  readonly #activations: number[];
  readonly #course: Course;
  #iteration: number;
  #ended: SynthesisResult['ended'] | null = null;

  constructor(options: SynthesisOptions, runtime: Runtime, stepper: Stepper, course: Course) {
    const { input } = stepper.task.model.manifest;
    this.#options = options;
    this.#runtime = runtime;
    this.#stepper = stepper;
    this.#course = course;
    this.width = input.width;
    this.height = input.height;
    this.frames = stepper.task.frames;
    this.iterations = stepper.iterations;
    this.#random = options.resume ? Random.fromState(options.resume.random) : new Random(`${options.seed}:steps`);
    this.#iteration = options.resume?.iteration ?? 0;
    this.#activations = Array.from(options.resume?.arrays['activations'] ?? []);
    this.#steering = [...(options.resume?.steering ?? [])];
  }

  get #task(): Task {
    return this.#stepper.task;
  }

  /** Iterations that are done, those before an interruption included. */
  get iterationsDone(): number {
    return this.#iteration;
  }

  /** The unit that is maximised, the first one of several. */
  get unit(): { readonly index: number; readonly label: string } {
    return { index: this.#task.unit, label: labelOf(this.#task) };
  }

  /** The unit of each picture. */
  get units(): readonly { readonly index: number; readonly label: string }[] {
    const task = this.#task;
    return Array.from({ length: task.frames }, (_, i) => {
      const unit = task.units?.[i] ?? task.unit;
      return { index: unit, label: labelOf({ ...task, unit }) };
    });
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
    const others = (this.#task.others ?? []).map((_, k) => outputs[`activation.${k + 1}`]![0]!);
    this.#activations.push(activation);
    const frames = outputs['pixels'] as Uint8Array;
    return {
      iteration: this.#iteration,
      iterations: this.iterations,
      activation,
      ...(others.length > 0 && { unitActivations: [activation, ...others] }),
      frameActivations: perFrame(outputs['steps']!, windowsOfTask(this.#task), this.frames),
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
      ...(this.#steering.length > 0 && { steering: [...this.#steering] }),
    };
  }

  /**
   * Changes the run from the next iteration on; not to be called during a step. Checkpoints carry the changes, with the
   * iteration after which each was made.
   * @throws NeuroreelError UNIT_UNKNOWN, REQUEST_INVALID
   */
  async steer(change: SynthesisSteering): Promise<void> {
    const event = { ...parseWith(synthesisSteering, change), iteration: this.#iteration };
    await steered(this.#stepper, event);
    this.#steering.push(event);
  }

  #smoothness(pixels: Uint8Array): number {
    return isOfPictures(this.#task) ? 0 : smoothnessOf(pixels, this.frames);
  }

  /** The final frames, scored as a real video (or picture) would be: from their bytes. */
  async finish(): Promise<SynthesisResult> {
    const { pixels, codes } = await this.#stepper.render();
    const scores = await finalScores(this.#task, this.#stepper.settings, pixels, this.#runtime, this.#options.threads);
    return {
      frames: this.frames,
      width: this.width,
      height: this.height,
      pixels,
      codes,
      crop: this.crop(),
      ...scores,
      activations: Float32Array.from(this.#activations),
      smoothness: this.#smoothness(pixels),
      ended: this.#ended ?? (this.#iteration >= this.iterations ? 'completed' : 'cancelled'),
    };
  }

  /** What of a picture a unit of a hidden layer with rows and columns sees: the part to show; null of any other. */
  crop(): PictureBox | null {
    const { model, unit } = this.#task;
    const { layer, position } = placeOfTask(this.#task);
    if (position === null || position === 'all') return null;
    const graph = model.graphs[isOfPictures(this.#task) ? 'network' : 'frames']!;
    return receptiveField(graph, layer, { channel: unit, position })?.clipped ?? null;
  }

  /** What made this run what it is: enough to make it again. */
  report(): {
    model: { name: string; sha256: string };
    prior: { name: string; sha256: string } | null;
    unit: { index: number; label: string };
    preset: string;
    settings: Settings;
    /** Changes while it went on. */
    steering: readonly SteeringEvent[];
    seed: number;
    frames: number;
    runtime: string;
    /** Frames that were in a graph at a time. */
    chunk: number;
    /** Where the unit is, and the units that the objective names besides. */
    place?: PictureTask['place'];
    others?: Task['others'];
    crop?: PictureBox;
    /** Of a recogniser: how it is fed a video. */
    sequence?: RecogniserPackage['manifest']['sequence'];
    windows: number;
    realClips: { clips: string; frames: number; activations: readonly number[]; smoothness: number | null } | null;
  } {
    const { model, prior } = this.#task;
    const { reference, manifest, sha256 } = model;
    const { place, others } = this.#task;
    const hidden = place && (place.layer !== SCORES || isOfPictures(this.#task));
    const crop = this.crop();
    const real = place && place.layer !== SCORES ? undefined : reference?.activations[this.unit.label];
    return {
      model: { name: manifest.name, sha256 },
      prior: prior.sha256 === null ? null : { name: prior.name, sha256: prior.sha256 },
      unit: this.unit,
      preset: this.#options.preset,
      settings: this.#stepper.settings,
      steering: this.#steering,
      seed: this.#options.seed,
      frames: this.frames,
      runtime: this.runtime,
      chunk: this.#course.chunk,
      ...(hidden && { place }),
      ...(others && others.length > 0 && { others }),
      ...(crop && { crop }),
      ...(manifest.kind === 'recogniser' && { sequence: manifest.sequence }),
      windows: windowsOfTask(this.#task).length,
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

/** Applies a change to a stepper. */
async function steered(stepper: Stepper, { rate, unit, penalties }: SynthesisSteering): Promise<void> {
  const { model } = stepper.task;
  const { layer, position } = placeOfTask(stepper.task);
  const index = unit === undefined ? undefined : unitOf(model, layer, unit);
  if (index !== undefined) placeOf(model, layer, index, position ?? undefined);
  await stepper.steer({ rate, unit: index, penalties });
}

/** What a unit is called: the label of a score, the place of a hidden one. */
function labelOf({ model, place, unit }: Task): string {
  if (place === undefined || place.layer === SCORES) return model.manifest.labels[unit]!;
  return `${place.layer} unit ${unit}${positionWords(place.position)}`;
}

function positionWords(position: PictureTask['place']['position']): string {
  if (position === null) return '';
  return position === 'all' ? ', all positions' : ` at ${position.join(', ')}`;
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
  const { task, settings } = openTask(options);
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
  const begin = (random: Random): Promise<Float32Array> =>
    startingState({ task, settings, random, compile, pictures: options.pictures });
  const state = await begin(new Random(`${options.seed}:code`));
  const spread = task.prior.statistics.spread;
  const start: Start = {
    state,
    arrays: options.resume?.arrays,
    // A chain that begins anew does so from noise where it began with noise, else from near its start.
    again: (random) =>
      settings.start.from === 'noise'
        ? random.normals(state.length, settings.start.identity)
        : state.map((x) => x + 0.1 * spread * random.normal()),
  };
  const stepper = await openStepper(task, settings, compile, start);
  for (const event of options.resume?.steering ?? []) await steered(stepper, event);
  return new Synthesis(options, runtime, stepper, course);
}
