/**
 * Model packages that clients bring: one file after another into a staging folder that nobody reads, and visible only
 * when the whole package was checked. File names are those that manifests allow, so that none leads out of the folder.
 */
import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { lstat, mkdir, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { NeuroreelError, packageFilePath, packageName, parseWith, type UploadedFile } from '../../protocol/index.js';
import { checkPackage } from './check-package.js';

/** Files of a package at most. */
const MAX_FILES = 4096;
/** Packages that may be on their way at a time. */
const MAX_STAGED = 16;

export interface UploadOptions {
  readonly dataFolder: string;
  /** Largest package, bytes. */
  readonly limitBytes: number;
  /** Names that are taken by packages of other folders. */
  readonly isTaken: (name: string) => boolean;
}

/** Where installed packages are: one of the folders of models of the server. */
export const uploadedModels = (dataFolder: string): string => join(dataFolder, 'models');

export class ModelUploads {
  readonly #options: UploadOptions;
  /** Names that are being written to or installed: one at a time. */
  readonly #busy = new Set<string>();

  constructor(options: UploadOptions) {
    this.#options = options;
  }

  /**
   * Writes one file of a package that is on its way.
   * @param path within the package, with / between folders
   * @param sha256 of the file, hexadecimal, as the client has it
   * @throws {NeuroreelError} REQUEST_INVALID, BODY_TOO_LARGE, MODEL_HASH_MISMATCH, MODEL_EXISTS, STREAM_LIMIT
   */
  async put(name: string, path: string, sha256: string, body: Readable): Promise<UploadedFile> {
    parseWith(packageName, name);
    parseWith(packageFilePath, path);
    this.#assertFree(name);
    return this.#alone(name, async () => {
      const staged = await this.#sizes(name);
      if (staged.files === 0) await this.#assertRoom();
      if (staged.files >= MAX_FILES)
        throw new NeuroreelError('BODY_TOO_LARGE', `A package has ${MAX_FILES} files at most.`);
      const target = join(this.#staging(name), path);
      const old = await lstat(target).catch(() => null);
      const left = this.#options.limitBytes - staged.bytes + (old?.size ?? 0);
      const temporary = join(this.#options.dataFolder, 'uploads', `.${name}.part`);
      try {
        await mkdir(dirname(target), { recursive: true });
        const bytes = await receive(body, temporary, { left, sha256, limit: this.#options.limitBytes });
        await rename(temporary, target);
        return { name, path, bytes, sha256 };
      } catch (error) {
        throw asClientError(error, path);
      } finally {
        await rm(temporary, { force: true });
      }
    });
  }

  /**
   * Checks a package that has arrived, every hash and graph of it, and makes it one of the server's models.
   * @throws {NeuroreelError} MODEL_UNKNOWN when no file of it has arrived, MODEL_EXISTS, MODEL_INVALID, MODEL_HASH_MISMATCH,
   *   GRAPH_INVALID
   */
  async install(name: string): Promise<void> {
    parseWith(packageName, name);
    this.#assertFree(name);
    await this.#alone(name, async () => {
      const staging = this.#staging(name);
      if ((await lstat(join(staging, 'model.json')).catch(() => null)) === null) {
        throw new NeuroreelError('MODEL_UNKNOWN', `No model.json of a package ${JSON.stringify(name)} was uploaded.`);
      }
      await checkPackage(staging);
      const folder = uploadedModels(this.#options.dataFolder);
      await mkdir(folder, { recursive: true });
      const target = join(folder, name);
      if ((await lstat(target).catch(() => null)) !== null) {
        throw new NeuroreelError('MODEL_EXISTS', `A broken package ${name} is in the way; remove it first.`);
      }
      await rename(staging, target);
    });
  }

  /** Removes a package that was uploaded, installed or on its way. @throws {NeuroreelError} MODEL_UNKNOWN */
  async remove(name: string): Promise<void> {
    parseWith(packageName, name);
    await this.#alone(name, async () => {
      const folders = [this.#staging(name), join(uploadedModels(this.#options.dataFolder), name)];
      const there = await Promise.all(folders.map((folder) => lstat(folder).catch(() => null)));
      if (there.every((found) => found === null)) {
        throw new NeuroreelError('MODEL_UNKNOWN', `No model named ${JSON.stringify(name)} was uploaded.`);
      }
      await Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true })));
    });
  }

  #staging(name: string): string {
    return join(this.#options.dataFolder, 'uploads', name);
  }

  #assertFree(name: string): void {
    if (!this.#options.isTaken(name)) return;
    throw new NeuroreelError('MODEL_EXISTS', `There is a model named ${JSON.stringify(name)} already.`);
  }

  async #assertRoom(): Promise<void> {
    const staged = await readdir(join(this.#options.dataFolder, 'uploads')).catch(() => []);
    if (staged.length < MAX_STAGED) return;
    throw new NeuroreelError('STREAM_LIMIT', `${MAX_STAGED} packages are being uploaded already.`);
  }

  async #sizes(name: string): Promise<{ files: number; bytes: number }> {
    const folder = this.#staging(name);
    const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
    let bytes = 0;
    const files = entries.filter((entry) => entry.isFile());
    for (const file of files) bytes += (await lstat(join(file.parentPath ?? file.path, file.name))).size;
    return { files: files.length, bytes };
  }

  async #alone<T>(name: string, work: () => Promise<T>): Promise<T> {
    if (this.#busy.has(name)) {
      throw new NeuroreelError('STREAM_LIMIT', `The package ${name} is being written to; one file at a time.`);
    }
    this.#busy.add(name);
    try {
      return await work();
    } finally {
      this.#busy.delete(name);
    }
  }
}

/** What is the client's fault, as an error of the catalogue; anything else as it is. */
function asClientError(error: unknown, path: string): unknown {
  const { code } = error as NodeJS.ErrnoException;
  if (['EEXIST', 'ENOTDIR', 'EISDIR', 'ENOTEMPTY'].includes(code ?? '')) {
    return new NeuroreelError('REQUEST_INVALID', `path: ${path} is a file and a folder at once.`, { cause: error });
  }
  if (code === 'ECONNRESET' || code === 'ERR_STREAM_PREMATURE_CLOSE') {
    return new NeuroreelError('REQUEST_MALFORMED', 'The upload broke off.', { cause: error });
  }
  return error;
}

/** Writes a body to a file while it is hashed and counted. */
async function receive(
  body: Readable,
  path: string,
  { left, sha256, limit }: { left: number; sha256: string; limit: number },
): Promise<number> {
  const hash = createHash('sha256');
  let bytes = 0;
  const meter = new Transform({
    transform(part: Buffer, _encoding, done) {
      bytes += part.byteLength;
      if (bytes > left) done(new NeuroreelError('BODY_TOO_LARGE', `A package may have ${limit} bytes in all.`));
      else {
        hash.update(part);
        done(null, part);
      }
    },
  });
  await mkdir(dirname(path), { recursive: true });
  await pipeline(body, meter, createWriteStream(path));
  const found = hash.digest('hex');
  if (found !== sha256) {
    throw new NeuroreelError('MODEL_HASH_MISMATCH', `The file that arrived has the SHA-256 ${found}, not ${sha256}.`);
  }
  return bytes;
}
