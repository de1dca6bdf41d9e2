/** The kind `figure`, as it runs in a worker: what a figure shows is made picture by picture, and put on a board. */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { ModelRegistry } from '../../engine/models/registry.js';
import type { FigureJobRequest } from '../../protocol/index.js';
import { clipSet } from '../audit/clip-sets.js';
import { deviceOf, type EngineSettings } from '../kinds.js';
import { KeptRuns } from '../unit-batch/kept-runs.js';
import type { JobContext, StepFrames } from '../worker-contract.js';
import type { FigureOptions } from './plan.js';
import { runFigure, type FigureStarted, type FigureStep } from './run-figure.js';
import { figureNamed } from './table.js';

export { prepareEngine as prepare } from '../prepare-engine.js';

type Context = JobContext<FigureJobRequest, EngineSettings>;

/**
 * Does a figure job. Each run of pictures is kept in the work folder: taken up again, the job makes none twice, and leaves
 * the bytes of one that was not interrupted.
 * @throws {NeuroreelError} what `runFigure` throws
 * @throws {JobCanceled} when the job was cancelled
 */
export async function run(context: Context): Promise<void> {
  const { request, settings, folder, signal } = context;
  const { runtime, threads, memory } = settings;
  const progress = new Progress(context);
  await runFigure({
    ...{ folder, runtime, threads, memory, signal, fps: request.fps },
    entry: figureNamed(request.figure),
    options: optionsOf(request),
    registry: ModelRegistry.open({ folders: settings.modelFolders }),
    device: deviceOf(request, settings),
    pathOf: (name) => (name === request.real ? clipSet(settings.clipFolders ?? [], name) : context.inputs[name]!),
    keeperOf: (name) => new KeptRuns(runFolder(context, name), context.checkpointSeconds * 1000),
    between: () => progress.between(),
    pixelsDue: (iteration) => context.pixelsDue(iteration),
    onStarted: (started) => progress.start(started),
    onStep: (step) => progress.step(step),
    onWriting: (frames, of) => progress.write(frames, of),
  });
}

function optionsOf(request: FigureJobRequest): FigureOptions {
  const { model, units, layers, priors, checkpoints, preset, settings } = request;
  const { starts, seed, iterations, frames, jobs, real } = request;
  return {
    ...{ model, units, layers, priors, models: checkpoints, preset, settings },
    ...{ starts, seed, iterations, frames, videos: jobs, real },
  };
}

/** A request is too long, and has characters, for the name of a folder. */
function runFolder({ work }: Context, request: string): string {
  return join(work, createHash('sha256').update(request).digest('hex').slice(0, 32));
}

/** Tells the job how the figure comes along. */
class Progress {
  readonly #context: Context;
  #total = 0;
  /** A job that writes is not paused any more. */
  #writing = false;
  #since = performance.now();

  constructor(context: Context) {
    this.#context = context;
  }

  async between(): Promise<void> {
    if (!this.#writing) await this.#context.betweenSteps();
  }

  start({ title, panels, pictures, runtime }: FigureStarted): void {
    this.#total = pictures;
    this.#context.started({ title, panels, pictures, runtime });
    this.#since = performance.now();
  }

  step({ iteration, iterations, activation, made, makes, done, frames, words }: FigureStep): void {
    const last = iteration === iterations;
    const now = performance.now();
    const seconds = last ? (now - this.#since) / 1000 / makes : null;
    if (last) this.#since = now;
    this.#context.picture(
      {
        ...{ done: last ? done + makes : done, total: this.#total, activation, seconds },
        figure: { picture: makes > 1 ? `${words}, ${made + 1} to ${made + makes}` : words, iteration, iterations },
      },
      frames === null ? undefined : stepFrames(frames),
    );
  }

  write(frames: number, of: number): void {
    this.#writing = true;
    this.#context.encoding(frames, of);
  }
}

const stepFrames = ({ frames, count, width, height }: NonNullable<FigureStep['frames']>): StepFrames => ({
  ...{ pixels: frames, frames: count, width, height },
});
