/**
 * Takes jobs in, runs them one after the other in worker threads, keeps their records, and tells who listens. The one
 * place that changes the state of a job.
 */
import { EventEmitter } from 'node:events';
import {
  isFinal,
  NeuroreelError,
  type Job,
  type JobProgress,
  type JobRequest,
  type JobState,
  type JobWithHistory,
} from '../protocol/index.js';
import { EventLoopMonitor } from './event-loop.js';
import { FrameBus } from './frame-bus.js';
import { History } from './history.js';
import { asNeuroreelError, JobThread, type ThreadEnd, type ThreadNews } from './job-thread.js';
import { kindOf, type JobKinds } from './kinds.js';
import { Pace } from './pace.js';
import { assertTransition } from './states.js';
import { JobStore } from './store.js';

/** The part of a logger (pino's, for one) that is used here. */
export interface Log {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export interface JobManagerOptions {
  readonly dataFolder: string;
  readonly kinds: JobKinds;
  readonly log: Log;
  /** Jobs that may wait at most. */
  readonly queueLimit: number;
  /** A cancelled worker that has not stopped after so many milliseconds is terminated. */
  readonly cancelGraceMs: number;
  readonly now: () => Date;
  readonly newId: () => string;
}

interface JobManagerEvents {
  /** A job was added or changed its state. */
  state: [job: Job];
  /** An iteration is done, or frames were encoded. */
  progress: [id: string, progress: JobProgress];
}

/** A job in memory: its record, and what is only known while it lives. */
interface Entry {
  job: Job;
  history: History | null;
  /** The history of a job that was loaded from its record. */
  stored: JobWithHistory['history'] | null;
}

interface Active {
  readonly entry: Entry;
  readonly pace: Pace;
  readonly monitor: EventLoopMonitor;
  thread: JobThread | null;
  /** Why it was told to stop, if it was. */
  stopping: 'canceled' | 'interrupted' | null;
}

/** An interrupted job is started so many times at most: one that takes the server down must not do so for ever. */
const MOST_STARTS = 10;

const NO_HISTORY: JobWithHistory['history'] = { iterations: [], activations: [] };

/** JSON with sorted keys: equal for equal requests, in whatever order their fields came. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}

export class JobManager {
  readonly events = new EventEmitter<JobManagerEvents>();
  readonly frames: FrameBus;
  readonly #options: JobManagerOptions;
  readonly #store: JobStore;
  readonly #entries = new Map<string, Entry>();
  readonly #queue: Entry[] = [];
  #active: Active | null = null;
  #activeDone: Promise<void> = Promise.resolve();
  #closing = false;

  private constructor(options: JobManagerOptions, store: JobStore) {
    this.#options = options;
    this.#store = store;
    this.events.setMaxListeners(0);
    this.frames = new FrameBus((id, watched) => {
      const thread = this.#active?.entry.job.id === id ? this.#active.thread : null;
      if (thread !== null) thread.watched = watched;
    });
  }

  /**
   * Opens the data folder; {@link start} begins the work.
   * @throws {NeuroreelError} DATA_FOLDER_UNWRITABLE, DATA_FOLDER_IN_USE
   */
  static async open(options: JobManagerOptions): Promise<JobManager> {
    return new JobManager(options, await JobStore.open(options.dataFolder));
  }

  /**
   * Loads the records and starts the queue. Jobs that were running when the process ended are run again where their kind
   * goes on from what it kept, and become failed (JOB_INTERRUPTED) otherwise; those that waited go on waiting, in order.
   */
  async start(): Promise<void> {
    const { jobs, problems } = await this.#store.load();
    for (const problem of problems) this.#options.log.error({ err: problem }, 'a job was left out');
    for (const { history, ...job } of jobs) await this.#restore(job, history);
    this.#startNext();
  }

