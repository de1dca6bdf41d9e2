/** The state that a recurrent layer starts from: zero, constants, or what another layer left. */
import type { Value } from '../../../graph/graph.js';
import { mul, notLess } from '../../../ops/elementwise.js';
import { sliceAxis } from '../../../ops/layout.js';
import { picked, reshaped } from '../known.js';
import { invalid, isLive, laneAxis, laneShape, view, type Operand } from '../live.js';
import type { BuildContext } from './definition.js';

interface Place {
  readonly direction: number;
  readonly directions: number;
  readonly hidden: number;
  /** Batch of each lane. */
  readonly batch: number;
}

/**
 * The state [lanes * batch, H] of one direction, or null where it is zero.
 * @param given the format's [directions, N, H].
 * @param gates [T, lanes * batch, ..], which says how many lanes there are.
 */
export function startOf(c: BuildContext, given: Operand | null, gates: Value, place: Place): Value | null {
  if (!given) return null;
  const { direction, directions, hidden, batch } = place;
  const { d } = c;
  if (isLive(given)) {
    [0, 2].forEach((axis) => laneAxis(given, axis));
    const own = laneShape(given);
    if (own[0] !== directions || own.at(-1) !== hidden) return invalid(`a first state of [${given.shape.join(', ')}]`);
    const all = view(d, given, [directions, batch * hidden]);
    return d.reshape(sliceAxis(d.b, all, 1, direction, direction + 1), [-1, hidden]);
  }
  if (given.data.every((x) => x === 0)) return null;
  const fits = given.shape.join() === [directions, batch, hidden].join();
  if (!fits) return invalid(`a first state of [${given.shape.join(', ')}]`);
  const own = reshaped(picked(c.budget, given, 0, [direction]), [batch, hidden]);
  const constant = d.constant(own, `${c.name}.start${direction}`);
  const first = d.reshape(sliceAxis(d.b, gates, 0, 0, 1), [-1, batch, gates.shape[2]!]);
  const ones = notLess(d.b, first, first);
  return d.reshape(mul(d.b, sliceAxis(d.b, ones, 2, 0, 1), constant), [-1, hidden]);
}
