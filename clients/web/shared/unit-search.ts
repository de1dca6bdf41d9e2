/** Finding a unit by what is typed: parts of its label, or its index. */

export interface Found {
  readonly index: number;
  readonly label: string;
}

/** Units shown at once. */
export const MOST_FOUND = 60;

const plain = (text: string): string => text.toLowerCase().replaceAll('_', ' ').trim();

/**
 * Units whose label holds all the words, those that begin with the text first; all of them for no text.
 * @returns at most {@link MOST_FOUND}, and how many there are in all
 */
export function findUnits(
  labels: readonly string[],
  text: string,
): { readonly found: readonly Found[]; readonly all: number } {
  const wanted = plain(text);
  const parts = wanted.split(/\s+/).filter((part) => part !== '');
  const fitting = labels
    .map((label, index) => ({ index, label }))
    .filter(({ index, label }) => String(index) === wanted || parts.every((part) => plain(label).includes(part)));
  const rank = ({ index, label }: Found): number =>
    String(index) === wanted ? 0 : plain(label).startsWith(wanted) ? 1 : 2;
  const found = fitting.toSorted((a, b) => rank(a) - rank(b) || a.index - b.index).slice(0, MOST_FOUND);
  return { found, all: fitting.length };
}
