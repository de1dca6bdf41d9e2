/** Gives the jobs that wait to workers, one after the other, and decides what becomes of them when their workers end. */
import { asNeuroreelError, isFinal, NeuroreelError, type Job } from '../protocol/index.js';
import type { FrameBus } from './frame-bus.js';
import { inputsOf, preparationsOf, workerKindOf, type JobKinds } from './kinds.js';
import type { Log } from './log.js';
import { Queue } from './queue.js';
import type { Entry, Records } from './records.js';
import { Run } from './run.js';
import { after } from './states.js';
import type { JobStore } from './store/job-store.js';
import type { WorkerEnd } from './worker/job-worker.js';
import { Workers } from './worker/workers.js';

export interface DispatcherOptions {
  readonly kinds: JobKinds;
  readonly log: Log;
  /** A cancelled worker that has not stopped after so many milliseconds is ended. */
  readonly cancelGraceMs: number;
  /** Seconds between two checkpoints of a running job; 10 when absent. */
  readonly checkpointSeconds?: number | undefined;
  /** Seconds without a sign of life after which a worker is replaced; 600 when absent. */
  readonly stallSeconds?: number | undefined;
  /** Seconds that a worker is held ready after the last job; none ever is when absent. */
  readonly spareSeconds?: number | undefined;
}

export interface DispatcherParts extends DispatcherOptions {
  readonly records: Records;
  readonly store: JobStore;
  readonly frames: FrameBus;
  /** Path of a file that a job left. @throws {NeuroreelError} JOB_UNKNOWN, ARTIFACT_UNKNOWN */
  readonly pathOf: (job: string, artifact: string) => string;
  /** Told when a job has ended, and its files are in their place. */
  readonly onEnded: () => Promise<void>;
}

/** A job that kills its worker so often without getting further is failed. */
const MOST_WORKER_DEATHS = 3;
/** So often may the whole server end under a job; it need not be the job's fault. */
const MOST_SERVER_DEATHS = 10;
/** A paused worker does nothing: it can let go of its place quickly. */
const PARK_MS = 10_000;

export class Dispatcher {
  readonly queue = new Queue<Entry>();
  readonly #parts: DispatcherParts;
  readonly #workers: Workers;
  #active: Entry | null = null;
  #activeDone: Promise<void> = Promise.resolve();
  #closing = false;

  constructor(parts: DispatcherParts) {
    this.#parts = parts;
    const { kinds, spareSeconds = 0 } = parts;
    this.#workers = new Workers({ modules: preparationsOf(kinds), spareMs: spareSeconds * 1000 });
  }

  /** The job that has a worker. */
  get active(): Entry | null {
    return this.#active;
  }

  /** Has the next job done, when there is a place for it. */
  startNext(): void {
    if (this.#closing) return;
    if (this.#active !== null) {
      // A paused job does not hold up those that wait.
      if (this.#active.job.state === 'paused' && this.queue.size > 0) this.#active.run?.park(PARK_MS);
      return;
    }
    const entry = this.queue.take();
    if (entry === undefined) {
      this.#workers.rest();
      return;
    }
    this.#active = entry;
    entry.run = this.#newRun(entry);
    this.#parts.records.happens(entry, 'start');
    this.#activeDone = this.#do(entry, entry.run).then(() => {
      this.#active = null;
      this.startNext();
    });
  }

  /** Lets a job wait again. */
  requeue(entry: Entry): void {
    const { records } = this.#parts;
    records.happens(entry, 'requeue');
    records.patch(entry, { run: null });
    this.queue.add(entry);
  }

  /** What becomes of a job that had a worker when the process before ended. */
  takeUp(entry: Entry): void {
    const { records } = this.#parts;
    records.patch(entry, { crashes: entry.job.crashes + 1 });
    if (entry.job.crashes < MOST_SERVER_DEATHS) this.requeue(entry);
    else records.finish(entry, { outcome: 'failed', error: interrupted(entry.job.id) });
  }

