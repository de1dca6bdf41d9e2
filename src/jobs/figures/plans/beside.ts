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
import { PIXELS_SPACE } from '../../evaluation/measure.js';
import { made, modelOf, priorOf, VIDEOS, wordsOf } from './common.js';

/** A real clip beside preferred ones. */
export function realBeside(options: FigureOptions, registry: ModelRegistry): FigurePlan {
  const model = plannedModel(registry, options.model ?? VIDEOS);
  const units = unitsOf(model, options.units, 4);
  const prior = priorOf(options, model);
  const { starts = 1 } = options;
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

/** Real examples beside what was made, in each space. */
const NEIGHBOURS = 2;

/** A row a unit: what was made, and the real examples of its label that are nearest to it, in pixels and in each vector layer. */
export function neighbours(options: FigureOptions, registry: ModelRegistry): FigurePlan {
  const model = modelOf(options, registry);
  if (options.real === undefined) refuse('Neighbours are looked for among real examples: name them with --real.');
  const units = unitsOf(model, options.units, 6);
  const prior = priorOf(options, model);
  const layers = model.layers.flatMap(({ name, maps }) => (maps || name === 'logits' ? [] : [name]));
  const spaces = [PIXELS_SPACE, ...layers];
  const numbers = Array.from({ length: NEIGHBOURS }, (_, number) => number);
  return {
    title: `The nearest real examples: ${model.name}`,
    subtitle: wordsOf(options, prior),
    rows: units.map(shortLabel),
    columns: ['preferred', ...spaces.flatMap((space) => numbers.map(() => `nearest in ${space}`))],
    footer: 'x usual: the distance over that of a real example from the nearest other one; near 0 it would be a copy.',
    panels: units.map((unit) => {
      const request = requestOf(model, unit, options, { prior: prior ?? undefined });
      const near = spaces.flatMap((space) =>
        numbers.map((number): PanelPlan => {
          return { kind: 'real', model: model.name, unit, number, near: { request, start: 0, space } };
        }),
      );
      return [made(request, 0, ''), ...near];
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
