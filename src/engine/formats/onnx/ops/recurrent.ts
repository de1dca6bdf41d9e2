/**
 * LSTM and GRU layers. The projection of their input does not depend on the order of steps and is made apart from the rest.
 * Shapes of the format: input [T, N, I], weights [directions, gates * H, ..], states [directions, N, H], result
 * [T, directions, N, H].
 */
import { z } from 'zod';
import type { Value } from '../../../graph/graph.js';
import { concat, sliceAxis } from '../../../ops/layout.js';
import { dense } from '../../../ops/matmul.js';
import { reverse } from '../../../ops/reverse.js';
import { Once, known, type Known } from '../known.js';
import { MixesLanes, invalid, laneAxis, unsupported, view, type Live, type Operand } from '../live.js';
import { GRU_CELL, LSTM_CELL, stepByStep, type Cell, type States } from './cells.js';
import {
  defineOnnxOp,
  extent,
  int,
  knownOf,
  liveOf,
  optionalKnown,
  type BuildContext,
  type NodeFacts,
  type OnnxOp,
} from './definition.js';
import { startOf } from './initial-state.js';

const attributes = z.strictObject({
  activation_alpha: z.array(z.number()).optional(),
  activation_beta: z.array(z.number()).optional(),
  activations: z.array(z.string()).optional(),
  clip: z.number().optional(),
  direction: z.enum(['forward', 'reverse', 'bidirectional']).default('forward'),
  hidden_size: extent.optional(),
  input_forget: int.default(0),
  layout: int.default(0),
  linear_before_reset: int.default(0),
});
type Attributes = z.output<typeof attributes>;

/** Inputs after the weights and biases: lengths of sequences, first states, peepholes. */
const LENGTHS = 4;
const FIRST_HIDDEN = 5;
const FIRST_CELL = 6;
const PEEPHOLES = 7;

function problemOf(cell: Cell, a: Attributes, node: NodeFacts): string | null {
  const usual = cell.activations.join();
  const own = (a.activations ?? []).map((name) => name.charAt(0).toUpperCase() + name.slice(1).toLowerCase());
  for (let i = 0; i < own.length; i += cell.activations.length) {
    const given = own.slice(i, i + cell.activations.length).join();
    if (given !== usual) return `activations ${given}`;
  }
  if (a.clip !== undefined) return 'clip';
  if (a.input_forget !== 0) return 'input_forget';
  if (a.layout !== 0) return 'a layout with the batch first';
  return node.inputs[PEEPHOLES] ? 'peepholes' : null;
}

/** The weights of a layer as the engine has them. */
interface Layer {
  readonly directions: number;
  readonly hidden: number;
  /** Of all directions, [directions * gates * H, I]. */
  readonly input: Known;
  readonly bias: Known | null;
  /** Of each direction, [gates * H, H]. */
  readonly recurrent: readonly Known[];
  /** What the candidate of a GRU adds before its reset, [gates * H]. */
  readonly recurrentBias: readonly (Known | null)[];
}

const layers = new Once<Layer>();

/** The weights of a node; made once, since a model is put into several graphs. The attributes stand for the node. */
const layerOf = (c: BuildContext, cell: Cell, inputs: readonly (Operand | null)[], a: Attributes): Layer =>
  layers.get(a, () => madeLayer(c, cell, inputs, a));

/** Rows of gates [.., gates * H, width] in the engine's order, of each block of that many rows. */
function orderedRows({ budget }: BuildContext, cell: Cell, x: Known, hidden: number, width: number): Known {
  const gates = cell.order.length;
  const blocks = x.data.length / (gates * hidden * width);
  const gate = hidden * width;
  const data = new Float32Array(x.data.length);
  budget.spend(data.length);
  for (let block = 0; block < blocks; block++) {
    cell.order.forEach((from, to) => {
      const [source, target] = [(block * gates + from) * gate, (block * gates + to) * gate];
      data.set(x.data.subarray(source, source + gate), target);
    });
  }
  return { kind: 'float', shape: [blocks * gates * hidden, width], data };
}

