/** Removes ended jobs beyond what is to be kept: at the start, once an hour, and when it is told to. */
import type { Log } from './log.js';
import type { JobStore, Retention } from './store/job-store.js';

const EVERY_MS = 3_600_000;

export interface RetainerParts {
  readonly store: JobStore;
  readonly log: Log;
  readonly now: () => Date;
  /** What is kept; everything when absent. */
  readonly retention: Retention | undefined;
  readonly onRemoved: (id: string) => void;
}

export class Retainer {
  readonly #parts: RetainerParts;
  #running: Promise<void> = Promise.resolve();
  #timer: NodeJS.Timeout | null = null;

  constructor(parts: RetainerParts) {
    this.#parts = parts;
  }

  async start(): Promise<void> {
    await this.run();
    this.#timer = setInterval(() => void this.run(), EVERY_MS);
    this.#timer.unref();
  }

  /** A job that has ended may be one too many where bytes are counted. */
  async afterJob(): Promise<void> {
    if (this.#parts.retention?.bytes !== undefined) await this.run();
  }

  /** One call after the other; never rejects. */
  run(): Promise<void> {
    const { store, log, now, retention, onRemoved } = this.#parts;
    if (retention === undefined) return Promise.resolve();
    this.#running = this.#running.then(async () => {
      try {
        for (const id of await store.retain(retention, now())) {
          log.info({ job: id }, 'job removed: beyond what is kept');
          onRemoved(id);
        }
      } catch (error) {
        log.error({ err: error }, 'old jobs could not be removed');
      }
    });
    return this.#running;
  }

  async close(): Promise<void> {
    if (this.#timer !== null) clearInterval(this.#timer);
    await this.#running;
  }
}
