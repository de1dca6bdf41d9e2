/** A job that is watched: its events and frames, as they come, and commands to it. */
import type { ClientMessageInput, Job, JobProgress } from '../../../src/protocol/index.js';
import type { ClientError } from '../errors.js';
import type { Frame } from '../frame.js';
import type {
  ConnectionEvent,
  DoneMessage,
  EndedEvent,
  FrameView,
  ProgressEvent,
  Replay,
  StateEvent,
  Steering,
  WatchEvent,
} from '../types.js';
import { Latest, Queue } from './channels.js';
import type { Connection, Sink } from './connection.js';

export interface WatchOptions {
  /** Which frames; none when absent. `{}`: the frames in turn, as JPEG. */
  readonly frames?: FrameView;
  /** Plays the evolution of a job that has ended, if it kept one. */
  readonly replay?: Replay;
  /** Ends the watch. */
  readonly signal?: AbortSignal;
}

const isExpendable = (event: WatchEvent): boolean => event.type === 'progress';

export class Watch {
  readonly job: string;
  readonly #connection: Connection;
  readonly #replay: Replay | undefined;
  #view: FrameView | undefined;
  #cursor: string | undefined;
  #isFresh = true;
  #isOver = false;
  #error: ClientError | undefined;
  #state: Job | null = null;
  #progress: JobProgress | null = null;
  #droppedByServer = 0;
  #lastFrame: Frame | null = null;
  readonly #frames = new Set<Latest<Frame>>();
  readonly #events = new Set<Queue<WatchEvent>>();
  #dropped = 0;
  readonly #sink: Sink;
  readonly #signal: AbortSignal | undefined;
  readonly #onAbort = (): void => this.close();

  /** @internal Watches are made by `client.watch`. */
  constructor(connection: Connection, job: string, { frames, replay, signal }: WatchOptions) {
    this.#connection = connection;
    this.job = job;
    this.#view = frames;
    this.#replay = replay;
    this.#signal = signal;
    this.#sink = this.#makeSink();
    if (signal?.aborted === true) {
      this.#isOver = true;
      return;
    }
    signal?.addEventListener('abort', this.#onAbort, { once: true });
    connection.attach(this.#sink);
  }

  /** The job as it was last heard of; null before the first answer. */
  get state(): Job | null {
    return this.#state;
  }

  get progress(): JobProgress | null {
    return this.#progress;
  }

  /** The newest frame. */
  get lastFrame(): Frame | null {
    return this.#lastFrame;
  }

  /** Frames that this viewer missed, because the network or the consumer was too slow. */
  get dropped(): number {
    let waiting = 0;
    for (const channel of this.#frames) waiting += channel.dropped;
    return this.#droppedByServer + this.#dropped + waiting;
  }

  get connection(): ConnectionEvent {
    return this.#connection.last;
  }

  /** Whether no more comes: the job has ended, the watch was closed, or failed. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Asks for other frames, or with undefined for none. */
  setFrames(view: FrameView | undefined): void {
    this.#view = view;
    if (!this.#isOver) this.#connection.subscribe(this.#sink);
  }

  /**
   * The frames from now on, until the job ends; the newest at once, if one is there. Of those that come while the
   * consumer is busy, only the newest is kept. Ends when the watch is closed.
   * @throws {ClientError} from the iteration: JOB_UNKNOWN, TOKEN_REQUIRED, SERVER_UNREACHABLE, PROTOCOL_MISMATCH, ...
   */
  frames(): AsyncIterableIterator<Frame, undefined> {
    const channel: Latest<Frame> = new Latest(() => {
      this.#dropped += channel.dropped;
      this.#frames.delete(channel);
    });
    this.#frames.add(channel);
    if (this.#lastFrame !== null) channel.push(this.#lastFrame);
    if (this.#isOver) channel.end(this.#error);
    return channel;
  }

  /**
   * What happens from now on, until the job ends: the last event is `ended`. No event is left out, except that of a
   * consumer that leaves more than a thousand waiting the oldest `progress` go.
   * @throws {ClientError} from the iteration, as {@link frames}
   */
  events(): AsyncIterableIterator<WatchEvent, undefined> {
    const channel: Queue<WatchEvent> = new Queue(isExpendable, () => this.#events.delete(channel));
    this.#events.add(channel);
    if (this.#isOver) channel.end(this.#error);
    return channel;
  }

  /** Pauses the job after its step. @throws {ClientError} JOB_STATE_CONFLICT, SCOPE_REQUIRED, SERVER_UNREACHABLE */
  pause(): Promise<DoneMessage> {
    return this.#command({ type: 'pause', job: this.job });
  }

  resume(): Promise<DoneMessage> {
    return this.#command({ type: 'resume', job: this.job });
  }

  cancel(): Promise<DoneMessage> {
    return this.#command({ type: 'cancel', job: this.job });
  }

  /** Changes the job from its next iteration on. @throws {ClientError} STEER_UNSUPPORTED, ... */
  steer(changes: Steering): Promise<DoneMessage> {
    return this.#command({ type: 'steer', job: this.job, changes });
  }

  /** Stops watching; the job goes on. */
  close(): void {
    if (this.#isOver) return;
    this.#connection.detach(this.#sink);
    this.#finish();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  async #command(command: Parameters<Connection['command']>[0]): Promise<DoneMessage> {
    if (this.#isOver) throw this.#error ?? new TypeError('this watch is over: use `client.jobs`');
    return this.#connection.command(command);
  }

  #finish(error?: ClientError): void {
    this.#isOver = true;
    this.#error = error;
    this.#signal?.removeEventListener('abort', this.#onAbort);
    for (const channel of this.#frames) channel.end(error);
    for (const channel of this.#events) channel.end(error);
  }

  #tell(event: WatchEvent): void {
    for (const channel of this.#events) channel.push(event);
  }

  #subscription(): ClientMessageInput {
    return {
      type: 'subscribe',
      job: this.job,
      ...(this.#view !== undefined && { frames: this.#view }),
      ...(this.#replay !== undefined && { replay: this.#replay }),
      ...(this.#cursor !== undefined && { cursor: this.#cursor }),
    };
  }

  #hear(message: StateEvent | ProgressEvent | EndedEvent, answers: boolean): void {
    if (message.type === 'state') {
      // What comes before the first answer belongs to an earlier watch of the same job.
      if (this.#isFresh && !answers) return;
      this.#isFresh = false;
      this.#cursor = message.cursor;
      this.#state = message.job;
      this.#progress = message.job.progress ?? this.#progress;
    } else {
      this.#droppedByServer = message.dropped;
    }
    if (message.type === 'progress') this.#progress = message.progress;
    this.#tell(message);
    if (message.type === 'ended') this.#finish();
  }

  #makeSink(): Sink {
    return {
      job: this.job,
      subscription: () => this.#subscription(),
      hear: (message, answers) => this.#hear(message, answers),
      frame: (frame) => {
        this.#lastFrame = frame;
        for (const channel of this.#frames) channel.push(frame);
      },
      connection: (event) => this.#tell(event),
      trouble: (error) => this.#tell({ type: 'error', error }),
      fail: (error) => this.#finish(error),
    };
  }
}
