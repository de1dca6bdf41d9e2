/**
 * A generator's pictures with waves on top, at the size that the network sees: a generator is often coarser than the network,
 * and knows less than it. The generator brings objects and colours, the waves what it cannot draw.
 */
import type { SynthesisSettings } from '../../protocol/synthesis.js';
import type { GraphBuilder, Value } from '../graph/graph.js';
import { add, log, max, min, mul, sigmoid, sub } from '../ops/elementwise.js';
import { sliceAxis } from '../ops/layout.js';
import { STRONGEST_WAVE, waveField } from './fourier.js';
import { fitted, toRgb, UNIT_SCALE } from './pixels.js';
import type { Prior } from './prior.js';

/** Black and white of a generator are not quite so, on the scale 0..1, so that waves can still be seen there. */
const DARKEST = 0.02;

/** log(p / (1 - p)) */
const logOdds = (b: GraphBuilder, p: Value): Value => sub(b, log(b, p), log(b, sub(b, b.scalar(1), p)));

/**
 * A prior whose codes are those of another, [D], and after these the coefficients of waves, [3 * height * width]: a picture p
 * on the scale 0..1 becomes sigmoid(logit(p) + strength * waves). Coefficients are counted in units of the codes' spread, so
 * that a step moves both parts alike; 0 leaves the pictures as they are.
 * @param strength of the waves: 1 for about the contrast of natural pictures where coefficients are normal numbers
 */
export function detailedPrior(
  prior: Prior,
  size: { readonly width: number; readonly height: number },
  { fit, strength }: { readonly fit: SynthesisSettings['fit']; readonly strength: number },
): Prior {
  const { width, height } = size;
  const field = waveField(width, height);
  const { mean, lower, upper, factors, spread } = prior.statistics;
  const all = prior.size + field.size;
  const strongest = STRONGEST_WAVE * spread;
  const longer = (own: Float32Array, rest: number): Float32Array => {
    const numbers = new Float32Array(all).fill(rest);
    numbers.set(own);
    return numbers;
  };
  return {
    ...{ name: prior.name, sha256: prior.sha256, size: all, output: { width, height, ...UNIT_SCALE } },
    statistics: {
      ...{ mean: longer(mean, 0), lower: longer(lower, -strongest), upper: longer(upper, strongest) },
      ...{ factors, spread },
    },
    build(b, codes) {
      const drawn = fitted(b, prior.build(b, sliceAxis(b, codes, 1, 0, prior.size)), height, width, fit);
      const unit = mul(b, toRgb(b, drawn, prior.output), b.scalar(1 / 255));
      const within = min(b, max(b, unit, b.scalar(DARKEST)), b.scalar(1 - DARKEST));
      const waves = field.build(b, sliceAxis(b, codes, 1, prior.size, all));
      return sigmoid(b, add(b, logOdds(b, within), mul(b, waves, b.scalar(strength / spread))));
    },
  };
}
