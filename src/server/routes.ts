/** The HTTP interface under /v1. */
import express, { type Request, type Router } from 'express';
import { clipSetNames } from '../jobs/audit/clip-sets.js';
import type { ModelCatalogue } from '../jobs/kinds.js';
import type { JobManager } from '../jobs/manager.js';
import { NeuroreelError } from '../protocol/index.js';
import { route } from './answers.js';
import type { Access } from './access.js';
import { artifactRoutes, jobRoutes } from './routes/jobs.js';

export interface RouteParts {
  readonly manager: JobManager;
  readonly models: ModelCatalogue;
  /** Folders whose folders and lists are sets of clips. */
  readonly clipFolders: readonly string[];
  readonly access: Access;
  readonly bodyLimitBytes: number;
}

const param = (request: Request, name: string): string => String(request.params[name]);

function modelRoutes(router: Router, { models }: RouteParts): void {
  route(router, '/models', { get: (_, response) => void response.json({ models: models.list() }) });
  route(router, '/models/:name', {
    get: (request, response) => {
      const name = param(request, 'name');
      const found = models.list().find((model) => model.name === name);
      if (found === undefined) {
        throw new NeuroreelError('MODEL_UNKNOWN', `No model is named ${JSON.stringify(name.slice(0, 100))}.`);
      }
      response.json(found);
    },
  });
}

function clipRoutes(router: Router, { clipFolders }: RouteParts): void {
  route(router, '/clips', { get: (_, response) => void response.json({ clips: clipSetNames(clipFolders) }) });
}

/** Everything under /v1; each request needs the token, if the server has one. */
export function apiRouter(parts: RouteParts): Router {
  const router = express.Router();
  router.use((request, _response, next) => {
    parts.access.assertToken(request.headers);
    next();
  });
  router.use((_request, response, next) => {
    response.set('Cache-Control', 'no-store');
    next();
  });
  router.use(express.json({ limit: parts.bodyLimitBytes, strict: false }));
  jobRoutes(router, parts.manager);
  artifactRoutes(router, parts.manager);
  modelRoutes(router, parts);
  clipRoutes(router, parts);
  route(router, '/tickets', { post: (_, response) => void response.status(201).json(parts.access.issueTicket()) });
  route(router, '/stream', {
    get: (_, response) => {
      response.set('Upgrade', 'websocket');
      throw new NeuroreelError('UPGRADE_REQUIRED', 'This address speaks WebSocket only.');
    },
  });
  return router;
}
