/** Long rows of numbers in few, for viewers. */
import { MAX_HISTORY } from '../protocol/index.js';

const DIGITS = 4;

/**
 * @param values a row of any length; NaN where there is no number
 * @returns at most `most` numbers, each the mean of as many neighbours as the others; null where they hold no number
 */
export function thinned(values: ArrayLike<number>, most = MAX_HISTORY): (number | null)[] {
  const each = Math.max(1, Math.ceil(values.length / most));
  return Array.from({ length: Math.ceil(values.length / each) }, (_, i) => {
    const known = Array.from(
      { length: Math.min(each, values.length - i * each) },
      (_, k) => values[i * each + k]!,
    ).filter(Number.isFinite);
    const sum = known.reduce((total, value) => total + value, 0);
    return known.length === 0 ? null : Number((sum / known.length).toPrecision(DIGITS));
  });
}
