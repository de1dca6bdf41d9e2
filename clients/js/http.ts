/** Requests to the server over HTTP: token, errors in one form, and the check of the protocol's version. */
import { PROTOCOL_HEADER, SUBPROTOCOL } from '../../src/protocol/wire.js';
import type { ClientError } from './errors.js';
import { clientError, reportedError } from './errors.js';

export interface HttpOptions {
  /** Address of the server; may have a path, when it stands behind a proxy. Default: the page's, else port 8160 here. */
  readonly url?: string | URL;
  /** Secret that the server asks for. */
  readonly token?: string;
  /** Default: the global one. */
  readonly fetch?: typeof fetch;
}

export interface CallOptions {
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

const DEFAULT_URL = 'http://127.0.0.1:8160/';

function baseOf(url: string | URL | undefined): URL {
  const page = (globalThis as { document?: { baseURI: string } }).document?.baseURI;
  const base = new URL(url ?? page ?? DEFAULT_URL, page);
  if (!/^https?:$/.test(base.protocol)) throw new TypeError(`expected an http or https address, got ${base.href}`);
  base.search = '';
  base.hash = '';
  // Of a page, what follows the last slash is its file name.
  if (url !== undefined && !base.pathname.endsWith('/')) base.pathname += '/';
  return base;
}

function mismatch(message: string): ClientError {
  return clientError('PROTOCOL_MISMATCH', message);
}

/** An answer that is an error, as one. */
async function errorOf(response: Response, url: URL): Promise<ClientError> {
  const body = (await response.json().catch(() => null)) as { error?: unknown } | null;
  const seconds = Number(response.headers.get('retry-after') ?? NaN);
  const more = { status: response.status, ...(seconds > 0 && { retryAfterSeconds: seconds }) };
  const reported = reportedError(body?.error, more);
  if (reported !== null) return reported;
  // A proxy in between answers for a server that is down.
  if (response.status >= 502 && response.status <= 504) {
    return clientError('SERVER_UNREACHABLE', `${url.origin} answered ${response.status}: the server is not there.`);
  }
  return mismatch(`${url.href} answered ${response.status}, and not as a neuroreel server does.`);
}

type QueryValue = string | number | readonly string[] | undefined;

/** `?a=1&b=x,y`, without what is undefined; lists with commas. */
export function queryOf(values: Readonly<Record<string, QueryValue>>): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) {
    if (value !== undefined) query.set(name, String(value));
  }
  return query.size === 0 ? '' : `?${query.toString()}`;
}

export class Http {
  readonly base: URL;
  readonly #token: string | undefined;
  readonly #fetch: typeof fetch;

  constructor({ url, token, fetch: own }: HttpOptions) {
    this.base = baseOf(url);
    this.#token = token;
    // Called as a method of anything but the global object, browsers refuse it.
    this.#fetch = own ?? ((input, init) => fetch(input, init));
  }

  get hasToken(): boolean {
    return this.#token !== undefined;
  }

  /** @param path as the server names it, `/v1/...`, with or without a query */
  address(path: string): URL {
    return new URL(path.replace(/^\//, ''), this.base);
  }

  /**
   * The answer, if it is none of an error.
   * @throws {ClientError} what the server reports; SERVER_UNREACHABLE; PROTOCOL_MISMATCH
   */
  async call(method: string, path: string, { body, headers, signal }: CallOptions = {}): Promise<Response> {
    const url = this.address(path);
    const response = await this.#send(url, {
      method,
      headers: {
        ...(body !== undefined && { 'Content-Type': 'application/json' }),
        ...(this.#token !== undefined && { Authorization: `Bearer ${this.#token}` }),
        ...headers,
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      ...(signal !== undefined && { signal }),
    });
    // Absent: a proxy answered, or a page may not see it.
    const spoken = response.headers.get(PROTOCOL_HEADER);
    if (spoken !== null && spoken !== SUBPROTOCOL) {
      throw mismatch(`The server at ${this.base.origin} speaks ${spoken.slice(0, 100)}, this client ${SUBPROTOCOL}.`);
    }
    if (!response.ok) throw await errorOf(response, url);
    return response;
  }

  /** The same for answers in JSON. */
  async json<T>(method: string, path: string, options: CallOptions = {}): Promise<T> {
    const response = await this.call(method, path, options);
    try {
      return (await response.json()) as T;
    } catch (cause) {
      options.signal?.throwIfAborted();
      if (cause instanceof SyntaxError) throw mismatch(`${this.address(path).href} did not answer in JSON.`);
      throw clientError('SERVER_UNREACHABLE', `The connection to ${this.base.origin} broke.`, cause);
    }
  }

  async #send(url: URL, init: RequestInit): Promise<Response> {
    try {
      return await this.#fetch(url, init);
    } catch (cause) {
      init.signal?.throwIfAborted();
      throw clientError('SERVER_UNREACHABLE', `No server answers at ${url.origin}.`, cause);
    }
  }
}
