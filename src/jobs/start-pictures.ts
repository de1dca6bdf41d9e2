/** What a run starts from: the image, or the short video, that its request brings. */
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { StartPictures } from '../engine/synthesis/starts.js';
import { decodeStill, decodeVideo } from '../video/index.js';

/** Whether bytes begin as files of moving pictures do: MP4 and its kin (not AVIF and HEIF, which are stills), WebM, AVI. */
function isVideo(bytes: Buffer): boolean {
  const text = (from: number, to: number): string => bytes.toString('latin1', from, to);
  if (text(4, 8) === 'ftyp') return !/^(avif|avis|heic|heix|mif1|msf1)$/.test(text(8, 12));
  return (
    bytes.readUIntBE(0, Math.min(4, bytes.length)) === 0x1a45dfa3 || (text(0, 4) === 'RIFF' && text(8, 11) === 'AVI')
  );
}

/**
 * Reads a picture of a request.
 * @param base64 an image file, or a video
 * @param frames of a video: the first so many are taken
 * @param work folder for a file while it is read
 * @throws {NeuroreelError} IMAGE_UNREADABLE, VIDEO_UNREADABLE; the signal's reason
 */
export async function startPictures(
  base64: string,
  frames: number,
  work: string,
  signal?: AbortSignal,
): Promise<StartPictures> {
  const bytes = Buffer.from(base64, 'base64');
  if (!isVideo(bytes)) {
    const { data, width, height } = await decodeStill(bytes);
    return { pixels: data, count: 1, width, height };
  }
  await mkdir(work, { recursive: true });
  const path = join(work, 'start.video');
  await writeFile(path, bytes);
  try {
    const { frames: pixels, count, width, height } = await decodeVideo(path, { maxFrames: frames, signal });
    return { pixels, count, width, height };
  } finally {
    await rm(path, { force: true });
  }
}
