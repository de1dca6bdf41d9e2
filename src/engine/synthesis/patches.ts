/**
 * A prior on small patches of pictures: how unlikely they are under a Gaussian model of natural ones. The model is that of the
 * patches of given pictures; without any, neighbouring pixels of natural pictures are taken to be much alike and their colours
 * to go together: an exponential covariance in space times one of colours (Field 1987; Burton and Moorhead 1987). It knows no
 * shapes: it only tells noise from surfaces.
 */
import { choleskyFactor, covarianceOf } from '../models/covariance.js';
import type { GraphBuilder, Value } from '../graph/graph.js';
import { conv2d } from '../ops/conv.js';
import { mul } from '../ops/elementwise.js';
import { mean } from '../ops/reduce.js';

/** Side of a patch, pixels. */
const SIDE = 4;
const PLANE = SIDE * SIDE;
const NUMBERS = 3 * PLANE;
/** Distance over which the likeness of pixels falls by e, pixels. */
const LENGTH = 12;
/** Standard deviation of pixels on the scale 0..1, and how much two colours of a pixel go together. */
const SPREAD = 0.25;
const COLOURS = 0.9;
/** Variance of what the model cannot tell, as a share of that of pixels. */
const NOISE = 0.01;
/** Patches that a model is made of at most. */
const MOST_PATCHES = 20_000;

/** Pictures that patches are taken of. */
export interface PatchPictures {
  /** RGB bytes [count, height, width, 3]. */
  readonly pixels: Uint8Array;
  readonly count: number;
  readonly width: number;
  readonly height: number;
}

/** Covariance of the numbers of natural patches [3, SIDE, SIDE] on the scale 0..1, [NUMBERS, NUMBERS]. */
export type PatchModel = Float64Array;

/** Colour, row and column of a number of a patch. */
const placeOf = (i: number): [number, number, number] => [Math.floor(i / PLANE), Math.floor(i / SIDE) % SIDE, i % SIDE];

const usual = (): PatchModel =>
  Float64Array.from({ length: NUMBERS ** 2 }, (_, at) => {
    const [i, j] = [Math.floor(at / NUMBERS), at % NUMBERS];
    const [[c, y, x], [d, v, u]] = [placeOf(i), placeOf(j)];
    const near = Math.exp(-Math.hypot(y - v, x - u) / LENGTH);
    const alike = (c === d ? 1 : COLOURS) * near + (i === j ? NOISE : 0);
    return SPREAD ** 2 * alike;
  });

/** The model of the patches of pictures, at most so many of them, evenly spread over all pictures. */
export function patchModel({ pixels, count, width, height }: PatchPictures): PatchModel {
  const [columns, rows] = [Math.floor(width / SIDE), Math.floor(height / SIDE)];
  const all = count * columns * rows;
  const taken = Math.min(all, MOST_PATCHES);
  const patches = Float32Array.from({ length: taken * NUMBERS }, (_, at) => {
    const patch = Math.floor((Math.floor(at / NUMBERS) * all) / taken);
    const [c, y, x] = placeOf(at % NUMBERS);
    const picture = Math.floor(patch / (columns * rows));
    const [row, column] = [Math.floor(patch / columns) % rows, patch % columns];
    return pixels[((picture * height + row * SIDE + y) * width + column * SIDE + x) * 3 + c]! / 255;
  });
  const { covariance } = covarianceOf(patches, NUMBERS);
  const variance = covariance.reduce((sum, x, at) => sum + (at % (NUMBERS + 1) === 0 ? x : 0), 0) / NUMBERS;
  const noise = NOISE * Math.max(variance, 1e-4);
  return covariance.map((x, at) => x + (at % (NUMBERS + 1) === 0 ? noise : 0));
}

/** Rows whiten a patch about its mean: the inverse of the covariance's lower factor, [NUMBERS, NUMBERS]. */
function whitener(model: PatchModel): Float32Array {
  const n = NUMBERS;
  const factor = choleskyFactor(model, n);
  const inverse = new Float64Array(n * n);
  for (let column = 0; column < n; column++) {
    for (let i = column; i < n; i++) {
      let rest = i === column ? 1 : 0;
      for (let k = column; k < i; k++) rest -= factor[i * n + k]! * inverse[k * n + column]!;
      inverse[i * n + column] = rest / factor[i * n + i]!;
    }
  }
  return Float32Array.from(inverse);
}

/** Rows of a whitener made to overlook a patch's own mean colour. */
function centred(rows: Float32Array): Float32Array {
  const out = rows.slice();
  for (let at = 0; at < out.length; at += PLANE) {
    const own = out.subarray(at, at + PLANE);
    const average = own.reduce((total, x) => total + x, 0) / PLANE;
    for (let i = 0; i < PLANE; i++) own[i]! -= average;
  }
  return out;
}

/** Mean squared whitened patch: about 1 for natural pictures, far more for noise. @param pictures [N, 3, H, W], 0..1 */
export function patchUnlikelihood(b: GraphBuilder, pictures: Value, model: PatchModel = usual()): Value {
  const kernels = b.constant(centred(whitener(model)), [NUMBERS, 3, SIDE, SIDE]);
  const responses = conv2d(b, pictures, kernels, null);
  return mean(b, mul(b, responses, responses), undefined, false);
}
