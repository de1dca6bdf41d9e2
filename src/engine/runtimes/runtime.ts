/** What every runtime offers: a graph in, a function out. */
import type { Graph } from '../graph/graph.js';

export type TensorData = Float32Array | Uint8Array;
/** Tensors by the names of the graph's inputs or outputs. */
export type Tensors = Readonly<Record<string, TensorData>>;

export interface RunOptions {
  /** Arrays that outputs are written to, by name, each of the output's size and kind; others are made anew. */
  readonly into?: Tensors | undefined;
  /**
   * Called between the parts of a run that is done in parts, and before the first: it may wait (a pause), and what it
   * throws ends the run (a cancellation).
   */
  readonly between?: (() => Promise<void> | void) | undefined;
}

export interface CompiledGraph {
  /**
   * Runs the graph once.
   * @param inputs one array for each input of the graph, row-major, of the input's size.
   * @returns one array for each output of the graph.
   * @throws NeuroreelError GRAPH_INVALID when an input is missing or has the wrong size.
   */
  run(inputs: Tensors, options?: RunOptions): Promise<Record<string, TensorData>>;
  close(): Promise<void>;
}

export interface CompileOptions {
  /** Threads used inside one op; the number of cores by default. */
  readonly threads?: number;
}

export interface Runtime {
  /** Short name, as given to `--runtime`. */
  readonly name: string;
  /** Where it computes, as given to `--device`. */
  readonly device: string;
  /** What it is and where it runs, with its version, for reports. */
  readonly description: string;
  compile(graph: Graph, options?: CompileOptions): Promise<CompiledGraph>;
}
