/** One node of a model, run on what its inputs are: computed at once where that is known, else put into a graph. */
import { NeuroreelError } from '../../../protocol/errors.js';
import { checkShape, sizeOf } from '../../graph/shape.js';
import { NOMINAL_LANES, type Draft } from './draft.js';
import { foldByGraph } from './fold-by-graph.js';
import { MAX_RANK, type Budget, type Known } from './known.js';
import { MixesLanes, isLive, laneShape, type Operand } from './live.js';
import type { BuildContext, FoldContext } from './ops/definition.js';
import type { PlannedNode } from './plan.js';

/** Nodes of a graph beyond which it could not be stored. */
const MAX_GRAPH_NODES = 90_000;
/** Most numbers of a tensor for one picture or frame: half a GiB. */
const MAX_NUMBERS = 2 ** 27;

/** Tells of an error with the node's name; all errors of one node that is refused are told in one way. */
export function inNode<T>(node: PlannedNode, run: () => T): T {
  const what = `${node.opType} "${node.facts.name}"`;
  try {
    return run();
  } catch (error) {
    if (error instanceof MixesLanes) throw error;
    const why = error instanceof Error ? error.message.replace(/\.$/, '') : String(error);
    if (error instanceof NeuroreelError && error.code === 'MODEL_FORMAT_UNSUPPORTED') {
      const layers = [`${what} (${why})`];
      const message = `These nodes cannot be imported: ${layers.join(', ')}.`;
      throw new NeuroreelError('MODEL_FORMAT_UNSUPPORTED', message, { details: { layers }, cause: error });
    }
    // Sizes out of bounds may make any error.
    const code = error instanceof NeuroreelError ? error.code : 'GRAPH_INVALID';
    throw new NeuroreelError(code, `The node ${what}: ${why}.`, { cause: error });
  }
}

/** Results of a node whose inputs are all known. */
export function foldNode(node: PlannedNode, budget: Budget, inputs: readonly (Known | null)[]): (Known | null)[] {
  const c: FoldContext = { ...node.facts, budget };
  return inNode(node, () => {
    return node.op.fold ? node.op.fold(c, inputs, node.attributes) : foldByGraph(node, budget, inputs);
  });
}

export interface GraphContext {
  readonly d: Draft;
  readonly budget: Budget;
  readonly openSteps: number | null;
}

export const buildContext = (node: PlannedNode, { d, budget, openSteps }: GraphContext): BuildContext => ({
  ...node.facts,
  d,
  budget,
  openSteps,
});

/** Results of a node in a graph; throws MixesLanes where it reads across lanes. */
export function buildNode(
  node: PlannedNode,
  context: GraphContext,
  inputs: readonly (Operand | null)[],
): (Operand | null)[] {
  return inNode(node, () => {
    if (!node.op.build) throw new NeuroreelError('MODEL_FORMAT_UNSUPPORTED', 'of what is computed from the input');
    return checkedResults(context, node.op.build(buildContext(node, context), inputs, node.attributes));
  });
}

/** Results as they are; throws GRAPH_INVALID for one that is too large to be held. */
export function checkedResults<T extends Operand | null>({ d }: GraphContext, results: T[]): T[] {
  for (const result of results) {
    if (!result || !isLive(result)) continue;
    checkShape(result.shape, 'its output');
    if (result.shape.length > MAX_RANK) {
      throw new NeuroreelError('GRAPH_INVALID', `its output has ${result.shape.length} axes, more than ${MAX_RANK}`);
    }
    const size = sizeOf(laneShape(result));
    if (size > MAX_NUMBERS || size * NOMINAL_LANES !== sizeOf(result.value.shape)) {
      throw new NeuroreelError('GRAPH_INVALID', `its output [${result.shape.join(', ')}] is too large`);
    }
  }
  if (d.b.nodes.length > MAX_GRAPH_NODES) {
    throw new NeuroreelError('GRAPH_INVALID', `the graph has more than ${MAX_GRAPH_NODES} nodes`);
  }
  return results;
}
