/** Models over HTTP: the list, what each is and is made of, real examples of its units; and packages that clients bring. */
import type { Request, Router } from 'express';
import { inThread } from '../../jobs/derived/thread.js';
import { EXAMPLE_FILES, exampleFile } from '../../jobs/examples/media.js';
import { manifestOf, type ModelCatalogue } from '../../jobs/model-catalogue.js';
import { packageVersion } from '../../jobs/package-root.js';
import {
  exampleId,
  examplesQuery,
  examplesRequest,
  exampleSource,
  modelLayers,
  NeuroreelError,
  parseWith,
  uploadQuery,
  type ModelDetails,
  type ModelSummary,
} from '../../protocol/index.js';
import { route } from '../answers.js';
import { sendDerived } from '../files.js';
import type { RouteParts } from '../routes.js';
import { writeFile } from 'node:fs/promises';

const param = (request: Request, name: string): string => String(request.params[name]);

function summaryOf(models: ModelCatalogue, name: string): ModelSummary {
  const found = models.list().find((model) => model.name === name);
  if (found !== undefined) return found;
  throw new NeuroreelError('MODEL_UNKNOWN', `No model is named ${JSON.stringify(name.slice(0, 100))}.`);
}

/** The summary, and what the manifest says beyond it where the model has a package. */
function detailsOf(models: ModelCatalogue, name: string): ModelDetails {
  const summary = summaryOf(models, name);
  if (models.directory === undefined) return summary;
  const { manifest } = manifestOf(models, name);
  const { description, source, files, quality } = manifest;
  return {
    ...summary,
    ...{ description, source, quality, files: Object.values(files) },
    ...(manifest.kind === 'prior' && { code: manifest.code }),
    ...(manifest.kind === 'recogniser' && {
      ...{ sequence: manifest.sequence, partners: manifest.partners, ownClips: manifest.clips !== undefined },
    }),
  };
}

/** Model packages that clients bring; `name` and `path` were not checked by the route. */
export function uploadRoutes(router: Router, { uploads, models }: RouteParts): void {
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
      response.status(201).location(`/v1/models/${name}`).json(summaryOf(models, name));
    },
  });
}

export function modelRoutes(router: Router, { models, uploads, derived }: RouteParts): void {
  route(router, '/models', { get: (_, response) => void response.json({ models: models.list() }) });
  route(router, '/models/:name', {
    get: (request, response) => void response.json(detailsOf(models, param(request, 'name'))),
    delete: async (request, response) => {
      await uploads.remove(param(request, 'name'));
      response.status(204).end();
    },
  });
  route(router, '/models/:name/layers', {
    get: async (request, response) => {
      const { directory, sha256 } = manifestOf(models, summaryOf(models, param(request, 'name')).name);
      // Reading a package and following its receptive fields can take seconds: it is done once.
      const path = await derived.get(`layers1-${packageVersion}-${sha256}.json`, async (to) => {
        const found = await inThread('src/jobs/derived/layers-thread.js', directory);
        await writeFile(to, JSON.stringify(parseWith(modelLayers, found, 'MODEL_INVALID')));
      });
      await sendDerived(response, path, 'application/json; charset=utf-8');
    },
  });
}

const TYPES: Readonly<Record<string, string>> = {
  [EXAMPLE_FILES.clip]: 'video/mp4',
  [EXAMPLE_FILES.picture]: 'image/webp',
};

/** Real clips or pictures by how much they excite a unit. */
export function exampleRoutes(router: Router, { examples, derived }: RouteParts): void {
  route(router, '/models/:name/examples', {
    get: async (request, response) => {
      const query = parseWith(examplesQuery, { ...request.query });
      response.json(await examples.top(param(request, 'name'), query));
    },
    post: async (request, response) => {
      const { clips } = parseWith(examplesRequest, request.body ?? {});
      const name = param(request, 'name');
      await examples.score(name, clips);
      response.status(202).json(await examples.top(name, examplesQuery.parse({ clips })));
    },
  });
  route(router, '/models/:name/examples/:example/:file', {
    get: async (request, response) => {
      const { clips } = parseWith(exampleSource, { ...request.query });
      const id = parseWith(exampleId, param(request, 'example'));
      const file = param(request, 'file');
      const { set, example } = await examples.find(param(request, 'name'), clips, id);
      const path = await exampleFile(derived, { set, name: example.name, id }, file);
      await sendDerived(response, path, TYPES[file]!, 86_400);
    },
  });
}
