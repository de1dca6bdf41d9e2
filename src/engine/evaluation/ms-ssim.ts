/**
 * Multi-scale structural similarity of two pictures: Wang, Simoncelli and Bovik, "Multi-scale structural similarity for
 * image quality assessment" (2003). 1 for equal pictures; about 0 for unrelated ones. One minus its mean over pairs is
 * how diverse pictures of a class are (Odena et al. 2017; the PPGN paper).
 */

/** Exponents of the scales, from fine to coarse (the paper's table). */
const EXPONENTS = [0.0448, 0.2856, 0.3001, 0.2363, 0.1333];
const WINDOW = 11;
const SIGMA = 1.5;
const C1 = (0.01 * 255) ** 2;
const C2 = (0.03 * 255) ** 2;

interface Plane {
  readonly data: Float64Array;
  readonly width: number;
  readonly height: number;
}

const KERNEL = ((): readonly number[] => {
  const weights = Array.from({ length: WINDOW }, (_, i) => Math.exp(-((i - (WINDOW - 1) / 2) ** 2) / (2 * SIGMA ** 2)));
  const sum = weights.reduce((a, b) => a + b, 0);
  return weights.map((w) => w / sum);
})();

/** Gaussian means of all windows that lie within the plane, as one plane of them. */
function smoothed({ data, width, height }: Plane): Float64Array {
  const [w, h] = [width - WINDOW + 1, height - WINDOW + 1];
  const across = new Float64Array(w * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < w; x++) {
      let sum = 0;
      for (let k = 0; k < WINDOW; k++) sum += KERNEL[k]! * data[y * width + x + k]!;
      across[y * w + x] = sum;
    }
  }
  const out = new Float64Array(w * h);
  for (let y = 0; y < h; y++) {
    for (let x = 0; x < w; x++) {
      let sum = 0;
      for (let k = 0; k < WINDOW; k++) sum += KERNEL[k]! * across[(y + k) * w + x]!;
      out[y * w + x] = sum;
    }
  }
  return out;
}

const product = (a: Plane, b: Plane): Plane => ({ ...a, data: a.data.map((value, i) => value * b.data[i]!) });

/** Means over all windows of the structural similarity, and of its part without luminance. */
function similarity(a: Plane, b: Plane): { full: number; structure: number } {
  const [ma, mb] = [smoothed(a), smoothed(b)];
  const [aa, bb, ab] = [smoothed(product(a, a)), smoothed(product(b, b)), smoothed(product(a, b))];
  let full = 0;
  let structure = 0;
  for (let i = 0; i < ma.length; i++) {
    const [x, y] = [ma[i]!, mb[i]!];
    const variances = aa[i]! - x * x + bb[i]! - y * y;
    const cs = (2 * (ab[i]! - x * y) + C2) / (variances + C2);
    structure += cs;
    full += (cs * (2 * x * y + C1)) / (x * x + y * y + C1);
  }
  return { full: full / ma.length, structure: structure / ma.length };
}

/** Each pixel the mean of 2 x 2; an odd last row or column is left out. */
function halved({ data, width, height }: Plane): Plane {
  const [w, h] = [width >> 1, height >> 1];
  const out = new Float64Array(w * h);
  for (let y = 0; y < h; y++) {
    for (let x = 0; x < w; x++) {
      const at = 2 * y * width + 2 * x;
      out[y * w + x] = (data[at]! + data[at + 1]! + data[at + width]! + data[at + width + 1]!) / 4;
    }
  }
  return { data: out, width: w, height: h };
}

/** Scales of a picture at which a window of 11 pixels fits: 5, fewer of one with a side below 176 pixels (3 of 64). */
export function scalesOf(width: number, height: number): number {
  let scales = 0;
  for (let side = Math.min(width, height); side >= WINDOW && scales < EXPONENTS.length; side >>= 1) scales++;
  return scales;
}

/**
 * MS-SSIM of two RGB pictures, the mean over their channels; small pictures have fewer scales, whose exponents are made to
 * add up to 1. Negative structure of a scale counts as 0.
 * @param a bytes [height, width, 3]; `b` likewise
 * @returns 0 to 1
 * @throws RangeError for pictures of other sizes, or with a side below 11 pixels
 */
export function msSsim(a: Uint8Array, b: Uint8Array, width: number, height: number): number {
  const size = width * height;
  if (a.length !== 3 * size || b.length !== 3 * size) {
    throw new RangeError(`${a.length} and ${b.length} bytes are not two RGB pictures of ${width} x ${height}.`);
  }
  const scales = scalesOf(width, height);
  if (scales === 0) throw new RangeError(`MS-SSIM needs sides of at least ${WINDOW} pixels, not ${width} x ${height}.`);
  const used = EXPONENTS.slice(0, scales);
  const sum = used.reduce((total, exponent) => total + exponent, 0);
  const plane = (bytes: Uint8Array, channel: number): Plane => ({
    data: Float64Array.from({ length: size }, (_, i) => bytes[3 * i + channel]!),
    ...{ width, height },
  });
  let total = 0;
  for (let channel = 0; channel < 3; channel++) {
    let [x, y] = [plane(a, channel), plane(b, channel)];
    let value = 1;
    used.forEach((exponent, scale) => {
      const { full, structure } = similarity(x, y);
      const part = scale === scales - 1 ? full : structure;
      value *= Math.max(0, part) ** (exponent / sum);
      if (scale < scales - 1) [x, y] = [halved(x), halved(y)];
    });
    total += value;
  }
  return total / 3;
}
