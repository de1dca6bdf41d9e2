/**
 * Files by the SHA-256 of their content: DATA/blobs/ab/cd/abcd... The same content is kept once, whatever jobs have it
 * under whatever names.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { diskError } from './disk.js';
import type { FileWriter } from './files.js';

export interface StoredBlob {
  readonly sha256: string;
  readonly bytes: number;
}

const HASH = /^[0-9a-f]{64}$/;

export class Blobs {
  readonly #folder: string;
  readonly #files: FileWriter;

  constructor(folder: string, files: FileWriter) {
    this.#folder = folder;
    this.#files = files;
  }

  /** Where the content of a hash lies. */
  path(sha256: string): string {
    return join(this.#folder, sha256.slice(0, 2), sha256.slice(2, 4), sha256);
  }

  /**
   * Takes a complete file in; it is gone from where it was.
   * @throws {NeuroreelError} DISK_FULL, DATA_FOLDER_UNWRITABLE
   */
  async take(file: string): Promise<StoredBlob> {
    const hash = createHash('sha256');
    try {
      await pipeline(createReadStream(file), hash);
      const sha256 = hash.digest('hex');
      const { size: bytes } = await stat(file);
      const path = this.path(sha256);
      await mkdir(dirname(path), { recursive: true });
      await this.#files.move(file, path);
      return { sha256, bytes };
    } catch (cause) {
      throw diskError(this.#folder, cause);
    }
  }

  async remove(sha256: string): Promise<void> {
    await rm(this.path(sha256), { force: true });
  }

  /** Removes what no job has: left by a crash between the taking in and the record. Returns how many. */
  async sweep(isUsed: (sha256: string) => boolean): Promise<number> {
    const names = await readdir(this.#folder, { recursive: true }).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return [];
      throw error;
    });
    const stray = names.map((name) => name.split(/[\\/]/).at(-1)!).filter((name) => HASH.test(name) && !isUsed(name));
    for (const sha256 of stray) await this.remove(sha256);
    return stray.length;
  }
}
