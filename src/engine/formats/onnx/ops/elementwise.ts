/** Ops of one or several tensors element by element; those of several broadcast. */
import { z } from 'zod';
import type { GraphBuilder, Value } from '../../../graph/graph.js';
import {
  abs,
  add,
  div,
  exp,
  floor,
  log,
  max,
  min,
  mul,
  neg,
  notLess,
  pow,
  sign,
  sqrt,
  sub,
  tanh,
  sigmoid,
} from '../../../ops/elementwise.js';
import { power } from '../../../ops/power.js';
import { mapped, paired, type Kind, type Known } from '../known.js';
import { combined, invalid, isLive, type Live, type Operand } from '../live.js';
import { defineOnnxOp, int, liveOf, none, type BuildContext, type OnnxOp } from './definition.js';

type Make1 = (b: GraphBuilder, x: Value) => Value;
type Make2 = (b: GraphBuilder, x: Value, y: Value) => Value;
type Host2 = (x: number, y: number) => number;

/** An op of one tensor: what it becomes in a graph, and what it is on numbers. */
function unary(make: Make1 | null, host?: (x: number) => number): OnnxOp<Record<string, never>> {
  return defineOnnxOp({
    attributes: none,
    inputs: [1, 1],
    ...(host && { fold: ({ budget }, [x]) => [mapped(budget, x!, host)] }),
    ...(make && { build: ({ d }, [x]) => [applied(liveOf(x), (v) => make(d.b, v))] }),
  });
}

/** A function that leaves every element where it is. */
export function applied(x: Live, f: (x: Value) => Value): Live {
  return { shape: x.shape, lanes: x.lanes, value: f(x.value) };
}

/** Numbers rounded to even where they lie in the middle. */
function roundEven(x: number): number {
  const near = Math.round(x);
  return Math.abs(x % 1) === 0.5 && near % 2 !== 0 ? near - 1 : near;
}

export const unaryOps = {
  Abs: unary(abs, Math.abs),
  Neg: unary(neg, (x) => -x),
  Exp: unary(exp, Math.exp),
  Log: unary(log, Math.log),
  Sqrt: unary(sqrt, Math.sqrt),
  Sign: unary(sign, Math.sign),
  Floor: unary(floor, Math.floor),
  Ceil: unary((b, x) => neg(b, floor(b, neg(b, x))), Math.ceil),
  Round: unary(null, roundEven),
  Sin: unary(null, Math.sin),
  Cos: unary(null, Math.cos),
  Tanh: unary(tanh, Math.tanh),
  Sigmoid: unary(sigmoid, (x) => 1 / (1 + Math.exp(-x))),
  Reciprocal: unary(
    (b, x) => div(b, b.scalar(1), x),
    (x) => 1 / x,
  ),
};

/** Two operands element by element in a graph. */
export function pair(c: BuildContext, x: Operand, y: Operand, make: Make2): Live {
  return combined(c.d, x, y, `${c.name}.constant`, (v, w) => make(c.d.b, v, w));
}

interface Binary {
  readonly make: Make2 | null;
  readonly host: Host2;
  /** On whole numbers, where that is another thing. */
  readonly whole?: Host2;
}

function binary({ make, host, whole = host }: Binary): OnnxOp<Record<string, never>> {
  return defineOnnxOp({
    attributes: none,
    inputs: [2, 2],
    fold: ({ budget }, [x, y]) => [paired(budget, x!, y!, x!.kind === 'float' ? host : whole)],
    ...(make && { build: (c, [x, y]) => [pair(c, x!, y!, make)] }),
  });
}

function wholeQuotient(x: number, y: number): number {
  if (y === 0) invalid('a whole number is divided by zero');
  return Math.trunc(x / y);
}

/** The rest that has the sign of the divisor, as Python has it. */
const pythonRest: Host2 = (x, y) => x - y * Math.floor(x / y);

const Mod = defineOnnxOp({
  attributes: z.strictObject({ fmod: int.default(0) }),
  inputs: [2, 2],
  fold: ({ budget }, [x, y], { fmod }) => [paired(budget, x!, y!, fmod === 1 ? (p, q) => p % q : pythonRest)],
});

/** A constant exponent is the common case, and runs faster. */
function raised(c: BuildContext, x: Operand, y: Operand): Live {
  const exponent = !isLive(y) && y.data.length === 1 ? y.data[0]! : null;
  if (exponent === null || exponent === 0 || !isLive(x) || y.shape.length > x.shape.length) return pair(c, x, y, pow);
  const { b } = c.d;
  if (exponent === 1) return x;
  if (exponent === 0.5) return applied(x, (v) => sqrt(b, v));
  if (exponent === 2) return applied(x, (v) => mul(b, v, v));
  return applied(x, (v) => power(b, v, exponent));
}

