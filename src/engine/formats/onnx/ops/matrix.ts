/** Matrix products: with weights, or of what is computed. */
import { z } from 'zod';
import { broadcastShape, sizeOf } from '../../../graph/shape.js';
import type { Value } from '../../../graph/graph.js';
import { batchMatmul } from '../../../ops/batch-matmul.js';
import { add, mul } from '../../../ops/elementwise.js';
import { dense, matmul } from '../../../ops/matmul.js';
import { Once, broadcast, known, mapped, transposed, type Known } from '../known.js';
import {
  MixesLanes,
  commonLanes,
  invalid,
  isLive,
  laneAxis,
  laneShape,
  moved,
  reread,
  spread,
  view,
  type Live,
  type Operand,
} from '../live.js';
import { defineOnnxOp, flag, none, type BuildContext, type FoldContext } from './definition.js';
import { applied, pair } from './elementwise.js';
import { zerosAlong } from './shape.js';

/** Multiply-accumulates that count as one number of the budget. */
const MACS_A_NUMBER = 8;

/** A matrix and whether it is meant with its axes exchanged. */
interface Factor<T> {
  readonly matrix: T;
  readonly turned: boolean;
}

/** x [.., K] times weights [K, N], or [N, K] turned, along the last axis. */
function timesWeights(c: BuildContext, x: Live, { matrix, turned }: Factor<Known>): Live {
  const { d } = c;
  const last = x.shape.length - 1;
  const [n, k] = (turned ? matrix.shape : [...matrix.shape].reverse()) as [number, number];
  laneAxis(x, last);
  if (x.shape[last] !== k) invalid(`rows of ${x.shape[last]} times weights for rows of ${k}`);
  const rows = sizeOf(laneShape(x)) / k;
  const wanted = `${c.name}.weight`;
  const result = (value: Value): Live => ({ shape: x.shape.with(last, n), lanes: x.lanes, value });
  if (rows === 1) return result(matmul(d.b, view(d, x, [k]), d.constant(matrix, wanted), { transB: turned }));
  // Rows stay an axis of their own, so that their number stays open where it is that of an open time.
  const weights = d.constant(turned ? matrix : transposedOnce(c, matrix), wanted);
  return result(dense(d.b, view(d, x, [rows, k]), weights, null));
}

const turnedWeights = new Once<Map<string, Known>>();

/** The transpose of weights; the same numbers each time, so that they are stored once. */
function transposedOnce(c: FoldContext, weights: Known): Known {
  const byShape = turnedWeights.get(weights.data, () => new Map<string, Known>());
  const key = weights.shape.join();
  const { kind, shape, data } = byShape.get(key) ?? transposed(c.budget, weights, [1, 0]);
  const turned: Known = { kind, shape, data };
  byShape.set(key, turned);
  return turned;
}

const swapLast = (rank: number): number[] => [...Array.from({ length: rank - 2 }, (_, i) => i), rank - 1, rank - 2];

/** A product of two live tensors of two axes or more; axes before the last two broadcast. */
function liveProduct(c: BuildContext, x: Live, y: Live): Live {
  const batch = broadcastShape(x.shape.slice(0, -2), y.shape.slice(0, -2), 'it');
  const [m, k] = x.shape.slice(-2) as [number, number];
  const [l, n] = y.shape.slice(-2) as [number, number];
  if (k !== l) invalid(`[${x.shape.join(', ')}] times [${y.shape.join(', ')}]`);
  for (const z of [x, y]) [1, 2].forEach((i) => laneAxis(z, z.shape.length - i));
  const lanes = commonLanes([x, y], batch.length + 2);
  const matrices = (z: Live, rows: number, columns: number): Value => {
    const shape = [...batch, rows, columns];
    const full = sizeOf(shape) === sizeOf(z.shape) ? z : pair(c, z, zerosAlong(c, z.shape, shape), add);
    return view(c.d, full, [rows, columns]);
  };
  return { shape: [...batch, m, n], lanes, value: batchMatmul(c.d.b, matrices(x, m, k), matrices(y, k, n)) };
}

/** Constants beside a live tensor, the same in every lane. */
function madeLive(c: BuildContext, x: Operand, like: Live): Live {
  if (isLive(x)) return x;
  const constant = (shape: readonly number[]): Value => c.d.constant(x, `${c.name}.constant`, shape);
  if (like.lanes === null) return { shape: x.shape, lanes: null, value: spread(c.d, constant(x.shape), like) };
  const rank = Math.max(x.shape.length, like.shape.length);
  const lanes = like.lanes + rank - like.shape.length;
  const full = [...new Array<number>(rank - x.shape.length).fill(1), ...x.shape];
  if (full[lanes] !== 1) throw new MixesLanes();
  const own = full.filter((_, i) => i !== lanes);
  return { shape: full.with(lanes, like.shape[like.lanes]!), lanes, value: spread(c.d, constant(own), like) };
}

