/** What `neuroreel models inspect` finds out about a model, and the table that people get of it. */
import { existsSync } from 'node:fs';
import { join, resolve, sep } from 'node:path';
import { describeModel, type Cost, type GraphFacts, type LayerFacts } from '../../src/engine/analysis/layers.js';
import type { ReceptiveField } from '../../src/engine/analysis/receptive-field.js';
import { readModel } from '../../src/engine/formats/import.js';
import type { ImportedModel, ReadOptions } from '../../src/engine/formats/format.js';
import type { Graph } from '../../src/engine/graph/graph.js';
import { readManifest, readPackage, type ModelPackage } from '../../src/engine/models/package.js';
import type { ModelRegistry } from '../../src/engine/models/registry.js';
import { NeuroreelError } from '../../src/protocol/index.js';
import { columns, facts } from './format.js';

/** A model of any origin, as far as its layers go. */
interface Inspected {
  readonly about: {
    readonly model: string;
    readonly kind: string;
    readonly origin: string;
    /** Of a package. */
    readonly folder: string | null;
    readonly input: { readonly width: number; readonly height: number } | null;
    readonly code: readonly number[] | null;
    readonly units: number | null;
    readonly randomWeights: boolean;
  };
  readonly graphs: Readonly<Record<string, Graph>>;
  /** Types of layers as the source calls them. */
  readonly types: Readonly<Record<string, string>>;
}

function ofPackage({ manifest, directory, graphs }: ModelPackage): Inspected {
  const { name, kind, source } = manifest;
  const size = manifest.kind === 'prior' ? manifest.output : manifest.input;
  const about = {
    ...{ model: name, kind, origin: source, folder: directory, randomWeights: false },
    input: manifest.kind === 'prior' ? null : { width: size.width, height: size.height },
    code: manifest.kind === 'prior' ? (manifest.code.shape ?? [manifest.code.size]) : null,
    units: manifest.kind === 'prior' ? null : manifest.labels.length,
  };
  return { about, graphs, types: {} };
}

function ofFile(path: string, model: ImportedModel): Inspected {
  const { kind, origin, width, height, types = {}, randomWeights = false } = model;
  const about = {
    ...{ model: path, kind: kind === 'network' ? 'classifier' : kind, origin, folder: null, randomWeights },
    input: kind === 'generator' ? null : { width, height },
    code: model.kind === 'generator' ? model.code : null,
    units: model.kind === 'generator' ? null : model.units,
  };
  return { about, graphs: { ...model.graphs }, types };
}

/** Whether a folder is a package of neuroreel's own; other formats have a `model.json` as well. */
function isPackage(path: string): boolean {
  if (!existsSync(join(path, 'model.json'))) return false;
  try {
    readManifest(resolve(path));
    return true;
  } catch (error) {
    // A broken package is none that another format could read.
    return error instanceof NeuroreelError && error.code === 'MODEL_INVALID' && existsSync(join(path, 'graph.json'));
  }
}

/** An installed package of that name, or what is at that path. A path is also told by a separator in it. */
async function open(what: string, registry: ModelRegistry, options: ReadOptions): Promise<Inspected> {
  const installed = registry.list().some(({ name }) => name === what);
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  if (installed || isPackage(what)) {
    if (given.length > 0) {
      const message = `${what} is a package; --${given[0]![0]} is for model files. ./${what} is the file of that name.`;
      throw new NeuroreelError('REQUEST_INVALID', message);
    }
    return ofPackage(installed ? registry.load(what) : readPackage(resolve(what)));
  }
  if (!existsSync(what) && !what.includes(sep) && !what.includes('.')) registry.directory(what);
  return ofFile(what, await readModel(resolve(what), options));
}

/** The document that programs get. */
export interface LayersDocument {
  readonly [fact: string]: unknown;
}

/**
 * The layers of a model: the document for programs, and the table for people.
 * @param what name of an installed package, or path of a model file.
 * @throws NeuroreelError MODEL_UNKNOWN, what `readModel` throws, REQUEST_INVALID for options of files given for a package.
 */
export async function layersOf(
  what: string,
  registry: ModelRegistry,
  options: ReadOptions,
): Promise<{ document: LayersDocument; text: string }> {
  const { about, graphs, types } = await open(what, registry, options);
  const { graphs: described, ...totals } = describeModel(graphs);
  const per = about.kind === 'recogniser' ? 'frame' : 'picture';
  const typed = described.map((graph) => ({
    ...graph,
    layers: graph.layers.map(({ name, ...layer }) => ({ name, type: types[name] ?? null, ...layer })),
  }));
  return {
    document: { ...about, per, graphs: typed, totals },
    text: [header(about), ...described.map((graph) => graphWords(graph, types)), totalWords(totals, per)].join('\n\n'),
  };
}

function header({ model, kind, origin, input, code, units, randomWeights }: Inspected['about']): string {
  return facts([
    ['model', model],
    ['kind', kind],
    ['origin', origin],
    ['input', input ? `${input.width}x${input.height}` : undefined],
    ['code', code?.join(' x ')],
    ['units', units ?? undefined],
    ['weights', randomWeights ? 'drawn at random: there is no file of them' : undefined],
  ]);
}

function graphWords({ name, inputs, layers, ...totals }: GraphFacts, types: Inspected['types']): string {
  const ends = inputs.map((input) => `${input.name} [${input.shape.join(', ')}]`).join(', ');
  const rows = layers.map((layer) => [
    layer.name,
    typeWords(layer, types),
    layer.shape.join(' x '),
    amount(layer.weights),
    amount(layer.macs),
    fieldWords(layer.receptiveField),
  ]);
  const sum = ['', '', '', amount(totals.weights), amount(totals.macs), ''];
  const head = ['LAYER', 'OP', 'OUTPUT', 'WEIGHTS', 'MACS', 'FIELD'];
  return `${name}, from ${ends}\n${columns([head, ...rows, sum])}`;
}

/** The source's name of the layer's type, or else the ops that it became. */
function typeWords({ name, ops }: LayerFacts, types: Inspected['types']): string {
  const text = types[name] ?? (ops.join('+') || '-');
  return text.length > 40 ? `${text.slice(0, 37)}...` : text;
}

/** `163@32`, `11x7@108,96` (height and width, top and left); what of it lies in the picture, if that is not all. */
export function fieldWords(field: ReceptiveField | null): string {
  if (!field) return '-';
  const one = ({ size, offset }: Pick<ReceptiveField, 'size' | 'offset'>): string =>
    size[0] === size[1] && offset[0] === offset[1]
      ? `${size[0]}@${offset[0]}`
      : `${size[0]}x${size[1]}@${offset[0]},${offset[1]}`;
  const [all, clipped] = [one(field), one(field.clipped)];
  return all === clipped ? all : `${all} (${clipped})`;
}

function totalWords({ weights, macs, activationBytes }: Cost, per: string): string {
  return facts([
    ['weights', `${amount(weights)} (${weights})`],
    [`MACs a ${per}`, `${amount(macs)} (${Math.round(macs)})`],
    [`activations a ${per}`, `${amount(activationBytes)}B in float32`],
  ]);
}

/** `0`, `448`, `65.4 M`, `1.19 G` */
export function amount(value: number): string {
  const units = ['', ' k', ' M', ' G', ' T'];
  let [scaled, unit] = [value, 0];
  for (; scaled >= 999.5 && unit < units.length - 1; unit++) scaled /= 1000;
  return `${unit === 0 ? Math.round(scaled) : Number(scaled.toPrecision(3))}${units[unit]}`;
}
