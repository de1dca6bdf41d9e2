/** What is there already, beside each other and beside what is made. */
import type { ModelRegistry } from '../../../engine/models/registry.js';
import {
  plannedModel,
  refuse,
  requestOf,
  shortLabel,
  unitsOf,
  type FigureOptions,
  type FigurePlan,
  type PanelPlan,
} from '../plan.js';
import { made, priorOf, VIDEOS, wordsOf } from './common.js';

/** A real clip beside preferred ones. */
export function realBeside(options: FigureOptions, registry: ModelRegistry): FigurePlan {
  const model = plannedModel(registry, options.model ?? VIDEOS);
  const units = unitsOf(model, options.units, 4);
  const prior = priorOf(options, model);
  const starts = options.starts ?? 2;
  return {
    title: `Real and preferred: ${model.name}`,
    subtitle: wordsOf(options, prior),
    rows: units.map(shortLabel),
    columns: ['real', 'real', ...Array.from({ length: starts }, (_, start) => `preferred, ${start + 1}`)],
    panels: units.map((unit) => {
      const request = requestOf(model, unit, options, { starts, prior: prior ?? undefined });
      return [
        ...[0, 1].map((number): PanelPlan => ({ kind: 'real', model: model.name, unit, number, label: '' })),
        ...Array.from({ length: starts }, (_, start) => made(request, start, '')),
      ];
    }),
  };
}

/** Videos or pictures that are there already. */
export function beside(stacked: boolean): (options: FigureOptions) => FigurePlan {
  return ({ videos = [] }) => {
    if (videos.length < 2) refuse('Name two or more videos with --videos.');
    const panels = videos.map((path): PanelPlan => ({ kind: 'file', path }));
    return {
      title: stacked ? 'One below the other' : 'Side by side',
      subtitle: `${videos.length} videos`,
      panels: stacked ? panels.map((panel) => [panel]) : [panels],
    };
  };
}
