/** A figure as data: what is on each of its panels, before anything is made. */
import { isClassifier, unitIndex, type ModelRegistry } from '../../engine/models/registry.js';
import { NeuroreelError, type FigureOptions, type PictureRequestInput } from '../../protocol/index.js';

export type { FigureOptions };

export type PanelPlan = {
  /** Words below it instead of the unit's label; an empty text for none. */
  readonly label?: string | undefined;
  readonly frame?: string | undefined;
} & (
  | { readonly kind: 'made'; readonly request: PictureRequestInput; readonly start: number }
  | { readonly kind: 'real'; readonly model: string; readonly unit: string; readonly number: number }
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

/** A model as a figure is planned from: its labels and its layers, without its weights in mind. */
export interface PlannedModel {
  readonly name: string;
  readonly video: boolean;
  readonly labels: readonly string[];
  /** Layers with units, in order: rows, columns and units of each. */
  readonly layers: readonly { readonly name: string; readonly units: number; readonly maps: boolean }[];
  readonly prior: string | null;
  readonly size: { readonly width: number; readonly height: number };
}

/** Loads what planning needs of a model. @throws {NeuroreelError} MODEL_UNKNOWN */
export function plannedModel(registry: ModelRegistry, name: string): PlannedModel {
  const model = registry.loadWithUnits(name);
  const { labels, defaults, input } = model.manifest;
  const network = isClassifier(model) ? model.graphs['network'] : undefined;
  const layers = (network?.outputs ?? []).flatMap(({ name: layer, value }) => {
    const shape = network!.values[value]?.shape ?? [];
    return shape.length === 2 || shape.length === 4
      ? [{ name: layer, units: shape[1]!, maps: shape.length === 4 }]
      : [];
  });
  return { name, video: !isClassifier(model), labels, layers, prior: defaults.prior ?? null, size: input };
}

/** The units asked for as labels, or the first so many, spread over all. */
export function unitsOf(model: PlannedModel, asked: FigureOptions['units'], most: number): string[] {
  const { labels } = model;
  if (asked !== undefined) return asked.map((unit) => labels[unitIndex(model, unit)]!);
  const count = Math.min(most, labels.length);
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
