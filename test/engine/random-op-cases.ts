/**
 * Cases of ops with shapes and options drawn at random: small ones, but with every combination of strides, pads, groups,
 * dilations and axes that the ops allow. A kind and a number always give the same case.
 */
import { gradients } from '../../src/engine/autodiff/gradients.js';
import { GraphBuilder, type Value } from '../../src/engine/graph/graph.js';
import { clip, relu } from '../../src/engine/ops/activation.js';
import { conv2d, convTranspose2d, type ConvAttributes } from '../../src/engine/ops/conv.js';
import { add, div, max, min, mul, sub } from '../../src/engine/ops/elementwise.js';
import { fold, unfold } from '../../src/engine/ops/fold.js';
import { gru } from '../../src/engine/ops/gru.js';
import { concat, gather, pad, pixelShuffle, reshape, sliceAxis, transpose } from '../../src/engine/ops/layout.js';
import { lstm } from '../../src/engine/ops/lstm.js';
import { dense, matmul } from '../../src/engine/ops/matmul.js';
import { averagePool2d, maxPool2d, type PoolOptions } from '../../src/engine/ops/pool.js';
import { localResponseNorm, power } from '../../src/engine/ops/power.js';
import { expand, mean, sum } from '../../src/engine/ops/reduce.js';
import { reverse } from '../../src/engine/ops/reverse.js';
import { logSoftmax, softmax } from '../../src/engine/ops/softmax.js';
import { Random } from '../../src/engine/random.js';
import { NeuroreelError } from '../../src/protocol/errors.js';
import type { OpCase } from './op-cases.js';

type Shape = number[];
type Draw = (random: Random) => OpCase;

/** An integer from low to high, both included. */
const whole = (random: Random, low: number, high: number): number => low + random.integer(high - low + 1);
const many = <T>(n: number, make: (i: number) => T): T[] => Array.from({ length: n }, (_, i) => make(i));
const shapeOf = (random: Random, rank: number, largest = 4): Shape => many(rank, () => whole(random, 1, largest));
const chance = (random: Random, p: number): boolean => random.uniform() < p;
const told = (options: unknown): string => JSON.stringify(options);

interface Convolution {
  readonly x: Shape;
  readonly w: Shape;
  /** Output of the convolution. */
  readonly y: Shape;
  readonly options: ConvAttributes;
}

/** A convolution that fits; its input may have places at the end that no window reaches. */
function convolution(random: Random): Convolution {
  const groups = random.pick([1, 1, 1, 2, 3]);
  const [n, cin, cout] = [whole(random, 1, 2), whole(random, 1, 3), whole(random, 1, 3)];
  const kernel = shapeOf(random, 2);
  const strides = many(2, () => random.pick([1, 1, 2, 3]));
  const dilations = many(2, () => random.pick([1, 1, 2, 3]));
  const pads = many(4, () => random.pick([0, 0, 1, 2, 3]));
  const out = shapeOf(random, 2, 3);
  const size = [0, 1].map((i) => {
    const reach = dilations[i]! * (kernel[i]! - 1) + 1;
    return (out[i]! - 1) * strides[i]! + reach - pads[i]! - pads[i + 2]! + random.integer(strides[i]!);
  });
  // More padding than there is picture: another one.
  if (size.some((s) => s < 1)) return convolution(random);
  return {
    x: [n, cin * groups, ...size],
    w: [cout * groups, cin, ...kernel],
    y: [n, cout * groups, ...out],
    options: { strides, pads, dilations, groups },
  };
}

const conv: Draw = (random) => {
  const { x, w, options } = convolution(random);
  const biased = chance(random, 0.5);
  return {
    name: `conv2d ${x} * ${w} ${told(options)}${biased ? ' + bias' : ''}`,
    inputs: biased ? [x, w, [w[0]!]] : [x, w],
    build: (b, [xv, wv, bias]) => conv2d(b, xv!, wv!, bias ?? null, options),
  };
};

