/** Fetches a file: goes on where it broke off, takes no more bytes than allowed, tells how far it is. */
import { createWriteStream } from 'node:fs';
import { mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { dirname } from 'node:path';
import { Transform, type TransformCallback } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as wait } from 'node:timers/promises';
import { NeuroreelError } from '../../../src/protocol/index.js';
import { request } from './request.js';

export interface DownloadOptions {
  readonly url: string;
  /** Where it goes. What has come so far is kept in `to.part`, what says of which version it is in `to.version`. */
  readonly to: string;
  readonly maxBytes: number;
  readonly signal?: AbortSignal;
  /** @param total bytes in all, or null where the server does not say */
  readonly onProgress?: (done: number, total: number | null) => void;
  /** Milliseconds before it is tried again after it broke off; a second by default. */
  readonly retryAfterMs?: number;
}

/** Tries in a row of which none brought a byte. */
const MAX_FRUITLESS = 3;

const failed = (message: string, cause?: unknown): NeuroreelError =>
  new NeuroreelError('DOWNLOAD_FAILED', message, { cause });

const tooLarge = (url: string, maxBytes: number): NeuroreelError =>
  new NeuroreelError('DOWNLOAD_REFUSED', `${url} is larger than the ${maxBytes} bytes that are taken of it.`);

/** Lets bytes through up to a bound. */
export class Bound extends Transform {
  #left: number;
  readonly #refusal: () => Error;
  readonly #onBytes: (count: number) => void;

  constructor(bytes: number, refusal: () => Error, onBytes: (count: number) => void = () => undefined) {
    super();
    this.#left = bytes;
    this.#refusal = refusal;
    this.#onBytes = onBytes;
  }

  override _transform(chunk: Buffer, _: BufferEncoding, done: TransformCallback): void {
    this.#left -= chunk.length;
    if (this.#left < 0) return done(this.#refusal());
    this.#onBytes(chunk.length);
    done(null, chunk);
  }
}

const sizeOf = async (path: string): Promise<number> => (await stat(path).catch(() => null))?.size ?? 0;

/** What tells one version of a file from another: a strong ETag or a date. */
function versionOf({ headers }: IncomingMessage): string | null {
  const { etag } = headers;
  return etag !== undefined && !etag.startsWith('W/') ? etag : (headers['last-modified'] ?? null);
}

/** Where the bytes of an answer to a request for a part go, and how many there are in all. */
function placeOf(response: IncomingMessage): { start: number; total: number | null } {
  if (response.statusCode === 206) {
    const [, start, total] = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(response.headers['content-range'] ?? '') ?? [];
    if (start !== undefined) return { start: Number(start), total: total === '*' ? null : Number(total) };
  }
  const length = response.headers['content-length'];
  return { start: 0, total: length === undefined ? null : Number(length) };
}

/** One try. @returns whether the file is whole */
async function attempt(options: DownloadOptions): Promise<boolean> {
  const { url, to, maxBytes, signal, onProgress } = options;
  const [part, versionFile] = [`${to}.part`, `${to}.version`];
  const version = await readFile(versionFile, 'utf8').catch(() => '');
  // Without a version nobody knows whether what there is and what would come belong together.
  const have = version === '' ? 0 : await sizeOf(part);
  const headers: Record<string, string> = have > 0 ? { range: `bytes=${have}-`, 'if-range': version } : {};
  const response = await request(url, headers, signal);
  const status = response.statusCode!;
  if (status !== 200 && status !== 206) {
    response.resume();
    // Nothing is left to be had: all of it is there, or it is not what it was.
    if (status === 416) {
      const whole = response.headers['content-range'] === `bytes */${have}`;
      if (!whole) await rm(part, { force: true });
      return whole;
    }
    throw failed(`${url} cannot be fetched: the server answers with status ${status}.`);
  }
  const { start, total } = placeOf(response);
  const now = versionOf(response);
  if (start !== 0 && (start !== have || (now !== null && now !== version))) {
    response.destroy();
    await rm(part, { force: true });
    throw failed(`${url} cannot be fetched: the server sends another part than the one asked for.`);
  }
  if (total !== null && total > maxBytes) {
    response.destroy();
    throw tooLarge(url, maxBytes);
  }
  await writeFile(versionFile, now ?? '');
  let done = start;
  onProgress?.(done, total);
  const bound = new Bound(
    maxBytes - start,
    () => tooLarge(url, maxBytes),
    (count) => {
      done += count;
      onProgress?.(done, total);
    },
  );
  await pipeline(response, bound, createWriteStream(part, { flags: start > 0 ? 'a' : 'w' }), { signal });
  return total === null || done === total;
}

/** Whether another try may help. */
const mayPass = (error: unknown): boolean =>
  !(error instanceof NeuroreelError) && !['open', 'write'].includes((error as NodeJS.ErrnoException).syscall ?? '');

/**
 * Fetches `url` to `to`. What broke off goes on where it was, in the same call and in a later one, unless the file at the
 * address is another one by then.
 * @throws {NeuroreelError} DOWNLOAD_FAILED when it cannot be reached or keeps breaking off; DOWNLOAD_REFUSED when it is
 * larger than allowed; OUTPUT_UNWRITABLE; the reason of `signal` when that is aborted
 */
export async function download(options: DownloadOptions): Promise<void> {
  const { url, to, signal, retryAfterMs = 1000 } = options;
  const part = `${to}.part`;
  await mkdir(dirname(to), { recursive: true });
  for (let fruitless = 0; ;) {
    const before = await sizeOf(part);
    let trouble: unknown = new Error('it broke off');
    try {
      if (await attempt(options)) break;
    } catch (error) {
      if (signal?.aborted) throw signal.reason;
      if (error instanceof NeuroreelError && error.code === 'DOWNLOAD_REFUSED') await rm(part, { force: true });
      if (!mayPass(error)) throw error;
      trouble = error;
    }
    fruitless = (await sizeOf(part)) > before ? 0 : fruitless + 1;
    if (fruitless >= MAX_FRUITLESS) {
      throw failed(`${url} cannot be fetched: ${(trouble as Error).message}.`, trouble);
    }
    await wait(retryAfterMs, undefined, { signal }).catch((error: unknown) => {
      throw signal?.aborted ? signal.reason : error;
    });
  }
  await rename(part, to);
  await rm(`${to}.version`, { force: true });
}
