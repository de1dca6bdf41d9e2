/**
 * Decoded frames on disk, so that a clip is decoded once however often it is looked at. The folder holds at most so many
 * bytes; what was longest unused goes first. A cache may be removed at any time, and a damaged file in it is as good as none.
 */
import { mkdir, open, readdir, readFile, rename, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';

export interface CachedFrames {
  readonly frames: number;
  readonly width: number;
  readonly height: number;
  /** What is to be told of how the frames were taken; empty for nothing. */
  readonly note: string;
  /** RGB bytes [frames, height, width, 3]. */
  readonly pixels: Uint8Array;
}

/** Bytes that the cache holds unless told otherwise, 2 GiB. */
export const DEFAULT_CACHE_BYTES = 2 ** 31;

const SUFFIX = '.frames';
const MAGIC = 'neuroreel frames 1';
/** Longest head of a file: magic and JSON on one line. */
const MOST_HEAD = 4096;

export class FrameCache {
  readonly #folder: string;
  readonly #most: number;
  /** Sizes by file name, the longest unused first; null until it was looked at. */
  #sizes: Map<string, number> | null = null;
  #total = 0;

  /**
   * @param folder made when it is first needed
   * @param most bytes that it may hold; 0 keeps nothing
   */
  constructor(folder: string, most = DEFAULT_CACHE_BYTES) {
    this.#folder = folder;
    this.#most = most;
  }

  /** What was put under the key; null when there is nothing, or nothing whole. */
  async get(key: string): Promise<CachedFrames | null> {
    const path = this.#path(key);
    const bytes = await readFile(path).catch(() => null);
    if (bytes === null) return null;
    const cached = parse(bytes);
    if (cached === null) await rm(path, { force: true });
    // So that it counts as used, for other processes as well.
    else await utimes(path, new Date(), new Date()).catch(() => undefined);
    return cached;
  }

  /** Keeps frames under a key of letters and digits. A disk that is full, or may not be written to, keeps nothing. */
  async put(key: string, { pixels, ...head }: CachedFrames): Promise<void> {
    if (pixels.length > this.#most / 2) return;
    const path = this.#path(key);
    const temporary = `${path}.${process.pid}.tmp`;
    try {
      await mkdir(this.#folder, { recursive: true });
      await this.#makeRoom(pixels.length + MOST_HEAD);
      const file = await open(temporary, 'w');
      try {
        await file.write(`${MAGIC} ${JSON.stringify(head)}\n`);
        await file.write(pixels);
      } finally {
        await file.close();
      }
      await rename(temporary, path);
      const { size } = await stat(path);
      this.#sizes?.set(`${key}${SUFFIX}`, size);
      this.#total += size;
    } catch {
      await rm(temporary, { force: true }).catch(() => undefined);
    }
  }

  #path(key: string): string {
    return join(this.#folder, `${key}${SUFFIX}`);
  }

  async #makeRoom(bytes: number): Promise<void> {
    this.#sizes ??= await this.#look();
    for (const [name, size] of this.#sizes) {
      if (this.#total + bytes <= this.#most) return;
      await rm(join(this.#folder, name), { force: true });
      this.#sizes.delete(name);
      this.#total -= size;
    }
  }

  async #look(): Promise<Map<string, number>> {
    const found: { name: string; size: number; used: number }[] = [];
    for (const name of await readdir(this.#folder)) {
      if (!name.endsWith(SUFFIX)) continue;
      const facts = await stat(join(this.#folder, name)).catch(() => null);
      if (facts?.isFile()) found.push({ name, size: facts.size, used: facts.mtimeMs });
    }
    found.sort((a, b) => a.used - b.used);
    this.#total = found.reduce((sum, { size }) => sum + size, 0);
    return new Map(found.map(({ name, size }) => [name, size]));
  }
}

function parse(bytes: Buffer): CachedFrames | null {
  const end = bytes.subarray(0, MOST_HEAD).indexOf('\n');
  const line = bytes.toString('utf8', 0, Math.max(0, end));
  if (end < 0 || !line.startsWith(`${MAGIC} `)) return null;
  try {
    const { frames, width, height, note } = JSON.parse(line.slice(MAGIC.length)) as Omit<CachedFrames, 'pixels'>;
    const pixels = new Uint8Array(bytes.buffer, bytes.byteOffset + end + 1, bytes.length - end - 1);
    if (pixels.length !== frames * width * height * 3 || typeof note !== 'string') return null;
    return { frames, width, height, note, pixels };
  } catch {
    return null;
  }
}
