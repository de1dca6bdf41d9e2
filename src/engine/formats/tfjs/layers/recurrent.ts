/** Recurrent layers. Their input's projection does not depend on the order of steps and is made apart from the rest. */
import { z } from 'zod';
import type { Value } from '../../../graph/graph.js';
import { add, mul } from '../../../ops/elementwise.js';
import { concat, reshape, sliceAxis, transpose } from '../../../ops/layout.js';
import { lstm } from '../../../ops/lstm.js';
import { reverse } from '../../../ops/reverse.js';
import { channels } from '../schema.js';
import { denseKernel, inKerasOrder, type KerasTensor } from '../tensor.js';
import { denseAlong } from './core.js';
import { defineLayer, one, type LayerContext, type LayerType, type RecurrentRule } from './definition.js';

/** Gates i, f, c, o of Keras in the engine's order i, f, o, g. */
const GATES = [0, 1, 3, 2];

const lstmConfig = z.looseObject({
  units: channels,
  activation: z.unknown().optional(),
  recurrent_activation: z.unknown().optional(),
  use_bias: z.boolean().default(true),
  return_sequences: z.boolean().default(false),
  return_state: z.boolean().default(false),
  go_backwards: z.boolean().default(false),
  time_major: z.boolean().default(false),
});
type LstmConfig = z.output<typeof lstmConfig>;

function lstmProblem(config: LstmConfig): string | null {
  if (config.activation !== 'tanh') return `activation ${JSON.stringify(config.activation)}`;
  if (config.recurrent_activation !== 'sigmoid') {
    return `recurrent_activation ${JSON.stringify(config.recurrent_activation)}`;
  }
  if (config.return_state) return 'return_state';
  return config.time_major ? 'time_major' : null;
}

/** All hidden states [T, N, H], in the order in which they were computed. */
function hiddenStates(c: LayerContext, gates: Value, { units, go_backwards }: LstmConfig): Value {
  const square: KerasTensor = { value: gates, shape: [units] };
  const { data, shape } = denseKernel(c.weight('recurrent_kernel', [units, 4 * units]), square, GATES);
  const ordered = go_backwards ? reverse(c.b, gates, 0) : gates;
  return lstm(c.b, ordered, c.constant('recurrent', data, shape)).hidden;
}

/** Hidden states [T, N, H] as Keras gives them out: all, or the last one. */
function given(c: LayerContext, hidden: Value, all: boolean): KerasTensor {
  const [steps, , units] = hidden.shape as [number, number, number];
  if (all) return { value: transpose(c.b, hidden, [1, 2, 0]), shape: [steps, units] };
  // The last step is the first one backwards: that holds for any number of steps.
  const last = sliceAxis(c.b, reverse(c.b, hidden, 0), 0, 0, 1);
  return { value: reshape(c.b, last, [-1, units]), shape: [units] };
}

const projectLstm = (c: LayerContext, x: KerasTensor, { units, use_bias }: LstmConfig): KerasTensor =>
  denseAlong(c, x, { units: 4 * units, useBias: use_bias, blocks: GATES });

/** A recurrent layer that is given a whole sequence projects it first. */
function recurrentLayer<C>(
  config: z.ZodType<C>,
  unsupported: (config: C) => string | null,
  rule: RecurrentRule<C>,
): LayerType<C> {
  return defineLayer<C>({
    config,
    unsupported,
    recurrent: rule,
    build(c, inputs, settings) {
      const projected = rule.project(c, inKerasOrder(c.b, one(inputs, 2)), settings);
      return rule.steps(c, transpose(c.b, projected.value, [2, 0, 1]), settings);
    },
  });
}

const LSTM = recurrentLayer(lstmConfig, lstmProblem, {
  project: projectLstm,
  steps: (c, gates, config) => given(c, hiddenStates(c, gates, config), config.return_sequences),
});

const bidirectionalConfig = z.looseObject({
  layer: z.looseObject({
    class_name: z.string(),
    config: z.intersection(lstmConfig, z.looseObject({ name: z.string() })),
  }),
  backward_layer: z.unknown().optional(),
  merge_mode: z.enum(['concat', 'sum', 'mul', 'ave']),
});
type BidirectionalConfig = z.output<typeof bidirectionalConfig>;

const directions = (c: LayerContext, { layer }: BidirectionalConfig): [LayerContext, LayerContext] => [
  c.part(`forward_${layer.config.name}`),
  c.part(`backward_${layer.config.name}`),
];

/** A sequence read in both directions by two layers of one kind, the results put together step by step. */
const Bidirectional = recurrentLayer(
  bidirectionalConfig,
  ({ layer, backward_layer }) => {
    if (layer.class_name !== 'LSTM') return `a layer of the class ${layer.class_name}`;
    if (backward_layer !== undefined && backward_layer !== null) return 'a backward_layer of its own';
    return layer.config.go_backwards ? 'go_backwards' : lstmProblem(layer.config);
  },
  {
    project(c, x, config) {
      const [forward, backward] = directions(c, config).map((part) => projectLstm(part, x, config.layer.config));
      const value = concat(c.b, [forward!.value, backward!.value], 1);
      const rank = x.shape.length;
      return { value, shape: x.shape.with(rank - 1, 8 * config.layer.config.units) };
    },
    steps(c, gates, config) {
      const { config: inner } = config.layer;
      const [forward, backward] = directions(c, config);
      const half = 4 * inner.units;
      const there = hiddenStates(forward, sliceAxis(c.b, gates, 2, 0, half), inner);
      const back = hiddenStates(backward, sliceAxis(c.b, gates, 2, half, 2 * half), { ...inner, go_backwards: true });
      const all = inner.return_sequences;
      const x = given(c, there, all);
      const y = given(c, all ? reverse(c.b, back, 0) : back, all);
      if (config.merge_mode === 'concat') {
        const rank = x.shape.length;
        return { value: concat(c.b, [x.value, y.value], 1), shape: x.shape.with(rank - 1, 2 * inner.units) };
      }
      const merged = (config.merge_mode === 'mul' ? mul : add)(c.b, x.value, y.value);
      return { value: config.merge_mode === 'ave' ? mul(c.b, merged, c.b.scalar(0.5)) : merged, shape: x.shape };
    },
  },
);

export const recurrentLayers = { LSTM, Bidirectional };
