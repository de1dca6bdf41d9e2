/** Pooling over pictures and lists, in windows or as a whole. */
import { z } from 'zod';
import type { GraphBuilder, Value } from '../../../graph/graph.js';
import { div, notLess } from '../../../ops/elementwise.js';
import { reshape, sliceAxis } from '../../../ops/layout.js';
import { averagePool2d, maxPool2d, type PoolOptions } from '../../../ops/pool.js';
import { mean, sum } from '../../../ops/reduce.js';
import { formatProblem, tensorflowPads } from './convolution.js';
import { defineLayer, type LayerType } from './definition.js';
import { asPicture, fromPicture, pairDefault, pairOf, type Dims } from './places.js';

/** A pooling that leaves places beyond the border out of account. */
export type Pool = (b: GraphBuilder, x: Value, options: PoolOptions) => Value;

const windowConfig = (dims: Dims) =>
  z.looseObject({
    pool_size: pairOf(dims).default(pairDefault(dims, 2)),
    strides: pairOf(dims).nullish(),
    padding: z.enum(['same', 'valid']).default('valid'),
    data_format: z.string().nullish(),
  });

function windows(pool: Pool, dims: Dims): LayerType<z.output<ReturnType<typeof windowConfig>>> {
  return defineLayer({
    config: windowConfig(dims),
    unsupported: formatProblem,
    build({ b }, inputs, { pool_size: kernel, strides: given, padding: mode }) {
      const x = asPicture(b, inputs, dims);
      const strides = given ?? kernel;
      const value = pool(b, x.value, { kernel, strides, pads: tensorflowPads(mode, x.shape, kernel, strides) });
      return fromPicture(b, { value, shape: [value.shape[2]!, value.shape[3]!, x.shape[2]!] }, dims);
    },
  });
}

const globalConfig = z.looseObject({ data_format: z.string().nullish(), keepdims: z.boolean().default(false) });

/** `pool` gives [N, C, 1, 1]; `anyLength` where it does not hold the size of what it pools. */
function global(
  pool: (b: GraphBuilder, x: Value, size: [number, number]) => Value,
  dims: Dims,
  anyLength: boolean,
): LayerType<z.output<typeof globalConfig>> {
  return defineLayer({
    config: globalConfig,
    unsupported: formatProblem,
    anyLength: () => anyLength,
    build({ b }, inputs, { keepdims }) {
      const x = asPicture(b, inputs, dims);
      const [height, width, channels] = x.shape as [number, number, number];
      const value = pool(b, x.value, [height, width]);
      if (keepdims) return fromPicture(b, { value, shape: [1, 1, channels] }, dims);
      return { value: reshape(b, value, [0, -1]), shape: [channels] };
    },
  });
}

/** The mean over axes, counted while it runs: the graph holds no axis's size. */
export function meanOfAny(b: GraphBuilder, x: Value, axes: readonly number[]): Value {
  const some = sliceAxis(b, x, 1, 0, 1);
  return div(b, sum(b, x, axes), sum(b, notLess(b, some, some), axes));
}

const globalMax = (dims: Dims) => global((b, x, kernel) => maxPool2d(b, x, { kernel }), dims, false);

export const poolingLayers = {
  MaxPooling1D: windows(maxPool2d, 1),
  MaxPooling2D: windows(maxPool2d, 2),
  AveragePooling1D: windows(averagePool2d, 1),
  AveragePooling2D: windows(averagePool2d, 2),
  GlobalMaxPooling1D: globalMax(1),
  GlobalMaxPooling2D: globalMax(2),
  GlobalAveragePooling1D: global((b, x) => meanOfAny(b, x, [3]), 1, true),
  GlobalAveragePooling2D: global((b, x) => mean(b, x, [2, 3]), 2, false),
};
