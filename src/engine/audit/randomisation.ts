/**
 * The randomisation test of the audit: is the clip's own order special among the orders it was scored in? Clips are added
 * one by one, and their scores are not kept: memory does not grow with clips or orders.
 */
import type { Random } from '../random.js';

export const RANDOMISATION_DRAWS = 9999;

/** Sums that differ by no more than rounding count as equal. */
const ROUNDING = 1e-12;

/** What a clip adds to the statistic: as it is, and for each draw of the null as if the drawn order were its own. */
export interface Contrasts {
  readonly observed: number;
  readonly drawn: Float64Array;
}

/**
 * Contrasts of one clip: s_j less the mean of the others, for j = 0 and for `draws` random j.
 * @param scores [R + 1] of one class, R >= 1, the clip's own order first.
 */
export function contrastsOf(scores: ArrayLike<number>, random: Random, draws = RANDOMISATION_DRAWS): Contrasts {
  const others = scores.length - 1;
  // Relative to s_0, so that equal scores give exactly 0.
  const relative = Float64Array.from(scores, (s) => s - scores[0]!);
  const sum = relative.reduce((a, b) => a + b, 0);
  const contrasts = relative.map((u) => ((others + 1) * u - sum) / others);
  const drawn = Float64Array.from({ length: draws }, () => contrasts[random.integer(others + 1)]!);
  return { observed: contrasts[0]!, drawn };
}

/**
 * T = mean over clips of [s_i0 - mean_{r>=1} s_ir]. If the order does not matter, any of the R + 1 orders could have been
 * the original, so the null draws for each clip which of them counts as such. Two-sided.
 */
export class RandomisationTest {
  #observed = 0;
  #clips = 0;
  readonly #drawn: Float64Array;

  constructor(draws = RANDOMISATION_DRAWS) {
    this.#drawn = new Float64Array(draws);
  }

  /** Adds a clip; the draws of all clips must be independent of each other. */
  add({ observed, drawn }: Contrasts): void {
    this.#observed += observed;
    this.#clips++;
    for (let b = 0; b < drawn.length; b++) this.#drawn[b]! += drawn[b]!;
  }

  /** T and p = (1 + #{|T_b| >= |T|}) / (B + 1), never 0. */
  result(): { statistic: number; p: number } {
    const least = Math.abs(this.#observed) * (1 - ROUNDING);
    let extreme = 0;
    for (const sum of this.#drawn) if (Math.abs(sum) >= least) extreme++;
    return { statistic: this.#observed / Math.max(1, this.#clips), p: (1 + extreme) / (this.#drawn.length + 1) };
  }
}

/** The test for scores that are all there: one list [R + 1] a clip. */
export function randomisationTest(
  scores: readonly ArrayLike<number>[],
  { random, draws = RANDOMISATION_DRAWS }: { random: Random; draws?: number },
): { statistic: number; p: number } {
  const test = new RandomisationTest(draws);
  for (const row of scores) test.add(contrastsOf(row, random, draws));
  return test.result();
}
