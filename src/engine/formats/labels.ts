/** Labels of a network's units, from the files in which people keep them. */
import { readFile, stat } from 'node:fs/promises';
import { z } from 'zod';
import { NeuroreelError } from '../../protocol/errors.js';

const MAX_LABELS_FILE = 16 * 2 ** 20;

const label = z.string().max(200).nullable();
const labelsFile = z.union([
  z.array(label),
  z.looseObject({ labels: z.array(label) }).transform((file) => file.labels),
]);

/**
 * Labels from a file; units without one are named "unit 2" by their number. A line of text is a label as it stands, such
 * as `n01440764 tench, Tinca tinca` in Caffe's synset_words.txt; where each ends with its own number, as `abbey 0` in
 * Caffe's categoryIndex files, the numbers are left off.
 * @throws NeuroreelError MODEL_INVALID when the file cannot be read or is neither of the three forms.
 */
export async function readLabels(path: string): Promise<string[]> {
  const facts = await stat(path).catch(() => null);
  if (!facts?.isFile() || facts.size > MAX_LABELS_FILE) {
    throw new NeuroreelError('MODEL_INVALID', `The labels ${path} are missing, not a file or too large.`);
  }
  const text = await readFile(path, 'utf8');
  let given: (string | null)[];
  if (/^\s*[[{]/.test(text)) {
    try {
      given = labelsFile.parse(JSON.parse(text));
    } catch (cause) {
      const forms = 'a list of labels or {"labels": [...]}';
      throw new NeuroreelError('MODEL_INVALID', `The labels ${path} are not ${forms} in JSON.`, { cause });
    }
  } else {
    given = withoutNumbers(text.trimEnd().split(/\r?\n/)).map((line) => line.trim().slice(0, 200) || null);
  }
  return given.map((name, i) => name ?? `unit ${i}`);
}

/**
 * One label a unit: those of the file, or "unit 0" and so on without one.
 * @throws NeuroreelError MODEL_INVALID as `readLabels`, and when they are not as many as the units.
 */
export async function labelsFor(units: number, path: string | undefined): Promise<string[]> {
  if (path === undefined) return Array.from({ length: units }, (_, i) => `unit ${i}`);
  const labels = await readLabels(path);
  if (labels.length !== units) {
    throw new NeuroreelError('MODEL_INVALID', `${path} has ${labels.length} labels for the network's ${units} units.`);
  }
  return labels;
}

/** Lines without the number of the unit at their end, where each has it, and is told from the others without it. */
function withoutNumbers(lines: readonly string[]): readonly string[] {
  const ends = lines.map((_, i) => ` ${i}`);
  if (!lines.every((line, i) => line.endsWith(ends[i]!))) return lines;
  const bare = lines.map((line, i) => line.slice(0, -ends[i]!.length));
  return new Set(bare).size === lines.length && lines.length > 1 ? bare : lines;
}