/** A product of two operands of two axes or more, one of which at least is live. */
function product(c: BuildContext, x: Operand, { matrix: y, turned }: Factor<Operand>): Live {
  if (isLive(x) && !isLive(y) && y.shape.length === 2) return timesWeights(c, x, { matrix: y, turned });
  const right = turned ? exchanged(c, y) : y;
  if (!isLive(x) && isLive(right) && x.shape.length === 2) {
    // (A B)^T = B^T A^T
    const rows = moved(c.d, right, swapLast(right.shape.length));
    const result = timesWeights(c, rows, { matrix: x, turned: true });
    return moved(c.d, result, swapLast(result.shape.length));
  }
  const like = isLive(x) ? x : (right as Live);
  return liveProduct(c, madeLive(c, x, like), madeLive(c, right, like));
}

const exchanged = (c: BuildContext, x: Operand): Operand => (isLive(x) ? moved(c.d, x, [1, 0]) : transposedOnce(c, x));

function foldedProduct({ budget }: FoldContext, x: Known, y: Known): Known {
  const [m, k] = x.shape.slice(-2) as [number, number];
  const [l, n] = y.shape.slice(-2) as [number, number];
  if (k !== l) invalid(`[${x.shape.join(', ')}] times [${y.shape.join(', ')}]`);
  const batch = broadcastShape(x.shape.slice(0, -2), y.shape.slice(0, -2), 'it');
  const a = broadcast(budget, x, [...batch, m, k]);
  const b = broadcast(budget, y, [...batch, k, n]);
  budget.spend((sizeOf(batch) * m * n * k) / MACS_A_NUMBER);
  return known(budget, x.kind, [...batch, m, n], (i) => {
    const [row, column] = [Math.floor(i / n), i % n];
    const at = Math.floor(row / m) * k * n + column;
    let total = 0;
    for (let p = 0; p < k; p++) total += a.data[row * k + p]! * b.data[at + p * n]!;
    return total;
  });
}

/** Vectors are matrices of one row, or of one column, for the time of the product. */
function asMatrices(x: Operand, y: Operand): { x: Operand; y: Operand; shape: (full: readonly number[]) => number[] } {
  if (x.shape.length === 0 || y.shape.length === 0) invalid('it takes no single numbers');
  const [row, column] = [x.shape.length === 1, y.shape.length === 1];
  const grow = (z: Operand, shape: readonly number[]): Operand => (isLive(z) ? reread(z, shape) : { ...z, shape });
  return {
    x: row ? grow(x, [1, ...x.shape]) : x,
    y: column ? grow(y, [...y.shape, 1]) : y,
    shape: (full) => full.filter((_, i) => !(row && i === full.length - 2) && !(column && i === full.length - 1)),
  };
}

const MatMul = defineOnnxOp({
  attributes: none,
  inputs: [2, 2],
  fold(c, [p, q]) {
    const { x, y, shape } = asMatrices(p!, q!);
    const result = foldedProduct(c, x as Known, y as Known);
    return [{ ...result, shape: shape(result.shape) }];
  },
  build(c, [p, q]) {
    const { x, y, shape } = asMatrices(p!, q!);
    const result = product(c, x, { matrix: y, turned: false });
    return [reread(result, shape(result.shape))];
  },
});

const gemmAttributes = z.strictObject({
  alpha: z.number().default(1),
  beta: z.number().default(1),
  transA: flag.default(false),
  transB: flag.default(false),
});

/** An operand times a number. */
function times(c: BuildContext, x: Operand, factor: number): Operand {
  if (factor === 1) return x;
  if (!isLive(x)) return mapped(c.budget, x, (v) => v * factor);
  return applied(x, (v) => mul(c.d.b, v, c.d.b.scalar(factor)));
}

/** alpha A B + beta C, with either factor transposed. */
const Gemm = defineOnnxOp({
  attributes: gemmAttributes,
  inputs: [2, 3],
  build(c, [x, y, bias], { alpha, beta, transA, transB }) {
    if (x!.shape.length !== 2 || y!.shape.length !== 2) invalid('it takes matrices');
    const left = transA ? exchanged(c, x!) : x!;
    const scaled = times(c, product(c, left, { matrix: y!, turned: transB }), alpha);
    if (!bias || beta === 0) return [scaled];
    return [pair({ ...c, name: `${c.name}.bias` }, scaled, times(c, bias, beta), add)];
  },
});

export const matrixOps = { MatMul, Gemm };
