/**
 * The latest changes of state of all jobs of a server, numbered, so that a viewer that lost its connection can be told
 * what it missed. Bounded: who comes back too late is told so.
 */
import { randomBytes } from 'node:crypto';
import type { Job } from '../../protocol/index.js';

const CAPACITY = 2048;

export interface LoggedState {
  readonly cursor: string;
  readonly job: Job;
}

export class EventLog {
  /** Tells runs of the server apart: the numbers begin anew with each. */
  readonly #run: string;
  readonly #capacity: number;
  #entries: { readonly sequence: number; readonly job: Job }[] = [];
  #sequence = 0;

  constructor(capacity = CAPACITY, run = randomBytes(6).toString('hex')) {
    this.#capacity = capacity;
    this.#run = run;
  }

  /** The place of the latest change. */
  get cursor(): string {
    return this.#cursor(this.#sequence);
  }

  /** Notes a change and returns its place. */
  append(job: Job): string {
    this.#entries.push({ sequence: ++this.#sequence, job });
    // Cut rarely, so that adding costs nothing on average.
    if (this.#entries.length >= 2 * this.#capacity) this.#entries = this.#entries.slice(-this.#capacity);
    return this.cursor;
  }

  /** The changes of a job after `cursor`, oldest first; null when the log does not reach back that far. */
  since(cursor: string, job: string): LoggedState[] | null {
    const [run, digits] = cursor.split('.');
    const sequence = Number(digits);
    const oldest = this.#sequence - Math.min(this.#entries.length, this.#capacity);
    if (run !== this.#run || sequence < oldest || sequence > this.#sequence) return null;
    return this.#entries
      .filter((entry) => entry.sequence > sequence && entry.job.id === job)
      .map((entry) => ({ cursor: this.#cursor(entry.sequence), job: entry.job }));
  }

  #cursor(sequence: number): string {
    return `${this.#run}.${sequence}`;
  }
}
