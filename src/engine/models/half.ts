/** Conversion between float32 and IEEE 754 half precision (binary16), rounding to nearest even. */

const floats = new Float32Array(1);
const words = new Uint32Array(floats.buffer);

/** The half-precision bits nearest to x; numbers beyond 65504 become infinite. */
export function toHalf(x: number): number {
  floats[0] = x;
  const bits = words[0]!;
  const sign = (bits >>> 16) & 0x8000;
  const exponent = (bits >>> 23) & 0xff;
  const fraction = bits & 0x7fffff;
  if (exponent === 0xff) return sign | 0x7c00 | (fraction ? 0x200 : 0);
  const e = exponent - 127 + 15;
  if (e >= 0x1f) return sign | 0x7c00;
  if (e <= 0) {
    if (e < -10) return sign;
    const full = fraction | 0x800000;
    return sign | roundShift(full, 14 - e);
  }
  // A carry out of the fraction runs into the exponent, which is just what rounding up should do.
  return sign | ((e << 10) + roundShift(fraction, 13));
}

/** value / 2^shift, rounded to nearest, ties to even. */
function roundShift(value: number, shift: number): number {
  const kept = value >>> shift;
  const rest = value & ((1 << shift) - 1);
  const half = 1 << (shift - 1);
  return rest > half || (rest === half && (kept & 1) === 1) ? kept + 1 : kept;
}

/** The number that half-precision bits stand for. */
export function fromHalf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >>> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 0x1f) return fraction ? NaN : sign * Infinity;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
