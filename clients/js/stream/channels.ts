/** Ways from a socket, which does not wait, to a consumer that may be slow. Each is iterated once. */

interface Waiting<T> {
  resolve(result: IteratorResult<T, undefined>): void;
  reject(error: Error): void;
}

const END = { done: true, value: undefined } as const;

/** What the two have in common: values are handed to whoever waits, else kept as the subclass keeps them. */
abstract class Channel<T> implements AsyncIterableIterator<T, undefined> {
  #waiting: Waiting<T>[] = [];
  #ended = false;
  #error: Error | undefined;
  readonly #onReturn: () => void;

  /** @param onReturn called when the consumer is done with it */
  constructor(onReturn: () => void = () => undefined) {
    this.#onReturn = onReturn;
  }

  protected abstract keep(value: T): void;
  /** The next value that was kept, in a list of one; an empty list when there is none. */
  protected abstract take(): readonly T[];
  protected abstract clear(): void;

  push(value: T): void {
    if (this.#ended) return;
    const waiting = this.#waiting.shift();
    if (waiting === undefined) this.keep(value);
    else waiting.resolve({ done: false, value });
  }

  /** No more comes. What is kept is still handed out, and after it the error, if there is one. */
  end(error?: Error): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#error = error;
    const waiting = this.#waiting;
    this.#waiting = [];
    // Whoever waits first is told of the error.
    for (const one of waiting) this.#finish().then((result) => one.resolve(result), one.reject.bind(one));
  }

  async next(): Promise<IteratorResult<T, undefined>> {
    const [value] = this.take();
    if (value !== undefined) return { done: false, value };
    if (this.#ended) return this.#finish();
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  async return(): Promise<IteratorResult<T, undefined>> {
    this.clear();
    this.end();
    this.#onReturn();
    return END;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async #finish(): Promise<IteratorResult<T, undefined>> {
    const error = this.#error;
    this.#error = undefined;
    if (error !== undefined) throw error;
    return END;
  }
}

/** Keeps one value: the newest. What it replaces is dropped, and counted. */
export class Latest<T extends object> extends Channel<T> {
  #value: readonly T[] = [];
  #dropped = 0;

  /** Values that the consumer was too slow to get. */
  get dropped(): number {
    return this.#dropped;
  }

  protected override keep(value: T): void {
    if (this.#value.length > 0) this.#dropped++;
    this.#value = [value];
  }

  protected override take(): readonly T[] {
    const value = this.#value;
    this.#value = [];
    return value;
  }

  protected override clear(): void {
    this.#value = [];
  }
}

/** Values that wait for a consumer of a {@link Queue} before it leaves out the expendable ones. */
const MOST_WAITING = 1024;

/** Keeps all values, in order. When very many wait, the oldest expendable ones go. */
export class Queue<T extends object> extends Channel<T> {
  #values: T[] = [];
  readonly #isExpendable: (value: T) => boolean;

  constructor(isExpendable: (value: T) => boolean, onReturn?: () => void) {
    super(onReturn);
    this.#isExpendable = isExpendable;
  }

  protected override keep(value: T): void {
    this.#values.push(value);
    if (this.#values.length <= MOST_WAITING) return;
    const first = this.#values.findIndex(this.#isExpendable);
    if (first >= 0) this.#values.splice(first, 1);
  }

  protected override take(): readonly T[] {
    return this.#values.splice(0, 1);
  }

  protected override clear(): void {
    this.#values = [];
  }
}
