/** Small graphs that between them use every op: their gradients and their runs on every runtime are tested. */
import type { GraphBuilder, Value } from '../../src/engine/graph/graph.js';
import { clip, positive, relu, reluGrad } from '../../src/engine/ops/activation.js';
import { batchMatmul } from '../../src/engine/ops/batch-matmul.js';
import { conv2d, convTranspose2d } from '../../src/engine/ops/conv.js';
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
  sigmoid,
  sign,
  sqrt,
  sub,
  tanh,
} from '../../src/engine/ops/elementwise.js';
import { fold, unfold } from '../../src/engine/ops/fold.js';
import { gru } from '../../src/engine/ops/gru.js';
import {
  concat,
  gather,
  pad,
  pixelShuffle,
  reshape,
  sliceAxis,
  takeRows,
  transpose,
} from '../../src/engine/ops/layout.js';
import { lstm } from '../../src/engine/ops/lstm.js';
import { dense, matmul } from '../../src/engine/ops/matmul.js';
import { averagePool2d, maxPool2d, maxPool2dPlace, maxPool2dScatter } from '../../src/engine/ops/pool.js';
import { localResponseNorm, power } from '../../src/engine/ops/power.js';
import { dequantise, quantise } from '../../src/engine/ops/quantise.js';
import { expand, mean, sum } from '../../src/engine/ops/reduce.js';
import { reverse } from '../../src/engine/ops/reverse.js';
import { erf, softplus } from '../../src/engine/ops/smooth.js';
import { logSoftmax, softmax } from '../../src/engine/ops/softmax.js';
import { unroll } from '../../src/engine/ops/unroll.js';

export interface OpCase {
  readonly name: string;
  /** Shapes of the inputs; numbers are drawn from [low, high), kept away from 0 by `gap`. */
  readonly inputs: readonly (readonly number[])[];
  readonly range?: readonly [number, number];
  readonly build: (b: GraphBuilder, inputs: Value[]) => Value;
  /** Not differentiable by design: only the runtimes are compared. */
  readonly forwardOnly?: boolean;
}

const unary = (name: string, f: (b: GraphBuilder, x: Value) => Value, range?: [number, number]): OpCase => ({
  name,
  inputs: [[2, 3, 4]],
  ...(range && { range }),
  build: (b, [x]) => f(b, x!),
});
const binary = (name: string, f: (b: GraphBuilder, x: Value, y: Value) => Value): OpCase[] => [
  {
    name,
    inputs: [
      [2, 3, 4],
      [2, 3, 4],
    ],
    build: (b, [x, y]) => f(b, x!, y!),
  },
  {
    name: `${name}, broadcast`,
    inputs: [
      [2, 1, 4],
      [3, 1],
    ],
    build: (b, [x, y]) => f(b, x!, y!),
  },
];

interface ConvCase {
  readonly x: readonly number[];
  readonly w: readonly number[];
  readonly options?: Parameters<typeof conv2d>[4];
}
const CONVOLUTIONS: readonly ConvCase[] = [
  { x: [2, 3, 5, 6], w: [4, 3, 3, 3], options: { pads: [1, 1, 1, 1] } },
  { x: [1, 2, 7, 7], w: [3, 2, 3, 3], options: { strides: [2, 2], pads: [1, 1, 1, 1] } },
  { x: [1, 2, 8, 7], w: [3, 2, 4, 3], options: { strides: [2, 3], pads: [1, 0, 2, 1] } },
  { x: [2, 4, 6, 6], w: [6, 2, 3, 3], options: { groups: 2, pads: [1, 1, 1, 1] } },
  { x: [1, 4, 7, 7], w: [4, 1, 3, 3], options: { groups: 4, strides: [2, 2] } },
  { x: [1, 2, 8, 8], w: [2, 2, 3, 3], options: { dilations: [2, 2], pads: [2, 2, 2, 2] } },
  { x: [1, 1, 11, 11], w: [2, 1, 5, 5], options: { strides: [4, 4] } },
  { x: [1, 3, 5, 5], w: [2, 3, 1, 1] },
  { x: [2, 16, 3, 4], w: [2, 16, 3, 3], options: { pads: [1, 0, 1, 2] } },
  { x: [1, 2, 3, 3], w: [2, 2, 1, 1], options: { pads: [1, 1, 1, 1] } },
];
const conv: OpCase[] = CONVOLUTIONS.map(({ x, w, options }) => ({
  name: `conv2d ${x} * ${w} ${JSON.stringify(options ?? {})}`,
  inputs: [x, w, [w[0]!]],
  build: (b, [xv, wv, bias]) => conv2d(b, xv!, wv!, bias!, options),
}));
const transposedConv: OpCase[] = [
  { x: [1, 3, 4, 4], w: [3, 2, 4, 4], options: { strides: [2, 2], pads: [1, 1, 1, 1] } },
  { x: [2, 3, 4, 5], w: [3, 2, 3, 3], options: { pads: [1, 1, 1, 1] } },
  { x: [1, 4, 3, 3], w: [4, 2, 3, 3], options: { strides: [2, 2], groups: 2 } },
  { x: [1, 2, 3, 3], w: [2, 2, 3, 3], options: { dilations: [2, 1], strides: [1, 2] } },
  { x: [1, 2, 3, 3], w: [2, 2, 3, 3], options: { strides: [2, 2], pads: [1, 1, 1, 1], size: [6, 6] } },
].map(({ x, w, options }) => ({
  name: `convTranspose2d ${x} * ${w} ${JSON.stringify(options)}`,
  inputs: [x, w, [w[1]! * ((options as { groups?: number }).groups ?? 1)]],
  build: (b, [xv, wv, bias]) => convTranspose2d(b, xv!, wv!, { ...options, bias: bias! }),
}));

