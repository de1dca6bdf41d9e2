/** Real clips on disk: a folder of class folders, read one after the other at the size that a recogniser takes. */
import { readdir, stat } from 'node:fs/promises';
import { extname, join } from 'node:path';
import type { ProbeClip, UnreadableClip } from '../../src/engine/audit/probe.js';
import { NeuroreelError, type RecogniserManifest } from '../../src/protocol/index.js';
import { VideoReader, type DecodedFrame } from '../../src/video/decoder.js';
import { findFfmpeg } from '../../src/video/ffmpeg-binary.js';

/** Frames of a clip that are taken at most, unless another number is asked for. */
export const MOST_FRAMES = 2048;

/** By their names: ffmpeg would make pictures of texts, too. */
const VIDEO_NAME = /^\.(mp4|m4v|mov|avi|mkv|webm|mpg|mpeg|wmv|flv|ogv|ts|mts|3gp|gif)$/i;

export interface ClipFile {
  /** Path within the folder, with `/`. */
  readonly name: string;
  /** Name of the class folder; null for a file that is in none. */
  readonly label: string | null;
  readonly path: string;
}

const naturally = new Intl.Collator('en', { numeric: true });

/**
 * The files of `folder` and of the folders in it, in natural order (`clip2` before `clip10`).
 * @throws {NeuroreelError} REQUEST_INVALID when there is no such folder
 */
export async function listClips(folder: string): Promise<ClipFile[]> {
  const facts = await stat(folder).catch(() => null);
  if (!facts?.isDirectory()) throw new NeuroreelError('REQUEST_INVALID', `There is no folder of clips at ${folder}.`);
  const clips: ClipFile[] = [];
  for (const entry of await visible(folder)) {
    const path = join(folder, entry.name);
    if (!entry.isDirectory()) {
      clips.push({ name: entry.name, label: null, path });
      continue;
    }
    for (const file of await visible(path)) {
      if (file.isDirectory()) continue;
      clips.push({ name: `${entry.name}/${file.name}`, label: entry.name, path: join(path, file.name) });
    }
  }
  return clips;
}

async function visible(folder: string) {
  const entries = await readdir(folder, { withFileTypes: true });
  return entries.filter(({ name }) => !name.startsWith('.')).sort((a, b) => naturally.compare(a.name, b.name));
}

export interface ReadClips {
  readonly manifest: RecogniserManifest;
  /** Frames of a clip that are taken at most. */
  readonly most: number;
  /** Told of clips of which not all frames are taken. */
  readonly onCut: (words: string) => void;
  readonly signal: AbortSignal;
}

/**
 * The clips with their pixels, for the probe; what cannot be read comes with the reason.
 * @throws {NeuroreelError} FFMPEG_MISSING, FFMPEG_FAILED; the signal's reason
 */
export async function* readClips(
  files: readonly ClipFile[],
  options: ReadClips,
): AsyncGenerator<ProbeClip | UnreadableClip> {
  await findFfmpeg();
  for (const file of files) {
    const reason = unfit(file, options.manifest);
    yield reason === null ? await readClip(file, options) : { name: file.name, unreadable: reason };
  }
}

/** What can be said without reading the file. */
function unfit({ name, label }: ClipFile, { labels }: RecogniserManifest): string | null {
  if (!VIDEO_NAME.test(extname(name))) return 'its name is not that of a video';
  if (label === null) return 'it has no label: it lies in no class folder';
  if (!labels.includes(label)) return `the recogniser has no label ${JSON.stringify(label)}`;
  return null;
}

async function readClip(file: ClipFile, options: ReadClips): Promise<ProbeClip | UnreadableClip> {
  const { manifest, most, onCut, signal } = options;
  const { width, height } = manifest.input;
  const reader = new VideoReader(file.path, { width, height, fit: 'stretch', signal });
  try {
    const { frames, words } = await (manifest.sequence.rule === 'spread' ? evenly : fromStart)(reader, most);
    if (words !== '') onCut(`${file.name}: ${words}`);
    const pixels = new Uint8Array(frames.length * width * height * 3);
    frames.forEach((frame, i) => pixels.set(frame.data, i * width * height * 3));
    const group = groupOf(file);
    return { name: file.name, label: file.label, frames: frames.length, pixels, ...(group !== null && { group }) };
  } catch (error) {
    if (error instanceof NeuroreelError && error.code === 'VIDEO_UNREADABLE') {
      return { name: file.name, unreadable: `it cannot be read (${error.message.replace(/\.$/, '')})` };
    }
    throw error;
  }
}

interface Taken {
  readonly frames: DecodedFrame[];
  readonly words: string;
}

/** All frames up to the `most`-th. */
async function fromStart(reader: VideoReader, most: number): Promise<Taken> {
  const frames: DecodedFrame[] = [];
  for await (const frame of reader) {
    if (frames.length === most) return { frames, words: `only its first ${most} frames are taken` };
    frames.push(frame);
  }
  return { frames, words: '' };
}

/** Every frame, or when there are more than `most`, every 2nd, 4th, 8th ..., in one reading and bounded memory. */
async function evenly(reader: VideoReader, most: number): Promise<Taken> {
  let frames: DecodedFrame[] = [];
  let step = 1;
  let seen = 0;
  for await (const frame of reader) {
    seen++;
    if (frame.index % step !== 0) continue;
    frames.push(frame);
    if (frames.length > most) {
      frames = frames.filter((_, i) => i % 2 === 0);
      step *= 2;
    }
  }
  const words = step === 1 ? '' : `of its ${seen} frames one in ${step} is taken`;
  return { frames, words };
}

/** Data sets named like UCF-101 say which clips are cut from one video: `v_Diving_g07_c02.avi`. */
function groupOf({ name, label }: ClipFile): string | null {
  const group = /_(g\d+)_c\d+\./.exec(name)?.[1];
  return group === undefined ? null : `${label}/${group}`;
}
