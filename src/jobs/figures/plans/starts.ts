/** Units from several starts, and all units. */
import type { ModelRegistry } from '../../../engine/models/registry.js';
import { isWithoutGenerator } from '../../../protocol/index.js';
import { inRows } from '../../../video/index.js';
import { requestOf, shortLabel, unitsOf, type FigureOptions, type FigurePlan, type PlannedModel } from '../plan.js';
import { made, modelOf, priorOf, wordsOf } from './common.js';

/**
 * Starts of one unit end near each other where each is only driven up; a sampler takes them elsewhere. Videos, and pixels without a
 * generator, are driven.
 */
function sampled(options: FigureOptions, model: PlannedModel): FigureOptions {
  const prior = priorOf(options, model);
  const driven = model.video || isWithoutGenerator(prior);
  return { ...options, preset: options.preset ?? (driven ? 'default' : 'figure-s18') };
}

/** n x n starts of one unit. */
export function startsOfOne(asked: FigureOptions, registry: ModelRegistry): FigurePlan {
  const model = modelOf(asked, registry);
  const options = sampled(asked, model);
  const [unit] = unitsOf(model, options.units, 1);
  const prior = priorOf(options, model);
  const { starts = 1 } = options;
  const request = requestOf(model, unit!, options, { starts, prior: prior ?? undefined });
  return {
    title: `${shortLabel(unit!)}: ${starts} starts`,
    subtitle: `${model.name}, ${wordsOf(options, prior)}`,
    panels: inRows(Array.from({ length: starts }, (_, start) => made(request, start, ''))),
  };
}

/** A row a unit, a column a start. */
export function startsOfMany(asked: FigureOptions, registry: ModelRegistry): FigurePlan {
  const model = modelOf(asked, registry);
  const options = sampled(asked, model);
  const units = unitsOf(model, options.units, 6);
  const prior = priorOf(options, model);
  const { starts = 1 } = options;
  return {
    title: `Starts of ${units.length} units of ${model.name}`,
    subtitle: wordsOf(options, prior),
    rows: units.map(shortLabel),
    columns: Array.from({ length: starts }, (_, start) => `start ${start + 1}`),
    panels: units.map((unit) => {
      const request = requestOf(model, unit, options, { starts, prior: prior ?? undefined });
      return Array.from({ length: starts }, (_, start) => made(request, start, ''));
    }),
  };
}

/** All units, one picture each. */
export function allUnits(options: FigureOptions, registry: ModelRegistry): FigurePlan {
  const model = modelOf(options, registry);
  const units = unitsOf(model, options.units, 100);
  const prior = priorOf(options, model);
  return {
    title: `${units.length} units of ${model.name}`,
    subtitle: wordsOf(options, prior),
    panels: inRows(
      units.map((unit) => made(requestOf(model, unit, options, { prior: prior ?? undefined }), 0, shortLabel(unit))),
      Math.ceil(Math.sqrt(units.length * 1.6)),
    ),
  };
}
