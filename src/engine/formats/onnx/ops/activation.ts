/** Activation functions, and the softmaxes. */
import { z } from 'zod';
import type { GraphBuilder, Value } from '../../../graph/graph.js';
import { normalAxis, sizeOf } from '../../../graph/shape.js';
import { clip, relu } from '../../../ops/activation.js';
import {
  celu,
  elu,
  gelu,
  geluTanh,
  hardSigmoid,
  hardSwish,
  leaky,
  mish,
  prelu,
  selu,
  softsign,
  thresholded,
} from '../../../ops/nonlinear.js';
import { erf, softplus } from '../../../ops/smooth.js';
import { logSoftmax, softmax } from '../../../ops/softmax.js';
import { mapped, scalarOf } from '../known.js';
import { laneAxis, laneShape, moved, view, type Live } from '../live.js';
import { defineOnnxOp, int, liveOf, none, optionalKnown, type BuildContext, type OnnxOp } from './definition.js';
import { applied, pair } from './elementwise.js';

/** An activation with attributes; each element alone. */
function activation<A>(attributes: z.ZodType<A>, make: (b: GraphBuilder, x: Value, a: A) => Value): OnnxOp<A> {
  return defineOnnxOp<A>({
    attributes,
    inputs: [1, 1],
    build: ({ d }, [x], a) => [applied(liveOf(x), (v) => make(d.b, v, a))],
  });
}

/** One with a constant for each channel, or whatever broadcasts. */
const PRelu = defineOnnxOp({
  attributes: none,
  inputs: [2, 2],
  build: (c, [x, slopes]) => [pair(c, liveOf(x), slopes!, (b, v, s) => prelu(b, v, s))],
});

const LARGEST = 3.4028234663852886e38;
const bound = (x: number): number => Math.max(-LARGEST, Math.min(LARGEST, x));

/** Bounds are attributes up to opset 10, then inputs. */
const Clip = defineOnnxOp({
  attributes: z.strictObject({ min: z.number().default(-LARGEST), max: z.number().default(LARGEST) }),
  inputs: [1, 3],
  fold({ budget }, [x, low, high], a) {
    const [least, most] = [low?.data[0] ?? a.min, high?.data[0] ?? a.max];
    return [mapped(budget, x!, (v) => Math.min(Math.max(v, least), most))];
  },
  build({ d }, [x, low, high], a) {
    const least = optionalKnown(low, 'bounds');
    const most = optionalKnown(high, 'bounds');
    const from = bound(least ? scalarOf(least, 'lower bound') : a.min);
    const to = bound(most ? scalarOf(most, 'upper bound') : a.max);
    if (from === 0 && to === LARGEST) return [applied(liveOf(x), (v) => relu(d.b, v))];
    return [applied(liveOf(x), (v) => clip(d.b, v, from, to))];
  },
});

/** A function of the rows along some axes, [.., row]: they are moved to the end for it, and back. */
function alongAxes(
  c: BuildContext,
  x: Live,
  axes: readonly number[],
  f: (b: GraphBuilder, rows: Value) => Value,
): Live {
  for (const axis of axes) laneAxis(x, axis);
  const order = [...x.shape.map((_, i) => i).filter((i) => !axes.includes(i)), ...axes];
  const last = moved(c.d, x, order);
  const row = sizeOf(axes.map((axis) => x.shape[axis]!));
  const places = sizeOf(laneShape(x)) / row;
  const rows = view(c.d, last, places === 1 ? [row] : [places, row]);
  const result: Live = { shape: last.shape, lanes: last.lanes, value: f(c.d.b, rows) };
  return moved(
    c.d,
    result,
    order.map((_, i) => order.indexOf(i)),
  );
}

/** Axes over which a softmax runs: one, or before opset 13 that and all after it. */
export function softmaxAxes(rank: number, axis: number | undefined, opset: number): number[] {
  const first = normalAxis(axis ?? (opset < 13 ? Math.min(1, rank - 1) : -1), rank, 'it');
  return opset < 13 ? Array.from({ length: rank - first }, (_, i) => first + i) : [first];
}

function softmaxOp(make: (b: GraphBuilder, x: Value) => Value): OnnxOp<{ axis?: number | undefined }> {
  return defineOnnxOp({
    attributes: z.strictObject({ axis: int.optional() }),
    inputs: [1, 1],
    build(c, [input], { axis }) {
      const x = liveOf(input);
      return [alongAxes(c, x, softmaxAxes(x.shape.length, axis, c.opset), make)];
    },
  });
}

const slope = (value: number): z.ZodType<{ alpha: number }> => z.strictObject({ alpha: z.number().default(value) });

export const activationOps = {
  Relu: defineOnnxOp({
    attributes: none,
    inputs: [1, 1],
    fold: ({ budget }, [x]) => [mapped(budget, x!, (v) => Math.max(v, 0))],
    build: ({ d }, [x]) => [applied(liveOf(x), (v) => relu(d.b, v))],
  }),
  LeakyRelu: activation(slope(0.01), (b, x, { alpha }) => leaky(b, x, alpha)),
  PRelu,
  Elu: activation(slope(1), (b, x, { alpha }) => elu(b, x, alpha)),
  Celu: activation(slope(1), (b, x, { alpha }) => celu(b, x, alpha)),
  Selu: activation(
    z.strictObject({
      alpha: z.number().default(1.6732632423543772),
      gamma: z.number().default(1.0507009873554805),
    }),
    (b, x, { alpha, gamma }) => selu(b, x, alpha, gamma),
  ),
  ThresholdedRelu: activation(slope(1), (b, x, { alpha }) => thresholded(b, x, alpha)),
  HardSigmoid: activation(
    z.strictObject({ alpha: z.number().default(0.2), beta: z.number().default(0.5) }),
    (b, x, { alpha, beta }) => hardSigmoid(b, x, alpha, beta),
  ),
  HardSwish: activation(none, hardSwish),
  Softplus: activation(none, softplus),
  Softsign: activation(none, softsign),
  Mish: activation(none, mish),
  Erf: activation(none, erf),
  Gelu: activation(
    z.strictObject({ approximate: z.enum(['none', 'tanh']).default('none') }),
    (b, x, { approximate }) => (approximate === 'tanh' ? geluTanh(b, x) : gelu(b, x)),
  ),
  Clip,
  Softmax: softmaxOp(softmax),
  LogSoftmax: softmaxOp(logSoftmax),
};
