/** The express app: guards first, then health, the API and the live page, then errors. */
import { join } from 'node:path';
import express, { type Express, type RequestHandler } from 'express';
import { ipKeyGenerator, rateLimit as expressRateLimit } from 'express-rate-limit';
import helmet from 'helmet';
import type { EventLoopMonitor } from '../jobs/event-loop.js';
import type { Log } from '../jobs/manager.js';
import { compiled, packageRoot, packageVersion } from '../jobs/package-root.js';
import { NeuroreelError, PROTOCOL_HEADER, SUBPROTOCOL, type Health } from '../protocol/index.js';
import { assertScope } from './access.js';
import { errorHandler, route, routesOf } from './answers.js';
import { cors } from './cors.js';
import { documents } from './description/documents.js';
import type { Metrics } from './metrics.js';
import { apiRouter, type RouteParts } from './routes.js';

export interface AppParts extends RouteParts {
  readonly log: Log;
  readonly monitor: EventLoopMonitor;
  readonly metrics: Metrics;
  readonly viewers: () => number;
  readonly isStopping: () => boolean;
  readonly maxRequestsPerMinute: number;
}

/** Own scripts, styles and pictures only; `blob:` for frames and for artifacts fetched with a token. */
const securityHeaders = helmet({
  contentSecurityPolicy: {
    useDefaults: false,
    directives: {
      defaultSrc: ["'none'"],
      scriptSrc: ["'self'"],
      styleSrc: ["'self'"],
      imgSrc: ["'self'", 'blob:'],
      mediaSrc: ["'self'", 'blob:'],
      connectSrc: ["'self'"],
      baseUri: ["'none'"],
      formAction: ["'none'"],
      frameAncestors: ["'none'"],
    },
  },
  xFrameOptions: { action: 'deny' },
  // The server speaks plain HTTP; what stands before it decides.
  strictTransportSecurity: false,
});

function rateLimit(requestsPerMinute: number): RequestHandler {
  return expressRateLimit({
    windowMs: 60_000,
    limit: requestsPerMinute,
    standardHeaders: 'draft-8',
    legacyHeaders: false,
    keyGenerator: ({ socket }) => ipKeyGenerator(socket.remoteAddress ?? ''),
    handler: () => {
      throw new NeuroreelError('RATE_LIMITED', `More than ${requestsPerMinute} requests came within a minute.`);
    },
  });
}

/** Logs what changes something; the query is left out, since it may hold a ticket. */
function requestLog(log: Log): RequestHandler {
  return (request, response, next) => {
    const { method } = request;
    if (method !== 'GET' && method !== 'HEAD') {
      const started = performance.now();
      const path = request.path.slice(0, 300);
      const job = /^\/v1\/jobs\/([A-Za-z0-9._-]{1,64})/.exec(path)?.[1];
      response.on('finish', () => {
        const ms = Math.round(performance.now() - started);
        log.info({ method, path, status: response.statusCode, ms, ...(job !== undefined && { job }) }, 'request');
      });
    }
    next();
  };
}

function healthOf(parts: AppParts): Health {
  return {
    status: parts.isStopping() ? 'stopping' : 'ok',
    version: packageVersion,
    protocol: SUBPROTOCOL,
    uptimeSeconds: Math.round(process.uptime()),
    jobs: parts.manager.counts,
    viewers: parts.viewers(),
    eventLoop: { maxPauseMs: parts.monitor.maxPauseMs, p99PauseMs: parts.monitor.p99PauseMs },
    memoryBytes: process.memoryUsage.rss(),
  };
}

/** The page as it was built, and a module for pages of others that reads frames. */
function livePage(app: Express): void {
  const files = join(packageRoot, 'dist', 'web');
  // Their names change with their content.
  app.use('/assets', express.static(join(files, 'assets'), { index: false, immutable: true, maxAge: '1y' }));
  app.use('/', express.static(files, { index: 'index.html', cacheControl: false, setHeaders: noCache }));
  const frameHeader = compiled('src/protocol/frame-header.js');
  route(app, '/protocol/frame-header.js', {
    get: (_, response) =>
      response.sendFile(frameHeader, { cacheControl: false, headers: { 'Cache-Control': 'no-cache' } }),
  });
}

function noCache(response: { setHeader(name: string, value: string): unknown }): void {
  response.setHeader('Cache-Control', 'no-cache');
}

function metricsRoute(app: Express, { access, metrics }: AppParts): void {
  route(app, '/metrics', {
    get: async (request, response) => {
      assertScope(access.scopeOfRequest(request.headers, request.socket.remoteAddress ?? ''), 'view');
      response.set({ 'Content-Type': metrics.contentType, 'Cache-Control': 'no-store' }).send(await metrics.text());
    },
  });
}

/** The app, and its routes as `METHOD /path`. */
export function createApp(parts: AppParts): { app: Express; routes: string[] } {
  const app = express();
  app.disable('x-powered-by');
  app.set('query parser', 'simple');
  app.use(securityHeaders);
  app.use(requestLog(parts.log));
  app.use((request, response, next) => {
    response.set(PROTOCOL_HEADER, SUBPROTOCOL);
    parts.access.assertAddress(request.headers);
    next();
  });
  app.use(cors(parts.access));
  route(app, '/healthz', {
    get: (_, response) => void response.set('Cache-Control', 'no-store').json(healthOf(parts)),
  });
  route(app, '/readyz', {
    get: (_, response) => {
      if (parts.isStopping()) throw new NeuroreelError('SHUTTING_DOWN', 'The server is being stopped.');
      response.set('Cache-Control', 'no-store').json({ ready: true });
    },
  });
  const api = apiRouter(parts);
  app.use('/v1', rateLimit(parts.maxRequestsPerMinute), api);
  metricsRoute(app, parts);
  documents(app);
  livePage(app);
  app.use((request) => {
    throw new NeuroreelError('ROUTE_UNKNOWN', `There is nothing at ${request.method} ${request.path.slice(0, 200)}.`);
  });
  app.use(errorHandler(parts.log));
  return { app, routes: [...routesOf(app), ...routesOf(api, '/v1')] };
}
