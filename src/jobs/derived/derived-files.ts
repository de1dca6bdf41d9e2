/**
 * Files that are made of others when they are first asked for: thumbnails, previews, tables. The folder holds at most so many
 * bytes; what was longest unused goes first. It may be removed at any time.
 */
import { randomUUID } from 'node:crypto';
import { mkdir, readdir, rename, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { diskError } from '../store/disk.js';
import { Turns } from '../turns.js';

/** Bytes that are kept unless told otherwise, 256 MiB. */
const MOST_BYTES = 2 ** 28;
/** Files that are made at a time; and that may wait, beyond which requests are refused. */
const AT_A_TIME = 2;
const MOST_WAITING = 2000;
/** Files made between two looks at how much there is. */
const LOOK_EVERY = 50;

const KEY = /^[a-z0-9][a-z0-9.-]{0,199}$/;
const PART = '.part';

export interface DerivedOptions {
  /** Bytes that are kept. */
  readonly most?: number;
  readonly atATime?: number;
}

export class DerivedFiles {
  readonly #folder: string;
  readonly #most: number;
  /** What is being made, by key, so that it is made once. */
  readonly #making = new Map<string, Promise<string>>();
  readonly #turns: Turns;
  #made = 0;

  /** @param folder made when it is first needed */
  constructor(folder: string, { most = MOST_BYTES, atATime = AT_A_TIME }: DerivedOptions = {}) {
    this.#folder = folder;
    this.#most = most;
    this.#turns = new Turns({ atATime, mostWaiting: MOST_WAITING, what: 'pictures' });
  }

  /**
   * The path of the file of that key, which is made if it is not there.
   * @param key says all that the content depends on; small letters, digits, dots and dashes
   * @param make writes the file to the path that it is given
   * @throws {NeuroreelError} STREAM_LIMIT when too many wait; what `make` throws; DISK_FULL, DATA_FOLDER_UNWRITABLE
   */
  async get(key: string, make: (path: string) => Promise<void>): Promise<string> {
    if (!KEY.test(key)) throw new RangeError(`"${key}" is no key of a file.`);
    const path = join(this.#folder, key);
    if (await isThere(path)) return path;
    const underWay = this.#making.get(key);
    if (underWay !== undefined) return underWay;
    const made = this.#turns.take(() => this.#make(path, make)).finally(() => this.#making.delete(key));
    this.#making.set(key, made);
    return made;
  }

  async #make(path: string, make: (path: string) => Promise<void>): Promise<string> {
    const temporary = join(this.#folder, `.${randomUUID()}${PART}`);
    try {
      await mkdir(this.#folder, { recursive: true }).catch((error: unknown) => {
        throw diskError(this.#folder, error);
      });
      if (this.#made++ % LOOK_EVERY === 0) await this.#makeRoom();
      await make(temporary);
      await rename(temporary, path);
      return path;
    } finally {
      await rm(temporary, { force: true });
    }
  }

  async #makeRoom(): Promise<void> {
    const found: { path: string; size: number; used: number }[] = [];
    for (const name of await readdir(this.#folder)) {
      if (name.endsWith(PART)) continue;
      const path = join(this.#folder, name);
      const facts = await stat(path).catch(() => null);
      if (facts?.isFile()) found.push({ path, size: facts.size, used: facts.mtimeMs });
    }
    let held = found.reduce((sum, { size }) => sum + size, 0);
    for (const { path, size } of found.sort((a, b) => a.used - b.used)) {
      if (held <= this.#most) return;
      await rm(path, { force: true });
      held -= size;
    }
  }
}

/** A file that is there counts as used now. */
async function isThere(path: string): Promise<boolean> {
  const now = new Date();
  return utimes(path, now, now).then(
    () => true,
    () => false,
  );
}
