/** Jobs that wait: those of a higher priority first, then those that were submitted earlier. */

interface Waiting {
  readonly seq: number;
  readonly job: { readonly priority: number };
}

export class Queue<T extends Waiting> {
  readonly #waiting: T[] = [];

  get size(): number {
    return this.#waiting.length;
  }

  /** In the order in which they will run. */
  [Symbol.iterator](): IterableIterator<T> {
    return this.#waiting[Symbol.iterator]();
  }

  /** Puts a job where it belongs; one that is taken up again goes before those that came after it. */
  add(item: T): void {
    const later = this.#waiting.findIndex((other) => isBefore(item, other));
    this.#waiting.splice(later < 0 ? this.#waiting.length : later, 0, item);
  }

  /** Takes out the next job, if any. */
  take(): T | undefined {
    return this.#waiting.shift();
  }

  /** Whether the job waited. */
  remove(item: T): boolean {
    const at = this.#waiting.indexOf(item);
    if (at < 0) return false;
    this.#waiting.splice(at, 1);
    return true;
  }
}

function isBefore(a: Waiting, b: Waiting): boolean {
  return a.job.priority === b.job.priority ? a.seq < b.seq : a.job.priority > b.job.priority;
}
