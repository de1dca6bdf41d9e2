/** The randomisation test of the audit: is the clip's own order special among the orders it was scored in? */
import type { Random } from '../random.js';

export const RANDOMISATION_DRAWS = 9999;

/** Sums that differ by no more than rounding count as equal. */
const ROUNDING = 1e-12;

/**
 * T = mean over clips of [s_i0 - mean_{r>=1} s_ir]. If the order does not matter, any of the R + 1 orders could have been
 * the original, so the null draws for each clip which of them counts as such. Two-sided.
 * @param scores for each clip the scores [R + 1] of one class, the clip's own order first.
 * @returns T and p = (1 + #{|T_b| >= |T|}) / (B + 1), never 0.
 */
export function randomisationTest(
  scores: readonly ArrayLike<number>[],
  { random, draws = RANDOMISATION_DRAWS }: { random: Random; draws?: number },
): { statistic: number; p: number } {
  const contrasts = scores.map(contrastsOf);
  const observed = contrasts.reduce((sum, row) => sum + row[0]!, 0);
  const least = Math.abs(observed) * (1 - ROUNDING);
  let extreme = 0;
  for (let b = 0; b < draws; b++) {
    let sum = 0;
    for (const row of contrasts) sum += row[random.integer(row.length)]!;
    if (Math.abs(sum) >= least) extreme++;
  }
  return { statistic: observed / Math.max(1, scores.length), p: (1 + extreme) / (draws + 1) };
}

/** s_j less the mean of the others, for each j. Taken relative to s_0, so that equal scores give exactly 0. */
function contrastsOf(scores: ArrayLike<number>): Float64Array {
  const others = scores.length - 1;
  const relative = Float64Array.from(scores, (s) => s - scores[0]!);
  const sum = relative.reduce((a, b) => a + b, 0);
  return relative.map((u) => ((others + 1) * u - sum) / others);
}
