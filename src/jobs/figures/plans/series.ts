/** A network while it is trained. */
import type { ModelRegistry } from '../../../engine/models/registry.js';
import { plannedModel, requestOf, shortLabel, unitsOf, type FigureOptions, type FigurePlan } from '../plan.js';
import { made, PICTURES, priorOf, wordsOf } from './common.js';

/** What a package says of its accuracy on examples it was not trained on, a share from 0 to 1. */
function accuracyOf(registry: ModelRegistry, name: string): string | null {
  const { accuracy } = registry.load(name).manifest.quality;
  return typeof accuracy === 'number' ? `${(100 * accuracy).toFixed(0)} % accuracy` : null;
}

/** A row a checkpoint, a column a unit; the video shows one checkpoint after the other. */
export function checkpoints(options: FigureOptions, registry: ModelRegistry): FigurePlan {
  const last = options.model ?? PICTURES;
  const names = options.models ?? [...checkpointsOf(registry, last), last];
  const model = plannedModel(registry, last);
  const units = unitsOf(model, options.units, 6);
  const prior = priorOf(options, model);
  return {
    title: `What units of ${last} prefer, while it is trained`,
    subtitle: `The same seeds for each checkpoint; ${wordsOf(options, prior)}`,
    rows: names.map((name) =>
      [stepOf(name) ?? (name === last ? 'finished' : name), accuracyOf(registry, name)].filter(Boolean).join('\n'),
    ),
    columns: units.map(shortLabel),
    panels: names.map((name) => {
      const one = plannedModel(registry, name);
      return units.map((unit) => made(requestOf(one, unit, options, { prior: prior ?? undefined }), 0, ''));
    }),
    series: true,
  };
}

const stepOf = (name: string): string | null => {
  const step = /-at-(\d+)$/.exec(name)?.[1];
  return step === undefined ? null : `step ${step}`;
};

/** Packages `NAME-at-STEP`, by their steps. */
function checkpointsOf(registry: ModelRegistry, name: string): string[] {
  return registry
    .list()
    .flatMap((model) => (model.name.startsWith(`${name}-at-`) && stepOf(model.name) ? [model.name] : []))
    .sort((a, b) => Number(a.split('-at-')[1]) - Number(b.split('-at-')[1]));
}
