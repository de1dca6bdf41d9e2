/** The WebSocket stream: one connection that comes back by itself and subscribes again to what is watched. */
import { decodeFrame } from './protocol/frame-header.js';
import { call, token } from './api.js';

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 8000;

export class Stream {
  #handlers;
  #socket = null;
  #wait = FIRST_WAIT_MS;
  #watched = null;
  #timer = 0;
  /** Place of the last change of state that was seen, to hear of those missed while away. */
  #cursor = null;

  /**
   * @param handlers `connection(state)` with connecting, live or lost; `message(m)` for messages about the watched job;
   *   `frame(header, picture)`
   */
  constructor(handlers) {
    this.#handlers = handlers;
    // A tab that comes back to the front, or a network that is back, need not wait.
    window.addEventListener('online', () => this.#hurry());
    document.addEventListener('visibilitychange', () => document.visibilityState === 'visible' && this.#hurry());
  }

  /** Watches this job and no other. */
  watch(job, frames) {
    if (this.#watched !== null && this.#watched.job !== job)
      this.#send({ type: 'unsubscribe', job: this.#watched.job });
    this.#watched = { job, frames };
    this.#cursor = null;
    this.#subscribe();
  }

  async connect() {
    clearTimeout(this.#timer);
    this.#handlers.connection('connecting');
    try {
      const address = new URL('v1/stream', document.baseURI);
      address.protocol = address.protocol.replace('http', 'ws');
      if (token.get() !== null) address.searchParams.set('ticket', (await call('POST', 'v1/tickets')).ticket);
      this.#open(new WebSocket(address, ['neuroreel.v1']));
    } catch (error) {
      this.#lost(error);
    }
  }

  #open(socket) {
    this.#socket = socket;
    socket.binaryType = 'arraybuffer';
    socket.addEventListener('message', ({ data }) => this.#hear(socket, data));
    socket.addEventListener('close', () => this.#lost());
  }

  #hear(socket, data) {
    if (socket !== this.#socket) return;
    if (typeof data !== 'string') {
      const { header, picture } = decodeFrame(new Uint8Array(data));
      this.#handlers.frame(header, picture);
      return;
    }
    const message = JSON.parse(data);
    if (message.type === 'state' && message.job.id === this.#watched?.job) this.#cursor = message.cursor;
    if (message.type === 'hello') {
      this.#wait = FIRST_WAIT_MS;
      this.#handlers.connection('live');
      this.#subscribe();
    } else {
      this.#handlers.message(message);
    }
  }

  #lost() {
    this.#socket = null;
    this.#handlers.connection('lost');
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.connect(), this.#wait);
    this.#wait = Math.min(this.#wait * 2, LONGEST_WAIT_MS);
  }

  #hurry() {
    if (this.#socket !== null) return;
    this.#wait = FIRST_WAIT_MS;
    this.connect();
  }

  #subscribe() {
    if (this.#watched === null) return;
    this.#send({ type: 'subscribe', ...this.#watched, ...(this.#cursor !== null && { cursor: this.#cursor }) });
  }

  #send(message) {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }
}
