/**
 * The cells of recurrent layers over vectors. What is common (tanh and sigmoid) is an op of the engine; with other
 * activations a cell is written out step by step.
 */
import { z } from 'zod';
import type { Value } from '../../../graph/graph.js';
import { add, mul, sub } from '../../../ops/elementwise.js';
import { gru } from '../../../ops/gru.js';
import { sliceAxis } from '../../../ops/layout.js';
import { lstm } from '../../../ops/lstm.js';
import { matmul } from '../../../ops/matmul.js';
import { unroll } from '../../../ops/unroll.js';
import { activationNamed } from '../activations.js';
import { channels } from '../schema.js';
import { denseKernel, type KerasTensor } from '../tensor.js';
import { denseAlong } from './core.js';
import { layerInvalid, type LayerContext } from './definition.js';

const flag = z.boolean().default(false);

/** What all recurrent layers have in their configuration. */
export const recurrentConfig = {
  activation: z.unknown().optional(),
  recurrent_activation: z.unknown().optional(),
  use_bias: z.boolean().default(true),
  return_sequences: flag,
  return_state: flag,
  go_backwards: flag,
  time_major: flag,
};
export type RecurrentConfig = z.output<z.ZodObject<typeof recurrentConfig>>;

/** A kind of recurrent layer: how a sequence's hidden states follow from what was projected. */
export interface Cell<C extends RecurrentConfig> {
  readonly config: z.ZodType<C>;
  /** Whether it has gates with an activation of their own. */
  readonly gated: boolean;
  readonly unsupported?: (config: C) => string | null;
  project(c: LayerContext, x: KerasTensor, config: C): KerasTensor;
  /** Number of channels that `project` gives. */
  readonly width: (config: C) => number;
  /** Hidden states [T, N, ...] in the order of the projected steps. */
  states(c: LayerContext, projected: Value, config: C): Value;
  /** Whether the states of sequences of any length come from one graph. */
  readonly anyLength: (config: C) => boolean;
}

/** An activation of a cell's state or gates, on channels-first tensors. */
export function cellActivation(c: LayerContext, name: unknown): (x: Value) => Value {
  const named = activationNamed(String(name))!;
  return (x) => named(c.b, { value: x, shape: [...x.shape.slice(2), x.shape[1]!] }).value;
}

const unitsConfig = z.looseObject({ ...recurrentConfig, units: channels });
type UnitsConfig = z.output<typeof unitsConfig>;

function vector(x: KerasTensor): KerasTensor {
  if (x.shape.length !== 1) layerInvalid(`it takes a vector at each step, not [${x.shape.join(', ')}]`);
  return x;
}

/** The recurrent kernel [H, G] as the engine has it, [G, H]. */
function recurrentKernel(c: LayerContext, gates: Value, units: number, order: readonly number[]): Value {
  const square: KerasTensor = { value: gates, shape: [units] };
  const { data, shape } = denseKernel(c.weight('recurrent_kernel', [units, order.length * units]), square, order);
  return c.constant('recurrent', data, shape);
}

/** One step of an LSTM. `product` is what the state adds to the gates i, f, g, o along axis 1. */
export function lstmStep(
  c: LayerContext,
  { activation, recurrent_activation }: RecurrentConfig,
  product: (h: Value) => Value,
): (x: Value, states: readonly Value[] | null) => readonly Value[] {
  const { b } = c;
  const [squash, gate] = [cellActivation(c, activation), cellActivation(c, recurrent_activation)];
  return (x, states) => {
    const pre = states ? add(b, x, product(states[0]!)) : x;
    const width = pre.shape[1]! / 4;
    const part = (k: number): Value => sliceAxis(b, pre, 1, k * width, (k + 1) * width);
    const fresh = mul(b, gate(part(0)), squash(part(2)));
    const cell = states ? add(b, mul(b, gate(part(1)), states[1]!), fresh) : fresh;
    return [mul(b, gate(part(3)), squash(cell)), cell];
  };
}

/** Gates i, f, c, o of Keras in the order of the engine's op, i, f, o, g. */
const FAST_LSTM = [0, 1, 3, 2];
const PLAIN_LSTM = [0, 1, 2, 3];
/** Whether a cell is the common one, which an op of the engine runs. */
const common = ({ activation, recurrent_activation }: RecurrentConfig): boolean =>
  activation === 'tanh' && recurrent_activation === 'sigmoid';
