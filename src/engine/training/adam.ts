/** Adam (Kingma and Ba 2015) as graph nodes: the update that training and synthesis share. */
import type { GraphBuilder, Value } from '../graph/graph.js';
import { add, div, mul, sqrt } from '../ops/elementwise.js';

export interface AdamOptions {
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
}
export const ADAM: AdamOptions = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };

type Moments<T> = Readonly<Record<'m' | 'v', T>>;

/** Declares the inputs `correct.m` and `correct.v`, which `biasCorrections` gives. */
export const declareCorrections = (b: GraphBuilder): Moments<Value> => ({
  m: b.input('correct.m', []),
  v: b.input('correct.v', []),
});

/** The bias corrections 1 / (1 - beta^t) of update t, counted from 1, as inputs of a graph. */
export function biasCorrections(
  t: number,
  { beta1, beta2 }: AdamOptions,
): Record<'correct.m' | 'correct.v', Float32Array> {
  return {
    'correct.m': Float32Array.of(1 / (1 - beta1 ** t)),
    'correct.v': Float32Array.of(1 / (1 - beta2 ** t)),
  };
}

/**
 * The direction and length of Adam's step for a gradient, to be multiplied with the rate. Declares each moment as an input
 * of the gradient's shape and, updated, as an output of the same name.
 */
export function adamMove(
  b: GraphBuilder,
  gradient: Value,
  names: Moments<string>,
  corrections: Moments<Value>,
  { beta1, beta2, epsilon }: AdamOptions = ADAM,
): Value {
  const blend = (moment: 'm' | 'v', x: Value, beta: number): Value => {
    const old = b.input(names[moment], gradient.shape);
    const next = add(b, mul(b, old, b.scalar(beta)), mul(b, x, b.scalar(1 - beta)));
    b.output(names[moment], next);
    return mul(b, next, corrections[moment]);
  };
  const m = blend('m', gradient, beta1);
  const v = blend('v', mul(b, gradient, gradient), beta2);
  return div(b, m, add(b, sqrt(b, v), b.scalar(epsilon)));
}
