/** Keeps the state of each batch what those of its jobs make it. */
import { isFinal, type Job } from '../protocol/index.js';
import { countsOf, errorOf, progressOf } from './batches.js';
import type { Log } from './log.js';
import type { Entry, Records } from './records.js';
import type { JobStore } from './store/job-store.js';

export interface BatchStatesParts {
  readonly records: Records;
  readonly store: JobStore;
  readonly log: Log;
  readonly now: () => Date;
}

export class BatchStates {
  readonly #parts: BatchStatesParts;
  /** Batches whose jobs have changed their states. */
  readonly #unsettled = new Set<string>();

  constructor(parts: BatchStatesParts) {
    this.#parts = parts;
    parts.records.onPart = (id) => this.#settleSoon(id);
  }

  /** Brings a batch to the state that those of its jobs make. */
  settle(id: string): void {
    const { records, store, now } = this.#parts;
    const states = store.rows.children(id).map((child) => records.entry(child.id)?.job.state ?? child.state);
    const counts = countsOf(states);
    const entry = records.entry(id);
    if (entry === undefined) {
      const { job, history } = records.stored(id);
      store.save({ ...job, batch: counts }, history);
      return;
    }
    records.patch(entry, { batch: counts });
    const started = states.some((state) => state !== 'queued' && state !== 'paused' && state !== 'canceled');
    if (entry.job.state === 'queued' && started) {
      records.happens(entry, 'start');
      records.happens(entry, 'run');
    }
    const { startedAt } = entry.job;
    const done = counts.succeeded + counts.failed;
    const seconds = startedAt === null ? 0 : (now().getTime() - Date.parse(startedAt)) / 1000;
    records.progress(entry, progressOf(counts, Math.max(0, seconds) / Math.max(1, done)));
    if (states.every(isFinal)) this.#end(entry, counts);
    else records.save(entry);
  }

  /** What is still to be settled is settled. */
  close(): void {
    for (const id of this.#unsettled) this.settle(id);
    this.#unsettled.clear();
  }

  /** Once for all that happens at a time. */
  #settleSoon(id: string): void {
    if (this.#unsettled.has(id)) return;
    this.#unsettled.add(id);
    queueMicrotask(() => {
      if (!this.#unsettled.delete(id)) return;
      try {
        this.settle(id);
      } catch (error) {
        this.#parts.log.error({ job: id, err: error }, 'the state of a batch could not be told');
      }
    });
  }

  #end(entry: Entry, counts: NonNullable<Job['batch']>): void {
    const { records } = this.#parts;
    const error = errorOf(entry.job.id, counts);
    if (error === null) records.happens(entry, 'succeed');
    else if (counts.failed === 0) records.happens(entry, 'cancel');
    else {
      records.patch(entry, { error: error.toJSON() });
      records.happens(entry, 'fail');
    }
  }
}
