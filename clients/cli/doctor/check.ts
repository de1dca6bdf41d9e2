/** What a line of `neuroreel doctor` says. */
import { EXIT, EXIT_CODES, type Exit } from '../exit-codes.js';
import type { ErrorCode } from '../../../src/protocol/index.js';

export interface Check {
  /** What was looked at, a word. */
  readonly name: string;
  /** `problem`: a video cannot be made until it is solved. `warning`: something is worse than it could be. */
  readonly state: 'ok' | 'warning' | 'problem';
  /** What was found. */
  readonly found: string;
  /** What to do about it. */
  readonly remedy?: string | undefined;
  /** The error that commands end with because of the problem. */
  readonly code?: ErrorCode | undefined;
}

/** How `doctor` ends: as a command would that meets the first problem. */
export function exitFor(checks: readonly Check[]): Exit {
  const problem = checks.find(({ state }) => state === 'problem');
  return problem ? EXIT_CODES[problem.code ?? 'INTERNAL'] : EXIT.ok;
}

/** `1.2 GB`, `340 MB` */
export function bytesWords(bytes: number): string {
  const [size, unit] = bytes >= 1e9 ? [bytes / 1e9, 'GB'] : [bytes / 1e6, 'MB'];
  return `${size >= 100 ? Math.round(size) : Number(size.toFixed(1))} ${unit}`;
}
