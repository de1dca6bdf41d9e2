/** Which clips there are: a folder of class folders, or a list with a path, a label and a group for each. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, dirname, extname, join, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { z } from 'zod';
import { NeuroreelError } from '../protocol/errors.js';

export interface ClipFile {
  /** Path within the folder, with `/`, or as the list has it. */
  readonly name: string;
  /** Name of the class folder, or as the list says; null when there is none. */
  readonly label: string | null;
  /** Clips of one group resemble each other; null when none is known. */
  readonly group: string | null;
  readonly path: string;
}

/** Largest list that is read. */
const MOST_LIST_BYTES = 64 * 2 ** 20;
/** Clips that are taken at most. */
const MOST_CLIPS = 1_000_000;

/** By their names: ffmpeg would make pictures of texts, too. */
const VIDEO_NAME = /^\.(mp4|m4v|mov|avi|mkv|webm|mpg|mpeg|wmv|flv|ogv|ts|mts|3gp|gif)$/i;

/** Whether a file's name says that it is a video. */
export const isVideoName = (name: string): boolean => VIDEO_NAME.test(extname(name));

const naturally = new Intl.Collator('en', { numeric: true });

const invalid = (message: string, cause?: unknown): NeuroreelError =>
  new NeuroreelError('REQUEST_INVALID', message, { cause });

/**
 * The clips of a folder, or of a list: `.csv` or `.tsv` with a head of `path`, `label` and perhaps `group`, or `.json`
 * with an array of objects of these. Paths in a list are taken from where the list is.
 * @param called how errors call it
 * @throws {NeuroreelError} REQUEST_INVALID when there is neither, or the list is not one
 */
export async function listClips(path: string, called = path): Promise<ClipFile[]> {
  const facts = await stat(path).catch(() => null);
  const clips = facts?.isDirectory() ? await folderClips(path) : facts?.isFile() ? await readList(path, called) : null;
  if (clips === null) throw invalid(`There is no folder or list of clips: ${called}.`);
  if (clips.length > MOST_CLIPS) throw invalid(`${called} has more than ${MOST_CLIPS} clips.`);
  const names = new Set<string>();
  for (const { name } of clips) {
    if (names.has(name)) throw invalid(`${called} names the clip ${name} twice.`);
    names.add(name);
  }
  return clips;
}

/** The files of the folder and of the folders in it, in natural order (`clip2` before `clip10`). */
async function folderClips(folder: string): Promise<ClipFile[]> {
  const clips: ClipFile[] = [];
  for (const entry of await visible(folder)) {
    const path = join(folder, entry.name);
    if (!entry.isDirectory()) {
      clips.push({ name: entry.name, label: null, group: null, path });
      continue;
    }
    for (const file of await visible(path)) {
      if (file.isDirectory()) continue;
      const group = groupOf(file.name, entry.name);
      clips.push({ name: `${entry.name}/${file.name}`, label: entry.name, group, path: join(path, file.name) });
    }
  }
  return clips;
}

async function visible(folder: string) {
  const entries = await readdir(folder, { withFileTypes: true });
  return entries.filter(({ name }) => !name.startsWith('.')).sort((a, b) => naturally.compare(a.name, b.name));
}

/** Data sets named like UCF-101 say which clips are cut from one video: `v_Diving_g07_c02.avi`. */
function groupOf(file: string, label: string | null): string | null {
  const group = /_(g\d+)_c\d+\./.exec(file)?.[1];
  if (group === undefined) return null;
  return label === null ? group : `${label}/${group}`;
}

const text = z.string().max(1000);
const listEntry = z.object({
  path: text.min(1).describe('From where the list is.'),
  label: text.nullish().describe('The true class; absent, null or empty: not known.'),
  group: text.nullish().describe('Clips of one group resemble each other (same person, same scene).'),
});

/** In the order of the list. */
async function readList(path: string, called: string): Promise<ClipFile[]> {
  const { size } = await stat(path);
  if (size > MOST_LIST_BYTES) throw invalid(`The list of clips ${called} is larger than 64 MiB.`);
  const parsed = z.array(listEntry).safeParse(entriesOf(path, await readFile(path, 'utf8'), called));
  if (!parsed.success) {
    const { path: where, message } = parsed.error.issues[0]!;
    throw invalid(`The list of clips ${called} is not one: ${where.join('.') || 'it'}: ${message}.`);
  }
  return parsed.data.map((entry) => {
    const label = entry.label === '' ? null : (entry.label ?? null);
    const group = entry.group === '' || entry.group === undefined ? null : entry.group;
    const known = group ?? groupOf(basename(entry.path), label);
    return { name: entry.path, label, group: known, path: resolve(dirname(path), entry.path) };
  });
}

function entriesOf(path: string, content: string, called: string): unknown {
  const kind = extname(path).toLowerCase();
  if (kind === '.json') {
    try {
      return JSON.parse(content);
    } catch (cause) {
      throw invalid(`The list of clips ${called} is not JSON.`, cause);
    }
  }
  if (kind !== '.csv' && kind !== '.tsv') {
    throw invalid(`${called} is no list of clips: it is to end in .csv, .tsv or .json.`);
  }
  const [head = [], ...rows] = tableOf(content, kind === '.csv' ? ',' : '\t');
  if (!head.includes('path'))
    throw invalid(`The list of clips ${called} has no column named "path" in its first line.`);
  return rows.map((row) => Object.fromEntries(head.map((column, i) => [column, row[i] ?? ''])));
}

/** Rows of a table of separated values (RFC 4180: cells may be quoted, quotes are doubled); empty lines are left out. */
export function tableOf(content: string, separator: string): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  let cell = '';
  let quoted = false;
  const endCell = (): void => {
    row.push(cell);
    cell = '';
  };
  const endRow = (): void => {
    endCell();
    if (row.length > 1 || row[0] !== '') rows.push(row);
    row = [];
  };
  const source = content.replace(/^\ufeff/, '');
  for (let i = 0; i < source.length; i++) {
    const c = source[i]!;
    if (quoted) {
      if (c !== '"') cell += c;
      else if (source[i + 1] === '"') cell += source[++i]!;
      else quoted = false;
    } else if (c === '"' && cell === '') quoted = true;
    else if (c === separator) endCell();
    else if (c === '\n') endRow();
    else if (c !== '\r') cell += c;
  }
  endRow();
  return rows;
}

/** SHA-256 of a file's content, hexadecimal; null when it cannot be read. */
export async function contentHash(path: string): Promise<string | null> {
  const hash = createHash('sha256');
  try {
    await pipeline(createReadStream(path), hash);
  } catch {
    return null;
  }
  return hash.digest('hex');
}
