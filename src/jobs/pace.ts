/** How fast a job goes: seconds an iteration and seconds to go, from a running mean. */

const WINDOW = 20;

export class Pace {
  readonly #recent: number[] = [];

  /** @param seconds wall-clock seconds of one iteration */
  add(seconds: number): void {
    this.#recent.push(seconds);
    if (this.#recent.length > WINDOW) this.#recent.shift();
  }

  /** Mean over the last 20 iterations; 0 before the first. */
  get secondsPerIteration(): number {
    if (this.#recent.length === 0) return 0;
    return this.#recent.reduce((sum, s) => sum + s, 0) / this.#recent.length;
  }

  /** Estimated seconds for `remaining` more iterations. */
  eta(remaining: number): number {
    return this.secondsPerIteration * remaining;
  }
}
