/**
 * The figures: one entry each, from options to a plan. To add a figure, add an entry; the command line, its help, the
 * pictures, the video and the document follow.
 */
import { NeuroreelError, type PictureRequestInput, type SynthesisOverrides } from '../../protocol/index.js';
import type { ModelRegistry } from '../../engine/models/registry.js';
import { inRows } from '../../video/index.js';
import { montage } from './montage.js';
import {
  plannedModel,
  refuse,
  requestOf,
  shortLabel,
  unitsOf,
  type FigureOptions,
  type FigurePlan,
  type PanelPlan,
  type PlannedModel,
} from './plan.js';

export interface FigureEntry {
  readonly name: string;
  /** Other figures of the paper that are the same of other models. */
  readonly also?: readonly string[];
  /** What is on it, for `--help` and docs/figures.md. */
  readonly describe: string;
  /** What it has unless it is asked for something else. */
  readonly defaults: FigureOptions;
  plan(options: FigureOptions, registry: ModelRegistry): FigurePlan;
}

const PICTURES = 'tiny-objects';
const VIDEOS = 'figures-lrcn';

const modelOf = (options: FigureOptions, registry: ModelRegistry): PlannedModel =>
  plannedModel(registry, options.model ?? PICTURES);

const made = (request: PictureRequestInput, start = 0, label?: string): PanelPlan => ({
  kind: 'made',
  request,
  start,
  ...(label !== undefined && { label }),
});

const wordsOf = ({ preset = 'default', seed = 1 }: FigureOptions, prior: string | null): string =>
  `preset ${preset}, seed ${seed}, ${prior === null || prior === 'pixels' ? 'without a prior' : `through ${prior}`}`;

const priorOf = (options: FigureOptions, model: PlannedModel): string | null => options.priors?.[0] ?? model.prior;

/** n x n starts of one unit. */
function startsOfOne(options: FigureOptions, registry: ModelRegistry): FigurePlan {
  const model = modelOf(options, registry);
  const [unit] = unitsOf(model, options.units, 1);
  const prior = priorOf(options, model);
  const starts = options.starts ?? 9;
  const request = requestOf(model, unit!, options, { starts, prior: prior ?? undefined });
  return {
    title: `${shortLabel(unit!)}: ${starts} starts`,
    subtitle: `${model.name}, ${wordsOf(options, prior)}`,
    panels: inRows(Array.from({ length: starts }, (_, start) => made(request, start, ''))),
  };
}

