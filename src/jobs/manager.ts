/** What clients ask of jobs: to take them in, tell of them, hold, cancel, change and delete them. */
import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  NeuroreelError,
  type Artifact,
  type Job,
  type JobQuery,
  type JobRequest,
  type JobWithHistory,
  type Steering,
} from '../protocol/index.js';
import { artifactOf, type ArtifactFile } from './artifacts.js';
import { BatchStates } from './batch-states.js';
import { Dispatcher, type DispatcherOptions } from './dispatcher.js';
import { FrameBus } from './frame-bus.js';
import { Intake, type SubmitOptions } from './intake.js';
import { inputsOf, kindOf } from './kinds.js';
import { JobControl } from './job-control.js';
import { Records, type Entry } from './records.js';
import { Retainer } from './retainer.js';
import type { FileWriter } from './store/files.js';
import { JobStore, type Retention } from './store/job-store.js';
import { Webhooks, type WebhookOptions } from './webhooks.js';

export type { SubmitOptions } from './intake.js';
export type { Log } from './log.js';

export interface JobManagerOptions extends DispatcherOptions {
  readonly dataFolder: string;
  /** Jobs that may wait at most; those of a batch count as one. */
  readonly queueLimit: number;
  readonly now: () => Date;
  readonly newId: () => string;
  /** What is kept of ended jobs; everything when absent. */
  readonly retention?: Retention | undefined;
  readonly webhooks?: WebhookOptions | undefined;
  /** How artifacts are written. */
  readonly files?: FileWriter | undefined;
}

export class JobManager {
  readonly frames: FrameBus;
  readonly #options: JobManagerOptions;
  readonly #store: JobStore;
  readonly #webhooks: Webhooks;
  readonly #records: Records;
  readonly #batches: BatchStates;
  readonly #intake: Intake;
  readonly #dispatcher: Dispatcher;
  readonly #control: JobControl;
  readonly #retainer: Retainer;
  #closing = false;
  #closed = false;
  #finished = 0;

  private constructor(options: JobManagerOptions, store: JobStore) {
    const { log, now, newId, kinds, retention } = options;
    this.#options = options;
    this.#store = store;
    this.#webhooks = new Webhooks(store, { log, now, ...options.webhooks });
    const records = new Records({ store, log, now, tellWebhook: (entry) => this.#tellWebhook(entry) });
    this.#records = records;
    this.#batches = new BatchStates({ records, store, log, now });
    this.#intake = new Intake({ records, store, kinds, now, newId });
    const onRemoved = (id: string): void => void records.events.emit('removed', id);
    this.#retainer = new Retainer({ store, log, now, retention, onRemoved });
    this.frames = new FrameBus((id, watched) => records.entry(id)?.run?.watch(watched));
    this.#dispatcher = new Dispatcher({
      ...options,
      ...{ records, store, frames: this.frames },
      pathOf: (job, artifact) => this.artifact(job, artifact).path,
      onEnded: () => this.#retainer.afterJob(),
    });
    this.#control = new JobControl({ records, store, dispatcher: this.#dispatcher, kinds, now });
  }

  /**
   * Opens the data folder; {@link start} begins the work.
   * @throws {NeuroreelError} DATA_FOLDER_UNWRITABLE, DATA_FOLDER_IN_USE, DISK_FULL, STORE_INCOMPATIBLE
   */
  static async open(options: JobManagerOptions): Promise<JobManager> {
    return new JobManager(options, await JobStore.open(options.dataFolder, options.files));
  }

  /** Hears what becomes of jobs. */
  get events(): Records['events'] {
    return this.#records.events;
  }

