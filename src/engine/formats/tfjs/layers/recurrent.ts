/** Recurrent layers. Their input's projection does not depend on the order of steps and is made apart from the rest. */
import { z } from 'zod';
import type { Value } from '../../../graph/graph.js';
import { add, mul } from '../../../ops/elementwise.js';
import { concat, sliceAxis } from '../../../ops/layout.js';
import { reverse } from '../../../ops/reverse.js';
import { activationNamed, shown } from '../activations.js';
import type { KerasTensor } from '../tensor.js';
import { gruCell, lstmCell, simpleCell, type Cell, type RecurrentConfig } from './cells.js';
import { convLstmCell } from './conv-lstm.js';
import { defineLayer, type LayerContext, type LayerType, type RecurrentRule } from './definition.js';
import { asSequence, atEachStep, lastStep, stepByStep } from './sequence.js';

/** Why a recurrent layer of this configuration cannot be run, or null. */
function cellProblem<C extends RecurrentConfig>(cell: Cell<C>, config: C): string | null {
  const named = (name: unknown): boolean => typeof name === 'string' && activationNamed(name) !== undefined;
  if (!named(config.activation)) return `activation ${shown(config.activation)}`;
  if (cell.gated && !named(config.recurrent_activation)) {
    return `recurrent_activation ${shown(config.recurrent_activation)}`;
  }
  if (config.return_state) return 'return_state';
  if (config.time_major) return 'time_major';
  return cell.unsupported?.(config) ?? null;
}

/** Hidden states as Keras gives them out: all, or the last one. */
const given = (c: LayerContext, hidden: Value, all: boolean): KerasTensor =>
  all ? asSequence(c.b, hidden) : lastStep(c.b, hidden);

function hiddenStates<C extends RecurrentConfig>(cell: Cell<C>, c: LayerContext, projected: Value, config: C): Value {
  if (!cell.anyLength(config)) c.needSteps();
  return cell.states(c, config.go_backwards ? reverse(c.b, projected, 0) : projected, config);
}

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
    // Cells that are made for one length see to it themselves.
    anyLength: () => true,
    build(c, inputs, settings) {
      const projected = atEachStep(c.b, stepByStep(c.b, inputs[0]!), (x) => rule.project(c, x, settings));
      return rule.steps(c, projected, settings);
    },
  });
}

const layerOf = <C extends RecurrentConfig>(cell: Cell<C>): LayerType<C> =>
  recurrentLayer(cell.config, (config) => cellProblem(cell, config), {
    project: (c, x, config) => cell.project(c, x, config),
    steps: (c, projected, config) => given(c, hiddenStates(cell, c, projected, config), config.return_sequences),
  });

type AnyCell = Cell<RecurrentConfig>;
const CELLS = new Map(
  Object.entries({ LSTM: lstmCell, GRU: gruCell, SimpleRNN: simpleCell, ConvLSTM2D: convLstmCell }),
) as unknown as ReadonlyMap<string, AnyCell>;

const namedLayer = z.looseObject({ class_name: z.string(), config: z.looseObject({ name: z.string() }) });
const bidirectionalConfig = z
  .looseObject({
    layer: namedLayer,
    backward_layer: namedLayer.nullish(),
    merge_mode: z.enum(['concat', 'sum', 'mul', 'ave']),
  })
  .transform((given, context) => {
    const { layer, backward_layer: own, merge_mode } = given;
    const directions = [layer, own ?? layer].map(({ class_name, config }, i) => {
      const cell = CELLS.get(class_name);
      const parsed = cell?.config.safeParse(config);
      if (parsed && !parsed.success) context.addIssue({ code: 'custom', message: 'the layer in it is malformed' });
      const name = i === 1 && own ? own.config.name : `${i === 0 ? 'forward' : 'backward'}_${layer.config.name}`;
      return { class_name, cell, config: parsed?.data, name };
    });
    return { merge_mode, own: own ? true : false, directions };
  });
type BidirectionalConfig = z.output<typeof bidirectionalConfig>;

interface Direction {
  readonly cell: AnyCell;
  readonly config: RecurrentConfig;
  readonly c: LayerContext;
}

/** Both directions with what they need; the second one reads backwards. */
function directionsOf(c: LayerContext, { directions }: BidirectionalConfig): [Direction, Direction] {
  return directions.map(({ cell, config, name }, i) => ({
    cell: cell!,
    config: { ...config!, go_backwards: i === 1 },
    c: c.part(name),
  })) as [Direction, Direction];
}

function bidirectionalProblem({ directions, own }: BidirectionalConfig): string | null {
  const [there, back] = directions as [BidirectionalConfig['directions'][0], BidirectionalConfig['directions'][0]];
  if (!there.cell || !back.cell) return `a layer of the class ${there.cell ? back.class_name : there.class_name}`;
  if (there.config!.go_backwards || (own && !back.config!.go_backwards)) return 'go_backwards';
  if (there.config!.return_sequences !== back.config!.return_sequences) return 'directions that differ';
  return cellProblem(there.cell, there.config!) ?? cellProblem(back.cell, back.config!);
}

/** A sequence read in both directions by two layers, the results put together step by step. */
const Bidirectional = recurrentLayer(bidirectionalConfig, bidirectionalProblem, {
  project(c, x, config) {
    const parts = directionsOf(c, config).map(({ cell, config: inner, c: part }) => cell.project(part, x, inner));
    const [there, back] = parts as [KerasTensor, KerasTensor];
    const rank = there.shape.length;
    const shape = there.shape.with(rank - 1, there.shape[rank - 1]! + back.shape[rank - 1]!);
    return { value: concat(c.b, [there.value, back.value], 1), shape };
  },
  steps(c, projected, config) {
    const [there, back] = directionsOf(c, config);
    const total = projected.shape[2]!;
    const half = there.cell.width(there.config);
    const forwards = hiddenStates(there.cell, there.c, sliceAxis(c.b, projected, 2, 0, half), there.config);
    const backwards = hiddenStates(back.cell, back.c, sliceAxis(c.b, projected, 2, half, total), back.config);
    const all = there.config.return_sequences;
    const x = given(c, forwards, all);
    const y = given(c, all ? reverse(c.b, backwards, 0) : backwards, all);
    if (config.merge_mode === 'concat') {
      const rank = x.shape.length;
      const shape = x.shape.with(rank - 1, x.shape[rank - 1]! + y.shape[rank - 1]!);
      return { value: concat(c.b, [x.value, y.value], 1), shape };
    }
    const merged = (config.merge_mode === 'mul' ? mul : add)(c.b, x.value, y.value);
    return { value: config.merge_mode === 'ave' ? mul(c.b, merged, c.b.scalar(0.5)) : merged, shape: x.shape };
  },
});

export const recurrentLayers = {
  LSTM: layerOf(lstmCell),
  GRU: layerOf(gruCell),
  SimpleRNN: layerOf(simpleCell),
  ConvLSTM2D: layerOf(convLstmCell),
  Bidirectional,
};
