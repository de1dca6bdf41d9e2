/**
 * Names and numbers that client and server agree on. Imports types only, so that small clients can take it as it is.
 */
import type { JobState } from './jobs.js';

/** Version of the protocol: of the HTTP interface under `/v1`, and the subprotocol of the stream. */
export const SUBPROTOCOL = 'neuroreel.v1';
/** Every answer over HTTP names the server's protocol in this header. */
export const PROTOCOL_HEADER = 'Neuroreel-Protocol';

export const STREAM_PATH = '/v1/stream';
/** A token may be offered as a second subprotocol: this prefix and the token in base64url. */
export const TOKEN_SUBPROTOCOL_PREFIX = 'neuroreel.token.';

/** Jobs that one connection may watch at a time, unless the server is set otherwise. */
export const MAX_SUBSCRIPTIONS = 64;

/** Close codes that the server uses (RFC 6455 and the IANA registry). */
export const CLOSE = { goingAway: 1001, policyViolated: 1008, messageTooLarge: 1009, tooSlow: 1013 } as const;

/** States that a job does not leave any more. */
export const FINAL_STATES = ['succeeded', 'failed', 'canceled'] as const satisfies readonly JobState[];

export function isFinal(state: JobState): boolean {
  return (FINAL_STATES as readonly JobState[]).includes(state);
}
