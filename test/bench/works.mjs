// What the engine's benchmark runs: one entry a row of its table.
import { readFileSync } from 'node:fs';
import { PRODUCT_SIDE, productGraph } from '../../dist/src/engine/bench/works.js';
import { planWithin, compileWithin } from '../../dist/src/engine/chunking/plan.js';
import { sizeOf } from '../../dist/src/engine/graph/shape.js';
import { macsOf } from '../../dist/src/engine/models/cost.js';
import { Random } from '../../dist/src/engine/random.js';
import { openRuntime } from '../../dist/src/engine/runtimes/open.js';
import { caffenetStep, googlenetStep, lrcnStep, lstmLayer } from './paper-steps.mjs';

const GIB = 2 ** 30;
/**
 * name: as in the table; batch: pictures or frames; graph: what is timed; memory: its budget in bytes; torch: what the
 * other side is told to run, if there is another side; compile: the time to the first step is what counts.
 */
export const WORKS = [
  ...[1, 8, 16].map((batch) => ({
    name: 'generator fc6 + CaffeNet',
    batch,
    graph: () => caffenetStep(batch),
    torch: { work: 'caffenet', batch },
  })),
  { name: 'generator fc6 + LRCN', batch: 160, graph: () => lrcnStep(160), memory: 4 * GIB, slow: true },
  { name: 'generator fc6 + LRCN', batch: 320, graph: () => lrcnStep(320), memory: 4 * GIB, slow: true },
  {
    name: 'LSTM 4096 -> 256, forward and backward',
    batch: 160,
    graph: () => lstmLayer(160, 4096, 256),
    torch: { work: 'lstm', batch: 160 },
  },
  { name: 'compile and first step, GoogLeNet', batch: 1, graph: () => googlenetStep(), compile: true },
];
export const PRODUCT = { name: `matrix product ${PRODUCT_SIDE}^3`, batch: 1, graph: () => productGraph() };

/** Inputs of a step: codes like normal noise, a step size of 1. */
function inputsOf(graph) {
  const random = new Random('inputs');
  return Object.fromEntries(
    graph.inputs.map(({ name, value }) => {
      const { shape } = graph.values[value];
      return [name, shape.length === 0 ? Float32Array.of(1) : random.normals(sizeOf(shape))];
    }),
  );
}

export const codesOf = (batch) => new Random('inputs').normals(batch * 4096);

const peakRss = () => Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? 0) / 1024;

/** Compiles a work; `run` times one run in milliseconds. */
export async function open({ graph: make, memory }, runtimeName) {
  const runtime = await openRuntime(runtimeName);
  const graph = make();
  const started = performance.now();
  const compiled = await compileWithin(runtime, graph, { memory });
  const inputs = inputsOf(graph);
  const run = async () => {
    const before = performance.now();
    const results = await compiled.run(inputs);
    return { ms: performance.now() - before, results };
  };
  const { results } = await run();
  const { chunk, bytes, kept } = planWithin(graph, memory ?? Infinity);
  return {
    run,
    gflop: (2 * macsOf(graph)) / 1e9,
    firstMs: performance.now() - started,
    plan: { chunk, kept, estimated_mb: Math.round(bytes / 2 ** 20) },
    runtime: runtime.description,
    check: results['code'] ? { activation: results['activation'][0], code: [...results['code'].subarray(0, 8)] } : null,
    rss: () => Math.round(peakRss()),
  };
}
