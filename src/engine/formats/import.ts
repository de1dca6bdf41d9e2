/** Makes model packages of model files of other programs. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { NeuroreelError } from '../../protocol/errors.js';
import { modelManifest, type ModelManifest, type PixelFormat, type SequenceRule } from '../../protocol/manifest.js';
import { typeOf, type Graph } from '../graph/graph.js';
import { writePackage, type ManifestFacts, type NewPackage } from '../models/package.js';
import { caffe } from './caffe/format.js';
import { codeStatistics, type NumberOrFile } from './code-statistics.js';
import { encoderGraph } from './encoder.js';
import type { ImportedGenerator, ImportedModel, ModelFormat, ReadOptions } from './format.js';
import { checkLengths } from './lengths.js';
import { labelsFor } from './labels.js';
import { onnx } from './onnx/format.js';
import { tfjsLayers } from './tfjs/format.js';

/** Every format there is. To add one, write its folder and list its entry here. */
export const FORMATS: readonly ModelFormat[] = [tfjsLayers, caffe, onnx];

const refused = (message: string): NeuroreelError => new NeuroreelError('REQUEST_INVALID', message);

export interface ImportOptions extends ReadOptions {
  /** The model's file or folder. */
  readonly path: string;
  /** Name of the package: small letters, digits, `.`, `_`, `-`. */
  readonly name: string;
  /** Folder of model packages, in which the package gets a folder of its name. */
  readonly out: string;
  /** Order of the colour channels that the network wants, or that the generator gives. */
  readonly order: 'rgb' | 'bgr';
  /** Per channel, in that order: the network's numbers are (byte - mean) * scale. One number stands for all three. */
  readonly mean: number | readonly [number, number, number];
  readonly scale: number | readonly [number, number, number];
  readonly licence: string;
  readonly title?: string;
  readonly description?: string;
  /** Where the weights come from; what the files say of themselves by default. */
  readonly source?: string;
  /** How weights are stored, F32 by default. */
  readonly precision?: 'F16' | 'F32';
  /** Whether a package of that name may be replaced. */
  readonly overwrite?: boolean;
  /** Whether a network without a file of weights may be imported with random ones; the manifest says so then. */
  readonly randomWeights?: boolean;

  /** Of what has units: a file of labels (see `readLabels`); without it, "unit 0" and so on. */
  readonly labels?: string;
  /**
   * Of a recogniser: how it is fed a video; by default as many frames as the file fixes, evenly spaced, or the whole
   * video.
   */
  readonly sequence?: SequenceRule;
  /** Of a generator, which must have it: upper bounds of its code, see `codeStatistics`. */
  readonly bounds?: NumberOrFile;
  /** Of a generator: lower bounds of its code, 0 by default. */
  readonly lower?: NumberOrFile;
  /** Of a generator: mean of its code. */
  readonly codeMean?: NumberOrFile;
  /** Of a generator: file of a network that gives the code of a picture, and the file of that one's weights. */
  readonly encoder?: string;
  readonly encoderWeights?: string;
}

/**
 * Reads a model of any known format.
 * @throws NeuroreelError MODEL_INVALID for a missing or broken file, MODEL_FORMAT_UNSUPPORTED for an unknown format and
 * for what cannot be run, all of it named, GRAPH_INVALID for shapes that do not fit, REQUEST_INVALID for a file of weights
 * that the format has no use for.
 */
export async function readModel(path: string, options: ReadOptions = {}): Promise<ImportedModel> {
  if (!existsSync(path)) throw new NeuroreelError('MODEL_INVALID', `There is no model at ${path}.`);
  for (const format of FORMATS) {
    if (!(await format.recognises(path))) continue;
    if (options.weights !== undefined && !format.weightsApart) {
      throw refused(`A file of weights was given, but a ${format.name} holds its own.`);
    }
    return format.read(path, options);
  }
  const known = FORMATS.map((format) => format.name).join(', ');
  throw new NeuroreelError('MODEL_FORMAT_UNSUPPORTED', `${path} is of no format that can be imported (${known}).`);
}

type Kind = ImportedModel['kind'];
const KINDS: Readonly<Record<Kind, string>> = {
  recogniser: 'recogniser of sequences',
  network: 'network for single pictures',
  generator: 'generator',
};

/** Options that are not for every kind of model, and the kinds that they are for. */
const OPTIONS_OF_KINDS = {
  labels: ['recogniser', 'network'],
  sequence: ['recogniser'],
  steps: ['recogniser'],
  bounds: ['generator'],
  lower: ['generator'],
  codeMean: ['generator'],
  encoder: ['generator'],
  encoderWeights: ['generator'],
} as const satisfies Partial<Record<keyof ImportOptions, readonly Kind[]>>;

/** Refuses options that another kind of model has. */
function checkOptions({ kind }: ImportedModel, options: ImportOptions): void {
  for (const [name, kinds] of Object.entries(OPTIONS_OF_KINDS)) {
    if (options[name as keyof typeof OPTIONS_OF_KINDS] === undefined) continue;
    if ((kinds as readonly Kind[]).includes(kind)) continue;
    const written = name.replace(/[A-Z]/g, (capital) => `-${capital.toLowerCase()}`);
    const whose = kinds.map((other) => `a ${KINDS[other]}`).join(' or ');
    throw refused(`The option ${written} is for ${whose}; ${options.path} is a ${KINDS[kind]}.`);
  }
}

/** Refuses random weights that were not asked for, and the request for random ones where there are others. */
function checkRandomness(models: readonly ImportedModel[], { path, randomWeights = false }: ImportOptions): void {
  const random = models.some((model) => model.randomWeights);
  if (random && !randomWeights) {
    const message = `${path} comes without its weights. Name the file of them, or say that random ones will do.`;
    throw refused(`${message} (weights, random-weights)`);
  }
  if (!random && randomWeights) throw refused(`Random weights were asked for, but ${path} has weights of its own.`);
}

