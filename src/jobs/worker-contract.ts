/** What the server and a job's worker process say to each other, and what a kind of job has to bring. */
import type {
  AuditJobProgress,
  ErrorCode,
  FigureJobProgress,
  Job,
  JobRequest,
  JobRun,
  JobState,
  Steering,
} from '../protocol/index.js';
import type { Snapshot } from './checkpoint.js';

/** What is wished of a worker; it looks at it between the parts of a step. */
export interface Wishes {
  readonly cancel: boolean;
  readonly park: boolean;
  readonly pause: boolean;
  /** Somebody watches its frames. */
  readonly watched: boolean;
}

export const NO_WISHES: Wishes = { cancel: false, park: false, pause: false, watched: false };

/** A worker says at most so often that it is alive, when it has nothing else to say. */
export const BEAT_MS = 250;

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
  readonly wishes: Wishes;
  /** States of the job so far. */
  readonly events: readonly JobEvent[];
  /** What was changed about the job so far, and what is still to be. */
  readonly steering: Job['steering'];
  /** Seconds between two checkpoints. */
  readonly checkpointSeconds: number;
  /** Whether there is a file that the worker shares with the server, for frames. */
  readonly shares: boolean;
  /** Milliseconds between two signs of life. */
  readonly beatMs: number;
  /** Paths of files of other jobs that the request names, see {@link JobContext.inputs}. */
  readonly inputs: Readonly<Record<string, string>>;
}

/** What a worker can load before it has a job. */
export interface Preparation {
  /** URL of the module of a kind. */
  readonly module: string;
  readonly settings: unknown;
}

/** What the server says. */
export type ServerMessage =
  | { readonly type: 'prepare'; readonly modules: readonly Preparation[] }
  | { readonly type: 'do'; readonly start: WorkerStart }
  | { readonly type: 'wish'; readonly wishes: Partial<Wishes> }
  /** The frames that were sent last have been read. */
  | { readonly type: 'taken' }
  | { readonly type: 'steer'; readonly index: number; readonly change: Steering };

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
  /** The unit's activation at each frame, or for each picture. */
  readonly frameActivations?: ArrayLike<number>;
}

/** A sequence for viewers. */
export interface StepFrames {
  /** RGB bytes [frames, height, width, 3]. */
  readonly pixels: Uint8Array;
  readonly frames: number;
  readonly width: number;
  readonly height: number;
}

/** Frames as a worker sends them: in the message, or as so many bytes at the start of the file that it shares with the server. */
export interface SentFrames extends Omit<StepFrames, 'pixels'> {
  readonly pixels: Uint8Array | number;
}

/** One iteration of a picture of a figure, as its module reports it. */
export interface PictureReport {
  /** Pictures that are done, and in all. */
  readonly done: number;
  readonly total: number;
  readonly activation: number;
  /** Wall-clock seconds of each of the pictures that are done with this iteration; null of none. */
  readonly seconds: number | null;
  readonly figure: FigureJobProgress;
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

/** `F`: frames as they are sent, or as they arrived. */
export type WorkerMessage<F = SentFrames> =
  /** It is alive, and takes so many bytes of memory. */
  | { type: 'beat'; bytes: number }
  | { type: 'started'; at: string; run: JobRun }
  | { type: 'progress'; step: StepReport; frames: F | null; microseconds: number }
  | { type: 'picture'; picture: PictureReport; frames: F | null; microseconds: number }
  | { type: 'clip'; clip: ClipReport }
  | { type: 'paused' | 'resumed'; at: string }
  | { type: 'encoding'; at: string; frames: number; of: number }
  /** What the job is after so many iterations is on the disk. */
  | { type: 'checkpoint'; iteration: number }
  /** The change of that index has effect from this iteration on. */
  | { type: 'steered'; index: number; iteration: number }
  /** The change of that index cannot be made. */
  | { type: 'refused'; index: number; why: string }
  /** What the job kept could not be used: it starts from its beginning. */
  | { type: 'note'; message: string }
  | { type: 'succeeded' }
  | { type: 'parked' }
  | { type: 'canceled' }
  | { type: 'failed'; error: WireError }
  /** Something failed that nobody waited for; the process ends. */
  | { type: 'broke'; error: WireError };

/** What a kind's module works with. */
export interface JobContext<R extends JobRequest = JobRequest, S = unknown> {
  readonly id: string;
  readonly request: R;
  readonly settings: S;
  /** Folder to write artifacts to; they appear when `run` has returned. */
  readonly folder: string;
  /** Folder for what lets the job go on after an interruption; it is removed when the job has ended. */
  readonly work: string;
  /** Seconds between two checkpoints. */
  readonly checkpointSeconds: number;
  /** Paths of files of other jobs that the request names, as the kind's entry said them. */
  readonly inputs: Readonly<Record<string, string>>;
  /** Aborted when the job is cancelled, for waits that are not steps (an encoder). */
  readonly signal: AbortSignal;
  /** States of the job so far, with their times. */
  readonly events: readonly JobEvent[];

  /** The models are open and the first step comes next: the job is running. */
  started(run: JobRun): void;
  /** True when the frames of iteration `iteration` should be handed to {@link step}: ask before computing them. */
  pixelsDue(iteration: number): boolean;
  /** Reports an iteration. */
  step(report: StepReport, frames?: StepFrames): void;
  /** Reports an iteration of a picture of a figure. */
  picture(report: PictureReport, frames?: StepFrames): void;
  /** Reports a clip of an audit. */
  clip(report: ClipReport): void;
  /**
   * To be awaited between steps, and between the parts of one: waits while the job is paused.
   * @throws {JobCanceled} when the job was cancelled
   * @throws {JobParked} when its worker is to be given up; what was handed to `keep` last is on the disk then
   */
  betweenSteps(): Promise<void>;
  /** What an earlier worker kept, if anything that can be read. */
  kept(): Promise<Snapshot | null>;
  /** To be awaited before each step with what the job is then; it goes to the disk now and then. */
  keep(snapshot: Snapshot): Promise<void>;
  /**
   * To be awaited before each step: makes the changes that are to have effect from `iteration` (from 1) on, in order. One for
   * which `change` throws a NeuroreelError is recorded as refused, and the job goes on without it.
   */
  steer(iteration: number, change: (steering: Steering) => void | Promise<void>): Promise<void>;
  /** Changes that had effect by `iteration`, in order: for a job that goes on after it. */
  steeringUpTo(iteration: number): Steering[];
  /** Every change that has had effect so far, for the report. */
  readonly steered: Job['steering'];
  /** Something for the log. */
  note(message: string): void;
  /** The frames are final and are being encoded: `frames` of `of` so far (of an audit: files). To be called with 0 first. */
  encoding(frames: number, of: number): void;
}

export interface JobModule {
  /** Loads what every job of the kind needs, in a worker that has no job yet; what it throws is of no consequence. */
  prepare?(settings: unknown): Promise<void>;
  /** Does the job; returning makes it succeed, throwing makes it fail (or canceled, for a {@link JobCanceled}). */
  run(context: JobContext): Promise<void>;
}

/** Thrown in a worker when it is to end, and its job is to go on later in another one. */
export class JobParked extends Error {
  override readonly name = 'JobParked';

  constructor() {
    super('The job was set aside.');
  }
}

/** Thrown in a worker when its job was cancelled. */
export class JobCanceled extends Error {
  override readonly name = 'JobCanceled';

  constructor() {
    super('The job was cancelled.');
  }
}
