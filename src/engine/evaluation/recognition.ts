/** What a judge, a network that took no part in a synthesis, makes of a picture or video, and what it calls each label. */

/** Labels that were given in several words: `n01443537 goldfish, Carassius auratus` has the words `goldfish` and so on. */
function wordsOf(label: string): { id: string | null; words: string[] } {
  const id = /\bn\d{8}\b/.exec(label)?.[0] ?? null;
  const words = label
    .replace(/\bn\d{8}\b/, '')
    .split(',')
    .map((word) =>
      word
        .trim()
        .toLowerCase()
        .replace(/[\s_-]+/g, ' '),
    )
    .filter(Boolean);
  return { id, words };
}

/** Whether two labels name the same thing: by their WordNet ids, where both have one, else by a word of theirs. */
export function sameLabel(a: string, b: string): boolean {
  const [one, two] = [wordsOf(a), wordsOf(b)];
  if (one.id !== null && two.id !== null) return one.id === two.id;
  return one.words.some((word) => two.words.includes(word));
}

/** Indices of scores, the highest first; of equal ones the first. */
export function ranking(scores: ArrayLike<number>): number[] {
  return Array.from({ length: scores.length }, (_, i) => i).sort((a, b) => scores[b]! - scores[a]! || a - b);
}

/** Place of an index in the ranking of scores, from 1. */
export function rankOf(scores: ArrayLike<number>, index: number): number {
  let rank = 1;
  for (let i = 0; i < scores.length; i++) {
    if (scores[i]! > scores[index]! || (scores[i] === scores[index] && i < index)) rank++;
  }
  return rank;
}

/**
 * Which label of a judge stands for a label: the one of the same name (the first), else what the judge calls more than half
 * of real examples, as one that was trained with merged or foreign labels does.
 * @param answers the judge's answers for real examples of the label
 * @returns an index into the judge's labels; null where it has no word for it
 */
export function wordOfJudge(label: string, judge: readonly string[], answers: readonly number[]): number | null {
  const named = judge.findIndex((other) => sameLabel(label, other));
  if (named >= 0) return named;
  const counts = new Map<number, number>();
  for (const answer of answers) counts.set(answer, (counts.get(answer) ?? 0) + 1);
  const [most] = [...counts].sort(([a, m], [b, n]) => n - m || a - b);
  return most !== undefined && most[1] > answers.length / 2 ? most[0] : null;
}
