/**
 * Reads an ONNX file and the files of numbers that it may name. Sizes are compared before anything is read, and what is
 * named must lie in the model's own folder.
 */
import { open, realpath, stat } from 'node:fs/promises';
import { dirname, join, sep } from 'node:path';
import { NeuroreelError } from '../../../protocol/errors.js';
import { bytesOf } from './tensors.js';
import { readModelFile, type ModelFile, type TensorFile } from './wire.js';

const MAX_BYTES = 2 ** 31;

export interface OnnxFiles {
  readonly model: ModelFile;
  /** Bytes of the tensors that stand in other files. */
  readonly external: ReadonlyMap<TensorFile, Uint8Array>;
  /** Bytes of all files. */
  readonly size: number;
}

function invalid(message: string, cause?: unknown): never {
  throw new NeuroreelError('MODEL_INVALID', message, cause === undefined ? {} : { cause });
}

async function fileSize(path: string): Promise<number> {
  const facts = await stat(path).catch((cause: unknown) => invalid(`${path} is missing or cannot be read.`, cause));
  if (!facts.isFile()) invalid(`${path} is not a file.`);
  return facts.size;
}

/** Bytes of a file from a place on; the file may not have changed its size since that was looked up. */
async function readBytes(path: string, offset: number, length: number): Promise<Uint8Array> {
  const target = new Uint8Array(length);
  const handle = await open(path, 'r');
  try {
    for (let at = 0; at < length;) {
      const { bytesRead } = await handle.read(target, at, Math.min(length - at, 2 ** 26), offset + at);
      if (bytesRead === 0) invalid(`${path} ends after ${offset + at} bytes; ${offset + length} are expected.`);
      at += bytesRead;
    }
  } finally {
    await handle.close();
  }
  return target;
}

/** The path of a file of numbers; it must lie within the folder, links followed. */
async function externalPath(folder: string, name: string): Promise<string> {
  const parts = name.split('/').filter((part, i) => !(i === 0 && part === '.'));
  if (
    parts.length === 0 ||
    parts.some((part) => part === '' || part === '.' || part === '..' || /[\\:\0]/.test(part))
  ) {
    invalid(`The file of weights ${JSON.stringify(name)} lies outside the model's folder.`);
  }
  const path = join(folder, ...parts);
  await fileSize(path);
  const [home, real] = await Promise.all([realpath(folder), realpath(path)]);
  if (!real.startsWith(home.endsWith(sep) ? home : home + sep)) {
    invalid(`The file of weights ${JSON.stringify(name)} leads outside the model's folder.`);
  }
  return path;
}

/** A whole number that stands in the file as text. */
function wholeNumber(text: string | undefined, fallback: number, what: string): number {
  if (text === undefined) return fallback;
  const number = /^\d{1,15}$/.test(text) ? Number(text) : NaN;
  return Number.isNaN(number) ? invalid(`${what} ${JSON.stringify(text)} is no whole number.`) : number;
}

async function readExternal(folder: string, tensor: TensorFile): Promise<Uint8Array> {
  const facts = tensor.external!;
  const name = facts.get('location');
  if (name === undefined) invalid(`The tensor "${tensor.name}" does not say in which file it is.`);
  const path = await externalPath(folder, name);
  const wanted = bytesOf(tensor);
  const offset = wholeNumber(facts.get('offset'), 0, `The offset of "${tensor.name}"`);
  const length = wholeNumber(facts.get('length'), wanted, `The length of "${tensor.name}"`);
  if (length !== wanted) invalid(`The tensor "${tensor.name}" has ${length} bytes in ${name}; ${wanted} are expected.`);
  const size = await fileSize(path);
  if (offset + length > size) {
    invalid(`The tensor "${tensor.name}" ends beyond ${name}: at ${offset + length} of ${size} bytes.`);
  }
  return readBytes(path, offset, length);
}

/** All tensors that a model holds, those of attributes too. */
function tensorsOf(model: ModelFile): TensorFile[] {
  const inNodes = model.nodes.flatMap(({ attributes }) =>
    [...attributes.values()].flatMap((attribute) => (attribute.type === 'tensor' ? [attribute.value] : [])),
  );
  return [...model.initialisers, ...inNodes];
}

/**
 * Reads a model's files.
 * @throws NeuroreelError MODEL_INVALID for missing, broken, truncated files and for paths that leave the folder.
 */
export async function readOnnxFiles(path: string): Promise<OnnxFiles> {
  const size = await fileSize(path);
  if (size > MAX_BYTES) invalid(`${path} is larger than 2 GiB, more than can be imported.`);
  const model = readModelFile(await readBytes(path, 0, size), path);
  const external = new Map<TensorFile, Uint8Array>();
  let budget = MAX_BYTES;
  for (const tensor of tensorsOf(model)) {
    if (!tensor.external) continue;
    budget -= bytesOf(tensor);
    if (!(budget >= 0)) invalid(`The weights of ${path} are larger than 2 GiB, more than can be imported.`);
    external.set(tensor, await readExternal(dirname(path), tensor));
  }
  return { model, external, size: size + MAX_BYTES - budget };
}
