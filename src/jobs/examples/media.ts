/** Real examples as pages can show them, whatever format they are in: an MP4 of a clip, a small picture of either. */
import { NeuroreelError } from '../../protocol/index.js';
import { decodeVideo, encodeVideo, listClips, listPictures } from '../../video/index.js';
import { contentHash } from '../../video/clip-files.js';
import type { DerivedFiles } from '../derived/derived-files.js';
import { smallPicture, videoStrip } from '../derived/thumbnails.js';
import type { ExampleSet } from './real-examples.js';

/** Longest side of a clip that is shown, and frames of it, at most. */
const MOST_SIDE = 320;
const MOST_FRAMES = 512;
const MOST_BYTES = 2 ** 28;
/** Where a file states no rate. */
const DEFAULT_FPS = 25;

/** What there is of an example. */
export const EXAMPLE_FILES = { clip: 'clip.mp4', picture: 'picture.webp' } as const;

/**
 * The path of a file of an example.
 * @param name as the set has it
 * @param id SHA-256 of its content
 * @param file of {@link EXAMPLE_FILES}
 * @throws {NeuroreelError} ARTIFACT_UNKNOWN when there is no such file, or the example is not what was scored;
 *   VIDEO_UNREADABLE, VIDEO_TOO_LARGE, IMAGE_UNREADABLE, FFMPEG_FAILED
 */
export async function exampleFile(
  files: DerivedFiles,
  { set, name, id }: { readonly set: ExampleSet; readonly name: string; readonly id: string },
  file: string,
): Promise<string> {
  if (file === EXAMPLE_FILES.picture) {
    return files.get(`example1-${id}.webp`, async (to) => {
      if (set.manifest.kind === 'classifier') await smallPicture(await pictureBytes(set, name), to);
      else await videoStrip(await clipPath(set, name, id), to, 1);
    });
  }
  if (file === EXAMPLE_FILES.clip && set.manifest.kind === 'recogniser') {
    return files.get(`example1-${id}.mp4`, async (to) => playable(await clipPath(set, name, id), to));
  }
  throw new NeuroreelError('ARTIFACT_UNKNOWN', `An example has no file ${JSON.stringify(file.slice(0, 60))} here.`);
}

const gone = (name: string): NeuroreelError =>
  new NeuroreelError('ARTIFACT_UNKNOWN', `The example ${name} is not what it was when it was scored.`);

async function clipPath(set: ExampleSet, name: string, id: string): Promise<string> {
  const found = (await listClips(set.source)).find((clip) => clip.name === name);
  if (found === undefined || (await contentHash(found.path)) !== id) throw gone(name);
  return found.path;
}

async function pictureBytes(set: ExampleSet, name: string): Promise<Uint8Array> {
  const found = (await listPictures(set.source)).find((picture) => picture.name === name);
  if (found === undefined) throw gone(name);
  return found.read();
}

/** H.264 in an MP4 that every browser plays, made smaller where it is large. */
async function playable(from: string, to: string): Promise<void> {
  const { width, height } = await decodeVideo(from, { maxFrames: 1 });
  const scale = Math.min(1, MOST_SIDE / Math.max(width, height));
  const even = (side: number): number => Math.max(2, 2 * Math.round((side * scale) / 2));
  const size = { width: even(width), height: even(height) };
  const video = await decodeVideo(from, { ...size, maxFrames: MOST_FRAMES, maxBytes: MOST_BYTES });
  await encodeVideo(video, { path: to, ...size, fps: video.fps ?? DEFAULT_FPS, upscale: 'none', preset: 'veryfast' });
}
