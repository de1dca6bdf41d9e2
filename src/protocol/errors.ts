/**
 * The catalogue of every error a user can meet: a stable code, an HTTP status, the process exit code of the command
 * line, what is wrong and what to do. `docs/errors.md` is kept in step with this table by a test.
 */
import { CLIENT_ERRORS } from './client-errors.js';

interface ErrorEntry {
  /** HTTP status that the API answers with. */
  readonly status: number;
  /** What the error means in general (the thrown message says what it was this time). */
  readonly meaning: string;
  /** What the user can do. */
  readonly remedy: string;
}

export const ERRORS = {
  REQUEST_INVALID: {
    status: 400,
    meaning: 'A request, option or message does not match its schema.',
    remedy: 'Correct the fields that the message names.',
  },
  INTERNAL: {
    status: 500,
    meaning: 'neuroreel failed in a way it did not expect.',
    remedy: 'Look at the log; if it happens again, report it with the request that caused it.',
  },
  MODEL_UNKNOWN: {
    status: 404,
    meaning: 'No model package of that name is installed.',
    remedy: 'List the names with `neuroreel models`; set NEUROREEL_MODELS to add a folder of packages.',
  },
  MODEL_INVALID: {
    status: 422,
    meaning: "A model package's manifest, graph or weights are broken or contradict each other.",
    remedy: 'Import or retrain the model again; the message names the file and the field.',
  },
  MODEL_HASH_MISMATCH: {
    status: 422,
    meaning: "A model file's SHA-256 is not the one in its manifest.",
    remedy: 'The file was changed or damaged: restore it, or import the model again.',
  },
  MODEL_EXISTS: {
    status: 409,
    meaning: 'A model package would be written where there is one already.',
    remedy: 'Choose another name, or say that the old one is to be replaced.',
  },
  MODEL_FORMAT_UNSUPPORTED: {
    status: 422,
    meaning: 'A model file holds layers or options that neuroreel cannot run.',
    remedy: 'The message names every one of them; export the model without them.',
  },
  DOWNLOAD_FAILED: {
    status: 502,
    meaning:
      'A file of a published model cannot be fetched: nothing answers, it keeps breaking off, or no address is known.',
    remedy:
      'Run the same command again, which goes on where it broke off, or get the files by hand as the message says.',
  },
  DOWNLOAD_REFUSED: {
    status: 422,
    meaning: 'What was fetched is not what it should be: another hash, too large, or not in its archive.',
    remedy: 'Do not use it. Try again or elsewhere (`--from`); a hash that was given by hand may be mistyped.',
  },
  UNIT_UNKNOWN: {
    status: 404,
    meaning: 'The model has no unit of that name or index.',
    remedy: 'List the units with `neuroreel models NAME`.',
  },
  GRAPH_INVALID: {
    status: 422,
    meaning: 'A graph breaks a rule: shapes that do not fit, an unknown op, a cycle, a size out of bounds.',
    remedy: 'The message names the node and the rule.',
  },
  AUDIT_NO_CLIPS: {
    status: 422,
    meaning: 'None of the clips given to an audit can be scored.',
    remedy:
      'Give clips of at least two frames, in folders named as the labels of the model; the message says what was wrong.',
  },
  CONDITION_UNKNOWN: {
    status: 404,
    meaning: 'The audit has no condition of that name.',
    remedy: 'Take one of the names in the message.',
  },
  SCORES_INVALID: {
    status: 500,
    meaning: 'A recogniser gave scores that are not finite numbers, or not as many as it should.',
    remedy: 'Look at the weights of the model, and try another runtime.',
  },
  TRAINING_DATA_INVALID: {
    status: 422,
    meaning: 'The data that a recipe trains on is not there, or damaged.',
    remedy: 'Get the data set that the README of the recipe names, and name its folder as it says.',
  },
  TRAINING_DIVERGED: {
    status: 500,
    meaning: 'A training run lost its numbers: the loss became infinite or undefined.',
    remedy: "Lower the learning rate in the model's recipe, or go on from an earlier checkpoint.",
  },
  RECIPE_UNKNOWN: {
    status: 404,
    meaning: 'There is no recipe of that name or at that path.',
    remedy: 'List the recipes with `neuroreel train`, or give the path of a compiled recipe (.js).',
  },
  RECIPE_INVALID: {
    status: 422,
    meaning: 'A file does not export what a recipe consists of.',
    remedy:
      'Compare it with the interface `Recipe` in src/engine/training/recipe.ts; the message says what is missing.',
  },
  RUNTIME_UNAVAILABLE: {
    status: 503,
    meaning: 'The requested runtime or device does not work on this machine.',
    remedy:
      'Leave --runtime and --device at auto, or install what the message names; `neuroreel doctor` tries all there are.',
  },
  INTERRUPTED: {
    status: 503,
    meaning: 'A command was stopped before it was done, by Ctrl-C or by the system.',
    remedy: 'Run the same command again; what it keeps for that, if anything, is in the message.',
  },
  REQUEST_MALFORMED: {
    status: 400,
    meaning: 'A request could not be read: its JSON, its address or its encoding is broken.',
    remedy: 'Send valid JSON in UTF-8 with `Content-Type: application/json`, and percent-encode the address.',
  },
  BODY_TOO_LARGE: {
    status: 413,
    meaning: 'The body of a request is larger than the server takes.',
    remedy: 'Send a smaller body; the message names the limit.',
  },
  ROUTE_UNKNOWN: {
    status: 404,
    meaning: 'The server has nothing at that address.',
    remedy: 'Look up the address in docs/protocol.md.',
  },
  METHOD_NOT_ALLOWED: {
    status: 405,
    meaning: 'The address exists, but not for that HTTP method.',
    remedy: 'Use one of the methods in the `Allow` header of the answer.',
  },
  HOST_REFUSED: {
    status: 403,
    meaning: 'The `Host` header names a host that this server does not answer for (a guard against DNS rebinding).',
    remedy: 'Use the address that the server printed, or start it with NEUROREEL_ALLOWED_HOSTS naming the host.',
  },
  ORIGIN_REFUSED: {
    status: 403,
    meaning: 'A web page of a foreign origin, or of none (`null`), asked for something.',
    remedy:
      'Open the page that the server itself serves, or start it with NEUROREEL_ALLOWED_ORIGINS naming the origin.',
  },
  TOKEN_REQUIRED: {
    status: 401,
    meaning: 'The server was started with a token, and the request carries none or a wrong one.',
    remedy: 'Send `Authorization: Bearer TOKEN`; for a WebSocket see docs/protocol.md (ticket or subprotocol).',
  },
  SCOPE_REQUIRED: {
    status: 403,
    meaning: 'The token is right, but does not have the scope that the request needs (`view`, `run` or `admin`).',
    remedy: 'Use a token with the scope that the message names; docs/security.md lists what each may do.',
  },
  JOB_UNKNOWN: {
    status: 404,
    meaning: 'There is no job of that id.',
    remedy: 'List the ids with `GET /v1/jobs`.',
  },
  JOB_ID_TAKEN: {
    status: 409,
    meaning: 'A job of that id exists and was made from another request.',
    remedy: 'Choose another id, or send the request that made the job to get that job back.',
  },
  JOB_STATE_CONFLICT: {
    status: 409,
    meaning: 'The job is in a state that does not allow what was asked.',
    remedy: "Look at the job's state first; docs/protocol.md has the table of states.",
  },
  JOB_INTERRUPTED: {
    status: 500,
    meaning: 'The server stopped while the job was running.',
    remedy: 'Submit the same request again under a new id; with the same seed it gives the same video.',
  },
  JOB_RECORD_INVALID: {
    status: 500,
    meaning: "A job's record in the data folder cannot be read.",
    remedy: 'Restore or remove the folder of the job that the message names; the other jobs are not affected.',
  },
  QUEUE_FULL: {
    status: 429,
    meaning: 'As many jobs wait as the queue holds.',
    remedy: 'Try again when a job has finished (see `Retry-After`), or cancel one that waits.',
  },
  IDEMPOTENCY_KEY_REUSED: {
    status: 409,
    meaning: 'The `Idempotency-Key` was sent before, with another request.',
    remedy: 'Take a new key for a new request.',
  },
  BATCH_INCOMPLETE: {
    status: 500,
    meaning: 'Some jobs of a batch failed or were cancelled.',
    remedy: 'List them with `GET /v1/jobs?parent={id}`; `POST /v1/jobs/{id}/retry` runs them again.',
  },
  DISK_FULL: {
    status: 507,
    meaning: 'The disk of the data folder is full, or a quota is.',
    remedy: 'Free space, delete jobs, or set a limit (`--retention-size`); then retry the job.',
  },
  STORE_INCOMPATIBLE: {
    status: 500,
    meaning: 'The data folder was written by a newer neuroreel, or its store is damaged.',
    remedy: 'Use that version, restore a copy, or choose another folder (`--data`).',
  },
  WORKER_STALLED: {
    status: 500,
    meaning: 'The process that ran the job showed no sign of life for too long.',
    remedy: 'Raise `--stall-seconds` if one step takes that long; else look at the log and retry the job.',
  },
  CHECKPOINT_INVALID: {
    status: 500,
    meaning: 'What a job kept to go on from is damaged.',
    remedy: 'None is needed: the job starts from its beginning.',
  },
  WEBHOOK_REFUSED: {
    status: 403,
    meaning: 'A webhook points to an address of this machine or of a private network.',
    remedy: 'Use a public address, or start the server with `--allow-private-webhooks`.',
  },
  STEER_UNSUPPORTED: {
    status: 409,
    meaning: 'The job is of a kind, a preset or a state that cannot be steered like that.',
    remedy: 'Steer jobs of the kind video or image while they run; docs/protocol.md says what can be changed.',
  },
  WORKER_DIED: {
    status: 500,
    meaning: 'The process that ran the job ended without a result.',
    remedy: 'Submit the job again; if it happens again, look at the log, and at the memory that is free.',
  },
  ARTIFACT_UNKNOWN: {
    status: 404,
    meaning: 'The job has no artifact of that name.',
    remedy: 'List the names with `GET /v1/jobs/{id}/artifacts`; a job has its artifacts once it has succeeded.',
  },
  RANGE_UNSATISFIABLE: {
    status: 416,
    meaning: 'The `Range` header asks for bytes beyond the end of the artifact.',
    remedy: 'Ask for bytes within the size that the list of artifacts gives.',
  },
  MESSAGE_INVALID: {
    status: 400,
    meaning: 'A WebSocket message is not JSON in UTF-8, or does not match its schema.',
    remedy: 'Correct the fields that the message names; docs/protocol.md lists the messages.',
  },
  MESSAGE_TOO_LARGE: {
    status: 413,
    meaning: 'A WebSocket message is larger than 64 KiB. The connection is closed with 1009.',
    remedy: 'Send smaller messages.',
  },
  SUBPROTOCOL_UNSUPPORTED: {
    status: 400,
    meaning: 'A WebSocket was opened without a subprotocol that this server speaks.',
    remedy: 'Offer the subprotocol `neuroreel.v1`; a newer client needs a newer server.',
  },
  UPGRADE_REQUIRED: {
    status: 426,
    meaning: 'The address speaks WebSocket only.',
    remedy: 'Open it as a WebSocket with the subprotocol `neuroreel.v1`.',
  },
  STREAM_LIMIT: {
    status: 429,
    meaning: 'As many connections, subscriptions or tickets are open as the server takes.',
    remedy: 'Close some, or try again later.',
  },
  RATE_LIMITED: {
    status: 429,
    meaning: 'A client asks too often. A WebSocket is closed with 1008.',
    remedy: 'Wait as long as `Retry-After` says, and ask less often.',
  },
  VIEWER_TOO_SLOW: {
    status: 408,
    meaning: 'A viewer read so slowly that even its control messages piled up. The connection is closed with 1013.',
    remedy: 'Connect again; the answer to `subscribe` brings the present state.',
  },
  SHUTTING_DOWN: {
    status: 503,
    meaning: 'The server is being stopped and takes no new work.',
    remedy: 'Try again when it has been started again. WebSockets are closed with 1001.',
  },
  CONFIG_INVALID: {
    status: 400,
    meaning: 'An option or environment variable of the server is wrong.',
    remedy: 'Correct what the message names.',
  },
  BIND_NEEDS_TOKEN: {
    status: 400,
    meaning: 'The server was asked to listen beyond this machine without a token, so anybody could use it.',
    remedy:
      'Set NEUROREEL_TOKEN (or `--token`) to a secret of at least 16 characters, or listen on 127.0.0.1; `--insecure` lets anybody in.',
  },
  PORT_IN_USE: {
    status: 500,
    meaning: 'Another process listens on the port that the server was to use.',
    remedy: 'Stop the other process, or choose another port (`--port`, NEUROREEL_PORT; 0 takes any free one).',
  },
  ADDRESS_UNAVAILABLE: {
    status: 500,
    meaning: 'The server cannot listen on the address that was asked for.',
    remedy: 'Use an address of this machine and a port that the user may open.',
  },
  DATA_FOLDER_UNWRITABLE: {
    status: 500,
    meaning: 'The data folder cannot be made or written to.',
    remedy: 'Free space, give the user the right to write, or choose another folder (`--data`, NEUROREEL_DATA).',
  },
  FFMPEG_MISSING: {
    status: 503,
    meaning: 'No ffmpeg program can be found or started on this machine.',
    remedy:
      'Set FFMPEG_PATH to an ffmpeg (4.1 or newer, with libx264), install one on the system, or run `npm ci` again.',
  },
  FFMPEG_FAILED: {
    status: 500,
    meaning: 'ffmpeg ended with an error, was killed, or stopped responding.',
    remedy:
      'The message ends with what ffmpeg said; look at free disk space and memory, or set FFMPEG_PATH to another ffmpeg.',
  },
  VIDEO_UNREADABLE: {
    status: 422,
    meaning: 'A file is missing, empty, damaged, or not a video that ffmpeg can decode.',
    remedy: 'Check the path, and that the file plays; convert it to MP4 if its format is unusual.',
  },
  VIDEO_TOO_LARGE: {
    status: 413,
    meaning: "A video's frames need more memory than allowed.",
    remedy: 'Ask for fewer frames or a smaller size.',
  },
  ...CLIENT_ERRORS,
  OUTPUT_UNWRITABLE: {
    status: 500,
    meaning: 'A file or folder for results cannot be written.',
    remedy: 'Create the folder, correct its permissions, or choose another one.',
  },
  DATA_FOLDER_IN_USE: {
    status: 500,
    meaning: 'Another server works in the data folder.',
    remedy:
      'Stop it, or choose another folder (`--data`, NEUROREEL_DATA); if it is gone, remove the file that is named.',
  },
} as const satisfies Record<string, ErrorEntry>;

export type ErrorCode = keyof typeof ERRORS;

/** An error a user can meet. `message` says what is wrong this time; code, status and remedy come from the catalogue. */
export class NeuroreelError extends Error {
  override readonly name = 'NeuroreelError';
  readonly code: ErrorCode;
  readonly details: unknown;

  constructor(code: ErrorCode, message: string, options: { details?: unknown; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.details = options.details;
  }

  get status(): number {
    return ERRORS[this.code].status;
  }

  get remedy(): string {
    return ERRORS[this.code].remedy;
  }

  toJSON(): { code: ErrorCode; message: string; remedy: string; details?: unknown } {
    const { code, message, remedy, details } = this;
    return details === undefined ? { code, message, remedy } : { code, message, remedy, details };
  }
}

/** Any error as one of the catalogue: INTERNAL unless it is one already. */
export function asNeuroreelError(error: unknown): NeuroreelError {
  if (error instanceof NeuroreelError) return error;
  return new NeuroreelError('INTERNAL', error instanceof Error ? error.message : String(error), { cause: error });
}
