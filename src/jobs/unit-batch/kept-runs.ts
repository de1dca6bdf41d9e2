/** Runs that were interrupted, kept in a folder: their arrays as safetensors, and beside them what else is needed. */
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { readSafetensors, writeSafetensors, type NamedTensor } from '../../engine/models/safetensors.js';
import type { SynthesisCheckpoint } from '../../engine/synthesis/types.js';
import type { RunKeeper } from '../figures/pictures.js';

const facts = z.strictObject({
  identity: z.string(),
  iteration: z.int().min(1),
  random: z.strictObject({
    words: z.tuple([z.number(), z.number(), z.number(), z.number()]),
    spare: z.number().nullable(),
  }),
  sha256: z.string(),
});

/** Milliseconds between two savings of a run. */
const EVERY_MS = 10_000;

const hashOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

export class KeptRuns implements RunKeeper {
  readonly every = EVERY_MS;
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Null where nothing was kept, where it is of something else, or where the process died while it was written. */
  load(seed: number, identity: string): SynthesisCheckpoint | null {
    try {
      const { iteration, random, sha256, ...kept } = facts.parse(
        JSON.parse(readFileSync(this.#path(seed, 'json'), 'utf8')),
      );
      const bytes = readFileSync(this.#path(seed, 'safetensors'));
      if (kept.identity !== identity || hashOf(bytes) !== sha256) return null;
      const arrays = Object.fromEntries([...readSafetensors(bytes)].map(([name, { data }]) => [name, data]));
      return { iteration, random, arrays };
    } catch {
      // Whatever is wrong with it: the run begins anew and gives the same.
      return null;
    }
  }

  save(seed: number, identity: string, { iteration, arrays, random }: SynthesisCheckpoint): void {
    if (iteration === 0) return;
    const named = Object.entries(arrays).flatMap(([name, data]): [string, NamedTensor][] =>
      data.length === 0 ? [] : [[name, { shape: [data.length], data }]],
    );
    const bytes = writeSafetensors(new Map(named), 'F32');
    const about: z.input<typeof facts> = {
      ...{ identity, iteration, sha256: hashOf(bytes) },
      random: { words: [...random.words], spare: random.spare },
    };
    mkdirSync(this.#folder, { recursive: true });
    this.#write(seed, 'safetensors', bytes);
    this.#write(seed, 'json', JSON.stringify(about));
  }

  /** Forgets all runs. */
  clear(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #path(seed: number, extension: string): string {
    return join(this.#folder, `run-${seed}.${extension}`);
  }

  #write(seed: number, extension: string, content: string | Uint8Array): void {
    const path = this.#path(seed, extension);
    writeFileSync(`${path}.part`, content);
    renameSync(`${path}.part`, path);
  }
}
