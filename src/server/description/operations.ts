/**
 * What each route does, as data: the document of the interface is made from this table and from the schemas that the
 * routes check with. One entry a route, as `METHOD /path` with parameters as the routes have them.
 */
import type { z } from 'zod';
import {
  artifactList,
  clipSetList,
  exampleId,
  examplesQuery,
  examplesRequest,
  exampleSource,
  health,
  jobList,
  jobQuery,
  jobSubmission,
  jobWithHistory,
  modelDetails,
  modelLayers,
  modelList,
  modelSummary,
  packageFilePath,
  packageName,
  readiness,
  replayQuery,
  steering,
  ticket,
  unitExamples,
  uploadedFile,
  uploadQuery,
  jobId,
} from '../../protocol/index.js';
import type { Scope } from '../tokens.js';

export interface Operation {
  readonly summary: string;
  /** Null: no token is needed. */
  readonly scope: Scope | null;
  readonly tag: 'jobs' | 'models' | 'server' | 'documents';
  readonly query?: z.ZodObject;
  readonly body?: z.ZodType | 'binary';
  /** By status: a schema of JSON, or a media type, or null for no body. */
  readonly answers: Readonly<Record<number, z.ZodType | string | null>>;
}

/** Schemas of the parameters in paths. */
export const PATH_PARAMETERS: Readonly<Record<string, { schema: z.ZodType; description: string }>> = {
  '/v1/jobs/:id': { schema: jobId, description: 'Id of the job.' },
  '/v1/models/:name': { schema: packageName, description: 'Name of the model package.' },
  '/v1/models/:name/examples/:example': { schema: exampleId, description: 'Hash of the content of the example.' },
  '*path': { schema: packageFilePath, description: 'Path of the file within the package.' },
};

const job = { 200: jobWithHistory };
const taken = { 202: jobWithHistory };

