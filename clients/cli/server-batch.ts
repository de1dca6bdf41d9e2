/** The units of a batch, made by a server: jobs one after the other, and of their files what a batch made here leaves. */
import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { VIDEO_ARTIFACTS } from '../../src/jobs/artifacts.js';
import { AT_ONCE } from '../../src/jobs/figures/pictures.js';
import { exampleFiles, shownScale, type UnitPlan, type UnitTask } from '../../src/jobs/unit-batch/each-unit.js';
import {
  NeuroreelError,
  parseWith,
  UNIT_RESULT_FORMAT,
  unitResult,
  type Job,
  type UnitResult,
} from '../../src/protocol/index.js';
import { decodeStill, encodeStill, frameAt, decodeVideo, findFfmpeg } from '../../src/video/index.js';
import type { JobSubmission, NeuroreelClient } from '../js/index.js';
import { assertSucceeded, imageResult, videoResult } from './job-result.js';
import { fetchArtifacts, setAside } from './server-job.js';

export interface ServerBatch {
  readonly client: NeuroreelClient;
  readonly model: UnitPlan['model'];
  readonly fps: number;
  readonly device: string | undefined;
  readonly onStep: (label: string, iteration: number, iterations: number, activation: number) => void;
  readonly signal: AbortSignal;
}

type Example = UnitResult['examples'][number];
type Made = Pick<UnitResult, 'model' | 'prior' | 'runtime' | 'versions'> & { readonly examples: readonly Example[] };

/** The model of a batch as the server has it. @throws MODEL_UNKNOWN, PROTOCOL_MISMATCH, SERVER_UNREACHABLE */
export async function modelThere(client: NeuroreelClient, wanted: string): Promise<UnitPlan['model']> {
  const { name, kind, labels, sha256 } = await client.models.get(wanted);
  if (kind === 'prior') throw new NeuroreelError('MODEL_UNKNOWN', `${name} is a prior, which has no units.`);
  if (sha256 === undefined) throw new NeuroreelError('PROTOCOL_MISMATCH', `The server tells no hash of ${name}.`);
  return { name, labels, sha256, pictures: kind === 'classifier' };
}

/**
 * Has a unit made, and leaves its files in the folder.
 * @throws {NeuroreelError} what the jobs failed with, FFMPEG_MISSING; the signal's reason, with the job set aside
 */
export async function makeUnitThere(batch: ServerBatch, task: UnitTask, folder: string): Promise<UnitResult> {
  const began = performance.now();
  await mkdir(folder, { recursive: true });
  // The still of a video is one of its frames.
  if (!batch.model.pictures) await findFfmpeg();
  const { starts } = task.request;
  const examples: Example[] = [];
  let last: Made | null = null;
  while (examples.length < starts) {
    const make = batch.model.pictures ? makePictures : makeVideo;
    last = await make(batch, task, folder, examples.length);
    examples.push(...last.examples);
  }
  const { model, prior, runtime, versions } = last!;
  return parseWith(
    unitResult,
    {
      ...{ format: UNIT_RESULT_FORMAT, request: task.request, fps: batch.model.pictures ? null : batch.fps },
      ...{ model, prior, unit: { index: task.index, label: task.label }, examples, runtime, versions },
      seconds: (performance.now() - began) / 1000,
    },
    'INTERNAL',
  );
}

/** What jobs of both kinds are told. */
function common({ device }: ServerBatch, { request }: UnitTask, first: number) {
  const { model, prior, preset, settings, iterations, seed } = request;
  return {
    model,
    prior,
    preset,
    settings,
    iterations,
    seed: seed + first,
    ...(device && { device: device as 'auto' }),
  };
}

async function makePictures(batch: ServerBatch, task: UnitTask, folder: string, first: number): Promise<Made> {
  const starts = Math.min(AT_ONCE, task.request.starts - first);
  const asked = common(batch, task, first);
  return withJob(batch, task, folder, { kind: 'image', ...asked, units: [task.index], starts }, async (files) => {
    const { report } = await imageResult(files);
    const examples: Example[] = [];
    for (const [i, { file, activation, probability }] of report.pictures.entries()) {
      const { data, width, height } = await decodeStill(await readFile(join(files, file)));
      const { picture } = exampleFiles(first + i);
      const options = { format: 'png', scale: shownScale(width, height), kernel: 'cubic' } as const;
      await writeFile(join(folder, picture), await encodeStill(data, width, height, options));
      const facts = { seed: report.seed, start: first + i, activation, probability, smoothness: null };
      examples.push({ ...facts, picture, video: null, sheet: null });
    }
    return { ...report, examples };
  });
}

async function makeVideo(batch: ServerBatch, task: UnitTask, folder: string, start: number): Promise<Made> {
  const { frames } = task.request;
  const asked = { ...common(batch, task, start), unit: task.index, frames, fps: batch.fps };
  return withJob(batch, task, folder, { kind: 'video', ...asked }, async (files) => {
    const { report } = await videoResult(files);
    const { picture, video, sheet } = exampleFiles(start);
    const clip = await decodeVideo(join(files, VIDEO_ARTIFACTS.video), { signal: batch.signal });
    const middle = await encodeStill(frameAt(clip, clip.count >> 1), clip.width, clip.height, { format: 'png' });
    await writeFile(join(folder, picture), middle);
    await rename(join(files, VIDEO_ARTIFACTS.video), join(folder, video));
    await rename(join(files, VIDEO_ARTIFACTS.sheet), join(folder, sheet));
    const { seed, finalActivation: activation, finalProbability: probability, smoothness } = report;
    return { ...report, examples: [{ seed, start, activation, probability, smoothness, picture, video, sheet }] };
  });
}

/** Has a job done, and makes something of its files, which are gone then. */
async function withJob(
  batch: ServerBatch,
  { label }: UnitTask,
  folder: string,
  request: JobSubmission,
  use: (files: string) => Promise<Made>,
): Promise<Made> {
  const { client, onStep, signal } = batch;
  const files = join(folder, '.job');
  const { id } = await submitted(batch, request);
  try {
    const job = await client.wait(id, {
      signal,
      onEvent(event) {
        if (event.type !== 'progress') return;
        const { iteration, iterations, activation } = event.progress;
        onStep(label, iteration, iterations, activation);
      },
    });
    assertSucceeded(job, undefined);
  } catch (error) {
    if (signal.aborted) await setAside(client, id);
    throw error;
  }
  try {
    await fetchArtifacts(client, id, files);
    return await use(files);
  } finally {
    await rm(files, { recursive: true, force: true });
  }
}

/**
 * The job of a request. An earlier one for the same with the same model is gone on with: the key is made of what decides
 * the result. One that was deleted is another job, and one that failed is tried again.
 */
async function submitted({ client, model, signal }: ServerBatch, request: JobSubmission): Promise<Job> {
  signal.throwIfAborted();
  const idempotencyKey = createHash('sha256')
    .update(JSON.stringify([model.sha256, request]))
    .digest('hex');
  const job = await client.jobs.submit(request, { idempotencyKey, signal });
  if (job.state === 'paused') return client.jobs.resume(job.id);
  if (job.state === 'failed' || job.state === 'canceled') return client.jobs.retry(job.id);
  return job;
}
