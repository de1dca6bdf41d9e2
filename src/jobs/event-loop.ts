/** Measures how long the main thread's event loop was held up. */
import { monitorEventLoopDelay } from 'node:perf_hooks';

const RESOLUTION_MS = 10;

/** Starts measuring when made; `stop` ends it. All values are milliseconds beyond the sampling period. */
export class EventLoopMonitor {
  readonly #histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });

  constructor() {
    this.#histogram.enable();
  }

  get maxPauseMs(): number {
    return this.#beyondPeriod(this.#histogram.max);
  }

  get p99PauseMs(): number {
    return this.#beyondPeriod(this.#histogram.percentile(99));
  }

  stop(): void {
    this.#histogram.disable();
  }

  /** The histogram holds whole periods between ticks, in nanoseconds. */
  #beyondPeriod(nanoseconds: number): number {
    if (this.#histogram.count === 0) return 0;
    return Math.max(0, Math.round((nanoseconds / 1e6 - RESOLUTION_MS) * 10) / 10);
  }
}
