/**
 * Reads the files of a TensorFlow.js model: `model.json` and the binary shards it names. Sizes are compared before
 * anything is read, so that a file that promises too much costs nothing.
 */
import { open, readFile, realpath, stat } from 'node:fs/promises';
import { dirname, join, sep } from 'node:path';
import type { z } from 'zod';
import { NeuroreelError } from '../../../protocol/errors.js';
import { modelFile, problemOf, type WeightEntry, type WeightGroup } from './schema.js';

/** Far beyond what Keras writes for any network, and read in seconds however it is made up. */
const MAX_JSON = 16 * 2 ** 20;
const MAX_WEIGHTS = 2 ** 31;
const MAX_ENTRIES = 20_000;

/** Bytes of one number as stored, by type. */
const WIDTHS: Readonly<Record<string, number>> = { float32: 4, int32: 4, float16: 2, uint16: 2, uint8: 1, bool: 1 };

export interface StoredWeight {
  readonly entry: WeightEntry;
  /** Type of the stored numbers: that of the quantisation where there is one. */
  readonly stored: string;
  readonly bytes: Buffer;
}

export interface TfjsFiles {
  /** Path of `model.json`, for messages. */
  readonly path: string;
  readonly generatedBy: string | null;
  readonly topology: Readonly<Record<string, unknown>>;
  readonly weights: readonly StoredWeight[];
}

function invalid(message: string, cause?: unknown): never {
  throw new NeuroreelError('MODEL_INVALID', message, cause === undefined ? {} : { cause });
}

async function fileSize(path: string): Promise<number> {
  const facts = await stat(path).catch((cause: unknown) => invalid(`${path} is missing or cannot be read.`, cause));
  if (!facts.isFile()) invalid(`${path} is not a file.`);
  return facts.size;
}

/** The path of `model.json`: the path itself, or the file of that name in a folder. */
export async function modelJsonOf(path: string): Promise<string> {
  const facts = await stat(path).catch((cause: unknown) => invalid(`${path} is missing or cannot be read.`, cause));
  return facts.isDirectory() ? join(path, 'model.json') : path;
}

async function readJson(path: string): Promise<unknown> {
  if ((await fileSize(path)) > MAX_JSON) invalid(`${path} is larger than 16 MiB, too large for a model.json.`);
  try {
    return JSON.parse(await readFile(path, 'utf8')) as unknown;
  } catch (cause) {
    return invalid(`${path} is not JSON.`, cause);
  }
}

function checkFormat(path: string, json: unknown): z.output<typeof modelFile> {
  const top = (typeof json === 'object' && json !== null ? json : {}) as Record<string, unknown>;
  if (top['format'] === 'graph-model') {
    throw new NeuroreelError(
      'MODEL_FORMAT_UNSUPPORTED',
      `${path} is a TensorFlow.js graph model; only layers models (Keras) can be imported.`,
    );
  }
  if (!('modelTopology' in top)) {
    throw new NeuroreelError('MODEL_FORMAT_UNSUPPORTED', `${path} is not a TensorFlow.js layers model.`);
  }
  const parsed = modelFile.safeParse(json);
  return parsed.success ? parsed.data : invalid(`${path}: ${problemOf(parsed.error)}.`);
}

/** Bytes of one weight as the manifest has it. */
function widthOf(entry: WeightEntry): { stored: string; bytes: number } {
  const stored = entry.quantization?.dtype ?? entry.dtype;
  const width = WIDTHS[stored];
  if (width === undefined) {
    throw new NeuroreelError(
      'MODEL_FORMAT_UNSUPPORTED',
      `The weights "${entry.name}" are of the type ${JSON.stringify(stored)}, which cannot be imported.`,
    );
  }
  return { stored, bytes: entry.shape.reduce((n, dim) => n * dim, width) };
}

/** Path of a shard; it must lie within the folder, links followed, and be named once (`seen`). */
async function shardPath(folder: string, name: string, seen: Set<string>): Promise<string> {
  const parts = name.split('/');
  if (parts.some((part) => part === '' || part === '.' || part === '..' || /[\\:\0]/.test(part))) {
    invalid(`The weights file ${JSON.stringify(name)} lies outside the model's folder.`);
  }
  const path = join(folder, ...parts);
  await fileSize(path);
  const [home, real] = await Promise.all([realpath(folder), realpath(path)]);
  if (!real.startsWith(home.endsWith(sep) ? home : home + sep)) {
    invalid(`The weights file ${JSON.stringify(name)} leads outside the model's folder.`);
  }
  // A small file read thousands of times would fill the memory.
  if (seen.has(real)) invalid(`The weights file ${JSON.stringify(name)} is named twice.`);
  seen.add(real);
  return path;
}

/** Reads a file to the end of its buffer; the file may not have changed its size since that was looked up. */
async function readInto(path: string, target: Buffer): Promise<void> {
  const handle = await open(path, 'r');
  try {
    for (let at = 0; at < target.length;) {
      const { bytesRead } = await handle.read(target, at, Math.min(target.length - at, 2 ** 26), at);
      if (bytesRead === 0) invalid(`${path} has ${at} bytes; ${target.length} are expected.`);
      at += bytesRead;
    }
  } finally {
    await handle.close();
  }
}

/** The weights of one group: its shards, one after the other, hold its weights, one after the other. */
async function readGroup(
  folder: string,
  group: WeightGroup,
  budget: number,
  seen: Set<string>,
): Promise<StoredWeight[]> {
  const widths = group.weights.map(widthOf);
  const expected = widths.reduce((n, { bytes }) => n + bytes, 0);
  const paths: string[] = [];
  for (const name of group.paths) paths.push(await shardPath(folder, name, seen));
  const sizes = await Promise.all(paths.map(fileSize));
  const found = sizes.reduce((n, size) => n + size, 0);
  if (found !== expected) {
    const names = group.paths.slice(0, 8).join(', ') + (group.paths.length > 8 ? ', ...' : '');
    invalid(`The weights in ${names || 'a group without files'} have ${found} bytes; ${expected} are expected.`);
  }
  if (found > budget) invalid(`The weights are larger than 2 GiB, more than can be imported.`);
  const all = Buffer.alloc(found);
  let at = 0;
  for (const [i, path] of paths.entries()) {
    await readInto(path, all.subarray(at, at + sizes[i]!));
    at += sizes[i]!;
  }
  at = 0;
  return group.weights.map((entry, i) => {
    const { stored, bytes } = widths[i]!;
    at += bytes;
    return { entry, stored, bytes: all.subarray(at - bytes, at) };
  });
}

/**
 * Reads a model's files.
 * @param path the folder of a model or its `model.json`.
 * @throws NeuroreelError MODEL_INVALID for missing, broken, truncated files and paths that leave the folder,
 * MODEL_FORMAT_UNSUPPORTED for another kind of file.
 */
export async function readTfjsFiles(path: string): Promise<TfjsFiles> {
  const json = await modelJsonOf(path);
  const file = checkFormat(json, await readJson(json));
  const weights: StoredWeight[] = [];
  const entries = file.weightsManifest.reduce((n, group) => n + group.weights.length, 0);
  if (entries > MAX_ENTRIES) invalid(`${json} lists ${entries} weights, more than ${MAX_ENTRIES}.`);
  let budget = MAX_WEIGHTS;
  const seen = new Set<string>();
  for (const group of file.weightsManifest) {
    const read = await readGroup(dirname(json), group, budget, seen);
    budget -= read.reduce((n, { bytes }) => n + bytes.length, 0);
    weights.push(...read);
  }
  return { path: json, generatedBy: file.generatedBy ?? null, topology: file.modelTopology, weights };
}
