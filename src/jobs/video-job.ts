/** The kind `video`, as it runs in a worker: models and prior -> optimised frames -> MP4, sheet, plot, report. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseWith, REPORT_FORMAT, videoReport, type VideoJobRequest, type VideoReport } from '../protocol/index.js';
import { activationPlot, encodeVideo, findFfmpeg, renderSheet, type FfmpegBinary } from '../video/index.js';
import { VIDEO_ARTIFACTS } from './artifacts.js';
import { freeReport } from './free-codes.js';
import { commonReport, runSynthesis, type Outcome, type SynthesisContext } from './synthesis-run.js';

export { prepareEngine as prepare } from './prepare-engine.js';

type Context = SynthesisContext<VideoJobRequest>;

/**
 * Does a video job.
 * @throws {NeuroreelError} FFMPEG_MISSING before any work is done, and what the engine and the encoder throw
 * @throws {JobCanceled} when the job was cancelled
 */
export async function run(context: Context): Promise<void> {
  const { unit, frames } = context.request;
  const ffmpeg = await findFfmpeg();
  const outcome = await runSynthesis(context, { unit, frames }, frames);
  await writeArtifacts(context, outcome, ffmpeg);
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
  const { result, about } = outcome;
  const { model: _model, prior: _prior, unit, runtime: _runtime, realClips, ...synthesis } = about;
  const common = commonReport(context, outcome);
  return parseWith(
    videoReport,
    {
      ...common,
      format: REPORT_FORMAT,
      request: context.request,
      unit,
      video: { frames: result.frames, width: result.width, height: result.height, fps: context.request.fps },
      versions: { ...common.versions, ffmpeg: ffmpeg.version },
      finalActivation: result.activation,
      finalProbability: result.probabilities[unit.index] ?? null,
      realClips: realClips && comparison(realClips),
      smoothness: result.smoothness,
      freeCodes: outcome.free && freeReport(result, outcome.free, unit.index),
      synthesis,
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
