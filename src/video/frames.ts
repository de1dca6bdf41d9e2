/**
 * A sequence of frames as people see them: 8-bit RGB, one block of memory. Everything in `src/video` speaks this layout;
 * the engine's own NCHW floats end where this begins.
 */

/** Longest side of a picture that is read or written, in pixels. */
export const MAX_SIDE = 8192;

/** Frames in order of time. `frames` has the shape [count, height, width, 3], values 0 to 255 (sRGB). */
export interface FrameSequence {
  readonly frames: Uint8Array;
  readonly count: number;
  readonly width: number;
  readonly height: number;
}

/**
 * One frame of a sequence, shape [height, width, 3]: a view, not a copy.
 * @throws RangeError when there is no such frame.
 */
export function frameAt(sequence: FrameSequence, index: number): Uint8Array {
  if (!Number.isInteger(index) || index < 0 || index >= sequence.count) {
    throw new RangeError(`There is no frame ${index} in a sequence of ${sequence.count}.`);
  }
  const length = frameLength(sequence.width, sequence.height);
  return sequence.frames.subarray(index * length, (index + 1) * length);
}

/** The frames of a sequence one after another, as views. */
export function* eachFrame(sequence: FrameSequence): Generator<Uint8Array> {
  checkSequence(sequence);
  for (let i = 0; i < sequence.count; i++) yield frameAt(sequence, i);
}

/** Bytes of one RGB frame. */
export function frameLength(width: number, height: number): number {
  return width * height * 3;
}

/** @throws RangeError when the memory is not [count, height, width, 3]. */
export function checkSequence({ frames, count, width, height }: FrameSequence): void {
  if (frames.length !== count * frameLength(width, height)) {
    throw new RangeError(`${frames.length} bytes are not ${count} RGB frames of ${width} x ${height}.`);
  }
}

/** @throws RangeError when the memory is not one RGB frame of this size. */
export function checkFrame(rgb: Uint8Array, width: number, height: number): void {
  if (rgb.length !== frameLength(width, height)) {
    throw new RangeError(
      `A frame has ${rgb.length} bytes, but RGB of ${width} x ${height} has ${frameLength(width, height)}.`,
    );
  }
}
