/** Pooling in windows, over one, two or three axes of places. */
import { z } from 'zod';
import type { Value } from '../../../graph/graph.js';
import { averagePool2d, maxPool2d, type PoolOptions } from '../../../ops/pool.js';
import { laneAxis, unsupported, view, type Live } from '../live.js';
import { windowAttributes, windowsOf, type Window, type WindowAttributes } from '../windows.js';
import { defineOnnxOp, flag, int, liveOf, type BuildContext } from './definition.js';

/** Pools a value [.., .., H, W] in windows down and across. */
type Pool = (c: BuildContext, x: Value, windows: readonly [Window, Window]) => Value;

const STILL: Window = { kernel: 1, stride: 1, dilation: 1, before: 0, after: 0 };

/** A pooling of places; that of a depth is one of its planes, and then one of its depth. */
function pooled(c: BuildContext, x: Live, windows: readonly Window[], pool: Pool): Live {
  const places = x.shape.slice(2);
  places.forEach((_, i) => laneAxis(x, i + 2));
  const planes = x.lanes === 1 ? 1 : x.shape[1]!;
  const plane = places.slice(-2);
  const [height, width] = plane.length === 1 ? [1, plane[0]!] : (plane as [number, number]);
  const depth = places.length === 3 ? places[0]! : 1;
  const [down, across] = windows.length === 1 ? [STILL, windows[0]!] : (windows.slice(-2) as [Window, Window]);
  let y = pool(c, view(c.d, x, [planes * depth, height, width]), [down, across]);
  const result = y.shape.slice(4 - plane.length);
  if (places.length === 3) {
    const deep = c.d.reshape(y, [-1, planes, depth, y.shape[2]! * y.shape[3]!]);
    y = pool(c, deep, [windows[0]!, STILL]);
    result.unshift(y.shape[2]!);
  }
  return { shape: [...x.shape.slice(0, 2), ...result], lanes: x.lanes, value: y };
}

const options = ([down, across]: readonly [Window, Window], ceil: boolean): PoolOptions => ({
  kernel: [down.kernel, across.kernel],
  strides: [down.stride, across.stride],
  pads: [down.before, across.before, down.after, across.after],
  ceil,
});

const maxAttributes = z.strictObject({
  ...windowAttributes,
  ceil_mode: flag.default(false),
  storage_order: int.default(0),
});
const averageAttributes = z.strictObject({
  ...windowAttributes,
  ceil_mode: flag.default(false),
  count_include_pad: flag.default(false),
});

const dilated = ({ dilations }: WindowAttributes): string | null =>
  dilations?.some((n) => n !== 1) ? `dilations ${dilations.join('x')}` : null;

function poolInput(x: Live): Live {
  if (x.shape.length < 3 || x.shape.length > 5) unsupported(`a tensor of ${x.shape.length} axes`);
  return x;
}

const MaxPool = defineOnnxOp<z.output<typeof maxAttributes>>({
  attributes: maxAttributes,
  inputs: [1, 1],
  unsupported: dilated,
  build(c, [input], a) {
    const x = poolInput(liveOf(input));
    const pool: Pool = ({ d }, v, windows) => maxPool2d(d.b, v, options(windows, a.ceil_mode));
    return [pooled(c, x, windowsOf(x.shape.slice(2), a), pool)];
  },
});

/** Means over windows; places of the padding count only where `count_include_pad` says so. */
const AveragePool = defineOnnxOp<z.output<typeof averageAttributes>>({
  attributes: averageAttributes,
  inputs: [1, 1],
  unsupported: dilated,
  build(c, [input], a) {
    const x = poolInput(liveOf(input));
    const pool: Pool = ({ d: { b } }, v, windows) => {
      const plain = options(windows, a.ceil_mode);
      if (!a.count_include_pad) return averagePool2d(b, v, { ...plain, divisor: 'input' });
      if (!a.ceil_mode) return averagePool2d(b, v, { ...plain, divisor: 'kernel' });
      // The last windows may reach beyond the padding, and what is there does not count.
      if (windows.some(({ before, after }) => before !== after)) unsupported('ceil_mode with uneven pads');
      return averagePool2d(b, v, { ...plain, divisor: 'padded' });
    };
    return [pooled(c, x, windowsOf(x.shape.slice(2), a), pool)];
  },
});

export const poolingOps = { MaxPool, AveragePool };
