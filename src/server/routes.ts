/** The HTTP interface under /v1. */
import express, { type Request, type Response, type Router } from 'express';
import { assertArtifact, listArtifacts, mediaType } from '../jobs/artifacts.js';
import { clipSetNames } from '../jobs/audit/clip-sets.js';
import type { ModelCatalogue } from '../jobs/kinds.js';
import type { JobManager } from '../jobs/manager.js';
import { jobId, jobRequest, NeuroreelError, parseWith, uploadQuery, type JobRequest } from '../protocol/index.js';
import { assertScope, type Access } from './access.js';
import { route } from './answers.js';
import type { ModelUploads } from './models/uploads.js';
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

function requestBody(request: Request): JobRequest {
  // express leaves the body out when its type is not JSON.
  if (request.body === undefined) {
    throw new NeuroreelError(
      'REQUEST_MALFORMED',
      'The request has no JSON body (is its Content-Type application/json?).',
    );
  }
  return parseWith(jobRequest, request.body);
}

function idFromPath(request: Request): string {
  return parseWith(jobId, param(request, 'id'));
}

function jobRoutes(router: Router, { manager }: RouteParts): void {
  route(router, '/jobs', {
    get: (_, response) => void response.json({ jobs: manager.list() }),
    post: async (request, response) => {
      const { job } = await manager.submit(null, requestBody(request));
      response.status(201).location(`/v1/jobs/${job.id}`).json(job);
    },
  });
  route(router, '/jobs/:id', {
    get: (request, response) => void response.json(manager.get(param(request, 'id'))),
    put: async (request, response) => {
      const { job, created } = await manager.submit(idFromPath(request), requestBody(request));
      response.status(created ? 201 : 200).json(job);
    },
  });
  route(router, '/jobs/:id/cancel', {
    post: (request, response) => void response.json(manager.cancel(param(request, 'id'))),
  });
  route(router, '/jobs/:id/pause', {
    post: (request, response) => void response.status(202).json(manager.pause(param(request, 'id'))),
  });
  route(router, '/jobs/:id/resume', {
    post: (request, response) => void response.status(202).json(manager.resume(param(request, 'id'))),
  });
}

/** Reports and plots bring their own styles, and may do nothing else: they run nothing and load nothing. */
const DOCUMENT_POLICY =
  "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox";

function sendFile(response: Response, root: string, name: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const type = mediaType(name);
    const headers = {
      ...{ 'Content-Type': type, 'Cache-Control': 'private, no-cache' },
      ...(/html|svg/.test(type) && { 'Content-Security-Policy': DOCUMENT_POLICY }),
    };
    // The folder is a hidden one for some users (~/.local/...); the name itself was checked.
    response.sendFile(name, { root, headers, dotfiles: 'allow', cacheControl: false }, (error) => {
      // A viewer that went away in the middle of a download is nobody's error.
      if (error === undefined || response.headersSent) resolve();
      else reject(error);
    });
  });
}

function artifactRoutes(router: Router, { manager }: RouteParts): void {
  route(router, '/jobs/:id/artifacts', {
    get: async (request, response) => {
      const id = param(request, 'id');
      response.json({ artifacts: await listArtifacts(id, manager.artifactsFolder(id)) });
    },
  });
  route(router, '/jobs/:id/artifacts/:name', {
    get: async (request, response) => {
      const id = param(request, 'id');
      const name = param(request, 'name');
      const folder = manager.artifactsFolder(id);
      await assertArtifact(id, folder, name);
      await sendFile(response, folder, name);
    },
  });
}

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
  jobRoutes(router, parts);
  artifactRoutes(router, parts);
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
