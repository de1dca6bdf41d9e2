import { describe, expect, it } from 'vitest';
import { fromHalf, toHalf } from '../../src/engine/models/half.js';

/** Every finite half-precision number that is not negative, by its bits. */
const FINITE = Array.from({ length: 0x7c00 }, (_, bits) => bits);
/** What half-precision bits stand for, from their definition in IEEE 754. */
const meaning = (bits: number): number => {
  const [exponent, fraction] = [bits >> 10, bits & 0x3ff];
  return exponent === 0 ? fraction * 2 ** -24 : (1024 + fraction) * 2 ** (exponent - 25);
};
/** The float32 numbers next to x, which is one itself and is not 0. */
const neighbours = (x: number): [number, number] => {
  const bits = new Uint32Array(Float32Array.of(x).buffer)[0]!;
  const at = (n: number): number => new Float32Array(Uint32Array.of(n).buffer)[0]!;
  return [at(bits - 1), at(bits + 1)];
};

describe('half precision', () => {
  it('reads every number as IEEE 754 defines it, of either sign', () => {
    const wrong = FINITE.filter(
      (bits) => fromHalf(bits) !== meaning(bits) || fromHalf(bits | 0x8000) !== -meaning(bits),
    );
    expect(wrong).toEqual([]);
    expect(fromHalf(0x7c00)).toBe(Infinity);
    expect(fromHalf(0xfc00)).toBe(-Infinity);
    expect(fromHalf(0x7e00)).toBeNaN();
    expect(fromHalf(0x7c01)).toBeNaN();
  });

  it('gives every number back as it was', () => {
    const wrong = FINITE.filter((bits) => toHalf(meaning(bits)) !== bits || toHalf(-meaning(bits)) !== (bits | 0x8000));
    expect(wrong).toEqual([]);
    expect(toHalf(-0)).toBe(0x8000);
  });

  it('rounds the middle of two neighbours to the even one, and what is just beside it to the nearer one', () => {
    const wrong = FINITE.slice(0, -1).filter((bits) => {
      const middle = (meaning(bits) + meaning(bits + 1)) / 2;
      const [below, above] = neighbours(middle);
      const even = bits % 2 === 0 ? bits : bits + 1;
      return toHalf(middle) !== even || toHalf(below) !== bits || toHalf(above) !== bits + 1;
    });
    expect(wrong).toEqual([]);
  });

  it('becomes infinite from 65520 on, and 0 up to 2^-25', () => {
    expect(toHalf(65504)).toBe(0x7bff);
    expect(toHalf(neighbours(65520)[0])).toBe(0x7bff);
    for (const x of [65520, 65536, 1e30, 3.4e38, Infinity]) {
      expect(toHalf(x)).toBe(0x7c00);
      expect(toHalf(-x)).toBe(0xfc00);
    }
    for (const x of [2 ** -25, 2 ** -26, 1e-30, 2 ** -149]) expect(toHalf(x)).toBe(0);
    expect(toHalf(neighbours(2 ** -25)[1])).toBe(1);
  });

  it('keeps what is not a number', () => expect(fromHalf(toHalf(NaN))).toBeNaN());
});
