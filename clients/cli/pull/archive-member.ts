/** Takes one file out of an archive. Only that one is written, to where the caller says, whatever its name there is. */
import { createReadStream, createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { extract } from 'tar-stream';
import { openPromise } from 'yauzl';
import { NeuroreelError } from '../../../src/protocol/index.js';
import { Bound } from './download.js';

export interface MemberOptions {
  /** A .zip or a .tar.gz. */
  readonly archive: string;
  /** Path in it; folders above it do not matter. */
  readonly member: string;
  /** File to write. */
  readonly to: string;
  /** Largest size of the member. */
  readonly maxBytes: number;
  readonly signal?: AbortSignal;
}

/** How much larger than the member everything before it in a .tar.gz may be. */
const OTHERS = 8;

const refused = (archive: string, what: string, cause?: unknown): NeuroreelError =>
  new NeuroreelError('DOWNLOAD_REFUSED', `The archive ${archive} ${what}.`, { cause });

/** Whether a path in an archive is the wanted one. @throws {NeuroreelError} for a path that leads out of the archive */
function isMember(path: string, { archive, member }: MemberOptions): boolean {
  const parts = path.split(/[/\\]/);
  if (/^([/\\]|[a-z]:)/i.test(path) || parts.includes('..')) {
    throw refused(archive, `holds a path that leads out of it, ${JSON.stringify(path.slice(0, 200))}`);
  }
  const plain = parts.filter((part) => part !== '' && part !== '.').join('/');
  return plain === member || plain.endsWith(`/${member}`);
}

async function write(
  from: NodeJS.ReadableStream,
  { archive, member, to, maxBytes, signal }: MemberOptions,
): Promise<void> {
  const bound = new Bound(maxBytes, () => refused(archive, `holds ${member} with more than ${maxBytes} bytes`));
  await pipeline(from, bound, createWriteStream(to), { signal });
}

async function fromZip(options: MemberOptions): Promise<boolean> {
  const zip = await openPromise(options.archive, { lazyEntries: true, autoClose: false });
  try {
    for await (const entry of zip.eachEntry()) {
      if (!isMember(entry.fileName, options) || entry.fileName.endsWith('/')) continue;
      await write(await zip.openReadStreamPromise(entry), options);
      return true;
    }
    return false;
  } finally {
    zip.close();
  }
}

async function fromTarGz(options: MemberOptions): Promise<boolean> {
  const { archive, maxBytes } = options;
  const entries = extract();
  const bound = new Bound(OTHERS * maxBytes, () => refused(archive, 'is larger than allowed when it is unpacked'));
  const reading = new AbortController();
  const read = pipeline(createReadStream(archive), createGunzip(), bound, entries, { signal: reading.signal });
  // Its error also ends the entries, whose reader throws it.
  read.catch(() => undefined);
  for await (const entry of entries) {
    const { name, type } = entry.header;
    if (isMember(name, options)) {
      if (type === 'file' || type === 'contiguous-file') {
        await write(entry as unknown as NodeJS.ReadableStream, options);
        reading.abort();
        return true;
      }
      if (type !== 'directory') throw refused(archive, `holds ${options.member} as a ${type}, not as a file`);
    }
    entry.resume();
  }
  await read;
  return false;
}

/**
 * Takes `member` out of `archive`.
 * @throws {NeuroreelError} DOWNLOAD_REFUSED when it is not there, too large or no file, or the archive is damaged or
 * holds paths that lead out of it; OUTPUT_UNWRITABLE; the reason of `signal` when that is aborted
 */
export async function takeMember(options: MemberOptions): Promise<void> {
  const { archive, member, to, signal } = options;
  try {
    if (await (archive.endsWith('.zip') ? fromZip(options) : fromTarGz(options))) return;
  } catch (error) {
    await rm(to, { force: true });
    if (signal?.aborted) throw signal.reason;
    if (error instanceof NeuroreelError || (error as NodeJS.ErrnoException).syscall === 'write') throw error;
    throw refused(archive, `cannot be read: ${(error as Error).message}`, error);
  }
  throw refused(archive, `has no file ${member}`);
}
