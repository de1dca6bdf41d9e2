/** Normalisation with stored statistics. */
import { z } from 'zod';
import { add, mul } from '../../../ops/elementwise.js';
import { inKerasOrder, perChannelShape } from '../tensor.js';
import { defineLayer, layerInvalid, one, shapeAxis } from './definition.js';

/** As it is outside of training: (x - mean) / sqrt(variance + epsilon) * gamma + beta, made one scale and one shift. */
const BatchNormalization = defineLayer({
  config: z.looseObject({
    axis: z.union([z.int(), z.tuple([z.int()]).transform(([x]) => x)]).default(-1),
    epsilon: z.number().min(0).default(1e-3),
    center: z.boolean().default(true),
    scale: z.boolean().default(true),
  }),
  pointwise: true,
  build(c, inputs, { axis, epsilon, center, scale: scaled }) {
    const { b } = c;
    const x = inKerasOrder(b, one(inputs));
    const rank = x.shape.length;
    if (shapeAxis(c, axis, x) !== rank - 1) layerInvalid(`its axis ${axis} is not the last`);
    const size = [x.shape[rank - 1]!];
    const mean = c.weight('moving_mean', size);
    const variance = c.weight('moving_variance', size);
    const gamma = scaled ? c.weight('gamma', size) : null;
    const beta = center ? c.weight('beta', size) : null;
    const scale = variance.map((v, i) => (gamma?.[i] ?? 1) / Math.sqrt(v + epsilon));
    if (!scale.every(Number.isFinite)) layerInvalid('a variance is negative or zero');
    const shift = mean.map((m, i) => (beta?.[i] ?? 0) - m * scale[i]!);
    const shape = perChannelShape(x.shape);
    const value = add(b, mul(b, x.value, c.constant('scale', scale, shape)), c.constant('shift', shift, shape));
    return { ...x, value };
  },
});

export const normalisationLayers = { BatchNormalization };
