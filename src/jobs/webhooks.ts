/**
 * Tells others of changes of state. What is to be told is in the store before it is sent, so that a restart loses nothing;
 * of one job, in order; and again with growing pauses until the other side answers with a status below 300.
 */
import { createHmac } from 'node:crypto';
import type { Job, JobState } from '../protocol/index.js';
import type { JobStore } from './store/job-store.js';
import type { Delivery } from './store/rows.js';
import { checkTarget, post } from './webhook-target.js';

export interface WebhookOptions {
  /** Whether addresses of this machine and of private networks may be told. */
  readonly allowPrivate?: boolean | undefined;
  /** Pauses before the second and further attempts, in milliseconds; after the last one, it is given up. */
  readonly backoffMs?: readonly number[] | undefined;
}

interface WebhookParts extends WebhookOptions {
  readonly log: { warn(fields: object, message: string): void };
  readonly now: () => Date;
}

/** A job that may have somebody to be told. */
interface Told {
  readonly job: Job;
  readonly secret: string | null;
  readonly states: readonly JobState[] | null;
}

const SECOND = 1000;
const BACKOFF_MS = [5, 30, 120, 600, 3600, 4 * 3600, 12 * 3600].map((seconds) => seconds * SECOND);
const TIMEOUT_MS = 10 * SECOND;
/** Timers of Node count to 2^31 milliseconds. */
const LONGEST_WAIT_MS = 3_600_000;
const AT_A_TIME = 8;

/**
 * The header `Neuroreel-Signature`: `t=SECONDS,v1=HEX`, the HMAC-SHA256 of `SECONDS.BODY`. A receiver computes it again with
 * its secret, and refuses old times.
 */
export function signature(secret: string, body: string, seconds: number): string {
  const v1 = createHmac('sha256', secret).update(`${seconds}.${body}`).digest('hex');
  return `t=${seconds},v1=${v1}`;
}

export class Webhooks {
  readonly #store: JobStore;
  readonly #parts: WebhookParts;
  readonly #abort = new AbortController();
  /** Jobs of which something is on its way. */
  readonly #underWay = new Map<string, Promise<void>>();
  #timer: NodeJS.Timeout | null = null;
  #started = false;

  constructor(store: JobStore, parts: WebhookParts) {
    this.#store = store;
    this.#parts = parts;
  }

  /** @throws {NeuroreelError} WEBHOOK_REFUSED */
  check(url: string): Promise<void> {
    return checkTarget(url, this.#parts.allowPrivate ?? false);
  }

  /** Begins to send what an earlier process left. */
  start(): void {
    this.#started = true;
    this.#look();
  }

  /** Notes the present state of a job, and sends it as soon as what came before is through. */
  tell({ job, secret, states }: Told): void {
    if (job.webhook === null || secret === null || (states !== null && !states.includes(job.state))) return;
    const body = JSON.stringify({ type: 'job.state', state: job.state, at: job.updatedAt, job });
    const due_ms = this.#parts.now().getTime();
    const { webhook: url } = job;
    this.#store.write(() => this.#store.rows.addDelivery({ job: job.id, url, secret, body, due_ms }));
    if (this.#started) setImmediate(() => this.#look());
  }

  async close(): Promise<void> {
    this.#started = false;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#abort.abort();
    await Promise.allSettled(this.#underWay.values());
  }

  /** Sends what is due, and comes back when the next is. */
  #look(): void {
    if (!this.#started) return;
    if (this.#timer !== null) clearTimeout(this.#timer);
    const now = this.#parts.now().getTime();
    let wait = Infinity;
    for (const delivery of this.#store.rows.deliveries()) {
      if (this.#underWay.has(delivery.job) || this.#underWay.size >= AT_A_TIME) continue;
      if (delivery.due_ms > now) wait = Math.min(wait, delivery.due_ms - now);
      else this.#send(delivery);
    }
    if (wait === Infinity) return;
    this.#timer = setTimeout(() => this.#look(), Math.min(wait, LONGEST_WAIT_MS));
    this.#timer.unref();
  }

  #send(delivery: Delivery): void {
    const done = this.#attempt(delivery).then((problem) => {
      this.#underWay.delete(delivery.job);
      if (this.#abort.signal.aborted) return;
      this.#settle(delivery, problem);
      this.#look();
    });
    this.#underWay.set(delivery.job, done);
  }

  /** Returns what went wrong, or null. */
  async #attempt({ url, secret, body, seq, attempts }: Delivery): Promise<string | null> {
    try {
      const status = await post({
        ...{ url, body, allowPrivate: this.#parts.allowPrivate ?? false, timeoutMs: TIMEOUT_MS },
        signal: this.#abort.signal,
        headers: {
          'Content-Type': 'application/json',
          'User-Agent': 'neuroreel',
          'Neuroreel-Delivery': String(seq),
          'Neuroreel-Attempt': String(attempts + 1),
          'Neuroreel-Signature': signature(secret, body, Math.floor(this.#parts.now().getTime() / SECOND)),
        },
      });
      return status >= 200 && status < 300 ? null : `it answered with ${status}`;
    } catch (error) {
      return (error as Error).message;
    }
  }

  #settle({ seq, job, attempts }: Delivery, problem: string | null): void {
    const pause = (this.#parts.backoffMs ?? BACKOFF_MS)[attempts];
    try {
      if (problem === null || pause === undefined) this.#store.write(() => this.#store.rows.removeDelivery(seq));
      else {
        const due = this.#parts.now().getTime() + pause;
        this.#store.write(() => this.#store.rows.postponeDelivery(seq, attempts + 1, due));
      }
    } catch (error) {
      this.#parts.log.warn({ job, err: error }, 'the outcome of a webhook could not be noted');
    }
    if (problem === null) return;
    const fields = { job, attempt: attempts + 1, problem };
    this.#parts.log.warn(fields, pause === undefined ? 'webhook given up' : 'webhook not delivered yet');
  }
}
