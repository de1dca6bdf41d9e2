import { describe, expect, it } from 'vitest';
import { choleskyFactor, covarianceOf } from '../../src/engine/models/covariance.js';
import { Random } from '../../src/engine/random.js';
import { relativeError } from './small-models.js';

const SIZE = 4;
const ROWS = 50;
const MIX = [2, 0.5, -1, 0, 0, 1, 3, 0, 0.1, 0, 0.2, 0, 0, 0, 0, 0];
/** Rows whose numbers depend on each other; the last of them never varies. */
function rowsOf(): Float32Array {
  const random = new Random('covariance');
  return Float32Array.from(
    Array.from({ length: ROWS }, () => {
      const z = random.normals(SIZE);
      return Array.from(
        { length: SIZE },
        (_, i) => 5 + MIX.slice(i * SIZE, (i + 1) * SIZE).reduce((s, m, k) => s + m * z[k]!, 0),
      );
    }).flat(),
  );
}
const product = (factor: Float64Array): Float64Array =>
  Float64Array.from({ length: SIZE * SIZE }, (_, at) => {
    const [i, j] = [Math.floor(at / SIZE), at % SIZE];
    let total = 0;
    for (let k = 0; k < SIZE; k++) total += factor[i * SIZE + k]! * factor[j * SIZE + k]!;
    return total;
  });

describe('the statistics of codes', () => {
  const rows = rowsOf();
  const { mean, covariance } = covarianceOf(rows, SIZE);
  const column = (i: number): number[] => Array.from({ length: ROWS }, (_, n) => rows[n * SIZE + i]!);
  const average = (xs: readonly number[]): number => xs.reduce((s, x) => s + x, 0) / xs.length;

  it('have the mean and the covariance of their definitions', () => {
    const means = Array.from({ length: SIZE }, (_, i) => average(column(i)));
    expect(relativeError(mean, means)).toBeLessThan(1e-12);
    const wanted = means.flatMap((mi, i) =>
      means.map((mj, j) => average(column(i).map((x, n) => (x - mi) * (column(j)[n]! - mj)))),
    );
    expect(relativeError(covariance, wanted)).toBeLessThan(1e-12);
  });

  it('have a triangular factor whose product with itself is the covariance and a millionth of the mean variance', () => {
    const factor = choleskyFactor(covariance, SIZE);
    const ridge = (1e-6 * [0, 1, 2, 3].reduce((s, i) => s + covariance[i * SIZE + i]!, 0)) / SIZE;
    const wanted = covariance.map((c, at) => c + (at % (SIZE + 1) === 0 ? ridge : 0));
    expect(relativeError(product(factor), wanted)).toBeLessThan(1e-12);
    factor.forEach((x, at) => {
      if (at % SIZE > Math.floor(at / SIZE)) expect(x).toBe(0);
    });
    expect(factor.every(Number.isFinite)).toBe(true);
  });

  it('have a factor of zeros where no code varies', () => {
    expect(choleskyFactor(covarianceOf(new Float32Array(20).fill(3), 4).covariance, 4)).toEqual(new Float64Array(16));
  });
});
