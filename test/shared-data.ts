/** The data pack beside the project, which is not part of it: tests that need it are skipped where it is absent. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Folder of the pack; NEUROREEL_SHARED names the folder above it. */
export const SHARED_DATA = join(
  process.env['NEUROREEL_SHARED'] ?? join(import.meta.dirname, '..', '..', 'shared'),
  'data',
);

export const sharedPath = (...parts: string[]): string => join(SHARED_DATA, ...parts);

/** What is to be said in the title of tests that need a part of the pack; `missing` where it is not there. */
export function sharedPart(...parts: string[]): { missing: boolean; note: string } {
  const missing = !existsSync(sharedPath(...parts));
  return { missing, note: missing ? ` (skipped: ${sharedPath(...parts)} is not there)` : '' };
}

export function sharedJson<T>(...parts: string[]): T {
  return JSON.parse(readFileSync(sharedPath(...parts), 'utf8')) as T;
}

export interface NpyArray {
  readonly shape: readonly number[];
  readonly data: Uint8Array | Float32Array | Float64Array;
}

/** A C-ordered little-endian .npy file of bytes, float32 or float64. */
export function sharedNpy(...parts: string[]): NpyArray {
  const file = readFileSync(sharedPath(...parts));
  const length = file[6] === 1 ? file.readUInt16LE(8) : file.readUInt32LE(8);
  const start = (file[6] === 1 ? 10 : 12) + length;
  const header = file.toString('latin1', 10, start);
  const type = /'descr': '([^']+)'/.exec(header)?.[1];
  const shape = (/'shape': \(([^)]*)\)/.exec(header)?.[1] ?? '')
    .split(',')
    .filter((s) => s.trim() !== '')
    .map(Number);
  // A copy, because typed arrays must start at a multiple of their width.
  const bytes = Uint8Array.from(file.subarray(start)).buffer;
  if (type === '|u1') return { shape, data: new Uint8Array(bytes) };
  if (type === '<f4') return { shape, data: new Float32Array(bytes) };
  if (type === '<f8') return { shape, data: new Float64Array(bytes) };
  throw new Error(`${parts.join('/')} holds numbers of the type ${type}.`);
}
