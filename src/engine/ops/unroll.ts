/**
 * Recurrences written out step by step, for cells that no op exists for. Such a graph is made for one number of steps.
 */
import type { GraphBuilder, Value } from '../graph/graph.js';
import { NeuroreelError } from '../../protocol/errors.js';
import { concat, reshape, sliceAxis } from './layout.js';

/** Most steps that are written out: each is a dozen nodes. */
export const MAX_UNROLLED = 512;

/**
 * Runs a cell over a sequence.
 *
 * @param x [T, N, ...]; in a graph that is put into another, T must stay as it is here, N need not.
 * @param step from the input at one step [N, ...] and the states before it (null at the first step, where they are
 * zero) to the states after it, of which the first one is given out.
 * @returns the first state at each step, [T, N, ...].
 * @throws NeuroreelError GRAPH_INVALID for more than `MAX_UNROLLED` steps.
 */
export function unroll(
  b: GraphBuilder,
  x: Value,
  step: (x: Value, states: readonly Value[] | null) => readonly Value[],
): Value {
  const [steps, , ...rest] = x.shape as [number, number, ...number[]];
  if (steps > MAX_UNROLLED) {
    throw new NeuroreelError('GRAPH_INVALID', `${steps} steps are too many to be written out; ${MAX_UNROLLED} can be.`);
  }
  // More steps than here are refused when the graph is put together, not passed over.
  const exact = reshape(b, x, [steps, 0, ...rest]);
  const given: Value[] = [];
  let states: readonly Value[] | null = null;
  for (let t = 0; t < steps; t++) {
    states = step(reshape(b, sliceAxis(b, exact, 0, t, t + 1), [-1, ...rest]), states);
    given.push(reshape(b, states[0]!, [1, -1, ...states[0]!.shape.slice(1)]));
  }
  return concat(b, given, 0);
}
