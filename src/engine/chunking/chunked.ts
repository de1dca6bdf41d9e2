/** Runs a graph phase by phase, the row-wise phases some rows at a time: memory no longer grows with the batch. */
import { typeOf, type Graph, type TensorType } from '../graph/graph.js';
import { sizeOf } from '../graph/shape.js';
import { checkInputs } from '../runtimes/check-inputs.js';
import type { CompiledGraph, CompileOptions, Runtime, RunOptions, TensorData, Tensors } from '../runtimes/runtime.js';
import { givenName, takenName, type PhaseGraph } from './phase-graph.js';

/** A graph cut into phases whose row-wise graphs work on `chunk` rows. */
export interface ChunkedGraph {
  readonly graph: Graph;
  /** Types of all values that phases exchange. */
  readonly values: readonly TensorType[];
  readonly rows: number;
  readonly chunk: number;
  readonly phases: readonly PhaseGraph[];
}

/** Where chunks start: the last one reaches back when the rows do not divide evenly, and gives the same rows again. */
export function chunkStarts(rows: number, chunk: number): number[] {
  return Array.from({ length: Math.ceil(rows / chunk) }, (_, i) => Math.min(i * chunk, rows - chunk));
}

function emptyArray({ shape, dtype }: TensorType): TensorData {
  return dtype === 'uint8' ? new Uint8Array(sizeOf(shape)) : new Float32Array(sizeOf(shape));
}

/** The numbers of some rows of a value, without a copy. */
function rowsFrom(data: TensorData, { shape }: TensorType, start: number, count: number): TensorData {
  const row = sizeOf(shape.slice(1));
  return data.subarray(start * row, (start + count) * row);
}

class ChunkedRun implements CompiledGraph {
  readonly #plan: ChunkedGraph;
  readonly #compiled: readonly CompiledGraph[];
  /** Constants that are taken by rows. */
  readonly #constants: ReadonlyMap<number, TensorData>;
  /** What phases leave for others, allocated once: a run is called again and again. */
  readonly #kept = new Map<number, TensorData>();
  readonly #outputs: ReadonlySet<number>;

  constructor(plan: ChunkedGraph, compiled: readonly CompiledGraph[]) {
    this.#plan = plan;
    this.#compiled = compiled;
    this.#outputs = new Set(plan.graph.outputs.map(({ value }) => value));
    this.#constants = new Map(plan.graph.constants.map(({ value, data }) => [value, data]));
  }

  async run(inputs: Tensors, { between, into }: RunOptions = {}): Promise<Record<string, TensorData>> {
    const { graph, phases } = this.#plan;
    checkInputs(graph, inputs);
    const values = new Map<number, TensorData>(this.#constants);
    for (const { name, value } of graph.inputs) values.set(value, inputs[name]!);
    // What leaves the run is the caller's; what does not is used again in the next run.
    for (const { name, value } of graph.outputs) {
      if (!values.has(value)) values.set(value, into?.[name] ?? emptyArray(typeOf(graph, value)));
    }
    for (const [index, phase] of phases.entries()) {
      await this.#runPhase(phase, this.#compiled[index]!, values, between);
    }
    return Object.fromEntries(graph.outputs.map(({ name, value }) => [name, this.#result(value, values)]));
  }

  #result(id: number, values: ReadonlyMap<number, TensorData>): TensorData {
    const data = values.get(id)!;
    const borrowed = this.#constants.has(id) || this.#plan.graph.inputs.some(({ value }) => value === id);
    return borrowed ? data.slice() : data;
  }

  /** The array that a phase writes a value to. */
  #target(id: number, values: Map<number, TensorData>): TensorData {
    let data = values.get(id);
    if (!data) {
      data = this.#kept.get(id) ?? emptyArray(this.#plan.values[id]!);
      if (!this.#outputs.has(id)) this.#kept.set(id, data);
      values.set(id, data);
    }
    return data;
  }

  async #runPhase(
    phase: PhaseGraph,
    compiled: CompiledGraph,
    values: Map<number, TensorData>,
    between: RunOptions['between'],
  ): Promise<void> {
    const { values: types, rows, chunk } = this.#plan;
    const starts = phase.kind === 'rows' ? chunkStarts(rows, chunk) : [0];
    for (const start of starts) {
      await between?.();
      const part = (id: number): TensorData => {
        const whole = this.#target(id, values);
        return phase.kind === 'rows' ? rowsFrom(whole, types[id]!, start, chunk) : whole;
      };
      const inputs = phase.taken.map((taken): [string, TensorData] => {
        const data = values.get(taken.id)!;
        return [takenName(taken), taken.use === 'rows' ? rowsFrom(data, types[taken.id]!, start, chunk) : data];
      });
      const into = Object.fromEntries(phase.given.map((id) => [givenName(id), part(id)]));
      await compiled.run(Object.fromEntries(inputs), { into });
    }
  }

  async close(): Promise<void> {
    for (const compiled of this.#compiled) await compiled.close();
  }
}

/** Compiles every phase; runs give what the whole graph gives, up to the rounding of sums over rows. */
export async function compileChunked(
  runtime: Runtime,
  plan: ChunkedGraph,
  options: CompileOptions,
): Promise<CompiledGraph> {
  const compiled: CompiledGraph[] = [];
  try {
    for (const { graph } of plan.phases) compiled.push(await runtime.compile(graph, options));
  } catch (error) {
    for (const graph of compiled) await graph.close();
    throw error;
  }
  return new ChunkedRun(plan, compiled);
}
