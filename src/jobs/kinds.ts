/**
 * The kinds of jobs: where the code is that does one, and what is checked when one is submitted. To add a kind, add
 * its request schema in `src/protocol/jobs.ts`, its module beside `video-job.ts`, and one entry here.
 */
import { FOURIER } from '../engine/models/fourier.js';
import { readManifest } from '../engine/models/package.js';
import { pathToFileURL } from 'node:url';
import { placesFor } from '../engine/runtimes/choice.js';
import {
  NeuroreelError,
  type AuditJobRequest,
  type BatchJobRequest,
  type JobKind,
  type JobRequest,
  type ModelManifest,
  type ModelSummary,
  type Steering,
  type VideoJobRequest,
} from '../protocol/index.js';
import { checkedSettings } from '../engine/audit/settings.js';
import { clipSet } from './audit/clip-sets.js';
import { partsOf, type BatchPart } from './batches.js';
import { compiled } from './package-root.js';

/** What is checked before a job is taken in, or changed. */
export interface KindChecks<R extends JobRequest = JobRequest> {
  /** Checks on submission what needs no worker. Throws a NeuroreelError. */
  check(request: R): void;
  /** Checks a change of a running job; absent where there is nothing to change. Throws a NeuroreelError. */
  checkSteering?(request: R, change: Steering): void;
}

/** A kind that a worker does. Its module goes on from what an earlier worker kept, or else starts from the beginning. */
export interface JobKindEntry<R extends JobRequest = JobRequest> extends KindChecks<R> {
  /** URL of the module (see {@link JobModule}) that a worker thread loads; compiled JavaScript. */
  readonly module: string;
  /** Handed to the module as it is; must be cloneable. */
  readonly settings: unknown;
}

/** The kind whose jobs consist of other jobs. */
export interface BatchKindEntry extends KindChecks<BatchJobRequest> {
  /** The jobs of a batch of that id. Throws a NeuroreelError. */
  parts(id: string, request: BatchJobRequest): BatchPart[];
}

/** The kinds that a server does. */
export type JobKinds = {
  readonly [K in Exclude<JobKind, 'batch'>]?: JobKindEntry<Extract<JobRequest, { kind: K }>>;
} & {
  readonly batch?: BatchKindEntry;
};

/** The entry of a request's kind. @throws {NeuroreelError} REQUEST_INVALID when jobs of this kind are not done */
export function kindOf(kinds: JobKinds, request: JobRequest): KindChecks {
  const entry = kinds[request.kind] as KindChecks | undefined;
  if (entry !== undefined) return entry;
  throw new NeuroreelError('REQUEST_INVALID', `This server does no jobs of the kind ${request.kind}.`);
}

/** The entry of a request that a worker is to do. @throws {NeuroreelError} REQUEST_INVALID */
export function workerKindOf(kinds: JobKinds, request: JobRequest): JobKindEntry {
  const entry = kindOf(kinds, request);
  if ('module' in entry) return entry as JobKindEntry;
  throw new NeuroreelError('REQUEST_INVALID', `No worker does jobs of the kind ${request.kind}.`);
}

/** The models that are installed; what this file needs of the engine's registry. */
export interface ModelCatalogue {
  list(): readonly ModelSummary[];
  /** Packages that cannot be listed because their manifest is broken. */
  problems?(): readonly { readonly name: string; readonly error: Error }[];
  /** Folder of a package. Throws MODEL_UNKNOWN. Absent: the models have no packages. */
  directory?(name: string): string;
}

/**
 * The manifest of a model, its hash, and where its package is.
 * @throws {NeuroreelError} MODEL_UNKNOWN, MODEL_INVALID
 */
export function manifestOf(
  models: ModelCatalogue,
  name: string,
): { manifest: ModelManifest; sha256: string; directory: string } {
  if (models.directory === undefined) {
    throw new NeuroreelError('MODEL_UNKNOWN', `There is no package of a model ${JSON.stringify(name.slice(0, 100))}.`);
  }
  const directory = models.directory(name);
  return { ...readManifest(directory), directory };
}

/** Name of the prior that is none: the pixels themselves are the code. */
export const NO_PRIOR = 'pixels';

function findModel(models: ModelCatalogue, kinds: readonly ModelSummary['kind'][], name: string): ModelSummary {
  const fitting = models.list().filter((model) => kinds.includes(model.kind));
  const found = fitting.find((model) => model.name === name);
  if (found !== undefined) return found;
  const broken = models.problems?.().find((problem) => problem.name === name);
  if (broken !== undefined) throw broken.error;
  const names = fitting.map((model) => model.name).join(', ') || 'none';
  throw new NeuroreelError(
    'MODEL_UNKNOWN',
    `No ${kinds.join(' or ')} is named ${JSON.stringify(name)}; there are: ${names}.`,
  );
}

