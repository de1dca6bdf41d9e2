/** Finds preferred videos that video jobs left, and has them audited. */
import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { AuditedModel } from '../../engine/audit/audit.js';
import { examineSynthesised } from '../../engine/audit/synthesised.js';
import { NeuroreelError, videoReport, type SynthesisedResult, type VideoReport } from '../../protocol/index.js';
import { decodeVideo, type FfmpegBinary } from '../../video/index.js';
import { VIDEO_ARTIFACTS } from '../artifacts.js';

export interface SynthesisedOptions {
  readonly ffmpeg: FfmpegBinary;
  readonly permutations: number;
  readonly seed: number;
  readonly signal?: AbortSignal | undefined;
  readonly onNote?: ((words: string) => void) | undefined;
}

/**
 * Audits the videos of folders: each holds one, or folders of which each holds one.
 * @throws {NeuroreelError} REQUEST_INVALID when there is none, or it was made for a model that is not audited;
 *   VIDEO_UNREADABLE, FFMPEG_FAILED, SCORES_INVALID; the signal's reason
 */
export async function auditSynthesised(
  paths: readonly string[],
  models: readonly AuditedModel[],
  options: SynthesisedOptions,
): Promise<SynthesisedResult[]> {
  const results: SynthesisedResult[] = [];
  for (const path of paths) {
    for (const folder of await videoFolders(path)) {
      options.signal?.throwIfAborted();
      results.push(await auditOne(folder, models, options));
    }
  }
  return results;
}

const isFile = async (path: string): Promise<boolean> => (await stat(path).catch(() => null))?.isFile() ?? false;

async function videoFolders(path: string): Promise<string[]> {
  const holds = (folder: string): Promise<boolean> => isFile(join(folder, VIDEO_ARTIFACTS.video));
  if (await holds(path)) return [path];
  const entries = await readdir(path, { withFileTypes: true }).catch(() => []);
  const folders: string[] = [];
  for (const name of entries.map((entry) => entry.name).sort(new Intl.Collator('en', { numeric: true }).compare)) {
    if (await holds(join(path, name))) folders.push(join(path, name));
  }
  if (folders.length > 0) return folders;
  throw new NeuroreelError(
    'REQUEST_INVALID',
    `There is no preferred video in ${path}: no folder with ${VIDEO_ARTIFACTS.video}.`,
  );
}

async function auditOne(
  folder: string,
  models: readonly AuditedModel[],
  options: SynthesisedOptions,
): Promise<SynthesisedResult> {
  const report = await readReport(join(folder, VIDEO_ARTIFACTS.report));
  const model = models.find(({ name }) => name === report.model.name);
  if (!model) {
    const message = `The video in ${folder} was made for ${report.model.name}, which is not audited.`;
    throw new NeuroreelError('REQUEST_INVALID', message);
  }
  if (model.sha256 !== undefined && model.sha256 !== report.model.sha256) {
    options.onNote?.(`The video in ${folder} was made for an earlier ${model.name}.`);
  }
  const { width, height } = model.scorer;
  const { ffmpeg, signal } = options;
  const video = await decodeVideo(join(folder, VIDEO_ARTIFACTS.video), {
    width,
    height,
    fit: 'stretch',
    ffmpeg,
    signal,
  });
  const { index } = report.unit;
  if (index >= model.labels.length) {
    throw new NeuroreelError(
      'REQUEST_INVALID',
      `${model.name} has no unit ${index}, which the video in ${folder} is for.`,
    );
  }
  return examineSynthesised(
    {
      name: basename(folder),
      frames: video.count,
      pixels: video.frames,
      unit: index,
      real: report.realClips?.activations,
    },
    model,
    options,
  );
}

async function readReport(path: string): Promise<VideoReport> {
  try {
    return videoReport.parse(JSON.parse(await readFile(path, 'utf8')));
  } catch (cause) {
    throw new NeuroreelError('REQUEST_INVALID', `${path} is not the report of a video.`, { cause });
  }
}
