/** A whole server: jobs, HTTP, stream and live page, made from a configuration. */
import { randomBytes } from 'node:crypto';
import { createServer as createHttpServer, type Server as HttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import pino, { type DestinationStream } from 'pino';
import { budgetBytes } from '../engine/memory.js';
import { ModelRegistry } from '../engine/models/registry.js';
import { EventLoopMonitor } from '../jobs/event-loop.js';
import { DerivedFiles } from '../jobs/derived/derived-files.js';
import { RealExamples } from '../jobs/examples/real-examples.js';
import { jobKinds, type EngineSettings, type JobKinds } from '../jobs/kinds.js';
import type { ModelCatalogue } from '../jobs/model-catalogue.js';
import { JobManager, type Log } from '../jobs/manager.js';
import { warmUpEncoders } from '../jobs/pictures.js';
import { packageRoot } from '../jobs/package-root.js';
import type { Retention } from '../jobs/store/job-store.js';
import { NeuroreelError } from '../protocol/index.js';
import { Access } from './access.js';
import { createApp } from './app.js';
import { refuseBrokenRequest } from './broken-requests.js';
import { isLoopback, resolveConfig, type ServerConfig, type ServerConfigInput } from './config.js';
import { Metrics } from './metrics.js';
import { ModelUploads, uploadedModels } from './models/uploads.js';
import { StreamServer } from './stream/stream-server.js';

/** Milliseconds that a stopping server gives its worker, and then its connections. */
const STOP_WORKER_MS = 6000;
const STOP_CONNECTIONS_MS = 2500;

/** What a server is made of besides its configuration; tests and embedding programs may bring their own. */
export interface ServerParts {
  readonly models?: ModelCatalogue;
  readonly kinds?: JobKinds;
  readonly log?: Log;
  readonly now?: () => Date;
  readonly newId?: () => string;
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

/** Fields that may hold a secret, wherever they are in what is logged. */
const SECRETS = ['token', 'secret', 'ticket', 'authorization', 'cookie'].flatMap((name) => [
  ...[name, `*.${name}`, `*.*.${name}`, `*.*.*.${name}`],
]);

/** Lines of JSON, on standard error unless told otherwise. */
export function jsonLog(
  { logLevel }: Pick<ServerConfig, 'logLevel'>,
  destination: DestinationStream = pino.destination({ fd: 2, sync: false }),
): Log {
  return pino({ level: logLevel, redact: { paths: SECRETS, censor: '[secret]' } }, destination);
}

function engineSettings(config: ServerConfig, modelFolders: string[]): EngineSettings {
  const { runtime, device, memory, clipFolders, dataFolder } = config;
  return { modelFolders, runtime, device, memory, clipFolders, frameCacheFolder: join(dataFolder, 'cache', 'frames') };
}

/** What is kept of ended jobs; everything when the configuration says nothing. */
function retentionOf({ retentionDays: days, retentionSize }: ServerConfig): Retention | undefined {
  if (days === undefined && retentionSize === undefined) return undefined;
  return { days, bytes: retentionSize === undefined ? undefined : budgetBytes(retentionSize) };
}

/** A worker is held ready so long after the last job: who tries things out is soon back with the next. */
const SPARE_SECONDS = 60;

/**
 * An idle connection is kept longer than clients and proxies (60 s) keep theirs: one that is closed just when its client sends
 * the next request would break that request off.
 */
const KEEP_ALIVE_MS = 75_000;

export class NeuroreelServer {
  readonly config: ServerConfig;
  readonly jobs: JobManager;
  readonly log: Log;
  /** A request without a host is refused as those for other hosts are: with an error of the catalogue. */
  readonly #http = createHttpServer({ requireHostHeader: false, keepAliveTimeout: KEEP_ALIVE_MS });
  readonly #monitor = new EventLoopMonitor();
  readonly #stream: StreamServer;
  readonly #metrics: Metrics;
  readonly #examples: RealExamples;
  /** Every route, as `METHOD /path`. */
  readonly routes: readonly string[];
  #url = '';
  #start: () => void = () => undefined;
  #closing: Promise<void> | null = null;

  private constructor(config: ServerConfig, jobs: JobManager, models: ModelCatalogue, log: Log) {
    this.config = config;
    this.jobs = jobs;
    this.log = log;
    const access = new Access(config);
    this.#metrics = new Metrics({
      manager: jobs,
      monitor: this.#monitor,
      viewers: () => this.#stream.viewers,
      subscriptions: () => this.#stream.subscriptions,
    });
    this.#stream = new StreamServer({ manager: jobs, access, log, config, metrics: this.#metrics });
    this.#examples = new RealExamples({
      models,
      settings: engineSettings(config, []),
      folder: join(config.dataFolder, 'cache', 'examples'),
    });
    const { app, routes } = createApp({
      manager: jobs,
      models,
      clipFolders: config.clipFolders,
      access,
      bodyLimitBytes: config.bodyLimitBytes,
      maxRequestsPerMinute: config.maxRequestsPerMinute,
      examples: this.#examples,
      derived: new DerivedFiles(join(config.dataFolder, 'cache', 'derived')),
      uploads: new ModelUploads({
        dataFolder: config.dataFolder,
        limitBytes: config.uploadLimitBytes,
        isTaken: (name) => models.list().some((model) => model.name === name),
      }),
      log,
      monitor: this.#monitor,
      metrics: this.#metrics,
      viewers: () => this.#stream.viewers,
      isStopping: () => this.#closing !== null,
    });
    this.routes = routes;
    // The port is bound before the records are read, so that a second server on it harms no job; clients wait meanwhile.
    const started = new Promise<void>((resolve) => (this.#start = resolve));
    this.#http.on('request', (request, response) => {
      void started.then(() => void app(request, response));
    });
    // An `Expect` that means nothing is left unanswered, as HTTP allows, instead of refused without a word.
    this.#http.on('checkExpectation', (request, response) => this.#http.emit('request', request, response));
    this.#http.on('clientError', refuseBrokenRequest);
    this.#http.on('upgrade', (request, socket, head) => {
      void started.then(() => this.#stream.upgrade(request, socket, head));
    });
  }

  /**
   * Makes a server; it listens when told to.
   * @throws {NeuroreelError} CONFIG_INVALID, BIND_NEEDS_TOKEN, DATA_FOLDER_UNWRITABLE, DATA_FOLDER_IN_USE
   */
  static async create(input: ServerConfigInput, parts: ServerParts = {}): Promise<NeuroreelServer> {
    const config = resolveConfig(input);
    const log = parts.log ?? jsonLog(config);
    const { now = () => new Date(), newId = () => timedId(now) } = parts;
    const modelFolders = [join(packageRoot, 'models'), ...config.modelFolders, uploadedModels(config.dataFolder)];
    const models = parts.models ?? ModelRegistry.open({ folders: modelFolders });
    const jobs = await JobManager.open({
      dataFolder: config.dataFolder,
      kinds: parts.kinds ?? jobKinds(models, engineSettings(config, modelFolders)),
      log,
      queueLimit: config.queueLimit,
      cancelGraceMs: config.cancelGraceSeconds * 1000,
      checkpointSeconds: config.checkpointSeconds,
      stallSeconds: config.stallSeconds,
      spareSeconds: SPARE_SECONDS,
      retention: retentionOf(config),
      webhooks: { allowPrivate: config.allowPrivateWebhooks },
      now,
      newId,
    });
    return new NeuroreelServer(config, jobs, models, log);
  }

  /** Address of the live page, for example `http://127.0.0.1:8160/`; empty until the server listens. */
  get url(): string {
    return this.#url;
  }

  /**
   * Starts to listen, loads the jobs and starts the queue. Returns the address of the live page.
   * @throws {NeuroreelError} PORT_IN_USE, ADDRESS_UNAVAILABLE
   */
  async listen(): Promise<string> {
    await listen(this.#http, this.config);
    await warmUpEncoders();
    await this.jobs.start();
    this.#start();
    this.#url = addressOf(this.#http, this.config.host);
    this.log.info({ url: this.#url }, 'listening');
    if (!isLoopback(this.config.host) && this.config.tokens.length === 0) {
      this.log.warn({ host: this.config.host }, 'INSECURE: anybody who can reach this address may use the server');
    }
    return this.#url;
  }

  /** Refuses new work, stops the worker, flushes records, closes streams with 1001; takes less than 10 seconds. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.log.info({}, 'stopping');
    // While the worker ends, its viewers still hear what becomes of the job.
    await Promise.all([this.jobs.close(STOP_WORKER_MS), this.#examples.close()]);
    this.#stream.close();
    await closeHttp(this.#http);
    this.#monitor.stop();
    this.#metrics.close();
  }
}

/** See {@link NeuroreelServer.create}. */
export const createServer = (input: ServerConfigInput, parts?: ServerParts): Promise<NeuroreelServer> =>
  NeuroreelServer.create(input, parts);
