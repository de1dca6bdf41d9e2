/**
 * The LSTM. Its input's projection does not depend on the order of steps and is made apart from the rest. Gates stand in
 * the order i, f, o, g; a clip marker multiplies both the hidden and the cell state of the step before.
 */
import { z } from 'zod';
import { sizeOf } from '../../../graph/shape.js';
import type { GraphBuilder, Value } from '../../../graph/graph.js';
import { add } from '../../../ops/elementwise.js';
import { reshape } from '../../../ops/layout.js';
import { lstm } from '../../../ops/lstm.js';
import { dense } from '../../../ops/matmul.js';
import { keeping, layerInvalid, layerUnsupported, like, rankOf, shapeOf, type Blob } from '../blob.js';
import { showShape } from '../../../graph/shape.js';
import { boolean, channels, required, withDefault } from '../schema.js';
import { defineLayer, type LayerContext, type WeightSpec } from './definition.js';

const recurrent = z.object({ num_output: required(channels), expose_hidden: withDefault(boolean, false) });

/** Upstream calls the options `recurrent_param`; a fork from before it was merged calls them `lstm_param`. */
const config = z
  .object({ recurrent_param: required(recurrent).optional(), lstm_param: required(recurrent).optional() })
  .transform(({ recurrent_param, lstm_param }, context) => {
    const given = recurrent_param ?? lstm_param;
    if (!given) context.addIssue({ code: 'custom', message: 'has no recurrent_param' });
    return given ?? { num_output: 1, expose_hidden: false };
  });
type Config = z.output<typeof config>;

/** Numbers of each step, [T, N, D] flattened to one vector a step. */
function stepSize(x: Blob): number {
  if (rankOf(x) < 3) layerInvalid(`it takes sequences, [T, N, ...], not ${showShape(shapeOf(x))}`);
  return sizeOf(shapeOf(x).slice(2));
}

function weights({ num_output: units }: Config, [x, , still]: readonly Blob[]): WeightSpec[] {
  const inputs = stepSize(x!);
  const rest = still ? sizeOf(shapeOf(still).slice(1)) : 0;
  return [
    { name: 'input', shape: [4 * units, inputs], random: { fan: inputs } },
    { name: 'bias', shape: [4 * units], random: { all: 0 } },
    ...(still ? [{ name: 'static', shape: [4 * units, rest], random: { fan: rest } }] : []),
    { name: 'recurrent', shape: [4 * units, units], random: { fan: units } },
  ];
}

/** x with everything but its leading axes as one. */
function vectors(b: GraphBuilder, x: Blob): Value {
  if (x.batch.length > 0) return x.inner.length === 1 ? x.value : reshape(b, x.value, keeping(x, [-1]));
  return x.inner.length === 3 ? x.value : reshape(b, x.value, [0, 0, -1]);
}

/** Projected gates of a sequence, with what a vector for the whole of it adds to each step. */
function projectedWith(c: LayerContext, x: Blob, still: Blob): Value {
  const { b } = c;
  if (x.batch.length > 0) layerUnsupported('a third input');
  const flat = still.inner.length === 2 ? still.value : reshape(b, still.value, [0, -1]);
  return add(b, dense(b, vectors(b, x), c.weight(0), c.weight(1)), dense(b, flat, c.weight(2), null));
}

const LSTM = defineLayer<Config>({
  config,
  bottoms: [2, 3],
  unsupported: ({ expose_hidden }) => (expose_hidden ? 'expose_hidden' : null),
  weights,
  recurrent: {
    project: (c, x) => dense(c.b, vectors(c.b, x), c.weight(0), c.weight(1)),
    steps: (c, projected, _, markers) => lstm(c.b, projected, c.weight(2), markers ?? undefined).hidden,
  },
  /** On whole sequences: x [T, N, ...], markers [T, N]. */
  build(c, inputs) {
    const { b } = c;
    const [x, markers, still] = inputs as [Blob, Blob, Blob?];
    stepSize(x);
    const [steps, count] = shapeOf(x);
    if (sizeOf(shapeOf(markers)) !== steps! * count!) {
      layerInvalid(`markers ${showShape(shapeOf(markers))} for sequences ${showShape(shapeOf(x))}`);
    }
    const projected = still ? projectedWith(c, x, still) : dense(b, vectors(b, x), c.weight(0), c.weight(1));
    const kept = reshape(b, markers.value, [steps!, count!, 1]);
    const { hidden } = lstm(b, projected, c.weight(still ? 3 : 2), kept);
    return [{ ...like(x, hidden), value: hidden, inner: hidden.shape.slice(x.batch.length) }];
  },
});

export const recurrentLayers = { LSTM };
