/**
 * Presets: named, complete settings of a synthesis, each after what it reproduces. One table, one entry a preset; a preset is
 * data of the type `SynthesisSettings`, valid in the API, on the command line and in the library.
 */
import { z } from 'zod';
import type {
  SynthesisBounds,
  SynthesisObjective,
  SynthesisOptimiser,
  SynthesisPenalties,
  SynthesisSequence,
  SynthesisSettings,
  SynthesisStart,
} from './synthesis.js';

export interface Preset {
  readonly describe: string;
  /** Settings with a generator, and with the pixels (or their Fourier coefficients) as code. */
  readonly generator: SynthesisSettings;
  readonly pixels: SynthesisSettings;
  /** With a generator, of a recogniser's videos, where these want others than pictures. */
  readonly videos?: SynthesisSettings;
}

/** Those of a preset's settings that a run takes. @param what whether codes are a generator's; pictures or one video */
export function presetSettings(
  { generator, pixels, videos }: Preset,
  what: { readonly generator: boolean; readonly pictures: boolean },
): SynthesisSettings {
  if (!what.generator) return pixels;
  return what.pictures ? generator : (videos ?? generator);
}

type Table<U, D extends keyof U> = { readonly [K in U[D] & string]: Extract<U, Record<D, K>> };

/** Variants as they are when a request names one that its preset has not, and says no more. */
export const VARIANTS: {
  readonly objective: Table<SynthesisObjective, 'kind'>;
  readonly sequence: Table<SynthesisSequence, 'form'>;
  readonly optimiser: Table<SynthesisOptimiser, 'rule'>;
  readonly bounds: Table<SynthesisBounds, 'kind'>;
  readonly start: Table<SynthesisStart, 'from'>;
} = {
  objective: {
    logit: { kind: 'logit' },
    log_softmax: { kind: 'log_softmax' },
    truncated_softmax: { kind: 'truncated_softmax' },
    logit_difference: { kind: 'logit_difference', rivals: [] },
    channel: { kind: 'channel' },
    direction: { kind: 'direction', vector: [] },
    weighted: { kind: 'weighted', weight: 1, with: [] },
    joint: { kind: 'joint', with: [], lambda: 0.01, gamma: 1 },
  },
  sequence: {
    free: { form: 'free' },
    keyframes: { form: 'keyframes', every: 2, interpolation: 'cubic' },
    dct: { form: 'dct', coefficients: 16 },
  },
  optimiser: {
    paper: { rule: 'paper', start: 8, end: 1e-10, schedule: 'linear', decay: 0.99, normalise: 'all' },
    adam: { rule: 'adam', rate: 0.1, end: 0.1, schedule: 'fade', decay: 1 },
    ppgn: { rule: 'ppgn', eps1: 0.01, eps2: 1, eps3: 0.01, schedule: 'constant', end: 1, resetEvery: 0 },
  },
  bounds: { box: { kind: 'box', scale: 1 }, sphere: { kind: 'sphere' }, none: { kind: 'none' } },
  start: {
    noise: { from: 'noise', identity: 1, movement: 1 },
    zero: { from: 'zero' },
    mean: { from: 'mean' },
    sample: { from: 'sample', scale: 1 },
    code: { from: 'code', code: [], noise: 0 },
    picture: { from: 'picture', by: 'encoder', iterations: 200, noise: 0 },
  },
};

const NO_PENALTIES: SynthesisPenalties = {
  smoothness: 0,
  acceleration: 0,
  naturalness: 0,
  identity: 0,
  energy: 0,
  pace: 0,
  manifold: 0,
  totalVariation: 0,
  code: 0,
  l2: 0,
  patch: 0,
};

/** Codes as they are, the paper's rule and constants. */
const PAPER: SynthesisSettings = {
  iterations: 200,
  objective: { kind: 'logit' },
  sequence: { form: 'free' },
  optimiser: VARIANTS.optimiser.paper,
  bounds: { kind: 'box', scale: 1 },
  start: { from: 'noise', identity: 1, movement: 1 },
  codes: 'raw',
  fit: 'auto',
  detail: 0,
  penalties: NO_PENALTIES,
  noise: 0,
  jitter: 0,
  zoom: 0,
  blur: { every: 0, sigma: 0 },
};

/** The paper's rule with other step sizes. */
const paper = (first: number, more: Partial<SynthesisSettings> = {}): SynthesisSettings => ({
  ...PAPER,
  optimiser: { ...VARIANTS.optimiser.paper, start: first },
  ...more,
});

/** One identity and keyframed movements, whitened: what the default and its like have in common. */
const WHITENED: SynthesisSettings = {
  ...PAPER,
  iterations: 80,
  sequence: { form: 'keyframes', every: 2, interpolation: 'cubic' },
  optimiser: { rule: 'adam', rate: 0.1, end: 0.1, schedule: 'fade', decay: 1 },
  codes: 'whitened',
  penalties: { ...NO_PENALTIES, acceleration: 0.5, naturalness: 0.3, identity: 1, energy: 3, manifold: 1 },
  noise: 0.3,
  jitter: 3,
};

/** The same of videos that are to move: measured in docs/quality.md. */
const PACED: SynthesisSettings = {
  ...WHITENED,
  iterations: 120,
  optimiser: { rule: 'adam', rate: 0.2, end: 0.1, schedule: 'fade', decay: 1 },
  penalties: { ...WHITENED.penalties, acceleration: 0.1, naturalness: 0.1, pace: 3 },
};

