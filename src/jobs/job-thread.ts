/** One job in one worker thread, seen from the main thread. */
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { NeuroreelError, type Steering } from '../protocol/index.js';
import { compiled } from './package-root.js';
import {
  CONTROL,
  CONTROL_WORDS,
  type MainMessage,
  type WireError,
  type WorkerMessage,
  type WorkerStart,
} from './worker-contract.js';

export type ThreadEnd =
  | { readonly outcome: 'succeeded' | 'canceled' | 'parked' }
  /** `crashed`: it was not the job's module that said so. */
  | {
      readonly outcome: 'failed';
      readonly error: NeuroreelError;
      readonly stack?: string | undefined;
      readonly crashed?: boolean;
    };

type EndMessage = Extract<WorkerMessage, { type: 'succeeded' | 'canceled' | 'parked' | 'failed' }>;
/** Messages while a job runs; the rest end it. */
export type ThreadNews = Exclude<WorkerMessage, EndMessage>;

const ENDS: readonly string[] = ['succeeded', 'canceled', 'parked', 'failed'] satisfies EndMessage['type'][];
const isEnd = (message: WorkerMessage): message is EndMessage => ENDS.includes(message.type);

function endOf(message: EndMessage): ThreadEnd {
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
  const error = new NeuroreelError('WORKER_DIED', message, { cause });
  return { outcome: 'failed', error, stack: cause?.stack, crashed: true };
}

/** A thread that is in native code does not end before that returns: it is not waited for longer than so. */
const TERMINATE_MS = 2000;

/** A worker that has to load its code and the models, perhaps on a busy machine, is given at least so long. */
const START_MS = 60_000;

export interface ThreadOptions {
  /** Called for each message of the worker, in order. */
  readonly onNews: (news: ThreadNews) => void;
  /** A worker without a sign of life for so long is replaced; a paused one need not give any. */
  readonly stallMs: number;
}

export class JobThread {
  readonly #worker: Worker;
  readonly #control: Int32Array;
  readonly #watch: NodeJS.Timeout;
  #end: (end: ThreadEnd) => void = () => undefined;
  #killTimer: NodeJS.Timeout | null = null;
  #held = false;
  #sign = { beats: 0, at: performance.now() };
  #heard = false;
  /** Resolves once, when the thread has ended; never rejects. */
  readonly ended: Promise<ThreadEnd>;

  constructor(start: Omit<WorkerStart, 'control'>, { onNews, stallMs }: ThreadOptions) {
    const control = new SharedArrayBuffer(CONTROL_WORDS * 4);
    this.#control = new Int32Array(control);
    const ended = new Promise<ThreadEnd>((resolve) => (this.#end = resolve));
    const workerData: WorkerStart = { ...start, control };
    this.#worker = new Worker(pathToFileURL(compiled('src/jobs/worker.js')), {
      workerData,
      name: `job ${start.id}`,
    });
    this.#listen(onNews);
    this.#watch = setInterval(() => this.#lookForLife(stallMs), Math.max(5, stallMs / 4));
    this.#watch.unref();
    this.ended = ended.then(async (end) => {
      clearInterval(this.#watch);
      if (this.#killTimer !== null) clearTimeout(this.#killTimer);
      await this.#terminate();
      return end;
    });
  }

  set watched(watched: boolean) {
    Atomics.store(this.#control, CONTROL.watched, watched ? 1 : 0);
  }

  set paused(paused: boolean) {
    Atomics.store(this.#control, CONTROL.pause, paused ? 1 : 0);
    this.#tell('look');
  }

  /** Changes something about the job from its next step on. @param index place in the job's list of changes */
  steer(index: number, change: Steering): void {
    this.#tell({ type: 'steer', index, change });
  }

  /** Asks the worker to stop; one that has not stopped after `graceMs` is terminated. */
  cancel(graceMs: number): void {
    this.#stop('cancel', 'canceled', graceMs);
  }

  /** As {@link cancel}, but the job is to go on in another worker, with what this one keeps. */
  park(graceMs: number): void {
    this.#stop('park', 'parked', graceMs);
  }

  /** Ends the thread at once, as a crash would. */
  kill(): void {
    void this.#worker.terminate();
  }

  #stop(word: 'cancel' | 'park', outcome: 'canceled' | 'parked', graceMs: number): void {
    Atomics.store(this.#control, CONTROL[word], 1);
    this.#tell('look');
    if (this.#killTimer !== null) clearTimeout(this.#killTimer);
    this.#killTimer = setTimeout(() => this.#end({ outcome }), graceMs);
  }

  #tell(message: MainMessage): void {
    this.#worker.postMessage(message);
  }

  async #terminate(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const patience = new Promise((resolve) => (timer = setTimeout(resolve, TERMINATE_MS)));
    await Promise.race([this.#worker.terminate(), patience]);
    clearTimeout(timer);
    this.#worker.unref();
  }

  #lookForLife(stallMs: number): void {
    const beats = Atomics.load(this.#control, CONTROL.beats);
    const now = performance.now();
    if (this.#held || beats !== this.#sign.beats) this.#sign = { beats, at: now };
    const patience = this.#heard ? stallMs : Math.max(stallMs, START_MS);
    if (now - this.#sign.at < patience) return;
    const message = `The worker gave no sign of life for ${patience / 1000} seconds.`;
    this.#end({ outcome: 'failed', error: new NeuroreelError('WORKER_STALLED', message), crashed: true });
  }

  #listen(onNews: (news: ThreadNews) => void): void {
    let over = false;
    const finish = (end: ThreadEnd): void => {
      over = true;
      this.#end(end);
    };
    this.#worker.on('message', (message: WorkerMessage) => {
      if (over) return;
      this.#sign = { ...this.#sign, at: performance.now() };
      this.#heard = true;
      if (isEnd(message)) {
        finish(endOf(message));
        return;
      }
      if (message.type === 'paused' || message.type === 'resumed') this.#held = message.type === 'paused';
      if ('frames' in message && typeof message.frames === 'object' && message.frames !== null)
        Atomics.add(this.#control, CONTROL.pixelsSeen, 1);
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
