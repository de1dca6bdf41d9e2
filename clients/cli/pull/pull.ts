/** Fetches the files of a published network, checks them, and makes a model package of them. */
import { existsSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { importModel } from '../../../src/engine/formats/import.js';
import { NeuroreelError, type ModelManifest } from '../../../src/protocol/index.js';
import { takeMember } from './archive-member.js';
import { download } from './download.js';
import { checkHashes, hashesOf } from './hashes.js';
import { CAFFE_PIXELS, type PublishedFile, type PublishedModel } from './published.js';
import { webAddress } from './request.js';

export interface PullOptions {
  /** Name of the package. */
  readonly name: string;
  /** Folder of model packages, in which the package gets a folder of its name. */
  readonly out: string;
  /** Folder for what is being fetched: what breaks off is gone on with there. */
  readonly cache: string;
  /** A mirror: a folder at which the files have the paths that the table gives. */
  readonly from?: string;
  /** What the file of weights must have, once it is out of its archive; hexadecimal. */
  readonly sha256?: string;
  readonly precision?: 'F16' | 'F32';
  readonly overwrite?: boolean;
  /** Whether what was fetched stays in the cache, such as an archive of which other models come too. */
  readonly keep?: boolean;
  readonly signal?: AbortSignal;
  /** @param total bytes in all, or null where the server does not say */
  readonly onProgress?: (file: string, done: number, total: number | null) => void;
  /** Told what a person should know. */
  readonly onNote?: (text: string) => void;
}

export interface Pulled {
  readonly directory: string;
  readonly manifest: ModelManifest;
  /** SHA-256 of the file of weights. */
  readonly sha256: string;
}

/** A member of an archive may be no larger than this. */
const MAX_MEMBER = 1024 * 2 ** 20;

/** The address of a file, at its makers' or at a mirror. */
function addressOf({ url, path }: PublishedFile, from: string | undefined): string {
  return from === undefined ? url : new URL(path, webAddress(from.endsWith('/') ? from : `${from}/`)).href;
}

/** Fetches a file into the cache unless it is there, and checks it. @returns where it is */
async function fetched(file: PublishedFile, options: PullOptions): Promise<string> {
  const { cache, from, signal, onProgress } = options;
  const url = addressOf(file, from);
  // Two mirrors may hold different files under one name.
  const host = new URL(url).host.replaceAll(':', '_');
  const to = join(cache, host, ...file.path.split('/'));
  if (!existsSync(to)) {
    const name = posix.basename(file.path);
    await download({
      ...{ url, to, maxBytes: file.maxBytes },
      ...(signal && { signal }),
      ...(onProgress && { onProgress: (done, total) => onProgress(name, done, total) }),
    });
  }
  if (file.sha1 === undefined && file.sha256 === undefined) return to;
  try {
    checkHashes(url, await hashesOf(to), file);
  } catch (error) {
    await rm(to, { force: true });
    throw error;
  }
  return to;
}

/** The file of weights, out of its archive if it is in one, and what became known of it. */
async function weightsOf({ weights }: PublishedModel, options: PullOptions): Promise<{ path: string; sha256: string }> {
  const { signal, sha256, onNote } = options;
  const archive = await fetched(weights, options);
  const { member } = weights;
  const path = member === undefined ? archive : `${archive}.${posix.basename(member)}`;
  if (member !== undefined) {
    await takeMember({ archive, member, to: path, maxBytes: MAX_MEMBER, ...(signal && { signal }) });
  }
  try {
    const found = await hashesOf(path);
    const known = weights.sha1 !== undefined || weights.sha256 !== undefined;
    checkHashes(posix.basename(member ?? weights.path), found, sha256 === undefined ? {} : { sha256 });
    if (!known && sha256 === undefined) {
      onNote?.(
        `WARNING: no hash of these weights is published, so they are taken on trust. Their SHA-256 is ${found.sha256}; ` +
          'compare it with what others got. With --sha256 it can be demanded.',
      );
    }
    return { path, sha256: found.sha256 };
  } catch (error) {
    for (const wrong of [path, archive]) await rm(wrong, { force: true });
    throw error;
  }
}

/** Where the weights come from, and which they are, for the manifest. */
function sourceOf({ weights }: PublishedModel, sha256: string, from: string | undefined): string {
  const part = weights.member === undefined ? '' : `, ${weights.member}`;
  return `${addressOf(weights, from)}${part}; SHA-256 ${sha256}`;
}

/**
 * Pulls a published network.
 * @throws {NeuroreelError} DOWNLOAD_FAILED, DOWNLOAD_REFUSED (hash, size, archive), MODEL_EXISTS, REQUEST_INVALID,
 * OUTPUT_UNWRITABLE; as `importModel`; the reason of `signal` when that is aborted
 */
export async function pull(model: PublishedModel, options: PullOptions): Promise<Pulled> {
  const { name, out, cache, from, precision, overwrite = false, keep = false } = options;
  if (!overwrite && existsSync(join(out, name))) {
    throw new NeuroreelError('MODEL_EXISTS', `There is a model ${name} in ${out} already.`);
  }
  await mkdir(cache, { recursive: true });
  // The small ones first: what is wrong with them is known before the large one is fetched.
  const network = await fetched(model.network, options);
  const labels = model.labels && (await fetched(model.labels, options));
  const bounds = model.bounds && (await fetched(model.bounds, options));
  const weights = await weightsOf(model, options);
  options.signal?.throwIfAborted();
  const { title, licence } = model;
  const made = await importModel({
    ...{ path: network, weights: weights.path, name, out, title, licence, overwrite, ...CAFFE_PIXELS },
    source: sourceOf(model, weights.sha256, from),
    ...(labels !== undefined && { labels }),
    ...(bounds !== undefined && { bounds }),
    ...(precision !== undefined && { precision }),
  });
  if (model.weights.member !== undefined) await rm(weights.path, { force: true });
  if (!keep) await rm(cache, { recursive: true, force: true });
  return { ...made, sha256: weights.sha256 };
}
