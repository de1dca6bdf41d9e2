/** The kind `video`, as it runs in a worker thread: models and prior -> optimised frames -> MP4, sheet, plot, report. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ModelRegistry } from '../engine/models/registry.js';
import { openSynthesis, type Synthesis } from '../engine/synthesis/synthesise.js';
import type { SynthesisCheckpoint, SynthesisResult } from '../engine/synthesis/types.js';
import { parseWith, REPORT_FORMAT, videoReport, type VideoJobRequest, type VideoReport } from '../protocol/index.js';
import { activationPlot, encodeVideo, findFfmpeg, renderSheet, type FfmpegBinary } from '../video/index.js';
import { VIDEO_ARTIFACTS } from './artifacts.js';
import { deviceOf, type EngineSettings } from './kinds.js';
import { packageVersion } from './package-root.js';
import { keepSynthesis, openWhereItWas, steerSynthesis } from './synthesis-checkpoint.js';
import type { JobContext } from './worker-contract.js';

type Context = JobContext<VideoJobRequest, EngineSettings>;

/** What a run leaves for its artifacts. */
interface Outcome {
  readonly result: SynthesisResult;
  readonly about: ReturnType<Synthesis['report']>;
  readonly secondsPerIteration: number;
}

/**
 * Does a video job.
 * @throws {NeuroreelError} FFMPEG_MISSING before any work is done, and what the engine and the encoder throw
 * @throws {JobCanceled} when the job was cancelled
 */
export async function run(context: Context): Promise<void> {
  const ffmpeg = await findFfmpeg();
  const pauses = { allowed: false };
  const synthesis = await openWhereItWas(context, (resume) =>
    open(context, resume, async () => {
      if (pauses.allowed) await context.betweenSteps();
    }),
  );
  let outcome: Outcome;
  try {
    outcome = await optimise(context, synthesis, pauses);
  } finally {
    await synthesis.close();
  }
  await writeArtifacts(context, outcome, ffmpeg);
}

/** @param between awaited between the parts of a step, so that a pause or a cancellation need not wait for all of it */
function open(
  { request, settings }: Context,
  resume: SynthesisCheckpoint | undefined,
  between: () => Promise<void>,
): Promise<Synthesis> {
  const { model, unit, layer, position, prior, preset, settings: changes, iterations, frames, seed } = request;
  const registry = ModelRegistry.open({ folders: settings.modelFolders });
  const { runtime, threads, memory } = settings;
  const device = deviceOf(request, settings);
  const what = { registry, model, unit, layer, position, prior, preset, settings: changes, iterations, frames, seed };
  return openSynthesis({ ...what, runtime, device, threads, memory, between, resume });
}

/** @param pauses allowed while steps are made: a job that encodes is not paused any more */
async function optimise(context: Context, synthesis: Synthesis, pauses: { allowed: boolean }): Promise<Outcome> {
  const { width, height, frames, unit, iterations, runtime } = synthesis;
  context.started({ width, height, frames, unit, iterations, runtime });
  let done = 0;
  let seconds = 0;
  pauses.allowed = true;
  for (;;) {
    await keepSynthesis(context, synthesis);
    await context.betweenSteps();
    await steerSynthesis(context, synthesis, synthesis.checkpoint().iteration + 1);
    const progress = await synthesis.step({ pixels: context.pixelsDue(done + 1) });
    if (progress === null) break;
    done = progress.iteration;
    seconds += progress.seconds;
    context.step(progress);
  }
  pauses.allowed = false;
  context.encoding(0, frames);
  const result = await synthesis.finish();
  return { result, about: synthesis.report(), secondsPerIteration: done === 0 ? 0 : seconds / done };
}

async function writeArtifacts(context: Context, outcome: Outcome, ffmpeg: FfmpegBinary): Promise<void> {
  const { folder, request, signal } = context;
  const { result, about } = outcome;
  const { width, height, frames: count } = result;
  const sequence = { frames: result.pixels, count, width, height };
  const path = (name: keyof typeof VIDEO_ARTIFACTS): string => join(folder, VIDEO_ARTIFACTS[name]);
  const onProgress = (encoded: number): void => context.encoding(encoded, count);
  await encodeVideo(sequence, { path: path('video'), width, height, fps: request.fps, signal, ffmpeg, onProgress });
  const title = `${about.unit.label} (unit ${about.unit.index} of ${about.model.name})`;
  const subtitle = `${count} frames, preset ${about.preset}, seed ${about.seed}`;
  await writeFile(path('sheet'), await renderSheet(sequence, { title, subtitle }));
  const plot = await activationPlot({
    unit: about.unit.label,
    model: about.model.name,
    activations: result.activations,
    iterations: Array.from(result.activations, (_, i) => i + 1),
    realClips: about.realClips?.activations,
  });
  await writeFile(path('plot'), plot.png);
  await writeFile(path('report'), `${JSON.stringify(reportOf(context, outcome, ffmpeg), null, 2)}\n`);
}

function reportOf(context: Context, outcome: Outcome, ffmpeg: FfmpegBinary): VideoReport {
  const { id, request, events } = context;
  const { result, about, secondsPerIteration } = outcome;
  const { model, prior, unit, runtime, realClips, ...synthesis } = about;
  return parseWith(
    videoReport,
    {
      format: REPORT_FORMAT,
      job: id,
      request,
      seed: request.seed,
      model,
      prior,
      unit,
      video: { frames: result.frames, width: result.width, height: result.height, fps: request.fps },
      runtime,
      versions: { neuroreel: packageVersion, node: process.versions.node, runtime, ffmpeg: ffmpeg.version },
      ended: result.ended,
      iterations: result.activations.length,
      activations: Array.from(result.activations),
      secondsPerIteration,
      finalActivation: result.activation,
      finalProbability: result.probabilities[unit.index] ?? null,
      realClips: realClips && comparison(realClips),
      smoothness: result.smoothness,
      events,
      synthesis,
      steering: context.steered.map(({ iteration, change }) => ({ iteration: iteration!, change })),
    },
    'INTERNAL',
  );
}

function comparison(real: NonNullable<Outcome['about']['realClips']>): NonNullable<VideoReport['realClips']> {
  const activations = [...real.activations];
  return {
    clips: real.clips,
    frames: real.frames,
    activations,
    mean: activations.reduce((sum, value) => sum + value, 0) / activations.length,
    max: Math.max(...activations),
    smoothness: real.smoothness,
  };
}
