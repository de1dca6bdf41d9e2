/** Mean and covariance of vectors, and the Cholesky factor by which normal numbers get that covariance. */

/**
 * Mean [D] and covariance [D, D] of rows [N, D], in float64.
 * @param rows N * D numbers, row-major.
 */
export function covarianceOf(rows: Float32Array, size: number): { mean: Float64Array; covariance: Float64Array } {
  const count = rows.length / size;
  const mean = new Float64Array(size);
  const covariance = new Float64Array(size * size);
  rows.forEach((x, i) => (mean[i % size]! += x / count));
  const centred = new Float64Array(size);
  for (let n = 0; n < count; n++) {
    for (let i = 0; i < size; i++) centred[i] = rows[n * size + i]! - mean[i]!;
    for (let i = 0; i < size; i++) {
      const x = centred[i]!;
      if (x === 0) continue;
      for (let j = 0; j <= i; j++) covariance[i * size + j]! += (x * centred[j]!) / count;
    }
  }
  for (let i = 0; i < size; i++) for (let j = 0; j < i; j++) covariance[j * size + i] = covariance[i * size + j]!;
  return { mean, covariance };
}

/**
 * Lower triangular L with L L' = C + e I, where e is a millionth of the mean variance: codes that never vary (dead units)
 * leave the factor finite. Where no
 * code varies at all, C is zero and so is L.
 * @param covariance C, [D, D], symmetric and positive semidefinite.
 */
export function choleskyFactor(covariance: Float64Array, size: number): Float64Array {
  let trace = 0;
  for (let i = 0; i < size; i++) trace += covariance[i * size + i]!;
  const ridge = (1e-6 * trace) / size;
  const factor = new Float64Array(size * size);
  if (ridge === 0) return factor;
  for (let i = 0; i < size; i++) {
    for (let j = 0; j <= i; j++) {
      let rest = covariance[i * size + j]! + (i === j ? ridge : 0);
      for (let k = 0; k < j; k++) rest -= factor[i * size + k]! * factor[j * size + k]!;
      factor[i * size + j] = i === j ? Math.sqrt(Math.max(rest, ridge)) : rest / factor[j * size + j]!;
    }
  }
  return factor;
}
