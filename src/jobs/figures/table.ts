/**
 * The figures: one entry each, from options to a plan. To add a figure, add an entry; the command line, its help, the
 * pictures, the video and the document follow.
 */
import type { ModelRegistry } from '../../engine/models/registry.js';
import type { FigureFacts } from '../../protocol/index.js';
import { montage } from './montage.js';
import { refuse, type FigureOptions, type FigurePlan } from './plan.js';
import { beside, neighbours, realBeside } from './plans/beside.js';
import { PICTURES, VIDEOS } from './plans/common.js';
import { layers } from './plans/layers.js';
import { methods, priors } from './plans/methods.js';
import { pairMatrix, pairs } from './plans/pairs.js';
import { checkpoints } from './plans/series.js';
import { allUnits, startsOfMany, startsOfOne } from './plans/starts.js';

export interface FigureEntry extends FigureFacts {
  readonly plan: (options: FigureOptions, registry: ModelRegistry) => FigurePlan;
}

const BOTH = ['classifier', 'recogniser'] as const;
/** What all figures take whose pictures are made. */
const MADE = ['model', 'units', 'priors', 'preset', 'settings', 'seed', 'iterations', 'frames', 'fps'] as const;
const STARTS = [...MADE, 'starts'] as const;

/** Every figure. */
export const FIGURES: readonly FigureEntry[] = [
  {
    name: 's6',
    describe: 'a network while it is trained: units by checkpoints, and one MP4 over all of them',
    ...{ models: BOTH, takes: [...MADE, 'checkpoints'], defaults: { model: PICTURES } },
    plan: checkpoints,
  },
  {
    name: 's9',
    describe: 'one unit, n x n starts',
    ...{ models: BOTH, takes: STARTS, defaults: { model: PICTURES, starts: 9 } },
    plan: startsOfOne,
  },
  {
    name: 's10',
    describe: 'several units, several starts each',
    ...{ models: BOTH, takes: STARTS, defaults: { model: PICTURES, starts: 6 } },
    plan: startsOfMany,
  },
  {
    name: 's11',
    describe: 'pairs of units: each alone, and both in one picture',
    ...{ models: BOTH, takes: STARTS },
    defaults: {
      model: PICTURES,
      units: ['lemon', 'jellyfish', 'espresso', 'jellyfish', 'ladybug', 'bell pepper', 'lighthouse', 'alp'],
      starts: 3,
    },
    plan: pairs,
  },
  {
    name: 's12',
    describe: 'every pair of some units, as a matrix',
    ...{ models: BOTH, takes: MADE },
    defaults: { model: PICTURES, units: ['jellyfish', 'lemon', 'espresso', 'bell pepper', 'ladybug'] },
    plan: pairMatrix,
  },
  {
    name: 's13',
    describe: 'units by priors',
    ...{ models: BOTH, takes: MADE, defaults: { model: PICTURES } },
    plan: priors,
  },
  {
    name: 's14',
    also: ['s15', 's16'],
    describe: 'units by layers, each at the size of its receptive field',
    ...{ models: ['classifier'], takes: [...STARTS, 'layers'], defaults: { model: PICTURES, starts: 6 } },
    plan: layers,
  },
  {
    name: 's17',
    describe: 'units by methods: with a generator, and without one by other means',
    ...{ models: BOTH, takes: [...MADE, 'real'] },
    // None of those on which the weights of the methods were chosen.
    defaults: { model: PICTURES, units: ['goldfish', 'school bus', 'monarch', 'lifeboat', 'sports car'] },
    plan: methods,
  },
  {
    name: 's18',
    describe: 'one unit, 25 starts',
    ...{ models: BOTH, takes: STARTS, defaults: { model: PICTURES, starts: 25 } },
    plan: startsOfOne,
  },
  {
    name: 's22',
    describe: 'what was made beside the nearest real examples, in pixels and in layers: is it a copy?',
    ...{ models: BOTH, takes: [...MADE, 'real'], needs: ['real'], defaults: { model: PICTURES } },
    plan: neighbours,
  },
  {
    name: 'image',
    describe: 'units of a model from several starts, what `neuroreel image` makes',
    ...{ models: BOTH, takes: STARTS, defaults: { model: PICTURES, starts: 1 } },
    plan: montage,
  },
  {
    name: 'units',
    describe: 'every unit of a model, one picture each',
    ...{ models: BOTH, takes: MADE, defaults: { model: PICTURES } },
    plan: allUnits,
  },
  {
    name: 'real',
    describe: 'real clips beside preferred videos',
    ...{ models: BOTH, takes: [...STARTS, 'real'], defaults: { model: VIDEOS, frames: 32, starts: 2 } },
    plan: realBeside,
  },
  {
    name: 'beside',
    describe: 'finished videos side by side',
    ...{ models: [], takes: ['jobs', 'fps'], needs: ['jobs'], defaults: {} },
    plan: beside(false),
  },
  {
    name: 'stacked',
    describe: 'finished videos one below the other',
    ...{ models: [], takes: ['jobs', 'fps'], needs: ['jobs'], defaults: {} },
    plan: beside(true),
  },
];

/** What there is to know of each figure, for help and for forms. */
export const FIGURE_FACTS: readonly FigureFacts[] = FIGURES.map(({ plan: _, ...facts }) => facts);

/** A figure's options with its defaults; its units are those of its own model. */
export function withDefaults({ defaults }: FigureEntry, asked: FigureOptions): FigureOptions {
  const given = Object.fromEntries(Object.entries(asked).filter(([, value]) => value !== undefined));
  const { units, ...others } = defaults;
  const own = asked.model === undefined || asked.model === defaults.model;
  return { ...others, ...(own && units && { units }), ...given };
}

/** The entry of a name. @throws {NeuroreelError} REQUEST_INVALID with the names there are */
export function figureNamed(name: string): FigureEntry {
  const wanted = name.toLowerCase().replace(/^figure-?/, '');
  const found = FIGURES.find((entry) => entry.name === wanted || entry.also?.includes(wanted));
  if (found !== undefined) return found;
  const names = FIGURES.flatMap((entry) => [entry.name, ...(entry.also ?? [])]).join(', ');
  return refuse(`No figure is named ${JSON.stringify(name)}; there are: ${names}.`);
}
