/** The activation over a job's iterations, thinned out so that it stays small however long the job runs. */
import { MAX_HISTORY, type ActivationHistory } from '../protocol/index.js';

/**
 * Keeps every `stride`-th point; when full, drops every second one and doubles the stride. The newest point is always
 * part of the snapshot.
 */
export class History {
  readonly #capacity: number;
  #stride = 1;
  #count = 0;
  #iterations: number[] = [];
  #activations: number[] = [];
  #newest: readonly [number, number] | null = null;

  /** @param capacity points kept at most, an even number */
  constructor(capacity = MAX_HISTORY) {
    this.#capacity = capacity;
  }

  /** The history of a job that goes on. */
  static of({ iterations, activations }: ActivationHistory): History {
    const history = new History();
    iterations.forEach((iteration, i) => history.add(iteration, activations[i]!));
    return history;
  }

  /** An iteration that was there before is made again after an interruption: it, and what came after it, are forgotten. */
  add(iteration: number, activation: number): void {
    if (this.#newest !== null && iteration <= this.#newest[0]) this.#forgetFrom(iteration);
    this.#newest = [iteration, activation];
    if (this.#count % this.#stride === 0) {
      this.#iterations.push(iteration);
      this.#activations.push(activation);
    }
    this.#count++;
    // One place is left free for the newest point.
    if (this.#iterations.length >= this.#capacity - 1) this.#thin();
  }

  snapshot(): ActivationHistory {
    const iterations = [...this.#iterations];
    const activations = [...this.#activations];
    if (this.#newest !== null && iterations.at(-1) !== this.#newest[0]) {
      iterations.push(this.#newest[0]);
      activations.push(this.#newest[1]);
    }
    return { iterations, activations };
  }

  #forgetFrom(iteration: number): void {
    const kept = this.#iterations.filter((one) => one < iteration).length;
    this.#iterations.length = kept;
    this.#activations.length = kept;
  }

  #thin(): void {
    const even = (_: number, i: number): boolean => i % 2 === 0;
    this.#iterations = this.#iterations.filter(even);
    this.#activations = this.#activations.filter(even);
    this.#stride *= 2;
  }
}
