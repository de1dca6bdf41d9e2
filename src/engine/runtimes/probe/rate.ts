/**
 * A graph like a step of a synthesis, for trying a runtime and telling how fast it is: two convolutions and the gradients
 * to their inputs.
 */
import { GraphBuilder, type Graph } from '../../graph/graph.js';
import { sizeOf } from '../../graph/shape.js';
import { relu } from '../../ops/activation.js';
import { conv2d, convTranspose2d } from '../../ops/conv.js';
import { Random } from '../../random.js';
import { evaluate } from '../reference/reference.js';
import type { Runtime, Tensors } from '../runtime.js';

/** Images, channels, and the side of a picture in pixels. */
interface Size {
  readonly images: number;
  readonly channels: number;
  readonly side: number;
}

/** What is compared with float64 arithmetic. */
const EXACT: Size = { images: 2, channels: 5, side: 6 };
/** What is timed, from 14 million to 3.7 billion operations: a size whose run is no mere overhead. */
const SIZES: readonly Size[] = [
  { images: 1, channels: 16, side: 28 },
  { images: 4, channels: 32, side: 28 },
  { images: 64, channels: 32, side: 28 },
];
/** Below this a run tells little, and the next size is taken. */
const SHORT_MS = 15;

/** Milliseconds that the runs of one size may take together, the first one excepted. */
const BUDGET_MS = 250;
const FEWEST_RUNS = 3;
const MOST_RUNS = 40;

/** Largest difference from float64, relative to the largest number, that is rounding. */
const ROUNDING = 1e-4;

/** Floating point operations of one run: two for each of four products a pixel and tap. */
const flopsOf = ({ images, channels, side }: Size): number => 2 * 4 * images * side ** 2 * channels ** 2 * 9;

function probeGraph({ images, channels, side }: Size): Graph {
  const b = new GraphBuilder();
  const x = b.input('x', [images, channels, side, side]);
  const shape = [channels, channels, 3, 3];
  const pads = [1, 1, 1, 1] as const;
  const [first, second] = ['first', 'second'].map((name) =>
    b.constant(new Random(name).normals(sizeOf(shape), 1 / Math.sqrt(9 * channels)), shape, name),
  );
  const y = conv2d(b, relu(b, conv2d(b, x, first!, null, { pads })), second!, null, { pads });
  const back = convTranspose2d(b, y, second!, { pads, size: [side, side] });
  b.output('gradient', convTranspose2d(b, back, first!, { pads, size: [side, side] }));
  return b.build();
}

const probeInputs = ({ images, channels, side }: Size): Tensors => ({
  x: new Random('probe').normals(images * channels * side ** 2),
});

/** How fast a runtime was. */
export interface Rate {
  /** 10^9 floating point operations a second. */
  readonly gflops: number;
  /** Milliseconds of a run, the median of several. */
  readonly milliseconds: number;
  /** Images of a run. */
  readonly images: number;
}

/**
 * Checks what a runtime computes, then times it; less than a second where it does a tenth of a GFLOP a second.
 * @param now a clock in milliseconds
 * @throws Error when the results are wrong, and what the runtime throws
 */
export async function measureRate(runtime: Runtime, now: () => number = () => performance.now()): Promise<Rate> {
  await checkResults(runtime);
  for (const size of SIZES.slice(0, -1)) {
    const rate = await timed(runtime, size, true, now);
    if (rate.milliseconds >= SHORT_MS) return rate;
  }
  return timed(runtime, SIZES.at(-1)!, false, now);
}

async function checkResults(runtime: Runtime): Promise<void> {
  const graph = probeGraph(EXACT);
  const inputs = probeInputs(EXACT);
  const wanted = evaluate(graph, inputs)['gradient']!;
  const compiled = await runtime.compile(graph);
  try {
    const actual = (await compiled.run(inputs))['gradient']!;
    const scale = wanted.reduce((most, v) => Math.max(most, Math.abs(v)), 0);
    if (wanted.some((v, i) => !(Math.abs(v - actual[i]!) <= ROUNDING * scale))) {
      throw new Error('what it computes is wrong');
    }
  } finally {
    await compiled.close();
  }
}

/** @param leave whether a run that is too short to tell much ends it early */
async function timed(runtime: Runtime, size: Size, leave: boolean, now: () => number): Promise<Rate> {
  const compiled = await runtime.compile(probeGraph(size));
  const inputs = probeInputs(size);
  const run = async (): Promise<number> => {
    const started = now();
    await compiled.run(inputs);
    return now() - started;
  };
  const times: number[] = [];
  try {
    // The first run also prepares things; where it takes all the time there is, it has to do.
    const first = await run();
    if (first > BUDGET_MS) times.push(first);
    const begun = now();
    while (first <= BUDGET_MS && now() - begun < BUDGET_MS && times.length < MOST_RUNS) {
      times.push(await run());
      if (leave && times.length >= FEWEST_RUNS && median(times) < SHORT_MS) break;
    }
  } finally {
    await compiled.close();
  }
  const milliseconds = median(times);
  return { gflops: flopsOf(size) / milliseconds / 1e6, milliseconds, images: size.images };
}

const median = (numbers: readonly number[]): number =>
  [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)]!;
