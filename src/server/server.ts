/** A whole server: jobs, HTTP, stream and live page, made from a configuration. */
import { randomBytes } from 'node:crypto';
import { createServer as createHttpServer, type Server as HttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import pino from 'pino';
import { EventLoopMonitor } from '../jobs/event-loop.js';
import { jobKinds, type JobKinds, type ModelCatalogue } from '../jobs/kinds.js';
import { JobManager, type Log } from '../jobs/manager.js';
import { packageRoot } from '../jobs/package-root.js';
import { NeuroreelError } from '../protocol/index.js';
import { Access } from './access.js';
import { createApp } from './app.js';
import { resolveConfig, type ServerConfig, type ServerConfigInput } from './config.js';
import { StreamServer } from './stream/stream-server.js';

/** Milliseconds that a stopping server gives its worker, and then its connections. */
const STOP_WORKER_MS = 6000;
const STOP_CONNECTIONS_MS = 2500;

/** What a server is made of besides its configuration; tests and embedding programs may bring their own. */
export interface ServerParts {
  readonly models: ModelCatalogue;
  readonly kinds?: JobKinds;
  readonly log?: Log;
  readonly now?: () => Date;
  readonly newId?: () => string;
}

export interface NeuroreelServer {
  readonly config: ServerConfig;
  readonly jobs: JobManager;
  readonly log: Log;
  /**
   * Starts to listen.
   * @throws {NeuroreelError} PORT_IN_USE, ADDRESS_UNAVAILABLE
   */
  listen(): Promise<string>;
  /** Address of the live page, for example `http://127.0.0.1:8160/`; known once it listens. */
  readonly url: string;
  /** Refuses new work, closes streams with 1001, stops the worker, flushes records; within 10 seconds. */
  close(): Promise<void>;
}

/** A name that sorts by time: `20260131-142501-7f3a9c`. */
function timedId(now: () => Date): string {
  const digits = now().toISOString().replace(/\D/g, '');
  return `${digits.slice(0, 8)}-${digits.slice(8, 14)}-${randomBytes(3).toString('hex')}`;
}

function addressOf(http: HttpServer, host: string): string {
  const { port } = http.address() as AddressInfo;
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}/`;
}

function listenError(error: NodeJS.ErrnoException, { host, port }: ServerConfig): Error {
  if (error.code === 'EADDRINUSE') {
    return new NeuroreelError('PORT_IN_USE', `Port ${port} of ${host} is in use by another process.`, { cause: error });
  }
  if (error.code === 'EADDRNOTAVAIL' || error.code === 'EACCES' || error.code === 'ENOTFOUND') {
    const message = `Cannot listen on ${host}, port ${port} (${error.code}).`;
    return new NeuroreelError('ADDRESS_UNAVAILABLE', message, { cause: error });
  }
  return error;
}

function listen(http: HttpServer, config: ServerConfig): Promise<void> {
  return new Promise((resolve, reject) => {
    const onError = (error: Error): void => reject(listenError(error, config));
    http.once('error', onError);
    http.listen(config.port, config.host, () => {
      http.off('error', onError);
      resolve();
    });
  });
}

/** Ends when the last connection has ended; those that do not end by themselves are cut. */
function closeHttp(http: HttpServer): Promise<void> {
  if (!http.listening) return Promise.resolve();
  return new Promise((resolve) => {
    const cut = setTimeout(() => http.closeAllConnections(), STOP_CONNECTIONS_MS);
    http.close(() => {
      clearTimeout(cut);
      resolve();
    });
    http.closeIdleConnections();
  });
}

/**
 * Makes a server; it listens when told to.
 * @throws {NeuroreelError} CONFIG_INVALID, BIND_NEEDS_TOKEN, DATA_FOLDER_UNWRITABLE
 */
export async function createServer(input: ServerConfigInput, parts: ServerParts): Promise<NeuroreelServer> {
  const config = resolveConfig(input);
  const log = parts.log ?? pino({ level: config.logLevel }, pino.destination({ fd: 2, sync: false }));
  const { models, now = () => new Date(), newId = () => timedId(now) } = parts;
  const modelFolders = [join(packageRoot, 'models'), ...config.modelFolders];
  const manager = await JobManager.open({
    dataFolder: config.dataFolder,
    kinds: parts.kinds ?? jobKinds(models, { modelFolders, runtime: config.runtime }),
    log,
    queueLimit: config.queueLimit,
    cancelGraceMs: config.cancelGraceSeconds * 1000,
    now,
    newId,
  });
  const access = new Access(config);
  const monitor = new EventLoopMonitor();
  const http = createHttpServer();
  const stream = new StreamServer(http, { manager, access, log, config });
  let closing: Promise<void> | null = null;
  const isStopping = (): boolean => closing !== null;
  const { bodyLimitBytes } = config;
  http.on(
    'request',
    createApp({ manager, models, access, bodyLimitBytes, log, monitor, viewers: () => stream.viewers, isStopping }),
  );
  let url = '';

  async function close(): Promise<void> {
    log.info({}, 'stopping');
    // While the worker ends, its viewers still hear what becomes of the job.
    await manager.close(STOP_WORKER_MS);
    stream.close();
    await closeHttp(http);
    monitor.stop();
  }

  return {
    config,
    jobs: manager,
    log,
    get url() {
      return url;
    },
    async listen() {
      await listen(http, config);
      url = addressOf(http, config.host);
      log.info({ url }, 'listening');
      return url;
    },
    close() {
      closing ??= close();
      return closing;
    },
  };
}