  /**
   * Takes up what the process before left: jobs that it was at when it ended are queued again where they were and go on from
   * what they kept; those that waited go on waiting, in order; those that were paused stay so.
   */
  async start(): Promise<void> {
    const { jobs, problems } = this.#store.rows.live();
    for (const problem of [...this.#store.problems, ...problems])
      this.#options.log.error({ err: problem }, 'a job was left out');
    const entries = jobs.map((stored) => this.#records.enter(stored));
    for (const entry of entries) await this.#takeUp(entry);
    for (const entry of entries) if (entry.job.batch !== null) this.#batches.settle(entry.job.id);
    this.#webhooks.start();
    await this.#retainer.start();
    this.#dispatcher.startNext();
  }

  get counts(): { queued: number; active: number; finished: number } {
    const active = this.#dispatcher.active === null ? 0 : 1;
    if (!this.#closed) this.#finished = this.#store.rows.countFinished();
    return { queued: this.#dispatcher.queue.size, active, finished: this.#finished };
  }

  /** Jobs that fit, newest first, and the cursor of those that follow. */
  find(query: JobQuery): { jobs: Job[]; next: string | null } {
    const { jobs, next: cursor } = this.#store.rows.list(query);
    return { jobs: jobs.map(({ job }) => this.#records.entry(job.id)?.job ?? job), next: cursor };
  }

  /** The newest jobs, those of batches left out. */
  list(limit = 1000): Job[] {
    return this.find({ limit }).jobs;
  }

  /** Jobs that have not ended, in the order of their submission. */
  live(): Job[] {
    return this.#records.live().map(({ job }) => job);
  }

  /** @throws {NeuroreelError} JOB_UNKNOWN */
  get(id: string): JobWithHistory {
    return this.#records.get(id);
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
    options: SubmitOptions = {},
  ): Promise<{ job: JobWithHistory; created: boolean }> {
    const wanted = { id, request, ...options };
    const existing = this.#intake.existing(wanted);
    if (existing !== null) return { job: existing, created: false };
    this.#assertTakesWork();
    const { kinds, log } = this.#options;
    kindOf(kinds, request).check(request);
    inputsOf(kinds, request, (job, artifact) => this.artifact(job, artifact).path);
    if (options.webhook !== undefined) await this.#webhooks.check(options.webhook.url);
    // Somebody may have been faster while the name of the webhook's host was looked up.
    const meanwhile = this.#intake.existing(wanted);
    if (meanwhile !== null) return { job: meanwhile, created: false };
    const added = this.#intake.add(wanted);
    for (const stored of added) {
      const entry = this.#records.enter(stored);
      if (entry.job.batch === null) this.#dispatcher.queue.add(entry);
      log.info({ job: entry.job.id, request: entry.job.request }, 'job queued');
      this.events.emit('state', entry.job);
    }
    this.#dispatcher.startNext();
    return { job: this.get(added[0]!.job.id), created: true };
  }

  /**
   * Cancels a job: one that waits at once, one that runs within a part of its step, a batch with all its jobs. Cancelling a
   * job that has ended does nothing.
   * @throws {NeuroreelError} JOB_UNKNOWN
   */
  cancel(id: string): JobWithHistory {
    return this.#control.cancel(id);
  }

  /** Holds a job. @throws {NeuroreelError} JOB_UNKNOWN, JOB_STATE_CONFLICT */
  pause(id: string): JobWithHistory {
    return this.#control.pause(id);
  }

  /** Lets a paused job go on. @throws {NeuroreelError} JOB_UNKNOWN, JOB_STATE_CONFLICT */
  resume(id: string): JobWithHistory {
    return this.#control.resume(id);
  }

  /**
   * Puts a failed or cancelled job back into the queue.
   * @throws {NeuroreelError} JOB_UNKNOWN, JOB_STATE_CONFLICT, SHUTTING_DOWN, QUEUE_FULL
   */
  retry(id: string): JobWithHistory {
    return this.#control.retry(id, () => this.#assertTakesWork());
  }

  /** Deletes an ended job and all that it left. @throws {NeuroreelError} JOB_UNKNOWN, JOB_STATE_CONFLICT */
  remove(id: string): Promise<void> {
    return this.#control.remove(id);
  }

  /**
   * Changes something about a job that runs (or will), from its next step on.
   * @throws {NeuroreelError} JOB_UNKNOWN, JOB_STATE_CONFLICT, STEER_UNSUPPORTED, UNIT_UNKNOWN
   */
  steer(id: string, change: Steering): JobWithHistory {
    return this.#control.steer(id, change);
  }

  /** The files that a job left. @throws {NeuroreelError} JOB_UNKNOWN */
  artifacts(id: string): Artifact[] {
    if (this.#records.entry(id) === undefined) this.#records.stored(id);
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
    this.#records.entry(id)?.run?.kill(signal);
  }

  /** Bytes of memory that the worker takes; 0 while there is none. */
  get workerBytes(): number {
    return this.#dispatcher.active?.run?.bytes ?? 0;
  }

  /** Takes no new work, sets the running job aside (it is queued, and goes on after the next start), and closes the store. */
  async close(graceMs: number): Promise<void> {
    if (this.#closing) return;
    this.#closing = true;
    await this.#dispatcher.close(graceMs);
    this.#batches.close();
    await this.#retainer.close();
    await this.#webhooks.close();
    this.#closed = true;
    await this.#store.close();
  }

  /** What becomes of a job that had not ended when the process before ended. */
  async #takeUp(entry: Entry): Promise<void> {
    const { id, state, batch, parent } = entry.job;
    await this.#store.discardWork(id, { kept: false });
    const batchState = parent === null ? null : this.get(parent).state;
    if (batch !== null) return;
    if (batchState === 'canceled') this.#records.happens(entry, 'cancel');
    else if (state === 'queued') this.#dispatcher.queue.add(entry);
    else if (state !== 'paused') this.#dispatcher.takeUp(entry);
    if (batchState === 'paused' && entry.job.state === 'queued') this.pause(id);
  }

  #assertTakesWork(): void {
    if (this.#closing) throw new NeuroreelError('SHUTTING_DOWN', 'The server is being stopped and takes no new jobs.');
    const { queueLimit } = this.#options;
    const waiting = new Set([...this.#dispatcher.queue].map(({ job }) => job.parent ?? job.id));
    if (waiting.size >= queueLimit) {
      throw new NeuroreelError('QUEUE_FULL', `The queue is full: ${queueLimit} jobs wait already.`);
    }
  }

  #tellWebhook(entry: Entry): void {
    try {
      this.#webhooks.tell(entry);
    } catch (error) {
      this.#options.log.error({ job: entry.job.id, err: error }, 'a webhook could not be noted');
    }
  }
}
