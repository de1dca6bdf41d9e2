/** Where the code of an imported generator is natural, from what is known of it: bounds, perhaps a mean. */
import { readFile, stat } from 'node:fs/promises';
import { NeuroreelError } from '../../protocol/errors.js';
import type { NamedTensor } from '../models/safetensors.js';

const MAX_NUMBERS_FILE = 64 * 2 ** 20;

/** One number for the whole code, or the path of a file with one for each of its numbers. */
export type NumberOrFile = number | string;

export interface CodeFacts {
  /** Upper bounds; the paper's are the mean + 3 standard deviations over codes of real pictures. */
  readonly bounds: NumberOrFile;
  /** Lower bounds; 0, those of a rectified layer, when absent. */
  readonly lower?: NumberOrFile | undefined;
  readonly codeMean?: NumberOrFile | undefined;
}

/**
 * Numbers from a text file, with blanks, commas or line ends between them.
 * @throws NeuroreelError MODEL_INVALID when it cannot be read, holds anything else, or not as many as wanted.
 */
export async function readNumbers(path: string, count: number): Promise<Float32Array> {
  const facts = await stat(path).catch(() => null);
  if (!facts?.isFile() || facts.size > MAX_NUMBERS_FILE) {
    throw new NeuroreelError('MODEL_INVALID', `The numbers ${path} are missing, not a file or too large.`);
  }
  const words = (await readFile(path, 'utf8')).split(/[\s,]+/).filter((word) => word !== '');
  if (words.length !== count) {
    throw new NeuroreelError('MODEL_INVALID', `${path} holds ${words.length} numbers; the code has ${count}.`);
  }
  const numbers = Float32Array.from(words, Number);
  const wrong = numbers.findIndex((x) => !Number.isFinite(x));
  if (wrong >= 0) {
    const word = JSON.stringify(words[wrong]!.slice(0, 40));
    throw new NeuroreelError('MODEL_INVALID', `${path}: ${word} is no number, or too large for float32.`);
  }
  return numbers;
}

async function numbersOf(given: NumberOrFile, size: number): Promise<Float32Array> {
  return typeof given === 'number' ? new Float32Array(size).fill(given) : readNumbers(given, size);
}

/**
 * The statistics that a prior's package holds of its code: `code.mean`, `code.lower`, `code.upper`, [size] each.
 *
 * Where no mean is given, it follows from the bounds. A code without lower bounds is taken for that of a rectified layer,
 * which is mostly small: its mean is a tenth of its upper bound, and the standard deviation, (upper - mean) / 3, three
 * tenths. (Of the layers whose mean + 1, 2 and 3 deviations Nguyen et al. published, conv5 has its mean at 11 % of the
 * upper bound and fc6 at 5 %.) A code with lower bounds is taken for a symmetric one: its mean is in their middle.
 *
 * @throws NeuroreelError MODEL_INVALID for files that do not fit, REQUEST_INVALID for bounds that leave nothing between
 * them or a mean outside of them.
 */
export async function codeStatistics(size: number, facts: CodeFacts): Promise<Map<string, NamedTensor>> {
  const upper = await numbersOf(facts.bounds, size);
  const lower = await numbersOf(facts.lower ?? 0, size);
  const share = facts.lower === undefined ? 1 / 10 : 1 / 2;
  const mean =
    facts.codeMean === undefined
      ? upper.map((high, i) => lower[i]! + share * (high - lower[i]!))
      : await numbersOf(facts.codeMean, size);
  const wrong = upper.findIndex((high, i) => !(lower[i]! <= mean[i]! && mean[i]! <= high));
  if (wrong >= 0) {
    const [low, middle, high] = [lower, mean, upper].map((numbers) => Number(numbers[wrong]!.toPrecision(6)));
    const message = `Number ${wrong} of the code cannot be within ${low} and ${high} with a mean of ${middle}.`;
    throw new NeuroreelError('REQUEST_INVALID', message);
  }
  if (upper.every((high, i) => high === lower[i])) {
    throw new NeuroreelError('REQUEST_INVALID', 'The bounds of the code leave nothing between them.');
  }
  const tensor = (data: Float32Array): NamedTensor => ({ shape: [size], data });
  return new Map([
    ['code.mean', tensor(mean)],
    ['code.lower', tensor(lower)],
    ['code.upper', tensor(upper)],
  ]);
}
