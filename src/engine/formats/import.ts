/** Makes model packages of model files of other programs. */
import { existsSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { NeuroreelError } from '../../protocol/errors.js';
import { modelManifest, type ModelManifest, type SequenceRule } from '../../protocol/manifest.js';
import { writePackage, type ManifestFacts } from '../models/package.js';
import type { ImportedModel, ImportedRecogniser, ModelFormat, ReadOptions } from './format.js';
import { onnx } from './onnx/format.js';
import { tfjsLayers } from './tfjs/format.js';

/** Every format there is. To add one, write its folder and list its entry here. */
export const FORMATS: readonly ModelFormat[] = [tfjsLayers, onnx];

const MAX_LABELS_FILE = 16 * 2 ** 20;

export interface ImportOptions {
  /** The model's file or folder. */
  readonly path: string;
  /** Name of the package: small letters, digits, `.`, `_`, `-`. */
  readonly name: string;
  /** Folder of model packages, in which the package gets a folder of its name. */
  readonly out: string;
  /** A file of labels: a JSON list, `{"labels": [...]}`, or text with a label a line; without it, "unit 0" and so on. */
  readonly labels?: string;
  /** Order of the colour channels that the network wants. */
  readonly order: 'rgb' | 'bgr';
  /** Per channel, in that order: what the network wants is (byte - mean) * scale. One number stands for all three. */
  readonly mean: number | readonly [number, number, number];
  readonly scale: number | readonly [number, number, number];
  /**
   * How the network is fed a video; by default as many frames as the file fixes, evenly spaced, or the whole video.
   */
  readonly sequence?: SequenceRule;
  readonly licence: string;
  readonly title?: string;
  readonly description?: string;
  /** Where the weights come from; what the files say of themselves by default. */
  readonly source?: string;
  /** How weights are stored, F32 by default. */
  readonly precision?: 'F16' | 'F32';
  /** Height and width of the input, for a file that leaves them open. */
  readonly size?: readonly [number, number];
  /** Whether a package of that name may be replaced. */
  readonly overwrite?: boolean;
}

/**
 * Reads a model of any known format.
 * @throws NeuroreelError MODEL_INVALID for a missing or broken file, MODEL_FORMAT_UNSUPPORTED for an unknown format and
 * for what cannot be run, all of it named, GRAPH_INVALID for shapes that do not fit.
 */
export async function readModel(path: string, options: ReadOptions = {}): Promise<ImportedModel> {
  if (!existsSync(path)) throw new NeuroreelError('MODEL_INVALID', `There is no model at ${path}.`);
  for (const format of FORMATS) if (await format.recognises(path)) return format.read(path, options);
  const known = FORMATS.map((format) => format.name).join(', ');
  throw new NeuroreelError('MODEL_FORMAT_UNSUPPORTED', `${path} is of no format that can be imported (${known}).`);
}

const label = z.string().max(200).nullable();
const labelsFile = z.union([
  z.array(label),
  z.looseObject({ labels: z.array(label) }).transform((file) => file.labels),
]);

/**
 * Labels from a file; units without one are named "unit 2" by their number.
 * @throws NeuroreelError MODEL_INVALID when the file cannot be read or is neither of the three forms.
 */
export async function readLabels(path: string): Promise<string[]> {
  const facts = await stat(path).catch(() => null);
  if (!facts?.isFile() || facts.size > MAX_LABELS_FILE) {
    throw new NeuroreelError('MODEL_INVALID', `The labels ${path} are missing, not a file or too large.`);
  }
  const text = await readFile(path, 'utf8');
  let given: (string | null)[];
  if (/^\s*[[{]/.test(text)) {
    try {
      given = labelsFile.parse(JSON.parse(text));
    } catch (cause) {
      const forms = 'a list of labels or {"labels": [...]}';
      throw new NeuroreelError('MODEL_INVALID', `The labels ${path} are not ${forms} in JSON.`, { cause });
    }
  } else {
    given = text
      .trimEnd()
      .split(/\r?\n/)
      .map((line) => line.trim().slice(0, 200) || null);
  }
  return given.map((name, i) => name ?? `unit ${i}`);
}

async function labelsFor(units: number, path: string | undefined): Promise<string[]> {
  if (path === undefined) return Array.from({ length: units }, (_, i) => `unit ${i}`);
  const labels = await readLabels(path);
  if (labels.length !== units) {
    throw new NeuroreelError('MODEL_INVALID', `${path} has ${labels.length} labels for the network's ${units} units.`);
  }
  return labels;
}

function perChannel(numbers: number | readonly [number, number, number]): number[] {
  return typeof numbers === 'number' ? [numbers, numbers, numbers] : [...numbers];
}

async function recogniserFacts(model: ImportedRecogniser, options: ImportOptions): Promise<ManifestFacts> {
  const { name, order, mean, scale, licence, title, description, source, sequence, labels } = options;
  const { height, width, steps, units, origin } = model;
  return {
    kind: 'recogniser',
    title: title ?? name,
    description: description ?? `Imported from a ${origin}.`,
    licence,
    source: source ?? origin,
    input: { height, width, order, mean: perChannel(mean), scale: perChannel(scale) },
    labels: await labelsFor(units, labels),
    sequence: sequence ?? (steps === null ? { rule: 'whole' } : { rule: 'spread', length: steps }),
  };
}

/** Checks what the manifest will say before anything is written. */
function checkFacts(facts: ManifestFacts, name: string): void {
  const entry = { path: 'file', sha256: '0'.repeat(64) };
  const draft = { format: 'neuroreel.model/1', name, ...facts, files: { graph: entry, weights: entry } };
  const result = modelManifest.safeParse(draft);
  if (result.success) return;
  const issues = result.error.issues.slice(0, 5).map((issue) => `${issue.path.join('.')}: ${issue.message}`);
  throw new NeuroreelError('REQUEST_INVALID', `The model cannot be described so: ${issues.join('; ')}.`);
}

/**
 * Imports a model: reads it, and writes a package in `out/name`.
 * @throws NeuroreelError as `readModel`; MODEL_INVALID for labels that do not fit; REQUEST_INVALID for options that do
 * not; MODEL_EXISTS when there is a package and `overwrite` is not set; OUTPUT_UNWRITABLE.
 */
export async function importModel(options: ImportOptions): Promise<{ directory: string; manifest: ModelManifest }> {
  const { path, name, out, size, sequence, precision = 'F32', overwrite = false } = options;
  const directory = join(out, name);
  const length = sequence && 'length' in sequence ? sequence.length : undefined;
  const model = await readModel(path, { ...(size && { size }), ...(length !== undefined && { steps: length }) });
  if (model.kind !== 'recogniser') {
    const what = 'a network for single pictures; only recognisers of sequences can be made packages of';
    throw new NeuroreelError('MODEL_FORMAT_UNSUPPORTED', `${path} is ${what}.`);
  }
  const channels = model.graphs.frames.values[model.graphs.frames.inputs[0]!.value]!.shape[1];
  if (channels !== 3) {
    throw new NeuroreelError('MODEL_FORMAT_UNSUPPORTED', `${path} takes frames of ${channels} channels, not of 3.`);
  }
  const facts = await recogniserFacts(model, options);
  checkFacts(facts, name);
  return { directory, manifest: writePackage(directory, { facts, graphs: model.graphs, precision }, overwrite) };
}
