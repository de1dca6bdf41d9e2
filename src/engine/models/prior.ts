/** Priors: what turns codes into pictures. A generator network, or, without one, the pixels themselves. */
import type { PixelFormat, PriorManifest } from '../../protocol/manifest.js';
import { NeuroreelError } from '../../protocol/errors.js';
import { PIXELS } from '../../protocol/priors.js';
import { typeOf, type Graph, type GraphBuilder, type Value } from '../graph/graph.js';
import { blurred } from './blur.js';
import { UNIT_SCALE } from './pixels.js';
import { inline } from './serialise.js';
import { reshape } from '../ops/layout.js';
import type { ModelPackage } from './package.js';

/** Statistics of codes of real frames: where a code is natural. */
export interface CodeStatistics {
  /** [D] */
  readonly mean: Float32Array;
  /** [D], the bounds within which codes are kept. */
  readonly lower: Float32Array;
  readonly upper: Float32Array;
  /**
   * Lower triangular factors of covariances of the first `size` numbers of a code, [size, size]: between clips (what a clip's
   * frames have in common) and within clips (what changes from frame to frame). Both are that of all frames where clips were
   * not told apart. Numbers after these go their own ways, each with the spread; null: all do.
   */
  readonly factors: { readonly size: number; readonly between: Float32Array; readonly within: Float32Array } | null;
  /** Root mean square of the standard deviations within clips. */
  readonly spread: number;
}

export interface Prior {
  /** Name in reports. */
  readonly name: string;
  readonly sha256: string | null;
  /** Numbers of a frame's code. */
  readonly size: number;
  /** How the pictures' numbers are meant, and their size. */
  readonly output: PixelFormat;
  readonly statistics: CodeStatistics;
  /** Codes [N, D] to pictures [N, 3, H, W], as `output` says. */
  build(b: GraphBuilder, codes: Value): Value;
  /** Pictures back to codes, where the prior brings its encoder. */
  readonly encode?: (b: GraphBuilder, pictures: Value) => Value;
  /**
   * Codes [N, D], or what is mixed into them, whose pictures are blurred by a Gaussian; only where a code is a picture itself.
   * @param sigma standard deviation in pixels
   */
  readonly blur?: (codes: Float32Array, sigma: number) => Float32Array;
}

/** A prior from its package; throws MODEL_INVALID when the generator or the statistics of its code are missing. */
export function generatorPrior(model: ModelPackage<PriorManifest>): Prior {
  const { manifest, graphs, weights, sha256 } = model;
  const { size } = manifest.code;
  const { generator, encoder } = graphs;
  const tensor = (name: string, length: number): Float32Array => {
    const found = weights.get(name)?.data;
    if (found?.length !== length) {
      throw new NeuroreelError('MODEL_INVALID', `${manifest.name} has no tensor "${name}" of ${length} numbers.`);
    }
    return found;
  };
  if (!generator) throw new NeuroreelError('MODEL_INVALID', `${manifest.name} has no graph "generator".`);
  const matrix = (name: string): Float32Array | null => (weights.has(name) ? tensor(name, size * size) : null);
  const all = matrix('code.factor');
  const between = matrix('code.between') ?? all;
  const within = matrix('code.within') ?? all;
  const mean = tensor('code.mean', size);
  const upper = tensor('code.upper', size);
  const lower = weights.has('code.lower') ? tensor('code.lower', size) : new Float32Array(size);
  // Without the covariance, the bounds tell the spread: they are the mean + 3 standard deviations.
  const deviations = within ?? upper.map((bound, i) => (bound - mean[i]!) / 3);
  const variance = deviations.reduce((sum, x) => sum + x * x, 0) / size;
  return {
    name: manifest.name,
    sha256,
    size,
    output: manifest.output,
    statistics: {
      mean,
      lower,
      upper,
      factors: between && within ? { size, between, within } : null,
      spread: Math.sqrt(variance),
    },
    build(b, codes) {
      const { image } = inline(b, generator, { code: shaped(b, codes, generator, 'code') });
      if (!image) throw new NeuroreelError('MODEL_INVALID', `${manifest.name}: the generator has no output "image".`);
      return image;
    },
    ...(encoder && {
      encode(b: GraphBuilder, pictures: Value) {
        const { code } = inline(b, encoder, { image: pictures });
        if (!code) throw new NeuroreelError('MODEL_INVALID', `${manifest.name}: the encoder has no output "code".`);
        return code.shape.length === 2 ? code : reshape(b, code, [0, size]);
      },
    }),
  };
}

/** Codes [N, D] in the shape that a network's input of them has, for generators of codes with rows and columns. */
function shaped(b: GraphBuilder, codes: Value, graph: Graph, input: string): Value {
  const port = graph.inputs.find(({ name }) => name === input);
  const shape = port && typeOf(graph, port.value).shape;
  return shape && shape.length > 2 ? reshape(b, codes, [0, ...shape.slice(1)]) : codes;
}

/** No prior: the code of a frame is its pixels, 0..1. What figure S17 compares generators with. */
export function pixelPrior(width: number, height: number): Prior {
  const size = 3 * width * height;
  return {
    name: PIXELS,
    sha256: null,
    size,
    output: { width, height, ...UNIT_SCALE },
    statistics: {
      mean: new Float32Array(size).fill(0.5),
      lower: new Float32Array(size),
      upper: new Float32Array(size).fill(1),
      factors: null,
      spread: 0.1,
    },
    build: (b, codes) => reshape(b, codes, [0, 3, height, width]),
    encode: (b, pictures) => reshape(b, pictures, [0, size]),
    blur: (codes, sigma) => blurred(codes, width, height, sigma),
  };
}
