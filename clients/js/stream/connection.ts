/**
 * One WebSocket that many jobs are watched over. It opens when the first is watched, comes back by itself when it is
 * lost and subscribes again to what is watched, and closes soon after the last one is gone.
 */
import { decodeFrame } from '../../../src/protocol/frame-header.js';
import { STREAM_PATH, SUBPROTOCOL } from '../../../src/protocol/wire.js';
import type { ClientMessageInput, ServerMessage } from '../../../src/protocol/index.js';
import { ClientError, clientError, isLasting, reportedError } from '../errors.js';
import { Frame } from '../frame.js';
import type { Http } from '../http.js';
import type { ConnectionEvent, DoneMessage, EndedEvent, ProgressEvent, StateEvent } from '../types.js';
import { onGoodMoment, Pause, waitAfter, type ReconnectOptions } from './backoff.js';
import { Heartbeat } from './heartbeat.js';
import { OPEN, openSocket, socketConstructor, type Socket, type SocketConstructor } from './socket.js';

/** Who watches a job. */
export interface Sink {
  readonly job: string;
  /** What to subscribe with, without the number of the message. */
  subscription(): ClientMessageInput;
  /** @param answers whether it answers the last subscription that was sent */
  hear(message: StateEvent | ProgressEvent | EndedEvent, answers: boolean): void;
  frame(frame: Frame): void;
  connection(event: ConnectionEvent): void;
  /** Something is wrong with a picture or the like; the watch goes on. */
  trouble(error: ClientError): void;
  /** It is over. */
  fail(error: ClientError): void;
}

type Command = Extract<ClientMessageInput, { type: 'pause' | 'resume' | 'cancel' | 'steer' }>;

export interface ConnectionOptions {
  readonly http: Http;
  readonly reconnect: Required<ReconnectOptions>;
  readonly WebSocket?: SocketConstructor | undefined;
  readonly onConnection: (event: ConnectionEvent) => void;
}

interface Answered {
  readonly resolve: (message: DoneMessage) => void;
  readonly reject: (error: ClientError) => void;
}

interface Entry {
  readonly sink: Sink;
  /** Number of the message that subscribed last; 0: none on this socket. */
  re: number;
}

/** Time that an unused connection stays open for the next watch. */
const LINGER_MS = 200;
/** A connection that lasted so long was a good one: the next attempt comes soon. */
const GOOD_AFTER_MS = 5000;
const NORMAL_CLOSURE = 1000;

export class Connection {
  readonly #options: ConnectionOptions;
  readonly #entries = new Map<string, Entry>();
  /** Numbers of subscriptions, as headers of frames carry them, and who they belong to. */
  readonly #streams = new Map<number, Sink>();
  readonly #commands = new Map<number, Answered>();
  /** Commands that were given while there was no connection. */
  readonly #unsent: (() => void)[] = [];
  #socket: Socket | null = null;
  #isLive = false;
  #running = false;
  #linger: ReturnType<typeof setTimeout> | undefined;
  #last: ConnectionEvent = { type: 'connection', state: 'idle' };
  readonly #pause = new Pause();
  #re = 0;

  constructor(options: ConnectionOptions) {
    this.#options = options;
  }

  /** What was last said about the connection. */
  get last(): ConnectionEvent {
    return this.#last;
  }

  get size(): number {
    return this.#entries.size;
  }

  watches(job: string): boolean {
    return this.#entries.has(job);
  }

