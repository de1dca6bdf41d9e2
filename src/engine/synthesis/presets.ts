/** Presets: named, complete settings of a synthesis run. */
import type { ObjectiveName } from './objectives.js';
import type { SequenceSettings } from './sequences.js';

/** The update rule of DGN-AM (Nguyen et al. 2016), see `paper-step.ts`. */
export interface PaperSettings {
  readonly rule: 'paper';
  readonly iterations: number;
  /** Step size of the first and (never reached) last iteration, linear between. */
  readonly start: number;
  readonly end: number;
  /** Codes are multiplied by it after each update. */
  readonly decay: number;
  readonly objective: ObjectiveName;
}

/** Adam on whitened codes with penalties, see `adam-step.ts`. */
export interface AdamSettings {
  readonly rule: 'adam';
  readonly iterations: number;
  readonly rate: number;
  readonly objective: ObjectiveName;
  readonly sequence: SequenceSettings;
  /** Weight of the mean squared difference of neighbouring codes, in units of the codes' spread. */
  readonly smoothness: number;
  /** Weight of the mean squared second difference. */
  readonly acceleration: number;
  /** Weight of the mean squared whitened code: how natural single frames stay. */
  readonly naturalness: number;
  /** Weight of the mean squared difference of neighbouring pixels, 0..1. */
  readonly totalVariation: number;
  /** Standard deviation of noise on the whitened codes, fading to none in the last third. */
  readonly noise: number;
  /** Largest shift of the whole clip, in pixels, drawn anew in each iteration. */
  readonly jitter: number;
  /** Standard deviation of the whitened starting codes; `shared`: of one code for all frames, and of each frame's own. */
  readonly start: { readonly shared: number; readonly own: number };
}

export type Settings = PaperSettings | AdamSettings;

export interface Preset {
  readonly describe: string;
  /** Settings with a generator, and with the pixels themselves as code. */
  readonly generator: Settings;
  readonly pixels: Settings;
}

const PAPER: PaperSettings = {
  rule: 'paper',
  iterations: 200,
  start: 8,
  end: 1e-10,
  decay: 0.99,
  objective: 'logit',
};

export const PRESETS = {
  default: {
    describe: 'keyframed whitened codes with smoothness and naturalness penalties, by Adam',
    generator: {
      rule: 'adam',
      iterations: 150,
      rate: 0.1,
      objective: 'logit',
      sequence: { form: 'keyframes', every: 2, interpolation: 'cubic' },
      smoothness: 10,
      acceleration: 0,
      naturalness: 5,
      totalVariation: 0,
      noise: 0.1,
      jitter: 3,
      start: { shared: 0.5, own: 0.05 },
    },
    pixels: {
      rule: 'adam',
      iterations: 150,
      rate: 0.02,
      objective: 'logit',
      sequence: { form: 'free' },
      smoothness: 1,
      acceleration: 0,
      naturalness: 0.05,
      totalVariation: 20,
      noise: 0,
      jitter: 2,
      start: { shared: 0.1, own: 0.02 },
    },
  },
  'paper-2016': {
    describe: 'the update rule and constants of Nguyen et al. (2016), every frame with its own code',
    generator: PAPER,
    pixels: { ...PAPER, start: 0.05, end: 1e-10 },
  },
} as const satisfies Record<string, Preset>;

export type PresetName = keyof typeof PRESETS;
export const PRESET_NAMES = Object.keys(PRESETS) as readonly PresetName[];