const Pow = defineOnnxOp({
  attributes: none,
  inputs: [2, 2],
  fold: ({ budget }, [x, y]) => [paired(budget, x!, y!, Math.pow)],
  build: (c, [x, y]) => [raised(c, x!, y!)],
});

/** An op of any number of tensors, taken two by two. */
function variadic(make: Make2, host: Host2, finish?: (count: number) => number): OnnxOp<Record<string, never>> {
  return defineOnnxOp({
    attributes: none,
    inputs: [1, 1024],
    fold({ budget }, inputs) {
      const all = (inputs as Known[]).reduce((x, y) => paired(budget, x, y, host));
      return [finish ? mapped(budget, all, (x) => x * finish(inputs.length)) : all];
    },
    build(c, inputs) {
      const all = (inputs as Operand[]).reduce((x, y): Operand =>
        isLive(x) || isLive(y) ? pair(c, x, y, make) : paired(c.budget, x, y, host),
      );
      const { b } = c.d;
      return [finish ? applied(liveOf(all), (v) => mul(b, v, b.scalar(finish(inputs.length)))) : all];
    },
  });
}

export const binaryOps = {
  Add: binary({ make: add, host: (x, y) => x + y }),
  Sub: binary({ make: sub, host: (x, y) => x - y }),
  Mul: binary({ make: mul, host: (x, y) => x * y }),
  Div: binary({ make: div, host: (x, y) => x / y, whole: wholeQuotient }),
  Mod,
  Pow,
  Max: variadic(max, Math.max),
  Min: variadic(min, Math.min),
  Sum: variadic(add, (x, y) => x + y),
  Mean: variadic(
    add,
    (x, y) => x + y,
    (count) => 1 / count,
  ),
};

const BOOL: Kind = 'bool';
const masked = (x: Live): Live => ({ ...x, mask: true });
const inverted: Make1 = (b, x) => sub(b, b.scalar(1), x);

/** A comparison: 1 where it holds. */
function comparison(make: Make2, host: (x: number, y: number) => boolean): OnnxOp<Record<string, never>> {
  return defineOnnxOp({
    attributes: none,
    inputs: [2, 2],
    fold: ({ budget }, [x, y]) => [paired(budget, x!, y!, (p, q) => (host(p, q) ? 1 : 0), BOOL)],
    build: (c, [x, y]) => [masked(pair(c, x!, y!, make))],
  });
}

const Not = defineOnnxOp({
  attributes: none,
  inputs: [1, 1],
  fold: ({ budget }, [x]) => [mapped(budget, x!, (v) => 1 - v)],
  build: ({ d }, [x]) => [masked(applied(liveOf(x), (v) => inverted(d.b, v)))],
});

/** One of two tensors, by a mask. A number that is not taken does not count, however large it is. */
const Where = defineOnnxOp({
  attributes: none,
  inputs: [3, 3],
  fold({ budget }, [mask, x, y]) {
    const taken = paired(budget, mask!, x!, (m, v) => (m === 0 ? 0 : v), x!.kind);
    const left = paired(budget, mask!, y!, (m, v) => (m === 0 ? v : 0), x!.kind);
    return [paired(budget, taken, left, (p, q) => p + q)];
  },
  build(c, [mask, x, y]) {
    const part = (v: Operand, holds: number): Operand => {
      const at = mask!;
      if (isLive(at)) return pair(c, holds === 1 ? at : applied(at, (m) => inverted(c.d.b, m)), v, mul);
      if (!isLive(v)) return paired(c.budget, at, v, (m, n) => (m === holds ? n : 0), v.kind);
      return pair(
        c,
        v,
        mapped(c.budget, at, (m) => (m === holds ? 1 : 0), 'float'),
        mul,
      );
    };
    return [pair(c, part(x!, 1), part(y!, 0), add)];
  },
});

export const logicOps = {
  Equal: comparison(
    (b, x, y) => mul(b, notLess(b, x, y), notLess(b, y, x)),
    (x, y) => x === y,
  ),
  Greater: comparison(
    (b, x, y) => inverted(b, notLess(b, y, x)),
    (x, y) => x > y,
  ),
  GreaterOrEqual: comparison(notLess, (x, y) => x >= y),
  Less: comparison(
    (b, x, y) => inverted(b, notLess(b, x, y)),
    (x, y) => x < y,
  ),
  LessOrEqual: comparison(
    (b, x, y) => notLess(b, y, x),
    (x, y) => x <= y,
  ),
  And: comparison(mul, (x, y) => x !== 0 && y !== 0),
  Or: comparison(max, (x, y) => x !== 0 || y !== 0),
  Not,
  Where,
};