function madeLayer(c: BuildContext, cell: Cell, inputs: readonly (Operand | null)[], a: Attributes): Layer {
  const [w, r] = [knownOf(inputs[1], 'weights'), knownOf(inputs[2], 'recurrent weights')];
  const biases = optionalKnown(inputs[3], 'biases');
  const directions = a.direction === 'bidirectional' ? 2 : 1;
  const hidden = r.shape[2] ?? 0;
  const rows = cell.order.length * hidden;
  const [size] = w.shape.slice(2);
  const fits =
    w.shape.join() === [directions, rows, size].join() &&
    r.shape.join() === [directions, rows, hidden].join() &&
    (!biases || biases.shape.join() === [directions, 2 * rows].join()) &&
    (a.hidden_size ?? hidden) === hidden &&
    Math.min(w.data.length, r.data.length) > 0;
  if (!fits) return invalid(`weights [${w.shape.join(', ')}] and [${r.shape.join(', ')}] do not fit together`);
  const each = Array.from({ length: directions }, (_, i) => i);
  const recurrent = orderedRows(c, cell, r, hidden, hidden);
  // Of each direction the biases of the input and those of the state.
  const both = biases && orderedRows(c, cell, biases, hidden, 1).data;
  const apart = (row: number): boolean => a.linear_before_reset !== 0 && row >= 2 * hidden;
  return {
    directions,
    hidden,
    input: orderedRows(c, cell, w, hidden, size!),
    bias:
      both &&
      known(c.budget, 'float', [directions * rows], (i) => {
        const at = Math.floor(i / rows) * 2 * rows + (i % rows);
        return both[at]! + (apart(i % rows) ? 0 : both[at + rows]!);
      }),
    recurrent: each.map((direction) => {
      const size = rows * hidden;
      const data = recurrent.data.subarray(direction * size, (direction + 1) * size);
      return { kind: 'float', shape: [rows, hidden], data };
    }),
    recurrentBias: each.map((direction) =>
      both && a.linear_before_reset !== 0
        ? known(c.budget, 'float', [rows], (row) => (apart(row) ? both[(2 * direction + 1) * rows + row]! : 0))
        : null,
    ),
  };
}

/** x [lanes, .., I] to its gates [lanes, .., directions * gates * H]. */
function projected(c: BuildContext, x: Value, { input, bias }: Layer): Value {
  const weights = c.d.constant(input, `${c.name}.weight`);
  return dense(c.d.b, x, weights, bias && c.d.constant(bias, `${c.name}.bias`));
}

/** How a layer's lanes and its batch lie: [lanes, batch] is what the engine runs side by side. */
interface Sides {
  readonly steps: number;
  /** Extent of the batch in the model, and of the batch of each lane. */
  readonly modelBatch: number;
  readonly batch: number;
  readonly onLanes: boolean;
}

interface Run {
  readonly cell: Cell;
  readonly layer: Layer;
  readonly sides: Sides;
  readonly resetAfter: boolean;
  readonly backwards: (direction: number) => boolean;
}

/** All directions over projected gates [T, lanes * batch, directions * gates * H]. */
function allDirections(
  c: BuildContext,
  run: Run,
  gates: Value,
  inputs: readonly (Operand | null)[],
): (Operand | null)[] {
  const { cell, layer, sides } = run;
  const { b } = c.d;
  const width = cell.order.length * layer.hidden;
  const results = Array.from({ length: layer.directions }, (_, direction): States => {
    const own = sliceAxis(b, gates, 2, direction * width, (direction + 1) * width);
    const ordered = run.backwards(direction) ? reverse(b, own, 0) : own;
    const weights = c.d.constant(layer.recurrent[direction]!, `${c.name}.recurrent${direction}`);
    const apart = layer.recurrentBias[direction];
    const recurrentBias = apart ? c.d.constant(apart, `${c.name}.recurrentBias${direction}`) : null;
    const start = [FIRST_HIDDEN, FIRST_CELL].map((i) =>
      startOf(c, inputs[i] ?? null, ordered, {
        direction,
        directions: layer.directions,
        hidden: layer.hidden,
        batch: sides.batch,
      }),
    );
    const settings = { hidden: layer.hidden, weights, recurrentBias, resetAfter: run.resetAfter };
    return start.some((value) => value !== null)
      ? stepByStep(c, cell, ordered, settings, [start[0] ?? null, start[1] ?? null])
      : cell.run(b, ordered, settings);
  });
  return outputsOf(c, run, results);
}

