/** Layers that make one tensor of several. */
import { z } from 'zod';
import type { GraphBuilder, Value } from '../../../graph/graph.js';
import { broadcastShape, sameShape } from '../../../graph/shape.js';
import { add, max, min, mul, sub } from '../../../ops/elementwise.js';
import { concat } from '../../../ops/layout.js';
import { inKerasOrder, type KerasTensor } from '../tensor.js';
import { defineLayer, engineAxis, layerInvalid, nothing, shapeAxis, type LayerType } from './definition.js';

/** Brings vectors into one order of elements, and makes sure that all tensors have as many axes. */
function aligned(b: GraphBuilder, inputs: readonly KerasTensor[]): readonly KerasTensor[] {
  const first = inputs[0]!;
  if (inputs.some((x) => x.shape.length !== first.shape.length))
    layerInvalid('its inputs differ in their number of axes');
  const order = first.flatFrom ?? [];
  return inputs.every((x) => sameShape(x.flatFrom ?? [], order)) ? inputs : inputs.map((x) => inKerasOrder(b, x));
}

function elementwise(
  combine: (b: GraphBuilder, values: readonly Value[]) => Value,
  count?: number,
): LayerType<z.output<typeof nothing>> {
  return defineLayer({
    config: nothing,
    pointwise: true,
    merges: true,
    build({ b }, inputs) {
      if (inputs.length < 2 || (count !== undefined && inputs.length !== count)) {
        layerInvalid(`it has ${inputs.length} inputs`);
      }
      const all = aligned(b, inputs);
      const shape = all.map((x) => x.shape).reduce((p, q) => broadcastShape(p, q, 'the shapes'));
      return {
        ...all[0]!,
        value: combine(
          b,
          all.map((x) => x.value),
        ),
        shape,
      };
    },
  });
}

const folded =
  (f: (b: GraphBuilder, x: Value, y: Value) => Value) =>
  (b: GraphBuilder, values: readonly Value[]): Value =>
    values.reduce((x, y) => f(b, x, y));

const Concatenate = defineLayer({
  config: z.looseObject({ axis: z.int().default(-1) }),
  pointwise: true,
  merges: true,
  build(c, inputs, { axis }) {
    const all = inputs.map((x) => inKerasOrder(c.b, x));
    const rank = all[0]!.shape.length;
    if (all.some((x) => x.shape.length !== rank)) layerInvalid('its inputs differ in their number of axes');
    const along = shapeAxis(c, axis, all[0]!);
    const value = concat(
      c.b,
      all.map((x) => x.value),
      engineAxis(along, rank),
    );
    const total = all.reduce((n, x) => n + x.shape[along]!, 0);
    return { value, shape: all[0]!.shape.with(along, total) };
  },
});

export const mergeLayers = {
  Add: elementwise(folded(add)),
  Subtract: elementwise(folded(sub), 2),
  Multiply: elementwise(folded(mul)),
  Average: elementwise((b, values) => mul(b, folded(add)(b, values), b.scalar(1 / values.length))),
  Maximum: elementwise(folded(max)),
  Minimum: elementwise(folded(min)),
  Concatenate,
};
