/** Priors that are always there: no generator networks, but the picture itself as the code. All others are named by their packages. */

/** The code is the pixels. */
export const PIXELS = 'pixels';
/** The code is the coefficients of waves. */
export const FOURIER = 'fourier';
export const WITHOUT_GENERATOR: readonly string[] = [PIXELS, FOURIER];

/** Whether a prior of this name, or none, is no generator. */
export const isWithoutGenerator = (
  name: string | null | undefined,
): name is typeof PIXELS | typeof FOURIER | null | undefined =>
  name === undefined || name === null || WITHOUT_GENERATOR.includes(name);