/** What trained networks mostly have: many channels, stride 1, a runtime's fast ways. */
const plainConv: Draw = (random) => {
  const k = random.pick([1, 3]);
  const x = [1, whole(random, 14, 18), whole(random, 3, 4), whole(random, 3, 4)];
  const w = [whole(random, 1, 3), x[1]!, k, k];
  const pads = many(4, () => whole(random, 0, 1));
  return {
    name: `conv2d of many channels ${x} * ${w} pads ${pads}`,
    inputs: [x, w],
    build: (b, [xv, wv]) => conv2d(b, xv!, wv!, null, { pads }),
  };
};

const transposedConv: Draw = (random) => {
  const { x, w, y, options } = convolution(random);
  const biased = chance(random, 0.5);
  return {
    name: `convTranspose2d ${y} * ${w} ${told(options)} to ${x.slice(2)}${biased ? ' + bias' : ''}`,
    inputs: biased ? [y, w, [x[1]!]] : [y, w],
    build: (b, [yv, wv, bias]) => convTranspose2d(b, yv!, wv!, { ...options, size: x.slice(2), ...(bias && { bias }) }),
  };
};

/** The convolution's own gradients, as functions of everything: their gradients are ops in other roles. */
const convGradients: Draw = (random) => {
  const { x, w, y, options } = convolution(random);
  const wanted = random.integer(2);
  return {
    name: `gradient of conv2d to its ${wanted === 0 ? 'input' : 'weights'} ${x} * ${w} ${told(options)}`,
    inputs: [x, w, y],
    build: (b, [xv, wv, g]) => gradients(b, conv2d(b, xv!, wv!, null, options), [xv!, wv!], g)[wanted]!,
  };
};

/** A pooling that fits, of a shape that it is drawn with. */
function pooling(random: Random): { x: Shape; options: PoolOptions } {
  const x = [whole(random, 1, 2), whole(random, 1, 2), whole(random, 1, 6), whole(random, 1, 6)];
  const kernel = shapeOf(random, 2) as [number, number];
  const strides = shapeOf(random, 2, 3) as [number, number];
  const pads = many(4, (i) => random.integer(kernel[i % 2]!)) as [number, number, number, number];
  const options = { kernel, strides, pads, ceil: chance(random, 0.5) };
  try {
    const b = new GraphBuilder();
    maxPool2d(b, b.input('x', x), options);
    return { x, options };
  } catch (error) {
    if (error instanceof NeuroreelError) return pooling(random);
    throw error;
  }
}

const maxPool: Draw = (random) => {
  const { x, options } = pooling(random);
  return { name: `maxPool2d ${x} ${told(options)}`, inputs: [x], build: (b, [xv]) => maxPool2d(b, xv!, options) };
};

const averagePool: Draw = (random) => {
  const { x, options } = pooling(random);
  const divisor = random.pick(['input', 'padded', 'kernel'] as const);
  return {
    name: `averagePool2d ${x} ${told(options)} over ${divisor}`,
    inputs: [x],
    build: (b, [xv]) => averagePool2d(b, xv!, { ...options, divisor }),
  };
};

const lstms: Draw = (random) => {
  const [t, n, h] = shapeOf(random, 3, 5) as [number, number, number];
  const markers = chance(random, 0.5) ? many(t * n, () => random.pick([0, 1, 1, 0.5])) : null;
  const cell = chance(random, 0.5);
  return {
    name: `lstm ${[t, n, h]}${markers ? ` markers ${markers}` : ''}${cell ? ' and its cell' : ''}`,
    inputs: [
      [t, n, 4 * h],
      [4 * h, h],
    ],
    build(b, [x, w]) {
      const states = lstm(b, x!, w!, markers ? b.constant(markers, [t, n, 1]) : undefined);
      return cell ? add(b, states.hidden, mul(b, states.cell, states.cell)) : states.hidden;
    },
  };
};

const grus: Draw = (random) => {
  const [t, n, h] = shapeOf(random, 3, 5) as [number, number, number];
  const resetAfter = chance(random, 0.5);
  const biased = chance(random, 0.5);
  return {
    name: `gru ${[t, n, h]} ${told({ resetAfter, biased })}`,
    inputs: [[t, n, 3 * h], [3 * h, h], ...(biased ? [[3 * h]] : [])],
    build: (b, [x, w, bias]) => gru(b, x!, w!, bias ?? null, { resetAfter }),
  };
};

