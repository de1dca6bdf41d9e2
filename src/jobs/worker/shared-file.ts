/**
 * Frames on their way from a worker to the server: a file in memory that both have open and that has no name, so that it is
 * gone with them. A pipe would hand them over in hundreds of pieces, for each of which both must be awake.
 */
import { closeSync, constants, openSync, read, unlinkSync, writeSync } from 'node:fs';
import { randomUUID } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const readAt = promisify(read);

/** Where the worker has it. */
export const SHARED_FD = 5;

const { O_CREAT, O_EXCL, O_RDWR } = constants;

function openNameless(folder: string): number | null {
  const path = join(folder, `neuroreel-${randomUUID()}`);
  try {
    const fd = openSync(path, O_CREAT | O_EXCL | O_RDWR, 0o600);
    unlinkSync(path);
    return fd;
  } catch {
    return null;
  }
}

/** The file, in the server. */
export class SharedFile {
  readonly fd: number;
  #reading: Promise<unknown> = Promise.resolve();
  #closed = false;

  private constructor(fd: number) {
    this.fd = fd;
  }

  /** Null where there can be none: frames go through the pipe then. */
  static create(): SharedFile | null {
    // Windows removes no file that is open.
    if (process.platform === 'win32') return null;
    const fd = openNameless('/dev/shm') ?? openNameless(tmpdir());
    return fd === null ? null : new SharedFile(fd);
  }

  /** The first bytes. */
  read(bytes: number): Promise<Uint8Array> {
    const reading = this.#read(bytes);
    this.#reading = reading.catch(() => undefined);
    return reading;
  }

  /** To be called once. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#reading;
    closeSync(this.fd);
  }

  async #read(bytes: number): Promise<Uint8Array> {
    // Its number may be another file's by now.
    if (this.#closed) throw new Error('The shared file is closed.');
    const into = new Uint8Array(bytes);
    for (let at = 0; at < bytes;) {
      const { bytesRead } = await readAt(this.fd, into, at, bytes - at, at);
      if (bytesRead === 0) throw new Error('The shared file is shorter than it should be.');
      at += bytesRead;
    }
    return into;
  }
}

/** In the worker: puts bytes at the start of the file. False where it has no room. */
export function share(bytes: Uint8Array): boolean {
  try {
    for (let at = 0; at < bytes.length;) at += writeSync(SHARED_FD, bytes, at, bytes.length - at, at);
    return true;
  } catch {
    return false;
  }
}
