/** Model packages on disk: folders with a manifest, graphs and weights, read with every hash checked. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { ZodError } from 'zod';
import { NeuroreelError } from '../../protocol/errors.js';
import {
  MANIFEST_FORMAT,
  modelManifest,
  referenceActivations,
  type ModelManifest,
  type ModelManifestInput,
  type ReferenceActivations,
} from '../../protocol/manifest.js';
import { readGraphs, readOutlines, writeGraphs } from './serialise.js';
import type { Graph } from '../graph/graph.js';
import { readSafetensors, writeSafetensors, type NamedTensor, type Weights } from './safetensors.js';

/** Largest file of a package that is read into memory, 2 GiB. */
const MAX_FILE = 2 ** 31;

export const sha256 = (bytes: Uint8Array | string): string => createHash('sha256').update(bytes).digest('hex');

export interface ModelPackage<M extends ModelManifest = ModelManifest> {
  readonly directory: string;
  readonly manifest: M;
  /** SHA-256 of the manifest, which holds those of all other files: it names the model exactly. */
  readonly sha256: string;
  readonly graphs: Readonly<Record<string, Graph>>;
  readonly weights: Weights;
  readonly reference: ReferenceActivations | null;
}

/** The first issues of a schema, each with the field that it is about. */
function namedIssues({ issues }: ZodError): string {
  return issues
    .slice(0, 5)
    .map(({ path, message }) => `${path.join('.') || 'it'}: ${message}`)
    .join('; ');
}

/** How errors call a file of a package: they reach clients of a server, whom its folders do not concern. */
const shown = (directory: string, path: string): string => join(basename(directory), path);

/** Reads and checks `model.json` alone; throws MODEL_INVALID naming the field. */
export function readManifest(directory: string): { manifest: ModelManifest; sha256: string } {
  const path = shown(directory, 'model.json');
  let text: string;
  let parsed: unknown;
  try {
    text = readFileSync(join(directory, 'model.json'), 'utf8');
    parsed = JSON.parse(text);
  } catch (cause) {
    throw new NeuroreelError('MODEL_INVALID', `${path} cannot be read as JSON.`, { cause });
  }
  const result = modelManifest.safeParse(parsed);
  if (!result.success) {
    throw new NeuroreelError('MODEL_INVALID', `${path}: ${namedIssues(result.error)}.`);
  }
  if (result.data.name !== basename(directory)) {
    throw new NeuroreelError('MODEL_INVALID', `${path} names "${result.data.name}" but lies in another folder.`);
  }
  return { manifest: result.data, sha256: sha256(text) };
}

/** Reads one file of a package and checks its hash. */
function readFile(directory: string, entry: { path: string; sha256: string }): Buffer {
  const path = join(directory, entry.path);
  const name = shown(directory, entry.path);
  const stat = statSync(path, { throwIfNoEntry: false });
  if (!stat) throw new NeuroreelError('MODEL_INVALID', `${name} is missing.`);
  if (!stat.isFile()) throw new NeuroreelError('MODEL_INVALID', `${name} is not a file.`);
  if (stat.size > MAX_FILE) throw new NeuroreelError('MODEL_INVALID', `${name} is larger than 2 GiB.`);
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (cause) {
    throw new NeuroreelError('MODEL_INVALID', `${name} cannot be read.`, { cause });
  }
  const found = sha256(bytes);
  if (found !== entry.sha256) {
    throw new NeuroreelError('MODEL_HASH_MISMATCH', `${name} has the SHA-256 ${found}, not ${entry.sha256}.`);
  }
  return bytes;
}

/** Loads a package; throws MODEL_INVALID, MODEL_HASH_MISMATCH or GRAPH_INVALID when anything in it is wrong. */
export function readPackage(directory: string): ModelPackage {
  const { manifest, sha256: hash } = readManifest(directory);
  const { graph, weights: weightsFile, reference } = manifest.files;
  const weights = readSafetensors(readFile(directory, weightsFile), shown(directory, weightsFile.path));
  const graphs = readGraphs(readFile(directory, graph).toString('utf8'), weights, shown(directory, graph.path));
  return {
    directory,
    manifest,
    sha256: hash,
    graphs,
    weights,
    reference: reference ? readReference(directory, reference) : null,
  };
}