export const OPERATIONS: Readonly<Record<string, Operation>> = {
  'GET /v1/jobs': {
    ...{ summary: 'Lists jobs, newest first.', scope: 'view', tag: 'jobs', query: jobQuery, answers: { 200: jobList } },
  },
  'POST /v1/jobs': {
    summary: 'Submits a job under a new id; the same `Idempotency-Key` again is the same job.',
    ...{ scope: 'run', tag: 'jobs', body: jobSubmission, answers: { 200: jobWithHistory, 201: jobWithHistory } },
  },
  'GET /v1/jobs/:id': { summary: 'A job, with its activations so far.', scope: 'view', tag: 'jobs', answers: job },
  'PUT /v1/jobs/:id': {
    summary: 'Submits a job under an id of your own. The same request again is the same job.',
    ...{ scope: 'run', tag: 'jobs', body: jobSubmission, answers: { 200: jobWithHistory, 201: jobWithHistory } },
  },
  'DELETE /v1/jobs/:id': {
    summary: 'Deletes a job that has ended, and all that it left; a batch with its jobs.',
    ...{ scope: 'admin', tag: 'jobs', answers: { 204: null } },
  },
  'POST /v1/jobs/:id/retry': {
    summary: 'Puts a failed or cancelled job back into the queue; of a batch, its jobs that did not succeed.',
    ...{ scope: 'run', tag: 'jobs', answers: taken },
  },
  'POST /v1/jobs/:id/steer': {
    summary: 'Changes something about a job that has not ended, from its next iteration on.',
    ...{ scope: 'run', tag: 'jobs', body: steering, answers: taken },
  },
  'POST /v1/jobs/:id/cancel': { summary: 'Cancels a job.', scope: 'run', tag: 'jobs', answers: job },
  'POST /v1/jobs/:id/pause': { summary: 'Pauses a running job.', scope: 'run', tag: 'jobs', answers: taken },
  'POST /v1/jobs/:id/resume': { summary: 'Lets a paused job go on.', scope: 'run', tag: 'jobs', answers: taken },
  'GET /v1/jobs/:id/artifacts': {
    ...{ summary: 'Lists the files of a job.', scope: 'view', tag: 'jobs', answers: { 200: artifactList } },
  },
  'GET /v1/jobs/:id/artifacts/:name': {
    summary: 'A file of a job; parts of it with `Range`.',
    ...{ scope: 'view', tag: 'jobs', answers: { 200: 'application/octet-stream', 206: 'application/octet-stream' } },
  },
  'GET /v1/jobs/:id/thumbnail.webp': {
    summary: 'A small picture of what a job left: frames of a video side by side, a figure, the chart of an audit.',
    ...{ scope: 'view', tag: 'jobs', answers: { 200: 'image/webp' } },
  },
  'GET /v1/jobs/:id/index.html': {
    summary: 'The jobs of a batch as one page, with what each reached and a small picture of what it left.',
    ...{ scope: 'view', tag: 'jobs', answers: { 200: 'text/html' } },
  },
  'GET /v1/jobs/:id/replay.mp4': {
    summary: 'How a job evolved, from the iterations that it kept (`keyframeEvery`), as a fragmented MP4.',
    ...{ scope: 'view', tag: 'jobs', query: replayQuery, answers: { 200: 'video/mp4' } },
  },
  'GET /v1/models': { summary: 'Lists the models.', scope: 'view', tag: 'models', answers: { 200: modelList } },
  'GET /v1/models/:name': {
    summary: 'A model, with what its manifest says.',
    ...{ scope: 'view', tag: 'models', answers: { 200: modelDetails } },
  },
  'GET /v1/models/:name/layers': {
    summary: 'Its layers: shapes, weights, multiply-accumulates, receptive fields.',
    ...{ scope: 'view', tag: 'models', answers: { 200: modelLayers } },
  },
  'GET /v1/models/:name/examples': {
    summary: 'The real clips (of a classifier: pictures) that excite a unit most, of those that are scored.',
    ...{ scope: 'view', tag: 'models', query: examplesQuery, answers: { 200: unitExamples } },
  },
  'POST /v1/models/:name/examples': {
    summary: 'Has a set of real clips or pictures scored, as far as it is not; `GET` tells how far that is.',
    ...{ scope: 'run', tag: 'models', body: examplesRequest, answers: { 202: unitExamples } },
  },
  'GET /v1/models/:name/examples/:example/:file': {
    summary:
      'A scored example to look at: `picture.webp`, small; of a clip also `clip.mp4`, 320 pixels and 512 frames at most.',
    ...{ scope: 'view', tag: 'models', query: exampleSource, answers: { 200: 'application/octet-stream' } },
  },
  'DELETE /v1/models/:name': {
    ...{ summary: 'Removes a model that was uploaded.', scope: 'admin', tag: 'models', answers: { 204: null } },
  },
  'PUT /v1/models/:name/files/*path': {
    summary: 'Uploads one file of a model package.',
    ...{ scope: 'admin', tag: 'models', query: uploadQuery, body: 'binary', answers: { 201: uploadedFile } },
  },
  'POST /v1/models/:name/install': {
    summary: 'Checks an uploaded package and makes it one of the models.',
    ...{ scope: 'admin', tag: 'models', answers: { 201: modelSummary } },
  },
  'GET /v1/clips': {
    summary: 'Sets of clips for audits.',
    scope: 'view',
    tag: 'models',
    answers: { 200: clipSetList },
  },
  'POST /v1/tickets': {
    summary: 'A ticket that opens one WebSocket within 30 seconds, with the scope of the token.',
    ...{ scope: 'view', tag: 'server', answers: { 201: ticket } },
  },
  'GET /v1/stream': {
    summary: 'The WebSocket: see /asyncapi.json. Without an upgrade: 426.',
    ...{ scope: 'view', tag: 'server', answers: { 101: null } },
  },
  'GET /healthz': { summary: 'How the server is.', scope: null, tag: 'server', answers: { 200: health } },
  'GET /readyz': {
    ...{ summary: 'Whether new work is taken; 503 while the server stops.', scope: null, tag: 'server' },
    answers: { 200: readiness },
  },
  'GET /metrics': {
    ...{ summary: 'Measurements, for Prometheus.', scope: 'view', tag: 'server', answers: { 200: 'text/plain' } },
  },
  'GET /openapi.json': {
    summary: 'This document.',
    ...{ scope: null, tag: 'documents', answers: { 200: 'application/json' } },
  },
  'GET /asyncapi.json': {
    summary: 'The messages of the stream, as AsyncAPI.',
    ...{ scope: null, tag: 'documents', answers: { 200: 'application/json' } },
  },
  'GET /schemas.json': {
    summary: 'JSON Schemas of the requests for jobs, by kind, and of changes while a job runs; presets and figures.',
    ...{ scope: null, tag: 'documents', answers: { 200: 'application/json' } },
  },
  'GET /docs': {
    summary: 'Both documents, for people.',
    ...{ scope: null, tag: 'documents', answers: { 200: 'text/html' } },
  },
  'GET /protocol/frame-header.js': {
    summary: 'A module that reads the binary messages of the stream.',
    ...{ scope: null, tag: 'documents', answers: { 200: 'text/javascript' } },
  },
};
