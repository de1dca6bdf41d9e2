/** Reads the files of an uncompressed tar (POSIX ustar) that is held in memory. */
import { NeuroreelError } from '../../src/protocol/errors.js';

const BLOCK = 512;

export interface TarFile {
  readonly name: string;
  readonly bytes: Buffer;
}

/** The text of a header's field, up to its first NUL. */
const field = (header: Buffer, start: number, length: number): string =>
  header.toString('latin1', start, start + length).replace(/\0.*$/s, '');

/**
 * The regular files of an archive, in their order; the bytes are views of it.
 * @throws NeuroreelError TRAINING_DATA_INVALID when a header is no header, or a file ends beyond the archive.
 */
export function* tarFiles(archive: Buffer, name: string): Generator<TarFile> {
  for (let at = 0; at + BLOCK <= archive.length;) {
    const header = archive.subarray(at, at + BLOCK);
    if (header.every((byte) => byte === 0)) return;
    const size = parseInt(field(header, 124, 12).trim(), 8);
    const end = at + BLOCK + size;
    if (!Number.isInteger(size) || size < 0 || end > archive.length) {
      throw new NeuroreelError('TRAINING_DATA_INVALID', `${name} is no whole tar: its header at byte ${at} is wrong.`);
    }
    const kind = field(header, 156, 1);
    const prefix = field(header, 257, 5) === 'ustar' ? field(header, 345, 155) : '';
    const path = field(header, 0, 100);
    if (kind === '0' || kind === '')
      yield { name: prefix ? `${prefix}/${path}` : path, bytes: archive.subarray(at + BLOCK, end) };
    at = at + BLOCK + Math.ceil(size / BLOCK) * BLOCK;
  }
}
