/** Activations as layers of their own. */
import { z } from 'zod';
import type { GraphBuilder, Value } from '../../../graph/graph.js';
import { clip, relu } from '../../../ops/activation.js';
import { add, min, mul, notLess, sub } from '../../../ops/elementwise.js';
import { transpose } from '../../../ops/layout.js';
import { elu, prelu } from '../../../ops/nonlinear.js';
import { softmax } from '../../../ops/softmax.js';
import { activationNamed } from '../activations.js';
import { channelsInFront, inKerasOrder } from '../tensor.js';
import { defineLayer, engineAxis, one, shapeAxis } from './definition.js';

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

/** x where it is at least the threshold (at most the maximum), else slope * (x - threshold). */
const ReLU = defineLayer({
  config: z.looseObject({ max_value: slope, negative_slope: slope, threshold: slope }),
  pointwise: true,
  unsupported: ({ negative_slope }) => slopeProblem(negative_slope),
  build({ b }, inputs, { max_value: top, negative_slope: below = 0, threshold = 0 }) {
    const x = one(inputs);
    if (top !== undefined && below === 0 && threshold === 0) return { ...x, value: clip(b, x.value, 0, top) };
    const lower = threshold === 0 ? relu(b, x.value, below) : aboveThreshold(b, x.value, threshold, below);
    return { ...x, value: top === undefined ? lower : min(b, lower, b.scalar(top)) };
  },
});

function aboveThreshold(b: GraphBuilder, x: Value, threshold: number, below: number): Value {
  const edge = b.scalar(threshold);
  const kept = mul(b, x, notLess(b, x, edge));
  // From the edge on, only the part below it is left.
  return below === 0 ? kept : add(b, kept, mul(b, min(b, sub(b, x, edge), b.scalar(0)), b.scalar(below)));
}

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
    const slopes = channelsInFront(c.weight('alpha', shape), shape);
    const alpha = c.constant('alpha', slopes.data, slopes.shape);
    return { ...x, value: prelu(b, x.value, alpha) };
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
    const x = inKerasOrder(c.b, one(inputs));
    const rank = x.shape.length;
    const along = shapeAxis(c, axis, x);
    if (along === rank - 1) return activationNamed('softmax')!(c.b, x);
    const order = x.value.shape.map((_, i) => i);
    const [from, last] = [engineAxis(along, rank), order.length - 1];
    [order[from], order[last]] = [last, from];
    return { ...x, value: transpose(c.b, softmax(c.b, transpose(c.b, x.value, order)), order) };
  },
});

export const activationLayers = { Activation, ReLU, LeakyReLU, PReLU, ELU, ThresholdedReLU, Softmax };
