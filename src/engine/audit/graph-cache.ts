/** Compiled graphs by what they are for, a bounded number of them: each holds its own copy of the weights. */
import { GraphBuilder } from '../graph/graph.js';
import type { CompiledGraph, Runtime } from '../runtimes/runtime.js';

/** Graphs that are kept; the one longest unused goes first. */
const MOST_GRAPHS = 12;

export class GraphCache {
  readonly #runtime: Runtime;
  readonly #threads: number | undefined;
  readonly #compiled = new Map<string, CompiledGraph>();

  constructor(runtime: Runtime, threads?: number) {
    this.#runtime = runtime;
    this.#threads = threads;
  }

  /** The graph that `build` describes, compiled when there is none under the key. */
  async get(key: string, build: (b: GraphBuilder) => void): Promise<CompiledGraph> {
    let compiled = this.#compiled.get(key);
    if (!compiled) {
      const b = new GraphBuilder();
      build(b);
      compiled = await this.#runtime.compile(b.build(), { threads: this.#threads });
    }
    // Put back at the end: a Map keeps the order of insertion, so that the first is the one longest unused.
    this.#compiled.delete(key);
    this.#compiled.set(key, compiled);
    const [oldest] = this.#compiled;
    if (this.#compiled.size > MOST_GRAPHS && oldest) {
      this.#compiled.delete(oldest[0]);
      await oldest[1].close();
    }
    return compiled;
  }

  async close(): Promise<void> {
    for (const graph of this.#compiled.values()) await graph.close();
    this.#compiled.clear();
  }
}
