/** Takes jobs in: the same request is the same job, and a batch comes with all its jobs or not at all. */
import { NeuroreelError, type Job, type JobRequest, type JobWithHistory, type Submission } from '../protocol/index.js';
import { countsOf, type BatchPart } from './batches.js';
import type { JobKinds } from './kinds.js';
import type { Records } from './records.js';
import { fingerprintOf } from './store/fingerprint.js';
import type { JobStore } from './store/job-store.js';
import type { StoredJob } from './store/rows.js';

/** How a job is submitted, besides its request. */
export interface SubmitOptions extends Partial<Submission> {
  /** The same key with the same request is the same job. */
  readonly idempotencyKey?: string | undefined;
}

/** What somebody wants to be done. */
export interface Wanted extends SubmitOptions {
  /** Chosen by the client, or null for a new one. */
  readonly id: string | null;
  readonly request: JobRequest;
}

export interface IntakeParts {
  readonly store: JobStore;
  readonly records: Records;
  readonly kinds: JobKinds;
  readonly now: () => Date;
  readonly newId: () => string;
}

const fingerprintFor = ({ request, priority = 0, webhook }: Wanted): string =>
  fingerprintOf({ request, priority, webhook });

export class Intake {
  readonly #parts: IntakeParts;

  constructor(parts: IntakeParts) {
    this.#parts = parts;
  }

  /**
   * The job that the same request made before; null when there is none.
   * @throws {NeuroreelError} JOB_ID_TAKEN, IDEMPOTENCY_KEY_REUSED
   */
  existing(wanted: Wanted): JobWithHistory | null {
    const { store, records } = this.#parts;
    const { id, idempotencyKey: key } = wanted;
    const fingerprint = fingerprintFor(wanted);
    const known = key === undefined ? null : store.rows.key(key);
    if (known !== null) {
      if (known.fingerprint === fingerprint) return records.get(known.job);
      throw new NeuroreelError('IDEMPOTENCY_KEY_REUSED', 'The Idempotency-Key was sent before with another request.');
    }
    const stored = id === null ? null : store.rows.get(id);
    if (stored === null) return null;
    if (stored.fingerprint === fingerprint) return records.get(stored.job.id);
    throw new NeuroreelError('JOB_ID_TAKEN', `The job id ${stored.job.id} is taken by a job with another request.`);
  }

  /**
   * Puts a job into the store, with those that it consists of: the job itself comes first.
   * @throws {NeuroreelError} JOB_ID_TAKEN, DISK_FULL, DATA_FOLDER_UNWRITABLE
   */
  add(wanted: Wanted): StoredJob[] {
    const { store, kinds, newId } = this.#parts;
    const { id, request, priority = 0, webhook, idempotencyKey } = wanted;
    const fingerprint = fingerprintFor(wanted);
    const job = this.#newJob(id ?? newId(), request, priority, webhook?.url ?? null);
    const parts = request.kind === 'batch' ? (kinds.batch?.parts(job.id, request) ?? []) : [];
    if (request.kind === 'batch') job.batch = countsOf(parts.map(() => 'queued'));
    return store.write(() => {
      const record = { fingerprint, secret: webhook?.secret ?? null, states: webhook?.states ?? null };
      const all = [this.#insert(job, record), ...parts.map((part) => this.#insertPart(job, part))];
      if (idempotencyKey !== undefined) store.rows.setKey(idempotencyKey, job.id, fingerprint);
      return all;
    });
  }

  #newJob(id: string, request: JobRequest, priority: number, webhook: string | null): Job {
    const at = this.#parts.now().toISOString();
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
    return { seq: this.#parts.store.rows.insert(stored), ...stored };
  }

  #insertPart(batch: Job, { id, request }: BatchPart): StoredJob {
    if (this.#parts.store.rows.get(id) !== null) {
      throw new NeuroreelError('JOB_ID_TAKEN', `The job id ${id}, which the batch needs, is taken.`);
    }
    const { priority } = batch;
    const job = { ...this.#newJob(id, request, priority, null), parent: batch.id };
    return this.#insert(job, { fingerprint: fingerprintOf({ request, priority }), secret: null, states: null });
  }
}
