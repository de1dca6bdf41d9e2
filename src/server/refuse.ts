/** Answers on a bare socket, where there is no response object: refused upgrades and broken requests. */
import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import type { NeuroreelError } from '../protocol/index.js';

/** Sends the error as the rest of the API would, and ends the connection. */
export function refuse(socket: Duplex, error: NeuroreelError): void {
  const body = JSON.stringify({ error: error.toJSON() });
  socket.end(
    `HTTP/1.1 ${error.status} ${STATUS_CODES[error.status] ?? ''}\r\n` +
      'Connection: close\r\nContent-Type: application/json; charset=utf-8\r\n' +
      `X-Content-Type-Options: nosniff\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}
