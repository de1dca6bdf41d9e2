/** What a disk says when it takes no more, as errors of the catalogue. */
import { NeuroreelError } from '../../protocol/index.js';

const FULL = new Set(['ENOSPC', 'EDQUOT', 'EFBIG', 'SQLITE_FULL']);

/** Whether an error, or one that caused it, says that the disk is full. */
export function isDiskFull(error: unknown): boolean {
  for (let at = error; at instanceof Error; at = at.cause) {
    const { code } = at as { code?: unknown };
    if (typeof code === 'string' && FULL.has(code)) return true;
    // ffmpeg and other programs say it in words.
    if (/no space left on device|disk quota exceeded/i.test(at.message)) return true;
  }
  return false;
}

/** @returns DISK_FULL or DATA_FOLDER_UNWRITABLE; an error of the catalogue as it is. */
export function diskError(path: string, cause: unknown): NeuroreelError {
  if (cause instanceof NeuroreelError) return cause;
  if (isDiskFull(cause)) return new NeuroreelError('DISK_FULL', `The disk of ${path} is full.`, { cause });
  const reason = (cause as NodeJS.ErrnoException).code ?? String(cause);
  return new NeuroreelError('DATA_FOLDER_UNWRITABLE', `Cannot write to ${path} (${reason}).`, { cause });
}
