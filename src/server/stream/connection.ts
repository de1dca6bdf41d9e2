/** One WebSocket connection: its subscriptions, its messages in order, and its limits. */
import type { RawData, WebSocket } from 'ws';
import { EVOLUTION_FILE } from '../../jobs/evolution-writer.js';
import { FrameBus, type EncodedView } from '../../jobs/frame-bus.js';
import type { JobManager, Log } from '../../jobs/manager.js';
import { packageVersion } from '../../jobs/package-root.js';
import {
  clientMessage,
  CLOSE,
  FRAME_FLAG_REPLAY,
  frameHeaderBytes,
  isFinal,
  MAX_MESSAGE_BYTES,
  NeuroreelError,
  parseWith,
  SUBPROTOCOL,
  type ClientMessage,
  type FrameView,
  type Job,
  type JobProgress,
  type ReplayOptions,
  type ServerMessage,
} from '../../protocol/index.js';
import { assertScope } from '../access.js';
import type { Metrics } from '../metrics.js';
import type { Scope } from '../tokens.js';
import { commandJob, isCommand } from './commands.js';
import type { EventLog } from './event-log.js';
import { FrameSlot } from './frame-slot.js';
import { MessageRate } from './message-rate.js';
import { replay } from './replay.js';

/** A frame is sent only while no more than this waits in the socket. */
const FRAME_ROOM_BYTES = 64 * 1024;
/** Time that a viewer that was hung up on has to read why. */
const CLOSE_GRACE_MS = 2000;
/** Time that the last frame of a replay has to be sent. */
const LAST_FRAME_MS = 2000;
/** Pings that may stay unanswered. */
const MISSED_PINGS = 2;

export interface ConnectionOptions {
  readonly manager: JobManager;
  readonly log: Log;
  readonly heartbeatSeconds: number;
  readonly maxSubscriptions: number;
  readonly maxBacklogBytes: number;
  /** Messages a second that the client may send in the long run. */
  readonly maxMessagesPerSecond: number;
  readonly eventLog: EventLog;
  readonly metrics: Pick<Metrics, 'sent' | 'dropped' | 'evicted'>;
  /** What the client may do. */
  readonly scope: Scope;
}

interface Subscription {
  readonly stream: number;
  readonly frames: FrameSlot | null;
  /** Ends a replay. */
  readonly stop?: AbortController;
}

type Subscribe = Extract<ClientMessage, { type: 'subscribe' }>;

export class Connection {
  readonly #socket: WebSocket;
  readonly #options: ConnectionOptions;
  readonly #subscriptions = new Map<string, Subscription>();
  #nextStream = 1;
  #unanswered = 0;
  /** Bytes of control messages that the socket has not taken yet. */
  #backlog = 0;
  #over = false;
  readonly #rate: MessageRate;

