/**
 * Periodic functions of a phase in turns, made only of operations that IEEE 754 rounds exactly (+, -, *, /, floor), so
 * that the data set has the same bytes on every machine. `Math.sin` and its like may differ in the last bit.
 */

/** The part of x after the point, in [0, 1). */
export function fraction(x: number): number {
  return x - Math.floor(x);
}

/** sin(2 pi turns), to about 1e-7 (Taylor series to degree 11 on a quarter turn). */
export function sine(turns: number): number {
  let x = turns - Math.floor(turns + 0.5);
  if (x > 0.25) x = 0.5 - x;
  else if (x < -0.25) x = -0.5 - x;
  const y = 6.283185307179586 * x;
  const s = y * y;
  return y * (1 - (s / 6) * (1 - (s / 20) * (1 - (s / 42) * (1 - (s / 72) * (1 - s / 110)))));
}

/** cos(2 pi turns). */
export function cosine(turns: number): number {
  return sine(turns + 0.25);
}

/** A swell from 0 up to 1 and back, smooth and the same forwards and backwards in time. */
export function swell(phase: number): number {
  return 0.5 - 0.5 * cosine(phase);
}

/** Falls linearly from 1 to -1 in the first half of the period and rises again in the second. */
export function triangle(phase: number): number {
  const p = fraction(phase);
  return p < 0.5 ? 1 - 4 * p : 4 * p - 3;
}

/** Rises from 0 to 1 during the given share of the period and falls back in the rest; both ends are slightly rounded. */
export function sawtooth(phase: number, share: number): number {
  const p = fraction(phase);
  const x = p < share ? p / share : (1 - p) / (1 - share);
  return 0.65 * x + 0.35 * x * x * (3 - 2 * x);
}
