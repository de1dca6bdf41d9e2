/**
 * A data folder:
 *
 *   DATA/jobs.db           jobs, names of artifacts, deliveries of webhooks (SQLite with a write-ahead log)
 *   DATA/blobs/ab/cd/...   content of artifacts, by its SHA-256
 *   DATA/work/ID/...       of a job that has not ended: what it goes on from, and artifacts in the making, see WorkFolder
 */
import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { NeuroreelError, type ActivationHistory, type Job } from '../../protocol/index.js';
import { isArtifactName } from '../artifacts.js';
import { Blobs } from './blobs.js';
import { openDatabase, type Db } from './database.js';
import { diskError } from './disk.js';
import { fileWriter, type FileWriter } from './files.js';
import { claimFolder } from './folder-lock.js';
import { takeOverRecords } from './legacy.js';
import { Rows, type StoredArtifact } from './rows.js';
import { WorkFolder, type RunPlace } from './work-folder.js';

export interface Retention {
  /** Jobs that ended longer ago are removed. */
  readonly days?: number | undefined;
  /** While artifacts hold more bytes, the jobs that ended first are removed. */
  readonly bytes?: number | undefined;
}

export class JobStore {
  readonly #rows: Rows;
  /** Records of the earlier form that could not be taken over. */
  readonly problems: readonly NeuroreelError[];
  readonly #folder: string;
  readonly #db: Db;
  readonly #blobs: Blobs;
  readonly #release: () => Promise<void>;
  /** Hashes that were taken in and have no record yet: not to be removed with another job that has them. */
  readonly #fresh = new Set<string>();

  private constructor(
    folder: string,
    db: Db,
    parts: { rows: Rows; blobs: Blobs; problems: NeuroreelError[]; release: () => Promise<void> },
  ) {
    this.#folder = folder;
    this.#db = db;
    this.#rows = parts.rows;
    this.#blobs = parts.blobs;
    this.problems = parts.problems;
    this.#release = parts.release;
  }

  /**
   * Opens a data folder for this process alone, and brings it to the present form.
   * @throws {NeuroreelError} DATA_FOLDER_UNWRITABLE, DATA_FOLDER_IN_USE, DISK_FULL, STORE_INCOMPATIBLE
   */
  static async open(folder: string, files: FileWriter = fileWriter): Promise<JobStore> {
    const release = await claimFolder(folder);
    let db: Db | null = null;
    try {
      db = openDatabase(join(folder, 'jobs.db'));
      const rows = new Rows(db);
      const blobs = new Blobs(join(folder, 'blobs'), files);
      const keptFolder = (id: string): Promise<string> => new WorkFolder(join(folder, 'work', id)).keptBefore();
      const problems = await takeOverRecords({ dataFolder: folder, rows, blobs, keptFolder });
      await blobs.sweep((sha256) => rows.isUsed(sha256));
      return new JobStore(folder, db, { rows, blobs, problems, release });
    } catch (error) {
      db?.close();
      await release();
      throw diskError(folder, error);
    }
  }

  /** The tables. @throws {NeuroreelError} SHUTTING_DOWN once the store was closed */
  get rows(): Rows {
    if (this.#db.open) return this.#rows;
    throw new NeuroreelError('SHUTTING_DOWN', 'The server is being stopped; its store is closed.');
  }

  /** @throws {NeuroreelError} DISK_FULL, DATA_FOLDER_UNWRITABLE */
  save(job: Job, history: ActivationHistory): void {
    this.write(() => this.rows.update(job, history));
  }

  /** Writes to the database, all or nothing. @throws {NeuroreelError} DISK_FULL, DATA_FOLDER_UNWRITABLE */
  write<T>(work: () => T): T {
    try {
      return this.rows.together(work);
    } catch (error) {
      throw diskError(this.#folder, error);
    }
  }

  /**
   * Folders for another run of a job, with what it goes on from. An earlier run can no longer write to them.
   * @throws {NeuroreelError} DISK_FULL, DATA_FOLDER_UNWRITABLE
   */
  async runFolder(id: string): Promise<RunPlace> {
    try {
      return await this.#workOf(id).begin();
    } catch (cause) {
      throw diskError(this.#folder, cause);
    }
  }

  /** Takes what a worker wrote to its folder into the blobs; they become the job's with {@link publish}. */
  async takeArtifacts(folder: string): Promise<StoredArtifact[]> {
    const taken: StoredArtifact[] = [];
    for (const name of (await readdir(folder)).filter(isArtifactName).sort()) {
      const path = join(folder, name);
      if (!(await lstat(path)).isFile()) continue;
      const blob = await this.#blobs.take(path);
      this.#fresh.add(blob.sha256);
      taken.push({ name, ...blob });
    }
    return taken;
  }

  /** The artifacts of a job that has succeeded, with its record: both or neither. */
  publish(job: Job, history: ActivationHistory, artifacts: readonly StoredArtifact[]): void {
    this.write(() => {
      this.rows.update(job, history);
      this.rows.setArtifacts(job.id, artifacts);
    });
    for (const { sha256 } of artifacts) this.#fresh.delete(sha256);
  }

  /** Removes what is in the making; `kept` too where the job has ended. */
  async discardWork(id: string, { kept }: { kept: boolean }): Promise<void> {
    await (kept ? this.#workOf(id).remove() : this.#workOf(id).removeNew());
  }

  #workOf(id: string): WorkFolder {
    return new WorkFolder(join(this.#folder, 'work', id));
  }

  blobPath(sha256: string): string {
    return this.#blobs.path(sha256);
  }

  /** Removes a job, its artifacts where no other job has them, and, of a batch, its jobs. */
  async remove(id: string): Promise<void> {
    const ids = [id, ...this.rows.children(id).map((child) => child.id)];
    const unused = this.write(() => this.rows.remove(id));
    for (const one of ids) await this.discardWork(one, { kept: true });
    for (const sha256 of unused) {
      if (!this.rows.isUsed(sha256) && !this.#fresh.has(sha256)) await this.#blobs.remove(sha256);
    }
  }

  /** Removes ended jobs that are too old or too many. Returns their ids. */
  async retain({ days, bytes }: Retention, now: Date): Promise<string[]> {
    const ended = this.rows.ended();
    const before = days === undefined ? '' : new Date(now.getTime() - days * 86_400_000).toISOString();
    let held = ended.reduce((sum, job) => sum + job.bytes, 0);
    const removed: string[] = [];
    for (const job of ended) {
      const tooMany = bytes !== undefined && held > bytes && job.bytes > 0;
      if (!(job.endedAt < before) && !tooMany) continue;
      await this.remove(job.id);
      held -= job.bytes;
      removed.push(job.id);
    }
    return removed;
  }

  /** Gives up the folder. */
  async close(): Promise<void> {
    this.#db.close();
    await this.#release();
  }
}