const products: Draw = (random) => {
  const [m, k, n] = shapeOf(random, 3, 6) as [number, number, number];
  if (chance(random, 0.3)) {
    const lead = shapeOf(random, whole(random, 1, 3), 3);
    return {
      name: `dense over ${[...lead, k]} to ${n}`,
      inputs: [[...lead, k], [n, k], [n]],
      build: (b, [x, w, bias]) => dense(b, x!, w!, bias!),
    };
  }
  const [transA, transB] = [chance(random, 0.5), chance(random, 0.5)];
  return {
    name: `matmul ${[m, k, n]} ${told({ transA, transB })}`,
    inputs: [transA ? [k, m] : [m, k], transB ? [n, k] : [k, n]],
    build: (b, [x, y]) => matmul(b, x!, y!, { transA, transB }),
  };
};

/** A shape that broadcasts to another: leading axes left out, and others of size 1. */
function broadcastable(random: Random, shape: Shape): Shape {
  const kept = shape.slice(random.pick([0, 0, random.integer(shape.length + 1)]));
  return kept.map((dim) => (chance(random, 0.3) ? 1 : dim));
}

const BINARY = { add, sub, mul, div, max, min };
const broadcasting: Draw = (random) => {
  const shape = shapeOf(random, whole(random, 0, 4));
  const inputs = [broadcastable(random, shape), broadcastable(random, shape)];
  const name = random.pick(Object.keys(BINARY) as (keyof typeof BINARY)[]);
  return {
    name: `${name} [${inputs[0]}] and [${inputs[1]}]`,
    inputs,
    ...(name === 'div' && { range: [0.5, 2] as const }),
    build: (b, [x, y]) => BINARY[name](b, x!, y!),
  };
};

const reductions: Draw = (random) => {
  const shape = shapeOf(random, whole(random, 1, 4));
  if (chance(random, 0.3)) {
    const small = broadcastable(random, shape);
    return { name: `expand [${small}] to [${shape}]`, inputs: [small], build: (b, [x]) => expand(b, x!, shape) };
  }
  const axes = [...shape.keys()].filter(() => chance(random, 0.5)).map((axis) => axis - random.pick([0, shape.length]));
  const keep = chance(random, 0.5);
  const averaged = chance(random, 0.5);
  return {
    name: `${averaged ? 'mean' : 'sum'} of [${shape}] over [${axes}]${keep ? ', kept' : ''}`,
    inputs: [shape],
    build: (b, [x]) => (averaged ? mean : sum)(b, x!, axes, keep),
  };
};

/** Moves of numbers, each with what it needs drawn for a shape. */
const LAYOUT: Readonly<Record<string, (random: Random, shape: Shape) => (b: GraphBuilder, x: Value) => Value>> = {
  transpose(random, shape) {
    const order = [...random.permutation(shape.length)];
    return (b, x) => transpose(b, x, order);
  },
  slice(random, shape) {
    const axis = random.integer(shape.length);
    const start = random.integer(shape[axis]!);
    const end = whole(random, start + 1, shape[axis]!);
    return (b, x) => sliceAxis(b, x, axis, start, end);
  },
  pad(random, shape) {
    const [before, after] = [0, 1].map(() => shape.map(() => random.integer(3))) as [Shape, Shape];
    return (b, x) => pad(b, x, before, after);
  },
  concat(random, shape) {
    const axis = random.integer(shape.length);
    const cut = random.integer(shape[axis]!) + 1;
    return (b, x) => concat(b, [sliceAxis(b, x, axis, 0, cut), x, x], axis);
  },
  gather(random, shape) {
    const rows = many(whole(random, 1, 6), () => random.integer(shape[0]!));
    return (b, x) => gather(b, x, rows);
  },
  reverse(random, shape) {
    const axis = random.integer(shape.length);
    return (b, x) => reverse(b, x, axis);
  },
  reshape(random, shape) {
    const parts = random.pick([[-1], [0, -1], [-1, shape[shape.length - 1]!], [1, -1, 1]]);
    return (b, x) => reshape(b, x, parts);
  },
  fold: () => (b, x) => (x.shape.length < 2 ? x : unfold(b, mul(b, fold(b, x), b.scalar(2)), x)),
};
const layouts: Draw = (random) => {
  const shape = shapeOf(random, whole(random, 1, 4));
  const name = random.pick(Object.keys(LAYOUT));
  const move = LAYOUT[name]!(random, shape);
  return {
    name: `${name} [${shape}] ${random.uint32()}`,
    inputs: [shape],
    // Squared, so that a gradient that lands in the wrong place is a wrong one.
    build: (b, [x]) => move(b, mul(b, x!, x!)),
  };
};

