import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Turns } from '../../jobs/turns.js';
import { EVOLUTION_FILE } from '../../jobs/evolution-writer.js';
import { Evolution, replayPictures } from '../../jobs/evolution.js';
import { fragmentedMp4 } from '../../video/index.js';
import { replayQuery, type ReplayQuery } from '../../protocol/index.js';
/** Jobs and their artifacts over HTTP. */
import type { Request, Response, Router } from 'express';
import type { JobManager, SubmitOptions } from '../../jobs/manager.js';
import {
  idempotencyKey,
  jobId,
  jobQuery,
  jobRequest,
  NeuroreelError,
  parseWith,
  steering,
  submission,
  type JobRequest,
} from '../../protocol/index.js';
import { batchIndexOf } from '../../jobs/derived/batch-index.js';
import { thumbnailOf } from '../../jobs/derived/thumbnails.js';
import { route } from '../answers.js';
import { sendArtifact, sendDerived } from '../files.js';
import type { RouteParts } from '../routes.js';

const param = (request: Request, name: string): string => String(request.params[name]);

function bodyOf(request: Request): unknown {
  // express leaves the body out when its type is not JSON.
  if (request.body === undefined) {
    throw new NeuroreelError(
      'REQUEST_MALFORMED',
      'The request has no JSON body (is its Content-Type application/json?).',
    );
  }
  return request.body as unknown;
}

/** The fields that say how a job is to be run stand beside those that say what it is to do. */
function submitted(request: Request): { job: JobRequest; options: SubmitOptions } {
  const body = bodyOf(request);
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    return { job: parseWith(jobRequest, body), options: {} };
  }
  const { priority, webhook, ...rest } = body as Record<string, unknown>;
  const options = parseWith(submission, { priority, webhook });
  return { job: parseWith(jobRequest, rest), options };
}

function keyOf(request: Request): string | undefined {
  const header = request.get('Idempotency-Key');
  return header === undefined ? undefined : parseWith(idempotencyKey, header);
}

export function jobRoutes(router: Router, manager: JobManager): void {
  const id = (request: Request): string => param(request, 'id');
  route(router, '/jobs', {
    get: (request, response) => void response.json(manager.find(parseWith(jobQuery, { ...request.query }))),
    post: async (request, response) => {
      const { job: wanted, options } = submitted(request);
      const { job, created } = await manager.submit(null, wanted, { ...options, idempotencyKey: keyOf(request) });
      response
        .status(created ? 201 : 200)
        .location(`/v1/jobs/${job.id}`)
        .json(job);
    },
  });
  route(router, '/jobs/:id', {
    get: (request, response) => void response.json(manager.get(id(request))),
    put: async (request, response) => {
      const { job: wanted, options } = submitted(request);
      const { job, created } = await manager.submit(parseWith(jobId, id(request)), wanted, options);
      response.status(created ? 201 : 200).json(job);
    },
    delete: async (request, response) => {
      await manager.remove(id(request));
      response.status(204).end();
    },
  });
  route(router, '/jobs/:id/cancel', {
    post: (request, response) => void response.json(manager.cancel(id(request))),
  });
  route(router, '/jobs/:id/pause', {
    post: (request, response) => void response.status(202).json(manager.pause(id(request))),
  });
  route(router, '/jobs/:id/resume', {
    post: (request, response) => void response.status(202).json(manager.resume(id(request))),
  });
  route(router, '/jobs/:id/retry', {
    post: (request, response) => void response.status(202).json(manager.retry(id(request))),
  });
  route(router, '/jobs/:id/steer', {
    post: (request, response) => {
      const change = parseWith(steering, bodyOf(request));
      response.status(202).json(manager.steer(id(request), change));
    },
  });
}

/** Each replay has an encoder of its own while it is played. */
const REPLAYS = { atATime: 4, mostWaiting: 32, what: 'replays' } as const;

/** Aborted when nobody waits for the answer any more. */
function untilClosed(response: Response): AbortSignal {
  const controller = new AbortController();
  response.once('close', () => controller.abort(new NeuroreelError('REQUEST_MALFORMED', 'The client went away.')));
  return controller.signal;
}

/** How a job evolved, as an MP4 that plays while it is made. */
async function sendReplay(response: Response, path: string, query: ReplayQuery): Promise<void> {
  const pictures = replayPictures(await Evolution.open(path), query.frame);
  const first = await pictures.next();
  if (first.done) throw new NeuroreelError('ARTIFACT_UNKNOWN', 'The job kept no iteration.');
  const { width, height } = first.value;
  const frames = (async function* () {
    yield first.value.pixels;
    for await (const { pixels } of pictures) yield pixels;
  })();
  response.set({ 'Content-Type': 'video/mp4', 'Cache-Control': 'private, no-cache' });
  const bytes = fragmentedMp4(frames, { width, height, fps: query.rate, preset: 'veryfast' });
  // A viewer that goes away ends the encoder, and is nobody's error.
  await pipeline(Readable.from(bytes), response).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ERR_STREAM_PREMATURE_CLOSE') throw error;
  });
}

export function artifactRoutes(router: Router, { manager, derived }: Pick<RouteParts, 'manager' | 'derived'>): void {
  const replays = new Turns(REPLAYS);
  route(router, '/jobs/:id/artifacts', {
    get: (request, response) => void response.json({ artifacts: manager.artifacts(param(request, 'id')) }),
  });
  route(router, '/jobs/:id/artifacts/:name', {
    get: (request, response) => sendArtifact(response, manager.artifact(param(request, 'id'), param(request, 'name'))),
  });
  route(router, '/jobs/:id/thumbnail.webp', {
    get: async (request, response) =>
      sendDerived(response, await thumbnailOf(manager, derived, param(request, 'id')), 'image/webp'),
  });
  route(router, '/jobs/:id/index.html', {
    get: async (request, response) =>
      sendDerived(response, await batchIndexOf(manager, derived, param(request, 'id')), 'text/html; charset=utf-8', 0),
  });
  route(router, '/jobs/:id/replay.mp4', {
    get: (request, response) => {
      const query = parseWith(replayQuery, { ...request.query });
      const { path } = manager.artifact(param(request, 'id'), EVOLUTION_FILE);
      return replays.take(() => sendReplay(response, path, query), untilClosed(response));
    },
  });
}