  attach(sink: Sink): void {
    clearTimeout(this.#linger);
    this.#entries.set(sink.job, { sink, re: 0 });
    if (this.#isLive) this.subscribe(sink);
    if (!this.#running) void this.#run();
  }

  /** Sends the subscription of a sink, or sends it again because it wants another view. */
  subscribe(sink: Sink): void {
    const entry = this.#entries.get(sink.job);
    if (entry?.sink !== sink || !this.#isLive) return;
    entry.re = ++this.#re;
    this.#send({ ...sink.subscription(), re: entry.re });
  }

  detach(sink: Sink): void {
    if (this.#entries.get(sink.job)?.sink !== sink) return;
    this.#entries.delete(sink.job);
    if (this.#isLive) this.#send({ type: 'unsubscribe', job: sink.job });
    this.#lingerIfIdle();
  }

  /**
   * Tells a watched job something; when the connection is just coming back, as soon as it is there.
   * @throws {ClientError} what the server says; SERVER_UNREACHABLE when it is lost before the answer
   */
  command(command: Command): Promise<DoneMessage> {
    return new Promise((resolve, reject) => {
      const send = (): void => {
        const re = ++this.#re;
        this.#commands.set(re, { resolve, reject });
        this.#send({ ...command, re });
      };
      if (this.#isLive) send();
      else this.#unsent.push(send);
    });
  }

  /** Connects now rather than later, if it is waiting to. */
  hurry(): void {
    this.#pause.cut();
  }

  #lingerIfIdle(): void {
    clearTimeout(this.#linger);
    if (this.#entries.size === 0) this.#linger = setTimeout(() => this.#closeIfIdle(), LINGER_MS);
  }

  #closeIfIdle(): void {
    if (this.#entries.size > 0) return;
    this.#pause.cut();
    this.#socket?.close(NORMAL_CLOSURE);
  }

  // --- coming and going ---

  async #run(): Promise<void> {
    const { reconnect } = this.#options;
    const stopListening = onGoodMoment(() => this.hurry());
    this.#running = true;
    let failures = 0;
    let lostAt = performance.now();
    let wasLive = false;
    while (this.#entries.size > 0) {
      const openedAt = performance.now();
      const { error, live } = await this.#session();
      wasLive ||= live;
      if (live) lostAt = performance.now();
      failures = live && performance.now() - openedAt > GOOD_AFTER_MS ? 1 : failures + 1;
      if (this.#entries.size === 0) break;
      const givesUp =
        isLasting(error) || (!wasLive && !reconnect.first) || performance.now() - lostAt > reconnect.giveUpAfterMs;
      if (givesUp) {
        this.#say({ type: 'connection', state: 'lost', error });
        this.#failAll(error);
        break;
      }
      const wait = Math.max(waitAfter(failures, reconnect), 1000 * (error.retryAfterSeconds ?? 0));
      this.#say({ type: 'connection', state: 'lost', error, retryInMs: wait });
      await this.#pause.wait(wait);
    }
    this.#running = false;
    stopListening();
    this.#rejectUnsent(clientError('SERVER_UNREACHABLE', 'The connection was closed.'));
    this.#say({ type: 'connection', state: 'idle' });
    // Somebody may have come while this was said.
    if (this.#entries.size > 0) void this.#run();
  }

  /** One connection from beginning to end. `live`: whether it got as far as the server's hello. */
  async #session(): Promise<{ error: ClientError; live: boolean }> {
    const { http, reconnect } = this.#options;
    const { attemptMs } = reconnect;
    this.#say({ type: 'connection', state: 'connecting' });
    let live = false;
    let isOver = false;
    let over: (error: ClientError) => void = () => undefined;
    const ended = new Promise<ClientError>((resolve) => (over = resolve));
    let heartbeat: Heartbeat | undefined;
    const hello = (message: { protocol: string; heartbeatSeconds: number }): void => {
      if (message.protocol !== SUBPROTOCOL) {
        over(clientError('PROTOCOL_MISMATCH', `The server speaks ${message.protocol}, not ${SUBPROTOCOL}.`));
        return;
      }
      live = true;
      heartbeat = this.#beat(message.heartbeatSeconds, over);
      this.#begin();
    };
    try {
      // A ticket of an HTTP answer, which says what is wrong; a page is told nothing of an upgrade that was refused.
      const { ticket } = await http.json<{ ticket: string }>('POST', '/v1/tickets', {
        // On a dead network an answer may never come.
        signal: AbortSignal.timeout(attemptMs),
      });
      const url = http.address(STREAM_PATH);
      url.protocol = url.protocol.replace('http', 'ws');
      url.searchParams.set('ticket', ticket);
      const Constructor = this.#options.WebSocket ?? (await socketConstructor());
      await openSocket(Constructor, url, {
        attemptMs,
        opened: (socket) => {
          this.#socket = socket;
          if (this.#entries.size === 0) socket.close(NORMAL_CLOSURE);
        },
        text: (text) => {
          if (isOver) return;
          heartbeat?.heard();
          const message = this.#parse(text, over);
          if (message?.type === 'hello') hello(message);
          else if (message !== null) this.#hear(message);
        },
        binary: (bytes) => {
          if (isOver) return;
          heartbeat?.heard();
          this.#show(bytes, over);
        },
        closed: (code, reason) => over(lost(code, reason)),
      });
      return { error: await ended, live };
    } catch (error) {
      return { error: asClientError(error), live };
    } finally {
      // What a socket that is given up still brings belongs to nobody.
      isOver = true;
      heartbeat?.stop();
      this.#end();
    }
  }

  #beat(seconds: number, over: (error: ClientError) => void): Heartbeat {
    return new Heartbeat({
      intervalMs: 1000 * Math.min(600, Math.max(0.05, Number(seconds) || 15)),
      ping: () => this.#send({ type: 'ping' }),
      dead: () => over(clientError('SERVER_UNREACHABLE', 'The server went silent.')),
    });
  }

  #begin(): void {
    this.#isLive = true;
    this.#say({ type: 'connection', state: 'live' });
    for (const { sink } of this.#entries.values()) this.subscribe(sink);
    for (const send of this.#unsent.splice(0)) send();
  }

  #end(): void {
    const socket = this.#socket;
    this.#socket = null;
    this.#isLive = false;
    this.#streams.clear();
    if (socket !== null && socket.readyState <= OPEN) socket.close(NORMAL_CLOSURE);
    for (const entry of this.#entries.values()) entry.re = 0;
    this.#rejectCommands(clientError('SERVER_UNREACHABLE', 'The connection was lost before the server answered.'));
  }

  #rejectCommands(error: ClientError): void {
    const commands = [...this.#commands.values()];
    this.#commands.clear();
    for (const { reject } of commands) reject(error);
  }

  #rejectUnsent(error: ClientError): void {
    for (const send of this.#unsent.splice(0)) send();
    this.#rejectCommands(error);
  }

  #failAll(error: ClientError): void {
    const sinks = [...this.#entries.values()];
    this.#entries.clear();
    this.#rejectUnsent(error);
    for (const { sink } of sinks) sink.fail(error);
  }

  #say(event: ConnectionEvent): void {
    this.#last = event;
    for (const { sink } of this.#entries.values()) sink.connection(event);
    this.#options.onConnection(event);
  }

  // --- messages ---

  #send(message: ClientMessageInput): void {
    if (this.#socket?.readyState === OPEN) this.#socket.send(JSON.stringify(message));
  }

  #parse(text: string, over: (error: ClientError) => void): ServerMessage | null {
    try {
      const message = JSON.parse(text) as ServerMessage | null;
      if (typeof message?.type === 'string') return message;
    } catch {
      // Said below.
    }
    over(clientError('PROTOCOL_MISMATCH', 'The stream sent a text that is no message.'));
    return null;
  }

  #hear(message: ServerMessage): void {
    if (message.type === 'done') this.#answer(message.re, (command) => command.resolve(message));
    else if (message.type === 'error') this.#hearError(message);
    else if (message.type === 'state') this.#hearState(message);
    else if (message.type === 'progress' || message.type === 'ended') {
      const sink = this.#streams.get(message.stream);
      if (message.type === 'ended') {
        this.#streams.delete(message.stream);
        if (sink !== undefined) this.#entries.delete(sink.job);
      }
      sink?.hear(message, false);
      this.#lingerIfIdle();
    }
    // Other types are of a newer server, and for newer clients.
  }

  #hearState(message: StateEvent): void {
    const entry = this.#entries.get(message.job.id);
    if (entry === undefined) return;
    const answers = message.re !== undefined && message.re === entry.re;
    if (answers) {
      for (const [stream, sink] of this.#streams) if (sink === entry.sink) this.#streams.delete(stream);
      this.#streams.set(message.stream, entry.sink);
    }
    entry.sink.hear(message, answers);
  }

  #hearError(message: Extract<ServerMessage, { type: 'error' }>): void {
    const error = reportedError(message.error);
    if (error === null) return;
    if (this.#answer(message.re, (command) => command.reject(error))) return;
    for (const { sink, re } of this.#entries.values()) {
      if (re !== 0 && re === message.re) {
        this.#entries.delete(sink.job);
        sink.fail(error);
        this.#lingerIfIdle();
        return;
      }
    }
    for (const { sink } of this.#entries.values()) {
      if (message.job === undefined || sink.job === message.job) sink.trouble(error);
    }
  }

  #answer(re: number | undefined, how: (command: Answered) => void): boolean {
    const command = re === undefined ? undefined : this.#commands.get(re);
    if (re === undefined || command === undefined) return false;
    this.#commands.delete(re);
    how(command);
    return true;
  }

  #show(bytes: Uint8Array, over: (error: ClientError) => void): void {
    let decoded: ReturnType<typeof decodeFrame>;
    try {
      decoded = decodeFrame(bytes);
    } catch (cause) {
      over(clientError('PROTOCOL_MISMATCH', `A frame cannot be read: ${(cause as Error).message}.`, cause));
      return;
    }
    // One of a subscription that was changed since is late, and of no use.
    const sink = this.#streams.get(decoded.header.stream);
    sink?.frame(new Frame(sink.job, decoded.header, decoded.picture));
  }
}

function lost(code: number, reason: string): ClientError {
  const why = reason === '' ? String(code) : `${code}, ${reason}`;
  return clientError('SERVER_UNREACHABLE', `The connection was closed (${why}).`);
}

const asClientError = (error: unknown): ClientError =>
  error instanceof ClientError
    ? error
    : clientError('SERVER_UNREACHABLE', `The stream does not open: ${String(error)}.`, error);
