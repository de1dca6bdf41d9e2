/** Frames of another size, as a network wants them. */
import sharp from 'sharp';
import { eachFrame, type FrameSequence } from './frames.js';

/**
 * All frames of a sequence scaled (cubic), whatever the aspect; the sequence itself where it has the size already.
 * @throws RangeError when the memory is not [count, height, width, 3]
 */
export async function resizeFrames(sequence: FrameSequence, width: number, height: number): Promise<FrameSequence> {
  if (sequence.width === width && sequence.height === height) return sequence;
  const frames = new Uint8Array(sequence.count * width * height * 3);
  const raw = { width: sequence.width, height: sequence.height, channels: 3 as const };
  let at = 0;
  for (const frame of eachFrame(sequence)) {
    const scaled = await sharp(frame, { raw }).resize(width, height, { fit: 'fill', kernel: 'cubic' }).raw().toBuffer();
    frames.set(scaled, at);
    at += scaled.length;
  }
  return { frames, count: sequence.count, width, height };
}
