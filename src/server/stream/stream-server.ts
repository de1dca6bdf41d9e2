/** The WebSocket endpoint: checks who may come in during the upgrade, and passes the news of all jobs to whoever watches. */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocket, WebSocketServer } from 'ws';
import type { JobManager, Log } from '../../jobs/manager.js';
import {
  CLOSE,
  MAX_MESSAGE_BYTES,
  NeuroreelError,
  STREAM_PATH,
  SUBPROTOCOL,
  type Job,
  type JobProgress,
  type ServerMessage,
} from '../../protocol/index.js';
import type { Access } from '../access.js';
import type { ServerConfig } from '../config.js';
import type { Metrics } from '../metrics.js';
import { refuse } from '../refuse.js';
import type { Scope } from '../tokens.js';
import { Connection } from './connection.js';
import { EventLog } from './event-log.js';

export interface StreamServerOptions {
  readonly manager: JobManager;
  readonly access: Access;
  readonly metrics: Pick<Metrics, 'sent' | 'dropped' | 'evicted'>;
  readonly log: Log;
  readonly config: Pick<
    ServerConfig,
    'heartbeatSeconds' | 'maxConnections' | 'maxSubscriptions' | 'maxBacklogBytes' | 'maxMessagesPerSecond'
  >;
}

/** ws closes with a bare 1009 when a message is too large; this one says so first, in a message and in the reason. */
class StreamSocket extends WebSocket {
  override close(code?: number, reason?: string | Buffer): void {
    if (code !== CLOSE.messageTooLarge || this.readyState !== this.OPEN) {
      super.close(code, reason);
      return;
    }
    const error = new NeuroreelError('MESSAGE_TOO_LARGE', `A message was larger than ${MAX_MESSAGE_BYTES} bytes.`);
    this.send(JSON.stringify({ type: 'error', error: error.toJSON() } satisfies ServerMessage));
    super.close(code, error.code);
  }
}

/** Subprotocols that the client offers, in its order. */
function offeredSubprotocols(request: IncomingMessage): string[] {
  const header = request.headers['sec-websocket-protocol'] ?? '';
  return header.split(',').flatMap((name) => name.trim() || []);
}

export class StreamServer {
  readonly #options: StreamServerOptions;
  readonly #connections = new Set<Connection>();
  readonly #server = new WebSocketServer({
    noServer: true,
    WebSocket: StreamSocket,
    maxPayload: MAX_MESSAGE_BYTES,
    // Compressing JPEGs costs five times the processor time and gains nothing.
    perMessageDeflate: false,
    handleProtocols: () => SUBPROTOCOL,
  });
  readonly #heartbeat: NodeJS.Timeout;
  readonly #eventLog = new EventLog();
  readonly #onState = (job: Job): void => {
    const cursor = this.#eventLog.append(job);
    for (const connection of this.#connections) connection.stateChanged(job, cursor);
  };
  readonly #onProgress = (id: string, progress: JobProgress): void =>
    this.#connections.forEach((connection) => connection.progressed(id, progress));
  #closing = false;

  constructor(options: StreamServerOptions) {
    this.#options = options;
    options.manager.events.on('state', this.#onState);
    options.manager.events.on('progress', this.#onProgress);
    this.#heartbeat = setInterval(
      () => this.#connections.forEach((connection) => connection.beat()),
      options.config.heartbeatSeconds * 1000,
    );
    this.#heartbeat.unref();
  }

  /** Open connections. */
  get viewers(): number {
    return this.#connections.size;
  }

  /** Jobs that are watched, over all connections. */
  get subscriptions(): number {
    let sum = 0;
    for (const connection of this.#connections) sum += connection.subscriptions;
    return sum;
  }

  /** Takes an upgrade of the HTTP server: makes it a connection, or refuses it with the error's status and body. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    // A peer that resets during the handshake has gone; there is nothing to clean up but the socket.
    const onError = (): void => void socket.destroy();
    socket.on('error', onError);
    let scope: Scope;
    try {
      scope = this.#welcome(request);
    } catch (error) {
      if (error instanceof NeuroreelError) refuse(socket, error);
      else {
        this.#options.log.error({ err: error }, 'an upgrade failed');
        refuse(socket, new NeuroreelError('INTERNAL', 'The server failed to answer; its log says why.'));
      }
      return;
    }
    this.#server.handleUpgrade(request, socket, head, (webSocket) => {
      socket.off('error', onError);
      this.#admit(webSocket, scope);
    });
  }

  /** Closes every connection with 1001 and takes no more. */
  close(): void {
    this.#closing = true;
    clearInterval(this.#heartbeat);
    this.#options.manager.events.off('state', this.#onState);
    this.#options.manager.events.off('progress', this.#onProgress);
    for (const connection of this.#connections) connection.close(CLOSE.goingAway, 'SHUTTING_DOWN');
  }

  /** What the peer may do. */
  #welcome(request: IncomingMessage): Scope {
    const { access, config } = this.#options;
    const { pathname, searchParams } = parseTarget(request.url ?? '/');
    access.assertAddress(request.headers);
    if (pathname !== STREAM_PATH) {
      throw new NeuroreelError('ROUTE_UNKNOWN', `WebSockets are spoken at ${STREAM_PATH} only.`);
    }
    const offered = offeredSubprotocols(request);
    const scope = access.scopeOfStream(request.headers, request.socket.remoteAddress ?? '', {
      ticket: searchParams.get('ticket'),
      subprotocols: offered,
    });
    if (!offered.includes(SUBPROTOCOL)) {
      throw new NeuroreelError('SUBPROTOCOL_UNSUPPORTED', `The subprotocol ${SUBPROTOCOL} was not offered.`);
    }
    if (this.#closing) throw new NeuroreelError('SHUTTING_DOWN', 'The server is being stopped.');
    if (this.#connections.size >= config.maxConnections) {
      throw new NeuroreelError('STREAM_LIMIT', `${config.maxConnections} connections are open already.`);
    }
    return scope;
  }

  #admit(webSocket: WebSocket, scope: Scope): void {
    const { manager, log, config, metrics } = this.#options;
    const connection = new Connection(webSocket, { manager, log, scope, metrics, eventLog: this.#eventLog, ...config });
    this.#connections.add(connection);
    webSocket.on('close', () => this.#connections.delete(connection));
  }
}

/** @throws {NeuroreelError} REQUEST_MALFORMED */
function parseTarget(target: string): URL {
  const base = 'http://neuroreel.invalid';
  if (!target.startsWith('/') || !URL.canParse(target, base)) {
    throw new NeuroreelError('REQUEST_MALFORMED', 'The address of the request cannot be read.');
  }
  return new URL(base + target);
}
