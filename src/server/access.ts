/** Who may talk to the server: Host and Origin allow-lists, the token, and single-use tickets for WebSockets. */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { isIP } from 'node:net';
import { NeuroreelError, TOKEN_SUBPROTOCOL_PREFIX } from '../protocol/index.js';
import { isLoopback, type ServerConfig } from './config.js';

const TICKET_SECONDS = 30;
const MAX_TICKETS = 1000;

type AccessConfig = Pick<ServerConfig, 'host' | 'token' | 'allowedHosts' | 'allowedOrigins'>;

/** The host of a Host header without port and brackets, in lower case; null when it is none. */
export function hostName(header: string | undefined): string | null {
  const match = /^(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]+))(?::\d{1,5})?$/i.exec(header ?? '');
  return match === null ? null : (match[1] ?? match[2] ?? '').toLowerCase();
}

/** Hashes first, so that neither the time taken nor an exception depends on the length of the secret. */
function equalSecrets(a: string, b: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}

export class Access {
  readonly #config: AccessConfig;
  readonly #now: () => number;
  /** Expiry in milliseconds, by ticket; in order of issue, so the oldest come first. */
  readonly #tickets = new Map<string, number>();

  /** @param now milliseconds since 1970 */
  constructor(config: AccessConfig, now: () => number = Date.now) {
    this.#config = config;
    this.#now = now;
  }

  /**
   * Checks the Host header, and the Origin header if there is one. A page of the server itself is welcome, and those
   * of the allow-list; `null` (sandboxed pages, files) never is.
   * @throws {NeuroreelError} HOST_REFUSED, ORIGIN_REFUSED
   */
  assertAddress(headers: IncomingHttpHeaders): void {
    const host = hostName(headers.host);
    if (host === null || !this.#isHostAllowed(host)) {
      throw new NeuroreelError('HOST_REFUSED', `This server does not answer for the host ${quote(headers.host)}.`);
    }
    const { origin } = headers;
    if (origin !== undefined && !this.#isOriginAllowed(origin, headers.host ?? '')) {
      throw new NeuroreelError('ORIGIN_REFUSED', `Pages of the origin ${quote(origin)} may not use this server.`);
    }
  }

  /**
   * Checks the bearer token of an HTTP request, if the server has a token.
   * @throws {NeuroreelError} TOKEN_REQUIRED
   */
  assertToken(headers: IncomingHttpHeaders): void {
    const given = /^Bearer +(\S+) *$/i.exec(headers.authorization ?? '')?.[1];
    this.#assertSecret(given);
  }

  /**
   * Checks a WebSocket's right: a bearer token, a ticket (which is used up), or a token as second subprotocol.
   * @throws {NeuroreelError} TOKEN_REQUIRED
   */
  assertStream(headers: IncomingHttpHeaders, ticket: string | null, subprotocols: readonly string[]): void {
    if (ticket !== null) {
      const expires = this.#tickets.get(ticket);
      this.#tickets.delete(ticket);
      if (expires !== undefined && expires > this.#now()) return;
      throw new NeuroreelError('TOKEN_REQUIRED', 'The ticket is unknown, used or expired.');
    }
    const offered = subprotocols.find((name) => name.startsWith(TOKEN_SUBPROTOCOL_PREFIX));
    if (offered === undefined) {
      this.assertToken(headers);
      return;
    }
    const encoded = offered.slice(TOKEN_SUBPROTOCOL_PREFIX.length);
    this.#assertSecret(Buffer.from(encoded, 'base64url').toString('utf8'));
  }

  /**
   * A ticket that opens one WebSocket within 30 seconds.
   * @throws {NeuroreelError} STREAM_LIMIT when too many are unused
   */
  issueTicket(): { ticket: string; expiresAt: string } {
    for (const [ticket, expires] of this.#tickets) if (expires <= this.#now()) this.#tickets.delete(ticket);
    if (this.#tickets.size >= MAX_TICKETS) {
      throw new NeuroreelError('STREAM_LIMIT', `${MAX_TICKETS} tickets are unused already.`);
    }
    const ticket = randomBytes(24).toString('base64url');
    const expires = this.#now() + TICKET_SECONDS * 1000;
    this.#tickets.set(ticket, expires);
    return { ticket, expiresAt: new Date(expires).toISOString() };
  }

  #assertSecret(given: string | undefined): void {
    const { token } = this.#config;
    if (token === undefined || (given !== undefined && equalSecrets(given, token))) return;
    const what = given === undefined ? 'The request carries no token.' : 'The token is wrong.';
    throw new NeuroreelError('TOKEN_REQUIRED', what);
  }

  /** An address cannot be rebound as a name can, so beyond loopback every address of the machine will do. */
  #isHostAllowed(host: string): boolean {
    const { host: bound, allowedHosts } = this.#config;
    if (isLoopback(host) || host === bound.toLowerCase()) return true;
    if (!isLoopback(bound) && isIP(host) !== 0) return true;
    return allowedHosts.some((allowed) => allowed.toLowerCase() === host);
  }

  #isOriginAllowed(origin: string, host: string): boolean {
    if (origin === 'null') return false;
    const asked = originOf(origin);
    if (asked === null) return false;
    if (this.#config.allowedOrigins.some((allowed) => originOf(allowed) === asked)) return true;
    return asked === originOf(`http://${host}`) || asked === originOf(`https://${host}`);
  }
}

/** `scheme://host:port` of an http or https address, null for anything else. */
function originOf(address: string): string | null {
  if (!/^https?:\/\//i.test(address) || !URL.canParse(address)) return null;
  return new URL(address).origin;
}

function quote(text: string | undefined): string {
  return text === undefined ? '(none)' : JSON.stringify(text.slice(0, 100));
}
