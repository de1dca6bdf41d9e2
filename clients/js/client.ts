/** The client: jobs, models and the stream of one server. */
import type { Health, Job } from '../../src/protocol/index.js';
import { isFinal } from '../../src/protocol/wire.js';
import type { Frame } from './frame.js';
import { Http, type CallOptions, type HttpOptions } from './http.js';
import { Jobs } from './jobs.js';
import { Models } from './models.js';
import { RECONNECT, type ReconnectOptions } from './stream/backoff.js';
import { Pool } from './stream/pool.js';
import type { SocketConstructor } from './stream/socket.js';
import { Watch, type WatchOptions } from './stream/watch.js';
import type { ConnectionEvent, FrameView, WatchEvent } from './types.js';

export interface ClientOptions extends HttpOptions {
  readonly reconnect?: ReconnectOptions;
  /** Constructor of WebSockets; default: the global one, else that of the package ws. */
  readonly WebSocket?: SocketConstructor;
}

interface Abortable {
  readonly signal?: AbortSignal;
}

export class NeuroreelClient {
  readonly jobs: Jobs;
  readonly models: Models;
  readonly #http: Http;
  readonly #pool: Pool;
  readonly #watches = new Set<Watch>();
  readonly #listeners = new Set<(event: ConnectionEvent) => void>();
  #connection: ConnectionEvent = { type: 'connection', state: 'idle' };

  /** @throws {TypeError} when `url` is no http or https address */
  constructor(options: ClientOptions = {}) {
    const { reconnect, WebSocket } = options;
    this.#http = new Http(options);
    this.jobs = new Jobs(this.#http);
    this.models = new Models(this.#http);
    this.#pool = new Pool({ http: this.#http, reconnect: { ...RECONNECT, ...reconnect }, WebSocket }, (event) => {
      this.#connection = event;
      for (const listener of this.#listeners) listener(event);
    });
  }

  /** Address of the server, with a slash at its end. */
  get url(): string {
    return this.#http.base.href;
  }

  /** How the server is; needs no token. */
  health(options: Abortable = {}): Promise<Health> {
    return this.#http.json('GET', '/healthz', options);
  }

  /** JSON Schemas of the requests for jobs, by kind, and of changes while a job runs. */
  schemas(options: Abortable = {}): Promise<Record<string, unknown>> {
    return this.#http.json('GET', '/schemas.json', options);
  }

  /**
   * Any other request, with the token and errors of the others.
   * @param path as the server names it, `/v1/...`
   */
  call(method: string, path: string, options: CallOptions = {}): Promise<Response> {
    return this.#http.call(method, path, options);
  }

  /** Watches a job over the stream: its events, its frames if wanted, and commands to it. Close it when done. */
  watch(job: string, options: WatchOptions = {}): Watch {
    const watch = new Watch(this.#pool.connectionFor(job), job, options);
    for (const one of this.#watches) if (one.isOver) this.#watches.delete(one);
    this.#watches.add(watch);
    return watch;
  }

  /**
   * Frames of a job until it ends: `for await (const frame of client.frames(job, { view: 'sheet' }))`. The connection is
   * restored when it breaks; a slow consumer gets the newest frame, not a backlog.
   * @throws {ClientError} from the iteration
   */
  async *frames(job: string, view: FrameView = {}, options: Abortable = {}): AsyncGenerator<Frame, void, void> {
    const watch = this.watch(job, { ...options, frames: view });
    try {
      yield* watch.frames();
    } finally {
      watch.close();
    }
  }

  /** Everything that happens about a job until it ends, but for frames. @throws {ClientError} from the iteration */
  async *events(job: string, options: Abortable = {}): AsyncGenerator<WatchEvent, void, void> {
    const watch = this.watch(job, options);
    try {
      yield* watch.events();
    } finally {
      watch.close();
    }
  }

  /**
   * The job when it has ended, well or not: look at its `state` and `error`.
   * @param onEvent called with everything that happens until then
   * @throws {ClientError}; what the signal was aborted with
   */
  async wait(job: string, options: Abortable & { onEvent?: (event: WatchEvent) => void } = {}): Promise<Job> {
    let last: Job | null = null;
    for await (const event of this.events(job, options)) {
      options.onEvent?.(event);
      if (event.type === 'state') last = event.job;
    }
    options.signal?.throwIfAborted();
    return last !== null && isFinal(last.state) ? last : this.jobs.get(job, options);
  }

  /** What was last said about the connection of the stream. */
  get connection(): ConnectionEvent {
    return this.#connection;
  }

  /** Calls `listener` at each change of the connection; the function that is returned ends that. */
  onConnection(listener: (event: ConnectionEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Connects now rather than at the end of a wait. */
  reconnectNow(): void {
    this.#pool.hurry();
  }

  /** Ends all watches, and with them the connections. */
  close(): void {
    for (const watch of this.#watches) watch.close();
    this.#watches.clear();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
