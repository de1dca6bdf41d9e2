/** Makes pictures (of a recogniser: videos) of a unit, and says what each is: what figures, batches and montages show. */
import type { PictureBox } from '../../engine/analysis/receptive-field.js';
import { SCORES } from '../../engine/models/classifier.js';
import { isClassifier, type ModelRegistry } from '../../engine/models/registry.js';
import { openSynthesis, type Synthesis } from '../../engine/synthesis/synthesise.js';
import type { SynthesisCheckpoint, SynthesisResult } from '../../engine/synthesis/types.js';
import type { Runtime } from '../../engine/runtimes/runtime.js';
import type { FigurePanel, PictureRequest } from '../../protocol/index.js';
import type { FrameSequence } from '../../video/index.js';
import { readInputs, type RequestInputs } from './inputs.js';

export interface PictureEngine {
  readonly registry: ModelRegistry;
  readonly runtime: Runtime;
  readonly threads?: number | undefined;
  readonly memory?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly keeper?: RunKeeper | undefined;
  /** Where the files lie that a request names; the names are paths when absent. */
  readonly pathOf?: ((name: string) => string) | undefined;
  /** Awaited before each step and between the parts of one: it may wait (a pause), and what it throws ends the run. */
  readonly between?: (() => Promise<void>) | undefined;
  /** Whether the frames of the next iteration are wanted. */
  readonly pixelsDue?: ((iteration: number) => boolean) | undefined;
  /** Told after each iteration. */
  readonly onStep?: ((step: PictureStep) => void) | undefined;
}

/** An iteration of one run. */
export interface PictureStep {
  readonly iteration: number;
  readonly iterations: number;
  readonly activation: number;
  /** Pictures of the request that are done, and that this run makes. */
  readonly made: number;
  readonly makes: number;
  /** Where they were wanted. */
  readonly frames: FrameSequence | null;
}

/** Keeps runs, so that an interrupted one goes on where it was. */
export interface RunKeeper {
  /** What was kept of the run with this seed; null of none, or of another model or runtime. */
  load(seed: number, identity: string): Promise<SynthesisCheckpoint | null>;
  save(seed: number, identity: string, checkpoint: SynthesisCheckpoint): Promise<void>;
  /** Milliseconds between two savings. */
  readonly every: number;
}

export type Source = NonNullable<FigurePanel['model']>;

export interface MadePicture {
  readonly start: number;
  readonly seed: number;
  /** What is to be shown: of a hidden unit the part that it sees. */
  readonly clip: FrameSequence;
  readonly crop: FigurePanel['crop'];
  readonly unit: { readonly index: number; readonly label: string };
  readonly activation: number;
  /** Of an objective with several units: that of each, the first one's first; else none. */
  readonly activations: readonly number[];
  /** Files that the request names. */
  readonly inputs: RequestInputs['files'];
  readonly probability: number | null;
  readonly smoothness: number | null;
  readonly model: Source;
  readonly prior: Source | null;
}

/** Pictures that are made in one run, which decides what they become. */
export const AT_ONCE = 8;

/** Pictures of a request, start by start. Throws what a synthesis throws, and the signal's reason. */
export async function makePictures(request: PictureRequest, engine: PictureEngine): Promise<MadePicture[]> {
  const model = engine.registry.loadWithUnits(request.model);
  const pictures = isClassifier(model);
  const { signal, pathOf } = engine;
  const inputs = await readInputs(request, { ...model.manifest.input, video: !pictures }, { signal, pathOf });
  const made: MadePicture[] = [];
  while (made.length < request.starts) {
    const count = pictures ? Math.min(AT_ONCE, request.starts - made.length) : 1;
    const seed = request.seed + made.length;
    const onStep = (step: Omit<PictureStep, 'made' | 'makes'>): void =>
      engine.onStep?.({ ...step, made: made.length, makes: count });
    const frames = pictures ? count : request.frames;
    const run = await runOne({ request, inputs, seed, frames }, { ...engine, onStep });
    for (let i = 0; i < count; i++) made.push(pictureOf(run, made.length, pictures ? i : null));
  }
  return made;
}

type RunEngine = Omit<PictureEngine, 'onStep'> & {
  readonly onStep: (step: Omit<PictureStep, 'made' | 'makes'>) => void;
};

/** What is made in one run. */
interface RunPlan {
  readonly request: PictureRequest;
  readonly inputs: RequestInputs;
  readonly seed: number;
  /** Frames of a video, or pictures. */
  readonly frames: number;
}

interface Run extends RunPlan {
  readonly result: SynthesisResult;
  readonly about: ReturnType<Synthesis['report']>;
}

/** What a kept run must agree in, so that going on gives the bytes of an uninterrupted one. */
function identityOf({ request, inputs }: RunPlan, about: Run['about']): string {
  return JSON.stringify([request, inputs.files, about.model, about.prior, about.runtime]);
}

