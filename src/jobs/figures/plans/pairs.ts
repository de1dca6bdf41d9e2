/** Two units in one picture (the supplement, S8, equation 2). */
import type { ModelRegistry } from '../../../engine/models/registry.js';
import type { SynthesisOverrides } from '../../../protocol/index.js';
import { inRows } from '../../../video/index.js';
import {
  refuse,
  requestOf,
  shortLabel,
  unitsOf,
  type FigureOptions,
  type FigurePlan,
  type PanelPlan,
  type PlannedModel,
} from '../plan.js';
import { made, modelOf, priorOf, wordsOf } from './common.js';

/** What one picture is to excite: two units at once, as equation 2 of the supplement has it. */
function jointSettings({ settings = {} }: FigureOptions, other: string): SynthesisOverrides {
  const { objective } = settings;
  const own = objective?.kind === 'joint' ? objective : {};
  return { ...settings, objective: { lambda: 0.01, gamma: 1, ...own, kind: 'joint', with: [{ unit: other }] } };
}

const joint = (model: PlannedModel, one: string, other: string, options: FigureOptions, starts: number) =>
  requestOf(model, one, options, {
    starts,
    settings: jointSettings(options, other),
    prior: priorOf(options, model) ?? undefined,
  });

const single = (model: PlannedModel, unit: string, options: FigureOptions): PanelPlan =>
  made(requestOf(model, unit, options, { prior: priorOf(options, model) ?? undefined }), 0, shortLabel(unit));

/** A row a pair: each unit alone, then both in one picture. */
export function pairs(options: FigureOptions, registry: ModelRegistry): FigurePlan {
  const model = modelOf(options, registry);
  const units = unitsOf(model, options.units, 8);
  if (units.length < 2) refuse('A figure of pairs needs two units, or four, six ... in order.');
  const { starts = 1 } = options;
  const couples = inRows(units, 2).filter((pair) => pair.length === 2) as [string, string][];
  return {
    title: `Pairs of units of ${model.name}`,
    subtitle: `Each alone, then both in one picture; ${wordsOf(options, priorOf(options, model))}`,
    rows: couples.map(([one, other]) => `${shortLabel(one)}\n+ ${shortLabel(other)}`),
    columns: ['one', 'the other', ...Array.from({ length: starts }, (_, start) => `both, ${start + 1}`)],
    panels: couples.map(([one, other]) => {
      const both = joint(model, one, other, options, starts);
      return [
        single(model, one, options),
        single(model, other, options),
        ...Array.from({ length: starts }, (_, start) => made(both, start, '')),
      ];
    }),
  };
}

/** A matrix of pairs: the units alone on its diagonal, each pair from one start above it and from another one below. */
export function pairMatrix(options: FigureOptions, registry: ModelRegistry): FigurePlan {
  const model = modelOf(options, registry);
  const units = unitsOf(model, options.units, 5);
  if (units.length < 2) refuse('A matrix of pairs needs at least two units.');
  return {
    title: `Every pair of ${units.length} units of ${model.name}`,
    subtitle: `On the diagonal each alone; ${wordsOf(options, priorOf(options, model))}`,
    footer: 'Above the diagonal one start, below it another; activations in the order of the units.',
    rows: units.map(shortLabel),
    columns: units.map(shortLabel),
    panels: units.map((one, r) =>
      units.map((other, c) => {
        if (c === r) return single(model, one, options);
        return c > r
          ? made(joint(model, one, other, options, 2), 0, '')
          : made(joint(model, other, one, options, 2), 1, '');
      }),
    ),
  };
}
