/** One job in one worker thread, seen from the main thread. */
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { NeuroreelError } from '../protocol/index.js';
import { compiled } from './package-root.js';
import { CONTROL, CONTROL_WORDS, type WireError, type WorkerMessage, type WorkerStart } from './worker-contract.js';

export type ThreadEnd =
  | { readonly outcome: 'succeeded' | 'canceled' }
  | { readonly outcome: 'failed'; readonly error: NeuroreelError; readonly stack?: string | undefined };

/** Messages while a job runs; the rest end it. */
export type ThreadNews = Exclude<WorkerMessage, { type: 'succeeded' | 'canceled' | 'failed' }>;

function endOf(message: Exclude<WorkerMessage, ThreadNews>): ThreadEnd {
  if (message.type !== 'failed') return { outcome: message.type };
  const { code, message: text, details, stack }: WireError = message.error;
  return { outcome: 'failed', error: new NeuroreelError(code, text, { details }), stack };
}

/** Any error as one of the catalogue: INTERNAL unless it is one already. */
export function asNeuroreelError(error: unknown): NeuroreelError {
  if (error instanceof NeuroreelError) return error;
  return new NeuroreelError('INTERNAL', error instanceof Error ? error.message : String(error), { cause: error });
}

function died(message: string, cause?: Error): ThreadEnd {
  return { outcome: 'failed', error: new NeuroreelError('WORKER_DIED', message, { cause }), stack: cause?.stack };
}

export class JobThread {
  readonly #worker: Worker;
  readonly #control: Int32Array;
  #end: (end: ThreadEnd) => void = () => undefined;
  #killTimer: NodeJS.Timeout | null = null;
  /** Resolves once, when the thread has ended; never rejects. */
  readonly ended: Promise<ThreadEnd>;

  /** @param onNews called for each message of the worker, in order */
  constructor(start: Omit<WorkerStart, 'control'>, onNews: (news: ThreadNews) => void) {
    const control = new SharedArrayBuffer(CONTROL_WORDS * 4);
    this.#control = new Int32Array(control);
    const ended = new Promise<ThreadEnd>((resolve) => (this.#end = resolve));
    const workerData: WorkerStart = { ...start, control };
    this.#worker = new Worker(pathToFileURL(compiled('src/jobs/worker.js')), {
      workerData,
      name: `job ${start.id}`,
    });
    this.#listen(onNews);
    this.ended = ended.then(async (end) => {
      if (this.#killTimer !== null) clearTimeout(this.#killTimer);
      await this.#worker.terminate();
      return end;
    });
  }

  set watched(watched: boolean) {
    Atomics.store(this.#control, CONTROL.watched, watched ? 1 : 0);
  }

  set paused(paused: boolean) {
    Atomics.store(this.#control, CONTROL.pause, paused ? 1 : 0);
    this.#wake();
  }

  /** Asks the worker to stop after its step; a worker that has not stopped after `graceMs` is terminated. */
  cancel(graceMs: number): void {
    Atomics.store(this.#control, CONTROL.cancel, 1);
    this.#wake();
    if (this.#killTimer !== null) clearTimeout(this.#killTimer);
    this.#killTimer = setTimeout(() => this.#end({ outcome: 'canceled' }), graceMs);
  }

  #wake(): void {
    this.#worker.postMessage('look');
  }

  #listen(onNews: (news: ThreadNews) => void): void {
    let over = false;
    const finish = (end: ThreadEnd): void => {
      over = true;
      this.#end(end);
    };
    this.#worker.on('message', (message: WorkerMessage) => {
      if (over) return;
      if (message.type === 'succeeded' || message.type === 'canceled' || message.type === 'failed') {
        finish(endOf(message));
        return;
      }
      if (message.type === 'progress' && message.pixels !== null) Atomics.add(this.#control, CONTROL.pixelsSeen, 1);
      try {
        onNews(message);
      } catch (error) {
        // News out of turn (a job that encodes before it runs): an error of the job's module, not of the server.
        finish({ outcome: 'failed', error: asNeuroreelError(error), stack: (error as Error).stack });
      }
    });
    // The first end counts: after an error comes an exit.
    this.#worker.on('messageerror', (error) => finish(died('A message of the worker could not be read.', error)));
    this.#worker.on('error', (error) => finish(died(`The worker failed: ${error.message}`, error)));
    this.#worker.on('exit', (code) => finish(died(`The worker ended with code ${code} before its job was done.`)));
  }
}
