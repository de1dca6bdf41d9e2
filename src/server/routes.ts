/** The HTTP interface under /v1. */
import express, { type Request, type Router } from 'express';
import { clipSetNames } from '../jobs/audit/clip-sets.js';
import type { ModelCatalogue } from '../jobs/request-checks.js';
import type { JobManager } from '../jobs/manager.js';
import { NeuroreelError, parseWith, uploadQuery } from '../protocol/index.js';
import { assertScope, type Access } from './access.js';
import { route } from './answers.js';
import type { ModelUploads } from './models/uploads.js';
import { artifactRoutes, jobRoutes } from './routes/jobs.js';
import type { Scope } from './tokens.js';

export interface RouteParts {
  readonly manager: JobManager;
  readonly models: ModelCatalogue;
  /** Folders whose folders and lists are sets of clips. */
  readonly clipFolders: readonly string[];
  readonly access: Access;
  readonly bodyLimitBytes: number;
  readonly uploads: ModelUploads;
}

const param = (request: Request, name: string): string => String(request.params[name]);

/** Model packages that clients bring; `name` and `path` were not checked by the route. */
function uploadRoutes(router: Router, { uploads, models }: RouteParts): void {
  route(router, '/models/:name/files/*path', {
    put: async (request, response) => {
      const path = (request.params['path'] as unknown as string[]).join('/');
      const { sha256 } = parseWith(uploadQuery, request.query);
      response.status(201).json(await uploads.put(param(request, 'name'), path, sha256, request));
    },
  });
  route(router, '/models/:name/install', {
    post: async (request, response) => {
      const name = param(request, 'name');
      await uploads.install(name);
      response
        .status(201)
        .location(`/v1/models/${name}`)
        .json(models.list().find((model) => model.name === name));
    },
  });
}

function modelRoutes(router: Router, { models, uploads }: RouteParts): void {
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
    delete: async (request, response) => {
      await uploads.remove(param(request, 'name'));
      response.status(204).end();
    },
  });
}

function clipRoutes(router: Router, { clipFolders }: RouteParts): void {
  route(router, '/clips', { get: (_, response) => void response.json({ clips: clipSetNames(clipFolders) }) });
}

/** What a request needs that no rule of its own says otherwise of: to look, to run, or to remove and to bring models. */
function scopeNeeded({ method, path }: Request): Scope {
  if (method === 'GET' || method === 'HEAD' || path === '/tickets') return 'view';
  return method === 'DELETE' || path.startsWith('/models') ? 'admin' : 'run';
}

/** Everything under /v1; each request needs a token, if the server has any. */
export function apiRouter(parts: RouteParts): Router {
  const router = express.Router();
  const { access } = parts;
  router.use((request, response, next) => {
    const scope = access.scopeOfRequest(request.headers, request.socket.remoteAddress ?? '');
    assertScope(scope, scopeNeeded(request));
    response.locals['scope'] = scope;
    response.set('Cache-Control', 'no-store');
    next();
  });
  // Before the parser of JSON: a model.json is a file here.
  uploadRoutes(router, parts);
  router.use(express.json({ limit: parts.bodyLimitBytes, strict: false }));
  jobRoutes(router, parts.manager);
  artifactRoutes(router, parts.manager);
  modelRoutes(router, parts);
  clipRoutes(router, parts);
  route(router, '/tickets', {
    post: (_, response) => void response.status(201).json(access.issueTicket(response.locals['scope'] as Scope)),
  });
  route(router, '/stream', {
    get: (_, response) => {
      response.set('Upgrade', 'websocket');
      throw new NeuroreelError('UPGRADE_REQUIRED', 'This address speaks WebSocket only.');
    },
  });
  return router;
}
