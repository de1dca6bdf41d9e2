/**
 * Models as ONNX Runtime optimised them for this processor, by the content they were made of, in a folder of the user's
 * cache: the next job with the same graph and weights starts at once, and weights that lie in a file take half of the
 * memory of those handed over.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, renameSync, rmSync, statSync, utimesSync } from 'node:fs';
import { cpus, homedir } from 'node:os';
import { join } from 'node:path';
import { threadId } from 'node:worker_threads';
import type { OnnxModel } from './onnx-model.js';

type Environment = Readonly<Record<string, string | undefined>>;

/** Graphs with fewer bytes of weights are compiled faster than they are looked up. */
const WORTH_KEEPING = 16 * 2 ** 20;
/** Bytes of all models kept; those not used for longest go first. */
const DEFAULT_LIMIT = 8 * 2 ** 30;
/** What an interrupted process left half made is removed after so long. */
const STALE_MS = 3_600_000;

export const MODEL_FILE = 'model.onnx';
export const WEIGHTS_FILE = 'model.bin';

export interface ModelCache {
  readonly folder: string;
  /** Bytes that all models in the folder may take. */
  readonly limit: number;
}

/**
 * Where compiled models are kept: `neuroreel/compiled` in the XDG cache folder, or below NEUROREEL_CACHE. NEUROREEL_CACHE_MB
 * bounds it (8192 by default); 0 keeps nothing.
 */
export function defaultModelCache(env: Environment = process.env): ModelCache {
  const caches = env['XDG_CACHE_HOME'] || join(env['HOME'] || homedir(), '.cache');
  const folder = join(env['NEUROREEL_CACHE'] || join(caches, 'neuroreel'), 'compiled');
  const megabytes = env['NEUROREEL_CACHE_MB'] ? Number(env['NEUROREEL_CACHE_MB']) : NaN;
  return { folder, limit: Number.isFinite(megabytes) && megabytes >= 0 ? megabytes * 2 ** 20 : DEFAULT_LIMIT };
}

export function weightBytes({ external }: OnnxModel): number {
  return external.reduce((sum, { data }) => sum + data.length, 0);
}

/** Whether a model is worth a place in the cache, and may have one. */
export function belongsInCache(model: OnnxModel, { limit }: ModelCache): boolean {
  const bytes = weightBytes(model);
  return bytes >= WORTH_KEEPING && bytes <= limit;
}

/** The name of a model's entry: everything that decides what its optimised form is. */
export function contentKey({ bytes, external }: OnnxModel, version: string): string {
  const hash = createHash('sha256');
  // Layouts of weights are chosen for the processor.
  hash.update(JSON.stringify([version, process.arch, cpus()[0]?.model ?? '', bytes.length]));
  hash.update(bytes);
  for (const { path, data } of external) hash.update(`${path}:${data.length}`).update(data);
  return hash.digest('hex');
}

const sizeOfEntry = (folder: string): number =>
  readdirSync(folder).reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);

/** An entry that is whole, marked as used now; null where there is none. */
export function entryOf({ folder }: ModelCache, key: string, now: Date): string | null {
  const entry = join(folder, key);
  try {
    if (!statSync(join(entry, MODEL_FILE)).isFile()) return null;
    utimesSync(entry, now, now);
    return entry;
  } catch {
    return null;
  }
}

/** A folder in which an entry is made before it is put in its place; null where the cache cannot be written. */
export function draftOf({ folder }: ModelCache, key: string): string | null {
  const draft = join(folder, `.${key}.${process.pid}.${threadId}`);
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    rmSync(draft, { recursive: true, force: true });
    mkdirSync(draft, { mode: 0o700 });
    return draft;
  } catch {
    return null;
  }
}

/** Puts a finished draft in its place; another process may have been faster. */
export function publish(cache: ModelCache, draft: string, key: string, now: Date): string | null {
  const entry = join(cache.folder, key);
  try {
    renameSync(draft, entry);
  } catch {
    discard(draft);
  }
  makeRoom(cache, key, now);
  return entryOf(cache, key, now);
}

/** Removes a draft or an entry that turned out to be broken. */
export function discard(folder: string): void {
  rmSync(folder, { recursive: true, force: true });
}

/** Removes entries not used for longest until the rest is within the limit, and what was left half made; spares one. */
function makeRoom({ folder, limit }: ModelCache, spared: string, now: Date): void {
  try {
    const entries = readdirSync(folder).map((name) => ({ name, used: statSync(join(folder, name)).mtimeMs }));
    for (const { name, used } of entries) {
      if (name.startsWith('.') && now.getTime() - used > STALE_MS) discard(join(folder, name));
    }
    const whole = entries.filter(({ name }) => !name.startsWith('.')).sort((p, q) => p.used - q.used);
    let total = whole.reduce((sum, { name }) => sum + sizeOfEntry(join(folder, name)), 0);
    for (const { name } of whole) {
      if (total <= limit) break;
      if (name === spared) continue;
      total -= sizeOfEntry(join(folder, name));
      discard(join(folder, name));
    }
  } catch {
    // Another process clears up at the same time; what is left is cleared up after the next model.
  }
}
