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
   * The orders of one clip.
   * @param frames T, at least `minFrames`.
   * @param repeats R, how many orders are wanted; conditions without chance give one.
   * @param clipLength frames of the recogniser's window.
   */
  orders(frames: number, repeats: number, random: Random, clipLength: number): FrameOrder[];
}

/** Window and block sizes, in frames. */
const SIZES = [2, 4, 8, 16, 32, 80];
const STEPS = [2, 4, 8];

type Chance = (frames: number, random: Random, clipLength: number) => FrameOrder;

function permutation(name: string, describe: string, draw: Chance, minFrames = 2): Condition {
  return {
    name,
    describe,
    permutation: true,
    combine: 'mean',
    minFrames,
    orders: (frames, repeats, random, clipLength) =>
      Array.from({ length: repeats }, () => draw(frames, random, clipLength)),
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
      size,
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
    orders: (frames, repeats) => spreadFrames(frames, repeats).map((frame) => still(frames, frame)),
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

/** What a probe does that is not told otherwise. `original` and `shuffle` are part of every probe. */
export const DEFAULT_CONDITIONS = ['original', 'shuffle', 'reverse', 'static'];

/** @throws {NeuroreelError} CONDITION_UNKNOWN */
export function conditionNamed(name: string): Condition {
  const found = CONDITIONS.find((condition) => condition.name === name);
  if (found) return found;
  const names = CONDITIONS.map((condition) => condition.name).join(', ');
  throw new NeuroreelError('CONDITION_UNKNOWN', `No condition is named ${JSON.stringify(name)}; there are: ${names}.`);
}
