/** Layers that rearrange and crop. */
import { z } from 'zod';
import { sameShape, showShape, sizeOf } from '../../../graph/shape.js';
import { reshape, sliceAxis, transpose } from '../../../ops/layout.js';
import {
  fileAxis,
  innerAxis,
  keeping,
  layerInvalid,
  layerUnsupported,
  leadOf,
  rankOf,
  shapeOf,
  like,
  type Blob,
} from '../blob.js';
import { axis, margin, optional, repeated, section, withDefault } from '../schema.js';
import { defineLayer, type LayerContext } from './definition.js';

/** The axes from `axis` to `end_axis`, both included, as one. */
const Flatten = defineLayer({
  config: section('flatten_param', z.object({ axis: withDefault(axis, 1), end_axis: withDefault(axis, -1) })),
  build({ b }, [x], { axis: at, end_axis: end }) {
    const [first, last] = [innerAxis(x!, at), innerAxis(x!, end)];
    if (last < first) layerInvalid(`axis ${end} is before axis ${at}`);
    const inner = [...x!.inner.slice(0, first).map(() => 0), -1, ...x!.inner.slice(last + 1)];
    return [first === last ? x! : like(x!, reshape(b, x!.value, keeping(x!, inner)))];
  },
});

const sizes = z
  .object({
    dim: repeated(
      z
        .int()
        .min(-1)
        .max(2 ** 31 - 1),
      8,
    ),
  })
  .transform(({ dim }) => dim);
const reshapeConfig = section(
  'reshape_param',
  z.object({
    shape: optional(sizes),
    axis: withDefault(axis, 0),
    num_axes: withDefault(z.int().min(-1).max(8), -1),
  }),
);
type ReshapeConfig = z.output<typeof reshapeConfig>;

/** The shape in the file that a reshape means: 0 keeps the size of an axis, -1 (once) takes what is left. */
function reshaped(x: Blob, { shape: wanted = [], axis: at, num_axes: count }: ReshapeConfig): number[] {
  const from = shapeOf(x);
  // One more than the last axis stands for the end.
  const start = at === from.length ? at : at < 0 ? at + from.length + 1 : fileAxis(x, at);
  const end = count < 0 ? from.length : start + count;
  if (start < 0 || end > from.length) layerInvalid(`axes ${at} and on are outside of ${showShape(from)}`);
  const middle = wanted.map((dim, i) => (dim === 0 ? (from[start + i] ?? 0) : dim));
  const free = middle.indexOf(-1);
  if (free >= 0) middle[free] = sizeOf(from.slice(start, end)) / -sizeOf(middle);
  const to = [...from.slice(0, start), ...middle, ...from.slice(end)];
  if (sizeOf(to) !== sizeOf(from) || !to.every((dim) => Number.isInteger(dim) && dim > 0)) {
    layerInvalid(`${showShape(from)} cannot be read as ${showShape(wanted)}`);
  }
  return to;
}

/** The leading axes of a shape that go on standing for the batch. */
function batchWithin(c: LayerContext, x: Blob, to: readonly number[]): readonly number[] {
  const total = sizeOf(x.batch);
  const candidates = c.regroups ? [to.slice(0, 2)] : [x.batch, [total]];
  const fits = (batch: readonly number[]): boolean =>
    sizeOf(batch) === total && sameShape(to.slice(0, batch.length), batch);
  const found = candidates.find(fits);
  return found ?? layerUnsupported(`${showShape(shapeOf(x))} to ${showShape(to)} mixes the batch with other axes`);
}

const Reshape = defineLayer({
  config: reshapeConfig,
  build(c, [x], config) {
    const to = reshaped(x!, config);
    const batch = batchWithin(c, x!, to);
    const inner = to.slice(batch.length);
    const same = sameShape(inner, x!.inner);
    return [{ value: same ? x!.value : reshape(c.b, x!.value, keeping(x!, inner)), batch, inner }];
  },
});

/** The first blob cut to the size of the second in all axes from `axis` on. */
const Crop = defineLayer({
  config: section('crop_param', z.object({ axis: withDefault(axis, 2), offset: repeated(margin, 8) })),
  bottoms: [2, 2],
  build({ b }, inputs, { axis: at, offset }) {
    const [x, size] = inputs as [Blob, Blob];
    const first = innerAxis(x, at);
    if (rankOf(size) !== rankOf(x) || size.inner.length !== x.inner.length) {
      layerInvalid(`${showShape(shapeOf(x))} cannot be cut to ${showShape(shapeOf(size))}`);
    }
    const count = x.inner.length - first;
    if (offset.length > 1 && offset.length !== count) layerInvalid(`${offset.length} offsets for ${count} axes`);
    const value = x.inner.slice(first).reduce((cut, _, i) => {
      const from = (offset.length > 1 ? offset[i] : offset[0]) ?? 0;
      return sliceAxis(b, cut, leadOf(x) + first + i, from, from + size.inner[first + i]!);
    }, x.value);
    return [like(x, value)];
  },
});

/** Axis order[i] of the input becomes axis i; axes that are not named follow in their order. */
const Permute = defineLayer({
  config: section('permute_param', z.object({ order: repeated(z.int().min(0).max(7), 8) })),
  build({ b }, [x], { order }) {
    const all = [...order, ...shapeOf(x!).keys()].filter((at, i, list) => list.indexOf(at) === i);
    if (new Set(order).size !== order.length || all.length !== rankOf(x!)) {
      layerInvalid(`[${order.join(', ')}] is no order of the axes of ${showShape(shapeOf(x!))}`);
    }
    const outer = x!.batch.length;
    if (all.slice(0, outer).some((at, i) => at !== i)) layerUnsupported('it moves the batch to another axis');
    const lead = leadOf(x!);
    const inner = all.slice(outer).map((at) => at - outer + lead);
    const kept = Array.from({ length: lead }, (_, i) => i);
    return [like(x!, transpose(b, x!.value, [...kept, ...inner]))];
  },
});

export const shapeLayers = { Flatten, Reshape, Crop, Permute };
