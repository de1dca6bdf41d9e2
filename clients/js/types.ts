/** Types of the protocol that the SDK hands out, in the form in which clients send and get them. */
import type { z } from 'zod';
import type {
  ClientMessageInput,
  examplesQuery,
  frameView,
  jobQuery,
  jobSubmission,
  Job,
  JobKind,
  JobState,
  ServerMessage,
} from '../../src/protocol/index.js';
import type { ClientError } from './errors.js';

export type {
  ActivationHistory,
  Artifact,
  ErrorBody,
  ErrorCode,
  FrameCodec,
  FrameHeader,
  FrameKind,
  Health,
  Job,
  JobKind,
  JobProgress,
  JobRequest,
  JobState,
  JobWithHistory,
  ModelDetails,
  ModelLayers,
  ModelSummary,
  UnitExample,
  UnitExamples,
} from '../../src/protocol/index.js';

/** A request for a job as clients send it: fields with a default may be absent; `priority` and `webhook` may be there. */
export type JobSubmission = z.input<typeof jobSubmission>;

type Subscribe = Extract<ClientMessageInput, { type: 'subscribe' }>;
/** Which frames are wanted: `view`, `format`, `maxFps`, `quality`, `width`, `index`, `count`. */
export type FrameView = z.input<typeof frameView>;
/** How the evolution of a job that has ended is played: `rate`, `loop`. */
export type Replay = NonNullable<Subscribe['replay']>;
/** What can be changed of a running job: `rate`, `unit`, `penalties`. */
export type Steering = Extract<ClientMessageInput, { type: 'steer' }>['changes'];

/** Filters of the list of jobs. */
export interface JobFilter extends Omit<z.input<typeof jobQuery>, 'state' | 'kind' | 'limit'> {
  readonly state?: JobState | readonly JobState[];
  readonly kind?: JobKind | readonly JobKind[];
  /** Jobs in one answer at most, 1 to 1000 (200). */
  readonly limit?: number;
}

/** Which real examples are wanted: `unit`, `clips`, `limit`. */
export interface ExamplesFilter extends Omit<z.input<typeof examplesQuery>, 'limit'> {
  /** 1 to 100 (12). */
  readonly limit?: number;
}

/** A part of the list: `next` is the `cursor` of what follows, null at the end. */
export interface JobPage {
  readonly jobs: Job[];
  readonly next: string | null;
}

type Message<T extends ServerMessage['type']> = Extract<ServerMessage, { type: T }>;
export type StateEvent = Message<'state'>;
export type ProgressEvent = Message<'progress'>;
export type EndedEvent = Message<'ended'>;
export type DoneMessage = Message<'done'>;

/** Something went wrong about a job, for example a picture that could not be encoded; the watch goes on. */
export interface ErrorEvent {
  readonly type: 'error';
  readonly error: ClientError;
}

/** `idle` before anything is watched; `lost`: tries again in `retryInMs`. */
export type ConnectionState = 'idle' | 'connecting' | 'live' | 'lost';

export interface ConnectionEvent {
  readonly type: 'connection';
  readonly state: ConnectionState;
  /** Why it was lost. */
  readonly error?: ClientError;
  readonly retryInMs?: number;
}

/** What happens about a watched job. */
export type WatchEvent = StateEvent | ProgressEvent | EndedEvent | ErrorEvent | ConnectionEvent;
