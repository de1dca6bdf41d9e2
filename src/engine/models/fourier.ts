/**
 * A prior without a network: the code of a picture is the coefficients of its waves. Slow waves are made as strong as natural
 * pictures have them (1/f), and colours go together as they do there (Olah, Mordvintsev and Schubert 2017).
 */
import { FOURIER } from '../../protocol/priors.js';
import type { GraphBuilder, Value } from '../graph/graph.js';
import { conv2d } from '../ops/conv.js';
import { mul, sigmoid } from '../ops/elementwise.js';
import { reshape } from '../ops/layout.js';
import { UNIT_SCALE } from './pixels.js';
import type { Prior } from './prior.js';
import { alongColumns, alongRows } from './resize.js';

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

/** Largest coefficient of a wave, in units of those of natural pictures. */
export const STRONGEST_WAVE = 20;

/** Waves with natural strengths and colours. */
export interface WaveField {
  /** Coefficients of a picture: 3 * width * height. */
  readonly size: number;
  /** Coefficients [N, size] to a field about 0, [N, 3, height, width]: log odds of a picture on the scale 0..1. */
  readonly build: (b: GraphBuilder, coefficients: Value) => Value;
  /** As a prior's. */
  readonly blur: (coefficients: Float32Array, sigma: number) => Float32Array;
}

/** The waves of pictures of this size, in pixels. */
export function waveField(width: number, height: number): WaveField {
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
    size,
    // A Gaussian's transform: the wave of frequency f is left exp(-2 (pi sigma f)^2) of its strength.
    blur: (coefficients, sigma) =>
      coefficients.map((x, i) => x * Math.exp(-2 * (Math.PI * sigma) ** 2 * squares[i % (width * height)]!)),
    build(b: GraphBuilder, coefficients: Value): Value {
      const scaled = reshape(b, mul(b, coefficients, b.constant(scale, [1, size])), [0, 3, height, width]);
      const [inRows, inColumns] = [b.constant(rows.basis, [height, height]), b.constant(columns.basis, [width, width])];
      const planes = alongColumns(b, alongRows(b, scaled, inRows), inColumns);
      const colours = b.constant(
        COLOURS.map((x) => x / LONGEST),
        [3, 3, 1, 1],
      );
      return conv2d(b, planes, colours, null);
    },
  };
}

/** The prior whose codes are coefficients of waves; a code of noise is a cloudy picture. */
export function fourierPrior(width: number, height: number): Prior {
  const { size, blur, build } = waveField(width, height);
  return {
    name: FOURIER,
    sha256: null,
    size,
    output: { width, height, ...UNIT_SCALE },
    statistics: {
      mean: new Float32Array(size),
      lower: new Float32Array(size).fill(-STRONGEST_WAVE),
      upper: new Float32Array(size).fill(STRONGEST_WAVE),
      factors: null,
      spread: 1,
    },
    blur,
    build: (b, codes) => sigmoid(b, build(b, codes)),
  };
}
