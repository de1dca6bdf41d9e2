/** The WebSocket stream: one connection that comes back by itself and subscribes again to all that is watched. */
import { signal } from '@preact/signals';
import { decodeFrame, type FrameHeader } from '../../../src/protocol/frame-header.js';
import type { ErrorBody } from '../../../src/protocol/http.js';
import type { ClientMessageInput, ServerMessage } from '../../../src/protocol/stream.js';
import { call, token } from './api.js';
import { reportFailure } from './trouble.js';

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 8000;
const SUBPROTOCOL = 'neuroreel.v1';

export type ConnectionState = 'connecting' | 'live' | 'lost';
export type StateMessage = Extract<ServerMessage, { type: 'state' }>;
export type ProgressMessage = Extract<ServerMessage, { type: 'progress' }>;
type FrameView = Extract<ClientMessageInput, { type: 'subscribe' }>['frames'];

export interface Watcher {
  readonly job: string;
  readonly frames?: FrameView;
  state(message: StateMessage): void;
  progress(message: ProgressMessage): void;
  frame(header: FrameHeader, picture: Uint8Array): void;
  error(error: ErrorBody): void;
}

interface Subscription {
  readonly watcher: Watcher;
  /** Number of the subscription, in the headers of its frames. */
  stream: number | null;
  /** Place of the last change of state that was seen, to hear of those missed while away. */
  cursor: string | null;
}

export const connectionState = signal<ConnectionState>('connecting');

class Connection {
  #socket: WebSocket | null = null;
  #wait = FIRST_WAIT_MS;
  #timer = 0;
  #opening = false;
  readonly #watched = new Map<string, Subscription>();

  /** Opens the connection, unless there is one. */
  connect(): void {
    if (this.#socket !== null || this.#opening) return;
    void this.#connect();
  }

  /** A tab that comes back to the front, or a network that is back, need not wait. */
  hurry(): void {
    if (connectionState.value !== 'lost') return;
    this.#wait = FIRST_WAIT_MS;
    this.connect();
  }

  /** Watches a job, one watcher each, until the function that is returned is called. */
  watch(watcher: Watcher): () => void {
    const subscription: Subscription = { watcher, stream: null, cursor: null };
    this.#watched.set(watcher.job, subscription);
    this.#subscribe(subscription);
    return () => {
      if (this.#watched.get(watcher.job) !== subscription) return;
      this.#watched.delete(watcher.job);
      this.#send({ type: 'unsubscribe', job: watcher.job });
    };
  }

  async #connect(): Promise<void> {
    clearTimeout(this.#timer);
    this.#opening = true;
    connectionState.value = 'connecting';
    try {
      const address = new URL('v1/stream', document.baseURI);
      address.protocol = address.protocol.replace('http', 'ws');
      if (token.get() !== null) {
        address.searchParams.set('ticket', (await call<{ ticket: string }>('POST', 'v1/tickets')).ticket);
      }
      this.#open(new WebSocket(address, [SUBPROTOCOL]));
    } catch (error) {
      reportFailure(error);
      this.#lost();
    } finally {
      this.#opening = false;
    }
  }

  #open(socket: WebSocket): void {
    this.#socket = socket;
    socket.binaryType = 'arraybuffer';
    socket.addEventListener('message', ({ data }: MessageEvent<string | ArrayBuffer>) => this.#hear(data));
    socket.addEventListener('close', () => this.#lost());
  }

  #hear(data: string | ArrayBuffer): void {
    if (typeof data !== 'string') {
      const { header, picture } = decodeFrame(new Uint8Array(data));
      for (const { stream, watcher } of this.#watched.values()) {
        if (stream === header.stream) watcher.frame(header, picture);
      }
      return;
    }
    const message = JSON.parse(data) as ServerMessage;
    switch (message.type) {
      case 'hello':
        this.#wait = FIRST_WAIT_MS;
        connectionState.value = 'live';
        for (const subscription of this.#watched.values()) this.#subscribe(subscription);
        break;
      case 'state':
        this.#hearState(message);
        break;
      case 'progress':
        this.#watched.get(message.job)?.watcher.progress(message);
        break;
      case 'error':
        if (message.job !== undefined) this.#watched.get(message.job)?.watcher.error(message.error);
        break;
      default:
    }
  }

  #hearState(message: StateMessage): void {
    const subscription = this.#watched.get(message.job.id);
    if (subscription === undefined) return;
    subscription.cursor = message.cursor;
    subscription.stream = message.stream;
    subscription.watcher.state(message);
  }

  #lost(): void {
    this.#socket = null;
    connectionState.value = 'lost';
    clearTimeout(this.#timer);
    this.#timer = window.setTimeout(() => this.connect(), this.#wait);
    this.#wait = Math.min(this.#wait * 2, LONGEST_WAIT_MS);
  }

  #subscribe({ watcher: { job, frames }, cursor }: Subscription): void {
    this.#send({ type: 'subscribe', job, frames, ...(cursor !== null && { cursor }) });
  }

  #send(message: ClientMessageInput): void {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }
}

export const connection = new Connection();
window.addEventListener('online', () => connection.hurry());
document.addEventListener('visibilitychange', () => document.visibilityState === 'visible' && connection.hurry());