  constructor(socket: WebSocket, options: ConnectionOptions) {
    this.#socket = socket;
    this.#options = options;
    this.#rate = new MessageRate(options.maxMessagesPerSecond, () => performance.now());
    socket.on('message', (data, isBinary) => this.#hear(data, isBinary));
    socket.on('pong', () => (this.#unanswered = 0));
    socket.on('close', () => this.#release());
    socket.on('error', (error) => this.#fail(error));
    this.#send({
      type: 'hello',
      protocol: SUBPROTOCOL,
      server: `neuroreel ${packageVersion}`,
      maxMessageBytes: MAX_MESSAGE_BYTES,
      heartbeatSeconds: options.heartbeatSeconds,
      cursor: options.eventLog.cursor,
    });
  }

  get subscriptions(): number {
    return this.#subscriptions.size;
  }

  /** A job was added or changed its state; `cursor` is the place of the change. */
  stateChanged(job: Job, cursor: string): void {
    const subscription = this.#subscriptions.get(job.id);
    if (subscription === undefined) return;
    this.#send({ type: 'state', stream: subscription.stream, job, cursor });
    if (isFinal(job.state)) this.#sendEnd(job, subscription);
  }

  progressed(job: string, progress: JobProgress): void {
    const subscription = this.#subscriptions.get(job);
    if (subscription === undefined) return;
    const { stream, frames } = subscription;
    this.#send({ type: 'progress', stream, job, progress, dropped: frames?.dropped ?? 0 });
  }

  /** To be called every heartbeat: hangs up on a peer that left two pings unanswered. */
  beat(): void {
    if (this.#unanswered >= MISSED_PINGS) {
      this.#socket.terminate();
      return;
    }
    this.#unanswered++;
    if (this.#socket.readyState === this.#socket.OPEN) this.#socket.ping();
  }

  /** Closes politely, and by force when the peer does not answer. */
  close(code: number, reason: string): void {
    this.#release();
    this.#socket.close(code, reason);
    setTimeout(() => this.#socket.terminate(), CLOSE_GRACE_MS).unref();
  }

  // --- messages from the client ---

  #hear(data: RawData, isBinary: boolean): void {
    if (this.#over) return;
    if (!this.#rate.take()) {
      this.#complain(new NeuroreelError('RATE_LIMITED', 'The connection sends messages too quickly.'), {});
      this.close(CLOSE.policyViolated, 'RATE_LIMITED');
      return;
    }
    let about: { job?: string; re?: number | undefined } = {};
    try {
      const value = readMessage(data, isBinary);
      about = { re: numberOf(value) };
      const message = parseWith(clientMessage, value, 'MESSAGE_INVALID');
      if (message.type === 'ping') {
        this.#send({ type: 'pong', re: message.re });
        return;
      }
      about = { job: message.job, re: message.re };
      if (message.type === 'subscribe') this.#subscribe(message);
      else if (message.type === 'unsubscribe') this.#unsubscribe(message.job);
      else if (isCommand(message)) this.#command(message);
    } catch (error) {
      this.#complain(error, about);
    }
  }

  #command(message: Parameters<typeof commandJob>[1]): void {
    assertScope(this.#options.scope, 'run');
    const { state } = commandJob(this.#options.manager, message);
    this.#send({ type: 'done', command: message.type, job: message.job, state, re: message.re });
  }

  #subscribe({ job: id, frames, cursor, replay: options, re }: Subscribe): void {
    const { manager, eventLog, maxSubscriptions } = this.#options;
    const job = manager.get(id);
    if (!this.#subscriptions.has(id) && this.#subscriptions.size >= maxSubscriptions) {
      throw new NeuroreelError('STREAM_LIMIT', `A connection may watch ${maxSubscriptions} jobs at a time.`);
    }
    const replayed = options !== undefined && isFinal(job.state);
    // Throws before anything is said when the job kept nothing.
    const path = replayed ? manager.artifact(id, EVOLUTION_FILE).path : '';
    this.#unsubscribe(id);
    const stream = this.#nextStream++;
    const missed = cursor === undefined ? undefined : eventLog.since(cursor, id);
    for (const change of missed ?? []) this.#send({ type: 'state', stream, ...change });
    const { history, ...state } = job;
    // The snapshot goes before the frames, which refer to it.
    const resumed = missed === undefined ? undefined : missed !== null;
    this.#send({ type: 'state', stream, job: state, cursor: eventLog.cursor, history, resumed, re });
    if (replayed) {
      this.#replay(job, stream, { path, view: frames ?? { view: 'sheet', format: 'jpeg', quality: 80 }, options });
      return;
    }
    const wantsFrames = frames !== undefined && !isFinal(job.state);
    const subscription = { stream, frames: wantsFrames ? this.#openFrames(id, stream, frames) : null };
    if (isFinal(job.state)) this.#sendEnd(job, subscription);
    else this.#subscriptions.set(id, subscription);
  }

  /** A subscription with a bus of its own, which ends with the replay. */
  #replay(job: Job, stream: number, what: { path: string; view: FrameView; options: ReplayOptions }): void {
    const bus = new FrameBus();
    const stop = new AbortController();
    const frames = this.#openFrames(job.id, stream, what.view, bus);
    this.#subscriptions.set(job.id, { stream, frames, stop });
    replay(what.path, what.options, { bus, job: job.id, signal: stop.signal })
      .then(() => frames.drained(LAST_FRAME_MS))
      .catch((error: unknown) => this.#complain(error, { job: job.id }))
      .finally(() => {
        bus.end(job.id);
        if (this.#subscriptions.get(job.id)?.stop === stop) this.#sendEnd(job, this.#subscriptions.get(job.id)!);
      });
  }

  /** @param bus of a replay; the jobs' own when absent */
  #openFrames(id: string, stream: number, view: FrameView, bus?: FrameBus): FrameSlot {
    const flags = bus === undefined ? 0 : FRAME_FLAG_REPLAY;
    // A playing view has its rate from its own clock.
    const ownRate = view.view === 'play' ? undefined : view.maxFps;
    return new FrameSlot(
      {
        hasRoom: () => this.#socket.bufferedAmount <= FRAME_ROOM_BYTES,
        send: (encoded) => this.#sendFrame(id, { stream, flags, ...encoded }),
        onError: (error) => this.#complain(error, { job: id }),
        onDropped: () => this.#options.metrics.dropped(),
        intervalMs: ownRate === undefined ? 0 : 1000 / ownRate,
        now: () => performance.now(),
      },
      (onNew) => (bus ?? this.#options.manager.frames).watch(id, view, onNew),
    );
  }

  #unsubscribe(job: string): void {
    this.#subscriptions.get(job)?.stop?.abort();
    this.#subscriptions.get(job)?.frames?.close();
    this.#subscriptions.delete(job);
  }

  // --- messages to the client ---

  #sendEnd(job: Job, { stream, frames }: Subscription): void {
    const { cursor } = this.#options.eventLog;
    this.#send({ type: 'ended', stream, job: job.id, state: job.state, cursor, dropped: frames?.dropped ?? 0 });
    this.#unsubscribe(job.id);
  }

  #complain(error: unknown, { job, re }: { job?: string; re?: number | undefined }): void {
    if (!(error instanceof NeuroreelError)) {
      this.#options.log.error({ err: error, job }, 'a stream failed');
      error = new NeuroreelError('INTERNAL', 'The server failed to do this; its log says why.');
    }
    this.#send({ type: 'error', job, error: (error as NeuroreelError).toJSON(), re });
  }

  /** Control messages always go out, in order; a viewer for whom too many pile up is hung up on. */
  #send(message: ServerMessage): void {
    if (this.#over || this.#socket.readyState !== this.#socket.OPEN) return;
    const text = Buffer.from(JSON.stringify(message));
    this.#backlog += text.byteLength;
    this.#socket.send(text, { binary: false }, () => {
      this.#backlog -= text.byteLength;
      this.#pump();
    });
    if (this.#backlog > this.#options.maxBacklogBytes) this.#evict();
  }

  /** The picture goes out as a second fragment: however many viewers get it, it is in memory once. */
  #sendFrame(job: string, { bytes, ...about }: EncodedView & { stream: number; flags: number }): void {
    if (this.#over || this.#socket.readyState !== this.#socket.OPEN) return;
    this.#socket.send(frameHeaderBytes(about), { binary: true, fin: false });
    this.#options.metrics.sent(about.codec, bytes.byteLength);
    this.#socket.send(bytes, { binary: true, fin: true }, () => this.#pump());
    // Whose turn it was goes to the end of the line.
    const subscription = this.#subscriptions.get(job);
    if (subscription === undefined) return;
    this.#subscriptions.delete(job);
    this.#subscriptions.set(job, subscription);
  }

  /** Something has left the socket: there may be room for frames again. */
  #pump(): void {
    if (this.#over) return;
    for (const { frames } of [...this.#subscriptions.values()]) frames?.pump();
  }

  #evict(): void {
    this.#options.log.warn({ backlogBytes: this.#backlog }, 'a viewer read too slowly');
    this.#options.metrics.evicted();
    this.close(CLOSE.tooSlow, 'VIEWER_TOO_SLOW');
  }

  /** The peer broke the WebSocket protocol or went away; ws closes with the code that belongs to it. */
  #fail(error: Error): void {
    this.#options.log.info({ err: error }, 'a stream broke');
    this.#release();
  }

  #release(): void {
    this.#over = true;
    for (const job of [...this.#subscriptions.keys()]) this.#unsubscribe(job);
  }
}

/** @throws {NeuroreelError} MESSAGE_INVALID */
function readMessage(data: RawData, isBinary: boolean): unknown {
  if (isBinary) throw new NeuroreelError('MESSAGE_INVALID', 'Clients send text messages only.');
  try {
    return JSON.parse((data as Buffer).toString('utf8'));
  } catch (cause) {
    throw new NeuroreelError('MESSAGE_INVALID', `The message is not JSON: ${(cause as Error).message}.`, { cause });
  }
}

/** The number of a message that may be wrong otherwise, so that the error answers it. */
function numberOf(message: unknown): number | undefined {
  const re = (message as { re?: unknown } | null)?.re;
  return typeof re === 'number' && Number.isInteger(re) && re >= 0 && re <= 0xffffffff ? re : undefined;
}
