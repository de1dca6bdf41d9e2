/** Who may talk to the server: Host and Origin allow-lists, tokens with scopes, and single-use tickets for WebSockets. */
import { randomBytes } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { isIP } from 'node:net';
import { NeuroreelError, TOKEN_SUBPROTOCOL_PREFIX } from '../protocol/index.js';
import { Attempts } from './attempts.js';
import { isLoopback, type ServerConfig } from './config.js';
import { covers, scopeOf, type Scope } from './tokens.js';

const TICKET_SECONDS = 30;
const MAX_TICKETS = 1000;

type AccessConfig = Pick<
  ServerConfig,
  'host' | 'tokens' | 'allowedHosts' | 'allowedOrigins' | 'maxWrongTokensPerMinute'
>;

/** The host of a Host header without port and brackets, in lower case; null when it is none. */
export function hostName(header: string | undefined): string | null {
  const match = /^(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]+))(?::\d{1,5})?$/i.exec(header ?? '');
  return match === null ? null : (match[1] ?? match[2] ?? '').toLowerCase();
}

export class Access {
  readonly #config: AccessConfig;
  readonly #now: () => number;
  readonly #attempts: Attempts;
  /** By ticket, in order of issue, so that the oldest come first; `expires` in milliseconds. */
  readonly #tickets = new Map<string, { readonly expires: number; readonly scope: Scope }>();

  /** @param now milliseconds since 1970 */
  constructor(config: AccessConfig, now: () => number = Date.now) {
    this.#config = config;
    this.#now = now;
    this.#attempts = new Attempts(config.maxWrongTokensPerMinute, now);
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

  /** Whether pages of others may use the server at all. */
  get hasAllowedOrigins(): boolean {
    return this.#config.allowedOrigins.length > 0;
  }

  /** The origin that a request names, if it is one of the allow-list; null of the server's own pages and of no page. */
  allowedOrigin({ origin }: IncomingHttpHeaders): string | null {
    const asked = originOf(origin ?? '');
    return asked !== null && this.#isListed(asked) ? asked : null;
  }

  /**
   * What the bearer token of an HTTP request allows; everything when the server has no tokens.
   * @param address of the peer
   * @throws {NeuroreelError} TOKEN_REQUIRED, RATE_LIMITED
   */
  scopeOfRequest(headers: IncomingHttpHeaders, address: string): Scope {
    const given = /^Bearer +(\S+) *$/i.exec(headers.authorization ?? '')?.[1];
    return this.#scopeOfToken(given, address);
  }

  /**
   * What a WebSocket may do, by a bearer token, a ticket (which is used up), or a token as second subprotocol.
   * @throws {NeuroreelError} TOKEN_REQUIRED, RATE_LIMITED
   */
  scopeOfStream(
    headers: IncomingHttpHeaders,
    address: string,
    { ticket, subprotocols }: { ticket: string | null; subprotocols: readonly string[] },
  ): Scope {
    if (ticket !== null) return this.#redeem(ticket, address);
    const offered = subprotocols.find((name) => name.startsWith(TOKEN_SUBPROTOCOL_PREFIX));
    if (offered === undefined) return this.scopeOfRequest(headers, address);
    const encoded = offered.slice(TOKEN_SUBPROTOCOL_PREFIX.length);
    return this.#scopeOfToken(Buffer.from(encoded, 'base64url').toString('utf8'), address);
  }

  /**
   * A ticket that opens one WebSocket of that scope within 30 seconds.
   * @throws {NeuroreelError} STREAM_LIMIT when too many are unused
   */
  issueTicket(scope: Scope): { ticket: string; expiresAt: string } {
    for (const [ticket, { expires }] of this.#tickets) if (expires <= this.#now()) this.#tickets.delete(ticket);
    if (this.#tickets.size >= MAX_TICKETS) {
      throw new NeuroreelError('STREAM_LIMIT', `${MAX_TICKETS} tickets are unused already.`);
    }
    const ticket = randomBytes(24).toString('base64url');
    const expires = this.#now() + TICKET_SECONDS * 1000;
    this.#tickets.set(ticket, { expires, scope });
    return { ticket, expiresAt: new Date(expires).toISOString() };
  }

  #redeem(ticket: string, address: string): Scope {
    this.#attempts.assertAllowed(address);
    const found = this.#tickets.get(ticket);
    this.#tickets.delete(ticket);
    if (found !== undefined && found.expires > this.#now()) return found.scope;
    this.#attempts.fail(address);
    throw new NeuroreelError('TOKEN_REQUIRED', 'The ticket is unknown, used or expired.');
  }

  #scopeOfToken(given: string | undefined, address: string): Scope {
    const { tokens } = this.#config;
    if (tokens.length === 0) return 'admin';
    if (given === undefined) throw new NeuroreelError('TOKEN_REQUIRED', 'The request carries no token.');
    this.#attempts.assertAllowed(address);
    const scope = scopeOf(given, tokens);
    if (scope !== null) return scope;
    this.#attempts.fail(address);
    throw new NeuroreelError('TOKEN_REQUIRED', 'The token is wrong.');
  }

  /** An address cannot be rebound as a name can, so beyond loopback every address of the machine will do. */
  #isHostAllowed(host: string): boolean {
    const { host: bound, allowedHosts } = this.#config;
    if (isLoopback(host) || host === bound.toLowerCase()) return true;
    if (!isLoopback(bound) && isIP(host) !== 0) return true;
    return allowedHosts.some((allowed) => allowed.toLowerCase() === host);
  }

  #isListed(origin: string): boolean {
    return this.#config.allowedOrigins.some((allowed) => originOf(allowed) === origin);
  }

  #isOriginAllowed(origin: string, host: string): boolean {
    if (origin === 'null') return false;
    const asked = originOf(origin);
    if (asked === null) return false;
    if (this.#isListed(asked)) return true;
    return asked === originOf(`http://${host}`) || asked === originOf(`https://${host}`);
  }
}

/** @throws {NeuroreelError} SCOPE_REQUIRED */
export function assertScope(has: Scope, needs: Scope): void {
  if (covers(has, needs)) return;
  throw new NeuroreelError('SCOPE_REQUIRED', `This needs the scope ${needs}; the token has the scope ${has}.`);
}

/** `scheme://host:port` of an http or https address, null for anything else. */
function originOf(address: string): string | null {
  if (!/^https?:\/\//i.test(address) || !URL.canParse(address)) return null;
  return new URL(address).origin;
}

function quote(text: string | undefined): string {
  return text === undefined ? '(none)' : JSON.stringify(text.slice(0, 100));
}
