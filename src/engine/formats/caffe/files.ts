/** Which files a Caffe network is in, and their contents. Sizes are looked at before anything is read. */
import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { NeuroreelError } from '../../../protocol/errors.js';

const MAX_TEXT = 16 * 2 ** 20;
const MAX_WEIGHTS = 2 ** 31 - 1;

const NETWORK = /\.(prototxt|pbtxt)$/i;
const WEIGHTS = /\.caffemodel$/i;
const HDF5 = Buffer.from('\x89HDF', 'latin1');

export interface CaffePaths {
  readonly network: string;
  readonly weights: string | null;
}

function invalid(message: string, cause?: unknown): never {
  throw new NeuroreelError('MODEL_INVALID', message, cause === undefined ? {} : { cause });
}

/** Whether a path is Caffe's to go by names: a .prototxt, or a folder with one. */
export async function isCaffe(path: string): Promise<boolean> {
  const facts = await stat(path).catch(() => null);
  if (!facts?.isDirectory()) return facts !== null && (NETWORK.test(path) || WEIGHTS.test(path));
  return (await readdir(path)).some((name) => NETWORK.test(name));
}

/** The one of several files that is meant; of several networks that which is named as the one to be used. */
function only(names: readonly string[], folder: string, what: string): string {
  const deploy = names.filter((name) => /^deploy\./i.test(name));
  const [first, ...others] = deploy.length === 1 ? deploy : names;
  if (others.length > 0) invalid(`${folder} has several ${what}: ${names.slice(0, 8).join(', ')}. Give one of them.`);
  return join(folder, first!);
}

/**
 * The files of a path: a network's, or a folder with one network, whose weights are the one .caffemodel in it.
 * @throws NeuroreelError MODEL_INVALID where there are several to choose from.
 */
export async function pathsOf(path: string, weights?: string): Promise<CaffePaths> {
  const facts = await stat(path).catch((cause: unknown) => invalid(`${path} is missing or cannot be read.`, cause));
  if (WEIGHTS.test(path) && !facts.isDirectory()) {
    invalid(`${path} has weights only. Give its network, a .prototxt, and this file as the network's weights.`);
  }
  if (!facts.isDirectory()) return { network: path, weights: weights ?? null };
  const names = (await readdir(path)).sort();
  const networks = names.filter((name) => NETWORK.test(name));
  if (networks.length === 0) invalid(`${path} has no network of Caffe, a .prototxt.`);
  const network = only(networks, path, 'networks');
  const models = names.filter((name) => WEIGHTS.test(name));
  if (weights !== undefined || models.length === 0) return { network, weights: weights ?? null };
  return { network, weights: only(models, path, '.caffemodel files') };
}

async function checkSize(path: string, most: number): Promise<void> {
  const facts = await stat(path).catch((cause: unknown) => invalid(`${path} is missing or cannot be read.`, cause));
  if (!facts.isFile()) invalid(`${path} is not a file.`);
  if (facts.size > most) invalid(`${path} has ${facts.size} bytes; at most ${most} are read.`);
}

/** The text of a network. @throws NeuroreelError MODEL_INVALID for a missing or too large file. */
export async function readNetworkText(path: string): Promise<string> {
  await checkSize(path, MAX_TEXT);
  return readFile(path, 'utf8');
}

/**
 * The bytes of a file of weights.
 * @throws NeuroreelError MODEL_INVALID for a missing or too large file, MODEL_FORMAT_UNSUPPORTED for HDF5.
 */
export async function readWeightsBytes(path: string): Promise<Uint8Array> {
  await checkSize(path, MAX_WEIGHTS);
  const bytes = await readFile(path);
  if (bytes.subarray(0, HDF5.length).equals(HDF5)) {
    const what = `${basename(path)} has its weights in HDF5; only .caffemodel files in protocol buffers are read`;
    throw new NeuroreelError('MODEL_FORMAT_UNSUPPORTED', `${what}.`);
  }
  return bytes;
}
