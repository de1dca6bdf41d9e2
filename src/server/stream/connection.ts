/** One WebSocket connection: its subscriptions, its messages in order, and its limits. */
import type { RawData, WebSocket } from 'ws';
import type { JobManager, Log } from '../../jobs/manager.js';
import type { EncodedView } from '../../jobs/frame-bus.js';
import { packageVersion } from '../../jobs/package-root.js';
import {
  clientMessage,
  CLOSE,
  encodeFrame,
  isFinal,
  MAX_MESSAGE_BYTES,
  NeuroreelError,
  parseWith,
  SUBPROTOCOL,
  type ClientMessage,
  type FrameView,
  type Job,
  type JobProgress,
  type ServerMessage,
} from '../../protocol/index.js';
import { FrameSlot } from './frame-slot.js';

/** A frame is sent only while no more than this waits in the socket. */
const FRAME_ROOM_BYTES = 64 * 1024;
/** Time that a viewer that was hung up on has to read why. */
const CLOSE_GRACE_MS = 2000;
/** Pings that may stay unanswered. */
const MISSED_PINGS = 2;

export interface ConnectionOptions {
  readonly manager: JobManager;
  readonly log: Log;
  readonly heartbeatSeconds: number;
  readonly maxSubscriptions: number;
  readonly maxBacklogBytes: number;
}

interface Subscription {
  readonly stream: number;
  readonly frames: FrameSlot | null;
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

  constructor(socket: WebSocket, options: ConnectionOptions) {
    this.#socket = socket;
    this.#options = options;
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
    });
  }

  /** A job was added or changed its state. */
  stateChanged(job: Job): void {
    const subscription = this.#subscriptions.get(job.id);
    if (subscription === undefined) return;
    this.#send({ type: 'state', stream: subscription.stream, job });
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
    let job: string | undefined;
    try {
      const message = parseMessage(data, isBinary);
      job = message.job;
      if (message.type === 'subscribe') this.#subscribe(message);
      else this.#unsubscribe(message.job);
    } catch (error) {
      this.#complain(error, job);
    }
  }

  #subscribe({ job: id, frames }: Subscribe): void {
    const job = this.#options.manager.get(id);
    const { maxSubscriptions } = this.#options;
    if (!this.#subscriptions.has(id) && this.#subscriptions.size >= maxSubscriptions) {
      throw new NeuroreelError('STREAM_LIMIT', `A connection may watch ${maxSubscriptions} jobs at a time.`);
    }
    this.#unsubscribe(id);
    const stream = this.#nextStream++;
    const { history, ...state } = job;
    // The snapshot goes first: frames refer to it.
    this.#send({ type: 'state', stream, job: state, history });
    const wantsFrames = frames !== undefined && !isFinal(job.state);
    const subscription = { stream, frames: wantsFrames ? this.#openFrames(id, stream, frames) : null };
    if (isFinal(job.state)) this.#sendEnd(job, subscription);
    else this.#subscriptions.set(id, subscription);
  }

  #openFrames(id: string, stream: number, view: FrameView): FrameSlot {
    // A playing view has its rate from its own clock.
    const ownRate = view.view === 'play' ? undefined : view.maxFps;
    return new FrameSlot(
      {
        hasRoom: () => this.#socket.bufferedAmount <= FRAME_ROOM_BYTES,
        send: (encoded) => this.#sendFrame(stream, encoded),
        onError: (error) => this.#complain(error, id),
        intervalMs: ownRate === undefined ? 0 : 1000 / ownRate,
        now: () => performance.now(),
      },
      (onNew) => this.#options.manager.frames.watch(id, view, onNew),
    );
  }

  #unsubscribe(job: string): void {
    this.#subscriptions.get(job)?.frames?.close();
    this.#subscriptions.delete(job);
  }

  // --- messages to the client ---

  #sendEnd(job: Job, { stream, frames }: Subscription): void {
    this.#send({ type: 'ended', stream, job: job.id, state: job.state, dropped: frames?.dropped ?? 0 });
    this.#unsubscribe(job.id);
  }

  #complain(error: unknown, job: string | undefined): void {
    if (!(error instanceof NeuroreelError)) {
      this.#options.log.error({ err: error, job }, 'a stream failed');
      error = new NeuroreelError('INTERNAL', 'The server failed to do this; its log says why.');
    }
    this.#send({ type: 'error', job, error: (error as NeuroreelError).toJSON() });
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

  #sendFrame(stream: number, { kind, jpeg, ...about }: EncodedView): void {
    if (this.#over || this.#socket.readyState !== this.#socket.OPEN) return;
    const message = encodeFrame({ kind, codec: 'jpeg', flags: 0, stream, ...about }, jpeg);
    this.#socket.send(message, () => this.#pump());
  }

  /** Something has left the socket: there may be room for frames again. */
  #pump(): void {
    if (this.#over) return;
    for (const { frames } of this.#subscriptions.values()) frames?.pump();
  }

  #evict(): void {
    this.#options.log.warn({ backlogBytes: this.#backlog }, 'a viewer read too slowly');
    this.close(CLOSE.tooSlow, 'VIEWER_TOO_SLOW');
  }

  /** The peer broke the WebSocket protocol or went away; ws closes with the code that belongs to it. */
  #fail(error: Error): void {
    this.#options.log.info({ err: error }, 'a stream broke');
    this.#release();
  }

  #release(): void {
    this.#over = true;
    for (const { frames } of this.#subscriptions.values()) frames?.close();
    this.#subscriptions.clear();
  }
}

/** @throws {NeuroreelError} MESSAGE_INVALID */
function parseMessage(data: RawData, isBinary: boolean): ClientMessage {
  if (isBinary) throw new NeuroreelError('MESSAGE_INVALID', 'Clients send text messages only.');
  let value: unknown;
  try {
    value = JSON.parse((data as Buffer).toString('utf8'));
  } catch (cause) {
    throw new NeuroreelError('MESSAGE_INVALID', `The message is not JSON: ${(cause as Error).message}.`, { cause });
  }
  return parseWith(clientMessage, value, 'MESSAGE_INVALID');
}
