/** Pooling over pictures, in windows or as a whole. */
import { z } from 'zod';
import type { GraphBuilder, Value } from '../../../graph/graph.js';
import { reshape } from '../../../ops/layout.js';
import { averagePool2d, maxPool2d, type PoolOptions } from '../../../ops/pool.js';
import { mean } from '../../../ops/reduce.js';
import { formatProblem, padding, pair, tensorflowPads } from './convolution.js';
import { defineLayer, one, type LayerType } from './definition.js';

const windowConfig = z.looseObject({
  pool_size: pair.default([2, 2]),
  strides: pair.nullish(),
  padding: padding.default('valid'),
  data_format: z.string().nullish(),
});

/** `pool` must leave places beyond the border out of account. */
function windows(
  pool: (b: GraphBuilder, x: Value, options: PoolOptions) => Value,
): LayerType<z.output<typeof windowConfig>> {
  return defineLayer({
    config: windowConfig,
    unsupported: formatProblem,
    build({ b }, inputs, { pool_size: kernel, strides: given, padding: mode }) {
      const x = one(inputs, 3);
      const strides = given ?? kernel;
      const value = pool(b, x.value, { kernel, strides, pads: tensorflowPads(mode, x.shape, kernel, strides) });
      return { value, shape: [value.shape[2]!, value.shape[3]!, x.shape[2]!] };
    },
  });
}

const globalConfig = z.looseObject({ data_format: z.string().nullish(), keepdims: z.boolean().default(false) });

/** `pool` gives [N, C, 1, 1]. */
function global(
  pool: (b: GraphBuilder, x: Value, size: [number, number]) => Value,
): LayerType<z.output<typeof globalConfig>> {
  return defineLayer({
    config: globalConfig,
    unsupported: formatProblem,
    build({ b }, inputs, { keepdims }) {
      const x = one(inputs, 3);
      const [height, width, channels] = x.shape as [number, number, number];
      const value = pool(b, x.value, [height, width]);
      return keepdims ? { value, shape: [1, 1, channels] } : { value: reshape(b, value, [0, -1]), shape: [channels] };
    },
  });
}

export const poolingLayers = {
  MaxPooling2D: windows(maxPool2d),
  AveragePooling2D: windows(averagePool2d),
  GlobalMaxPooling2D: global((b, x, kernel) => maxPool2d(b, x, { kernel })),
  GlobalAveragePooling2D: global((b, x) => mean(b, x, [2, 3])),
};
