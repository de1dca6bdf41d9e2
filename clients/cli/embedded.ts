/** Runs a job without a server: the same queue and worker thread, in this process, with a data folder of its own. */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { jobKinds, type EngineSettings } from '../../src/jobs/kinds.js';
import type { ModelCatalogue } from '../../src/jobs/request-checks.js';
import { JobManager, type Log } from '../../src/jobs/manager.js';
import { isFinal, type Job, type JobRequest } from '../../src/protocol/index.js';
import { writing } from './errors.js';
import type { JobListener } from './job-display.js';
import { assertSucceeded } from './job-result.js';

/** Milliseconds that a cancelled step may take. */
const CANCEL_GRACE_MS = 60_000;

/** What there is to log becomes the job's error, or is of no interest. */
const noLog: Log = { info: () => undefined, warn: () => undefined, error: () => undefined };

export interface EmbeddedJob {
  readonly id: string;
  readonly request: JobRequest;
  readonly models: ModelCatalogue;
  readonly settings: EngineSettings;
  /** Folder for the artifacts; made if need be. Files of their names are replaced when the job has succeeded. */
  readonly folder: string;
  readonly listener: JobListener;
  /** Aborting it cancels the job; its reason is thrown. */
  readonly signal: AbortSignal;
}

/** A folder for a job in the making, on the same disk as the results. */
export interface Workshop {
  readonly path: string;
  /** Removes it, now. */
  remove(): void;
}

/** @throws {NeuroreelError} OUTPUT_UNWRITABLE */
export async function openWorkshop(folder: string): Promise<Workshop> {
  const path = await writing(folder, async () => {
    await mkdir(folder, { recursive: true });
    return mkdtemp(join(folder, '.neuroreel-'));
  });
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
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

/**
 * Runs a job to its end; its artifacts are in `folder` then.
 * @throws {NeuroreelError} what the job's check or the job itself fails with; OUTPUT_UNWRITABLE; the signal's reason
 */
export async function runEmbedded(job: EmbeddedJob, workshop: Workshop): Promise<void> {
  const { id, request, models, settings, folder, listener, signal } = job;
  const manager = await JobManager.open({
    dataFolder: workshop.path,
    kinds: jobKinds(models, settings),
    log: noLog,
    queueLimit: 1,
    cancelGraceMs: CANCEL_GRACE_MS,
    now: () => new Date(),
    newId: () => id,
  });
  const cancel = (): void => void manager.cancel(id);
  try {
    await manager.start();
    const end = ended(manager, id, listener);
    await manager.submit(id, request);
    signal.addEventListener('abort', cancel, { once: true });
    if (signal.aborted) cancel();
    assertSucceeded(await end, signal.reason as Error | undefined);
    await writing(folder, () => manager.exportArtifacts(id, folder));
  } finally {
    signal.removeEventListener('abort', cancel);
    await manager.close(0);
    await rm(workshop.path, { recursive: true, force: true });
  }
}
