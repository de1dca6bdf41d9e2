/** The same units by other means: other priors, and means that do without one. */
import type { ModelRegistry } from '../../../engine/models/registry.js';
import { FOURIER, PIXELS, type SynthesisOverrides } from '../../../protocol/index.js';
import { requestOf, shortLabel, unitsOf, type FigureOptions, type FigurePlan, type PlannedModel } from '../plan.js';
import { made, modelOf, priorOf, wordsOf } from './common.js';

/** A row a unit, a column a prior. */
export function priors(options: FigureOptions, registry: ModelRegistry): FigurePlan {
  const model = modelOf(options, registry);
  const units = unitsOf(model, options.units, 6);
  const fitting = options.priors ?? [...fittingPriors(model, registry), PIXELS];
  return {
    title: `Priors for ${model.name}`,
    subtitle: `The same units and seeds; ${wordsOf(options, null).replace(', without a prior', '')}`,
    rows: units.map(shortLabel),
    columns: fitting.map((prior) => columnOf(prior, registry)),
    footer: fitting.includes(PIXELS)
      ? 'no prior: pixels that are moved about, kept smooth by total variation'
      : undefined,
    panels: units.map((unit) => fitting.map((prior) => made(withPrior(model, unit, options, prior), 0, ''))),
  };
}

/** A request for a prior; without one by the means that S17 shows to be best. */
function withPrior(model: PlannedModel, unit: string, options: FigureOptions, prior: string) {
  const settings = prior === PIXELS ? { ...JITTER_AND_VARIATION, ...options.settings } : options.settings;
  return requestOf(model, unit, options, { prior, settings });
}

/** A prior by its name and the layer that it inverts. */
function columnOf(prior: string, registry: ModelRegistry): string {
  if (prior === PIXELS) return 'no prior';
  if (prior === FOURIER) return prior;
  return `${prior} (${registry.loadPrior(prior).manifest.code.layer.split(' ')[0]!})`;
}

/** Installed priors whose pictures are not smaller than the model's input; the model's own first. */
function fittingPriors(model: PlannedModel, registry: ModelRegistry): string[] {
  const { width, height } = model.size;
  const names = registry
    .list()
    .filter(({ kind, input }) => kind === 'prior' && input.width >= width && input.height >= height)
    .map(({ name }) => name);
  const others = names.filter((name) => name !== model.prior && sharesPrefix(name, model.prior));
  return [...(model.prior === null ? [] : [model.prior]), ...others];
}

/** Priors of one data set are named alike: `natural-prior`, `natural-prior-conv`. */
const sharesPrefix = (name: string, prior: string | null): boolean =>
  prior === null || name.split('-')[0] === prior.split('-')[0];

/** Nothing but the objective; what a method adds is beside it. */
const bare = (penalties: SynthesisOverrides['penalties'] = {}, more: SynthesisOverrides = {}): SynthesisOverrides => ({
  jitter: 0,
  ...more,
  penalties: { totalVariation: 0, naturalness: 0, ...penalties },
});

/** Total variation on pixels that are moved about: the best that does without a generator in pixels. */
const JITTER_AND_VARIATION = bare({ totalVariation: 500 }, { jitter: 4 });

/**
 * Ways to keep pictures natural without a generator, as figure S17 compares them: settings on top of the preset. Weights are
 * for pictures of 64 x 64 and were chosen on units that the figure does not show: docs/figures.md tells how.
 */
const METHODS: readonly { readonly name: string; readonly prior?: string; readonly settings?: SynthesisOverrides }[] = [
  { name: 'generator' },
  { name: 'nothing', prior: PIXELS, settings: bare() },
  { name: 'L2 decay', prior: PIXELS, settings: bare({ l2: 2000 }) },
  { name: 'blur', prior: PIXELS, settings: bare({}, { blur: { every: 4, sigma: 0.6 } }) },
  { name: 'variation', prior: PIXELS, settings: bare({ totalVariation: 1000 }) },
  { name: 'mean start', prior: PIXELS, settings: bare({ totalVariation: 2000 }, { start: { from: 'mean' } }) },
  { name: 'patch prior', prior: PIXELS, settings: bare({ patch: 30 }) },
  { name: 'jitter', prior: PIXELS, settings: JITTER_AND_VARIATION },
  { name: 'Fourier', prior: FOURIER, settings: bare({ totalVariation: 300, l2: 50 }, { jitter: 4 }) },
];

const WORDS = 'variation: total variation, which mean start, jitter and Fourier have, too';

/** A row a unit, a column a method. */
export function methods(options: FigureOptions, registry: ModelRegistry): FigurePlan {
  const model = modelOf(options, registry);
  const units = unitsOf(model, options.units, 5);
  return {
    title: `Ways to keep a picture natural: ${model.name}`,
    subtitle: `Through ${priorOf(options, model) ?? 'no generator'}, and without a generator by other means; seed ${options.seed ?? 1}`,
    footer: WORDS,
    rows: units.map(shortLabel),
    columns: METHODS.map(({ name }) => name),
    panels: units.map((unit) =>
      METHODS.map(({ prior, settings }) => {
        const own = prior ?? priorOf(options, model) ?? undefined;
        const merged = settings && { ...settings, ...options.settings };
        return made(requestOf(model, unit, options, { prior: own, ...(merged && { settings: merged }) }), 0, '');
      }),
    ),
  };
}
