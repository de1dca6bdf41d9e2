/**
 * Jobs on disk: a folder a job under the data folder, with its record (written atomically) and its artifacts.
 *
 *   DATA/jobs/ID/record.json
 *   DATA/jobs/ID/artifacts/          complete, or not there
 *   DATA/jobs/ID/artifacts.partial/  while a worker writes them
 */
import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { jobId, jobWithHistory, NeuroreelError, parseWith, type JobWithHistory } from '../protocol/index.js';

const RECORD_FORMAT = 'neuroreel.job/1';
const recordFile = z.strictObject({ format: z.literal(RECORD_FORMAT), job: jobWithHistory });

/** Writes to a temporary name, flushes, then renames: a reader sees the old file or the new one, never a part. */
async function writeAtomically(path: string, text: string): Promise<void> {
  const temporary = `${path}.tmp`;
  const file = await open(temporary, 'w');
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
}

function unwritable(folder: string, cause: unknown): NeuroreelError {
  const reason = (cause as NodeJS.ErrnoException).code ?? String(cause);
  return new NeuroreelError('DATA_FOLDER_UNWRITABLE', `Cannot write to the data folder ${folder} (${reason}).`, {
    cause,
  });
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Two servers in one folder would take each other's running jobs for interrupted ones. */
async function assertUnclaimed(dataFolder: string, lock: string): Promise<void> {
  const text = await readFile(lock, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '';
    throw error;
  });
  const pid = Number.parseInt(text, 10);
  // The own number is left by an earlier process (the first of a container always has the same).
  if (!Number.isInteger(pid) || pid <= 0 || pid === process.pid || !isAlive(pid)) return;
  const message = `The data folder ${dataFolder} is in use by process ${pid} (its number is in ${lock}).`;
  throw new NeuroreelError('DATA_FOLDER_IN_USE', message);
}

export class JobStore {
  readonly #folder: string;
  readonly #lock: string;
  /** The last write of each job, so that records of one job are written in order. */
  readonly #writes = new Map<string, Promise<void>>();

  private constructor(folder: string, lock: string) {
    this.#folder = folder;
    this.#lock = lock;
  }

  /**
   * Makes the folder if need be and claims it for this process.
   * @throws {NeuroreelError} DATA_FOLDER_UNWRITABLE, DATA_FOLDER_IN_USE
   */
  static async open(dataFolder: string): Promise<JobStore> {
    const folder = join(dataFolder, 'jobs');
    const lock = join(dataFolder, 'server.pid');
    try {
      await mkdir(folder, { recursive: true });
      await assertUnclaimed(dataFolder, lock);
      await writeAtomically(lock, `${process.pid}\n`);
    } catch (cause) {
      if (cause instanceof NeuroreelError) throw cause;
      throw unwritable(dataFolder, cause);
    }
    return new JobStore(folder, lock);
  }

  /** Every record that can be read, oldest first, and an error for each that cannot. */
  async load(): Promise<{ jobs: JobWithHistory[]; problems: NeuroreelError[] }> {
    const jobs: JobWithHistory[] = [];
    const problems: NeuroreelError[] = [];
    for (const entry of await readdir(this.#folder, { withFileTypes: true })) {
      if (!entry.isDirectory() || !jobId.safeParse(entry.name).success) continue;
      try {
        jobs.push(await this.#read(entry.name));
      } catch (error) {
        problems.push(error as NeuroreelError);
      }
    }
    jobs.sort((a, b) => a.createdAt.localeCompare(b.createdAt) || a.id.localeCompare(b.id));
    return { jobs, problems };
  }

  /**
   * Writes a job's record as it is now.
   * @throws {NeuroreelError} DATA_FOLDER_UNWRITABLE
   */
  save(job: JobWithHistory): Promise<void> {
    const text = JSON.stringify({ format: RECORD_FORMAT, job } satisfies z.input<typeof recordFile>, null, 1);
    const before = this.#writes.get(job.id) ?? Promise.resolve();
    // A failed write has been reported to its caller; the next one is tried all the same.
    const write = before.catch(() => undefined).then(() => this.#write(job.id, text));
    this.#writes.set(job.id, write);
    const forget = (): void => {
      if (this.#writes.get(job.id) === write) this.#writes.delete(job.id);
    };
    write.then(forget, forget);
    return write;
  }

  /** Removes everything of a job. */
  async remove(id: string): Promise<void> {
    await rm(this.#jobFolder(id), { recursive: true, force: true });
  }

  artifactsFolder(id: string): string {
    return join(this.#jobFolder(id), 'artifacts');
  }

  /** Makes the folder that a job's worker keeps what it needs to go on in; what is there stays. */
  async prepareWork(id: string): Promise<string> {
    const folder = this.#workFolder(id);
    try {
      await mkdir(folder, { recursive: true });
    } catch (cause) {
      throw unwritable(folder, cause);
    }
    return folder;
  }

  async discardWork(id: string): Promise<void> {
    await rm(this.#workFolder(id), { recursive: true, force: true });
  }

  /** Makes an empty folder for a worker to write artifacts to; see {@link publishArtifacts}. */
  async preparePartialArtifacts(id: string): Promise<string> {
    const folder = this.#partialFolder(id);
    try {
      await rm(folder, { recursive: true, force: true });
      await mkdir(folder, { recursive: true });
    } catch (cause) {
      throw unwritable(folder, cause);
    }
    return folder;
  }

  /** Makes what a worker wrote the artifacts of the job, all at once. */
  async publishArtifacts(id: string): Promise<void> {
    const target = this.artifactsFolder(id);
    try {
      await rm(target, { recursive: true, force: true });
      await rename(this.#partialFolder(id), target);
    } catch (cause) {
      throw unwritable(target, cause);
    }
  }

  async discardPartialArtifacts(id: string): Promise<void> {
    await rm(this.#partialFolder(id), { recursive: true, force: true });
  }

  /** Waits until all writes have ended, well or badly, and gives up the claim to the folder. */
  async close(): Promise<void> {
    await Promise.allSettled(this.#writes.values());
    await rm(this.#lock, { force: true });
  }

  async #read(id: string): Promise<JobWithHistory> {
    const path = join(this.#jobFolder(id), 'record.json');
    try {
      const { job } = parseWith(recordFile, JSON.parse(await readFile(path, 'utf8')), 'JOB_RECORD_INVALID');
      if (job.id !== id) throw new Error(`it is of job ${job.id}`);
      return job;
    } catch (cause) {
      const message = `The record ${path} cannot be read: ${(cause as Error).message}`;
      throw new NeuroreelError('JOB_RECORD_INVALID', message, { cause });
    }
  }

  async #write(id: string, text: string): Promise<void> {
    try {
      await mkdir(this.#jobFolder(id), { recursive: true });
      await writeAtomically(join(this.#jobFolder(id), 'record.json'), text);
    } catch (cause) {
      throw unwritable(this.#jobFolder(id), cause);
    }
  }

  #jobFolder(id: string): string {
    return join(this.#folder, id);
  }

  #workFolder(id: string): string {
    return join(this.#jobFolder(id), 'work');
  }

  #partialFolder(id: string): string {
    return join(this.#jobFolder(id), 'artifacts.partial');
  }
}
