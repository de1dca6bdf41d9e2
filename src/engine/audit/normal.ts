/** The standard normal distribution, to about 14 digits, and Student's from it. */

/** P(Z <= z). Taylor series of Marsaglia, "Evaluating the Normal Distribution" (2004); 0 or 1 beyond 8.5. */
export function normalCdf(z: number): number {
  if (z < -8.5) return 0;
  if (z > 8.5) return 1;
  let sum = z;
  let term = z;
  for (let n = 3; sum + term !== sum; n += 2) {
    term *= (z * z) / n;
    sum += term;
  }
  return 0.5 + (sum * Math.exp(-(z * z) / 2)) / Math.sqrt(2 * Math.PI);
}

/** The z with P(Z <= z) = p, for p in (0, 1); found by halving, since nothing here is called often. */
export function normalQuantile(p: number): number {
  if (!(p > 0 && p < 1)) throw new RangeError(`A quantile needs a probability between 0 and 1, not ${p}.`);
  let low = -8.5;
  let high = 8.5;
  for (let i = 0; i < 80; i++) {
    const middle = (low + high) / 2;
    if (normalCdf(middle) < p) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/**
 * Quantile of Student's t with n degrees of freedom, by the expansion of Abramowitz and Stegun 26.7.5: within 0.2 % from 5
 * degrees on for p in [0.025, 0.975], and too near 0 below.
 */
export function studentQuantile(p: number, n: number): number {
  const z = normalQuantile(p);
  return (
    z +
    (z ** 3 + z) / (4 * n) +
    (5 * z ** 5 + 16 * z ** 3 + 3 * z) / (96 * n ** 2) +
    (3 * z ** 7 + 19 * z ** 5 + 17 * z ** 3 - 15 * z) / (384 * n ** 3)
  );
}
