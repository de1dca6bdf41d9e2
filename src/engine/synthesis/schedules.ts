/** How rates and noise change over a run. One table, one entry a schedule. */
import type { SynthesisOptimiser } from '../../protocol/synthesis.js';

/** Share of the iterations after which noise and rate fade. */
const FADE_FROM = 2 / 3;

/** 1 for the first two thirds, then down to 0 along a cosine. */
export const fading = (share: number): number =>
  share < FADE_FROM ? 1 : 0.5 * (1 + Math.cos((Math.PI * (share - FADE_FROM)) / (1 - FADE_FROM)));

type Schedule = SynthesisOptimiser['schedule'];

/** How much of the way to the end is left, from 1 to 0, by the share of the iterations that are done. */
const LEFT: Readonly<Record<Schedule, (share: number) => number>> = {
  constant: () => 1,
  linear: (share) => 1 - share,
  cosine: (share) => 0.5 * (1 + Math.cos(Math.PI * share)),
  fade: fading,
};

/** Share of a rate that is left; `end` is the share that remains at the end. */
export const scheduled = (schedule: Schedule, end: number, share: number): number =>
  end + (1 - end) * LEFT[schedule](share);

/** The paper's step size: from `start` to `end`; on a line exactly as its program has it. */
export function stepSize(
  { start, end, schedule }: Extract<SynthesisOptimiser, { rule: 'paper' }>,
  iteration: number,
  iterations: number,
): number {
  if (schedule === 'linear') return start + ((end - start) * iteration) / iterations;
  return end + (start - end) * LEFT[schedule](iteration / iterations);
}
