/** Real examples as files: clips for a recogniser, pictures for a classifier. */
import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import type { FrameSequence } from '../../video/index.js';
import {
  ClipReader,
  decodeStill,
  findFfmpeg,
  FrameCache,
  isVideoName,
  listClips,
  listPictures,
} from '../../video/index.js';
import type { ModelManifest } from '../../protocol/index.js';
import { stampOf } from './score-file.js';

/** Frames of a clip that are scored at most. */
const MOST_FRAMES = 512;

export interface Material {
  /** Path within the set. */
  readonly name: string;
  readonly label: string | null;
  /** How the file looks from outside; null where it is no file of its own, or not there. */
  stamp(): Promise<string | null>;
  /** SHA-256 of its content; null when it cannot be read. */
  hash(): Promise<string | null>;
  /** Frames at the model's size. Throws what reading throws. */
  read(): Promise<FrameSequence>;
}

/** What a manifest with units says of its pictures. */
export type WithUnits = Extract<ModelManifest, { labels: string[] }>;

/**
 * The first examples of a set, in natural order.
 * @param source folder or list of clips; of a classifier, folder or archive of pictures
 * @throws {NeuroreelError} REQUEST_INVALID when there is none; FFMPEG_MISSING
 */
export function listMaterial(
  manifest: WithUnits,
  source: string,
  { most, frameCacheFolder }: { readonly most: number; readonly frameCacheFolder: string | null },
): Promise<Material[]> {
  return manifest.kind === 'classifier'
    ? pictureMaterial(manifest, source, most)
    : clipMaterial(manifest, source, { most, frameCacheFolder });
}

async function fileStamp(name: string, path: string): Promise<string | null> {
  const facts = await stat(path).catch(() => null);
  return facts === null ? null : stampOf(name, facts);
}

async function clipMaterial(
  manifest: Extract<WithUnits, { kind: 'recogniser' }>,
  source: string,
  { most, frameCacheFolder }: { readonly most: number; readonly frameCacheFolder: string | null },
): Promise<Material[]> {
  const files = (await listClips(source)).filter(({ path }) => isVideoName(path)).slice(0, most);
  const cache = frameCacheFolder === null ? null : new FrameCache(frameCacheFolder);
  const reader = new ClipReader({ ffmpeg: await findFfmpeg(), most: MOST_FRAMES, cache });
  const { width, height } = manifest.input;
  const thin = manifest.sequence.rule === 'spread' ? 'evenly' : 'from-start';
  return files.map((file) => ({
    ...{ name: file.name, label: file.label },
    stamp: () => fileStamp(file.name, file.path),
    hash: () => reader.hash(file),
    async read() {
      const { frames, pixels } = await reader.read(file, { width, height, thin });
      return { frames: pixels, count: frames, width, height };
    },
  }));
}

async function pictureMaterial({ input }: WithUnits, source: string, most: number): Promise<Material[]> {
  const files = (await listPictures(source)).slice(0, most);
  const size = { width: input.width, height: input.height, fit: 'cover' } as const;
  return files.map((file) => ({
    ...{ name: file.name, label: file.label },
    stamp: () => Promise.resolve(null),
    async hash() {
      const bytes = await file.read().catch(() => null);
      return bytes === null ? null : createHash('sha256').update(bytes).digest('hex');
    },
    async read() {
      const { data, width, height } = await decodeStill(await file.read(), size);
      return { frames: data, count: 1, width, height };
    },
  }));
}
