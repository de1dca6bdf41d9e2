/** How the server answers: errors as the catalogue has them, and routes that know their methods. */
import type { ErrorRequestHandler, Request, RequestHandler, Response, Router } from 'express';
import type { Log } from '../jobs/manager.js';
import { diskError, isDiskFull } from '../jobs/store/disk.js';
import { NeuroreelError } from '../protocol/index.js';

/** Seconds that a client is asked to wait when something is full. */
const RETRY_AFTER_SECONDS = 10;

type Handler = (request: Request, response: Response) => void | Promise<void>;
type Method = 'get' | 'post' | 'put' | 'delete';

const registered = new WeakMap<Router, string[]>();

/** The routes that {@link route} was told of, as `METHOD /path`. */
export const routesOf = (router: Router, prefix = ''): string[] =>
  (registered.get(router) ?? []).map((entry) => entry.replace(' ', ` ${prefix}`));

/** Registers the handlers of one address; any other method is METHOD_NOT_ALLOWED with an `Allow` header. */
export function route(router: Router, path: string, handlers: Partial<Record<Method, Handler>>): void {
  const methods = Object.keys(handlers) as Method[];
  const allowed = methods.flatMap((m) => (m === 'get' ? ['GET', 'HEAD'] : [m.toUpperCase()])).join(', ');
  registered.set(router, [
    ...(registered.get(router) ?? []),
    ...methods.map((method) => `${method.toUpperCase()} ${path}`),
  ]);
  const at = router.route(path);
  for (const method of methods) at[method](handlers[method] as RequestHandler);
  at.all((request: Request, response: Response) => {
    response.set('Allow', allowed);
    throw new NeuroreelError('METHOD_NOT_ALLOWED', `${request.path} takes ${allowed}, not ${request.method}.`);
  });
}

/** Seconds until an address that asked too often is heard again. */
function retryAfter({ details }: NeuroreelError): number {
  const seconds = (details as { retryAfterSeconds?: unknown } | undefined)?.retryAfterSeconds;
  return typeof seconds === 'number' ? Math.max(1, seconds) : 60;
}

export function sendError(response: Response, error: NeuroreelError): void {
  if (error.code === 'QUEUE_FULL' || error.code === 'STREAM_LIMIT')
    response.set('Retry-After', String(RETRY_AFTER_SECONDS));
  if (error.code === 'RATE_LIMITED') response.set('Retry-After', String(retryAfter(error)));
  if (error.code === 'TOKEN_REQUIRED') response.set('WWW-Authenticate', 'Bearer realm="neuroreel"');
  // A handler may have set the headers of what it was about to send.
  response.set({ 'Content-Type': 'application/json; charset=utf-8', 'Cache-Control': 'no-store' });
  response.status(error.status).json({ error: error.toJSON() });
}

/** What express and its body parser throw carries a status and sometimes a type. */
interface HttpError {
  status?: unknown;
  type?: unknown;
  limit?: unknown;
  message?: unknown;
}

/** An error of express as one of the catalogue; null when it is not the client's fault. */
function fromHttpError({ status, type, limit, message }: HttpError): NeuroreelError | null {
  if (type === 'entity.too.large') {
    return new NeuroreelError('BODY_TOO_LARGE', `The body is larger than ${String(limit)} bytes.`);
  }
  if (type === 'entity.parse.failed') {
    return new NeuroreelError('REQUEST_MALFORMED', `The body is not valid JSON: ${String(message)}.`);
  }
  if (status === 416) {
    return new NeuroreelError('RANGE_UNSATISFIABLE', 'The range lies beyond the end of the artifact.');
  }
  if (typeof status === 'number' && status >= 400 && status < 500) {
    return new NeuroreelError('REQUEST_MALFORMED', `The request cannot be read: ${String(message)}.`);
  }
  return null;
}

/** The last handler of the app: every error leaves as `{ error: { code, message, remedy, details? } }`. */
export function errorHandler(log: Log): ErrorRequestHandler {
  return (error: unknown, request, response, next) => {
    // Half an answer is out (a download that broke): all that is left is to hang up, which express does.
    if (response.headersSent) {
      next(error);
      return;
    }
    if (error instanceof NeuroreelError) {
      sendError(response, error);
      return;
    }
    const known = isDiskFull(error) ? diskError('the data folder', error) : fromHttpError(error as HttpError);
    if (known !== null) {
      sendError(response, known);
      return;
    }
    log.error({ err: error, method: request.method, path: request.path }, 'a request failed');
    sendError(response, new NeuroreelError('INTERNAL', 'The server failed to answer; its log says why.'));
  };
}
