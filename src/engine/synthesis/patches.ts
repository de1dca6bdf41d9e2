/**
 * A prior on small patches of pictures: how unlikely they are under a Gaussian model of natural ones. Neighbouring pixels of
 * natural pictures are much alike and their colours go together, so the model is that of an exponential covariance in space
 * times one of colours (Field 1987; Burton and Moorhead 1987). It knows no shapes: it only tells noise from surfaces.
 */
import { choleskyFactor } from '../models/covariance.js';
import type { GraphBuilder, Value } from '../graph/graph.js';
import { conv2d } from '../ops/conv.js';
import { mul } from '../ops/elementwise.js';
import { mean } from '../ops/reduce.js';

/** Side of a patch, pixels. */
const SIDE = 4;
/** Distance over which the likeness of pixels falls by e, pixels. */
const LENGTH = 12;
/** Standard deviation of pixels on the scale 0..1, and how much two colours of a pixel go together. */
const SPREAD = 0.25;
const COLOURS = 0.9;
/** Variance of what the model cannot tell, as a share of that of pixels. */
const NOISE = 0.01;

/** Rows whiten a patch [3, SIDE, SIDE] about its mean: the inverse of the covariance's lower factor, [n, n]. */
function whitener(): Float32Array {
  const n = 3 * SIDE * SIDE;
  const place = (i: number): [number, number, number] => [
    Math.floor(i / (SIDE * SIDE)),
    Math.floor(i / SIDE) % SIDE,
    i % SIDE,
  ];
  const covariance = Float64Array.from({ length: n * n }, (_, at) => {
    const [[c, y, x], [d, v, u]] = [place(Math.floor(at / n)), place(at % n)];
    const near = Math.exp(-Math.hypot(y - v, x - u) / LENGTH);
    const alike = (c === d ? 1 : COLOURS) * near + (Math.floor(at / n) === at % n ? NOISE : 0);
    return SPREAD ** 2 * alike;
  });
  return inverseOfLower(choleskyFactor(covariance, n), n);
}

function inverseOfLower(factor: ArrayLike<number>, n: number): Float32Array {
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
  const plane = SIDE * SIDE;
  const out = rows.slice();
  for (let at = 0; at < out.length; at += plane) {
    const own = out.subarray(at, at + plane);
    const average = own.reduce((total, x) => total + x, 0) / plane;
    for (let i = 0; i < plane; i++) own[i]! -= average;
  }
  return out;
}

/** Mean squared whitened patch: about 1 for natural pictures, far more for noise. @param pictures [N, 3, H, W], 0..1 */
export function patchUnlikelihood(b: GraphBuilder, pictures: Value): Value {
  const n = 3 * SIDE * SIDE;
  const responses = conv2d(b, pictures, b.constant(centred(whitener()), [n, 3, SIDE, SIDE]), null);
  return mean(b, mul(b, responses, responses), undefined, false);
}
