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
  /**
   * What the mean absolute gradient is taken over: all of a video's frames, as the program takes it over its blob, or each
   * by itself. Pictures that have nothing to do with each other are each by themselves, unless a request says otherwise.
   */
  readonly normalise: 'all' | 'each';
  readonly objective: ObjectiveName;
}

/** Adam on whitened codes with penalties, see `adam-step.ts`. */
export interface AdamSettings {
  readonly rule: 'adam';
  readonly iterations: number;
  readonly rate: number;
  readonly objective: ObjectiveName;
  readonly sequence: SequenceSettings;
  /** Weight of the mean squared difference of neighbouring whitened movements. */
  readonly smoothness: number;
  /** Weight of the mean squared second difference. */
  readonly acceleration: number;
  /** Weight of the mean squared whitened movement: how natural single frames stay. */
  readonly naturalness: number;
  /** Weight of the squared distance of the identity's mean square from 1, that of real ones. */
  readonly identity: number;
  /** Weight of the mean squared distance of each frame's movement from the energy that real frames have. */
  readonly energy: number;
  /** Weight of how far codes are from those that the prior's encoder finds in their pictures; 0 without an encoder. */
  readonly manifold: number;
  /** Weight of the mean squared difference of neighbouring pixels, 0..1. */
  readonly totalVariation: number;
  /** Standard deviation of noise on the whitened movement, fading to none in the last third. */
  readonly noise: number;
  /** Largest shift of the whole clip, in pixels, drawn anew in each iteration. */
  readonly jitter: number;
  /** Standard deviations of what the run starts with. */
  readonly start: { readonly identity: number; readonly movement: number };
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
  normalise: 'all',
  objective: 'logit',
};

export const PRESETS = {
  default: {
    describe: 'one identity and keyframed movements, whitened, with smoothness and naturalness penalties, by Adam',
    generator: {
      rule: 'adam',
      iterations: 80,
      rate: 0.1,
      objective: 'logit',
      sequence: { form: 'keyframes', every: 2, interpolation: 'cubic' },
      smoothness: 0,
      acceleration: 0.5,
      naturalness: 0.3,
      identity: 1,
      energy: 3,
      manifold: 1,
      totalVariation: 0,
      noise: 0.3,
      jitter: 3,
      start: { identity: 1, movement: 1 },
    },
    pixels: {
      rule: 'adam',
      iterations: 150,
      rate: 0.25,
      objective: 'logit',
      sequence: { form: 'free' },
      smoothness: 0.05,
      acceleration: 0,
      naturalness: 0.01,
      identity: 0,
      energy: 0,
      manifold: 0,
      totalVariation: 20,
      noise: 0,
      jitter: 2,
      start: { identity: 0.1, movement: 0.02 },
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
