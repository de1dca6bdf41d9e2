/** What the kinds that synthesise have in common: a run that is opened where it was, steered, kept, streamed and ended. */
import { ModelRegistry } from '../engine/models/registry.js';
import { openSynthesis, type Synthesis, type SynthesisOptions } from '../engine/synthesis/synthesise.js';
import type { SynthesisCheckpoint, SynthesisResult } from '../engine/synthesis/types.js';
import type { ImageJobRequest, SynthesisOverrides, VideoJobRequest } from '../protocol/index.js';
import { freeCodes } from './free-codes.js';
import { deviceOf, type EngineSettings } from './kinds.js';
import { packageVersion } from './package-root.js';
import { startPictures } from './start-pictures.js';
import { keepSynthesis, openWhereItWas } from './synthesis-checkpoint.js';
import type { JobContext } from './worker-contract.js';

type SynthesisRequest = VideoJobRequest | ImageJobRequest;
export type SynthesisContext<R extends SynthesisRequest = SynthesisRequest> = JobContext<R, EngineSettings>;

/** What is maximised: one unit over the frames of a video, or the unit of each picture. */
export type Subject = Pick<SynthesisOptions, 'unit' | 'units' | 'frames'>;

/** What a run leaves for its artifacts. */
export interface Outcome {
  readonly result: SynthesisResult;
  readonly about: ReturnType<Synthesis['report']>;
  /** The unit of each frame. */
  readonly units: Synthesis['units'];
  readonly secondsPerIteration: number;
  /** What the same run reaches with free codes, where that was asked for. */
  readonly free: SynthesisResult | null;
}

/**
 * Optimises what a request asks for, from where an earlier worker left it.
 * @param files what is counted while artifacts are written: frames of a video, files
 * @throws {NeuroreelError} what the engine throws
 * @throws {JobCanceled} when the job was cancelled
 */
export async function runSynthesis(context: SynthesisContext, subject: Subject, files: number): Promise<Outcome> {
  const pauses = { allowed: false };
  const { request, work, signal } = context;
  const { picture } = request;
  const frames = request.kind === 'video' ? subject.frames : 1;
  const pictures = picture === undefined ? undefined : await startPictures(picture, frames, work, signal);
  const between = async (): Promise<void> => {
    if (pauses.allowed) await context.betweenSteps();
  };
  const more = { ...subject, pictures, between };
  const synthesis = await openWhereItWas(context, (resume) => open(context, { ...more, resume }));
  const compare = (): Promise<SynthesisResult> =>
    freeCodes(context, request.settings, request.seed, (settings, resume) =>
      open(context, { ...more, settings, resume }),
    );
  const wanted = request.kind === 'video' && request.compareFree === true;
  try {
    return await optimise(context, synthesis, { pauses, files, compare: wanted ? compare : undefined });
  } finally {
    await synthesis.close();
  }
}

/** @param between awaited between the parts of a step, so that a pause or a cancellation need not wait for all of it */
function open(
  { request, settings }: SynthesisContext,
  more: Subject &
    Pick<SynthesisOptions, 'pictures' | 'between'> & {
      resume: SynthesisCheckpoint | undefined;
      /** In place of those of the request. */
      settings?: SynthesisOverrides;
    },
): Promise<Synthesis> {
  const { model, layer, position, prior, preset, settings: changes, iterations, seed } = request;
  const registry = ModelRegistry.open({ folders: settings.modelFolders });
  const { runtime, threads, memory } = settings;
  const device = deviceOf(request, settings);
  const what = { registry, model, layer, position, prior, preset, settings: changes, iterations, seed };
  return openSynthesis({ ...what, ...more, runtime, device, threads, memory });
}

/** @param pauses allowed while steps are made: a job that encodes is not paused any more */
async function optimise(
  context: SynthesisContext,
  synthesis: Synthesis,
  {
    pauses,
    files,
    compare,
  }: { pauses: { allowed: boolean }; files: number; compare: (() => Promise<SynthesisResult>) | undefined },
): Promise<Outcome> {
  const { width, height, frames, unit, units, iterations, runtime } = synthesis;
  const images = context.request.kind === 'image';
  context.started({ width, height, frames, unit, ...(images && { units: [...units] }), iterations, runtime });
  let iteration = synthesis.iterationsDone;
  let made = 0;
  let waited = 0;
  pauses.allowed = true;
  for (;;) {
    await keepSynthesis(context, synthesis);
    await context.betweenSteps();
    await context.steer(iteration + 1, (change) => synthesis.steer(change));
    const progress = await synthesis.step({ pixels: context.pixelsDue(iteration + 1) });
    if (progress === null) break;
    const { pixels, activation, smoothness, seconds, frameActivations } = progress;
    iteration = progress.iteration;
    made++;
    waited += seconds;
    const step = { iteration, iterations, activation, smoothness, seconds, frameActivations };
    context.step(step, pixels && { pixels, frames, width, height });
  }
  const free = (await compare?.()) ?? null;
  pauses.allowed = false;
  context.encoding(0, files);
  const result = await synthesis.finish();
  const secondsPerIteration = made === 0 ? 0 : waited / made;
  return { result, about: synthesis.report(), units: synthesis.units, secondsPerIteration, free };
}

/** What the reports of these kinds have in common. */
export function commonReport({ id, request, events, steered }: SynthesisContext, outcome: Outcome) {
  const { result, about, secondsPerIteration } = outcome;
  const { model, prior, runtime } = about;
  return {
    ...{
      job: id,
      request,
      seed: request.seed,
      model,
      prior,
      runtime,
      ended: result.ended,
      events,
      secondsPerIteration,
    },
    versions: { neuroreel: packageVersion, node: process.versions.node, runtime },
    iterations: result.activations.length,
    activations: Array.from(result.activations),
    // A plan may hold changes of iterations that were never made.
    steering: steered.flatMap(({ iteration, change }) =>
      iteration! <= result.activations.length ? [{ iteration: iteration!, change }] : [],
    ),
  };
}
