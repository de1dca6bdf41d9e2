/** The sets of clips that a server offers for audits: folders and lists in folders that it was told of, by their names. */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { NeuroreelError } from '../../protocol/index.js';

const NAME = /^[A-Za-z0-9_][A-Za-z0-9 ._-]{0,99}$/;
const LIST = /\.(csv|tsv|json)$/i;

/** Names and paths; the first of a name counts. A folder that cannot be read offers nothing. */
function allSets(folders: readonly string[]): Map<string, string> {
  const found = new Map<string, string>();
  for (const folder of folders) {
    for (const entry of entriesOf(folder)) {
      const path = join(folder, entry);
      const isSet = LIST.test(entry) || (statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false);
      if (NAME.test(entry) && isSet && !found.has(entry)) found.set(entry, path);
    }
  }
  return found;
}

function entriesOf(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** Names of the sets, in natural order. */
export function clipSetNames(folders: readonly string[]): string[] {
  return [...allSets(folders).keys()].sort(new Intl.Collator('en', { numeric: true }).compare);
}

/** The path of a set. @throws {NeuroreelError} REQUEST_INVALID with the names there are */
export function clipSet(folders: readonly string[], name: string): string {
  const sets = allSets(folders);
  const path = sets.get(name);
  if (path !== undefined) return path;
  const names = [...sets.keys()].join(', ') || 'none (NEUROREEL_CLIPS names folders of them)';
  throw new NeuroreelError(
    'REQUEST_INVALID',
    `There is no set of clips named ${JSON.stringify(name)}; there are: ${names}.`,
  );
}