function open(
  { request, inputs, seed, frames }: RunPlan,
  engine: RunEngine,
  resume?: SynthesisCheckpoint,
): Promise<Synthesis> {
  const { registry, runtime, threads, memory, between } = engine;
  const { model, unit, layer, position, prior, preset, iterations, settings } = request;
  return openSynthesis({
    ...{ registry, model, unit, layer, position, prior, preset, iterations, frames, seed, runtime, threads, memory },
    ...{ settings, resume, between, pictures: inputs.pictures, examples: inputs.examples },
  });
}

async function openWhereItWas(plan: RunPlan, engine: RunEngine): Promise<Synthesis> {
  const fresh = await open(plan, engine);
  const kept = await engine.keeper?.load(plan.seed, identityOf(plan, fresh.report()));
  if (!kept) return fresh;
  await fresh.close();
  return open(plan, engine, kept);
}

async function runOne(plan: RunPlan, engine: RunEngine): Promise<Run> {
  const synthesis = await openWhereItWas(plan, engine);
  const keeper = engine.keeper && new KeptNow(engine.keeper, plan.seed, identityOf(plan, synthesis.report()));
  try {
    try {
      await stepAll(synthesis, engine, keeper);
    } catch (error) {
      await keeper?.save();
      throw error;
    }
    return { ...plan, result: await synthesis.finish(), about: synthesis.report() };
  } finally {
    await synthesis.close();
  }
}

async function stepAll(synthesis: Synthesis, engine: RunEngine, keeper: KeptNow | undefined): Promise<void> {
  const { signal, between, pixelsDue, onStep } = engine;
  const { width, height, frames: count } = synthesis;
  let iteration = synthesis.iterationsDone;
  for (;;) {
    await keeper?.keep(synthesis);
    signal?.throwIfAborted();
    await between?.();
    const progress = await synthesis.step({ pixels: pixelsDue?.(iteration + 1) ?? false });
    if (progress === null) break;
    iteration = progress.iteration;
    const { iterations, activation, pixels } = progress;
    onStep({ iteration, iterations, activation, frames: pixels ? { frames: pixels, count, width, height } : null });
  }
  await keeper?.save();
}

/** Keeps a run as it was before the step that is under way: now and then, and when it is to end. */
class KeptNow {
  readonly #keeper: RunKeeper;
  readonly #seed: number;
  readonly #identity: string;
  #latest: SynthesisCheckpoint | null = null;
  #saved: { iteration: number; at: number };

  constructor(keeper: RunKeeper, seed: number, identity: string) {
    this.#keeper = keeper;
    this.#seed = seed;
    this.#identity = identity;
    this.#saved = { iteration: -1, at: performance.now() };
  }

  async keep(synthesis: Synthesis): Promise<void> {
    this.#latest = synthesis.checkpoint();
    if (performance.now() - this.#saved.at >= this.#keeper.every) await this.save();
  }

  async save(): Promise<void> {
    if (this.#latest === null || this.#latest.iteration === this.#saved.iteration) return;
    await this.#keeper.save(this.#seed, this.#identity, this.#latest);
    this.#saved = { iteration: this.#latest.iteration, at: performance.now() };
  }
}

/** @param index of a picture among those of its run; null: all frames are one video */
function pictureOf({ result, about, seed, inputs }: Run, start: number, index: number | null): MadePicture {
  const { width, height, pixels, pictures, frames } = result;
  const size = 3 * width * height;
  const labels = result.probabilities.length;
  const whole: FrameSequence =
    index === null
      ? { frames: pixels, count: frames, width, height }
      : { frames: pixels.slice(index * size, (index + 1) * size), count: 1, width, height };
  const { unit, place, model, prior } = about;
  const hidden = place !== undefined && place.layer !== SCORES;
  const probability =
    index === null ? result.probabilities[unit.index] : pictures!.probabilities[index * labels + unit.index];
  const crop = result.crop && panelBox(result.crop);
  const units = index === null ? result.unitActivations : pictures!.units.map((values) => values[index]!);
  return {
    ...{ start, seed, crop, unit, model, prior, inputs: inputs.files },
    clip: crop === null ? whole : cropped(whole, crop),
    activation: index === null ? result.activation : pictures!.activations[index]!,
    activations: units && units.length > 1 ? [...units] : [],
    probability: hidden ? null : (probability ?? null),
    smoothness: index === null ? result.smoothness : null,
  };
}

/** A part of a picture as panels tell it. */
function panelBox({ size: [height, width], offset: [y, x] }: PictureBox): NonNullable<FigurePanel['crop']> {
  return { x, y, width, height };
}

/** A part of every frame. */
export function cropped(clip: FrameSequence, { x, y, width, height }: NonNullable<FigurePanel['crop']>): FrameSequence {
  const frames = new Uint8Array(clip.count * width * height * 3);
  for (let t = 0; t < clip.count; t++) {
    for (let v = 0; v < height; v++) {
      const from = ((t * clip.height + y + v) * clip.width + x) * 3;
      frames.set(clip.frames.subarray(from, from + width * 3), (t * height + v) * width * 3);
    }
  }
  return { frames, count: clip.count, width, height };
}
