/** Failures that no part of the page shows itself: the shell does, or asks for the token. */
import { signal } from '@preact/signals';
import { ClientError } from '../../js/errors.js';

export interface Failure {
  readonly message: string;
  readonly remedy: string;
}

export const trouble = signal<Failure | null>(null);
export const tokenNeeded = signal(false);

export function dismissTrouble(): void {
  trouble.value = null;
}

/** What to tell people about an error; the server's words where it has some. */
export function failureOf(error: unknown): Failure {
  if (error instanceof ClientError) return error;
  return { message: 'The server cannot be reached.', remedy: 'The page connects again by itself when it is back.' };
}

/**
 * Shows an error of the server, unless that is done in place. That it cannot be reached is said by the state of the
 * connection already.
 */
export function reportFailure(error: unknown, { shownInPlace = false } = {}): void {
  if (!(error instanceof ClientError) || error.code === 'SERVER_UNREACHABLE') return;
  if (error.code === 'TOKEN_REQUIRED') tokenNeeded.value = true;
  else if (!shownInPlace) trouble.value = error;
}
