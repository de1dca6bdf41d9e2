/** Two recognisers on the same clips in the same orders: whose answers change more? */
import type { Comparison, Estimate } from '../../protocol/audit-report.js';
import { Random } from '../random.js';
import { bootstrapShare } from './bootstrap.js';
import type { ClipOutcome } from './evidence.js';
import { mean } from './statistics.js';
import { groupsOf, plain } from './summary.js';
import { interval, percent, rounded } from './words.js';

export interface Compared {
  readonly name: string;
  readonly clips: readonly ClipOutcome[];
}

/**
 * Paired bootstrap of the difference in flip rate under a condition, over the clips that both scored under it.
 * @returns null when there is no such clip.
 */
export function compareModels(
  first: Compared,
  second: Compared,
  condition: string,
  { seed, draws }: { readonly seed: number; readonly draws: number },
): Comparison | null {
  const others = new Map(second.clips.map((clip) => [clip.name, clip]));
  const pairs = first.clips.flatMap((one) => {
    const other = others.get(one.name);
    const [a, b] = [one.conditions.get(condition), other?.conditions.get(condition)];
    return a && b && other ? [{ one, other, a, b }] : [];
  });
  if (pairs.length === 0) return null;
  const groups = groupsOf(pairs.map(({ one }) => one));
  const difference = (what: string, values: number[], most: number): Estimate =>
    plain(
      bootstrapShare(values, {
        ...{ random: new Random(`${seed}/${condition}/${first.name} against ${second.name}/${what}`), groups, draws },
        ...{ least: -most, most },
      }),
    );
  const found = {
    first: first.name,
    second: second.name,
    condition,
    clips: pairs.length,
    groups: new Set(groups).size,
    flipRates: { first: mean(pairs.map(({ a }) => a.flips)), second: mean(pairs.map(({ b }) => b.flips)) },
    difference: difference(
      'flips',
      pairs.map(({ a, b }) => a.flips - b.flips),
      1,
    ),
    excessDifference: difference(
      'excess',
      pairs.map(({ one, other, a, b }) => a.flips - one.noiseFlips - (b.flips - other.noiseFlips)),
      2,
    ),
  };
  return { ...found, sentence: sentenceOf(found) };
}

function sentenceOf({ first, second, condition, clips, groups, flipRates, ...found }: Omit<Comparison, 'sentence'>) {
  const { low, high, value } = found.difference;
  const certain = groups > 1 && (low > 0 || high < 0);
  const [more, less] = value > 0 ? [first, second] : [second, first];
  const claim = certain
    ? `${more} changes its answer more often than ${less} (${condition})`
    : `no difference is shown between ${first} and ${second} (${condition})`;
  return (
    `${claim}: flip rates ${percent(flipRates.first)} and ${percent(flipRates.second)}, difference ` +
    `${rounded(value)} points (95 % interval ${interval(found.difference)}), ${clips} clips in the same orders.`
  );
}
