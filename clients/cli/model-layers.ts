/** What `neuroreel models inspect` finds out about a model, and the table that people get of it. */
import { existsSync } from 'node:fs';
import { join, resolve, sep } from 'node:path';
import { modelLayersOf, packageFacts, type ModelFacts } from '../../src/engine/analysis/inspect.js';
import { readModel } from '../../src/engine/formats/import.js';
import type { ImportedModel, ReadOptions } from '../../src/engine/formats/format.js';
import type { Graph } from '../../src/engine/graph/graph.js';
import { readManifest, readPackage, type ModelPackage } from '../../src/engine/models/package.js';
import type { ModelRegistry } from '../../src/engine/models/registry.js';
import { NeuroreelError, type LayerFacts, type ModelLayers } from '../../src/protocol/index.js';
import { columns, facts } from './format.js';

/** A model of any origin, as far as its layers go. */
interface Inspected {
  /** Of a package. */
  readonly folder: string | null;
  readonly facts: ModelFacts;
  readonly graphs: Readonly<Record<string, Graph>>;
  /** Types of layers as the source calls them. */
  readonly types: Readonly<Record<string, string>>;
}

function ofPackage(found: ModelPackage): Inspected {
  return { folder: found.directory, facts: packageFacts(found), graphs: found.graphs, types: {} };
}

function ofFile(path: string, model: ImportedModel): Inspected {
  const { kind, origin, width, height, types = {}, randomWeights = false } = model;
  const facts: ModelFacts = {
    ...{ model: path, kind: kind === 'network' ? 'classifier' : kind, origin, randomWeights },
    input: kind === 'generator' ? null : { width, height },
    code: model.kind === 'generator' ? [...model.code] : null,
    units: model.kind === 'generator' ? null : model.units,
  };
  return { folder: null, facts, graphs: { ...model.graphs }, types };
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
export interface LayersDocument extends ModelLayers {
  readonly folder: string | null;
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
  const { facts: about, folder, graphs, types } = await open(what, registry, options);
  const layers = modelLayersOf(about, graphs, types);
  return {
    document: { ...layers, folder },
    text: [header(about), ...layers.graphs.map(graphWords), totalWords(layers.totals, layers.per)].join('\n\n'),
  };
}

function header({ model, kind, origin, input, code, units, randomWeights }: ModelFacts): string {
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

function graphWords({ name, inputs, layers, ...totals }: ModelLayers['graphs'][number]): string {
  const ends = inputs.map((input) => `${input.name} [${input.shape.join(', ')}]`).join(', ');
  const rows = layers.map((layer) => [
    layer.name,
    typeWords(layer),
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
function typeWords({ type, ops }: LayerFacts): string {
  const text = type ?? (ops.join('+') || '-');
  return text.length > 40 ? `${text.slice(0, 37)}...` : text;
}

/** `163@32`, `11x7@108,96` (height and width, top and left); what of it lies in the picture, if that is not all. */
export function fieldWords(field: LayerFacts['receptiveField']): string {
  if (!field) return '-';
  const one = ({ size, offset }: Pick<NonNullable<LayerFacts['receptiveField']>, 'size' | 'offset'>): string =>
    size[0] === size[1] && offset[0] === offset[1]
      ? `${size[0]}@${offset[0]}`
      : `${size[0]}x${size[1]}@${offset[0]},${offset[1]}`;
  const [all, clipped] = [one(field), one(field.clipped)];
  return all === clipped ? all : `${all} (${clipped})`;
}

function totalWords({ weights, macs, activationBytes }: ModelLayers['totals'], per: string): string {
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
