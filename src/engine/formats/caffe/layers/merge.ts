/** Layers that make one blob of several, or several of one. */
import { z } from 'zod';
import type { GraphBuilder, Value } from '../../../graph/graph.js';
import { sameShape, showShape } from '../../../graph/shape.js';
import { add, max, mul } from '../../../ops/elementwise.js';
import { concat, sliceAxis } from '../../../ops/layout.js';
import { innerAxis, layerInvalid, layerUnsupported, leadOf, like, shapeOf, valueAxis, type Blob } from '../blob.js';
import { axis, boolean, choice, number, optional, repeated, section, withDefault } from '../schema.js';
import { SEVERAL, defineLayer } from './definition.js';

/** Several blobs can only be put together where they count the batch alike. */
function checkAlike(inputs: readonly Blob[]): void {
  const [first] = inputs;
  const alike = (x: Blob): boolean => sameShape(x.batch, first!.batch) && leadOf(x) === leadOf(first!);
  if (!inputs.every(alike)) layerUnsupported('its inputs differ in their batch');
}

const eltwise = section(
  'eltwise_param',
  z.object({
    operation: withDefault(choice('PROD', 'SUM', 'MAX'), 'SUM'),
    coeff: repeated(number),
    stable_prod_grad: withDefault(boolean, true),
  }),
);

const Eltwise = defineLayer({
  config: eltwise,
  bottoms: SEVERAL,
  unsupported: ({ operation, coeff }) => (operation !== 'SUM' && coeff.length > 0 ? `coeff for ${operation}` : null),
  build({ b }, inputs, { operation, coeff }) {
    checkAlike(inputs);
    const [first] = inputs;
    const odd = inputs.find((x) => !sameShape(x.inner, first!.inner));
    if (odd) layerInvalid(`${showShape(shapeOf(first!))} and ${showShape(shapeOf(odd))} differ`);
    if (coeff.length > 0 && coeff.length !== inputs.length) {
      layerInvalid(`it has ${coeff.length} coefficients for ${inputs.length} inputs`);
    }
    const weighted = inputs.map(({ value }, i): Value => {
      const factor = coeff[i] ?? 1;
      return factor === 1 ? value : mul(b, value, b.scalar(factor));
    });
    const combine: (b: GraphBuilder, x: Value, y: Value) => Value = { PROD: mul, SUM: add, MAX: max }[operation];
    return [
      like(
        first!,
        weighted.reduce((x, y) => combine(b, x, y)),
      ),
    ];
  },
});

const Concat = defineLayer({
  config: section(
    'concat_param',
    z.object({ axis: optional(axis), concat_dim: withDefault(z.int().min(0).max(7), 1) }),
  ),
  bottoms: SEVERAL,
  build({ b }, inputs, { axis: at, concat_dim: older }) {
    checkAlike(inputs);
    const [first] = inputs;
    if (inputs.some((x) => x.inner.length !== first!.inner.length)) layerInvalid('its inputs differ in their axes');
    const along = valueAxis(first!, at ?? older);
    const values = inputs.map(({ value }) => value);
    return [like(first!, concat(b, values, along))];
  },
});

const slice = section(
  'slice_param',
  z.object({
    axis: optional(axis),
    slice_dim: withDefault(z.int().min(0).max(7), 1),
    slice_point: repeated(z.int().min(1)),
  }),
);

const Slice = defineLayer({
  config: slice,
  tops: SEVERAL,
  build({ b, tops }, [x], { axis: at, slice_dim: older, slice_point: points }) {
    const size = x!.inner[innerAxis(x!, at ?? older)]!;
    const along = valueAxis(x!, at ?? older);
    if (points.length > 0 && points.length !== tops - 1) {
      layerInvalid(`${points.length} points make ${points.length + 1} parts, not ${tops}`);
    }
    if (points.length === 0 && size % tops !== 0) layerInvalid(`${size} is not a multiple of ${tops}`);
    const starts = points.length > 0 ? [0, ...points] : Array.from({ length: tops }, (_, i) => (i * size) / tops);
    return starts.map((start, i) => like(x!, sliceAxis(b, x!.value, along, start, starts[i + 1] ?? size)));
  },
});

const Split = defineLayer({
  config: z.unknown(),
  tops: SEVERAL,
  build: ({ tops }, [x]) => new Array<Blob>(tops).fill(x!),
});

export const mergeLayers = { Eltwise, Concat, Slice, Split };
