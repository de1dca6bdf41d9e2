/** How the process ends: a few exit codes that scripts can go by, and the one that belongs to each error. */
import type { ErrorCode } from '../../src/protocol/index.js';

export const EXIT = { ok: 0, internal: 1, usage: 2, model: 3, environment: 4, failed: 5, interrupted: 130 } as const;

export type Exit = (typeof EXIT)[keyof typeof EXIT];

/** What the codes mean, for `--help` and docs/cli.md. */
export const EXIT_MEANINGS: Readonly<Record<Exit, string>> = {
  0: 'done',
  1: 'neuroreel failed in a way it did not expect',
  2: 'the command line or its input is wrong',
  3: 'a model or unit is unknown, or a model is broken',
  4: 'the machine lacks something: ffmpeg, a runtime, a free port, a folder to write to, a server that answers',
  5: 'the work itself failed',
  130: 'interrupted',
};

const { internal, usage, model, environment, failed, interrupted } = EXIT;

/** The exit code of each error. */
export const EXIT_CODES: Readonly<Record<ErrorCode, Exit>> = {
  INTERNAL: internal,
  // These say that client and server disagree about the protocol.
  ROUTE_UNKNOWN: internal,
  METHOD_NOT_ALLOWED: internal,
  ARTIFACT_UNKNOWN: internal,
  RANGE_UNSATISFIABLE: internal,
  MESSAGE_INVALID: internal,
  MESSAGE_TOO_LARGE: internal,
  UPGRADE_REQUIRED: internal,

  REQUEST_INVALID: usage,
  REQUEST_MALFORMED: usage,
  BODY_TOO_LARGE: usage,
  CONFIG_INVALID: usage,
  BIND_NEEDS_TOKEN: usage,
  TOKEN_REQUIRED: usage,
  SCOPE_REQUIRED: usage,
  JOB_UNKNOWN: usage,
  JOB_ID_TAKEN: usage,
  JOB_STATE_CONFLICT: usage,
  IDEMPOTENCY_KEY_REUSED: usage,
  WEBHOOK_REFUSED: usage,
  STEER_UNSUPPORTED: usage,
  MODEL_EXISTS: usage,
  RECIPE_UNKNOWN: usage,
  RECIPE_INVALID: usage,
  CONDITION_UNKNOWN: usage,
  AUDIT_NO_CLIPS: usage,
  VIDEO_UNREADABLE: usage,
  VIDEO_TOO_LARGE: usage,
  IMAGE_UNREADABLE: usage,

  MODEL_UNKNOWN: model,
  MODEL_INVALID: model,
  MODEL_HASH_MISMATCH: model,
  MODEL_FORMAT_UNSUPPORTED: model,
  UNIT_UNKNOWN: model,
  GRAPH_INVALID: model,
  DOWNLOAD_REFUSED: model,

  RUNTIME_UNAVAILABLE: environment,
  FFMPEG_MISSING: environment,
  PORT_IN_USE: environment,
  DISK_FULL: environment,
  STORE_INCOMPATIBLE: environment,
  ADDRESS_UNAVAILABLE: environment,
  DATA_FOLDER_UNWRITABLE: environment,
  DATA_FOLDER_IN_USE: environment,
  OUTPUT_UNWRITABLE: environment,
  JOB_RECORD_INVALID: environment,
  HOST_REFUSED: environment,
  ORIGIN_REFUSED: environment,
  QUEUE_FULL: environment,
  STREAM_LIMIT: environment,
  RATE_LIMITED: environment,
  SUBPROTOCOL_UNSUPPORTED: environment,
  VIEWER_TOO_SLOW: environment,
  SHUTTING_DOWN: environment,
  SERVER_UNREACHABLE: environment,
  PROTOCOL_MISMATCH: environment,
  DOWNLOAD_FAILED: environment,

  FFMPEG_FAILED: failed,
  SCORES_INVALID: failed,
  TRAINING_DATA_INVALID: usage,
  TRAINING_DIVERGED: failed,
  JOB_INTERRUPTED: failed,
  WORKER_STALLED: failed,
  BATCH_INCOMPLETE: failed,
  CHECKPOINT_INVALID: failed,
  WORKER_DIED: failed,

  INTERRUPTED: interrupted,
};
