/** Answers what Node cannot read as HTTP at all, in the form of every other error. */
import type { Duplex } from 'node:stream';
import { NeuroreelError } from '../protocol/index.js';
import { refuse } from './refuse.js';

/** What Node's parser found, in words. */
const REASONS: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: 'The headers of the request are too large.',
  ERR_HTTP_REQUEST_TIMEOUT: 'The request did not arrive in time.',
};

export function refuseBrokenRequest(error: NodeJS.ErrnoException, socket: Duplex): void {
  // A peer that reset the connection hears nothing any more.
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const reason = REASONS[error.code ?? ''] ?? 'What arrived is not an HTTP request.';
  refuse(socket, new NeuroreelError('REQUEST_MALFORMED', reason));
}