function perChannel(numbers: number | readonly [number, number, number]): number[] {
  return typeof numbers === 'number' ? [numbers, numbers, numbers] : [...numbers];
}

/** What every manifest says. */
function commonFacts(model: ImportedModel, { name, licence, title, description, source, ...o }: ImportOptions) {
  const { height, width, origin } = model;
  const pixels: PixelFormat = { height, width, order: o.order, mean: perChannel(o.mean), scale: perChannel(o.scale) };
  const [about, from] = [description ?? `Imported from a ${origin}.`, source ?? origin];
  const facts = {
    title: title ?? name,
    description: o.randomWeights ? `${about} Its weights were drawn at random.` : about,
    licence,
    source: o.randomWeights && !from.includes('at random') ? `${from}, weights at random` : from,
  };
  return { facts, pixels };
}

type Content = Pick<NewPackage, 'facts' | 'graphs' | 'extra'>;

async function recogniserContent(
  model: Extract<ImportedModel, { kind: 'recogniser' }>,
  options: ImportOptions,
): Promise<Content> {
  const { graphs, steps, units } = model;
  checkChannels(graphs.frames, options.path);
  const { facts, pixels } = commonFacts(model, options);
  const labels = await labelsFor(units, options.labels);
  const sequence: SequenceRule =
    options.sequence ?? (steps === null ? { rule: 'whole' } : { rule: 'spread', length: steps });
  checkLengths(model, sequence);
  return { facts: { kind: 'recogniser', ...facts, input: pixels, labels, sequence }, graphs };
}

async function classifierContent(
  model: Extract<ImportedModel, { kind: 'network' }>,
  options: ImportOptions,
): Promise<Content> {
  checkChannels(model.graphs.network, options.path);
  const { facts, pixels } = commonFacts(model, options);
  const labels = await labelsFor(model.units, options.labels);
  return { facts: { kind: 'classifier', ...facts, input: pixels, labels }, graphs: model.graphs };
}

async function priorContent(
  model: ImportedGenerator,
  encoder: ImportedModel | null,
  options: ImportOptions,
): Promise<Content> {
  const { bounds, lower, codeMean, path } = options;
  if (bounds === undefined) {
    throw refused(`${path} is a generator: say within which bounds its code is natural (bounds, a file or a number).`);
  }
  const { facts, pixels } = commonFacts(model, options);
  const size = model.code.reduce((n, side) => n * side, 1);
  const code = { size, layer: 'what the generator takes', ...(model.code.length > 1 && { shape: [...model.code] }) };
  const graphs: Record<string, Graph> = { ...model.graphs };
  if (encoder) {
    if (encoder.kind === 'network') checkChannels(encoder.graphs.network, options.encoder!);
    graphs['encoder'] = encoderGraph(encoder, model, options.encoder!);
  }
  const extra = await codeStatistics(size, { bounds, lower, codeMean });
  return { facts: { kind: 'prior', ...facts, code, output: pixels }, graphs, extra };
}

function checkChannels(graph: Graph, path: string): void {
  const channels = typeOf(graph, graph.inputs[0]!.value).shape[1];
  if (channels !== 3) {
    throw new NeuroreelError('MODEL_FORMAT_UNSUPPORTED', `${path} takes pictures of ${channels} channels, not of 3.`);
  }
}

async function readEncoder({ encoder, encoderWeights }: ImportOptions): Promise<ImportedModel | null> {
  if (encoder !== undefined) return readModel(encoder, encoderWeights === undefined ? {} : { weights: encoderWeights });
  if (encoderWeights !== undefined) throw refused('There are weights of an encoder (encoder-weights), but no encoder.');
  return null;
}

/** Checks what the manifest will say before anything is written. */
function checkFacts(facts: ManifestFacts, name: string): void {
  const entry = { path: 'file', sha256: '0'.repeat(64) };
  const draft = { format: 'neuroreel.model/1', name, ...facts, files: { graph: entry, weights: entry } };
  const result = modelManifest.safeParse(draft);
  if (result.success) return;
  const issues = result.error.issues.slice(0, 5).map((issue) => `${issue.path.join('.')}: ${issue.message}`);
  throw refused(`The model cannot be described so: ${issues.join('; ')}.`);
}

/**
 * Imports a model: reads it, and writes a package in `out/name`. A network for sequences becomes a recogniser, one for
 * single pictures a classifier, a generator a prior.
 * @throws NeuroreelError as `readModel`; MODEL_INVALID for labels, bounds or an encoder that do not fit; REQUEST_INVALID
 * for options that do not; MODEL_EXISTS when there is a package and `overwrite` is not set; OUTPUT_UNWRITABLE.
 */
export async function importModel(options: ImportOptions): Promise<{ directory: string; manifest: ModelManifest }> {
  const { path, name, out, size, sequence, weights, precision = 'F32', overwrite = false } = options;
  const directory = join(out, name);
  // A sequence rule says for how many frames a file is read that leaves their number open.
  const steps = options.steps ?? (sequence && 'length' in sequence ? sequence.length : undefined);
  const model = await readModel(path, { ...(size && { size }), ...(steps && { steps }), ...(weights && { weights }) });
  checkOptions(model, options);
  const encoder = await readEncoder(options);
  checkRandomness(encoder ? [model, encoder] : [model], options);
  const content =
    model.kind === 'recogniser'
      ? await recogniserContent(model, options)
      : model.kind === 'network'
        ? await classifierContent(model, options)
        : await priorContent(model, encoder, options);
  checkFacts(content.facts, name);
  return { directory, manifest: writePackage(directory, { ...content, precision }, overwrite) };
}
