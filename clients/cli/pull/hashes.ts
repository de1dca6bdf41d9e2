/** Whether a file is the one that it should be. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { NeuroreelError } from '../../../src/protocol/index.js';

export interface Hashes {
  /** Hexadecimal. */
  readonly sha1: string;
  readonly sha256: string;
}

/** Both hashes of a file, read once. */
export async function hashesOf(path: string): Promise<Hashes> {
  const [sha1, sha256] = [createHash('sha1'), createHash('sha256')];
  for await (const chunk of createReadStream(path)) {
    sha1.update(chunk as Buffer);
    sha256.update(chunk as Buffer);
  }
  return { sha1: sha1.digest('hex'), sha256: sha256.digest('hex') };
}

/**
 * Compares with what is known.
 * @param what the file, for the message
 * @throws {NeuroreelError} DOWNLOAD_REFUSED
 */
export function checkHashes(what: string, found: Hashes, expected: Partial<Hashes>): void {
  for (const [kind, name] of [
    ['sha256', 'SHA-256'],
    ['sha1', 'SHA-1'],
  ] as const) {
    const wanted = expected[kind]?.toLowerCase();
    if (wanted === undefined || wanted === found[kind]) continue;
    throw new NeuroreelError('DOWNLOAD_REFUSED', `${what} has the ${name} ${found[kind]}, not ${wanted}.`);
  }
}
