/** What plans of figures have in common. */
import type { ModelRegistry } from '../../../engine/models/registry.js';
import { PIXELS, type PictureRequestInput } from '../../../protocol/index.js';
import { plannedModel, type FigureOptions, type PanelPlan, type PlannedModel } from '../plan.js';

/** The model of pictures, and of videos, that figures are of unless another one is asked for. */
export const PICTURES = 'tiny-objects';
export const VIDEOS = 'figures-lrcn';

export const modelOf = (options: FigureOptions, registry: ModelRegistry): PlannedModel =>
  plannedModel(registry, options.model ?? PICTURES);

export const made = (request: PictureRequestInput, start = 0, label?: string): PanelPlan => ({
  kind: 'made',
  request,
  start,
  ...(label !== undefined && { label }),
});

export const wordsOf = ({ preset = 'default', seed = 1 }: FigureOptions, prior: string | null): string =>
  `preset ${preset}, seed ${seed}, ${prior === null || prior === PIXELS ? 'without a prior' : `through ${prior}`}`;

export const priorOf = (options: FigureOptions, model: PlannedModel): string | null =>
  options.priors?.[0] ?? model.prior;
