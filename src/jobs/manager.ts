/**
 * Takes jobs in, runs them one after the other in worker processes, keeps their records, and tells who listens. The one
 * place that changes the state of a job.
 */
import { copyFile } from 'node:fs/promises';
import { EventEmitter } from 'node:events';
import { join } from 'node:path';
import {
  asNeuroreelError,
  isFinal,
  NeuroreelError,
  type Artifact,
  type Job,
  type JobProgress,
  type JobQuery,
  type JobRequest,
  type JobState,
  type JobWithHistory,
  type Steering,
  type Submission,
} from '../protocol/index.js';
import { artifactOf, type ArtifactFile } from './artifacts.js';
import { countsOf, errorOf, progressOf, type BatchPart } from './batches.js';
import { FrameBus } from './frame-bus.js';
import { History } from './history.js';
import { kindOf, preparationsOf, workerKindOf, type JobKinds } from './kinds.js';
import { Queue } from './queue.js';
import { Run } from './run.js';
import { after, next, type JobEventName } from './states.js';
import { fingerprintOf } from './store/fingerprint.js';
import type { FileWriter } from './store/files.js';
import { JobStore, type Retention } from './store/job-store.js';
import type { StoredJob } from './store/rows.js';
import { Webhooks, type WebhookOptions } from './webhooks.js';
import type { WorkerEnd } from './worker/job-worker.js';
import { Workers } from './worker/workers.js';

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
  /** Jobs that may wait at most; those of a batch count as one. */
  readonly queueLimit: number;
  /** A cancelled worker that has not stopped after so many milliseconds is terminated. */
  readonly cancelGraceMs: number;
  readonly now: () => Date;
  readonly newId: () => string;
  /** Seconds between two checkpoints of a running job; 10 when absent. */
  readonly checkpointSeconds?: number | undefined;
  /** Seconds without a sign of life after which a worker is replaced; 600 when absent. */
  readonly stallSeconds?: number | undefined;
  /** Seconds that a worker is held ready after the last job; none ever is when absent. */
  readonly spareSeconds?: number | undefined;
  /** What is kept of ended jobs; everything when absent. */
  readonly retention?: Retention | undefined;
  readonly webhooks?: WebhookOptions | undefined;
  /** How artifacts are written. */
  readonly files?: FileWriter | undefined;
}

interface JobManagerEvents {
  /** A job was added or changed its state. */
  state: [job: Job];
  /** An iteration is done, or frames were encoded. */
  progress: [id: string, progress: JobProgress];
  /** A job and all that it left was deleted. */
  removed: [id: string];
}

/** A job that has not ended: its record, and what is only known while it lives. */
interface Entry extends Omit<StoredJob, 'job' | 'history'> {
  job: Job;
  history: History;
  run: Run | null;
}

/** How a job is submitted, besides its request. */
export interface SubmitOptions extends Partial<Submission> {
  /** The same key with the same request is the same job. */
  readonly idempotencyKey?: string | undefined;
}

/** A job that kills its worker so often without getting further is failed. */
const MOST_WORKER_DEATHS = 3;
/** So often may the whole server end under a job; it need not be the job's fault. */
const MOST_SERVER_DEATHS = 10;
/** A paused worker does nothing: it can let go of its place quickly. */
const PARK_MS = 10_000;
const RETENTION_MS = 3_600_000;

export class JobManager {
  readonly events = new EventEmitter<JobManagerEvents>();
  readonly frames: FrameBus;
  readonly #options: JobManagerOptions;
  readonly #store: JobStore;
  readonly #webhooks: Webhooks;
  readonly #workers: Workers;
  /** Jobs that have not ended; the others are in the store. */
  readonly #live = new Map<string, Entry>();
  readonly #queue = new Queue<Entry>();
  #active: Entry | null = null;
  #activeDone: Promise<void> = Promise.resolve();
  #retaining: Promise<void> = Promise.resolve();
  #retention: NodeJS.Timeout | null = null;
  /** Jobs whose record the disk did not take. */
  readonly #unsaved = new Set<Entry>();
  /** Batches whose jobs have changed their states. */
  readonly #unsettled = new Set<string>();
  #closing = false;
  #closed = false;
  #finished = 0;

