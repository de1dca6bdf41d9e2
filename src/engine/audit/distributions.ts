/** Distribution functions and quantiles: the standard normal, Student's t and the beta, to about 12 digits. */

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
  // Far out in the lower tail the rounding of 0.5 is larger than what is left.
  return Math.max(0, 0.5 + (sum * Math.exp(-(z * z) / 2)) / Math.sqrt(2 * Math.PI));
}

/** Where a rising function passes p, between two ends, by halving: nothing here is called often. */
function inverse(cdf: (x: number) => number, p: number, low: number, high: number): number {
  if (!(p > 0 && p < 1)) throw new RangeError(`A quantile needs a probability between 0 and 1, not ${p}.`);
  for (let i = 0; i < 100; i++) {
    const middle = (low + high) / 2;
    if (cdf(middle) < p) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** The z with P(Z <= z) = p, for p in (0, 1). */
export function normalQuantile(p: number): number {
  return inverse(normalCdf, p, -8.5, 8.5);
}

/** P(T <= t) for Student's t with n > 0 degrees of freedom. */
export function studentCdf(t: number, n: number): number {
  const tail = betaCdf(n / (n + t * t), n / 2, 0.5) / 2;
  return t > 0 ? 1 - tail : tail;
}

/** The t with P(T <= t) = p, for p in (0, 1) and n > 0 degrees of freedom. */
export function studentQuantile(p: number, n: number): number {
  // By symmetry in the lower half, where no digits are lost against 1.
  if (p > 0.5) return -studentQuantile(1 - p, n);
  let low = -2;
  while (studentCdf(low, n) > p) low *= 2;
  return inverse((t) => studentCdf(t, n), p, low, 0);
}

/** Coefficients of Lanczos's approximation of the gamma function, g = 7, n = 9 (Godfrey 2001). */
const LANCZOS = [
  0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059,
  12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
] as const;

/** Logarithm of the gamma function for x >= 0.5. */
function logGamma(x: number): number {
  const z = x - 1;
  const sum = LANCZOS.reduce((total, c, i) => (i === 0 ? c : total + c / (z + i)), 0);
  const t = z + 7.5;
  return 0.5 * Math.log(2 * Math.PI) + (z + 0.5) * Math.log(t) - t + Math.log(sum);
}

/** P(X <= x) for the beta distribution, a, b >= 0.5: the regularised incomplete beta function (DLMF 8.17.22). */
export function betaCdf(x: number, a: number, b: number): number {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  // The continued fraction converges quickly below the mean.
  if (x > (a + 1) / (a + b + 2)) return 1 - betaCdf(1 - x, b, a);
  const front = Math.exp(logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log1p(-x)) / a;
  return front / continuedFraction(x, a, b);
}

/** Value of 1 + d1 / (1 + d2 / (1 + ...)) by Lentz's method as modified by Thompson and Barnett (1986). */
function continuedFraction(x: number, a: number, b: number): number {
  const tiny = 1e-300;
  let value = 1;
  let c = 1;
  let d = 0;
  for (let n = 1; n < 2000; n++) {
    const m = Math.floor(n / 2);
    const term =
      n % 2 === 0
        ? (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m))
        : -((a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / (1 + term * d || tiny);
    c = 1 + term / c || tiny;
    const change = c * d;
    value *= change;
    if (Math.abs(change - 1) < 1e-15) break;
  }
  return value;
}
