/**
 * Tokens and what each may do. Only hashes of them are kept: whoever reads the memory or the file of a server finds no
 * token in it.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { NeuroreelError } from '../protocol/index.js';

/** What a token may do; each includes those before it. */
export const SCOPES = ['view', 'run', 'admin'] as const;
export type Scope = (typeof SCOPES)[number];

export interface TokenHash {
  readonly scope: Scope;
  /** SHA-256 of the token, hexadecimal. */
  readonly sha256: string;
}

export const MIN_TOKEN_LENGTH = 16;
export const MAX_TOKEN_LENGTH = 512;
const MAX_TOKENS = 1000;

const HASH = /^sha256:([0-9a-f]{64})$/i;

export function hashToken(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}

/** Whether somebody with scope `has` may do what needs `needs`. */
export function covers(has: Scope, needs: Scope): boolean {
  return SCOPES.indexOf(has) >= SCOPES.indexOf(needs);
}

/**
 * The widest scope of the tokens that match; null when none does. Compares with every hash, each in constant time, so that
 * the time taken says nothing about the tokens.
 */
export function scopeOf(token: string, tokens: readonly TokenHash[]): Scope | null {
  const given = Buffer.from(hashToken(token), 'hex');
  let found: Scope | null = null;
  for (const { scope, sha256 } of tokens) {
    const same = timingSafeEqual(given, Buffer.from(sha256, 'hex'));
    if (same && (found === null || covers(scope, found))) found = scope;
  }
  return found;
}

/**
 * One token as `scope:secret` or `scope:sha256:HEX` (the hash of the secret).
 * @param where for the message: a variable or a line of a file; the text itself is never shown
 * @throws {NeuroreelError} CONFIG_INVALID
 */
export function parseToken(text: string, where: string): TokenHash {
  const [, scope, secret] = /^(\w+)[:\s]\s*(\S+)$/.exec(text.trim()) ?? [];
  if (scope === undefined || secret === undefined || !(SCOPES as readonly string[]).includes(scope)) {
    throw new NeuroreelError('CONFIG_INVALID', `${where}: expected one of ${SCOPES.join(', ')}, a colon and a token.`);
  }
  const hash = HASH.exec(secret)?.[1];
  if (hash !== undefined) return { scope: scope as Scope, sha256: hash.toLowerCase() };
  if (secret.length < MIN_TOKEN_LENGTH || secret.length > MAX_TOKEN_LENGTH) {
    const range = `${MIN_TOKEN_LENGTH} to ${MAX_TOKEN_LENGTH}`;
    throw new NeuroreelError('CONFIG_INVALID', `${where}: expected a token of ${range} characters.`);
  }
  return { scope: scope as Scope, sha256: hashToken(secret) };
}

/**
 * The tokens of a file: one a line, as {@link parseToken} takes them; empty lines and lines with `#` are left out.
 * @throws {NeuroreelError} CONFIG_INVALID
 */
export function readTokensFile(path: string): TokenHash[] {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    throw new NeuroreelError('CONFIG_INVALID', `The file of tokens ${path} cannot be read.`, { cause });
  }
  const lines = text.split('\n').map((line, index) => ({ line: line.trim(), where: `${path}, line ${index + 1}` }));
  const tokens = lines.flatMap(({ line, where }) =>
    line === '' || line.startsWith('#') ? [] : parseToken(line, where),
  );
  if (tokens.length === 0 || tokens.length > MAX_TOKENS) {
    throw new NeuroreelError('CONFIG_INVALID', `${path}: expected 1 to ${MAX_TOKENS} tokens, got ${tokens.length}.`);
  }
  return tokens;
}