  private constructor(options: JobManagerOptions, store: JobStore) {
    this.#options = options;
    this.#store = store;
    this.#webhooks = new Webhooks(store, { log: options.log, now: options.now, ...options.webhooks });
    const { kinds, spareSeconds = 0 } = options;
    this.#workers = new Workers({ modules: preparationsOf(kinds), spareMs: spareSeconds * 1000 });
    this.events.setMaxListeners(0);
    this.frames = new FrameBus((id, watched) => this.#live.get(id)?.run?.watch(watched));
  }

  /**
   * Opens the data folder; {@link start} begins the work.
   * @throws {NeuroreelError} DATA_FOLDER_UNWRITABLE, DATA_FOLDER_IN_USE, DISK_FULL, STORE_INCOMPATIBLE
   */
  static async open(options: JobManagerOptions): Promise<JobManager> {
    return new JobManager(options, await JobStore.open(options.dataFolder, options.files));
  }

  /**
   * Takes up what the process before left: jobs that it was at when it ended are queued again where they were and go on from
   * what they kept; those that waited go on waiting, in order; those that were paused stay so.
   */
  async start(): Promise<void> {
    const { jobs, problems } = this.#store.rows.live();
    for (const problem of [...this.#store.problems, ...problems])
      this.#options.log.error({ err: problem }, 'a job was left out');
    const entries = jobs.map((stored) => this.#enter(stored));
    for (const entry of entries) await this.#takeUp(entry);
    for (const entry of entries) if (entry.job.batch !== null) this.#settleBatch(entry.job.id);
    this.#webhooks.start();
    await this.#retain();
    this.#retention = setInterval(() => void this.#retain(), RETENTION_MS);
    this.#retention.unref();
    this.#startNext();
  }

  get counts(): { queued: number; active: number; finished: number } {
    const active = this.#active === null ? 0 : 1;
    if (!this.#closed) this.#finished = this.#store.rows.countFinished();
    return { queued: this.#queue.size, active, finished: this.#finished };
  }

  /** Jobs that fit, newest first, and the cursor of those that follow. */
  find(query: JobQuery): { jobs: Job[]; next: string | null } {
    const { jobs, next: cursor } = this.#store.rows.list(query);
    return { jobs: jobs.map(({ job }) => this.#live.get(job.id)?.job ?? job), next: cursor };
  }

  /** The newest jobs, those of batches left out. */
  list(limit = 1000): Job[] {
    return this.find({ limit }).jobs;
  }

  /** Jobs that have not ended, in the order of their submission. */
  live(): Job[] {
    return [...this.#live.values()].map(({ job }) => job);
  }

  /** @throws {NeuroreelError} JOB_UNKNOWN */
  get(id: string): JobWithHistory {
    const entry = this.#live.get(id);
    if (entry !== undefined) return withHistory(entry);
    const { job, history } = this.#stored(id);
    return { ...job, history };
  }

  /**
   * Adds a job to the queue, or finds the one that the same request made.
   * @param id chosen by the client, or null for a new one
   * @throws {NeuroreelError} JOB_ID_TAKEN, IDEMPOTENCY_KEY_REUSED, QUEUE_FULL, SHUTTING_DOWN, DISK_FULL,
   *   DATA_FOLDER_UNWRITABLE, WEBHOOK_REFUSED, and whatever the kind's check throws (MODEL_UNKNOWN, UNIT_UNKNOWN)
   */
  async submit(
    id: string | null,
    request: JobRequest,
    { priority = 0, webhook, idempotencyKey }: SubmitOptions = {},
  ): Promise<{ job: JobWithHistory; created: boolean }> {
    const fingerprint = fingerprintOf({ request, priority, webhook });
    const existing = this.#existing(id, idempotencyKey, fingerprint);
    if (existing !== null) return { job: existing, created: false };
    this.#assertTakesWork();
    kindOf(this.#options.kinds, request).check(request);
    this.#inputsOf(request);
    if (webhook !== undefined) await this.#webhooks.check(webhook.url);
    // Somebody may have been faster while the name of the webhook's host was looked up.
    const meanwhile = this.#existing(id, idempotencyKey, fingerprint);
    if (meanwhile !== null) return { job: meanwhile, created: false };
    const job = this.#newJob(id ?? this.#options.newId(), request, priority, webhook?.url ?? null);
    const parts = request.kind === 'batch' ? (this.#options.kinds.batch?.parts(job.id, request) ?? []) : [];
    if (request.kind === 'batch') job.batch = countsOf(parts.map(() => 'queued'));
    const entries = this.#store.write(() => {
      const record = { fingerprint, secret: webhook?.secret ?? null, states: webhook?.states ?? null };
      const all = [this.#insert(job, record), ...parts.map((part) => this.#insertPart(job, part))];
      if (idempotencyKey !== undefined) this.#store.rows.setKey(idempotencyKey, job.id, fingerprint);
      return all;
    });
    for (const stored of entries) {
      const entry = this.#enter(stored);
      if (entry.job.batch === null) this.#queue.add(entry);
      this.#options.log.info({ job: entry.job.id, request: entry.job.request }, 'job queued');
      this.events.emit('state', entry.job);
    }
    this.#startNext();
    return { job: this.get(job.id), created: true };
  }

  /**
   * Cancels a job: one that waits at once, one that runs within a part of its step, a batch with all its jobs. Cancelling a
   * job that has ended does nothing.
   * @throws {NeuroreelError} JOB_UNKNOWN
   */
  cancel(id: string): JobWithHistory {
    const entry = this.#live.get(id);
    if (entry === undefined || isFinal(entry.job.state)) return this.get(id);
    if (entry.run !== null) entry.run.cancel();
    else {
      this.#queue.remove(entry);
      this.#happens(entry, 'cancel');
      this.#forgetWork(id);
    }
    if (entry.job.batch !== null) {
      this.#store.write(() => this.#childrenOf(id).forEach((child) => this.cancel(child.job.id)));
    }
    return this.get(id);
  }

  /**
   * Holds a job: one that waits stays where it is, one that runs stops within a part of its step. A paused job that others
   * wait for gives up its worker, and later goes on from what it kept. Of a batch: all its jobs.
   * @throws {NeuroreelError} JOB_UNKNOWN, JOB_STATE_CONFLICT
   */
  pause(id: string): JobWithHistory {
    const entry = this.#living(id, 'paused');
    const { state } = entry.job;
    if (state === 'encoding') throw conflict(entry.job, 'paused');
    if (entry.run !== null) entry.run.pause();
    else if (state !== 'paused') {
      this.#queue.remove(entry);
      this.#happens(entry, 'pause');
    }
    if (entry.job.batch !== null) {
      const children = this.#childrenOf(id).filter(({ job }) => job.state !== 'encoding');
      this.#store.write(() => children.forEach((child) => this.pause(child.job.id)));
    }
    return this.get(id);
  }

  /**
   * Lets a paused job go on.
   * @throws {NeuroreelError} JOB_UNKNOWN, JOB_STATE_CONFLICT
   */
  resume(id: string): JobWithHistory {
    const entry = this.#living(id, 'resumed');
    const { state, batch } = entry.job;
    if (entry.run !== null && state !== 'encoding') entry.run.resume();
    else if (state !== 'paused') throw conflict(entry.job, 'resumed');
    else if (batch === null) this.#requeue(entry);
    else {
      const children = this.#childrenOf(id).filter(({ job, run }) => job.state === 'paused' || run?.isPaused);
      this.#store.write(() => {
        this.#happens(entry, entry.job.startedAt === null ? 'requeue' : 'run');
        children.forEach((child) => this.resume(child.job.id));
      });
    }
    this.#startNext();
    return this.get(id);
  }

  /**
   * Puts a failed or cancelled job back into the queue; a failed one goes on from what it kept. Of a batch: its jobs that
   * did not succeed.
   * @throws {NeuroreelError} JOB_UNKNOWN, JOB_STATE_CONFLICT, SHUTTING_DOWN, QUEUE_FULL
   */
  retry(id: string): JobWithHistory {
    const job = this.get(id);
    if (after(job.state, 'retry') === null) throw conflict(job, 'retried');
    this.#assertTakesWork();
    this.#store.write(() => {
      if (job.parent !== null) this.#revive(job.parent);
      this.#revive(id);
      if (job.batch !== null) for (const child of this.#store.rows.children(id)) this.#revive(child.id);
    });
    this.#startNext();
    return this.get(id);
  }

  /**
   * Deletes an ended job and all that it left, a batch with its jobs.
   * @throws {NeuroreelError} JOB_UNKNOWN, JOB_STATE_CONFLICT
   */
  async remove(id: string): Promise<void> {
    const job = this.get(id);
    if (!isFinal(job.state) || job.parent !== null || this.#childrenOf(id).length > 0) throw conflict(job, 'deleted');
    this.#live.delete(id);
    await this.#store.remove(id);
    this.events.emit('removed', id);
  }

  /**
   * Changes something about a job that runs (or will), from its next step on; it is recorded with the iteration at which it
   * had effect.
   * @throws {NeuroreelError} JOB_UNKNOWN, JOB_STATE_CONFLICT, STEER_UNSUPPORTED, UNIT_UNKNOWN
   */
  steer(id: string, change: Steering): JobWithHistory {
    const entry = this.#living(id, 'steered');
    if (entry.job.state === 'encoding') throw conflict(entry.job, 'steered');
    const kind = kindOf(this.#options.kinds, entry.job.request);
    if (kind.checkSteering === undefined) {
      throw new NeuroreelError('STEER_UNSUPPORTED', `Jobs of the kind ${entry.job.request.kind} cannot be steered.`);
    }
    kind.checkSteering(entry.job.request, change);
    const index = entry.job.steering.length;
    this.#patch(entry, { steering: [...entry.job.steering, { iteration: null, at: this.#now(), change }] });
    this.#save(entry);
    entry.run?.steer(index, change);
    return this.get(id);
  }

  /** The files that a job left. @throws {NeuroreelError} JOB_UNKNOWN */
  artifacts(id: string): Artifact[] {
    if (!this.#live.has(id)) this.#stored(id);
    return this.#store.rows.artifacts(id).map((stored) => artifactOf(id, stored));
  }

  /** One of them, and where its content lies. @throws {NeuroreelError} JOB_UNKNOWN, ARTIFACT_UNKNOWN */
  artifact(id: string, name: string): ArtifactFile {
    const found = this.artifacts(id).find((artifact) => artifact.name === name);
    if (found !== undefined) return { ...found, path: this.#store.blobPath(found.sha256) };
    throw new NeuroreelError('ARTIFACT_UNKNOWN', `Job ${id} has no artifact ${JSON.stringify(name.slice(0, 60))}.`);
  }

  /** Copies the files that a job left into a folder, under their names. */
  async exportArtifacts(id: string, folder: string): Promise<void> {
    for (const { name } of this.artifacts(id)) await copyFile(this.artifact(id, name).path, join(folder, name));
  }

  /** Ends the worker of a job as a crash would; for tests of what comes then. */
  killWorker(id: string, signal?: NodeJS.Signals): void {
    this.#live.get(id)?.run?.kill(signal);
  }

  /** Bytes of memory that the worker takes; 0 while there is none. */
  get workerBytes(): number {
    return this.#active?.run?.bytes ?? 0;
  }

  /** Takes no new work, sets the running job aside (it is queued, and goes on after the next start), and closes the store. */
  async close(graceMs: number): Promise<void> {
    if (this.#closing) return;
    this.#closing = true;
    if (this.#retention !== null) clearInterval(this.#retention);
    this.#active?.run?.interrupt(graceMs);
    await this.#activeDone;
    await this.#workers.close();
    for (const id of this.#unsettled) this.#settleBatch(id);
    this.#unsettled.clear();
    await this.#retaining;
    await this.#webhooks.close();
    this.#closed = true;
    await this.#store.close();
  }

  // --- taking in ---

  #existing(id: string | null, key: string | undefined, fingerprint: string): JobWithHistory | null {
    const known = key === undefined ? null : this.#store.rows.key(key);
    if (known !== null) {
      if (known.fingerprint === fingerprint) return this.get(known.job);
      throw new NeuroreelError('IDEMPOTENCY_KEY_REUSED', 'The Idempotency-Key was sent before with another request.');
    }
    const stored = id === null ? null : this.#store.rows.get(id);
    if (stored === null) return null;
    if (stored.fingerprint === fingerprint) return this.get(stored.job.id);
    throw new NeuroreelError('JOB_ID_TAKEN', `The job id ${stored.job.id} is taken by a job with another request.`);
  }

  #assertTakesWork(): void {
    if (this.#closing) throw new NeuroreelError('SHUTTING_DOWN', 'The server is being stopped and takes no new jobs.');
    const { queueLimit } = this.#options;
    const waiting = new Set([...this.#queue].map(({ job }) => job.parent ?? job.id));
    if (waiting.size >= queueLimit) {
      throw new NeuroreelError('QUEUE_FULL', `The queue is full: ${queueLimit} jobs wait already.`);
    }
  }

  #newJob(id: string, request: JobRequest, priority: number, webhook: string | null): Job {
    const at = this.#now();
    const plan = 'steering' in request ? (request.steering ?? []) : [];
    const steering = plan.map(({ iteration, change }) => ({ iteration, at, change }));
    return {
      ...{ id, request, state: 'queued', priority, parent: null, batch: null, webhook, steering, crashes: 0 },
      ...{ createdAt: at, updatedAt: at, startedAt: null, endedAt: null, run: null, progress: null, error: null },
      ...{ events: [{ state: 'queued', at }], eventLoopMaxPauseMs: null },
    };
  }

  #insert(job: Job, record: Pick<StoredJob, 'fingerprint' | 'secret' | 'states'>): StoredJob {
    const stored = { job, history: { iterations: [], activations: [] }, ...record };
    return { seq: this.#store.rows.insert(stored), ...stored };
  }

  #insertPart(batch: Job, { id, request }: BatchPart): StoredJob {
    if (this.#store.rows.get(id) !== null) {
      throw new NeuroreelError('JOB_ID_TAKEN', `The job id ${id}, which the batch needs, is taken.`);
    }
    const { priority } = batch;
    const job = { ...this.#newJob(id, request, priority, null), parent: batch.id };
    return this.#insert(job, { fingerprint: fingerprintOf({ request, priority }), secret: null, states: null });
  }

  #enter({ history, ...stored }: StoredJob): Entry {
    const entry: Entry = { ...stored, history: History.of(history), run: null };
    this.#live.set(entry.job.id, entry);
    return entry;
  }

  /** What becomes of a job that had not ended when the process before ended. */
  async #takeUp(entry: Entry): Promise<void> {
    const { id, state, batch, parent, crashes } = entry.job;
    await this.#store.discardWork(id, { kept: false });
    const batchState = parent === null ? null : this.get(parent).state;
    if (batch !== null) return;
    if (batchState === 'canceled') this.#happens(entry, 'cancel');
    else if (state === 'queued') this.#queue.add(entry);
    else if (state !== 'paused') {
      this.#patch(entry, { crashes: crashes + 1 });
      if (entry.job.crashes < MOST_SERVER_DEATHS) this.#requeue(entry);
      else this.#finish(entry, { outcome: 'failed', error: interrupted(id) });
    }
    if (batchState === 'paused' && entry.job.state === 'queued') this.pause(id);
  }

  // --- running ---

  #startNext(): void {
    if (this.#closing) return;
    if (this.#active !== null) {
      // A paused job does not hold up those that wait.
      if (this.#active.job.state === 'paused' && this.#queue.size > 0) this.#active.run?.park(PARK_MS);
      return;
    }
    const entry = this.#queue.take();
    if (entry === undefined) {
      this.#workers.rest();
      return;
    }
    this.#active = entry;
    entry.run = this.#newRun(entry);
    this.#happens(entry, 'start');
    this.#activeDone = this.#do(entry, entry.run).then(() => {
      this.#active = null;
      this.#startNext();
    });
  }

  #newRun(entry: Entry): Run {
    const { cancelGraceMs, checkpointSeconds = 10, stallSeconds = 600, log } = this.#options;
    return new Run({
      ...{ cancelGraceMs, checkpointSeconds, stallMs: stallSeconds * 1000, log, frames: this.frames },
      workers: this.#workers,
      job: () => entry.job,
      history: entry.history,
      happens: (event, at) => this.#happens(entry, event, { at }),
      patch: (change) => this.#patch(entry, change),
      progress: (progress) => this.#progress(entry, progress),
      save: () => this.#save(entry),
      startNext: () => this.#startNext(),
    });
  }

  /** Does the active job until its worker has ended; never rejects. */
  async #do(entry: Entry, run: Run): Promise<void> {
    const { id } = entry.job;
    let end: WorkerEnd;
    try {
      const kind = workerKindOf(this.#options.kinds, entry.job.request);
      const inputs = this.#inputsOf(entry.job.request);
      const place = await this.#store.runFolder(id);
      end = await run.do(kind, { ...place, inputs });
      if (end.outcome === 'succeeded') {
        if (entry.job.state !== 'encoding') throw endedEarly(entry.job);
        const artifacts = await this.#store.takeArtifacts(place.folder);
        const history = entry.history.snapshot();
        this.#happens(entry, 'succeed', { save: (job) => this.#store.publish(job, history, artifacts) });
      }
    } catch (error) {
      end = { outcome: 'failed', error: asNeuroreelError(error) };
    }
    entry.run = null;
    this.#afterRun(entry, run, end);
    this.frames.end(id);
    await this.#discard(id, entry.job.state === 'succeeded' || entry.job.state === 'canceled');
    if (isFinal(entry.job.state) && this.#options.retention?.bytes !== undefined) await this.#retain();
  }

  /** Paths of files of other jobs that a job needs. @throws {NeuroreelError} JOB_UNKNOWN, ARTIFACT_UNKNOWN */
  #inputsOf(request: JobRequest): Record<string, string> {
    if (request.kind === 'batch') return {};
    const kind = workerKindOf(this.#options.kinds, request);
    return kind.inputs?.(request, (job, name) => this.artifact(job, name).path) ?? {};
  }

  #afterRun(entry: Entry, run: Run, end: WorkerEnd): void {
    const { id, crashes } = entry.job;
    if (end.outcome === 'succeeded') this.#leave(entry);
    else if (end.outcome === 'parked') this.#setAside(entry, run);
    else if (end.outcome === 'failed' && end.crashed) {
      this.#options.log.warn({ job: id, code: end.error.code, stack: end.stack }, end.error.message);
      this.#patch(entry, { crashes: crashes + 1 });
      if (run.isCanceled) this.#finish(entry, { outcome: 'canceled' });
      else if (entry.job.crashes >= MOST_WORKER_DEATHS) this.#finish(entry, end);
      else this.#setAside(entry, run);
    } else this.#finish(entry, end);
  }

  /** A job that lost its worker waits for another one, unless it was paused. */
  #setAside(entry: Entry, run: Run): void {
    if (!run.isPaused) this.#requeue(entry);
    else if (entry.job.state !== 'paused') this.#happens(entry, after(entry.job.state, 'pause') ? 'pause' : 'requeue');
    if (entry.job.state === 'queued' && run.isPaused) this.#happens(entry, 'pause');
  }

  async #discard(id: string, kept: boolean): Promise<void> {
    try {
      await this.#store.discardWork(id, { kept });
    } catch (error) {
      this.#options.log.error({ job: id, err: error }, 'what a job had in the making could not be removed');
    }
  }

  #forgetWork(id: string): void {
    void this.#discard(id, true);
  }

  #requeue(entry: Entry): void {
    this.#happens(entry, 'requeue');
    this.#patch(entry, { run: null });
    this.#queue.add(entry);
  }

  #revive(id: string): void {
    if (this.#live.has(id)) return;
    const stored = this.#stored(id);
    if (after(stored.job.state, 'retry') === null) return;
    const entry = this.#enter(stored);
    this.#patch(entry, { error: null, crashes: 0, run: null, startedAt: null });
    this.#happens(entry, 'retry');
    if (entry.job.batch === null) this.#queue.add(entry);
  }

  // --- batches ---

  #childrenOf(id: string): Entry[] {
    return [...this.#live.values()].filter(({ job }) => job.parent === id);
  }

  /** Once for all that happens at a time. */
  #settleSoon(id: string): void {
    if (this.#unsettled.has(id)) return;
    this.#unsettled.add(id);
    queueMicrotask(() => {
      if (!this.#unsettled.delete(id)) return;
      try {
        this.#settleBatch(id);
      } catch (error) {
        this.#options.log.error({ job: id, err: error }, 'the state of a batch could not be told');
      }
    });
  }

  /** Brings a batch to the state that those of its jobs make. */
  #settleBatch(id: string): void {
    const states = this.#store.rows.children(id).map((child) => this.#live.get(child.id)?.job.state ?? child.state);
    const counts = countsOf(states);
    const entry = this.#live.get(id);
    if (entry === undefined) {
      const { job, history } = this.#stored(id);
      this.#store.save({ ...job, batch: counts }, history);
      return;
    }
    this.#patch(entry, { batch: counts });
    const started = states.some((state) => state !== 'queued' && state !== 'paused' && state !== 'canceled');
    if (entry.job.state === 'queued' && started) {
      this.#happens(entry, 'start');
      this.#happens(entry, 'run');
    }
    const { startedAt } = entry.job;
    const done = counts.succeeded + counts.failed;
    const seconds = startedAt === null ? 0 : (this.#options.now().getTime() - Date.parse(startedAt)) / 1000;
    this.#progress(entry, progressOf(counts, Math.max(0, seconds) / Math.max(1, done)));
    if (states.every(isFinal)) this.#endBatch(entry, counts);
    else this.#save(entry);
  }

  #endBatch(entry: Entry, counts: NonNullable<Job['batch']>): void {
    const error = errorOf(entry.job.id, counts);
    if (error === null) this.#happens(entry, 'succeed');
    else if (counts.failed === 0) this.#happens(entry, 'cancel');
    else {
      this.#patch(entry, { error: error.toJSON() });
      this.#happens(entry, 'fail');
    }
  }

  // --- records ---

  #finish(entry: Entry, end: WorkerEnd): void {
    const { id } = entry.job;
    if (end.outcome === 'failed') {
      const { error, stack } = end;
      this.#options.log.error({ job: id, code: error.code, stack }, `job failed: ${error.message}`);
      this.#patch(entry, { error: error.toJSON() });
      this.#happens(entry, 'fail');
    } else this.#happens(entry, 'cancel');
  }

  /** @param how when it happened, and how its record is written where not alone: when that fails, it did not happen */
  #happens(entry: Entry, event: JobEventName, how: { at?: string; save?: (job: Job) => void } = {}): void {
    const { job } = entry;
    const { at = this.#now(), save } = how;
    const state = next(job.id, job.state, event);
    const changed: Job = {
      ...job,
      ...{ state, updatedAt: at, events: [...job.events, { state, at }] },
      startedAt: event === 'start' ? at : job.startedAt,
      endedAt: isFinal(state) ? at : null,
    };
    save?.(changed);
    entry.job = changed;
    this.#options.log.info({ job: job.id, state }, 'job state');
    if (save === undefined) this.#save(entry);
    this.#tellWebhook(entry);
    if (isFinal(state) && entry.run === null) this.#leave(entry);
    this.events.emit('state', entry.job);
    if (job.parent !== null) this.#settleSoon(job.parent);
  }

  /** A job that has ended is in the store alone, once it is there. */
  #leave(entry: Entry): void {
    if (!this.#unsaved.has(entry)) this.#live.delete(entry.job.id);
  }

  /** A disk that takes no more stops no job: the record is right in memory, and is written when there is room again. */
  #save(entry: Entry): void {
    try {
      for (const one of new Set([...this.#unsaved, entry])) {
        this.#store.save(one.job, one.history.snapshot());
        this.#unsaved.delete(one);
        if (isFinal(one.job.state) && one !== entry) this.#leave(one);
      }
    } catch (error) {
      this.#unsaved.add(entry);
      this.#options.log.error({ job: entry.job.id, err: error }, 'the record of a job could not be written');
    }
  }

  #tellWebhook(entry: Entry): void {
    try {
      this.#webhooks.tell(entry);
    } catch (error) {
      this.#options.log.error({ job: entry.job.id, err: error }, 'a webhook could not be noted');
    }
  }

  #progress(entry: Entry, progress: JobProgress): void {
    this.#patch(entry, { progress });
    this.events.emit('progress', entry.job.id, progress);
  }

  #patch(entry: Entry, change: Partial<Job>): void {
    entry.job = { ...entry.job, ...change };
  }

  /** Removes ended jobs beyond what is to be kept, one call after the other. */
  #retain(): Promise<void> {
    const { retention, log } = this.#options;
    if (retention === undefined) return Promise.resolve();
    this.#retaining = this.#retaining.then(async () => {
      try {
        for (const id of await this.#store.retain(retention, this.#options.now())) {
          log.info({ job: id }, 'job removed: beyond what is kept');
          this.events.emit('removed', id);
        }
      } catch (error) {
        log.error({ err: error }, 'old jobs could not be removed');
      }
    });
    return this.#retaining;
  }

  #living(id: string, wish: string): Entry {
    const entry = this.#live.get(id);
    if (entry === undefined || isFinal(entry.job.state)) throw conflict(this.get(id), wish);
    return entry;
  }

  #stored(id: string): StoredJob {
    const stored = this.#store.rows.get(id);
    if (stored !== null) return stored;
    throw new NeuroreelError('JOB_UNKNOWN', `There is no job ${JSON.stringify(id.slice(0, 64))}.`);
  }

  #now(): string {
    return this.#options.now().toISOString();
  }
}

function withHistory({ job, history }: Entry): JobWithHistory {
  return { ...job, history: history.snapshot() };
}

function conflict({ id, state }: { id: string; state: JobState }, wish: string): NeuroreelError {
  return new NeuroreelError('JOB_STATE_CONFLICT', `Job ${id} is ${state}; it cannot be ${wish}.`, {
    details: { state },
  });
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
