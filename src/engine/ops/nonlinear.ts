/**
 * Nonlinearities of networks that are made of other ops, so that their gradients, and how each runtime runs them, come for
 * free.
 */
import type { GraphBuilder, Value } from '../graph/graph.js';
import { clip, relu } from './activation.js';
import { abs, add, div, exp, min, mul, neg, notLess, sigmoid, sub, tanh } from './elementwise.js';
import { erf, softplus } from './smooth.js';

/** max(x, 0) + slope * min(x, 0) for any slope; `relu` takes those from 0 up to 1. */
export function leaky(b: GraphBuilder, x: Value, slope: number): Value {
  if (slope >= 0 && slope < 1) return relu(b, x, slope);
  return sub(b, relu(b, x), mul(b, relu(b, neg(b, x)), b.scalar(slope)));
}

/** A rectifier with slopes for negative inputs that broadcast over x (He et al. 2015). */
export const prelu = (b: GraphBuilder, x: Value, slopes: Value): Value =>
  sub(b, relu(b, x), mul(b, relu(b, neg(b, x)), slopes));

/** x where positive, alpha * (exp(x / width) - 1) elsewhere: ELU where the width is 1 (Clevert et al. 2016). */
export function elu(b: GraphBuilder, x: Value, alpha = 1, width = 1): Value {
  const low = min(b, x, b.scalar(0));
  const below = sub(b, exp(b, width === 1 ? low : mul(b, low, b.scalar(1 / width))), b.scalar(1));
  return add(b, relu(b, x), alpha === 1 ? below : mul(b, below, b.scalar(alpha)));
}

/** ELU with a continuous slope: alpha * (exp(x / alpha) - 1) below zero (Barron 2017). */
export const celu = (b: GraphBuilder, x: Value, alpha: number): Value => elu(b, x, alpha, alpha);

/** gamma * ELU(x) (Klambauer et al. 2017). */
export const selu = (b: GraphBuilder, x: Value, alpha: number, gamma: number): Value =>
  mul(b, elu(b, x, alpha), b.scalar(gamma));

/** x times the share of a normal distribution below x, exactly (Hendrycks and Gimpel 2016). */
export function gelu(b: GraphBuilder, x: Value): Value {
  const share = add(b, erf(b, mul(b, x, b.scalar(Math.SQRT1_2))), b.scalar(1));
  return mul(b, mul(b, x, b.scalar(0.5)), share);
}

/** The tanh approximation of the same. */
export function geluTanh(b: GraphBuilder, x: Value): Value {
  const cube = mul(b, mul(b, x, x), x);
  const inner = mul(b, add(b, x, mul(b, cube, b.scalar(0.044715))), b.scalar(Math.sqrt(2 / Math.PI)));
  return mul(b, mul(b, x, b.scalar(0.5)), add(b, tanh(b, inner), b.scalar(1)));
}

/** alpha * x + beta, kept within 0 and 1. */
export const hardSigmoid = (b: GraphBuilder, x: Value, alpha: number, beta: number): Value =>
  clip(b, add(b, mul(b, x, b.scalar(alpha)), b.scalar(beta)), 0, 1);

/** x times the sigmoid of beta * x (Ramachandran et al. 2017). */
export const swish = (b: GraphBuilder, x: Value, beta = 1): Value =>
  mul(b, x, sigmoid(b, beta === 1 ? x : mul(b, x, b.scalar(beta))));

/** x times its hard sigmoid (Howard et al. 2019). */
export const hardSwish = (b: GraphBuilder, x: Value): Value => mul(b, x, hardSigmoid(b, x, 1 / 6, 0.5));

/** x * tanh(softplus x) (Misra 2019). */
export const mish = (b: GraphBuilder, x: Value): Value => mul(b, x, tanh(b, softplus(b, x)));

/** x / (1 + |x|). */
export const softsign = (b: GraphBuilder, x: Value): Value => div(b, x, add(b, abs(b, x), b.scalar(1)));

/** x where it is above theta, 0 elsewhere. */
export const thresholded = (b: GraphBuilder, x: Value, theta: number): Value =>
  mul(b, x, sub(b, b.scalar(1), notLess(b, b.scalar(theta), x)));
