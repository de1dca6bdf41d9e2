/**
 * A prior without a network: the code of a picture is the coefficients of its waves. Slow waves are made as strong as natural
 * pictures have them (1/f), and colours go together as they do there (Olah, Mordvintsev and Schubert 2017).
 */
import type { GraphBuilder, Value } from '../graph/graph.js';
import { conv2d } from '../ops/conv.js';
import { mul, sigmoid } from '../ops/elementwise.js';
import { reshape } from '../ops/layout.js';
import type { Prior } from './prior.js';
import { alongColumns, alongRows } from './resize.js';

export const FOURIER = 'fourier';

/** Columns of an orthonormal basis of real waves, [n, n] row-major [place, wave], and the frequency of each, 0 to 1/2. */
function waves(n: number): { basis: Float32Array; frequencies: number[] } {
  const frequencies = Array.from({ length: n }, (_, k) => Math.ceil(k / 2) / n);
  const basis = Float32Array.from({ length: n * n }, (_, i) => {
    const [place, k] = [Math.floor(i / n), i % n];
    const angle = 2 * Math.PI * frequencies[k]! * place;
    if (k === 0) return 1 / Math.sqrt(n);
    if (n % 2 === 0 && k === n - 1) return Math.cos(angle) / Math.sqrt(n);
    return Math.sqrt(2 / n) * (k % 2 === 1 ? Math.cos(angle) : Math.sin(angle));
  });
  return { basis, frequencies };
}

/** A square root of the covariance of colours of natural pictures (published with lucid), its longest row made 1. */
const COLOURS = [0.26, 0.09, 0.02, 0.27, 0.0, -0.05, 0.27, -0.09, 0.03];
const LONGEST = Math.max(...[0, 3, 6].map((i) => Math.hypot(...COLOURS.slice(i, i + 3))));

/** Strength of the slowest wave: pictures of codes of normal noise have about the contrast of natural ones. */
const CONTRAST = 0.35;

/** The prior whose codes are coefficients of waves; a code of noise is a cloudy picture. */
export function fourierPrior(width: number, height: number): Prior {
  const size = 3 * width * height;
  const [rows, columns] = [waves(height), waves(width)];
  const slowest = 1 / Math.max(width, height);
  const strength = Array.from({ length: width * height }, (_, i) => {
    const [y, x] = [Math.floor(i / width), i % width];
    return 1 / Math.max(Math.hypot(rows.frequencies[y]!, columns.frequencies[x]!), slowest);
  });
  const squares = Float64Array.from({ length: width * height }, (_, i) => {
    const [y, x] = [Math.floor(i / width), i % width];
    return rows.frequencies[y]! ** 2 + columns.frequencies[x]! ** 2;
  });
  const energy = Math.sqrt(strength.reduce((sum, s) => sum + s * s, 0) / strength.length);
  const scale = Float32Array.from(
    { length: size },
    (_, i) => (4 * CONTRAST * strength[i % (width * height)]!) / energy,
  );
  return {
    name: FOURIER,
    sha256: null,
    size,
    output: { width, height, order: 'rgb', mean: [0, 0, 0], scale: [1 / 255, 1 / 255, 1 / 255] },
    statistics: {
      mean: new Float32Array(size),
      lower: new Float32Array(size).fill(-20),
      upper: new Float32Array(size).fill(20),
      factors: null,
      spread: 1,
    },
    // A Gaussian's transform: the wave of frequency f is left exp(-2 (pi sigma f)^2) of its strength.
    blur: (codes, sigma) =>
      codes.map((x, i) => x * Math.exp(-2 * (Math.PI * sigma) ** 2 * squares[i % (width * height)]!)),
    build(b: GraphBuilder, codes: Value): Value {
      const scaled = reshape(b, mul(b, codes, b.constant(scale, [1, size])), [0, 3, height, width]);
      const planes = alongColumns(b, alongRows(b, scaled, rows.basis, height), columns.basis, width);
      const colours = b.constant(
        COLOURS.map((x) => x / LONGEST),
        [3, 3, 1, 1],
      );
      return sigmoid(b, conv2d(b, planes, colours, null));
    },
  };
}