const shuffles: Draw = (random) => {
  const r = whole(random, 1, 3);
  const x = [whole(random, 1, 2), whole(random, 1, 2) * r * r, whole(random, 1, 3), whole(random, 1, 3)];
  return { name: `pixelShuffle ${x} by ${r}`, inputs: [x], build: (b, [xv]) => pixelShuffle(b, mul(b, xv!, xv!), r) };
};

const functions: Draw = (random) => {
  const shape = shapeOf(random, whole(random, 1, 4));
  const [slope, low, high] = [random.uniform(0, 0.9), random.uniform(-0.9, 0), random.uniform(0.1, 0.9)];
  const exponent = random.pick([-2, -0.75, -0.5, 0.25, 0.5, 0.75, 1.7, 2, 3]);
  const of: Readonly<Record<string, (b: GraphBuilder, x: Value) => Value>> = {
    [`relu ${slope}`]: (b, x) => relu(b, x, slope),
    [`clip ${low} ${high}`]: (b, x) => clip(b, x, low, high),
    [`power ${exponent}`]: (b, x) => power(b, mul(b, add(b, x, b.scalar(2)), b.scalar(0.5)), exponent),
    softmax,
    logSoftmax,
  };
  const name = random.pick(Object.keys(of));
  return { name: `${name} of [${shape}]`, inputs: [shape], build: (b, [x]) => of[name]!(b, x!) };
};

const normalisations: Draw = (random) => {
  const x = [whole(random, 1, 2), whole(random, 1, 8), whole(random, 1, 3), whole(random, 1, 3)];
  const options = { size: random.pick([1, 3, 5]), alpha: random.uniform(0.1, 2), beta: random.pick([0.5, 0.75, 1]) };
  return {
    name: `local response normalisation ${x} ${told(options)}`,
    inputs: [x],
    build: (b, [xv]) => localResponseNorm(b, xv!, options),
  };
};

/** The gradient of another case's cube: backward passes are made of ops that are differentiable themselves. */
const secondOrder: Draw = (random) => {
  const inner = random.pick([averagePool, products, broadcasting, reductions, layouts, shuffles, functions])(random);
  return {
    ...inner,
    name: `gradient of the cube of ${inner.name}`,
    build(b, xs) {
      const y = inner.build(b, xs);
      return gradients(b, sum(b, mul(b, y, mul(b, y, y))), [xs[0]!])[0]!;
    },
  };
};

/** How cases are drawn, by the kind of op, and how many are worth drawing. */
export const RANDOM_KINDS: Readonly<Record<string, { readonly draw: Draw; readonly count: number }>> = {
  convolutions: { draw: conv, count: 25 },
  'convolutions of many channels': { draw: plainConv, count: 8 },
  'transposed convolutions': { draw: transposedConv, count: 25 },
  'gradients of convolutions': { draw: convGradients, count: 20 },
  'max pools': { draw: maxPool, count: 20 },
  'average pools': { draw: averagePool, count: 20 },
  LSTMs: { draw: lstms, count: 12 },
  GRUs: { draw: grus, count: 12 },
  'matrix products': { draw: products, count: 15 },
  broadcasts: { draw: broadcasting, count: 25 },
  reductions: { draw: reductions, count: 20 },
  layouts: { draw: layouts, count: 30 },
  'pixel shuffles': { draw: shuffles, count: 6 },
  functions: { draw: functions, count: 15 },
  'local response normalisations': { draw: normalisations, count: 6 },
  gradients: { draw: secondOrder, count: 30 },
};

/** The cases of a kind; `seed` gives others. */
export function randomCases(kind: string, seed = 'cases', count = RANDOM_KINDS[kind]!.count): OpCase[] {
  return many(count, (i) => RANDOM_KINDS[kind]!.draw(new Random(`${seed} ${kind} ${i}`)));
}
