/** Which pictures there are: a folder with a folder of pictures a class, or a tar archive of one. */
import { open, readdir, readFile, stat } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';
import { NeuroreelError } from '../protocol/errors.js';

export interface PictureFile {
  /** Path within the folder or archive, with `/`. */
  readonly name: string;
  /** Name of its class folder. */
  readonly label: string;
  /** The file's bytes, to be decoded. */
  read(): Promise<Uint8Array>;
}

const PICTURE_NAME = /^\.(jpe?g|png|webp|gif|tiff?|avif)$/i;
/** Largest picture file that is read. */
const MOST_BYTES = 2 ** 26;
/** Pictures that are taken at most. */
const MOST_PICTURES = 1_000_000;
const BLOCK = 512;

const naturally = new Intl.Collator('en', { numeric: true });

const invalid = (message: string, cause?: unknown): NeuroreelError =>
  new NeuroreelError('REQUEST_INVALID', message, { cause });

/**
 * Pictures of class folders, `LABEL/anything.jpg`, in natural order.
 * @param path a folder or a tar archive
 * @throws {NeuroreelError} REQUEST_INVALID when there is neither, or the archive is damaged
 */
export async function listPictures(path: string): Promise<PictureFile[]> {
  const facts = await stat(path).catch(() => null);
  const list = facts?.isDirectory() ? await folderPictures(path) : facts?.isFile() ? await tarPictures(path) : null;
  if (list === null) throw invalid(`There is no folder or archive of pictures at ${path}.`);
  if (list.length === 0) throw invalid(`${path} has no pictures in class folders (LABEL/NAME.jpg).`);
  return list.sort((a, b) => naturally.compare(a.name, b.name));
}

async function folderPictures(folder: string): Promise<PictureFile[]> {
  const list: PictureFile[] = [];
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (!entry.isDirectory()) continue;
    for (const name of await readdir(join(folder, entry.name))) {
      if (!PICTURE_NAME.test(extname(name))) continue;
      const path = join(folder, entry.name, name);
      list.push({ name: `${entry.name}/${name}`, label: entry.name, read: () => readFile(path) });
    }
  }
  return list;
}

/** The members of a tar archive (ustar) that are pictures in a folder. */
async function tarPictures(path: string): Promise<PictureFile[]> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    const list: PictureFile[] = [];
    const header = Buffer.alloc(BLOCK);
    for (let at = 0; at + BLOCK <= size;) {
      await file.read(header, 0, BLOCK, at);
      if (header.every((byte) => byte === 0)) break;
      const member = readHeader(header, path);
      const start = at + BLOCK;
      at = start + Math.ceil(member.size / BLOCK) * BLOCK;
      if (at > size) throw invalid(`${path} is cut short: ${member.name} is not all there.`);
      const label = basename(dirname(member.name));
      if (!member.isFile || !PICTURE_NAME.test(extname(member.name)) || label === '.' || label === '') continue;
      if (member.size > MOST_BYTES) throw invalid(`${member.name} in ${path} is too large for a picture.`);
      if (list.length >= MOST_PICTURES) throw invalid(`${path} has more than ${MOST_PICTURES} pictures.`);
      list.push({ name: member.name, label, read: () => readPart(path, start, member.size) });
    }
    return list;
  } finally {
    await file.close();
  }
}

function readHeader(header: Buffer, path: string): { name: string; size: number; isFile: boolean } {
  const text = (from: number, length: number): string =>
    header.toString('utf8', from, from + length).replace(/\0.*$/s, '');
  const octal = (from: number, length: number): number => parseInt(text(from, length).trim() || '0', 8);
  const sum = header.reduce((total, byte, i) => total + (i >= 148 && i < 156 ? 32 : byte), 0);
  const size = octal(124, 12);
  if (octal(148, 8) !== sum || !Number.isSafeInteger(size))
    throw invalid(`${path} is not a tar archive, or is damaged.`);
  const prefix = text(257, 5) === 'ustar' ? text(345, 155) : '';
  const name = prefix === '' ? text(0, 100) : `${prefix}/${text(0, 100)}`;
  return { name, size, isFile: header[156] === 0 || header[156] === 48 };
}

async function readPart(path: string, start: number, size: number): Promise<Uint8Array> {
  const file = await open(path);
  try {
    const bytes = Buffer.alloc(size);
    const { bytesRead } = await file.read(bytes, 0, size, start);
    if (bytesRead !== size) throw invalid(`${path} has become shorter while it was read.`);
    return bytes;
  } finally {
    await file.close();
  }
}
