/** Clips as an audit takes them from wherever they are: read when they are needed, at the size that a recogniser takes. */
import { NeuroreelError } from '../../protocol/errors.js';
import type { SequenceRule } from '../../protocol/manifest.js';

/** What a recogniser wants of a clip. */
export interface ClipWish {
  readonly width: number;
  readonly height: number;
  /** How its frames will be looked at; says which frames of a very long clip are taken. */
  readonly rule?: SequenceRule | undefined;
}

export interface ClipFrames {
  readonly frames: number;
  /** RGB bytes [frames, height, width, 3]. */
  readonly pixels: Uint8Array;
}

export interface AuditClip {
  /** Unlike that of any other; the orders of its frames are drawn from it. */
  readonly name: string;
  /** The true class; null when it is not known. */
  readonly label: string | null;
  /** Clips of one group resemble each other (same person, same scene). */
  readonly group?: string | undefined;
  /**
   * The frames, in their natural order. May be called several times.
   * @throws {NeuroreelError} with a code of `UNREADABLE` when the clip itself is at fault: it is listed then, and the
   *   audit goes on.
   */
  read(wish: ClipWish): Promise<ClipFrames>;
  /** Hash of what it is read from, so that an interrupted audit knows it again; null or absent: it is scored anew. */
  identity?(): Promise<string | null>;
}

/** A clip that its source could not offer; it is listed, and the audit goes on. */
export interface UnusableClip {
  readonly name: string;
  /** The end of a sentence that begins with "It". */
  readonly unusable: string;
}

/** Errors that are the fault of one clip. */
const UNREADABLE: readonly string[] = ['VIDEO_UNREADABLE', 'VIDEO_TOO_LARGE'];

/** The frames of a clip, or why there are none, as the end of a sentence. */
export async function framesOf(clip: AuditClip, wish: ClipWish): Promise<ClipFrames | string> {
  try {
    return await clip.read(wish);
  } catch (error) {
    if (!(error instanceof NeuroreelError) || !UNREADABLE.includes(error.code)) throw error;
    return `it cannot be read (${error.message.replace(/\.$/, '')})`;
  }
}

/** Why frames cannot be scored, as the end of a sentence; null when they can. */
export function unfitness({ frames, pixels }: ClipFrames, wish: ClipWish, minimumFrames = 1): string | null {
  const least = Math.max(2, minimumFrames);
  if (!Number.isInteger(frames) || frames < 1) return 'it has no frames';
  if (frames < least) {
    return `it is too short: ${frames === 1 ? '1 frame' : `${frames} frames`}, at least ${least} are needed`;
  }
  const bytes = frames * wish.width * wish.height * 3;
  if (pixels.length !== bytes) return `it has ${pixels.length} bytes of pixels, not ${bytes}`;
  return null;
}