const lstmOrder = (config: RecurrentConfig): readonly number[] => (common(config) ? FAST_LSTM : PLAIN_LSTM);

export const lstmCell: Cell<UnitsConfig> = {
  config: unitsConfig,
  gated: true,
  project: (c, x, config) =>
    denseAlong(c, vector(x), {
      units: 4 * config.units,
      bias: config.use_bias ? c.weight('bias', [4 * config.units]) : null,
      blocks: lstmOrder(config),
    }),
  width: ({ units }) => 4 * units,
  states(c, gates, config) {
    const weights = recurrentKernel(c, gates, config.units, lstmOrder(config));
    if (common(config)) return lstm(c.b, gates, weights).hidden;
    return unroll(
      c.b,
      gates,
      lstmStep(c, config, (h) => matmul(c.b, h, weights, { transB: true })),
    );
  },
  anyLength: common,
};

const gruConfig = z.looseObject({ ...recurrentConfig, units: channels, reset_after: z.boolean().default(false) });
type GruConfig = z.output<typeof gruConfig>;

/** The bias of the input; where the reset comes after the product, followed by that of the state. */
const gruBias = (c: LayerContext, { units, use_bias, reset_after }: GruConfig): Float32Array | null =>
  use_bias ? c.weight('bias', reset_after ? [2, 3 * units] : [3 * units]) : null;

/** One step of a GRU on gates in the order z, r, h; see `src/engine/ops/gru.ts` for the formulas. */
function gruStep(
  c: LayerContext,
  { activation, recurrent_activation, units, reset_after }: GruConfig,
  weights: Value,
  bias: Value | null,
): (x: Value, states: readonly Value[] | null) => readonly Value[] {
  const { b } = c;
  const [squash, gate] = [cellActivation(c, activation), cellActivation(c, recurrent_activation)];
  const part = (x: Value, axis: number, from: number, to: number): Value =>
    sliceAxis(b, x, axis, from * units, to * units);
  const times = (h: Value, from: number, to: number): Value => {
    const product = matmul(b, h, part(weights, 0, from, to), { transB: true });
    return bias ? add(b, product, part(bias, 0, from, to)) : product;
  };
  return (x, states) => {
    // A state of zero still has its bias.
    const h = states?.[0] ?? mul(b, part(x, 1, 0, 1), b.scalar(0));
    const [z, r] = [0, 1].map((k) => gate(add(b, part(x, 1, k, k + 1), times(h, k, k + 1)))) as [Value, Value];
    const recurrent = reset_after ? mul(b, r, times(h, 2, 3)) : times(mul(b, r, h), 2, 3);
    const u = squash(add(b, part(x, 1, 2, 3), recurrent));
    return [add(b, u, mul(b, z, sub(b, h, u)))];
  };
}

export const gruCell: Cell<GruConfig> = {
  config: gruConfig,
  gated: true,
  project(c, x, config) {
    const bias = gruBias(c, config)?.slice(0, 3 * config.units) ?? null;
    return denseAlong(c, vector(x), { units: 3 * config.units, bias });
  },
  width: ({ units }) => 3 * units,
  states(c, gates, config) {
    const { units, reset_after: resetAfter } = config;
    const weights = recurrentKernel(c, gates, units, [0, 1, 2]);
    const second = resetAfter ? gruBias(c, config)?.slice(3 * units) : undefined;
    const bias = second ? c.constant('recurrent_bias', second, [3 * units]) : null;
    if (common(config)) return gru(c.b, gates, weights, bias, { resetAfter });
    return unroll(c.b, gates, gruStep(c, config, weights, bias));
  },
  anyLength: common,
};

export const simpleCell: Cell<UnitsConfig> = {
  config: unitsConfig,
  gated: false,
  project: (c, x, { units, use_bias }) =>
    denseAlong(c, vector(x), { units, bias: use_bias ? c.weight('bias', [units]) : null }),
  width: ({ units }) => units,
  states(c, projected, { units, activation }) {
    const weights = recurrentKernel(c, projected, units, [0]);
    const squash = cellActivation(c, activation);
    return unroll(c.b, projected, (x, states) => [
      squash(states ? add(c.b, x, matmul(c.b, states[0]!, weights, { transB: true })) : x),
    ]);
  },
  anyLength: () => false,
};
