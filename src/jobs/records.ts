/**
 * The records of jobs: of those that have not ended in memory and in the store, of the others in the store alone. The one
 * place that changes the state of a job, and tells who listens.
 */
import { EventEmitter } from 'node:events';
import { isFinal, NeuroreelError, type Job, type JobProgress, type JobWithHistory } from '../protocol/index.js';
import { History } from './history.js';
import type { Log } from './log.js';
import type { Run } from './run.js';
import { next, type JobEventName } from './states.js';
import type { JobStore } from './store/job-store.js';
import type { StoredJob } from './store/rows.js';
import type { WorkerEnd } from './worker/job-worker.js';

export interface JobEvents {
  /** A job was added or changed its state. */
  state: [job: Job];
  /** An iteration is done, or frames were encoded. */
  progress: [id: string, progress: JobProgress];
  /** A job and all that it left was deleted. */
  removed: [id: string];
}

/** A job that has not ended: its record, and what is only known while it lives. */
export interface Entry extends Omit<StoredJob, 'job' | 'history'> {
  job: Job;
  history: History;
  run: Run | null;
}

export interface RecordsParts {
  readonly store: JobStore;
  readonly log: Log;
  readonly now: () => Date;
  /** Told of a job that has changed its state, after its record. */
  tellWebhook(entry: Entry): void;
}

export class Records {
  readonly events = new EventEmitter<JobEvents>();
  /** Told of a job of a batch that has changed its state. */
  onPart: (batch: string) => void = () => undefined;
  readonly #parts: RecordsParts;
  readonly #live = new Map<string, Entry>();
  /** Jobs whose record the disk did not take. */
  readonly #unsaved = new Set<Entry>();

  constructor(parts: RecordsParts) {
    this.#parts = parts;
    this.events.setMaxListeners(0);
  }

  /** Jobs that have not ended, in the order in which they came. */
  live(): Entry[] {
    return [...this.#live.values()];
  }

  /** Of a job that has not ended. */
  entry(id: string): Entry | undefined {
    return this.#live.get(id);
  }

  childrenOf(batch: string): Entry[] {
    return this.live().filter(({ job }) => job.parent === batch);
  }

  /** @throws {NeuroreelError} JOB_UNKNOWN */
  get(id: string): JobWithHistory {
    const entry = this.#live.get(id);
    if (entry !== undefined) return { ...entry.job, history: entry.history.snapshot() };
    const { job, history } = this.stored(id);
    return { ...job, history };
  }

  /** As the store has it. @throws {NeuroreelError} JOB_UNKNOWN */
  stored(id: string): StoredJob {
    const stored = this.#parts.store.rows.get(id);
    if (stored !== null) return stored;
    throw new NeuroreelError('JOB_UNKNOWN', `There is no job ${JSON.stringify(id.slice(0, 64))}.`);
  }

  /** Takes a job of the store among those that have not ended. */
  enter({ history, ...stored }: StoredJob): Entry {
    const entry: Entry = { ...stored, history: History.of(history), run: null };
    this.#live.set(entry.job.id, entry);
    return entry;
  }

  /** A job that has ended is in the store alone, once it is there. */
  leave(entry: Entry): void {
    if (!this.#unsaved.has(entry)) this.#live.delete(entry.job.id);
  }

  /** Forgets a job that is being deleted. */
  forget(id: string): void {
    this.#live.delete(id);
  }

  /** @param how when it happened, and how its record is written where not alone: when that fails, it did not happen */
  happens(entry: Entry, event: JobEventName, how: { at?: string; save?: (job: Job) => void } = {}): void {
    const { job } = entry;
    const { at = this.#parts.now().toISOString(), save } = how;
    const state = next(job.id, job.state, event);
    const changed: Job = {
      ...job,
      ...{ state, updatedAt: at, events: [...job.events, { state, at }] },
      startedAt: event === 'start' ? at : job.startedAt,
      endedAt: isFinal(state) ? at : null,
    };
    save?.(changed);
    entry.job = changed;
    this.#parts.log.info({ job: job.id, state }, 'job state');
    if (save === undefined) this.save(entry);
    this.#parts.tellWebhook(entry);
    if (isFinal(state) && entry.run === null) this.leave(entry);
    this.events.emit('state', entry.job);
    if (job.parent !== null) this.onPart(job.parent);
  }

  /** A job fails with what its worker ended with, or else is cancelled. */
  finish(entry: Entry, end: WorkerEnd): void {
    if (end.outcome === 'failed') {
      const { error, stack } = end;
      this.#parts.log.error({ job: entry.job.id, code: error.code, stack }, `job failed: ${error.message}`);
      this.patch(entry, { error: error.toJSON() });
      this.happens(entry, 'fail');
    } else this.happens(entry, 'cancel');
  }

  patch(entry: Entry, change: Partial<Job>): void {
    entry.job = { ...entry.job, ...change };
  }

  progress(entry: Entry, progress: JobProgress): void {
    this.patch(entry, { progress });
    this.events.emit('progress', entry.job.id, progress);
  }

  /** A disk that takes no more stops no job: the record is right in memory, and is written when there is room again. */
  save(entry: Entry): void {
    try {
      for (const one of new Set([...this.#unsaved, entry])) {
        this.#parts.store.save(one.job, one.history.snapshot());
        this.#unsaved.delete(one);
        if (isFinal(one.job.state) && one !== entry) this.leave(one);
      }
    } catch (error) {
      this.#unsaved.add(entry);
      this.#parts.log.error({ job: entry.job.id, err: error }, 'the record of a job could not be written');
    }
  }
}
