/** What clients wish of jobs that are there: to hold them, let them go on, give them up, try them again, change and delete them. */
import { isFinal, NeuroreelError, type JobState, type JobWithHistory, type Steering } from '../protocol/index.js';
import type { Dispatcher } from './dispatcher.js';
import { kindOf, type JobKinds } from './kinds.js';
import type { Entry, Records } from './records.js';
import { after } from './states.js';
import type { JobStore } from './store/job-store.js';

export interface JobControlParts {
  readonly records: Records;
  readonly store: JobStore;
  readonly dispatcher: Dispatcher;
  readonly kinds: JobKinds;
  readonly now: () => Date;
}

export class JobControl {
  readonly #parts: JobControlParts;

  constructor(parts: JobControlParts) {
    this.#parts = parts;
  }

  /**
   * Cancels a job: one that waits at once, one that runs within a part of its step, a batch with all its jobs. Cancelling a
   * job that has ended does nothing.
   * @throws {NeuroreelError} JOB_UNKNOWN
   */
  cancel(id: string): JobWithHistory {
    const entry = this.#parts.records.entry(id);
    if (entry === undefined || isFinal(entry.job.state)) return this.#parts.records.get(id);
    if (entry.run !== null) entry.run.cancel();
    else {
      this.#parts.dispatcher.queue.remove(entry);
      this.#parts.records.happens(entry, 'cancel');
      void this.#parts.dispatcher.discard(id, true);
    }
    if (entry.job.batch !== null) {
      this.#parts.store.write(() => this.#parts.records.childrenOf(id).forEach((child) => this.cancel(child.job.id)));
    }
    return this.#parts.records.get(id);
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
      this.#parts.dispatcher.queue.remove(entry);
      this.#parts.records.happens(entry, 'pause');
    }
    if (entry.job.batch !== null) {
      const children = this.#parts.records.childrenOf(id).filter(({ job }) => job.state !== 'encoding');
      this.#parts.store.write(() => children.forEach((child) => this.pause(child.job.id)));
    }
    return this.#parts.records.get(id);
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
    else if (batch === null) this.#parts.dispatcher.requeue(entry);
    else {
      const children = this.#parts.records
        .childrenOf(id)
        .filter(({ job, run }) => job.state === 'paused' || run?.isPaused);
      this.#parts.store.write(() => {
        this.#parts.records.happens(entry, entry.job.startedAt === null ? 'requeue' : 'run');
        children.forEach((child) => this.resume(child.job.id));
      });
    }
    this.#parts.dispatcher.startNext();
    return this.#parts.records.get(id);
  }

  /**
   * Puts a failed or cancelled job back into the queue; a failed one goes on from what it kept. Of a batch: its jobs that
   * did not succeed.
   * @param assertRoom throws when no more may wait
   * @throws {NeuroreelError} JOB_UNKNOWN, JOB_STATE_CONFLICT
   */
  retry(id: string, assertRoom: () => void): JobWithHistory {
    const job = this.#parts.records.get(id);
    if (after(job.state, 'retry') === null) throw conflict(job, 'retried');
    assertRoom();
    this.#parts.store.write(() => {
      if (job.parent !== null) this.#revive(job.parent);
      this.#revive(id);
      if (job.batch !== null) for (const child of this.#parts.store.rows.children(id)) this.#revive(child.id);
    });
    this.#parts.dispatcher.startNext();
    return this.#parts.records.get(id);
  }

  /**
   * Deletes an ended job and all that it left, a batch with its jobs.
   * @throws {NeuroreelError} JOB_UNKNOWN, JOB_STATE_CONFLICT
   */
  async remove(id: string): Promise<void> {
    const job = this.#parts.records.get(id);
    if (!isFinal(job.state) || job.parent !== null || this.#parts.records.childrenOf(id).length > 0)
      throw conflict(job, 'deleted');
    this.#parts.records.forget(id);
    await this.#parts.store.remove(id);
    this.#parts.records.events.emit('removed', id);
  }

  /**
   * Changes something about a job that runs (or will), from its next step on; it is recorded with the iteration at which it
   * had effect.
   * @throws {NeuroreelError} JOB_UNKNOWN, JOB_STATE_CONFLICT, STEER_UNSUPPORTED, UNIT_UNKNOWN
   */
  steer(id: string, change: Steering): JobWithHistory {
    const entry = this.#living(id, 'steered');
    if (entry.job.state === 'encoding') throw conflict(entry.job, 'steered');
    const kind = kindOf(this.#parts.kinds, entry.job.request);
    if (kind.checkSteering === undefined) {
      throw new NeuroreelError('STEER_UNSUPPORTED', `Jobs of the kind ${entry.job.request.kind} cannot be steered.`);
    }
    kind.checkSteering(entry.job.request, change);
    const index = entry.job.steering.length;
    const at = this.#parts.now().toISOString();
    this.#parts.records.patch(entry, { steering: [...entry.job.steering, { iteration: null, at, change }] });
    this.#parts.records.save(entry);
    entry.run?.steer(index, change);
    return this.#parts.records.get(id);
  }

  #revive(id: string): void {
    if (this.#parts.records.entry(id) !== undefined) return;
    const stored = this.#parts.records.stored(id);
    if (after(stored.job.state, 'retry') === null) return;
    const entry = this.#parts.records.enter(stored);
    this.#parts.records.patch(entry, { error: null, crashes: 0, run: null, startedAt: null });
    this.#parts.records.happens(entry, 'retry');
    if (entry.job.batch === null) this.#parts.dispatcher.queue.add(entry);
  }

  #living(id: string, wish: string): Entry {
    const entry = this.#parts.records.entry(id);
    if (entry === undefined || isFinal(entry.job.state)) throw conflict(this.#parts.records.get(id), wish);
    return entry;
  }
}

function conflict({ id, state }: { id: string; state: JobState }, wish: string): NeuroreelError {
  return new NeuroreelError('JOB_STATE_CONFLICT', `Job ${id} is ${state}; it cannot be ${wish}.`, {
    details: { state },
  });
}
