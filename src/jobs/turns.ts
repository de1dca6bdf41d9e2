/** Work that may be done only so many at a time: the rest waits for its turn, in order, and beyond a bound is refused. */
import { NeuroreelError } from '../protocol/index.js';

export interface TurnsOptions {
  readonly atATime: number;
  /** Those that may wait. */
  readonly mostWaiting: number;
  /** What it is, as in "16 replays are waited for already". */
  readonly what: string;
}

export class Turns {
  readonly #options: TurnsOptions;
  readonly #waiting: (() => void)[] = [];
  #busy = 0;

  constructor(options: TurnsOptions) {
    this.#options = options;
  }

  /**
   * Does the work when it is its turn.
   * @param signal of one who no longer waits; the work is not begun then
   * @throws {NeuroreelError} STREAM_LIMIT when too many wait; what `work` throws; the signal's reason
   */
  async take<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    await this.#turn(signal);
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      // Whoever is next takes over the place: nobody slips in between.
      if (next === undefined) this.#busy--;
      else next();
    }
  }

  async #turn(signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted();
    const { atATime, mostWaiting, what } = this.#options;
    if (this.#busy < atATime) {
      this.#busy++;
      return;
    }
    if (this.#waiting.length >= mostWaiting) {
      throw new NeuroreelError('STREAM_LIMIT', `${mostWaiting} ${what} are waited for already.`);
    }
    await new Promise<void>((resolve, reject) => {
      const turn = (): void => {
        signal?.removeEventListener('abort', leave);
        resolve();
      };
      const leave = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(turn), 1);
        reject(signal!.reason as Error);
      };
      this.#waiting.push(turn);
      signal?.addEventListener('abort', leave, { once: true });
    });
  }
}
