/** Timing of work that is done over and over: a warm-up, then runs until the time is up, and what lies in their middle. */

export interface TimingOptions {
  /** Seconds that the runs may take together, the warm-up not counted. */
  readonly seconds: number;
  /** Runs that there are at least, whatever the time; default 3. */
  readonly least?: number;
  readonly signal?: AbortSignal | undefined;
  /** Told after each run. */
  readonly onRun?: ((runs: number, spent: number) => void) | undefined;
}

/** The runs that there are at most. */
const MOST_RUNS = 10_000;

/** The middle and the quartiles of some numbers. */
export interface Spread {
  readonly median: number;
  readonly low: number;
  readonly high: number;
}

/**
 * A quantile, between two neighbours by their distance from it.
 * @param share 0 to 1
 * @throws {RangeError} without numbers
 */
export function quantile(values: readonly number[], share: number): number {
  if (values.length === 0) throw new RangeError('there are no numbers');
  const sorted = [...values].sort((a, b) => a - b);
  const at = share * (sorted.length - 1);
  const [below, above] = [sorted[Math.floor(at)]!, sorted[Math.ceil(at)]!];
  return below + (above - below) * (at - Math.floor(at));
}

/** @throws {RangeError} without numbers */
export const median = (values: readonly number[]): number => quantile(values, 0.5);

/** The median, with the first and the third quartile. @throws {RangeError} without numbers */
export const spreadOf = (values: readonly number[]): Spread => ({
  median: median(values),
  low: quantile(values, 0.25),
  high: quantile(values, 0.75),
});

/** Seconds that something takes. */
export async function secondsOf(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return (performance.now() - began) / 1000;
}

/**
 * Runs something once for nothing - compiling and filling caches - and then until the time is up.
 * @returns seconds of each run but the first
 * @throws what the work throws; the signal's reason, between two runs
 */
export async function timeRuns(work: () => Promise<unknown>, options: TimingOptions): Promise<number[]> {
  const { seconds, least = 3, signal, onRun } = options;
  signal?.throwIfAborted();
  await work();
  const times: number[] = [];
  let spent = 0;
  while (times.length < least || (spent < seconds && times.length < MOST_RUNS)) {
    signal?.throwIfAborted();
    const time = await secondsOf(work);
    times.push(time);
    spent += time;
    onRun?.(times.length, spent);
  }
  return times;
}
