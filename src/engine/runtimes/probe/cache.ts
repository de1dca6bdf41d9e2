/**
 * Remembers what trials of candidates told, so that a command need not wait for them: a file in the user's cache folder.
 * What is remembered holds for the same versions, drivers and settings, and for a limited time. A cache that cannot be read
 * or written is as good as none.
 */
import { mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { threadId } from 'node:worker_threads';
import { z } from 'zod';
import type { Place } from '../choice.js';
import type { Machine } from '../machine.js';
import { probeResult, type ProbeResult } from './told.js';

type Environment = Readonly<Record<string, string | undefined>>;

const HOUR_MS = 3_600_000;
/** What worked is tried again after a week, what failed after an hour: it may have been installed or freed. */
const VALID_MS = { works: 7 * 24 * HOUR_MS, fails: HOUR_MS };
const MOST_ENTRIES = 32;
const MOST_BYTES = 1024 * 1024;

const entry = z.strictObject({ key: z.string().max(10_000), at: z.number(), result: probeResult });
const cacheFile = z.strictObject({ entries: z.array(entry).max(MOST_ENTRIES) });
type Entry = z.output<typeof entry>;

/** Where trials are remembered: `neuroreel/runtimes.json` in the XDG cache folder. */
export function defaultCache(env: Environment = process.env): string {
  return join(env['XDG_CACHE_HOME'] || join(env['HOME'] || homedir(), '.cache'), 'neuroreel', 'runtimes.json');
}

/** Variables that decide which drivers and libraries are found. */
const VARIABLES = ['LD_LIBRARY_PATH', 'VK_ICD_FILENAMES', 'VK_DRIVER_FILES', 'CUDA_VISIBLE_DEVICES'];

function versionOf(name: string): string {
  try {
    const path = createRequire(import.meta.url).resolve(`${name}/package.json`);
    return (JSON.parse(readFileSync(path, 'utf8')) as { version: string }).version;
  } catch {
    return 'absent';
  }
}

/** Everything that what a trial tells may depend on. */
export function cacheKey({ runtime, device }: Place, machine: Machine, env: Environment = process.env): string {
  const versions = ['onnxruntime-node', '@tensorflow/tfjs-node-gpu', '@tensorflow/tfjs-node'].map(versionOf);
  return JSON.stringify([
    runtime,
    device,
    process.version,
    versions,
    machine,
    VARIABLES.map((name) => env[name] ?? ''),
  ]);
}

function entriesIn(file: string): Entry[] {
  try {
    if (statSync(file).size > MOST_BYTES) return [];
    return cacheFile.parse(JSON.parse(readFileSync(file, 'utf8'))).entries;
  } catch {
    return [];
  }
}

/** What was told under a key, if it still holds at the time `now` (milliseconds since 1970). */
export function remembered(file: string, key: string, now: number): ProbeResult | null {
  const found = entriesIn(file).find((e) => e.key === key);
  if (!found) return null;
  const age = now - found.at;
  return age >= 0 && age < (found.result.works ? VALID_MS.works : VALID_MS.fails) ? found.result : null;
}

/** Remembers what was told at the time `now`. */
export function remember(file: string, key: string, result: ProbeResult, now: number): void {
  const others = entriesIn(file).filter((e) => e.key !== key);
  const entries = [{ key, at: now, result }, ...others].slice(0, MOST_ENTRIES);
  try {
    mkdirSync(dirname(file), { recursive: true });
    const fresh = `${file}.${process.pid}.${threadId}`;
    writeFileSync(fresh, JSON.stringify({ entries }));
    renameSync(fresh, file);
  } catch {
    // The next command tries again what this one tried.
  }
}
