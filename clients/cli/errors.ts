/** Whatever goes wrong in a command as one error of the catalogue. */
import { CommanderError } from 'commander';
import { asNeuroreelError, ERRORS, NeuroreelError, type ErrorCode } from '../../src/protocol/index.js';
import { ClientError } from '../js/index.js';

/** Commander's errors that are none: help and version were asked for. */
const ASKED_FOR = ['commander.helpDisplayed', 'commander.help', 'commander.version'];

export function isHelp(error: unknown): boolean {
  return error instanceof CommanderError && ASKED_FOR.includes(error.code) && error.exitCode === 0;
}

/** `error: unknown option '--x'\n(Did you mean --y?)` as a sentence. */
function usageSentence(message: string): string {
  const text = message
    .replace(/^error: /, '')
    .replace(/\s*\n\s*/g, ' ')
    .trim();
  return `${text[0]?.toUpperCase() ?? ''}${text.slice(1)}`.replace(/[.)?]?$/, (end) => (end === '' ? '.' : end));
}

/** What a server reported; a newer one may have codes that this program does not know. */
function serverError({ code, message, details }: ClientError): NeuroreelError {
  if (code in ERRORS) return new NeuroreelError(code as ErrorCode, message, { details });
  return new NeuroreelError('PROTOCOL_MISMATCH', `The server says ${code}: ${message}`, { details });
}

export function cataloguedError(error: unknown): NeuroreelError {
  if (error instanceof CommanderError) {
    return new NeuroreelError('REQUEST_INVALID', usageSentence(error.message), { cause: error });
  }
  if (error instanceof ClientError) return serverError(error);
  return asNeuroreelError(error);
}

/** Runs what writes to `path`; a refusal of the system becomes OUTPUT_UNWRITABLE. */
export async function writing<T>(path: string, work: () => Promise<T> | T): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (cause instanceof NeuroreelError || (cause as NodeJS.ErrnoException).syscall === undefined) throw cause;
    throw new NeuroreelError('OUTPUT_UNWRITABLE', `${path} cannot be written: ${(cause as Error).message}.`, { cause });
  }
}
