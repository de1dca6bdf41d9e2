/** What an ONNX op is to the importer. One op, one entry in `table.ts`; the files here group them. */
import { z } from 'zod';
import type { Value } from '../../../graph/graph.js';
import { normalAxis } from '../../../graph/shape.js';
import type { Draft } from '../draft.js';
import type { Budget, Known } from '../known.js';
import { invalid, isLive, unsupported, type Live, type Operand } from '../live.js';

/** What an entry may know of the node that it is asked for. */
export interface NodeFacts {
  /** Name for messages and for weights made of the node's. */
  readonly name: string;
  /** Version of the standard operators that the file is written in. */
  readonly opset: number;
  /** Names of its inputs, '' for one that is left out. */
  readonly inputs: readonly string[];
  /** Whether each output is used. */
  readonly used: readonly boolean[];
}

export interface FoldContext extends NodeFacts {
  readonly budget: Budget;
}

export interface BuildContext extends FoldContext {
  /** The graph that is being made. */
  readonly d: Draft;
  /** Number of steps for which an open time is worked out, where any number is to run; else null. */
  readonly openSteps: number | null;
}

/** An op whose output at one step depends on other steps, along the first axis of its first input. */
export interface RecurrentRule<A> {
  /** What can be computed of each step alone, as [lanes, G]; the lanes of `x` are its first axis. */
  project(c: BuildContext, x: Live, inputs: readonly (Operand | null)[], attributes: A): Value;
  /** The rest, on what was projected, [T, lanes, G]; lanes are windows. */
  steps(c: BuildContext, projected: Value, inputs: readonly (Operand | null)[], attributes: A): (Operand | null)[];
}

export interface OnnxOp<A = never> {
  /** Its attributes; others than these are refused. */
  readonly attributes: z.ZodType<A>;
  /** Fewest and most inputs. */
  readonly inputs: readonly [number, number];
  /** How many of its outputs may be used; 1 where it is absent. */
  readonly outputs?: number;
  /** Why this node cannot be imported, or null. */
  unsupported?(attributes: A, node: NodeFacts): string | null;
  /** What it gives for numbers that are all known. Absent: what the graph of `build` gives for them. */
  fold?(c: FoldContext, inputs: readonly (Known | null)[], attributes: A): Known[];
  /**
   * What it becomes in a graph, null for outputs that nobody uses; one input at least is live. Throws MixesLanes where lanes are not treated alone. Absent:
   * it must not depend on the network's input.
   */
  build?(c: BuildContext, inputs: readonly (Operand | null)[], attributes: A): (Operand | null)[];
  readonly recurrent?: RecurrentRule<A>;
}

/** Declares an op; it only fixes the type of the attributes. */
export function defineOnnxOp<A>(op: OnnxOp<A>): OnnxOp<A> {
  return op;
}

export const none = z.strictObject({});
export const int = z.number().int();
/** Most of an extent that networks have, such as kernels and paddings. */
export const extent = int.min(1).max(65_536);
export const margins = z.array(int.min(0).max(65_536)).max(16);
export const extents = z.array(extent).max(8);
export const flag = z.union([z.literal(0), z.literal(1)]).transform((x) => x === 1);
export const axesList = z.array(int.min(-8).max(7)).max(8);

/** A live operand; throws GRAPH_INVALID when it is known, or has not `rank` axes. */
export function liveOf(x: Operand | null | undefined, rank?: number): Live {
  if (!x || !isLive(x)) return invalid('an input that should depend on the picture is constant');
  if (rank !== undefined && x.shape.length !== rank) {
    invalid(`it takes tensors of ${rank} axes, not of ${x.shape.length}`);
  }
  return x;
}

/** An operand whose numbers must be known, such as weights, sizes or axes. */
export function knownOf(x: Operand | null | undefined, what: string): Known {
  if (x && !isLive(x)) return x;
  return x ? unsupported(`its ${what} are computed from the network's input`) : invalid(`its ${what} are missing`);
}

/** As `knownOf`, null for an input that is left out. */
export const optionalKnown = (x: Operand | null | undefined, what: string): Known | null =>
  x ? knownOf(x, what) : null;

/** Axes counted from the front, each once. */
export function normalAxes(axes: readonly number[], rank: number): number[] {
  const normal = axes.map((axis) => normalAxis(axis, rank, 'it'));
  if (new Set(normal).size !== normal.length) invalid(`an axis is named twice in [${axes.join(', ')}]`);
  return normal;
}
