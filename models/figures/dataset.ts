/**
 * The data set `figures`: procedural clips of a person in one of twelve activities, 64x64 RGB. A clip is a function of
 * its seed, label and length alone, and has the same bytes on every machine.
 */
import { Random } from '../../src/engine/random.js';
import { ACTIONS } from './actions.js';
import { FIGURES_LABELS, MERGED_OF, runsBackwards } from './labels.js';
import { Canvas, FRAME_SIZE } from './raster.js';
import { drawFrame, drawScene } from './scene.js';

export { FIGURES_LABELS, MERGED_LABELS, MERGED_OF, MIRROR_OF, PARTNER_OF } from './labels.js';
export { FRAME_SIZE } from './raster.js';

/** Bytes of a frame, [64, 64, 3]. */
export const FRAME_BYTES = FRAME_SIZE * FRAME_SIZE * 3;

/** Frames of the clips that `randomFrame` takes its frames from. */
const CLIP_FRAMES = 16;

const SPLITS = ['train', 'validation', 'test', 'probe'] as const;
export type Split = (typeof SPLITS)[number];

/** Clips a split can have: seeds of a split are a block of this size. */
export const SPLIT_SIZE = 2 ** 28;

export interface ClipRequest {
  /** Only the lower 32 bits count. */
  readonly seed: number;
  /** Class, an index into `FIGURES_LABELS`. */
  readonly label: number;
  /** Number of frames, at least 1. */
  readonly frames: number;
}

export interface Clip {
  readonly label: number;
  /** RGB bytes, [frames, 64, 64, 3]. */
  readonly pixels: Uint8Array;
}

export interface Frame extends Clip {
  /** [64, 64], 0..255: how much of a pixel is figure, ball or barbell (255) or trees, slabs, ladder, windows (128), and not background (0). */
  readonly mask: Uint8Array;
}

// One canvas serves all calls: every frame starts by overwriting all of it.
const canvas = new Canvas();

function checkRequest({ label, frames }: Omit<ClipRequest, 'seed'>): void {
  if (FIGURES_LABELS[label] === undefined) {
    throw new RangeError(`A label must be 0..${FIGURES_LABELS.length - 1}, not ${label}.`);
  }
  if (!Number.isInteger(frames) || frames < 1)
    throw new RangeError(`A clip must have 1 or more frames, not ${frames}.`);
}

/**
 * Renders a clip. Two partners (`PARTNER_OF`) of the same seed and length hold the same frames in opposite orders.
 * @returns RGB bytes, [frames, 64, 64, 3].
 * @throws RangeError for a label or number of frames out of range.
 */
export function renderClip(request: ClipRequest): Uint8Array {
  checkRequest(request);
  const { label, frames, seed } = request;
  const scene = drawScene(ACTIONS[MERGED_OF[label]!]!, seed);
  const pixels = new Uint8Array(frames * FRAME_BYTES);
  for (let t = 0; t < frames; t++) {
    drawFrame(canvas, scene, runsBackwards(label) ? frames - 1 - t : t);
    canvas.write(pixels, t * FRAME_BYTES);
  }
  return pixels;
}

/**
 * The seed of a clip of a split. Seeds of different splits or indices differ.
 * @throws RangeError for an unknown split or an index outside [0, `SPLIT_SIZE`).
 */
export function clipSeed(split: Split, index: number): number {
  const block = SPLITS.indexOf(split);
  if (block < 0) throw new RangeError(`A split must be one of ${SPLITS.join(', ')}, not ${split}.`);
  if (!Number.isInteger(index) || index < 0 || index >= SPLIT_SIZE) {
    throw new RangeError(`A clip's index must be an integer in [0, ${SPLIT_SIZE}), not ${index}.`);
  }
  return block * SPLIT_SIZE + index;
}

/** Class of a clip: any 12 clips in a row have one of each. */
function labelOf(index: number): number {
  return index % FIGURES_LABELS.length;
}

/** Clip `index` of a split; pixels are [frames, 64, 64, 3]. Throws as `clipSeed` and `renderClip` do. */
export function drawClip(split: Split, index: number, frames: number): Clip {
  const seed = clipSeed(split, index);
  const label = labelOf(index);
  return { label, pixels: renderClip({ seed, label, frames }) };
}

/**
 * One frame, at a random time, of the 16-frame clip `index` of a split, without rendering the others; pixels are
 * [64, 64, 3]. Throws as `clipSeed` does.
 */
export function randomFrame(split: Split, index: number): Frame {
  const seed = clipSeed(split, index);
  const label = labelOf(index);
  const t = new Random(`frame ${seed}`).integer(CLIP_FRAMES);
  drawFrame(canvas, drawScene(ACTIONS[MERGED_OF[label]!]!, seed), t);
  const pixels = new Uint8Array(FRAME_BYTES);
  canvas.write(pixels, 0);
  const mask = new Uint8Array(FRAME_SIZE * FRAME_SIZE);
  for (let i = 0; i < mask.length; i++) mask[i] = canvas.cover[i]! * 255 + 0.5;
  return { label, pixels, mask };
}
