/** One job in one worker process, seen from the server. */
import { asNeuroreelError, NeuroreelError, type Steering } from '../../protocol/index.js';
import {
  BEAT_MS,
  type ServerMessage,
  type StepFrames,
  type WireError,
  type Wishes,
  type WorkerMessage,
  type WorkerStart,
} from '../worker-contract.js';
import type { ProcessEnd, WorkerProcess } from './process.js';

export type WorkerEnd =
  | { readonly outcome: 'succeeded' | 'canceled' | 'parked' }
  /** `crashed`: it was not the job's module that said so. */
  | {
      readonly outcome: 'failed';
      readonly error: NeuroreelError;
      readonly stack?: string | undefined;
      readonly crashed?: boolean;
    };

type EndMessage = Extract<WorkerMessage, { type: 'succeeded' | 'canceled' | 'parked' | 'failed' | 'broke' }>;
/** Messages while a job runs; the rest end it. */
export type WorkerNews = Exclude<WorkerMessage<StepFrames>, EndMessage | { type: 'beat' }>;
type SentNews = Exclude<WorkerMessage, EndMessage | { type: 'beat' }>;

const ENDS: readonly string[] = ['succeeded', 'canceled', 'parked', 'failed', 'broke'] satisfies EndMessage['type'][];
const isEnd = (message: WorkerMessage): message is EndMessage => ENDS.includes(message.type);

function endOf(message: EndMessage): WorkerEnd {
  if (message.type !== 'failed' && message.type !== 'broke') return { outcome: message.type };
  const { code, message: text, details, stack }: WireError = message.error;
  if (message.type === 'broke') return died(`The worker failed: ${text}`, stack);
  return { outcome: 'failed', error: new NeuroreelError(code, text, { details }), stack };
}

function died(message: string, stack?: string): WorkerEnd {
  return { outcome: 'failed', error: new NeuroreelError('WORKER_DIED', message), stack, crashed: true };
}

/** @param printed the last lines that it printed */
function deathOf({ code, signal, error }: ProcessEnd, printed: readonly string[]): WorkerEnd {
  const stack = printed.length === 0 ? undefined : printed.join('\n');
  if (error !== undefined) return died(`The worker could not be started: ${error.message}`, stack);
  if (signal === null) return died(`The worker ended with code ${code} before its job was done.`, stack);
  const isHeap = printed.some((line) => line.includes('JavaScript heap out of memory'));
  const why = isHeap ? 'its JavaScript heap was full' : SIGNAL_WORDS[signal];
  return died(`The worker was ended by ${signal}${why && ` (${why})`} before its job was done.`, stack);
}

/** What a signal usually means that nobody here has sent. */
const SIGNAL_WORDS: Partial<Record<NodeJS.Signals, string>> = {
  SIGKILL: 'the system may have run out of memory',
  SIGSEGV: 'native code reached for memory that is not its own',
  SIGBUS: 'native code reached for memory that is not there',
  SIGABRT: 'native code gave up',
  SIGILL: 'native code is not made for this processor',
  SIGFPE: 'native code calculated what cannot be',
};

/** A worker that has to load its code and the models, perhaps on a busy machine, is given at least so long. */
const START_MS = 60_000;

export interface JobWorkerOptions {
  /** Does the job, and is ended with it. */
  readonly process: WorkerProcess;
  /** Called for each message of the worker, in order. */
  readonly onNews: (news: WorkerNews) => void;
  /** Called for each line that it prints, as far as they are not too many. */
  readonly onLine: (line: string) => void;
  /** A worker without a sign of life for so long is replaced; a paused one need not give any. */
  readonly stallMs: number;
}

export class JobWorker {
  readonly #process: WorkerProcess;
  readonly #watch: NodeJS.Timeout;
  #end: (end: WorkerEnd) => void = () => undefined;
  #over = false;
  #killTimer: NodeJS.Timeout | null = null;
  #held = false;
  #heard = false;
  #lastSign = performance.now();
  #bytes = 0;
  /** What has come and is not done yet. */
  #turn: Promise<void> | null = null;
  /** Resolves once, when the process has ended; never rejects. */
  readonly ended: Promise<WorkerEnd>;

