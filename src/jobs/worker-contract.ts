/** What the main thread and a job's worker thread say to each other, and what a kind of job has to bring. */
import type { AuditJobProgress, ErrorCode, JobRequest, JobRun, JobState } from '../protocol/index.js';

/** Words of the memory that both threads see, so that a busy worker notices without reading messages. */
export const CONTROL = { cancel: 0, pause: 1, watched: 2, pixelsSent: 3, pixelsSeen: 4 } as const;
export const CONTROL_WORDS = 5;

/** At most so many sequences a second leave a worker while somebody watches. */
export const PIXELS_PER_SECOND = 12;
/** While nobody watches, one leaves it so often, for those who join late. */
export const UNWATCHED_PIXELS_SECONDS = 5;

/** What a worker is started with. */
export interface WorkerStart {
  readonly id: string;
  readonly request: JobRequest;
  /** URL of the module that exports {@link JobModule.run}. */
  readonly module: string;
  /** What the kind's entry passes on to its module, for example the folders of models. */
  readonly settings: unknown;
  /** Folder to write artifacts to. */
  readonly folder: string;
  /** Folder that outlives an interruption. */
  readonly work: string;
  readonly control: SharedArrayBuffer;
  /** States of the job so far. */
  readonly events: readonly JobEvent[];
}

export interface JobEvent {
  readonly state: JobState;
  /** ISO 8601, UTC. */
  readonly at: string;
}

/** One iteration, as a kind's module reports it. */
export interface StepReport {
  /** Iterations done, from 1. */
  readonly iteration: number;
  readonly iterations: number;
  readonly activation: number;
  readonly smoothness: number;
  /** Wall-clock seconds of this iteration. */
  readonly seconds: number;
  /** The sequence, RGB bytes [frames, height, width, 3], when it was due; its memory is given away. */
  readonly pixels?: Uint8Array | undefined;
}

/** One clip, as an audit's module reports it. */
export interface ClipReport {
  /** Clips done, from 1, and in all: once for each model. */
  readonly done: number;
  readonly total: number;
  /** Wall-clock seconds of this clip; null when it had been scored before an interruption. */
  readonly seconds: number | null;
  readonly audit: AuditJobProgress;
}

export interface WireError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly details?: unknown;
  /** For the log. */
  readonly stack?: string | undefined;
}

export type WorkerMessage =
  | { type: 'started'; at: string; run: JobRun }
  | { type: 'progress'; step: Omit<StepReport, 'pixels'>; pixels: Uint8Array | null; microseconds: number }
  | { type: 'clip'; clip: ClipReport }
  | { type: 'paused' | 'resumed'; at: string }
  | { type: 'encoding'; at: string; frames: number; of: number }
  | { type: 'succeeded' }
  | { type: 'canceled' }
  | { type: 'failed'; error: WireError };

/** What a kind's module works with. */
export interface JobContext<R extends JobRequest = JobRequest, S = unknown> {
  readonly id: string;
  readonly request: R;
  readonly settings: S;
  /** Folder to write artifacts to; they appear when `run` has returned. */
  readonly folder: string;
  /** Folder for what lets the job go on after an interruption; it is removed when the job has ended. */
  readonly work: string;
  /** Aborted when the job is cancelled, for waits that are not steps (an encoder). */
  readonly signal: AbortSignal;
  /** States of the job so far, with their times. */
  readonly events: readonly JobEvent[];

  /** The models are open and the first step comes next: the job is running. */
  started(run: JobRun): void;
  /** True when the frames of iteration `iteration` should be handed to {@link step}: ask before computing them. */
  pixelsDue(iteration: number): boolean;
  /** Reports an iteration. */
  step(report: StepReport): void;
  /** Reports a clip of an audit. */
  clip(report: ClipReport): void;
  /**
   * To be awaited between steps: waits while the job is paused.
   * @throws {JobCanceled} when the job was cancelled
   */
  betweenSteps(): Promise<void>;
  /** The frames are final and are being encoded: `frames` of `of` so far (of an audit: files). To be called with 0 first. */
  encoding(frames: number, of: number): void;
}

export interface JobModule {
  /** Does the job; returning makes it succeed, throwing makes it fail (or canceled, for a {@link JobCanceled}). */
  run(context: JobContext): Promise<void>;
}

/** Thrown in a worker when its job was cancelled. */
export class JobCanceled extends Error {
  override readonly name = 'JobCanceled';

  constructor() {
    super('The job was cancelled.');
  }
}
