/**
 * The figures: one entry each, from options to a plan. To add a figure, add an entry; the command line, its help, the
 * pictures, the video and the document follow.
 */
import type { ModelRegistry } from '../../engine/models/registry.js';
import { montage } from './montage.js';
import { refuse, type FigureOptions, type FigurePlan } from './plan.js';
import { beside, neighbours, realBeside } from './plans/beside.js';
import { PICTURES, VIDEOS } from './plans/common.js';
import { layers } from './plans/layers.js';
import { methods, priors } from './plans/methods.js';
import { pairMatrix, pairs } from './plans/pairs.js';
import { checkpoints } from './plans/series.js';
import { allUnits, startsOfMany, startsOfOne } from './plans/starts.js';

export interface FigureEntry {
  readonly name: string;
  /** Other figures of the paper that are the same of other models. */
  readonly also?: readonly string[];
  /** What is on it, for `--help` and docs/figures.md. */
  readonly describe: string;
  /** What it has unless it is asked for something else; units only of the model that is named beside them. */
  readonly defaults: FigureOptions;
  plan(options: FigureOptions, registry: ModelRegistry): FigurePlan;
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
  {
    name: 's11',
    describe: 'pairs of units: each alone, and both in one picture',
    defaults: {
      model: PICTURES,
      units: ['lemon', 'jellyfish', 'espresso', 'jellyfish', 'ladybug', 'bell pepper', 'lighthouse', 'alp'],
    },
    plan: pairs,
  },
  {
    name: 's12',
    describe: 'every pair of some units, as a matrix',
    defaults: { model: PICTURES, units: ['jellyfish', 'lemon', 'espresso', 'bell pepper', 'ladybug'] },
    plan: pairMatrix,
  },
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
    // None of those on which the weights of the methods were chosen.
    defaults: { model: PICTURES, units: ['goldfish', 'school bus', 'monarch', 'lifeboat', 'sports car'] },
    plan: methods,
  },
  { name: 's18', describe: 'one unit, 25 starts', defaults: { starts: 25 }, plan: startsOfOne },
  {
    name: 's22',
    describe: 'what was made beside the nearest real examples (--real), in pixels and in layers: is it a copy?',
    defaults: {},
    plan: neighbours,
  },
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
