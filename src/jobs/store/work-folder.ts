/**
 * What a job that has not ended has on the disk:
 *
 *   run-N-RANDOM/kept/   what the run goes on from, and keeps for the next
 *   run-N-RANDOM/new/    artifacts while its worker writes them
 *
 * Each run has a folder of its own, with copies of what the one before kept. A worker that lives on although its server
 * is gone, while the next server has taken the job up, finds its folder no more, and what it has open is nobody's.
 */
import { randomBytes } from 'node:crypto';
import { constants, type Dirent } from 'node:fs';
import { copyFile, mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';

/** Where a worker works. */
export interface RunPlace {
  /** For artifacts; empty. */
  readonly folder: string;
  /** For what outlives an interruption. */
  readonly work: string;
}

const RUN = /^run-(\d+)-[0-9a-f]+$/;
/** What a job that has had no run goes on from. */
const KEPT = 'kept';
const NEW = 'new';

const numberOf = (name: string): number => Number(RUN.exec(name)?.[1] ?? 0);
const random = (): string => randomBytes(6).toString('hex');

export class WorkFolder {
  readonly #folder: string;

  /** @param folder of the job; it need not exist */
  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Folder for what a job goes on from that has had no run here. */
  async keptBefore(): Promise<string> {
    const folder = join(this.#folder, KEPT);
    await mkdir(folder, { recursive: true });
    return folder;
  }

  /** Makes the folder of the next run. What the last one kept stays where it is until there is a whole copy. */
  async begin(): Promise<RunPlace> {
    const names = await this.#names();
    const runs = names.filter((name) => RUN.test(name)).sort((a, b) => numberOf(a) - numberOf(b));
    const last = runs.at(-1);
    const making = join(this.#folder, `making-${random()}`);
    await mkdir(join(making, NEW), { recursive: true });
    await mkdir(join(making, KEPT));
    const from = last === undefined ? names.find((name) => name === KEPT) : join(last, KEPT);
    if (from !== undefined) await copy(join(this.#folder, from), join(making, KEPT));
    const run = join(this.#folder, `run-${numberOf(last ?? '') + 1}-${random()}`);
    await rename(making, run);
    for (const name of names) await this.#removeOne(name);
    return { folder: join(run, NEW), work: join(run, KEPT) };
  }

  /** Removes artifacts in the making. */
  async removeNew(): Promise<void> {
    for (const name of await this.#names()) await rm(join(this.#folder, name, NEW), { recursive: true, force: true });
  }

  async remove(): Promise<void> {
    for (const name of await this.#names()) await this.#removeOne(name);
    await rm(this.#folder, { recursive: true, force: true });
  }

  /** Takes it away from whoever writes there, then removes it. */
  async #removeOne(name: string): Promise<void> {
    const away = join(this.#folder, `removed-${random()}`);
    try {
      await rename(join(this.#folder, name), away);
    } catch (error) {
      if (isAbsent(error)) return;
      throw error;
    }
    await rm(away, { recursive: true, force: true });
  }

  async #names(): Promise<string[]> {
    return (await entriesOf(this.#folder)).map(({ name }) => name);
  }
}

async function entriesOf(folder: string): Promise<Dirent[]> {
  try {
    return await readdir(folder, { withFileTypes: true });
  } catch (error) {
    if (isAbsent(error)) return [];
    throw error;
  }
}

const isAbsent = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === 'ENOENT';

/**
 * Copies a folder, without the files that their writers have not given their last name yet. Where the disk can, both share
 * their bytes until one is written to.
 */
async function copy(from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true });
  for (const entry of await entriesOf(from)) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory()) await copy(source, target);
    else if (entry.isFile() && !entry.name.endsWith('.tmp')) {
      await copyFile(source, target, constants.COPYFILE_FICLONE).catch((error: unknown) => {
        // Whoever still writes there has removed it.
        if (!isAbsent(error)) throw error;
      });
    }
  }
}
