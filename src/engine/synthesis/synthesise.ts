/** Runs a synthesis: one compiled step graph, called once an iteration, with everything needed to stop and go on. */
import type { SynthesisCheckpoint, SynthesisProgress, SynthesisResult } from './types.js';
import { NeuroreelError } from '../../protocol/errors.js';
import { MAX_FRAMES } from '../../protocol/jobs.js';
import { generatorPrior, pixelPrior, type Prior } from '../models/prior.js';
import { perFrame, type RecogniserPackage } from '../models/recogniser.js';
import { VideoScorer } from '../models/scoring.js';
import { unitIndex, type ModelRegistry } from '../models/registry.js';
import { windowsOf } from '../models/windows.js';
import { Random } from '../random.js';
import { openRuntime } from '../runtimes/open.js';
import type { CompiledGraph, Runtime, Tensors } from '../runtimes/runtime.js';
import { OBJECTIVES } from './objectives.js';
import { AdamStepper } from './adam-stepper.js';
import { PaperStepper } from './paper-stepper.js';
import { PRESET_NAMES, PRESETS, type PresetName, type Settings } from './presets.js';
import type { Task } from './scene.js';
import { smoothnessOf } from './smoothness.js';

/** The name of the prior that is none. */
export const PIXELS = 'pixels';

export interface SynthesisOptions {
  readonly registry: ModelRegistry;
  readonly model: string;
  /** Index or label; the model's default when absent. */
  readonly unit?: number | string | undefined;
  /** Name of a prior, or `pixels` for none; the model's default when absent. */
  readonly prior?: string | undefined;
  readonly preset: PresetName;
  /** Replace settings of the preset. */
  readonly settings?: Readonly<Partial<Settings>> | undefined;
  readonly iterations?: number | undefined;
  readonly frames: number;
  readonly seed: number;
  /** A runtime, or the name of one. */
  readonly runtime?: Runtime | string | undefined;
  /** Name of a device, where the runtime is given by its name. */
  readonly device?: string | undefined;
  readonly threads?: number | undefined;
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
  #iteration: number;
  #ended: SynthesisResult['ended'] | null = null;

  constructor(task: Task, settings: Settings, options: SynthesisOptions, runtime: Runtime, stepper: Stepper) {
    const { manifest } = task.model;
    this.#task = task;
    this.#settings = settings;
    this.#options = options;
    this.#runtime = runtime;
    this.#stepper = stepper;
    this.width = manifest.input.width;
    this.height = manifest.input.height;
    this.frames = task.frames;
    this.unit = { index: task.unit, label: manifest.labels[task.unit]! };
    this.iterations = stepper.iterations;
    this.#windows = windowsOf(manifest.sequence, task.frames);
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
    const started = performance.now();
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
      smoothness: smoothnessOf(frames, this.frames),
      seconds: (performance.now() - started) / 1000,
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

  /** The final frames, scored as a real video would be: from their bytes. */
  async finish(): Promise<SynthesisResult> {
    const pixels = await this.#stepper.render();
    const scorer = new VideoScorer(this.#task.model, this.#runtime, this.#options.threads);
    const { logits, probabilities } = await scorer.score(pixels);
    await scorer.close();
    return {
      frames: this.frames,
      width: this.width,
      height: this.height,
      pixels,
      activation: logits[this.unit.index]!,
      probabilities,
      activations: Float32Array.from(this.#activations),
      smoothness: smoothnessOf(pixels, this.frames),
      ended: this.#ended ?? (this.#iteration >= this.iterations ? 'completed' : 'cancelled'),
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
    sequence: RecogniserPackage['manifest']['sequence'];
    windows: number;
    realClips: { clips: string; frames: number; activations: readonly number[]; smoothness: number | null } | null;
  } {
    const { model, prior } = this.#task;
    const { reference, manifest, sha256 } = model;
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
      sequence: manifest.sequence,
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

function openPrior(options: SynthesisOptions, model: RecogniserPackage): Prior {
  const { width, height } = model.manifest.input;
  const name = options.prior ?? model.manifest.defaults.prior ?? PIXELS;
  return name === PIXELS ? pixelPrior(width, height) : generatorPrior(options.registry.loadPrior(name));
}

/** Settings of a preset with what the request replaces. */
function settingsOf({ preset: name, settings: own, iterations }: SynthesisOptions, prior: Prior): Settings {
  if (!Object.hasOwn(PRESETS, name)) {
    throw refused(`No preset is named ${JSON.stringify(name)}; there are: ${PRESET_NAMES.join(', ')}.`);
  }
  const preset: Settings = PRESETS[name][prior.name === PIXELS ? 'pixels' : 'generator'];
  const settings = { ...preset, ...own, ...(iterations !== undefined && { iterations }) } as Settings;
  if (settings.rule !== preset.rule) throw refused(`The preset ${name} is for the rule ${preset.rule} alone.`);
  if (!Number.isInteger(settings.iterations) || settings.iterations < 1) {
    throw refused(`A run must have 1 or more iterations, not ${settings.iterations}.`);
  }
  if (!Object.hasOwn(OBJECTIVES, settings.objective)) {
    throw refused(`No objective is named ${JSON.stringify(settings.objective)}.`);
  }
  return settings;
}

const refused = (message: string): NeuroreelError => new NeuroreelError('REQUEST_INVALID', message);

/**
 * Opens a run: loads the models, builds and compiles the step graph.
 * @throws NeuroreelError MODEL_UNKNOWN, UNIT_UNKNOWN, MODEL_INVALID, MODEL_HASH_MISMATCH, REQUEST_INVALID,
 *   RUNTIME_UNAVAILABLE
 */
export async function openSynthesis(options: SynthesisOptions): Promise<Synthesis> {
  const { registry, frames } = options;
  if (!Number.isInteger(frames) || frames < 1 || frames > MAX_FRAMES) {
    throw refused(`A video must have 1 to ${MAX_FRAMES} frames, not ${frames}.`);
  }
  const model = registry.loadRecogniser(options.model);
  const unit = unitIndex(model.manifest, options.unit ?? model.manifest.defaults.unit ?? 0);
  const prior = openPrior(options, model);
  const task: Task = { model, prior, unit, frames };
  const settings = settingsOf(options, prior);
  const runtime =
    typeof options.runtime === 'object' ? options.runtime : await openRuntime(options.runtime, options.device);
  const compile = (graph: Parameters<Runtime['compile']>[0]): Promise<CompiledGraph> =>
    runtime.compile(graph, { threads: options.threads });
  const start = { seed: options.seed, arrays: options.resume?.arrays };
  const stepper =
    settings.rule === 'paper'
      ? await PaperStepper.open(task, settings, compile, start)
      : await AdamStepper.open(task, settings, compile, start);
  return new Synthesis(task, settings, options, runtime, stepper);
}
