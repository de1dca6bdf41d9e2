/**
 * Takes over the jobs of the form that stores had before there was a database: DATA/jobs/ID/record.json and
 * DATA/jobs/ID/artifacts/. Each job is taken over as a whole or left where it is, so a crash in the middle does no harm.
 */
import { access, readdir, readFile, rename, rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import {
  isFinal,
  job as jobSchema,
  activationHistory,
  jobId,
  NeuroreelError,
  parseWith,
} from '../../protocol/index.js';
import type { Blobs } from './blobs.js';
import { fingerprintOf } from './fingerprint.js';
import type { Rows, StoredArtifact } from './rows.js';

const legacyJob = jobSchema
  .omit({ priority: true, parent: true, batch: true, webhook: true, crashes: true, steering: true })
  .extend({ history: activationHistory });
const recordFile = z.strictObject({ format: z.literal('neuroreel.job/1'), job: legacyJob });
type LegacyJob = z.output<typeof legacyJob>;

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

async function read(folder: string, id: string): Promise<LegacyJob> {
  const path = join(folder, id, 'record.json');
  try {
    const { job } = parseWith(recordFile, JSON.parse(await readFile(path, 'utf8')), 'JOB_RECORD_INVALID');
    if (job.id !== id) throw new Error(`it is of job ${job.id}`);
    return job;
  } catch (cause) {
    const message = `The record ${path} cannot be read: ${(cause as Error).message}`;
    throw new NeuroreelError('JOB_RECORD_INVALID', message, { cause });
  }
}

async function takeArtifacts(folder: string, blobs: Blobs): Promise<StoredArtifact[]> {
  const taken: StoredArtifact[] = [];
  if (!(await exists(folder))) return taken;
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (entry.isFile()) taken.push({ name: entry.name, ...(await blobs.take(join(folder, entry.name))) });
  }
  return taken;
}

export interface LegacyParts {
  readonly dataFolder: string;
  readonly rows: Rows;
  readonly blobs: Blobs;
  /** Where a job keeps what it goes on from. */
  keptFolder(id: string): Promise<string>;
}

/** Takes over every job that can be read, oldest first; returns an error for each that cannot. */
export async function takeOverRecords({ dataFolder, rows, blobs, ...parts }: LegacyParts): Promise<NeuroreelError[]> {
  const folder = join(dataFolder, 'jobs');
  if (!(await exists(folder))) return [];
  const found: LegacyJob[] = [];
  const problems: NeuroreelError[] = [];
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (!entry.isDirectory() || !jobId.safeParse(entry.name).success) continue;
    await read(folder, entry.name).then(
      (job) => found.push(job),
      (error: unknown) => problems.push(error as NeuroreelError),
    );
  }
  found.sort((a, b) => a.createdAt.localeCompare(b.createdAt) || a.id.localeCompare(b.id));
  for (const { history, ...record } of found) {
    const from = join(folder, record.id);
    const artifacts = await takeArtifacts(join(from, 'artifacts'), blobs);
    const work = join(from, 'work');
    if (!isFinal(record.state) && (await exists(work))) {
      const kept = await parts.keptFolder(record.id);
      for (const name of await readdir(work)) await rename(join(work, name), join(kept, name));
    }
    const job = { ...record, priority: 0, parent: null, batch: null, webhook: null, crashes: 0, steering: [] };
    const submission = { priority: 0, request: record.request };
    rows.together(() => {
      // A crash may have come after this and before the folder was removed.
      if (rows.get(job.id) !== null) return;
      rows.insert({ job, history, fingerprint: fingerprintOf(submission), secret: null, states: null });
      rows.setArtifacts(job.id, artifacts);
    });
    await rm(from, { recursive: true, force: true });
  }
  if (problems.length === 0) await rmdir(folder).catch(() => undefined);
  return problems;
}
