/**
 * The kinds of jobs: where the code is that does one, and what is checked when one is submitted. To add a kind, add
 * its request schema in `src/protocol/jobs.ts`, its module beside `video-job.ts`, and one entry here.
 */
import { pathToFileURL } from 'node:url';
import { placesFor } from '../engine/runtimes/choice.js';
import {
  NeuroreelError,
  type BatchJobRequest,
  type JobKind,
  type JobRequest,
  type Steering,
} from '../protocol/index.js';
import { VIDEO_ARTIFACTS } from './artifacts.js';
import { clipSet } from './audit/clip-sets.js';
import { partsOf, type BatchPart } from './batches.js';
import { findModel, UNIT_MODELS, type ModelCatalogue } from './model-catalogue.js';
import { compiled } from './package-root.js';
import {
  checkAuditRequest,
  checkFigureRequest,
  checkImageRequest,
  checkSteering,
  checkVideoRequest,
} from './request-checks.js';
import type { Preparation } from './worker-contract.js';

/** What is checked before a job is taken in, or changed. */
export interface KindChecks<R extends JobRequest = JobRequest> {
  /** Checks on submission what needs no worker. Throws a NeuroreelError. */
  check(request: R): void;
  /** Checks a change of a running job; absent where there is nothing to change. Throws a NeuroreelError. */
  checkSteering?(request: R, change: Steering): void;
}

/** A kind that a worker does. Its module goes on from what an earlier worker kept, or else starts from the beginning. */
export interface JobKindEntry<R extends JobRequest = JobRequest> extends KindChecks<R> {
  /** URL of the module (see {@link JobModule}) that a worker loads; compiled JavaScript. */
  readonly module: string;
  /** Handed to the module as it is; must be cloneable. */
  readonly settings: unknown;
  /**
   * Paths of files of other jobs that the module needs, by the names that the request gives them; absent where it needs none.
   * @param pathOf finds a file of a job; throws JOB_UNKNOWN, ARTIFACT_UNKNOWN
   */
  inputs?(request: R, pathOf: (job: string, artifact: string) => string): Record<string, string>;
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

/**
 * Paths of files of other jobs that a job needs.
 * @param pathOf finds a file of a job; throws JOB_UNKNOWN, ARTIFACT_UNKNOWN
 */
export function inputsOf(
  kinds: JobKinds,
  request: JobRequest,
  pathOf: (job: string, artifact: string) => string,
): Record<string, string> {
  if (request.kind === 'batch') return {};
  return workerKindOf(kinds, request).inputs?.(request, pathOf) ?? {};
}

/** What a worker that is to do any of the kinds can load beforehand. */
export function preparationsOf({ batch: _batch, ...kinds }: JobKinds): Preparation[] {
  return Object.values(kinds).map(({ module, settings }) => ({ module, settings }));
}

/** Adds batches of the kinds that there are. */
export function withBatches(models: ModelCatalogue, kinds: Omit<JobKinds, 'batch'>): JobKinds {
  const parts = (id: string, request: BatchJobRequest): BatchPart[] =>
    partsOf(id, request, findModel(models, UNIT_MODELS, request.job.model));
  const check = (request: BatchJobRequest): void => {
    for (const part of parts('batch', request)) kindOf(kinds, part.request).check(part.request);
  };
  return { ...kinds, batch: { parts, check } };
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

const moduleOf = (path: string): string => pathToFileURL(compiled(path)).href;

/** Every kind that ships. */
export function jobKinds(models: ModelCatalogue, settings: EngineSettings): JobKinds {
  const checkDevice = (request: { readonly device: string }): void =>
    void placesFor(settings.runtime, deviceOf(request, settings));
  const checkClips = (name: string | undefined): void => {
    if (name !== undefined) clipSet(settings.clipFolders ?? [], name);
  };
  return withBatches(models, {
    video: {
      ...{ module: moduleOf('src/jobs/video-job.js'), settings },
      check(request) {
        checkVideoRequest(models, request);
        checkDevice(request);
      },
      checkSteering: (request, change) => checkSteering(models, request, change),
    },
    image: {
      ...{ module: moduleOf('src/jobs/image-job.js'), settings },
      check(request) {
        checkImageRequest(models, request);
        checkDevice(request);
      },
      checkSteering: (request, change) => checkSteering(models, request, change),
    },
    figure: {
      ...{ module: moduleOf('src/jobs/figures/figure-job.js'), settings },
      check(request) {
        checkFigureRequest(models, request);
        checkClips(request.real);
        checkDevice(request);
      },
      inputs: ({ jobs = [] }, pathOf) => Object.fromEntries(jobs.map((id) => [id, pathOf(id, VIDEO_ARTIFACTS.video)])),
    },
    audit: {
      ...{ module: moduleOf('src/jobs/audit/audit-job.js'), settings },
      check(request) {
        checkAuditRequest(models, request);
        checkClips(request.clips);
        checkDevice(request);
      },
    },
  });
}
