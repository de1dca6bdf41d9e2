/** Runs measures one after the other. */
import { spreadOf, timeRuns, type Spread } from '../../../src/engine/bench/timing.js';
import { NeuroreelError } from '../../../src/protocol/index.js';
import { peakMemory } from './machine.js';
import type { Bench, Measure } from './measures.js';

export interface Measured extends Spread, Pick<Measure, 'name' | 'what' | 'unit'> {
  /** Of all runs: the fastest. */
  readonly best: number;
  /** Runs that were timed. */
  readonly runs: number;
  /** Most memory of the process when it was done, bytes. */
  readonly memory: number;
}

export interface LeftOut extends Pick<Measure, 'name' | 'what'> {
  readonly code: string;
  readonly reason: string;
}

export interface BenchRun {
  readonly measures: readonly Measure[];
  /** For each measure, the warm-up not counted. */
  readonly seconds: number;
  readonly bench: Bench;
  readonly onStarted: (index: number, measure: Measure) => void;
}

/**
 * Measures. What this machine lacks something for is left out, with the reason.
 * @throws {NeuroreelError} what the first measure threw, when none could be done; the signal's reason
 */
export async function runBench(run: BenchRun): Promise<{ measured: Measured[]; leftOut: LeftOut[] }> {
  const [measured, leftOut]: [Measured[], LeftOut[]] = [[], []];
  let first: NeuroreelError | null = null;
  for (const [index, measure] of run.measures.entries()) {
    run.onStarted(index, measure);
    try {
      measured.push(await measureOne(measure, run));
    } catch (error) {
      if (!(error instanceof NeuroreelError) || run.bench.signal.aborted) throw error;
      first ??= error;
      leftOut.push({ name: measure.name, what: measure.what, code: error.code, reason: error.message });
    }
  }
  if (measured.length === 0 && first !== null) throw first;
  return { measured, leftOut };
}

async function measureOne(measure: Measure, { bench, seconds }: BenchRun): Promise<Measured> {
  const { name, what, unit } = measure;
  const work = await measure.open(bench);
  try {
    const times = await timeRuns(() => work.run(), { seconds, signal: bench.signal });
    const values = unit === 's' ? times : times.map((time) => work.amount / time);
    const best = unit === 's' ? Math.min(...values) : Math.max(...values);
    return { name, what, unit, ...spreadOf(values), best, runs: values.length, memory: peakMemory() };
  } finally {
    await work.close();
  }
}
