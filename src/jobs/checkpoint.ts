/**
 * What a job keeps to go on from, as one file: a line that names the format, the length of a header (u32, little-endian),
 * the header as JSON (facts, names and lengths of the arrays), the arrays, float32 little-endian, and the SHA-256 of all that.
 */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { NeuroreelError, parseWith } from '../protocol/index.js';
import { fileWriter } from './store/files.js';

/** The state of a run after some iterations. */
export interface Snapshot {
  readonly iteration: number;
  /** Whatever else is needed, as JSON: state of the random numbers, hashes of the models. */
  readonly facts: unknown;
  readonly arrays: Readonly<Record<string, Float32Array>>;
}

const MAGIC = Buffer.from('neuroreel.checkpoint/1\n');
const FILE = 'checkpoint.bin';

const header = z.strictObject({
  iteration: z.int().min(0),
  facts: z.unknown(),
  arrays: z.array(z.strictObject({ name: z.string(), length: z.int().min(0) })),
});

function bytesOf({ buffer, byteOffset, byteLength }: Float32Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

const HASH_BYTES = 32;
const hashOf = (content: Buffer): Buffer => createHash('sha256').update(content).digest();

export function encodeCheckpoint({ iteration, facts, arrays }: Snapshot): Buffer {
  const entries = Object.entries(arrays);
  const payload = Buffer.concat(entries.map(([, data]) => bytesOf(data)));
  const head: z.input<typeof header> = {
    iteration,
    facts,
    arrays: entries.map(([name, { length }]) => ({ name, length })),
  };
  const text = Buffer.from(JSON.stringify(head));
  const length = Buffer.alloc(4);
  length.writeUInt32LE(text.length);
  const content = Buffer.concat([MAGIC, length, text, payload]);
  return Buffer.concat([content, hashOf(content)]);
}

/** @throws {NeuroreelError} CHECKPOINT_INVALID */
export function decodeCheckpoint(whole: Buffer): Snapshot {
  const invalid = (why: string): NeuroreelError => new NeuroreelError('CHECKPOINT_INVALID', `The checkpoint ${why}.`);
  const file = whole.subarray(0, -HASH_BYTES);
  const from = MAGIC.length + 4;
  if (file.length < from || !file.subarray(0, MAGIC.length).equals(MAGIC)) throw invalid('is none');
  if (!whole.subarray(-HASH_BYTES).equals(hashOf(file))) throw invalid('is cut off or damaged');
  const length = file.readUInt32LE(MAGIC.length);
  if (from + length > file.length) throw invalid('is cut off');
  const text = file.subarray(from, from + length).toString();
  const payload = file.subarray(from + length);
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw invalid('has a broken header');
  }
  const { iteration, facts, arrays: list } = parseWith(header, json, 'CHECKPOINT_INVALID');
  const arrays: Record<string, Float32Array> = {};
  let at = 0;
  for (const { name, length: count } of list) {
    // A copy: the bytes in the file need not lie where floats may.
    arrays[name] = new Float32Array(Uint8Array.from(payload.subarray(at, at + count * 4)).buffer);
    at += count * 4;
  }
  return { iteration, facts, arrays };
}

/** @throws what the file system throws, for example when the disk is full; the checkpoint before is still there then */
export async function writeCheckpoint(folder: string, snapshot: Snapshot): Promise<void> {
  await fileWriter.write(join(folder, FILE), encodeCheckpoint(snapshot));
}

/** The checkpoint in a folder, or null when there is none. @throws {NeuroreelError} CHECKPOINT_INVALID */
export async function readCheckpoint(folder: string): Promise<Snapshot | null> {
  const file = await readFile(join(folder, FILE)).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
  return file === null ? null : decodeCheckpoint(file);
}
