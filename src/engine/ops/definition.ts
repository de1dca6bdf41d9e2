/**
 * What an op is: its shape rule, its gradient, its meaning in float64 (the reference that everything is tested
 * against), and how each runtime runs it. One op, one entry in `table.ts`.
 */
import type { GraphBuilder, TensorType, Value } from '../graph/graph.js';
import type { Shape } from '../graph/shape.js';
import type { RowUse } from './rows.js';
import type * as tfjs from '@tensorflow/tfjs';

export type AttributeValue = number | string | boolean | readonly number[];
export type Attributes = Readonly<Record<string, AttributeValue | undefined>>;

/** A dense tensor in float64, row-major: the currency of the reference arithmetic. */
export interface NdArray {
  readonly shape: Shape;
  readonly data: Float64Array;
}

/** What an op's gradient rule is given. */
export interface GradientContext<A extends Attributes> {
  readonly b: GraphBuilder;
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
  readonly attributes: A;
  /** Gradient of the objective to each output; null where an output does not matter. */
  readonly grads: readonly (Value | null)[];
  /** Whether the gradient to an input is wanted at all. */
  readonly wants: readonly boolean[];
}

/** An ONNX node attribute: integers, floats and lists of integers suffice; a subgraph is given by its own writer. */
export type OnnxAttribute = number | { float: number } | string | readonly number[] | { graph: OnnxSubgraph };

/** Body of an ONNX Scan: written with a context of its own. */
export interface OnnxSubgraph {
  readonly name: string;
  readonly inputs: readonly { name: string; shape: Shape }[];
  readonly outputs: readonly { name: string; shape: Shape }[];
  readonly write: (context: OnnxWriter) => void;
}

/** Emits ONNX nodes. Names of tensors are unique over the model and its subgraphs. */
export interface OnnxWriter {
  /** Emits a node with one output and returns that output's name (`output` names it). */
  node(op: string, inputs: readonly string[], attributes?: Record<string, OnnxAttribute>, output?: string): string;
  /** Emits a node with several outputs; '' leaves an optional output out. */
  nodes(
    op: string,
    inputs: readonly string[],
    outputs: readonly string[],
    attributes?: Record<string, OnnxAttribute>,
  ): void;
  fresh(hint: string): string;
  floats(data: Float32Array | readonly number[], shape: Shape): string;
  /** An int64 tensor, as ONNX wants for shapes, axes and indices. */
  integers(data: readonly number[], shape?: Shape): string;
}

/** Where an ONNX model is to run: some ops are lowered differently for a GPU. */
export type OnnxDevice = 'cpu' | 'webgpu' | 'cuda';

export interface OnnxContext<A extends Attributes> extends OnnxWriter {
  readonly device: OnnxDevice;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly inputTypes: readonly TensorType[];
  readonly outputTypes: readonly TensorType[];
  readonly attributes: A;
  /** The data of an input that is a constant, else undefined. */
  constantData(input: number): Float32Array | undefined;
  /** A tensor that another op's lowering left for this one under a key, such as the indices of a max pooling. */
  shared(key: string): string | undefined;
  share(key: string, name: string): void;
  /** Whether any node of the graph is of this op and has this value as its first input. */
  usedBy(op: string, input: number): boolean;
  /** Whether anything needs this output: what nobody needs need not be computed. */
  needed(output: number): boolean;
}

export interface TfjsContext<A extends Attributes> {
  readonly tf: typeof tfjs;
  readonly inputs: readonly tfjs.Tensor[];
  readonly outputTypes: readonly TensorType[];
  readonly attributes: A;
}

/** Indices low .. high along an axis, both included. */
export type Interval = readonly [low: number, high: number];
/** A part of a tensor: an interval along each axis. */
export type Box = readonly Interval[];

/** What an op's rule of reach is given. */
export interface ReachContext<A extends Attributes> {
  /** The part of one output that is asked about. */
  readonly box: Box;
  /** Which output. */
  readonly output: number;
  readonly inputs: readonly TensorType[];
  readonly outputs: readonly TensorType[];
  readonly attributes: A;
  /**
   * Whether what lies beyond the border of a tensor counts as nothing. If not, boxes go on beyond it as if windows slid
   * over tensors without an end: the size that a receptive field has where no border cuts it.
   */
  readonly bounded: boolean;
}

export interface OpDefinition<A extends Attributes = Attributes> {
  readonly name: string;
  /** The shape rule; throws GRAPH_INVALID on inputs that do not fit. */
  infer(inputs: readonly TensorType[], attributes: A): TensorType[];
  /** Gradient to each input, null where it is zero. Absent: the op is a dead end for gradients. */
  gradient?(context: GradientContext<A>): (Value | null)[];
  /** The op's meaning. */
  reference(inputs: readonly NdArray[], attributes: A, outputs: readonly TensorType[]): Float64Array[];
  onnx(context: OnnxContext<A>): void;
  tfjs(context: TfjsContext<A>): tfjs.Tensor[];
  /** How rows of the outputs come from rows of the inputs; absent: they depend on other rows. */
  rows?(inputs: readonly TensorType[], outputs: readonly TensorType[], attributes: A): readonly RowUse[] | null;
  /** The attributes with which a node of these outputs computes `count` rows; absent: the same. */
  withRows?(attributes: A, count: number, outputs: readonly TensorType[]): A;
  /**
   * The parts of the inputs that can influence a part of an output (a box that holds them all), null where none can.
   * Absent: the same elements of every input that broadcasts to the output, all of every other.
   */
  reach?(context: ReachContext<A>): (Box | null)[];
  /** Multiply-accumulates of one run; absent: counted as none. */
  macs?(inputs: readonly TensorType[], outputs: readonly TensorType[], attributes: A): number;
}

/** Declares an op. It only fixes the type of the attributes. */
export function defineOp<A extends Attributes>(definition: OpDefinition<A>): OpDefinition<A> {
  return definition;
}