  constructor(start: Omit<WorkerStart, 'beatMs' | 'shares'>, { process, onNews, onLine, stallMs }: JobWorkerOptions) {
    this.#process = process;
    process.ref();
    process.output.onLine = onLine;
    const ended = new Promise<WorkerEnd>((resolve) => (this.#end = resolve));
    this.#listen(onNews);
    this.#tell({
      type: 'do',
      start: { ...start, shares: process.shared !== null, beatMs: Math.min(BEAT_MS, stallMs / 4) },
    });
    this.#watch = setInterval(() => this.#lookForLife(stallMs), Math.max(5, stallMs / 4));
    this.#watch.unref();
    this.ended = ended.then(async (end) => {
      this.#over = true;
      clearInterval(this.#watch);
      if (this.#killTimer !== null) clearTimeout(this.#killTimer);
      await process.end();
      return end;
    });
  }

  /** Bytes of memory that the process takes, as it said last. */
  get bytes(): number {
    return this.#bytes;
  }

  set watched(watched: boolean) {
    this.#wish({ watched });
  }

  set paused(pause: boolean) {
    this.#wish({ pause });
  }

  /** Changes something about the job from its next step on. @param index place in the job's list of changes */
  steer(index: number, change: Steering): void {
    this.#tell({ type: 'steer', index, change });
  }

  /** Asks the worker to stop; one that has not stopped after `graceMs` is ended. */
  cancel(graceMs: number): void {
    this.#stop({ cancel: true }, 'canceled', graceMs);
  }

  /** As {@link cancel}, but the job is to go on in another worker, with what this one keeps. */
  park(graceMs: number): void {
    this.#stop({ park: true }, 'parked', graceMs);
  }

  /** Ends the process at once, as a crash would. */
  kill(signal?: NodeJS.Signals): void {
    this.#process.kill(signal);
  }

  #stop(wishes: Partial<Wishes>, outcome: 'canceled' | 'parked', graceMs: number): void {
    this.#wish(wishes);
    if (this.#killTimer !== null) clearTimeout(this.#killTimer);
    this.#killTimer = setTimeout(() => this.#end({ outcome }), graceMs);
  }

  #wish(wishes: Partial<Wishes>): void {
    this.#tell({ type: 'wish', wishes });
  }

  #tell(message: ServerMessage): void {
    this.#process.tell(message);
  }

  #lookForLife(stallMs: number): void {
    const patience = this.#heard ? stallMs : Math.max(stallMs, START_MS);
    const isSilent = (): boolean => !this.#held && performance.now() - this.#lastSign >= patience;
    if (!isSilent()) return;
    // This process may have been held up itself: what the worker said meanwhile is read first.
    setTimeout(() => {
      if (!isSilent()) return;
      const message = `The worker gave no sign of life for ${patience / 1000} seconds.`;
      this.#end({ outcome: 'failed', error: new NeuroreelError('WORKER_STALLED', message), crashed: true });
    }, 5);
  }

  #listen(onNews: (news: WorkerNews) => void): void {
    this.#process.onMessage = (message) => {
      this.#heard = true;
      this.#lastSign = performance.now();
      if (message.type === 'beat') this.#bytes = message.bytes;
      else this.#inTurn(() => (isEnd(message) ? this.#finish(endOf(message)) : this.#take(message, onNews)));
    };
    void this.#process.ended.then((end) => this.#inTurn(() => this.#finish(deathOf(end, this.#process.output.tail))));
  }

  /** One message after the other: of some, the frames have to be read first. */
  #inTurn(work: () => void | Promise<void>): void {
    const done = this.#turn === null ? work() : this.#turn.then(work);
    if (done === undefined) return;
    const turn = done.finally(() => {
      if (this.#turn === turn) this.#turn = null;
    });
    this.#turn = turn;
  }

  #take(news: SentNews, onNews: (news: WorkerNews) => void): void | Promise<void> {
    if (!('frames' in news) || news.frames === null || typeof news.frames === 'number')
      return this.#hear(news as WorkerNews, onNews);
    const { pixels, ...size } = news.frames;
    const told = (read: Uint8Array | null): void => {
      this.#tell({ type: 'taken' });
      this.#hear({ ...news, frames: read && { ...size, pixels: read } } as WorkerNews, onNews);
    };
    if (typeof pixels !== 'number') return told(pixels);
    // The iteration counts also when its frames are lost.
    return this.#process.shared!.read(pixels).then(told, () => told(null));
  }

  #hear(news: WorkerNews, onNews: (news: WorkerNews) => void): void {
    if (this.#over) return;
    if (news.type === 'paused' || news.type === 'resumed') this.#held = news.type === 'paused';
    try {
      onNews(news);
    } catch (error) {
      // News out of turn (a job that encodes before it runs): an error of the job's module, not of the server.
      this.#finish({ outcome: 'failed', error: asNeuroreelError(error), stack: (error as Error).stack });
    }
  }

  /** The first end counts. */
  #finish(end: WorkerEnd): void {
    this.#over = true;
    this.#end(end);
  }
}