  /** Removes what a job has in the making; `kept` too where it has ended. */
  async discard(id: string, kept: boolean): Promise<void> {
    try {
      await this.#parts.store.discardWork(id, { kept });
    } catch (error) {
      this.#parts.log.error({ job: id, err: error }, 'what a job had in the making could not be removed');
    }
  }

  /** Starts no job any more, and sets the one that runs aside. */
  async close(graceMs: number): Promise<void> {
    this.#closing = true;
    this.#active?.run?.interrupt(graceMs);
    await this.#activeDone;
    await this.#workers.close();
  }

  #newRun(entry: Entry): Run {
    const { records, frames, log, cancelGraceMs, checkpointSeconds = 10, stallSeconds = 600 } = this.#parts;
    return new Run({
      ...{ cancelGraceMs, checkpointSeconds, stallMs: stallSeconds * 1000, log, frames, workers: this.#workers },
      job: () => entry.job,
      history: entry.history,
      happens: (event, at) => records.happens(entry, event, { at }),
      patch: (change) => records.patch(entry, change),
      progress: (progress) => records.progress(entry, progress),
      save: () => records.save(entry),
      startNext: () => this.startNext(),
    });
  }

  /** Does the active job until its worker has ended; never rejects. */
  async #do(entry: Entry, run: Run): Promise<void> {
    const { records, store, kinds, frames, pathOf } = this.#parts;
    const { id, request } = entry.job;
    let end: WorkerEnd;
    try {
      const inputs = inputsOf(kinds, request, pathOf);
      const place = await store.runFolder(id);
      end = await run.do(workerKindOf(kinds, request), { ...place, inputs });
      if (end.outcome === 'succeeded') {
        if (entry.job.state !== 'encoding') throw endedEarly(entry.job);
        const artifacts = await store.takeArtifacts(place.folder);
        const history = entry.history.snapshot();
        records.happens(entry, 'succeed', { save: (job) => store.publish(job, history, artifacts) });
      }
    } catch (error) {
      end = { outcome: 'failed', error: asNeuroreelError(error) };
    }
    entry.run = null;
    this.#afterRun(entry, run, end);
    frames.end(id);
    await this.discard(id, entry.job.state === 'succeeded' || entry.job.state === 'canceled');
    if (isFinal(entry.job.state)) await this.#parts.onEnded();
  }

  #afterRun(entry: Entry, run: Run, end: WorkerEnd): void {
    const { records, log } = this.#parts;
    const { id, crashes } = entry.job;
    if (end.outcome === 'succeeded') records.leave(entry);
    else if (end.outcome === 'parked') this.#setAside(entry, run);
    else if (end.outcome === 'failed' && end.crashed) {
      log.warn({ job: id, code: end.error.code, stack: end.stack }, end.error.message);
      records.patch(entry, { crashes: crashes + 1 });
      if (run.isCanceled) records.finish(entry, { outcome: 'canceled' });
      else if (entry.job.crashes >= MOST_WORKER_DEATHS) records.finish(entry, end);
      else this.#setAside(entry, run);
    } else records.finish(entry, end);
  }

  /** A job that lost its worker waits for another one, unless it was paused. */
  #setAside(entry: Entry, run: Run): void {
    const { records } = this.#parts;
    if (!run.isPaused) this.requeue(entry);
    else if (entry.job.state !== 'paused')
      records.happens(entry, after(entry.job.state, 'pause') ? 'pause' : 'requeue');
    if (entry.job.state === 'queued' && run.isPaused) records.happens(entry, 'pause');
  }
}

function interrupted(id: string): NeuroreelError {
  return new NeuroreelError(
    'JOB_INTERRUPTED',
    `The server stopped ${MOST_SERVER_DEATHS} times while job ${id} was running, and it got no further.`,
  );
}

function endedEarly({ id, state }: Job): NeuroreelError {
  return new NeuroreelError('INTERNAL', `The worker of job ${id} ended while it was ${state}.`);
}
