/**
 * The file that scores of real examples are kept in, one line each: what was scored once by a model is not scored again, as
 * long as its content is the same.
 */
import { appendFile, mkdir, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { z } from 'zod';
import type { ScoredExample } from './contract.js';

const line = z.strictObject({
  id: z.string().describe('SHA-256 of the content.'),
  /** Tells a file that was hashed before without reading it. */
  stamp: z.string().nullable(),
  frames: z.int().min(1),
  answer: z.int().min(0),
  activations: z.string().describe('Float32 numbers, little-endian, as base64.'),
});

export type KnownScore = Omit<ScoredExample, 'name' | 'label'>;

/** Where a file is and how it looks from outside: name, size, time of its last change. */
export const stampOf = (name: string, { size, mtimeMs }: { size: number; mtimeMs: number }): string =>
  JSON.stringify([name, size, mtimeMs]);

export class ScoreFile {
  readonly #path: string;
  readonly #byId = new Map<string, KnownScore>();
  readonly #idOf = new Map<string, string>();

  private constructor(path: string) {
    this.#path = path;
  }

  /** Reads what is there; lines that are damaged, or are of another number of units, are left out. */
  static async open(path: string, units: number): Promise<ScoreFile> {
    const file = new ScoreFile(path);
    const text = await readFile(path, 'utf8').catch(() => '');
    for (const one of text.split('\n')) {
      const found = one === '' ? null : parse(one);
      if (found === null) continue;
      const bytes = Buffer.from(found.activations, 'base64');
      if (bytes.length !== units * 4 || found.answer >= units) continue;
      const activations = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
      const { id, frames, answer } = found;
      file.#byId.set(id, { id, frames, answer, activations });
      if (found.stamp !== null) file.#idOf.set(found.stamp, found.id);
    }
    return file;
  }

  /** The score of a file with this stamp, without looking into it. */
  byStamp(stamp: string): KnownScore | null {
    const id = this.#idOf.get(stamp);
    return id === undefined ? null : this.byId(id);
  }

  byId(id: string): KnownScore | null {
    return this.#byId.get(id) ?? null;
  }

  /** Adds a score, or another stamp of one that is known. */
  async add(score: KnownScore, stamp: string | null): Promise<void> {
    const { id, frames, answer, activations } = score;
    this.#byId.set(id, score);
    if (stamp !== null) this.#idOf.set(stamp, id);
    const bytes = Buffer.from(activations.buffer, activations.byteOffset, activations.byteLength);
    const entry: z.output<typeof line> = { id, stamp, frames, answer, activations: bytes.toString('base64') };
    await mkdir(dirname(this.#path), { recursive: true });
    await appendFile(this.#path, `${JSON.stringify(entry)}\n`);
  }
}

function parse(text: string): z.output<typeof line> | null {
  try {
    return line.safeParse(JSON.parse(text)).data ?? null;
  } catch {
    return null;
  }
}
