/**
 * The worker processes of a server: one for each job, since what a job leaves in its process dies with it. While there is
 * work one more is held ready, with the modules of all kinds loaded, so that the next job need not wait for that.
 */
import type { Preparation } from '../worker-contract.js';
import { WorkerProcess } from './process.js';

export interface WorkersOptions {
  /** What a worker that is held ready loads. */
  readonly modules: readonly Preparation[];
  /** How long one is held ready after the last job; 0: none ever is. */
  readonly spareMs: number;
}

export class Workers {
  readonly #options: WorkersOptions;
  #spare: WorkerProcess | null = null;
  #timer: NodeJS.Timeout | null = null;
  #closed = false;

  constructor(options: WorkersOptions) {
    this.#options = options;
  }

  /** The one that is held ready. */
  get ready(): WorkerProcess | null {
    return this.#spare;
  }

  /** A worker for a job: the one that is ready, else a new one. */
  take(): WorkerProcess {
    const spare = this.#spare;
    this.#spare = null;
    this.#stay();
    return spare?.isAlive ? spare : new WorkerProcess();
  }

  /** To be called when a job is under way: has one made ready for the next. */
  makeReady(): void {
    this.#stay();
    if (this.#closed || this.#options.spareMs === 0 || this.#spare?.isAlive) return;
    this.#spare = new WorkerProcess();
    this.#spare.tell({ type: 'prepare', modules: this.#options.modules });
  }

  /** To be called when there is nothing to do: the one that is ready is let go after a while. */
  rest(): void {
    if (this.#spare === null || this.#timer !== null) return;
    this.#timer = setTimeout(() => void this.#letGo(), this.#options.spareMs);
    this.#timer.unref();
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#letGo();
  }

  #stay(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  async #letGo(): Promise<void> {
    this.#stay();
    const spare = this.#spare;
    this.#spare = null;
    await spare?.end();
  }
}
