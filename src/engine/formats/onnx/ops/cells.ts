/** The cells of recurrent layers: run by the engine's own ops, or step by step where they start from a given state. */
import type { GraphBuilder, Value } from '../../../graph/graph.js';
import { add, mul, sigmoid, sub, tanh } from '../../../ops/elementwise.js';
import { gru } from '../../../ops/gru.js';
import { concat, sliceAxis } from '../../../ops/layout.js';
import { lstm } from '../../../ops/lstm.js';
import { matmul } from '../../../ops/matmul.js';
import { unsupported } from '../live.js';
import type { BuildContext } from './definition.js';

/** Most steps that are put into a graph one by one. */
const MAX_STEPS = 512;

export interface CellSettings {
  readonly hidden: number;
  /** [gates * H, H] */
  readonly weights: Value;
  /** Added to the product with the state, [gates * H]; null where the projection holds it. */
  readonly recurrentBias: Value | null;
  /** Whether a GRU resets after the product with the state. */
  readonly resetAfter: boolean;
}

/** States after each step, [T, lanes, H], in the order in which they were computed. */
export interface States {
  readonly hidden: Value;
  readonly cell: Value | null;
}

export interface Cell {
  /** Activations that the cell has, as the format names them. */
  readonly activations: readonly string[];
  /** Gates of the engine, as numbers of those of the format. */
  readonly order: readonly number[];
  /** From a state of zero, over projected gates [T, lanes, gates * H]. */
  run(b: GraphBuilder, gates: Value, settings: CellSettings): States;
  /** One step from gates [lanes, gates * H] and states [lanes, H]. */
  step(b: GraphBuilder, gates: Value, settings: CellSettings, hidden: Value, cell: Value): [hidden: Value, cell: Value];
}

/** Gate number i of [lanes, gates * H]. */
const gateOf = (b: GraphBuilder, x: Value, i: number, width: number): Value =>
  sliceAxis(b, x, 1, i * width, (i + 1) * width);

/** Gates i, o, f, c of the format; i, f, o, g of the engine. */
export const LSTM_CELL: Cell = {
  activations: ['Sigmoid', 'Tanh', 'Tanh'],
  order: [0, 2, 1, 3],
  run: (b, gates, { weights }) => lstm(b, gates, weights),
  step(b, gates, { hidden: width, weights }, hidden, cell) {
    const all = add(b, gates, matmul(b, hidden, weights, { transB: true }));
    const [i, f, o] = [0, 1, 2].map((k) => sigmoid(b, gateOf(b, all, k, width))) as [Value, Value, Value];
    const next = add(b, mul(b, f, cell), mul(b, i, tanh(b, gateOf(b, all, 3, width))));
    return [mul(b, o, tanh(b, next)), next];
  },
};

/** Gates z, r, h of both. */
export const GRU_CELL: Cell = {
  activations: ['Sigmoid', 'Tanh'],
  order: [0, 1, 2],
  run: (b, gates, { weights, recurrentBias, resetAfter }) => ({
    hidden: gru(b, gates, weights, recurrentBias, { resetAfter }),
    cell: null,
  }),
  step(b, gates, { hidden: width, weights, recurrentBias, resetAfter }, hidden, cell) {
    const product = (x: Value): Value => {
      const y = matmul(b, x, weights, { transB: true });
      return recurrentBias ? add(b, y, recurrentBias) : y;
    };
    const all = product(hidden);
    const gate = (k: number): Value => sigmoid(b, add(b, gateOf(b, gates, k, width), gateOf(b, all, k, width)));
    const [z, r] = [gate(0), gate(1)];
    const before = resetAfter ? mul(b, r, gateOf(b, all, 2, width)) : gateOf(b, product(mul(b, r, hidden)), 2, width);
    const candidate = tanh(b, add(b, gateOf(b, gates, 2, width), before));
    return [add(b, candidate, mul(b, z, sub(b, hidden, candidate))), cell];
  },
};

/** From given states, [lanes, H]; a missing one is zero. */
export function stepByStep(
  { d }: BuildContext,
  cell: Cell,
  gates: Value,
  settings: CellSettings,
  [firstHidden, firstCell]: readonly [Value | null, Value | null],
): States {
  const { b } = d;
  const [steps, , width] = gates.shape as [number, number, number];
  if (steps > MAX_STEPS) unsupported(`${steps} steps from a state that is not zero`);
  const at = (t: number): Value => d.reshape(sliceAxis(b, gates, 0, t, t + 1), [-1, width]);
  const zero = mul(b, sliceAxis(b, at(0), 1, 0, settings.hidden), b.scalar(0));
  let [hidden, state] = [firstHidden ?? zero, firstCell ?? zero];
  const all: { hidden: Value[]; cell: Value[] } = { hidden: [], cell: [] };
  for (let t = 0; t < steps; t++) {
    [hidden, state] = cell.step(b, at(t), settings, hidden, state);
    all.hidden.push(hidden);
    all.cell.push(state);
  }
  const stacked = (values: readonly Value[]): Value =>
    concat(
      b,
      values.map((value) => d.reshape(value, [1, -1, settings.hidden])),
      0,
    );
  return { hidden: stacked(all.hidden), cell: stacked(all.cell) };
}
