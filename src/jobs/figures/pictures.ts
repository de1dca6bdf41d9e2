/** Makes pictures (of a recogniser: videos) of a unit, and says what each is: what figures, batches and montages show. */
import { receptiveField } from '../../engine/analysis/receptive-field.js';
import { SCORES } from '../../engine/models/classifier.js';
import { isClassifier, type ModelRegistry } from '../../engine/models/registry.js';
import { openSynthesis, type Synthesis } from '../../engine/synthesis/synthesise.js';
import type { SynthesisCheckpoint, SynthesisResult } from '../../engine/synthesis/types.js';
import type { Runtime } from '../../engine/runtimes/runtime.js';
import type { FigurePanel, PictureRequest } from '../../protocol/index.js';
import type { FrameSequence } from '../../video/index.js';

export interface PictureEngine {
  readonly registry: ModelRegistry;
  readonly runtime: Runtime;
  readonly threads?: number | undefined;
  readonly memory?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly keeper?: RunKeeper | undefined;
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
  readonly activations: readonly number[];
  readonly probability: number | null;
  readonly smoothness: number | null;
  readonly model: Source;
  readonly prior: Source | null;
}

/** Pictures that are made in one run. */
const AT_ONCE = 8;

/** Pictures of a request, start by start. Throws what a synthesis throws, and the signal's reason. */
export async function makePictures(request: PictureRequest, engine: PictureEngine): Promise<MadePicture[]> {
  const model = engine.registry.loadWithUnits(request.model);
  const pictures = isClassifier(model);
  const made: MadePicture[] = [];
  while (made.length < request.starts) {
    const count = pictures ? Math.min(AT_ONCE, request.starts - made.length) : 1;
    const seed = request.seed + made.length;
    const onStep = (step: Omit<PictureStep, 'made' | 'makes'>): void =>
      engine.onStep?.({ ...step, made: made.length, makes: count });
    const run = await runOne(request, { ...engine, onStep }, seed, pictures ? count : request.frames);
    const crop = pictures ? cropOf(engine.registry, request, run.about) : null;
    for (let i = 0; i < count; i++) made.push(pictureOf(run, made.length, seed, pictures ? i : null, crop));
  }
  return made;
}

type RunEngine = Omit<PictureEngine, 'onStep'> & {
  readonly onStep: (step: Omit<PictureStep, 'made' | 'makes'>) => void;
};

interface Run {
  readonly result: SynthesisResult;
  readonly about: ReturnType<Synthesis['report']>;
}

/** What a kept run must agree in, so that going on gives the bytes of an uninterrupted one. */
function identityOf(request: PictureRequest, about: Run['about']): string {
  return JSON.stringify([request, about.model, about.prior, about.runtime]);
}

function open(
  request: PictureRequest,
  engine: RunEngine,
  seed: number,
  frames: number,
  resume?: SynthesisCheckpoint,
): Promise<Synthesis> {
  const { registry, runtime, threads, memory, between } = engine;
  const { model, unit, layer, position, prior, preset, iterations, settings } = request;
  return openSynthesis({
    ...{ registry, model, unit, layer, position, prior, preset, iterations, frames, seed, runtime, threads, memory },
    ...(settings && { settings }),
    ...(resume && { resume }),
    ...(between && { between }),
  });
}

async function openWhereItWas(
  request: PictureRequest,
  engine: RunEngine,
  seed: number,
  frames: number,
): Promise<Synthesis> {
  const fresh = await open(request, engine, seed, frames);
  const kept = await engine.keeper?.load(seed, identityOf(request, fresh.report()));
  if (!kept) return fresh;
  await fresh.close();
  return open(request, engine, seed, frames, kept);
}

async function runOne(request: PictureRequest, engine: RunEngine, seed: number, frames: number): Promise<Run> {
  const synthesis = await openWhereItWas(request, engine, seed, frames);
  const keeper = engine.keeper && new KeptNow(engine.keeper, seed, identityOf(request, synthesis.report()));
  try {
    try {
      await stepAll(synthesis, engine, keeper);
    } catch (error) {
      await keeper?.save();
      throw error;
    }
    return { result: await synthesis.finish(), about: synthesis.report() };
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

/** What a hidden unit of a classifier sees; null where that is all. */
function cropOf(registry: ModelRegistry, request: PictureRequest, about: Run['about']): FigurePanel['crop'] {
  const { place, unit } = about;
  if (place === undefined || place.layer === SCORES || !place.position || place.position === 'all') return null;
  const model = registry.loadClassifier(request.model);
  const spot = { channel: unit.index, position: place.position };
  const field = receptiveField(model.graphs['network']!, place.layer, spot);
  if (field === null) return null;
  const [height, width] = field.clipped.size;
  const [y, x] = field.clipped.offset;
  return { x, y, width, height };
}

/** @param index of a picture among those of its run; null: all frames are one video */
function pictureOf(
  { result, about }: Run,
  start: number,
  seed: number,
  index: number | null,
  crop: FigurePanel['crop'],
): MadePicture {
  const { width, height, pixels, pictures, frames } = result;
  const size = 3 * width * height;
  const labels = result.probabilities.length;
  const whole: FrameSequence =
    index === null
      ? { frames: pixels, count: frames, width, height }
      : { frames: pixels.slice(index * size, (index + 1) * size), count: 1, width, height };
  const { unit } = about;
  const hidden = about.place !== undefined && about.place.layer !== SCORES;
  const probability =
    index === null ? result.probabilities[unit.index] : pictures!.probabilities[index * labels + unit.index];
  return {
    ...{ start, seed, crop, unit, model: about.model, prior: about.prior },
    clip: crop === null ? whole : cropped(whole, crop),
    activation: index === null ? result.activation : pictures!.activations[index]!,
    activations: [],
    probability: hidden ? null : (probability ?? null),
    smoothness: index === null ? result.smoothness : null,
  };
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
