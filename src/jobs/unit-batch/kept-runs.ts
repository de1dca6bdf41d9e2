/** Runs that were interrupted, kept in a folder each: checkpoints, with what they belong to. */
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { SynthesisCheckpoint } from '../../engine/synthesis/types.js';
import { readCheckpoint, writeCheckpoint } from '../checkpoint.js';
import type { RunKeeper } from '../figures/pictures.js';

const facts = z.strictObject({
  identity: z.string(),
  random: z.strictObject({
    words: z.tuple([z.number(), z.number(), z.number(), z.number()]),
    spare: z.number().nullable(),
  }),
});

/** Milliseconds between two savings of a run. */
const EVERY_MS = 10_000;

export class KeptRuns implements RunKeeper {
  readonly every: number;
  readonly #folder: string;

  /** @param every milliseconds between two savings of a run */
  constructor(folder: string, every = EVERY_MS) {
    this.#folder = folder;
    this.every = every;
  }

  /** Null where nothing was kept, where it is of something else, and where it is damaged: the run begins anew then. */
  async load(seed: number, identity: string): Promise<SynthesisCheckpoint | null> {
    const kept = await readCheckpoint(this.#of(seed)).catch(() => null);
    const about = facts.safeParse(kept?.facts).data;
    if (!kept || about?.identity !== identity) return null;
    return { iteration: kept.iteration, arrays: kept.arrays, random: about.random };
  }

  async save(seed: number, identity: string, { iteration, arrays, random }: SynthesisCheckpoint): Promise<void> {
    await mkdir(this.#of(seed), { recursive: true });
    await writeCheckpoint(this.#of(seed), { iteration, arrays, facts: { identity, random } });
  }

  /** Forgets all runs. */
  async clear(): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
  }

  #of(seed: number): string {
    return join(this.#folder, `seed-${seed}`);
  }
}