const POOLS: readonly Parameters<typeof maxPool2d>[2][] = [
  { kernel: [2, 2] },
  { kernel: [3, 3], strides: [2, 2] },
  { kernel: [3, 3], strides: [2, 2], ceil: true },
  { kernel: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1], ceil: true },
  { kernel: [3, 2], strides: [1, 2], pads: [1, 0, 1, 0] },
];
const pools: OpCase[] = POOLS.flatMap((options) => [
  {
    name: `maxPool2d ${JSON.stringify(options)}`,
    inputs: [[2, 2, 6, 7]],
    build: (b, [x]) => maxPool2d(b, x!, options),
  },
  {
    name: `maxPool2d of a rectifier ${JSON.stringify(options)}`,
    inputs: [[2, 2, 6, 7]],
    build: (b, [x]) => maxPool2d(b, relu(b, x!, 0.3), options),
  },
  {
    name: `places of maxima ${JSON.stringify(options)}`,
    inputs: [[2, 2, 6, 7]],
    build: (b, [x]) => maxPool2dPlace(b, x!, options),
    forwardOnly: true,
  },
  {
    name: `gradients sent to places of maxima ${JSON.stringify(options)}`,
    inputs: [[2, 3, 6, 7]],
    build: (b, [x]) => maxPool2dScatter(b, maxPool2dPlace(b, x!, options), maxPool2d(b, x!, options), x!, options),
    forwardOnly: true,
  },
  ...(['input', 'padded', 'kernel'] as const).map((divisor): OpCase => ({
    name: `averagePool2d ${JSON.stringify(options)} over ${divisor}`,
    inputs: [[1, 2, 6, 7]],
    build: (b, [x]) => averagePool2d(b, x!, { ...options, divisor }),
  })),
]);

