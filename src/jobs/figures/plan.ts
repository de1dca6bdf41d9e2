/** A figure as data: what is on each of its panels, before anything is made. */
import { isClassifier, unitIndex, type ModelRegistry } from '../../engine/models/registry.js';
import { NeuroreelError, type PictureRequestInput, type SynthesisOverrides } from '../../protocol/index.js';

/** What the command line may ask of a figure; what is absent is as the figure says. */
export interface FigureOptions {
  readonly model?: string | undefined;
  readonly units?: readonly (string | number)[] | undefined;
  readonly layers?: readonly string[] | undefined;
  readonly priors?: readonly string[] | undefined;
  readonly models?: readonly string[] | undefined;
  readonly preset?: string | undefined;
  readonly settings?: SynthesisOverrides | undefined;
  readonly starts?: number | undefined;
  readonly seed?: number | undefined;
  readonly iterations?: number | undefined;
  readonly frames?: number | undefined;
  /** Videos to put side by side. */
  readonly videos?: readonly string[] | undefined;
  /** Real examples, where the model brings none. */
  readonly real?: string | undefined;
}

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
  if (asked !== undefined) {
    const manifest = { labels, name: model.name } as unknown as Parameters<typeof unitIndex>[0];
    return asked.map((unit) => labels[unitIndex(manifest, unit)]!);
  }
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
  const { preset, seed, iterations, frames, settings } = options;
  return {
    ...{ model: model.name, unit, seed, iterations, settings },
    ...(preset !== undefined && { preset: preset as never }),
    ...(model.video && { frames }),
    ...more,
  };
}

export const shortLabel = (label: string): string => label.replace(/^n\d{8} /, '').split(',')[0]!;

export function refuse(message: string): never {
  throw new NeuroreelError('REQUEST_INVALID', message);
}