/** Adds batches of the kinds that there are. */
export function withBatches(models: ModelCatalogue, kinds: Omit<JobKinds, 'batch'>): JobKinds {
  const parts = (id: string, request: BatchJobRequest): BatchPart[] =>
    partsOf(id, request, findModel(models, ['recogniser', 'classifier'], request.job.model));
  const check = (request: BatchJobRequest): void => {
    for (const part of parts('batch', request)) kindOf(kinds, part.request).check(part.request);
  };
  return { ...kinds, batch: { parts, check } };
}

function checkUnit(model: ModelSummary, unit: number | string): void {
  const { labels, name } = model;
  if (typeof unit === 'number') {
    if (unit < labels.length) return;
    throw new NeuroreelError('UNIT_UNKNOWN', `${name} has units 0 to ${labels.length - 1}; ${unit} is none of them.`);
  }
  if (labels.includes(unit)) return;
  const some = labels.slice(0, 12).join(', ') + (labels.length > 12 ? ', ...' : '');
  throw new NeuroreelError('UNIT_UNKNOWN', `${name} has no unit ${JSON.stringify(unit)}; there are: ${some}.`);
}

/** @throws {NeuroreelError} MODEL_UNKNOWN, UNIT_UNKNOWN */
export function checkVideoRequest(models: ModelCatalogue, request: VideoJobRequest): void {
  const model = findModel(models, ['recogniser'], request.model);
  if (request.picture !== undefined || request.compareFree) {
    throw new NeuroreelError('REQUEST_INVALID', 'Jobs do not take `picture` or `compareFree` yet: leave them out.');
  }
  // Units of hidden layers have no labels: the engine checks them.
  if (request.unit !== undefined && request.layer === undefined) checkUnit(model, request.unit);
  if (request.prior !== undefined && ![NO_PRIOR, FOURIER].includes(request.prior))
    findModel(models, ['prior'], request.prior);
}

/** @throws {NeuroreelError} MODEL_UNKNOWN, CONDITION_UNKNOWN, REQUEST_INVALID */
export function checkAuditRequest(models: ModelCatalogue, request: AuditJobRequest, settings: EngineSettings): void {
  for (const name of [request.model, ...request.compare]) findModel(models, ['recogniser'], name);
  checkedSettings(request);
  if (request.clips !== undefined) clipSet(settings.clipFolders ?? [], request.clips);
}

/** What the modules of the shipped kinds get as settings. */
export interface EngineSettings {
  /** Folders with model packages; the first that has a name wins. */
  readonly modelFolders: readonly string[];
  /** Runtime that computes the steps; `auto` takes the fastest there is. */
  readonly runtime: string;
  /** Device that it computes on, for requests that leave that open; `auto` when absent. */
  readonly device?: string | undefined;
  /** Threads that compute; one a core when absent. */
  readonly threads?: number | undefined;
  /** Folders whose folders and lists are sets of clips for audits. */
  readonly clipFolders?: readonly string[] | undefined;
  /** Where decoded frames of clips are kept; absent: they are not. */
  readonly frameCacheFolder?: string | undefined;
  /** Memory that a job may take, as `memorySize` allows it; half of what is free when absent. */
  readonly memory?: string | undefined;
}

/** The device for a request: its own, else that of the settings. */
export function deviceOf(request: { readonly device: string }, settings: EngineSettings): string {
  return request.device === 'auto' ? (settings.device ?? 'auto') : request.device;
}

export function jobKinds(models: ModelCatalogue, settings: EngineSettings): JobKinds {
  return withBatches(models, {
    video: {
      module: pathToFileURL(compiled('src/jobs/video-job.js')).href,
      settings,
      check(request) {
        checkVideoRequest(models, request);
        placesFor(settings.runtime, deviceOf(request, settings));
      },
      checkSteering(request, { unit }) {
        if (unit !== undefined) checkUnit(findModel(models, ['recogniser'], request.model), unit);
      },
    },
    audit: {
      module: pathToFileURL(compiled('src/jobs/audit/audit-job.js')).href,
      settings,
      check(request) {
        checkAuditRequest(models, request, settings);
        placesFor(settings.runtime, deviceOf(request, settings));
      },
    },
  });
}
