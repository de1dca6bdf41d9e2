/** Reads clips as a recogniser sees them: all frames at its size, in order, from the cache where they have been before. */
import { createHash } from 'node:crypto';
import { NeuroreelError } from '../protocol/errors.js';
import { contentHash, type ClipFile } from './clip-files.js';
import { VideoReader, type DecodedFrame } from './decoder.js';
import type { FfmpegBinary } from './ffmpeg-binary.js';
import type { FrameCache } from './frame-cache.js';

/** Frames of a clip that are taken at most, unless another number is asked for. */
export const MOST_FRAMES = 2048;

/** Bytes of frames of a clip that are held in memory at most, 1 GiB. */
const MOST_BYTES = 2 ** 30;

export interface ClipReaderOptions {
  readonly ffmpeg: FfmpegBinary;
  readonly cache?: FrameCache | null | undefined;
  /** Frames of a clip that are taken at most. */
  readonly most?: number | undefined;
  /** Told of clips of which not all frames are taken, once a clip. */
  readonly onCut?: ((words: string) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface ReadOptions {
  readonly width: number;
  readonly height: number;
  /** Of a clip with too many frames: the first ones, or every 2nd, 4th, 8th ... of all. */
  readonly thin: 'from-start' | 'evenly';
}

interface Taken {
  readonly frames: DecodedFrame[];
  readonly words: string;
}

export class ClipReader {
  readonly #options: ClipReaderOptions;
  readonly #hashes = new Map<string, Promise<string | null>>();
  readonly #cut = new Set<string>();

  constructor(options: ClipReaderOptions) {
    this.#options = options;
  }

  /** SHA-256 of the clip's file; null when it cannot be read. */
  hash({ path }: ClipFile): Promise<string | null> {
    const known = this.#hashes.get(path) ?? contentHash(path);
    this.#hashes.set(path, known);
    return known;
  }

  /**
   * RGB bytes [frames, height, width, 3], scaled whatever the clip's aspect. Errors call the clip by its name: reports, which
   * quote them, tell nothing of where files are.
   * @throws {NeuroreelError} VIDEO_UNREADABLE, VIDEO_TOO_LARGE, FFMPEG_FAILED; the signal's reason
   */
  async read(clip: ClipFile, options: ReadOptions): Promise<{ frames: number; pixels: Uint8Array }> {
    const { cache } = this.#options;
    const key = cache ? await this.#key(clip, options) : null;
    const cached = key === null ? null : await cache!.get(key);
    if (cached) {
      this.#tell(clip, cached.note);
      return cached;
    }
    const { frames: list, words } = await this.#decode(clip, options).catch((error: unknown) => {
      throw calledByName(error, clip);
    });
    const { width, height } = options;
    const pixels = new Uint8Array(list.length * width * height * 3);
    list.forEach((frame, i) => pixels.set(frame.data, i * width * height * 3));
    this.#tell(clip, words);
    if (key !== null) await cache!.put(key, { frames: list.length, width, height, note: words, pixels });
    return { frames: list.length, pixels };
  }

  /** Everything that the frames depend on. */
  async #key(clip: ClipFile, { width, height, thin }: ReadOptions): Promise<string | null> {
    const hash = await this.hash(clip);
    if (hash === null) return null;
    const parts = [hash, width, height, thin, this.#most(width, height), this.#options.ffmpeg.version];
    return createHash('sha256').update(parts.join('\n')).digest('hex');
  }

  #most(width: number, height: number): number {
    const fit = Math.max(1, Math.floor(MOST_BYTES / (3 * width * height)));
    return Math.min(this.#options.most ?? MOST_FRAMES, fit);
  }

  #decode(clip: ClipFile, { width, height, thin }: ReadOptions): Promise<Taken> {
    const { signal, ffmpeg } = this.#options;
    const reader = new VideoReader(clip.path, { width, height, fit: 'stretch', signal, ffmpeg });
    return (thin === 'evenly' ? evenly : fromStart)(reader, this.#most(width, height));
  }

  #tell({ name }: ClipFile, words: string): void {
    if (words === '' || this.#cut.has(name)) return;
    this.#cut.add(name);
    this.#options.onCut?.(`${name}: ${words}`);
  }
}

function calledByName(error: unknown, { path, name }: ClipFile): unknown {
  if (!(error instanceof NeuroreelError)) return error;
  return new NeuroreelError(error.code, error.message.replaceAll(path, name), { cause: error });
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
