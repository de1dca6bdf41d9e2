/** What is to be told of a model's layers, whoever asks: a command line, a server, a page. */
import type { ModelLayers } from '../../protocol/models.js';
import type { Graph } from '../graph/graph.js';
import type { ModelPackage } from '../models/package.js';
import { describeModel } from './layers.js';

/** What a table of layers begins with. */
export type ModelFacts = Omit<ModelLayers, 'per' | 'graphs' | 'totals'>;

/** The beginning of the table of an installed package. */
export function packageFacts({ manifest }: Pick<ModelPackage, 'manifest'>): ModelFacts {
  const { name, kind, source } = manifest;
  const size = manifest.kind === 'prior' ? null : manifest.input;
  return {
    ...{ model: name, kind, origin: source, randomWeights: false },
    input: size === null ? null : { width: size.width, height: size.height },
    code: manifest.kind === 'prior' ? (manifest.code.shape ?? [manifest.code.size]) : null,
    units: manifest.kind === 'prior' ? null : manifest.labels.length,
  };
}

/**
 * The layers of a model: what each gives, weighs, costs for one picture or frame, and sees of it.
 * @param types of layers by their names, as the source of the model calls them.
 */
export function modelLayersOf(
  facts: ModelFacts,
  graphs: Readonly<Record<string, Graph>>,
  types: Readonly<Record<string, string>> = {},
): ModelLayers {
  const { graphs: described, ...totals } = describeModel(graphs);
  const typed = described.map((graph) => ({
    ...graph,
    inputs: graph.inputs.map(({ name, shape }) => ({ name, shape: [...shape] })),
    layers: graph.layers.map(({ name, ops, shape, receptiveField, ...costs }) => ({
      ...{ name, type: types[name] ?? null, ops: [...ops], shape: [...shape], ...costs },
      receptiveField: receptiveField && {
        ...boxOf(receptiveField),
        clipped: boxOf(receptiveField.clipped),
      },
    })),
  }));
  return { ...facts, per: facts.kind === 'recogniser' ? 'frame' : 'picture', graphs: typed, totals };
}

type Pair = readonly [number, number];

function boxOf({ size, offset }: { readonly size: Pair; readonly offset: Pair }): {
  size: [number, number];
  offset: [number, number];
} {
  return { size: [...size], offset: [...offset] };
}
