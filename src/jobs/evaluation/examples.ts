/** Examples as an evaluation compares them: pictures, or videos, at the model's size. Real ones are read from files. */
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { sameLabel } from '../../engine/evaluation/recognition.js';
import type { ClassifierPackage } from '../../engine/models/classifier.js';
import type { RecogniserPackage } from '../../engine/models/recogniser.js';
import { isClassifier } from '../../engine/models/registry.js';
import { NeuroreelError } from '../../protocol/index.js';
import {
  ClipReader,
  decodeStill,
  findFfmpeg,
  isVideoName,
  listClips,
  listPictures,
  type FrameSequence,
} from '../../video/index.js';

/** A picture or video with a name. */
export interface RealExample {
  readonly name: string;
  readonly clip: FrameSequence;
}

export type EvaluatedModel = ClassifierPackage | RecogniserPackage;

export interface RealSource {
  /** What it is, for the report. */
  readonly words: string;
  /** Real examples of a label of the model's, at most as many as asked for; none where there are none. */
  of(label: string): Promise<RealExample[]>;
}

/** Frames of a real clip that are taken at most. */
const MOST_FRAMES = 512;

/**
 * Where real examples of a model come from.
 * @param path a folder of class folders or an archive; the clips that the recogniser brings when absent
 * @param most examples of a class
 * @throws {NeuroreelError} REQUEST_INVALID when there are none
 */
export async function realSource(
  model: EvaluatedModel,
  path: string | undefined,
  most: number,
  signal?: AbortSignal,
): Promise<RealSource> {
  return isClassifier(model) ? realPictures(model, path, most) : realClips(model, path, most, signal);
}

async function realPictures(model: ClassifierPackage, path: string | undefined, most: number): Promise<RealSource> {
  const { name, input } = model.manifest;
  if (path === undefined) {
    throw new NeuroreelError(
      'REQUEST_INVALID',
      `${name} brings no pictures: name a folder or an archive of real ones.`,
    );
  }
  const files = await listPictures(path);
  const names = await namesBeside(path);
  const folders = [...new Set(files.map((file) => file.label))];
  return {
    words: path,
    async of(label) {
      const own = folders.find((one) => sameLabel(label, one) || sameLabel(label, names.get(one) ?? ''));
      const chosen = files.filter((file) => file.label === own).slice(0, most);
      const examples = chosen.map(async (file): Promise<RealExample> => {
        const size = { width: input.width, height: input.height, fit: 'cover' } as const;
        const { data, width, height } = await decodeStill(await file.read(), size);
        return { name: file.name, clip: { frames: data, count: 1, width, height } };
      });
      return Promise.all(examples);
    },
  };
}

/** Names of class folders from a `classes.txt` beside the pictures: `folder TAB name` a line. */
async function namesBeside(path: string): Promise<Map<string, string>> {
  const text = await readFile(join(dirname(path), 'classes.txt'), 'utf8').catch(() => '');
  return new Map(
    text.split('\n').flatMap((line): [string, string][] => {
      const [folder, name] = line.split('\t');
      return folder && name ? [[folder, `${/^n\d{8}$/.test(folder) ? `${folder} ` : ''}${name.trim()}`]] : [];
    }),
  );
}

async function realClips(
  model: RecogniserPackage,
  path: string | undefined,
  most: number,
  signal?: AbortSignal,
): Promise<RealSource> {
  const { name, clips, input } = model.manifest;
  const folder = path ?? (clips === undefined ? undefined : join(model.directory, clips));
  if (folder === undefined) {
    throw new NeuroreelError('REQUEST_INVALID', `${name} brings no clips of its own: name a folder of real ones.`);
  }
  const files = (await listClips(folder)).filter((file) => isVideoName(file.path));
  const reader = new ClipReader({ ffmpeg: await findFfmpeg(), most: MOST_FRAMES, signal });
  const { width, height } = input;
  return {
    words: path ?? `the clips that ${name} brings`,
    async of(label) {
      const own = files.filter((file) => file.label !== null && sameLabel(label, file.label)).slice(0, most);
      const examples: RealExample[] = [];
      for (const file of own) {
        const { frames, pixels } = await reader.read(file, { width, height, thin: 'from-start' });
        examples.push({ name: file.name, clip: { frames: pixels, count: frames, width, height } });
      }
      return examples;
    },
  };
}

/** A clip played backwards. */
export function reversedClip(clip: FrameSequence): FrameSequence {
  const size = clip.width * clip.height * 3;
  const frames = new Uint8Array(clip.frames.length);
  for (let t = 0; t < clip.count; t++) {
    frames.set(clip.frames.subarray(t * size, (t + 1) * size), (clip.count - 1 - t) * size);
  }
  return { ...clip, frames };
}
