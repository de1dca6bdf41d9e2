/** The HTTP interface under /v1. */
import express, { type Request, type Router } from 'express';
import { clipSetNames } from '../jobs/audit/clip-sets.js';
import type { ModelCatalogue } from '../jobs/model-catalogue.js';
import type { JobManager } from '../jobs/manager.js';
import type { DerivedFiles } from '../jobs/derived/derived-files.js';
import type { RealExamples } from '../jobs/examples/real-examples.js';
import { NeuroreelError } from '../protocol/index.js';
import { assertScope, type Access } from './access.js';
import { route } from './answers.js';
import type { ModelUploads } from './models/uploads.js';
import { artifactRoutes, jobRoutes } from './routes/jobs.js';
import { exampleRoutes, modelRoutes, uploadRoutes } from './routes/models.js';
import type { Scope } from './tokens.js';

export interface RouteParts {
  readonly manager: JobManager;
  readonly models: ModelCatalogue;
  /** Folders whose folders and lists are sets of clips. */
  readonly clipFolders: readonly string[];
  readonly access: Access;
  readonly bodyLimitBytes: number;
  readonly uploads: ModelUploads;
  readonly examples: RealExamples;
  /** Pictures and tables that are made when they are asked for. */
  readonly derived: DerivedFiles;
}

function clipRoutes(router: Router, { clipFolders }: RouteParts): void {
  route(router, '/clips', { get: (_, response) => void response.json({ clips: clipSetNames(clipFolders) }) });
}

/** What a request needs that no rule of its own says otherwise of: to look, to run, or to remove and to bring models. */
function scopeNeeded({ method, path }: Request): Scope {
  if (method === 'GET' || method === 'HEAD' || path === '/tickets') return 'view';
  if (method === 'POST' && /^\/models\/[^/]+\/examples$/.test(path)) return 'run';
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
  artifactRoutes(router, parts);
  modelRoutes(router, parts);
  exampleRoutes(router, parts);
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