function outputsOf(c: BuildContext, { layer, sides, backwards }: Run, results: readonly States[]): (Operand | null)[] {
  const { b } = c.d;
  const { steps, modelBatch, batch, onLanes } = sides;
  const row = batch * layer.hidden;
  const joined = (values: readonly Value[]): Value => concat(b, values, values[0]!.shape.length - 1);
  const all = (): Live => {
    const inOrder = results.map(({ hidden }, direction) => (backwards(direction) ? reverse(b, hidden, 0) : hidden));
    const parts = inOrder.map((value) => c.d.reshape(value, [0, -1, row]));
    const shape = [steps, layer.directions, modelBatch, layer.hidden];
    return { shape, lanes: onLanes ? 2 : null, value: c.d.transpose(joined(parts), [1, 0, 2]) };
  };
  // The last step is the first one backwards: that holds for any number of steps.
  const last = (values: readonly Value[]): Live => {
    const ends = values.map((value) => c.d.reshape(sliceAxis(b, reverse(b, value, 0), 0, 0, 1), [-1, row]));
    return { shape: [layer.directions, modelBatch, layer.hidden], lanes: onLanes ? 1 : null, value: joined(ends) };
  };
  const outputs = [
    all,
    () => last(results.map(({ hidden }) => hidden)),
    () => last(results.map(({ cell }) => cell ?? invalid('it has no cell'))),
  ];
  return c.used.map((used, i) => (used ? outputs[i]!() : null));
}

function runOf(cell: Cell, layer: Layer, sides: Sides, a: Attributes): Run {
  return {
    cell,
    layer,
    sides,
    resetAfter: a.linear_before_reset !== 0,
    backwards: (direction) => a.direction === 'reverse' || direction === 1,
  };
}

function checkLengths(inputs: readonly (Operand | null)[], steps: number): void {
  const lengths = optionalKnown(inputs[LENGTHS], 'sequence_lens');
  if (lengths && !lengths.data.every((n) => n === steps)) unsupported('sequences of different lengths');
}

function recurrentOp(cell: Cell, outputs: number): OnnxOp<Attributes> {
  return defineOnnxOp({
    attributes,
    inputs: [3, outputs === 3 ? 8 : 6],
    outputs,
    unsupported: (a, node) => problemOf(cell, a, node),
    build(c, inputs, a) {
      const x = liveOf(inputs[0], 3);
      laneAxis(x, 0);
      laneAxis(x, 2);
      const [steps, modelBatch, size] = x.shape as [number, number, number];
      checkLengths(inputs, steps);
      const layer = layerOf(c, cell, inputs, a);
      if (layer.input.shape[1] !== size) invalid(`weights for ${layer.input.shape[1]} numbers, given ${size}`);
      const onLanes = x.lanes === 1;
      const batch = onLanes ? 1 : modelBatch;
      const rows = projected(c, view(c.d, x, batch === 1 ? [steps, size] : [steps, batch, size]), layer);
      const [first, ...rest] = rows.shape.map((_, i) => i);
      const turned = c.d.transpose(rows, [rest[0]!, first!, ...rest.slice(1)]);
      const gates = c.d.reshape(turned, [0, -1, rows.shape.at(-1)!]);
      const sides: Sides = { steps, modelBatch, batch, onLanes };
      return allDirections(c, runOf(cell, layer, sides, a), gates, inputs);
    },
    recurrent: {
      project(c, x, inputs, a) {
        const [, batch, size] = x.shape as [number, number, number];
        if (batch !== 1) throw new MixesLanes();
        const layer = layerOf(c, cell, inputs, a);
        if (layer.input.shape[1] !== size) invalid(`weights for ${layer.input.shape[1]} numbers, given ${size}`);
        return projected(c, view(c.d, x, [size]), layer);
      },
      steps(c, gates, inputs, a) {
        const steps = gates.shape[0]!;
        checkLengths(inputs, steps);
        const sides: Sides = { steps, modelBatch: 1, batch: 1, onLanes: false };
        return allDirections(c, runOf(cell, layerOf(c, cell, inputs, a), sides, a), gates, inputs);
      },
    },
  });
}

export const recurrentOps = { LSTM: recurrentOp(LSTM_CELL, 3), GRU: recurrentOp(GRU_CELL, 2) };
