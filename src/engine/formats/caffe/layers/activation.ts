/** Layers that treat every element alone, and the softmax. */
import { z } from 'zod';
import type { GraphBuilder, Value } from '../../../graph/graph.js';
import { clip } from '../../../ops/activation.js';
import { abs, add, exp, log, mul, sigmoid, tanh } from '../../../ops/elementwise.js';
import { transpose } from '../../../ops/layout.js';
import { elu, leaky, prelu, swish } from '../../../ops/nonlinear.js';
import { power } from '../../../ops/power.js';
import { softplus } from '../../../ops/smooth.js';
import { softmax } from '../../../ops/softmax.js';
import { innerAxis, layerInvalid, like, rankOf, valueAxis } from '../blob.js';
import { axis, boolean, number, section, withDefault } from '../schema.js';
import { defineLayer, type LayerType } from './definition.js';

/** A layer that is a function of each element. */
function elementwise<C>(
  config: z.ZodType<C>,
  f: (b: GraphBuilder, x: Value, config: C) => Value,
  unsupported?: (config: C) => string | null,
): LayerType<C> {
  return defineLayer<C>({
    config,
    ...(unsupported ? { unsupported } : {}),
    build: ({ b }, [x], p) => [like(x!, f(b, x!.value, p))],
  });
}
const plain = (f: (b: GraphBuilder, x: Value) => Value): LayerType<unknown> => elementwise(z.unknown(), f);

const ReLU = elementwise(
  section('relu_param', z.object({ negative_slope: withDefault(number, 0) })),
  (b, x, { negative_slope: slope }) => leaky(b, x, slope),
);

/** A rectifier whose slope for negative inputs is learned, one for each channel or one for all. */
const PReLU = defineLayer({
  config: section('prelu_param', z.object({ channel_shared: withDefault(boolean, false) })),
  weights: ({ channel_shared: shared }, [x]) => [
    { name: 'slope', shape: [shared ? 1 : x!.inner[innerAxis(x!, 1)]!], random: { all: 0.25 } },
  ],
  build(c, [x], { channel_shared: shared }) {
    const { b } = c;
    const ones = x!.inner.slice(innerAxis(x!, 1) + 1).map(() => 1);
    const slope = c.constant('slope', c.numbers(0), shared ? [1] : [c.numbers(0).length, ...ones]);
    return [like(x!, prelu(b, x!.value, slope))];
  },
});

const ELU = elementwise(section('elu_param', z.object({ alpha: withDefault(number, 1) })), (b, x, { alpha }) =>
  elu(b, x, alpha),
);

const Swish = elementwise(section('swish_param', z.object({ beta: withDefault(number, 1) })), (b, x, { beta }) =>
  swish(b, x, beta),
);

const Clip = elementwise(
  section('clip_param', z.object({ min: z.tuple([number]), max: z.tuple([number]) })),
  (b, x, { min: [low], max: [high] }) => clip(b, x, low, high),
);

/** shift + scale * x. */
function affine(b: GraphBuilder, x: Value, scale: number, shift: number): Value {
  const scaled = scale === 1 ? x : mul(b, x, b.scalar(scale));
  return shift === 0 ? scaled : add(b, scaled, b.scalar(shift));
}

const line = { scale: withDefault(number, 1), shift: withDefault(number, 0) };

/** (shift + scale * x)^power. */
const Power = elementwise(
  section('power_param', z.object({ ...line, power: withDefault(number, 1) })),
  (b, x, { power: exponent, scale, shift }) => {
    if (exponent === 0 || scale === 0)
      return affine(b, mul(b, x, b.scalar(0)), 1, exponent === 0 ? 1 : shift ** exponent);
    const base = affine(b, x, scale, shift);
    return exponent === 1 ? base : power(b, base, exponent);
  },
);

/** A base of -1 stands for e. */
const naturalBase = { ...line, base: withDefault(number, -1) };
const badBase = ({ base }: { base: number }): string | null => (base === -1 || base > 0 ? null : `base ${base}`);

/** base^(shift + scale * x). */
const Exp = elementwise(
  section('exp_param', z.object(naturalBase)),
  (b, x, { base, scale, shift }) => {
    const factor = base === -1 ? 1 : Math.log(base);
    return exp(b, affine(b, x, scale * factor, shift * factor));
  },
  badBase,
);

/** The logarithm of shift + scale * x. */
const Log = elementwise(
  section('log_param', z.object(naturalBase)),
  (b, x, { base, scale, shift }) => {
    const y = log(b, affine(b, x, scale, shift));
    return base === -1 ? y : mul(b, y, b.scalar(1 / Math.log(base)));
  },
  (p) => badBase(p) ?? (p.base === 1 ? 'base 1' : null),
);

const identity: LayerType<unknown> = defineLayer({
  config: z.unknown(),
  build: (_, [x]) => [x!],
});

/** Over one axis; the engine's is over the last. */
const Softmax = defineLayer({
  config: section('softmax_param', z.object({ axis: withDefault(axis, 1) })),
  build({ b }, [x], { axis: at }) {
    if (rankOf(x!) === 0) layerInvalid('it has no axis');
    const along = valueAxis(x!, at);
    const last = x!.value.shape.length - 1;
    if (along === last) return [like(x!, softmax(b, x!.value))];
    const swapped = x!.value.shape.map((_, i) => (i === along ? last : i === last ? along : i));
    return [like(x!, transpose(b, softmax(b, transpose(b, x!.value, swapped)), swapped))];
  },
});

export const activationLayers = {
  ReLU,
  PReLU,
  ELU,
  Swish,
  Clip,
  Power,
  Exp,
  Log,
  Softmax,
  Sigmoid: plain(sigmoid),
  TanH: plain(tanh),
  AbsVal: plain(abs),
  BNLL: plain(softplus),
  // Nothing is dropped when a network is used.
  Dropout: identity,
};
