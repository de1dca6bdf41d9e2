/**
 * The conditions of the audit: what is done to the order of a clip's frames. To add one, add an entry to the table.
 */
import { NeuroreelError } from '../../protocol/errors.js';
import type { Random } from '../random.js';
import {
  inOrder,
  middleFrame,
  permuteBlocks,
  reverse,
  shuffle,
  shuffleWindows,
  spreadFrames,
  still,
  subsample,
  type FrameOrder,
} from './permutations.js';

export interface Condition {
  readonly name: string;
  /** What it does, in a few words. */
  readonly describe: string;
  /** Whether each of its orders shows every frame exactly once. */
  readonly permutation: boolean;
  /** Whether a clip counts with the mean over its orders, or with the one that scores its true class highest. */
  readonly combine: 'mean' | 'best';
  /** Shorter clips are left out: for them it would be the identity or another condition. */
  readonly minFrames: number;
  /**
   * The orders of one clip, one after the other, so that no memory is needed for them all.
   * @param frames T, at least `minFrames`.
   * @param repeats R, how many orders are wanted; conditions without chance give one.
   * @param clipLength frames of the recogniser's window.
   */
  orders(frames: number, repeats: number, random: Random, clipLength: number): Iterable<FrameOrder>;
}

/** Window and block sizes, in frames. */
const SIZES = [2, 4, 8, 16, 32, 80];
const STEPS = [2, 4, 8];
/** K, single frames of which `static-best` takes the best. */
const MOST_STILLS = 20;

type Chance = (frames: number, random: Random, clipLength: number) => FrameOrder;

function permutation(name: string, describe: string, draw: Chance, minFrames = 2): Condition {
  return {
    name,
    describe,
    permutation: true,
    combine: 'mean',
    minFrames,
    *orders(frames, repeats, random, clipLength) {
      for (let r = 0; r < repeats; r++) yield draw(frames, random, clipLength);
    },
  };
}

function fixed(
  name: string,
  describe: string,
  order: (frames: number) => FrameOrder,
  rest: { permutation: boolean; minFrames: number },
): Condition {
  return { name, describe, combine: 'mean', ...rest, orders: (frames) => [order(frames)] };
}

export const CONDITIONS: readonly Condition[] = [
  fixed('original', 'frames in their own order', inOrder, { permutation: true, minFrames: 1 }),
  permutation('shuffle', 'the whole video in random order', shuffle),
  permutation(
    'shuffle-within-clip',
    "random order within windows of the recogniser's clip length",
    (frames, random, clipLength) => shuffleWindows(frames, clipLength, random),
  ),
  ...SIZES.map((size) =>
    permutation(
      `shuffle-window-${size}`,
      `random order within windows of ${size} frames`,
      (frames, random) => shuffleWindows(frames, size, random),
      size + 1,
    ),
  ),
  ...SIZES.map((size) =>
    permutation(
      `permute-blocks-${size}`,
      `blocks of ${size} frames in random order`,
      (frames, random) => permuteBlocks(frames, size, random),
      size + 1,
    ),
  ),
  fixed('reverse', 'the last frame first', reverse, { permutation: true, minFrames: 2 }),
  fixed('static', 'the middle frame all the time', (frames) => still(frames, middleFrame(frames)), {
    permutation: false,
    minFrames: 1,
  }),
  {
    name: 'static-best',
    describe: 'the one frame, of several, that speaks most for the true class',
    permutation: false,
    combine: 'best',
    minFrames: 1,
    *orders(frames, repeats) {
      for (const frame of spreadFrames(frames, Math.min(repeats, MOST_STILLS))) yield still(frames, frame);
    },
  },
  ...STEPS.map((step) =>
    fixed(
      `subsample-${step}`,
      `every ${step}${step === 2 ? 'nd' : 'th'} frame, held`,
      (frames) => subsample(frames, step),
      { permutation: false, minFrames: step + 1 },
    ),
  ),
];

/** The conditions of every audit, whatever it is told. */
export const ALWAYS = ['original', 'shuffle'];

/** What a quick audit does. */
export const QUICK_CONDITIONS = [...ALWAYS, 'reverse', 'static'];

/**
 * The conditions of these names and those of every audit, in the order of the table.
 * @throws {NeuroreelError} CONDITION_UNKNOWN
 */
export function chosenConditions(names: readonly string[]): Condition[] {
  const chosen = new Set([...ALWAYS, ...names].map(conditionNamed));
  return CONDITIONS.filter((condition) => chosen.has(condition));
}

/** @throws {NeuroreelError} CONDITION_UNKNOWN */
export function conditionNamed(name: string): Condition {
  const found = CONDITIONS.find((condition) => condition.name === name);
  if (found) return found;
  const names = CONDITIONS.map((condition) => condition.name).join(', ');
  throw new NeuroreelError('CONDITION_UNKNOWN', `No condition is named ${JSON.stringify(name)}; there are: ${names}.`);
}
