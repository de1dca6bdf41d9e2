/**
 * What a node gives for constants where its entry has no arithmetic of its own for them: it is put into a graph of its own,
 * whose first input the constant is, and that is run in the reference arithmetic.
 */
import { NeuroreelError } from '../../../protocol/errors.js';
import { sizeOf } from '../../graph/shape.js';
import { macsOf } from '../../models/cost.js';
import { evaluate } from '../../runtimes/reference/reference.js';
import { Draft, NOMINAL_LANES, WeightNames, forOneLane } from './draft.js';
import type { Budget, Known } from './known.js';
import { isLive, natural, type Live } from './live.js';
import type { BuildContext } from './ops/definition.js';
import type { PlannedNode } from './plan.js';

/** Multiply-accumulates that count as one number of the budget. */
const MACS_A_NUMBER = 4;

/** Results of a node on known inputs, null for outputs that nobody uses. */
export function foldByGraph(node: PlannedNode, budget: Budget, inputs: readonly (Known | null)[]): (Known | null)[] {
  const [first, ...rest] = inputs;
  if (!first || !node.op.build || first.data.length === 0) {
    throw new NeuroreelError('MODEL_FORMAT_UNSUPPORTED', 'of constants');
  }
  const d = new Draft(new WeightNames(), budget);
  const x: Live = { shape: first.shape, lanes: null, value: d.b.input('x', [NOMINAL_LANES, ...first.shape]) };
  const context: BuildContext = { ...node.facts, d, budget, openSteps: null };
  const results = node.op.build(context, [x, ...rest], node.attributes);
  results.forEach((result, i) => {
    if (!result || !isLive(result)) return;
    d.b.output(`y${i}`, natural(d, result));
  });
  const graph = forOneLane(d.b.build());
  budget.spend(graph.values.reduce((n, { shape }) => n + sizeOf(shape), macsOf(graph) / MACS_A_NUMBER));
  const numbers = evaluate(graph, { x: Float64Array.from(first.data) });
  return results.map((result, i): Known | null => {
    if (!result || !isLive(result)) return result;
    return { kind: 'float', shape: result.shape, data: Float32Array.from(numbers[`y${i}`]!) };
  });
}
