/** Small pictures of what jobs left: frames of a video side by side, a figure, the chart of an audit; of a batch, those of its jobs. */
import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import sharp, { type OverlayOptions } from 'sharp';
import { NeuroreelError, type Job, type JobQuery } from '../../protocol/index.js';
import { decodeVideo } from '../../video/index.js';
import { VIDEO_ARTIFACTS, type ArtifactFile } from '../artifacts.js';
import { stripPicture } from '../pictures.js';
import type { DerivedFiles } from './derived-files.js';

/** Height of a thumbnail, and its greatest width, pixels. */
const HEIGHT = 96;
const MOST_WIDTH = 384;
/** Frames of a video that are shown. */
const FRAMES = 4;
/** Jobs of a batch that are shown. */
const PARTS = 4;
/** Part of the key: another look of thumbnails is another version. */
const VERSION = 1;
/** Largest picture that is read. */
const MOST_PIXELS = 2 ** 27;
const QUALITY = 82;

/** What thumbnails need of the jobs. */
export interface JobFiles {
  get(id: string): Job;
  artifacts(id: string): readonly { readonly name: string }[];
  artifact(id: string, name: string): ArtifactFile;
  find(query: JobQuery): { readonly jobs: readonly Job[]; readonly next: string | null };
}

/** The chart that says most about an audit, then any picture. */
const PICTURES = [/^flip-rate\.svg$/, /^(sheet|figure|montage)\.png$/, /\.(png|jpe?g|webp)$/];

/**
 * The path of a job's thumbnail, a WebP of 96 pixels height and at most 384 width.
 * @throws {NeuroreelError} JOB_UNKNOWN; ARTIFACT_UNKNOWN when the job left no picture (yet)
 */
export async function thumbnailOf(jobs: JobFiles, files: DerivedFiles, id: string): Promise<string> {
  const job = jobs.get(id);
  if (job.batch !== null) return batchThumbnail(jobs, files, job);
  const names = jobs.artifacts(id).map(({ name }) => name);
  if (names.includes(VIDEO_ARTIFACTS.video)) {
    const { path, sha256 } = jobs.artifact(id, VIDEO_ARTIFACTS.video);
    return files.get(keyOf(sha256), (to) => videoStrip(path, to, FRAMES));
  }
  const name = PICTURES.flatMap((pattern) => names.filter((one) => pattern.test(one)))[0];
  if (name === undefined) throw noPicture(id);
  const { path, sha256 } = jobs.artifact(id, name);
  return files.get(keyOf(sha256), (to) => smallPicture(path, to));
}

const keyOf = (hash: string): string => `thumbnail${VERSION}-${hash}.webp`;

const noPicture = (id: string): NeuroreelError =>
  new NeuroreelError('ARTIFACT_UNKNOWN', `Job ${id} left no picture of which a small one could be made.`);

/** Frames evenly spaced over a video, side by side; one frame where `count` is 1: that in the middle. */
export async function videoStrip(path: string, to: string, count: number): Promise<void> {
  const first = await decodeVideo(path, { maxFrames: 1 });
  const width = Math.max(1, Math.min(Math.round((first.width * HEIGHT) / first.height), MOST_WIDTH));
  const { frames, count: all } = await decodeVideo(path, { width, height: HEIGHT, maxBytes: 2 ** 28 });
  const middle = count === 1 ? Math.floor(all / 2) * width * HEIGHT * 3 : 0;
  const set = { pixels: frames.subarray(middle), frames: count === 1 ? 1 : all, width, height: HEIGHT };
  const columns = Math.max(1, Math.min(count, Math.floor(MOST_WIDTH / width)));
  const { bytes } = await stripPicture({ ...set, step: 0, activation: 0, microseconds: 0 }, columns, {
    ...{ format: 'webp', quality: QUALITY },
  });
  await writeFile(to, bytes);
}

/** A picture of any format that sharp reads, made small on white. */
export async function smallPicture(source: string | Uint8Array, to: string): Promise<void> {
  const size = { width: MOST_WIDTH, height: HEIGHT, fit: 'inside', withoutEnlargement: true } as const;
  await sharp(source, { limitInputPixels: MOST_PIXELS })
    .rotate()
    .resize(size)
    .flatten({ background: '#ffffff' })
    .webp({ quality: QUALITY })
    .toFile(to);
}

/** The first frames of some of its jobs side by side. */
async function batchThumbnail(jobs: JobFiles, files: DerivedFiles, { id }: Job): Promise<string> {
  const paths: string[] = [];
  const done = jobs.find({ parent: id, state: ['succeeded'], limit: PARTS }).jobs;
  // Newest first; they are shown in the order of the batch.
  for (const part of [...done].reverse()) paths.push(await thumbnailOf(jobs, files, part.id));
  if (paths.length === 0) throw noPicture(id);
  const hash = createHash('sha256').update(paths.join('\n')).digest('hex');
  return files.get(keyOf(hash), async (to) => {
    const tiles = await Promise.all(paths.map((path, place) => tileOf(path, place)));
    const background = {
      create: { width: HEIGHT * PARTS, height: HEIGHT, channels: 3, background: '#ffffff' },
    } as const;
    await sharp(background).composite(tiles).webp({ quality: QUALITY }).toFile(to);
  });
}

async function tileOf(path: string, place: number): Promise<OverlayOptions> {
  const input = await sharp(await readFile(path))
    .resize({ width: HEIGHT, height: HEIGHT, fit: 'cover', position: 'left' })
    .toBuffer();
  return { input, left: place * HEIGHT, top: 0 };
}
