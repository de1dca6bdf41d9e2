/** What the process that scores real examples is told, and what it tells. */
import type { ErrorCode } from '../../protocol/index.js';

export interface ScoringStart {
  /** Folder of the model package. */
  readonly directory: string;
  /** Folder or list of clips; of a classifier, folder or archive of pictures. */
  readonly source: string;
  /** File of scores that are known. */
  readonly scores: string;
  /** Whether what is not known is scored; else only what is known is told. */
  readonly score: boolean;
  readonly most: number;
  readonly runtime: string;
  readonly device: string;
  readonly frameCacheFolder: string | null;
}

/** A clip or picture that was scored. */
export interface ScoredExample {
  /** SHA-256 of its content. */
  readonly id: string;
  readonly name: string;
  readonly label: string | null;
  readonly frames: number;
  /** Before softmax, by unit. */
  readonly activations: Float32Array;
  /** Index of the label that the model gives it. */
  readonly answer: number;
}

export type ScoringMessage =
  | {
      readonly type: 'listed';
      readonly total: number;
      /** Activations of real clips by label, as the package tells them. */
      readonly reference: { readonly clips: string; readonly activations: Record<string, number[]> } | null;
    }
  | { readonly type: 'scored'; readonly example: ScoredExample }
  | { readonly type: 'skipped'; readonly name: string; readonly reason: string }
  /** All are scored, or, where nothing is to be scored, all that is known was told. */
  | { readonly type: 'done' }
  | { readonly type: 'failed'; readonly code: ErrorCode; readonly message: string };