/** The same of pixels. */
const WHITENED_PIXELS: SynthesisSettings = {
  ...PAPER,
  iterations: 150,
  optimiser: { rule: 'adam', rate: 0.25, end: 0.1, schedule: 'fade', decay: 1 },
  start: { from: 'noise', identity: 0.1, movement: 0.02 },
  codes: 'whitened',
  penalties: { ...NO_PENALTIES, smoothness: 0.05, naturalness: 0.01, totalVariation: 20 },
  jitter: 2,
};

/**
 * A generator with waves on top, or waves alone, seen from near and far: preferred pictures of networks that see more than their
 * generator draws. Measured in docs/quality.md.
 */
const SEEN_ABOUT: SynthesisSettings = {
  ...PAPER,
  iterations: 150,
  optimiser: VARIANTS.optimiser.adam,
  start: { from: 'noise', identity: 0.3, movement: 0 },
  codes: 'whitened',
  penalties: { ...NO_PENALTIES, naturalness: 5, totalVariation: 200 },
  jitter: 16,
  zoom: 0.2,
};

/** Of pixels on the scale 0..1 the same steps would be far too long. */
const pixels = (first: number): SynthesisSettings => paper(first);

export const PRESETS = {
  default: {
    describe:
      'one identity and keyframed movements, whitened, with naturalness penalties, by Adam; videos move as much as real clips of the label do, where the model knows how much',
    generator: WHITENED,
    videos: PACED,
    pixels: WHITENED_PIXELS,
  },
  'paper-2016': {
    describe: 'the update rule and constants of Nguyen et al. (2016), every frame with its own code',
    generator: PAPER,
    pixels: pixels(0.05),
  },
  'paper-2016-googlenet': {
    describe: "the paper's constants for GoogLeNet: step sizes from 2 instead of 8",
    generator: paper(2),
    pixels: pixels(0.05),
  },
  'paper-2016-from-image': {
    describe: "the paper's constants from a real image's code: step sizes from 1, 30 iterations",
    generator: paper(1, { iterations: 30, start: VARIANTS.start.picture }),
    pixels: { ...pixels(0.02), iterations: 30, start: VARIANTS.start.picture },
  },
  'olah-2017': {
    describe:
      "natural waves on top of a generator's pictures, or, without a generator (prior `fourier`), alone; moved and zoomed at random (Olah et al. 2017): for networks that see more than the generator draws",
    generator: { ...SEEN_ABOUT, detail: 0.2 },
    // Alone, waves are five times as strong.
    pixels: {
      ...SEEN_ABOUT,
      optimiser: { ...VARIANTS.optimiser.adam, rate: 0.05 },
      start: { from: 'noise', identity: 0.1, movement: 0 },
    },
  },
  'two-units': {
    describe: 'two units in one input, equation 2 of the supplement; `objective.with` names the other',
    generator: paper(8, { objective: VARIANTS.objective.joint }),
    pixels: { ...pixels(0.05), objective: VARIANTS.objective.joint },
  },
  'figure-s9': {
    describe: "figures S9 and S10: a unit from several starts, the paper's constants for CaffeNet",
    generator: PAPER,
    pixels: pixels(0.05),
  },
  'figure-s11': {
    describe: 'figures S11 and S12: pairs of units, with both activations kept alike; as two-units',
    generator: paper(8, { objective: VARIANTS.objective.joint }),
    pixels: { ...pixels(0.05), objective: VARIANTS.objective.joint },
  },
  'figure-s13': {
    describe: 'figure S13: priors of other layers; each code is kept to its range and decays',
    generator: paper(8),
    pixels: paper(0.05, { bounds: VARIANTS.bounds.none }),
  },
  'figure-s14': {
    describe: "figures S14 to S16: hidden units, as the paper's program has them for conv5 of Places205",
    generator: paper(8),
    pixels: pixels(0.05),
  },
  'figure-s17': {
    describe:
      'figure S17: with a generator as the paper; without one L2 decay and Gaussian blurs (Yosinski et al. 2015)',
    generator: paper(8),
    pixels: {
      ...PAPER,
      optimiser: { rule: 'paper', start: 0.02, end: 0.005, schedule: 'linear', decay: 0.995, normalise: 'all' },
      bounds: VARIANTS.bounds.box,
      start: VARIANTS.start.mean,
      blur: { every: 4, sigma: 0.5 },
    },
  },
  'figure-s18': {
    describe:
      'figures S9, S10 and S18: starts of one unit that differ; a sampler whose noise takes each elsewhere (PPGN)',
    generator: {
      ...PAPER,
      iterations: 100,
      objective: VARIANTS.objective.log_softmax,
      optimiser: { ...VARIANTS.optimiser.ppgn, eps1: 0.1, eps2: 0.5, eps3: 0.15 },
      start: VARIANTS.start.sample,
    },
    pixels: {
      ...PAPER,
      objective: VARIANTS.objective.truncated_softmax,
      optimiser: { ...VARIANTS.optimiser.ppgn, eps2: 0.1, eps3: 0.02 },
    },
  },
} as const satisfies Record<string, Preset>;

export type PresetName = keyof typeof PRESETS;
export const PRESET_NAMES = Object.keys(PRESETS) as readonly PresetName[];

export const presetName = z
  .enum(Object.keys(PRESETS) as [PresetName, ...PresetName[]])
  .describe(
    'A named set of objective, rule, penalties and schedule: `default` looks best, `paper-2016` is the paper as is; docs/synthesis.md has them all.',
  );
