/** How many messages a connection may send: a bucket that fills again with time. */

export class MessageRate {
  readonly #perSecond: number;
  readonly #now: () => number;
  #tokens: number;
  #last: number;

  /**
   * @param perSecond messages a second in the long run; twice as many may come at once
   * @param now milliseconds of a clock that only goes forward
   */
  constructor(perSecond: number, now: () => number) {
    this.#perSecond = perSecond;
    this.#now = now;
    this.#tokens = 2 * perSecond;
    this.#last = now();
  }

  /** Counts a message; false when it was one too many. */
  take(): boolean {
    const now = this.#now();
    this.#tokens = Math.min(2 * this.#perSecond, this.#tokens + ((now - this.#last) / 1000) * this.#perSecond);
    this.#last = now;
    if (this.#tokens < 1) return false;
    this.#tokens--;
    return true;
  }
}
