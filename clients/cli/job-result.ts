/** What a finished job left, in words and as a document; and an error for one that did not finish well. */
import { readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { IMAGE_ARTIFACTS, VIDEO_ARTIFACTS } from '../../src/jobs/artifacts.js';
import {
  imageReport,
  NeuroreelError,
  parseWith,
  videoReport,
  type ImageReport,
  type Job,
  type VideoReport,
} from '../../src/protocol/index.js';
import { facts, figure } from './format.js';

export interface VideoResult {
  readonly folder: string;
  /** Paths of the artifacts. */
  readonly files: Readonly<Record<keyof typeof VIDEO_ARTIFACTS, string>>;
  readonly report: VideoReport;
}

/**
 * Checks that a job that has ended succeeded.
 * @param interrupted thrown when it was cancelled
 * @throws {NeuroreelError} what the job failed with
 */
export function assertSucceeded({ id, state, error }: Job, interrupted: Error | undefined): void {
  if (state === 'succeeded') return;
  if (error !== null) throw new NeuroreelError(error.code, error.message, { details: error.details });
  throw interrupted ?? new NeuroreelError('JOB_INTERRUPTED', `Job ${id} was cancelled.`);
}

/** The artifacts of a video job in a folder, the report checked. */
export async function videoResult(folder: string): Promise<VideoResult> {
  const files = Object.fromEntries(
    Object.entries(VIDEO_ARTIFACTS).map(([role, name]) => [role, join(folder, name)]),
  ) as VideoResult['files'];
  const report = parseWith(videoReport, JSON.parse(await readFile(files.report, 'utf8')), 'INTERNAL');
  return { folder, files, report };
}

function activationWords({ finalActivation, finalProbability, realClips }: VideoReport): string {
  const sure = finalProbability === null ? '' : `, probability ${figure(finalProbability)}`;
  if (realClips === null) return `${figure(finalActivation)}${sure}`;
  const { activations, mean } = realClips;
  const below = activations.filter((activation) => activation < finalActivation).length;
  const compared = `${activations.length} real clips: ${figure(mean)} on average, ${below} of them below it`;
  return `${figure(finalActivation)}${sure} (${compared})`;
}

/** A path from here, unless it is elsewhere. */
export function here(path: string): string {
  const short = relative(process.cwd(), path);
  return short.startsWith('..') ? path : short || '.';
}

/** A few lines for people. */
export function videoWords({ files, report }: VideoResult): string {
  const { frames, width, height, fps } = report.video;
  return facts([
    ['video', `${here(files.video)} (${frames} frames of ${width}x${height}, ${fps} fps)`],
    ['sheet', here(files.sheet)],
    ['plot', here(files.plot)],
    ['report', here(files.report)],
    ['unit', `${report.unit.label} (${report.unit.index}) of ${report.model.name}`],
    ['activation', activationWords(report)],
    ['iterations', `${report.iterations}, ${figure(report.secondsPerIteration)} s each`],
  ]);
}

export interface ImageResult {
  readonly folder: string;
  readonly report: ImageReport;
}

/** The artifacts of an image job in a folder, the report checked. */
export async function imageResult(folder: string): Promise<ImageResult> {
  const text = await readFile(join(folder, IMAGE_ARTIFACTS.report), 'utf8');
  return { folder, report: parseWith(imageReport, JSON.parse(text), 'INTERNAL') };
}

/** Pictures that are told one by one. */
const TOLD = 8;

/** A few lines for people. */
export function imageWords({ folder, report }: ImageResult): string {
  const { pictures, model, iterations, secondsPerIteration } = report;
  const told = pictures.slice(0, TOLD).map(({ unit, activation, probability }) => {
    return `${unit.label} ${figure(activation)}${probability === null ? '' : ` (${(100 * probability).toFixed(0)} %)`}`;
  });
  const first = join(folder, pictures[0]?.file ?? '');
  return facts([
    ['pictures', pictures.length === 1 ? here(first) : `${pictures.length} in ${here(folder)}`],
    ['montage', pictures.length > 1 ? here(join(folder, IMAGE_ARTIFACTS.montage)) : ''],
    ['plot', here(join(folder, IMAGE_ARTIFACTS.plot))],
    ['report', here(join(folder, IMAGE_ARTIFACTS.report))],
    ['model', model.name],
    ['activation', `${told.join(', ')}${pictures.length > TOLD ? ', ...' : ''}`],
    ['iterations', `${iterations}, ${figure(secondsPerIteration)} s each`],
  ]);
}
