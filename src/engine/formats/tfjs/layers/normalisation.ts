/** Normalisation, with stored statistics or with those of each item. */
import { z } from 'zod';
import type { Value } from '../../../graph/graph.js';
import { add, div, mul, sqrt, sub } from '../../../ops/elementwise.js';
import { mean } from '../../../ops/reduce.js';
import { channelsInFront, inKerasOrder, perChannelShape } from '../tensor.js';
import { defineLayer, engineAxis, layerInvalid, one, shapeAxis } from './definition.js';

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
    const centre = c.weight('moving_mean', size);
    const variance = c.weight('moving_variance', size);
    const gamma = scaled ? c.weight('gamma', size) : null;
    const beta = center ? c.weight('beta', size) : null;
    const scale = variance.map((v, i) => (gamma?.[i] ?? 1) / Math.sqrt(v + epsilon));
    if (!scale.every(Number.isFinite)) layerInvalid('a variance is negative or zero');
    const shift = centre.map((m, i) => (beta?.[i] ?? 0) - m * scale[i]!);
    const shape = perChannelShape(x.shape);
    const value = add(b, mul(b, x.value, c.constant('scale', scale, shape)), c.constant('shift', shift, shape));
    return { ...x, value };
  },
});

/** Each item over some of its axes, the last one by default: (x - mean) / sqrt(variance + epsilon) * gamma + beta. */
const LayerNormalization = defineLayer({
  config: z.looseObject({
    axis: z.union([z.int().transform((axis) => [axis]), z.array(z.int()).min(1).max(8)]).default([-1]),
    epsilon: z.number().min(0).default(1e-3),
    center: z.boolean().default(true),
    scale: z.boolean().default(true),
  }),
  pointwise: true,
  build(c, inputs, { axis, epsilon, center, scale }) {
    const { b } = c;
    const x = inKerasOrder(b, one(inputs));
    const rank = x.shape.length;
    const axes = [...new Set(axis.map((a) => shapeAxis(c, a, x)))].sort((p, q) => p - q);
    const along = axes.map((a) => engineAxis(a, rank));
    const centred = sub(b, x.value, mean(b, x.value, along));
    const variance = mean(b, mul(b, centred, centred), along);
    const normal = div(b, centred, sqrt(b, add(b, variance, b.scalar(epsilon))));
    const size = axes.map((a) => x.shape[a]!);
    const weight = (name: string): Value => {
      const spread = x.shape.map((dim, a) => (axes.includes(a) ? dim : 1));
      const { data, shape } = channelsInFront(c.weight(name, size), spread);
      return c.constant(name, data, shape);
    };
    const scaled = scale ? mul(b, normal, weight('gamma')) : normal;
    return { ...x, value: center ? add(b, scaled, weight('beta')) : scaled };
  },
});

/** The input less its mean, over its deviation: a layer that was fitted to data before training. */
const Normalization = defineLayer({
  config: z.looseObject({
    axis: z.union([z.int().transform((axis) => [axis]), z.array(z.int()).max(8)]).nullish(),
    invert: z.boolean().default(false),
    mean: z.unknown().optional(),
  }),
  pointwise: true,
  unsupported: ({ axis, invert, mean: fixed }) =>
    (axis?.length === 1 ? null : 'other axes than the last') ??
    (invert ? 'invert' : null) ??
    ((fixed ?? null) !== null ? 'a mean in its options' : null),
  build(c, inputs, { axis }) {
    const { b } = c;
    const x = inKerasOrder(b, one(inputs));
    const rank = x.shape.length;
    if (shapeAxis(c, axis![0]!, x) !== rank - 1) layerInvalid(`its axis ${axis![0]} is not the last`);
    const size = [x.shape[rank - 1]!];
    const centre = c.weight('mean', size);
    const scale = c.weight('variance', size).map((v) => 1 / Math.max(Math.sqrt(v), 1e-7));
    if (!scale.every(Number.isFinite)) layerInvalid('a variance is negative');
    const shape = perChannelShape(x.shape);
    const shifted = sub(b, x.value, c.constant('mean', centre, shape));
    return { ...x, value: mul(b, shifted, c.constant('scale', scale, shape)) };
  },
});

export const normalisationLayers = { BatchNormalization, LayerNormalization, Normalization };
