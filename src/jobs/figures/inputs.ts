/** Files that a request of pictures names: what a run starts from, and real pictures of which the patch prior is made. */
import type { PatchPictures } from '../../engine/synthesis/patches.js';
import type { StartPictures } from '../../engine/synthesis/starts.js';
import { NeuroreelError, type FigurePanel, type PictureRequest } from '../../protocol/index.js';
import { contentHash, decodeStill, decodeVideo, isVideoName, listPictures } from '../../video/index.js';

export interface RequestInputs {
  readonly pictures?: StartPictures | undefined;
  readonly examples?: PatchPictures | undefined;
  /** What was read, for reports. */
  readonly files: FigurePanel['inputs'];
}

interface Reading {
  readonly signal?: AbortSignal | undefined;
  /** Where the files lie that a request names; the names are paths when absent. */
  readonly pathOf?: ((name: string) => string) | undefined;
}

/** Pictures that patches are taken of at most. */
const MOST_EXAMPLES = 400;

/**
 * Reads what a request names.
 * @param size of the model's pictures
 * @throws {NeuroreelError} IMAGE_UNREADABLE, VIDEO_UNREADABLE, REQUEST_INVALID where there is nothing to read
 */
export async function readInputs(
  { picture, examples: named, frames, settings }: PictureRequest,
  size: { readonly width: number; readonly height: number; readonly video: boolean },
  { signal, pathOf = (name) => name }: Reading,
): Promise<RequestInputs> {
  const examples = (settings?.penalties?.patch ?? 0) > 0 ? named : undefined;
  const files: FigurePanel['inputs'] = [];
  for (const path of [picture, examples]) {
    if (path !== undefined) files.push({ path, sha256: await contentHash(pathOf(path)) });
  }
  return {
    files,
    ...(picture !== undefined && { pictures: await startOf(pathOf(picture), size.video ? frames : 1, signal) }),
    ...(examples !== undefined && { examples: await examplesOf(pathOf(examples), size) }),
  };
}

/** A picture for all frames, or the first frames of a video, one for each. */
async function startOf(path: string, frames: number, signal?: AbortSignal): Promise<StartPictures> {
  if (isVideoName(path)) {
    const { frames: pixels, count, width, height } = await decodeVideo(path, { maxFrames: frames, signal });
    return { pixels, count, width, height };
  }
  const { data, width, height } = await decodeStill(path);
  return { pixels: data, count: 1, width, height };
}

async function examplesOf(
  path: string,
  { width, height }: { readonly width: number; readonly height: number },
): Promise<PatchPictures> {
  const all = await listPictures(path);
  if (all.length === 0) throw new NeuroreelError('REQUEST_INVALID', `${path} holds no pictures.`);
  const count = Math.min(all.length, MOST_EXAMPLES);
  const pixels = new Uint8Array(count * width * height * 3);
  for (let i = 0; i < count; i++) {
    const file = all[Math.floor((i * all.length) / count)]!;
    const { data } = await decodeStill(await file.read(), { width, height, fit: 'cover' });
    pixels.set(data, i * width * height * 3);
  }
  return { pixels, count, width, height };
}