export const OP_CASES: readonly OpCase[] = [
  ...binary('add', add),
  ...binary('sub', sub),
  ...binary('mul', mul),
  ...binary('div', div),
  ...binary('max', max),
  ...binary('min', min),
  ...binary('notLess', (b, x, y) => mul(b, notLess(b, x, y), x)),
  ...binary('pow', pow).map((test): OpCase => ({ ...test, range: [0.5, 2] })),
  unary('neg', neg),
  unary('exp', exp),
  unary('log', log, [0.5, 2]),
  unary('sqrt', sqrt, [0.5, 2]),
  unary('abs', abs),
  unary('sign', (b, x) => mul(b, sign(b, x), x)),
  unary('floor', (b, x) => mul(b, floor(b, x), x), [-2.51, 2.47]),
  unary('tanh', tanh),
  unary('sigmoid', sigmoid),
  unary('softplus', softplus, [-4, 4]),
  unary('erf', erf, [-3, 3]),
  unary('relu', relu),
  unary('leaky relu', (b, x) => relu(b, x, 0.3)),
  {
    ...unary('positive', positive),
    forwardOnly: true,
  },
  ...[0, 0.3].map((slope): OpCase => ({
    ...unary(`gradient of a rectifier of slope ${slope} from the bytes of its output's sign`, (b, x) =>
      reluGrad(b, mul(b, x, x), positive(b, x), slope),
    ),
    forwardOnly: true,
  })),
  unary('clip', (b, x) => clip(b, x, -0.6, 0.7)),
  ...[-0.75, 0.5, 2, 3, -1, 1.3, 0.25].map((p) => unary(`power ${p}`, (b, x) => power(b, x, p), [0.5, 2])),
  unary('sum of all', (b, x) => sum(b, x)),
  unary('sum over axes', (b, x) => sum(b, x, [0, -1], false)),
  unary('mean', (b, x) => mean(b, x, [1])),
  { name: 'expand', inputs: [[2, 1, 3]], build: (b, [x]) => expand(b, x!, [4, 2, 5, 3]) },
  unary('reshape', (b, x) => reshape(b, x, [0, -1])),
  unary('transpose', (b, x) => transpose(b, x, [2, 0, 1])),
  unary('slice', (b, x) => sliceAxis(b, x, 1, 1, 3)),
  unary('pad', (b, x) => pad(b, x, [1, 0, 2], [0, 1, 1])),
  {
    name: 'concat',
    inputs: [
      [2, 3],
      [2, 1],
      [2, 2],
    ],
    build: (b, xs) => concat(b, xs, 1),
  },
  unary('reverse', (b, x) => reverse(b, x, 1)),
  unary('gather', (b, x) => gather(b, x, [1, 0, 1, 1])),
  {
    name: 'fold and unfold',
    inputs: [
      [2, 3, 4],
      [5, 4],
    ],
    build: (b, [x, w]) => unfold(b, dense(b, fold(b, x!), w!, null), x!),
  },
  unary('gather along an axis', (b, x) => gather(b, x, [2, 0, 0, 1], 1)),
  { name: 'pixelShuffle', inputs: [[2, 8, 3, 2]], build: (b, [x]) => pixelShuffle(b, x!, 2) },
  ...[
    { x: [3, 4], y: [4, 5], options: {} },
    { x: [4, 3], y: [4, 5], options: { transA: true } },
    { x: [3, 4], y: [5, 4], options: { transB: true } },
    { x: [4, 3], y: [5, 4], options: { transA: true, transB: true } },
  ].map(({ x, y, options }): OpCase => ({
    name: `matmul ${JSON.stringify(options)}`,
    inputs: [x, y],
    build: (b, [xv, yv]) => matmul(b, xv!, yv!, options),
  })),
  {
    name: 'batchMatmul',
    inputs: [
      [3, 2, 4],
      [3, 4, 5],
    ],
    build: (b, [x, y]) => batchMatmul(b, x!, y!),
  },
  { name: 'dense', inputs: [[3, 4], [5, 4], [5]], build: (b, [x, w, bias]) => dense(b, x!, w!, bias!) },
  {
    name: 'dense over leading axes',
    inputs: [[2, 3, 4], [5, 4], [5]],
    build: (b, [x, w, bias]) => dense(b, x!, w!, bias!),
  },
  unary('softmax', softmax),
  unary('logSoftmax', logSoftmax),
  ...conv,
  ...transposedConv,
  ...pools,
  {
    name: 'local response normalisation',
    inputs: [[1, 7, 2, 3]],
    build: (b, [x]) => localResponseNorm(b, x!, { size: 5, alpha: 1, beta: 0.75 }),
  },
  {
    name: 'lstm',
    inputs: [
      [5, 2, 12],
      [12, 3],
    ],
    build: (b, [x, w]) => lstm(b, x!, w!).hidden,
  },
  {
    name: 'lstm of one step',
    inputs: [
      [1, 2, 12],
      [12, 3],
    ],
    build: (b, [x, w]) => lstm(b, x!, w!).hidden,
  },
  {
    name: 'lstm with its cell',
    inputs: [
      [4, 1, 8],
      [8, 2],
    ],
    build: (b, [x, w]) => {
      const { hidden, cell } = lstm(b, x!, w!);
      return add(b, hidden, mul(b, cell, cell));
    },
  },
  {
    name: 'lstm with markers',
    inputs: [
      [5, 2, 8],
      [8, 2],
    ],
    build: (b, [x, w]) => lstm(b, x!, w!, b.constant([0, 0, 1, 1, 0, 1, 1, 1, 1, 0], [5, 2, 1])).hidden,
  },
  {
    name: 'rows taken by numbers',
    inputs: [[4, 3]],
    build: (b, [x]) => takeRows(b, x!, b.constant([2, 0, 2, 3, 1], [5])),
    forwardOnly: true,
  },
  {
    name: 'a recurrence written out',
    inputs: [
      [4, 2, 3],
      [3, 3],
    ],
    build: (b, [x, w]) =>
      unroll(b, x!, (now, states) => [tanh(b, states ? add(b, now, matmul(b, states[0]!, w!)) : now)]),
  },
  ...[false, true].flatMap((resetAfter): OpCase[] => [
    {
      name: `gru, resetAfter ${resetAfter}`,
      inputs: [[5, 2, 9], [9, 3], [9]],
      build: (b, [x, w, bias]) => gru(b, x!, w!, bias!, { resetAfter }),
    },
    {
      name: `gru of one step without recurrent bias, resetAfter ${resetAfter}`,
      inputs: [
        [1, 2, 6],
        [6, 2],
      ],
      build: (b, [x, w]) => gru(b, x!, w!, null, { resetAfter }),
    },
  ]),
  { ...unary('quantise', (b, x) => quantise(b, x, 127.5, 127.5)), forwardOnly: true },
  {
    ...unary('dequantise', (b, x) => dequantise(b, quantise(b, x, 10, 30), 0.5, -3)),
    forwardOnly: true,
  },
  // Gradients of gradients: the ops that backward passes are made of are differentiable themselves.
  {
    name: 'a convolution of a transposed convolution',
    inputs: [
      [1, 2, 5, 5],
      [3, 2, 3, 3],
    ],
    build: (b, [x, w]) => {
      const y = conv2d(b, x!, w!, null, { strides: [2, 2], pads: [1, 1, 1, 1] });
      return convTranspose2d(b, y, w!, { strides: [2, 2], pads: [1, 1, 1, 1], size: [5, 5] });
    },
  },
];
