/**
 * Compiles a graph within a memory budget: as a whole where that fits, else in chunks of rows, with what backward passes
 * need kept where that fits, and computed again where it does not.
 */
import type { Graph } from '../graph/graph.js';
import type { CompiledGraph, CompileOptions, RunOptions, Runtime } from '../runtimes/runtime.js';
import { compileChunked, type ChunkedGraph } from './chunked.js';
import { activationBytes, constantBytes } from './memory.js';
import { phaseGraph, type PhaseGraph } from './phase-graph.js';
import { withSmallResiduals } from './residuals.js';
import { bytesOf, phasesOf } from './rows.js';
import { splitSums } from './split-sums.js';

/** Rows of a chunk where memory allows: the measurements are in docs/performance.md. */
export const CHUNK_ROWS = 16;
/** Fewest rows of a chunk: from two on, results are the same to the bit. Products of a single row are made otherwise. */
const FEWEST_ROWS = 2;

/**
 * What was measured of ONNX Runtime with the networks of the paper: it keeps the memory of values for reuse, about this many
 * times what is alive at once; and making a session leaves some of the weights' first copies behind.
 */
const ACTIVATION_SLACK = 3.5;
/** Share of a budget that is planned for: an estimate may be a little wrong. */
const PLANNED_SHARE = 0.95;
const WEIGHT_SLACK = 1.35;

export interface Plan {
  /** The graph, with sums over rows done row by row first: so made, they are the same in chunks of any size. */
  readonly graph: Graph;
  /** Null: the graph is run as a whole. */
  readonly chunked: ChunkedGraph | null;
  /** Rows of a batch and of a chunk; equal when the graph is run as a whole, 0 when it has no rows. */
  readonly rows: number;
  readonly chunk: number;
  /** Whether what backward passes need is kept, or computed again. */
  readonly kept: boolean;
  /** Estimated peak of memory, bytes. */
  readonly bytes: number;
}

/** Estimated memory of graphs that are compiled side by side, with the weights that the caller holds. */
function memoryOf(graphs: readonly Graph[], stored: number): number {
  const total = (bytes: (graph: Graph) => number): number => graphs.reduce((sum, graph) => sum + bytes(graph), 0);
  const weights = WEIGHT_SLACK * total((graph) => constantBytes([graph]));
  return constantBytes(graphs) + weights + stored + ACTIVATION_SLACK * total(activationBytes);
}

/** Chunks of a size at most `most` that divide the rows as evenly as can be. */
const evenChunk = (rows: number, most: number): number => Math.ceil(rows / Math.ceil(rows / most));

/**
 * Cuts a graph into phases for chunks of a number of rows; null when it has no part to be run row by row.
 * @param keep whether backward phases are given what the forward ones made, or make it again
 */
export function chunkedGraph(
  whole: Graph,
  chunk: number,
  keep: boolean,
  { worth, places }: { worth?: number; places?: boolean } = {},
): ChunkedGraph | null {
  const graph = splitSums(whole);
  const phases = phasesOf(graph, worth);
  if (!phases) return null;
  const { values, rows, phases: ready } = withSmallResiduals(graph, phases, keep, places);
  const constants = new Map(graph.constants.map((constant) => [constant.value, constant]));
  const count = Math.min(chunk, rows);
  // What others take of a phase follows from their nodes, so that the graphs are made twice: first to see.
  const everything = new Set<number>();
  const draft = ready.map((phase) => phaseGraph(phase, values, constants, count, everything));
  const wanted = new Set(graph.outputs.map(({ value }) => value));
  for (const { taken } of draft) for (const { id } of taken) wanted.add(id);
  const given = new Set<number>();
  const made = ready.map((phase, i): PhaseGraph => {
    // A value that a later phase computes again is given by the first that makes it.
    const own = new Set([...wanted].filter((id) => !given.has(id)));
    const result = phaseGraph(phase, values, constants, count, own);
    for (const id of result.given) given.add(id);
    return { ...result, taken: draft[i]!.taken };
  });
  return { graph, values, rows, chunk: count, phases: made.filter((phase) => phase.given.length > 0) };
}

/** Bytes of everything that phases leave for others. */
function storedBytes({ phases, values }: ChunkedGraph): number {
  return phases.flatMap(({ given }) => given).reduce((sum, id) => sum + bytesOf({ values }, id), 0);
}

/**
 * How a graph is run within a budget. When nothing fits, the smallest way is taken: the estimate is no promise.
 * @param budget bytes
 * @param places whether the runtime's device tells the places of maxima
 */
export function planWithin(given: Graph, budget: number, places = true): Plan {
  const room = PLANNED_SHARE * budget;
  const rows = phasesOf(given)?.rows ?? 0;
  const graph = rows === 0 ? given : splitSums(given);
  const whole = memoryOf([graph], 0);
  if (whole <= room || rows === 0) return { graph, chunked: null, rows, chunk: rows, kept: true, bytes: whole };
  let smallest: Plan | undefined;
  for (const keep of [true, false]) {
    for (let most = CHUNK_ROWS; most >= FEWEST_ROWS; most = Math.floor(most / 2)) {
      const chunked = chunkedGraph(graph, evenChunk(rows, most), keep, { places })!;
      const graphs = chunked.phases.map((phase) => phase.graph);
      const bytes = memoryOf(graphs, storedBytes(chunked));
      const plan: Plan = { graph, chunked, rows, chunk: chunked.chunk, kept: keep, bytes };
      if (bytes <= room) return plan;
      if (!smallest || bytes < smallest.bytes) smallest = plan;
    }
  }
  return smallest!;
}

export interface Budget {
  /** Bytes that running a graph may take, weights included; unlimited by default. */
  readonly memory?: number | undefined;
  /** See `RunOptions`: called in every run of every graph. */
  readonly between?: RunOptions['between'];
  /** Told how each graph is run. */
  readonly onPlan?: (plan: Plan) => void;
}

/** Compiles a graph so that running it takes about `memory` bytes at most, where it can be. */
export async function compileWithin(
  runtime: Runtime,
  given: Graph,
  { memory = Infinity, onPlan }: Budget = {},
  options: CompileOptions = {},
): Promise<CompiledGraph> {
  const plan = planWithin(given, memory, runtime.device === 'cpu');
  onPlan?.(plan);
  return plan.chunked ? compileChunked(runtime, plan.chunked, options) : runtime.compile(plan.graph, options);
}

/** A runtime that compiles within a budget, and asks between the chunks of each run. */
export function withinBudget(runtime: Runtime, budget: Budget): Runtime {
  return {
    ...runtime,
    async compile(graph, options) {
      const compiled = await compileWithin(runtime, graph, budget, options);
      return {
        run: (inputs, own) => compiled.run(inputs, { between: budget.between, ...own }),
        close: () => compiled.close(),
      };
    },
  };
}
