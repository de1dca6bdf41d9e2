/** Activations as layers of their own. */
import { z } from 'zod';
import { clip, relu } from '../../../ops/activation.js';
import { min, mul, notLess, sub, neg } from '../../../ops/elementwise.js';
import { activationNamed, elu } from '../activations.js';
import { fromChannelsLast, inKerasOrder } from '../tensor.js';
import { defineLayer, layerInvalid, one } from './definition.js';

/** `Activation` is nothing but the activation that every layer may have. */
const Activation = defineLayer({
  config: z.looseObject({ activation: z.unknown().optional() }),
  pointwise: true,
  activated: true,
  build: (_, inputs) => one(inputs),
});

/** Slopes are numbers, or lists of one number in files of some versions. */
const slope = z
  .union([z.number(), z.tuple([z.number()]).transform(([x]) => x)])
  .nullish()
  .transform((x) => x ?? undefined);
const slopeProblem = (x: number | undefined): string | null =>
  x !== undefined && !(x >= 0 && x < 1) ? `a slope of ${x}` : null;

const ReLU = defineLayer({
  config: z.looseObject({ max_value: slope, negative_slope: slope, threshold: slope }),
  pointwise: true,
  unsupported: ({ threshold, negative_slope }) =>
    threshold ? `a threshold of ${threshold}` : slopeProblem(negative_slope),
  build({ b }, inputs, { max_value: top, negative_slope: below = 0 }) {
    const x = one(inputs);
    if (top === undefined) return { ...x, value: relu(b, x.value, below) };
    if (below === 0) return { ...x, value: clip(b, x.value, 0, top) };
    return { ...x, value: min(b, relu(b, x.value, below), b.scalar(top)) };
  },
});

const LeakyReLU = defineLayer({
  config: z.looseObject({ alpha: slope, negative_slope: slope }),
  pointwise: true,
  unsupported: ({ alpha, negative_slope }) => slopeProblem(alpha ?? negative_slope),
  build({ b }, inputs, { alpha, negative_slope }) {
    const x = one(inputs);
    return { ...x, value: relu(b, x.value, alpha ?? negative_slope ?? 0.3) };
  },
});

const axes = z.union([z.int(), z.array(z.int()).max(8)]).nullish();

/** A rectifier whose slope for negative inputs is learned: one for each element, or shared along axes. */
const PReLU = defineLayer({
  config: z.looseObject({ shared_axes: axes }),
  build(c, inputs, { shared_axes }) {
    const { b } = c;
    const x = inKerasOrder(b, one(inputs));
    const shared = typeof shared_axes === 'number' ? [shared_axes] : (shared_axes ?? []);
    const shape = x.shape.map((dim, i) => (shared.includes(i + 1) ? 1 : dim));
    const alpha = b.constant(c.weight('alpha', shape), [1, ...shape]);
    const below = relu(b, neg(b, x.value));
    return { ...x, value: sub(b, relu(b, x.value), mul(b, below, fromChannelsLast(b, alpha, shape).value)) };
  },
});

const ELU = defineLayer({
  config: z.looseObject({ alpha: z.number().default(1) }),
  pointwise: true,
  build({ b }, inputs, { alpha }) {
    const x = one(inputs);
    return { ...x, value: elu(b, x.value, alpha) };
  },
});

/** x where it is above theta, 0 elsewhere. */
const ThresholdedReLU = defineLayer({
  config: z.looseObject({ theta: z.number().default(1) }),
  pointwise: true,
  build({ b }, inputs, { theta }) {
    const x = one(inputs);
    const below = notLess(b, b.scalar(theta), x.value);
    return { ...x, value: mul(b, x.value, sub(b, b.scalar(1), below)) };
  },
});

const Softmax = defineLayer({
  config: z.looseObject({ axis: z.union([z.int(), z.tuple([z.int()]).transform(([x]) => x)]).default(-1) }),
  pointwise: true,
  build(c, inputs, { axis }) {
    const x = one(inputs);
    if (axis !== -1 && axis !== x.shape.length + c.leading - 1)
      layerInvalid(`a softmax over axis ${axis} is not the last`);
    return activationNamed('softmax')!(c.b, x);
  },
});

export const activationLayers = { Activation, ReLU, LeakyReLU, PReLU, ELU, ThresholdedReLU, Softmax };
