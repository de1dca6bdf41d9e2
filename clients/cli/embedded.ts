/**
 * Runs a job without a server: the same queue in this process, and the same worker. What the job has reached is kept in a
 * hidden folder beside its results until it ends, so that the same command goes on where it was.
 */
import { mkdir, rm } from 'node:fs/promises';
import { isDeepStrictEqual } from 'node:util';
import { join } from 'node:path';
import { jobKinds, type EngineSettings } from '../../src/jobs/kinds.js';
import type { ModelCatalogue } from '../../src/jobs/model-catalogue.js';
import { JobManager, type Log } from '../../src/jobs/manager.js';
import { isFinal, NeuroreelError, type Job, type JobRequest } from '../../src/protocol/index.js';
import { writing } from './errors.js';
import type { JobListener } from './job-display.js';
import { assertSucceeded } from './job-result.js';
import { followFrames } from './preview/follow.js';
import type { Preview } from './preview/preview.js';

/** Milliseconds that the step may take that an interruption falls into. */
const STEP_MS = 60_000;

/** What there is to log becomes the job's error, or is of no interest. */
const noLog: Log = { info: () => undefined, warn: () => undefined, error: () => undefined };

export interface EmbeddedJob {
  readonly request: JobRequest;
  readonly models: ModelCatalogue;
  readonly settings: EngineSettings;
  /** Folder for the artifacts; made if need be. Files of their names are replaced when the job has succeeded. */
  readonly folder: string;
  readonly listener: JobListener;
  /** Shows its frames. */
  readonly preview?: Preview | null | undefined;
  /** Told when the job goes on where an earlier command left it. */
  readonly onResumed?: (() => void) | undefined;
  /** Aborting it sets the job aside; its reason is thrown. */
  readonly signal: AbortSignal;
}

/** Where a job of a kind is kept while it is made, on the same disk as its results. */
export const workFolder = (folder: string, kind: string): string => join(folder, `.neuroreel-${kind}`);

async function openManager(job: EmbeddedJob, dataFolder: string): Promise<JobManager> {
  await writing(job.folder, () => mkdir(job.folder, { recursive: true }));
  const id = job.request.kind;
  return JobManager.open({
    ...{ dataFolder, kinds: jobKinds(job.models, job.settings), log: noLog, queueLimit: 1, cancelGraceMs: STEP_MS },
    ...{ now: () => new Date(), newId: () => id },
  });
}

/** A request as the store gives it back: without the fields that are undefined. */
const stored = (request: JobRequest): unknown => JSON.parse(JSON.stringify(request)) as unknown;

/** The manager of a job that was left unfinished with the same request, or of none. */
async function openWhereItWas(job: EmbeddedJob, dataFolder: string): Promise<{ manager: JobManager; left: boolean }> {
  try {
    const manager = await openManager(job, dataFolder);
    const found = manager.list().find(({ id }) => id === job.request.kind);
    if (found === undefined) return { manager, left: false };
    if (!isFinal(found.state) && isDeepStrictEqual(found.request, stored(job.request))) return { manager, left: true };
    await manager.close(0);
  } catch (error) {
    // Of another version, or damaged: the job begins anew.
    if (!(error instanceof NeuroreelError && error.code === 'STORE_INCOMPATIBLE')) throw error;
  }
  await rm(dataFolder, { recursive: true, force: true });
  return { manager: await openManager(job, dataFolder), left: false };
}

function ended(manager: JobManager, id: string, listener: JobListener): Promise<Job> {
  return new Promise((resolve) => {
    manager.events.on('progress', (_, progress) => listener.progress(progress));
    manager.events.on('state', (job) => {
      listener.state(job);
      if (job.id === id && isFinal(job.state)) resolve(job);
    });
  });
}

function aborted(signal: AbortSignal): Promise<null> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(null);
    else signal.addEventListener('abort', () => resolve(null), { once: true });
  });
}

/** Shows the frames of the job as soon as their size is known. */
function showFrames({ events, frames }: JobManager, { request, preview }: EmbeddedJob): () => void {
  let stop = (): void => undefined;
  if (!preview) return stop;
  events.on('state', ({ state, run }) => {
    if (state !== 'running' || run === null || !('width' in run)) return;
    stop();
    stop = followFrames(frames, request.kind, run, preview);
  });
  return () => stop();
}

/**
 * Runs a job to its end; its artifacts are in `folder` then.
 * @throws {NeuroreelError} what the job's check or the job itself fails with; OUTPUT_UNWRITABLE; DATA_FOLDER_IN_USE when
 *   another command makes the same thing in the same folder; the signal's reason
 */
export async function runEmbedded(job: EmbeddedJob): Promise<void> {
  const { request, folder, listener, signal } = job;
  const id = request.kind;
  const dataFolder = workFolder(folder, id);
  const { manager, left } = await openWhereItWas(job, dataFolder);
  const stopShowing = showFrames(manager, job);
  let keep = false;
  try {
    if (left) job.onResumed?.();
    const end = ended(manager, id, listener);
    await manager.start();
    if (!left) await manager.submit(id, request);
    const outcome = await Promise.race([end, aborted(signal)]);
    if (outcome === null) {
      keep = true;
      throw signal.reason as Error;
    }
    assertSucceeded(outcome, undefined);
    await writing(folder, () => manager.exportArtifacts(id, folder));
  } finally {
    stopShowing();
    await job.preview?.end();
    await manager.close(STEP_MS);
    if (!keep) await rm(dataFolder, { recursive: true, force: true });
  }
}