/** A row a unit, a column a start. */
function startsOfMany(options: FigureOptions, registry: ModelRegistry): FigurePlan {
  const model = modelOf(options, registry);
  const units = unitsOf(model, options.units, 6);
  const prior = priorOf(options, model);
  const starts = options.starts ?? 6;
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
function allUnits(options: FigureOptions, registry: ModelRegistry): FigurePlan {
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
function pairs(options: FigureOptions, registry: ModelRegistry): FigurePlan {
  const model = modelOf(options, registry);
  const units = unitsOf(model, options.units, 8);
  if (units.length < 2) refuse('A figure of pairs needs two units, or four, six ... in order.');
  const starts = options.starts ?? 3;
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

/** A matrix of pairs: the units alone on its diagonal, each pair above it. */
function pairMatrix(options: FigureOptions, registry: ModelRegistry): FigurePlan {
  const model = modelOf(options, registry);
  const units = unitsOf(model, options.units, 5);
  if (units.length < 2) refuse('A matrix of pairs needs at least two units.');
  return {
    title: `Every pair of ${units.length} units of ${model.name}`,
    subtitle: `On the diagonal each alone; ${wordsOf(options, priorOf(options, model))}`,
    rows: units.map(shortLabel),
    columns: units.map(shortLabel),
    panels: units.map((one, r) =>
      units.map((other, c) => {
        if (c < r) return null;
        return c === r ? single(model, one, options) : made(joint(model, one, other, options, 1), 0, '');
      }),
    ),
  };
}

/** A row a unit, a column a prior. */
function priors(options: FigureOptions, registry: ModelRegistry): FigurePlan {
  const model = modelOf(options, registry);
  const units = unitsOf(model, options.units, 6);
  const fitting = options.priors ?? [...fittingPriors(model, registry), 'pixels'];
  return {
    title: `Priors for ${model.name}`,
    subtitle: `The same units and seeds; ${wordsOf(options, null).replace(', without a prior', '')}`,
    rows: units.map(shortLabel),
    columns: fitting.map((prior) => (prior === 'pixels' ? 'no prior' : prior)),
    panels: units.map((unit) => fitting.map((prior) => made(requestOf(model, unit, options, { prior }), 0, ''))),
  };
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

/** A row a layer, a column a unit: each at the size of what it sees. */
function layers(options: FigureOptions, registry: ModelRegistry): FigurePlan {
  const model = modelOf(options, registry);
  const known = model.layers.map(({ name }) => name);
  const asked = options.layers ?? known;
  for (const layer of asked) {
    if (known.includes(layer)) continue;
    const there = known.join(', ') || 'none of a recogniser';
    throw new NeuroreelError('UNIT_UNKNOWN', `${model.name} has no layer "${layer}"; there are: ${there}.`);
  }
  if (asked.length === 0) refuse(`${model.name} has no hidden layers to show.`);
  const prior = priorOf(options, model);
  const columns = options.units?.length ?? options.starts ?? 6;
  return {
    title: `Units of the layers of ${model.name}`,
    subtitle: `Each at the size of its receptive field; ${wordsOf(options, prior)}`,
    rows: asked.map((layer) => (layer === 'logits' ? 'labels' : layer)),
    panels: asked.map((layer) => {
      const { units } = model.layers.find(({ name }) => name === layer)!;
      return Array.from({ length: columns }, (_, i) => {
        const unit = options.units?.[i] ?? Math.floor((i * units) / columns);
        if (typeof unit === 'number' && unit >= units) return null;
        const request = requestOf(model, unit, options, {
          ...(layer !== 'logits' && { layer }),
          prior: prior ?? undefined,
        });
        return made(request, 0, layer === 'logits' ? undefined : `unit ${unit}`);
      });
    }),
  };
}

/** Ways to keep pictures natural without a generator, as figure S17 compares them: settings on top of the preset. */
const METHODS: readonly { readonly name: string; readonly prior?: string; readonly settings?: SynthesisOverrides }[] = [
  { name: 'generator' },
  { name: 'nothing', prior: 'pixels', settings: { penalties: { totalVariation: 0, naturalness: 0 }, jitter: 0 } },
  {
    name: 'L2 decay',
    prior: 'pixels',
    settings: { penalties: { totalVariation: 0, naturalness: 0, l2: 20 }, jitter: 0 },
  },
  {
    name: 'Gaussian blur',
    prior: 'pixels',
    settings: { penalties: { totalVariation: 0, naturalness: 0 }, jitter: 0, blur: { every: 4, sigma: 0.8 } },
  },
  {
    name: 'total variation',
    prior: 'pixels',
    settings: { penalties: { totalVariation: 60, naturalness: 0 }, jitter: 0 },
  },
  { name: 'jitter', prior: 'pixels', settings: { penalties: { totalVariation: 0, naturalness: 0 }, jitter: 4 } },
  {
    name: 'mean start',
    prior: 'pixels',
    settings: { penalties: { totalVariation: 20, naturalness: 0 }, start: { from: 'mean' } },
  },
  {
    name: 'patch prior',
    prior: 'pixels',
    settings: { penalties: { totalVariation: 0, naturalness: 0, patch: 2 }, jitter: 0 },
  },
  { name: 'Fourier', prior: 'fourier', settings: { penalties: { totalVariation: 20, naturalness: 0 } } },
];

/** A row a unit, a column a method. */
function methods(options: FigureOptions, registry: ModelRegistry): FigurePlan {
  const model = modelOf(options, registry);
  const units = unitsOf(model, options.units, 5);
  return {
    title: `Ways to keep a picture natural: ${model.name}`,
    subtitle: 'With a generator, and without one by other means; the same units and seeds',
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

/** What a package says of its accuracy, a share from 0 to 1. */
function accuracyOf(registry: ModelRegistry, name: string): string | null {
  const { accuracy } = registry.load(name).manifest.quality;
  return typeof accuracy === 'number' ? `${(100 * accuracy).toFixed(0)} % right` : null;
}

/** A row a checkpoint, a column a unit; the video shows one checkpoint after the other. */
function checkpoints(options: FigureOptions, registry: ModelRegistry): FigurePlan {
  const last = options.model ?? PICTURES;
  const names = options.models ?? [...checkpointsOf(registry, last), last];
  const model = plannedModel(registry, last);
  const units = unitsOf(model, options.units, 6);
  const prior = priorOf(options, model);
  return {
    title: `What units of ${last} prefer, while it is trained`,
    subtitle: `The same seeds for each checkpoint; ${wordsOf(options, prior)}`,
    rows: names.map((name) => [stepOf(name) ?? name, accuracyOf(registry, name)].filter(Boolean).join('\n')),
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

/** A real clip beside preferred ones. */
function realBeside(options: FigureOptions, registry: ModelRegistry): FigurePlan {
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
function beside(stacked: boolean): FigureEntry['plan'] {
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

/** Every figure. */
export const FIGURES: readonly FigureEntry[] = [
  {
    name: 's6',
    describe: 'a network while it is trained: units by checkpoints, and one MP4 over all of them',
    defaults: {},
    plan: checkpoints,
  },
  { name: 's9', describe: 'one unit, n x n starts', defaults: {}, plan: startsOfOne },
  { name: 's10', describe: 'several units, several starts each', defaults: {}, plan: startsOfMany },
  { name: 's11', describe: 'pairs of units: each alone, and both in one picture', defaults: {}, plan: pairs },
  { name: 's12', describe: 'every pair of some units, as a matrix', defaults: {}, plan: pairMatrix },
  { name: 's13', describe: 'units by priors', defaults: {}, plan: priors },
  {
    name: 's14',
    also: ['s15', 's16'],
    describe:
      'units by layers, each at the size of its receptive field (S15 and S16 are the same of other models: --model)',
    defaults: {},
    plan: layers,
  },
  {
    name: 's17',
    describe: 'units by methods: with a generator, and without one by other means',
    defaults: {},
    plan: methods,
  },
  { name: 's18', describe: 'one unit, 25 starts', defaults: { starts: 25 }, plan: startsOfOne },
  {
    name: 'image',
    describe: 'units of a model from several starts, what `neuroreel image` makes',
    defaults: {},
    plan: montage,
  },
  { name: 'units', describe: 'every unit of a model, one picture each', defaults: {}, plan: allUnits },
  {
    name: 'real',
    describe: 'real clips beside preferred videos',
    defaults: { model: VIDEOS, frames: 32 },
    plan: realBeside,
  },
  { name: 'beside', describe: 'finished videos side by side', defaults: {}, plan: beside(false) },
  { name: 'stacked', describe: 'finished videos one below the other', defaults: {}, plan: beside(true) },
];

/** The entry of a name. @throws {NeuroreelError} REQUEST_INVALID with the names there are */
export function figureNamed(name: string): FigureEntry {
  const wanted = name.toLowerCase().replace(/^figure-?/, '');
  const found = FIGURES.find((entry) => entry.name === wanted || entry.also?.includes(wanted));
  if (found !== undefined) return found;
  const names = FIGURES.flatMap((entry) => [entry.name, ...(entry.also ?? [])]).join(', ');
  return refuse(`No figure is named ${JSON.stringify(name)}; there are: ${names}.`);
}