/**
 * Loads what a package says of its network without its weights, in milliseconds: good for shapes only.
 * @throws as {@link readPackage}
 */
export function readOutline(directory: string): Pick<ModelPackage, 'manifest' | 'graphs'> {
  const { manifest } = readManifest(directory);
  const { graph } = manifest.files;
  return {
    manifest,
    graphs: readOutlines(readFile(directory, graph).toString('utf8'), shown(directory, graph.path)),
  };
}

function readReference(directory: string, entry: { path: string; sha256: string }): ReferenceActivations {
  const path = shown(directory, entry.path);
  const text = readFile(directory, entry).toString('utf8');
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    throw new NeuroreelError('MODEL_INVALID', `${path} is not JSON.`);
  }
  const result = referenceActivations.safeParse(parsed);
  if (!result.success) throw new NeuroreelError('MODEL_INVALID', `${path}: ${namedIssues(result.error)}.`);
  return result.data;
}

/** What a manifest says apart from what follows from the files. */
export type ManifestFacts = ModelManifestInput extends infer M
  ? M extends unknown
    ? Omit<M, 'format' | 'files' | 'name'>
    : never
  : never;

export interface NewPackage {
  readonly facts: ManifestFacts;
  readonly graphs: Readonly<Record<string, Graph>>;
  /** Tensors that no graph holds, such as the statistics of a code. */
  readonly extra?: Weights;
  readonly precision: 'F16' | 'F32';
  readonly reference?: ReferenceActivations;
}

/**
 * Writes a package, whose name is that of the folder: into a new folder, which then takes the place of the old one, if
 * `replace` allows that. Files of the old folder that are not the package's (a recipe, clips) are left alone.
 * @throws NeuroreelError MODEL_EXISTS when there is a package and `replace` is not set, MODEL_INVALID when the folder's
 *   name or the facts break the manifest's schema, OUTPUT_UNWRITABLE.
 */
export function writePackage(directory: string, content: NewPackage, replace = false): ModelManifest {
  if (!replace && existsSync(join(directory, 'model.json'))) {
    throw new NeuroreelError('MODEL_EXISTS', `There is a model in ${directory} already.`);
  }
  const { json, weights } = writeGraphs(content.graphs);
  const all = new Map<string, NamedTensor>([...weights, ...(content.extra ?? [])]);
  const files: Record<string, { path: string; bytes: Uint8Array }> = {
    graph: { path: 'graph.json', bytes: Buffer.from(json) },
    weights: { path: 'weights.safetensors', bytes: writeSafetensors(all, content.precision) },
    ...(content.reference && {
      reference: { path: 'reference.json', bytes: Buffer.from(JSON.stringify(content.reference)) },
    }),
  };
  const draft = modelManifest.safeParse({
    format: MANIFEST_FORMAT,
    name: basename(directory),
    ...content.facts,
    files: Object.fromEntries(
      Object.entries(files).map(([role, { path, bytes }]) => [role, { path, sha256: sha256(bytes) }]),
    ),
  });
  if (!draft.success) {
    throw new NeuroreelError('MODEL_INVALID', `${basename(directory)}: ${namedIssues(draft.error)}.`);
  }
  const manifest = draft.data;
  const place = (path: string, bytes: Uint8Array | string): void => {
    mkdirSync(dirname(join(directory, path)), { recursive: true });
    writeFileSync(join(directory, `${path}.new`), bytes);
  };
  // The manifest comes last: until it is in place, the hashes tell that the package is not whole.
  const written = [...Object.values(files), { path: 'model.json', bytes: `${JSON.stringify(manifest, null, 2)}\n` }];
  try {
    for (const { path, bytes } of written) place(path, bytes);
    for (const { path } of written) renameSync(join(directory, `${path}.new`), join(directory, path));
  } catch (cause) {
    for (const { path } of written) {
      const file = join(directory, `${path}.new`);
      if (existsSync(file)) rmSync(file);
    }
    throw new NeuroreelError('OUTPUT_UNWRITABLE', `The model cannot be written to ${directory}.`, { cause });
  }
  return manifest;
}
