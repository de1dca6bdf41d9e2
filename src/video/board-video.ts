/**
 * Boards as one MP4: clips side by side or stacked, a real clip beside a preferred video, or one scene after another, such
 * as a network's checkpoints, each with its own words.
 */
import { boardFrames, boardLength, placesOf, type Board } from './board.js';
import { encodeVideo, type VideoWriterOptions, type WrittenVideo } from './encoder.js';
import { checkFrame } from './frames.js';

export interface BoardScene {
  readonly board: Board;
  /** Frames to show it for; default as many as its longest clip has, at least one. */
  readonly hold?: number | undefined;
}

export type BoardVideoOptions = Omit<VideoWriterOptions, 'width' | 'height' | 'upscale' | 'minDisplaySize'>;

/** The frames of scenes, one after the other, RGB of one size. @throws RangeError where they are not of one size */
export async function* sceneFrames(scenes: readonly BoardScene[]): AsyncGenerator<Uint8Array> {
  const { width, height } = sizeOf(scenes);
  for (const { board, hold } of scenes) {
    for await (const frame of boardFrames(board, hold)) {
      checkFrame(frame, width, height);
      yield frame;
    }
  }
}

/**
 * Writes scenes to one MP4. All must have the same size, which is so where they have the same cells.
 * @throws RangeError as `renderBoard`, for scenes of several sizes and for none; else as `encodeVideo`
 */
export async function writeBoardVideo(
  scenes: readonly BoardScene[],
  options: BoardVideoOptions,
): Promise<WrittenVideo> {
  return encodeVideo(sceneFrames(scenes), { ...options, ...sizeOf(scenes), upscale: 'none' });
}

/** Frames of all scenes together. */
export function scenesLength(scenes: readonly BoardScene[]): number {
  return scenes.reduce((sum, { board, hold }) => sum + (hold ?? boardLength(board)), 0);
}

function sizeOf(scenes: readonly BoardScene[]): { width: number; height: number } {
  const [first, ...others] = scenes.map(({ board }) => placesOf(board));
  if (first === undefined) throw new RangeError('A video needs at least one scene.');
  const { width, height } = first;
  for (const other of others) {
    if (other.width === width && other.height === height) continue;
    throw new RangeError(`Scenes of ${width} x ${height} and ${other.width} x ${other.height} do not make one video.`);
  }
  return { width, height };
}
