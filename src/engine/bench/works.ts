/** Work that benchmarks have in common. */
import { GraphBuilder, type Graph } from '../graph/graph.js';
import { sizeOf } from '../graph/shape.js';
import { matmul } from '../ops/matmul.js';
import { Random } from '../random.js';

/** Side of the square matrices whose product tells what a runtime can reach. */
export const PRODUCT_SIDE = 1536;

/** The product of two square matrices, `a` and `b`. */
export function productGraph(side = PRODUCT_SIDE): Graph {
  const b = new GraphBuilder();
  b.output('y', matmul(b, b.input('a', [side, side]), b.input('b', [side, side])));
  return b.build();
}

/** Normally distributed numbers for every input of a graph. */
export function normalInputs(graph: Graph, seed: number | string = 1, spread = 0.3): Record<string, Float32Array> {
  const random = new Random(seed);
  return Object.fromEntries(
    graph.inputs.map(({ name, value }) => [name, random.normals(sizeOf(graph.values[value]!.shape), spread)]),
  );
}

/** RGB bytes [frames, height, width, 3] without a pattern: what a network computes takes as long with any. */
export function randomFrames(frames: number, width: number, height: number, seed = 1): Uint8Array {
  const random = new Random(seed);
  return Uint8Array.from({ length: frames * width * height * 3 }, () => random.integer(256));
}
