/** A figure as data: what is on each of its panels, before anything is made. */
import { isClassifier, unitIndex, type ModelRegistry } from '../../engine/models/registry.js';
import { median } from '../../engine/evaluation/neighbours.js';
import type { Graph } from '../../engine/graph/graph.js';
import {
  NeuroreelError,
  type ClassifierManifest,
  type FigureOptions,
  type PictureRequestInput,
  type RecogniserManifest,
  type ReferenceActivations,
} from '../../protocol/index.js';

export type { FigureOptions };

export type PanelPlan = {
  /** Words below it instead of the unit's label; an empty text for none. */
  readonly label?: string | undefined;
  readonly frame?: string | undefined;
} & (
  | { readonly kind: 'made'; readonly request: PictureRequestInput; readonly start: number }
  | {
      readonly kind: 'real';
      readonly model: string;
      readonly unit: string;
      /** Which one, from 0. */
      readonly number: number;
      /** In the order of their distance from a made picture, in pixels or in a layer; in the order of their files if absent. */
      readonly near?: { readonly request: PictureRequestInput; readonly start: number; readonly space: string };
    }
  | { readonly kind: 'file'; readonly path: string }
);

export interface FigurePlan {
  readonly title: string;
  readonly subtitle: string;
  readonly rows?: readonly string[] | undefined;
  readonly columns?: readonly string[] | undefined;
  readonly panels: readonly (readonly (PanelPlan | null)[])[];
  /** Each row is a scene of the video, one after the other. */
  readonly series?: boolean | undefined;
  readonly footer?: string | undefined;
}

export interface PlannedLayer {
  readonly name: string;
  readonly units: number;
  /** Whether its units have rows and columns. */
  readonly maps: boolean;
  /** Whether it only pools the layer before. */
  readonly pools: boolean;
}

/** A model as a figure is planned from: its labels and its layers, without its weights in mind. */
export interface PlannedModel {
  readonly name: string;
  readonly video: boolean;
  readonly labels: readonly string[];
  /**
   * The labels in the order in which figures show them when none are asked for: its own default first, then those that real
   * examples excite most, where the model says how much; null where it does not.
   */
  readonly order: readonly string[] | null;
  /** Layers with units, in order: rows, columns and units of each. */
  readonly layers: readonly PlannedLayer[];
  readonly prior: string | null;
  readonly size: { readonly width: number; readonly height: number };
}

/** Loads what planning needs of a model. @throws {NeuroreelError} MODEL_UNKNOWN */
export function plannedModel(registry: ModelRegistry, name: string): PlannedModel {
  const model = registry.loadWithUnits(name);
  const { labels, defaults, input } = model.manifest;
  const network = isClassifier(model) ? model.graphs['network'] : undefined;
  const layers = (network?.outputs ?? []).flatMap(({ name: layer, value }): PlannedLayer[] => {
    const shape = network!.values[value]?.shape ?? [];
    const units = shape.length === 2 || shape.length === 4 ? shape[1]! : 0;
    return units === 0 ? [] : [{ name: layer, units, maps: shape.length === 4, pools: isPooling(network!, value) }];
  });
  const order = model.reference && orderOf(model.reference.activations, model.manifest);
  return { name, video: !isClassifier(model), labels, order, layers, prior: defaults.prior ?? null, size: input };
}

/** Whether a value is made by a pooling, with or without a ReLU after it. */
function isPooling(graph: Graph, value: number): boolean {
  const node = graph.nodes.find(({ outputs }) => outputs.includes(value));
  if (node?.op === 'Relu') return isPooling(graph, node.inputs[0]!);
  return node?.op.endsWith('Pool2d') ?? false;
}

/** Labels by the medians of the activations of real examples, the highest first; the default unit before them. */
function orderOf(
  activations: ReferenceActivations['activations'],
  manifest: ClassifierManifest | RecogniserManifest,
): string[] {
  const { labels, defaults } = manifest;
  const own = labels[unitIndex(manifest, defaults.unit ?? 0)]!;
  const of = (label: string): number => (label === own ? Infinity : median(activations[label] ?? [-Infinity]));
  return labels.toSorted((a, b) => of(b) - of(a));
}

/** The units asked for as labels; else those that the model shows first, or, where it does not say, spread over all. */
export function unitsOf(model: PlannedModel, asked: FigureOptions['units'], most: number): string[] {
  const { labels, order } = model;
  if (asked !== undefined) return asked.map((unit) => labels[unitIndex(model, unit)]!);
  const count = Math.min(most, labels.length);
  if (order && count < labels.length) return order.slice(0, count);
  return Array.from({ length: count }, (_, i) => labels[Math.floor((i * labels.length) / count)]!);
}

/** What all requests of a figure have in common. */
export function requestOf(
  model: PlannedModel,
  unit: string | number,
  options: FigureOptions,
  more: Partial<PictureRequestInput> = {},
): PictureRequestInput {
  const { preset, seed, iterations, frames, settings, picture } = options;
  const examples = model.video ? undefined : options.real;
  return {
    ...{ model: model.name, unit, seed, iterations, settings, preset, picture, examples },
    ...(model.video && { frames }),
    ...more,
  };
}

export const shortLabel = (label: string): string => label.replace(/^n\d{8} /, '').split(',')[0]!;

export function refuse(message: string): never {
  throw new NeuroreelError('REQUEST_INVALID', message);
}
