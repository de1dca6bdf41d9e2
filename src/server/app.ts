/** The express app: guards first, then health, the API and the live page, then errors. */
import { join } from 'node:path';
import express, { type Express, type RequestHandler } from 'express';
import type { EventLoopMonitor } from '../jobs/event-loop.js';
import type { Log } from '../jobs/manager.js';
import { compiled, packageRoot, packageVersion } from '../jobs/package-root.js';
import { NeuroreelError, type Health } from '../protocol/index.js';
import { errorHandler, route } from './answers.js';
import { apiRouter, type RouteParts } from './routes.js';

export interface AppParts extends RouteParts {
  readonly log: Log;
  readonly monitor: EventLoopMonitor;
  readonly viewers: () => number;
  readonly isStopping: () => boolean;
}

/** Own scripts, styles and pictures only; `blob:` for frames and for artifacts fetched with a token. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' blob:",
  "media-src 'self' blob:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

const securityHeaders: RequestHandler = (_request, response, next) => {
  response.set({
    'Content-Security-Policy': CONTENT_SECURITY_POLICY,
    'Cross-Origin-Opener-Policy': 'same-origin',
    'Cross-Origin-Resource-Policy': 'same-origin',
    'Referrer-Policy': 'no-referrer',
    'X-Content-Type-Options': 'nosniff',
    'X-Frame-Options': 'DENY',
  });
  next();
};

function healthOf(parts: AppParts): Health {
  return {
    status: parts.isStopping() ? 'stopping' : 'ok',
    version: packageVersion,
    uptimeSeconds: Math.round(process.uptime()),
    jobs: parts.manager.counts,
    viewers: parts.viewers(),
    eventLoop: { maxPauseMs: parts.monitor.maxPauseMs, p99PauseMs: parts.monitor.p99PauseMs },
    memoryBytes: process.memoryUsage.rss(),
  };
}

/** The page's files, and the one module of the protocol that it shares with the server, as compiled. */
function livePage(app: Express): void {
  const options = { index: 'index.html', cacheControl: false, setHeaders: noCache };
  app.use('/', express.static(join(packageRoot, 'clients', 'web'), options));
  const frameHeader = compiled('src/protocol/frame-header.js');
  route(app, '/protocol/frame-header.js', {
    get: (_, response) =>
      response.sendFile(frameHeader, { cacheControl: false, headers: { 'Cache-Control': 'no-cache' } }),
  });
}

function noCache(response: { setHeader(name: string, value: string): unknown }): void {
  response.setHeader('Cache-Control', 'no-cache');
}

export function createApp(parts: AppParts): Express {
  const app = express();
  app.disable('x-powered-by');
  app.set('query parser', 'simple');
  app.use(securityHeaders);
  app.use((request, _response, next) => {
    parts.access.assertAddress(request.headers);
    next();
  });
  route(app, '/healthz', {
    get: (_, response) => void response.set('Cache-Control', 'no-store').json(healthOf(parts)),
  });
  route(app, '/readyz', {
    get: (_, response) => {
      if (parts.isStopping()) throw new NeuroreelError('SHUTTING_DOWN', 'The server is being stopped.');
      response.set('Cache-Control', 'no-store').json({ ready: true });
    },
  });
  app.use('/v1', apiRouter(parts));
  livePage(app);
  app.use((request) => {
    throw new NeuroreelError('ROUTE_UNKNOWN', `There is nothing at ${request.method} ${request.path.slice(0, 200)}.`);
  });
  app.use(errorHandler(parts.log));
  return app;
}
