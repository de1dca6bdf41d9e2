/** Lets web pages of the origins on the allow-list read answers (CORS); those of the server itself need nothing of it. */
import type { RequestHandler } from 'express';
import { PROTOCOL_HEADER } from '../protocol/index.js';
import type { Access } from './access.js';

const METHODS = 'GET, HEAD, POST, PUT, DELETE';
/** What clients send besides what any page may. */
const REQUEST_HEADERS = 'Authorization, Content-Type, Idempotency-Key, If-None-Match, If-Range, Range';
/** What clients read besides what any page may. */
const ANSWER_HEADERS = [
  ...['Accept-Ranges', 'Allow', 'Content-Disposition', 'Content-Range', 'ETag', 'Location', 'Retry-After'],
  PROTOCOL_HEADER,
].join(', ');
/** Seconds for which a browser need not ask again whether it may. */
const PREFLIGHT_SECONDS = 600;

/**
 * Names the page's origin in the answer when it is on the allow-list, and answers the question that browsers ask beforehand
 * (preflight), which carries no token. Never `*`, and no credentials of the browser: tokens are sent by the page.
 * To be used behind {@link Access.assertAddress}.
 */
export function cors(access: Pick<Access, 'hasAllowedOrigins' | 'allowedOrigin'>): RequestHandler {
  return (request, response, next) => {
    // Whatever the answer, it may be another one to another origin.
    if (access.hasAllowedOrigins) response.vary('Origin');
    const origin = access.allowedOrigin(request.headers);
    if (origin === null) {
      next();
      return;
    }
    response.set({ 'Access-Control-Allow-Origin': origin, 'Access-Control-Expose-Headers': ANSWER_HEADERS });
    if (request.method !== 'OPTIONS' || request.get('Access-Control-Request-Method') === undefined) {
      next();
      return;
    }
    response.set({
      'Access-Control-Allow-Methods': METHODS,
      'Access-Control-Allow-Headers': REQUEST_HEADERS,
      'Access-Control-Max-Age': String(PREFLIGHT_SECONDS),
    });
    response.status(204).end();
  };
}
