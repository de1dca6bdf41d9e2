/** Errors of the SDK: those that a server reports, and those that a client finds out by itself, in one form. */
import type { ErrorBody, ErrorCode } from '../../src/protocol/index.js';
import { CLIENT_ERRORS, type ClientErrorCode } from '../../src/protocol/client-errors.js';

interface ClientErrorOptions {
  readonly remedy: string;
  readonly status: number;
  readonly details?: unknown;
  readonly retryAfterSeconds?: number;
  readonly cause?: unknown;
}

/** An error with a stable code (docs/errors.md lists them), what is wrong (`message`) and what to do (`remedy`). */
export class ClientError extends Error {
  override readonly name = 'ClientError';
  /** One of the catalogue, or one of a newer server. */
  readonly code: ErrorCode | (string & {});
  readonly remedy: string;
  /** HTTP status of the answer, or the one that the catalogue has for the code. 0: not over HTTP. */
  readonly status: number;
  /** More for programs; depends on the code. */
  readonly details: unknown;
  /** After how long it is worth while to ask again, if the server said so (QUEUE_FULL, RATE_LIMITED). */
  readonly retryAfterSeconds: number | undefined;

  constructor(code: ErrorCode | (string & {}), message: string, options: ClientErrorOptions) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.remedy = options.remedy;
    this.status = options.status;
    this.details = options.details;
    this.retryAfterSeconds = options.retryAfterSeconds;
  }
}

/** An error that the client found out by itself. */
export function clientError(code: ClientErrorCode, message: string, cause?: unknown): ClientError {
  return new ClientError(code, message, { ...CLIENT_ERRORS[code], cause });
}

/** Whether a value has the form in which servers report errors. */
function isErrorBody(value: unknown): value is ErrorBody {
  const { code, message } = (value ?? {}) as Record<string, unknown>;
  return typeof code === 'string' && typeof message === 'string';
}

/** What a server reported; null when the value is no error of one. */
export function reportedError(
  body: unknown,
  more: { status?: number; retryAfterSeconds?: number } = {},
): ClientError | null {
  if (!isErrorBody(body)) return null;
  const { code, message, remedy, details } = body;
  return new ClientError(code, message, { remedy: String(remedy ?? ''), status: 0, details, ...more });
}

/** Codes after which it is of no use to connect again. */
const LASTING: readonly string[] = [
  'PROTOCOL_MISMATCH',
  'TOKEN_REQUIRED',
  'SCOPE_REQUIRED',
  'HOST_REFUSED',
  'ORIGIN_REFUSED',
  'SUBPROTOCOL_UNSUPPORTED',
];

/** Whether an error stays if the same is tried again. */
export const isLasting = (error: ClientError): boolean => LASTING.includes(error.code);