  get counts(): { queued: number; active: number; finished: number } {
    const active = this.#active === null ? 0 : 1;
    return { queued: this.#queue.length, active, finished: this.#entries.size - this.#queue.length - active };
  }

  /** All jobs, newest first. */
  list(): Job[] {
    return [...this.#entries.values()].map((entry) => entry.job).reverse();
  }

  /** @throws {NeuroreelError} JOB_UNKNOWN */
  get(id: string): JobWithHistory {
    return this.#withHistory(this.#entry(id));
  }

  /**
   * Adds a job to the queue, or finds the one that the same request made.
   * @param id chosen by the client, or null for a new one
   * @throws {NeuroreelError} JOB_ID_TAKEN, QUEUE_FULL, SHUTTING_DOWN, DATA_FOLDER_UNWRITABLE, and whatever the kind's
   *   check throws (MODEL_UNKNOWN, UNIT_UNKNOWN)
   */
  async submit(id: string | null, request: JobRequest): Promise<{ job: JobWithHistory; created: boolean }> {
    const existing = id === null ? undefined : this.#entries.get(id);
    if (existing !== undefined) return { job: this.#sameRequest(existing, request), created: false };
    this.#assertTakesWork();
    kindOf(this.#options.kinds, request).check(request);
    const at = this.#now();
    const job: Job = {
      id: id ?? this.#options.newId(),
      request,
      state: 'queued',
      createdAt: at,
      updatedAt: at,
      startedAt: null,
      endedAt: null,
      run: null,
      progress: null,
      error: null,
      events: [{ state: 'queued', at }],
      eventLoopMaxPauseMs: null,
    };
    const entry: Entry = { job, history: null, stored: null };
    this.#entries.set(job.id, entry);
    this.#queue.push(entry);
    try {
      await this.#store.save({ ...job, history: NO_HISTORY });
    } catch (error) {
      if (entry.job.state === 'queued') this.#forget(entry);
      throw error;
    }
    this.#options.log.info({ job: job.id, request }, 'job queued');
    this.events.emit('state', entry.job);
    this.#startNext();
    return { job: this.#withHistory(entry), created: true };
  }

  /**
   * Cancels a job: one that waits at once, one that runs after its step. Cancelling a job that has ended does nothing.
   * @throws {NeuroreelError} JOB_UNKNOWN
   */
  cancel(id: string): JobWithHistory {
    const entry = this.#entry(id);
    if (entry.job.state === 'queued') {
      this.#queue.splice(this.#queue.indexOf(entry), 1);
      this.#transition(entry, 'canceled', this.#now());
    } else if (this.#active?.entry === entry) {
      this.#active.stopping ??= 'canceled';
      this.#active.thread?.cancel(this.#options.cancelGraceMs);
    }
    return this.#withHistory(entry);
  }

  /**
   * Pauses a running job after its step.
   * @throws {NeuroreelError} JOB_UNKNOWN, JOB_STATE_CONFLICT
   */
  pause(id: string): JobWithHistory {
    return this.#setPaused(id, true);
  }

  /**
   * Lets a paused job go on.
   * @throws {NeuroreelError} JOB_UNKNOWN, JOB_STATE_CONFLICT
   */
  resume(id: string): JobWithHistory {
    return this.#setPaused(id, false);
  }

  /** @throws {NeuroreelError} JOB_UNKNOWN */
  artifactsFolder(id: string): string {
    return this.#store.artifactsFolder(this.#entry(id).job.id);
  }

  /** Takes no new work, stops the worker (its job fails with JOB_INTERRUPTED), and flushes all records. */
  async close(graceMs: number): Promise<void> {
    this.#closing = true;
    if (this.#active !== null) {
      this.#active.stopping ??= 'interrupted';
      this.#active.thread?.cancel(graceMs);
    }
    await this.#activeDone;
    await this.#store.close();
  }

  // --- taking in ---

  async #restore(job: Job, history: JobWithHistory['history']): Promise<void> {
    const entry: Entry = { job, history: null, stored: history };
    this.#entries.set(job.id, entry);
    if (job.state === 'queued') {
      this.#queue.push(entry);
    } else if (!isFinal(job.state)) {
      await this.#store.discardPartialArtifacts(job.id);
      if (this.#goesOn(entry)) this.#queueAgain(entry);
      else {
        this.#end(entry, interrupted(job.id));
        await this.#store.discardWork(job.id);
      }
    }
  }

  /** Whether an interrupted job is to be taken up again: a kind that can, and not for the umpteenth time. */
  #goesOn({ job }: Entry): boolean {
    const resumes = this.#options.kinds[job.request.kind]?.resumes ?? false;
    return resumes && job.events.filter(({ state }) => state === 'starting').length < MOST_STARTS;
  }

  /** Puts an interrupted job where it was: before those that came after it. */
  #queueAgain(entry: Entry): void {
    this.#transition(entry, 'queued', this.#now());
    this.#patch(entry, { run: null });
    const later = this.#queue.findIndex(({ job }) => job.createdAt > entry.job.createdAt);
    this.#queue.splice(later < 0 ? this.#queue.length : later, 0, entry);
  }

  #sameRequest(entry: Entry, request: JobRequest): JobWithHistory {
    if (canonical(entry.job.request) === canonical(request)) return this.#withHistory(entry);
    throw new NeuroreelError('JOB_ID_TAKEN', `The job id ${entry.job.id} is taken by a job with another request.`);
  }

  #assertTakesWork(): void {
    if (this.#closing) throw new NeuroreelError('SHUTTING_DOWN', 'The server is being stopped and takes no new jobs.');
    const { queueLimit } = this.#options;
    if (this.#queue.length >= queueLimit) {
      throw new NeuroreelError('QUEUE_FULL', `The queue is full: ${queueLimit} jobs wait already.`);
    }
  }

  #forget(entry: Entry): void {
    this.#entries.delete(entry.job.id);
    const at = this.#queue.indexOf(entry);
    if (at >= 0) this.#queue.splice(at, 1);
  }

  // --- running ---

  #startNext(): void {
    if (this.#active !== null || this.#closing) return;
    const entry = this.#queue.shift();
    if (entry === undefined) return;
    this.#active = { entry, pace: new Pace(), monitor: new EventLoopMonitor(), thread: null, stopping: null };
    entry.history = new History();
    this.#transition(entry, 'starting', this.#now());
    this.#activeDone = this.#run(this.#active).then(() => {
      this.#active = null;
      this.#startNext();
    });
  }

  /** Runs the active job to its end; never rejects. */
  async #run(active: Active): Promise<void> {
    const { entry, monitor } = active;
    const { id } = entry.job;
    let end: ThreadEnd;
    try {
      const folder = await this.#store.preparePartialArtifacts(id);
      const work = await this.#store.prepareWork(id);
      end = active.stopping === null ? await this.#runThread(active, folder, work) : { outcome: 'canceled' };
      if (end.outcome === 'succeeded') await this.#publish(entry);
    } catch (error) {
      end = { outcome: 'failed', error: asNeuroreelError(error) };
    }
    if (end.outcome !== 'succeeded') await this.#discard(id);
    monitor.stop();
    this.#patch(entry, { eventLoopMaxPauseMs: monitor.maxPauseMs });
    const stopped = end.outcome === 'canceled' && active.stopping === 'interrupted';
    if (end.outcome === 'failed') {
      this.#options.log.error({ job: id, code: end.error.code, stack: end.stack }, `job failed: ${end.error.message}`);
    }
    if (stopped && this.#goesOn(entry)) this.#queueAgain(entry);
    else {
      await this.#discardWork(id);
      this.#end(entry, stopped ? interrupted(id) : end);
    }
    this.frames.end(id);
  }

  async #discardWork(id: string): Promise<void> {
    try {
      await this.#store.discardWork(id);
    } catch (error) {
      this.#options.log.error({ job: id, err: error }, 'what an ended job kept could not be removed');
    }
  }

  async #publish({ job: { id, state } }: Entry): Promise<void> {
    if (state !== 'encoding')
      throw new NeuroreelError('INTERNAL', `The worker of job ${id} ended while it was ${state}.`);
    await this.#store.publishArtifacts(id);
  }

  async #discard(id: string): Promise<void> {
    try {
      await this.#store.discardPartialArtifacts(id);
    } catch (error) {
      this.#options.log.error({ job: id, err: error }, 'unfinished artifacts could not be removed');
    }
  }

  #runThread(active: Active, folder: string, work: string): Promise<ThreadEnd> {
    const { id, request, events } = active.entry.job;
    const { module, settings } = kindOf(this.#options.kinds, request);
    const start = { id, request, module, settings, folder, work, events };
    const thread = new JobThread(start, (news) => this.#hear(active, news));
    active.thread = thread;
    thread.watched = this.frames.isWatched(id);
    return thread.ended;
  }

  #hear(active: Active, news: ThreadNews): void {
    const { entry } = active;
    switch (news.type) {
      case 'started':
        this.#patch(entry, { run: news.run });
        this.#transition(entry, 'running', news.at);
        return;
      case 'paused':
        this.#transition(entry, 'paused', news.at);
        return;
      case 'resumed':
        this.#transition(entry, 'running', news.at);
        return;
      case 'progress':
        this.#hearStep(active, news);
        return;
      case 'clip':
        this.#hearClip(active, news);
        return;
      case 'encoding':
        this.#hearEncoding(entry, news);
        return;
    }
  }

  #hearStep(active: Active, { step, pixels, microseconds }: Extract<ThreadNews, { type: 'progress' }>): void {
    const { entry, pace } = active;
    const { run } = entry.job;
    const { iteration, iterations, activation, smoothness } = step;
    pace.add(step.seconds);
    entry.history?.add(iteration, activation);
    this.#progress(entry, {
      iteration,
      iterations,
      activation,
      smoothness,
      secondsPerIteration: pace.secondsPerIteration,
      etaSeconds: pace.eta(iterations - iteration),
      framesEncoded: 0,
      framesToEncode: run !== null && 'unit' in run ? run.frames : 0,
    });
    if (pixels === null || run === null || !('unit' in run)) return;
    const { frames, width, height } = run;
    this.frames.publish(entry.job.id, { pixels, frames, width, height, step: iteration, activation, microseconds });
  }

  #hearClip({ entry, pace }: Active, { clip }: Extract<ThreadNews, { type: 'clip' }>): void {
    const { done, total, seconds, audit } = clip;
    if (seconds !== null) pace.add(seconds);
    // The curve is that of the model in question, not of those that it is compared with.
    if (audit.flipRate !== null && audit.model === entry.job.request.model) entry.history?.add(done, audit.flipRate);
    this.#progress(entry, {
      ...{ iteration: done, iterations: Math.max(1, total), activation: audit.flipRate ?? 0, smoothness: 0 },
      ...{ secondsPerIteration: pace.secondsPerIteration, etaSeconds: pace.eta(total - done) },
      ...{ framesEncoded: 0, framesToEncode: 0, audit },
    });
  }

  #hearEncoding(entry: Entry, { at, frames, of }: Extract<ThreadNews, { type: 'encoding' }>): void {
    if (entry.job.state !== 'encoding') this.#transition(entry, 'encoding', at);
    if (entry.job.progress !== null) {
      this.#progress(entry, { ...entry.job.progress, etaSeconds: 0, framesEncoded: frames, framesToEncode: of });
    }
  }

  #setPaused(id: string, paused: boolean): JobWithHistory {
    const entry = this.#entry(id);
    const { state } = entry.job;
    const thread = this.#active?.entry === entry ? this.#active.thread : null;
    if (thread === null || (state !== 'running' && state !== 'paused')) {
      const wish = paused ? 'paused' : 'resumed';
      throw new NeuroreelError('JOB_STATE_CONFLICT', `Job ${id} is ${state}; it cannot be ${wish}.`, {
        details: { state },
      });
    }
    thread.paused = paused;
    return this.#withHistory(entry);
  }

  // --- records ---

  #end(entry: Entry, end: ThreadEnd): void {
    if (end.outcome === 'failed') this.#patch(entry, { error: end.error.toJSON() });
    this.#transition(entry, end.outcome, this.#now());
    if (entry.history !== null) entry.stored = entry.history.snapshot();
    entry.history = null;
  }

  #transition(entry: Entry, state: JobState, at: string): void {
    const { job } = entry;
    assertTransition(job.id, job.state, state);
    this.#patch(entry, {
      state,
      updatedAt: at,
      startedAt: state === 'starting' ? at : job.startedAt,
      endedAt: isFinal(state) ? at : null,
      events: [...job.events, { state, at }],
    });
    this.#options.log.info({ job: job.id, state }, 'job state');
    this.#store.save(this.#withHistory(entry)).catch((error: unknown) => {
      this.#options.log.error({ job: job.id, err: error }, 'the record of a job could not be written');
    });
    this.events.emit('state', entry.job);
  }

  #progress(entry: Entry, progress: JobProgress): void {
    this.#patch(entry, { progress });
    this.events.emit('progress', entry.job.id, progress);
  }

  #patch(entry: Entry, change: Partial<Job>): void {
    entry.job = { ...entry.job, ...change };
  }

  #withHistory(entry: Entry): JobWithHistory {
    return { ...entry.job, history: entry.history?.snapshot() ?? entry.stored ?? NO_HISTORY };
  }

  #entry(id: string): Entry {
    const entry = this.#entries.get(id);
    if (entry === undefined)
      throw new NeuroreelError('JOB_UNKNOWN', `There is no job ${JSON.stringify(id.slice(0, 64))}.`);
    return entry;
  }

  #now(): string {
    return this.#options.now().toISOString();
  }
}

function interrupted(id: string): ThreadEnd {
  return {
    outcome: 'failed',
    error: new NeuroreelError('JOB_INTERRUPTED', `The server stopped while job ${id} was running.`),
  };
}
