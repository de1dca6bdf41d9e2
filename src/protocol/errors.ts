/**
 * The catalogue of every error a user can meet: a stable code, an HTTP status, the process exit code of the command
 * line, what is wrong and what to do. `docs/errors.md` is kept in step with this table by a test.
 */

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
  MODEL_FORMAT_UNSUPPORTED: {
    status: 422,
    meaning: 'A model file holds layers or options that neuroreel cannot run.',
    remedy: 'The message names every one of them; export the model without them.',
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
  RUNTIME_UNAVAILABLE: {
    status: 503,
    meaning: 'The requested runtime cannot be loaded on this machine.',
    remedy: 'Leave --runtime at auto, or install the runtime as the message says.',
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
