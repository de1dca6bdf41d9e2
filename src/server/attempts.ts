/** Counts failed attempts by address, so that tokens cannot be guessed. */
import { NeuroreelError } from '../protocol/index.js';

const WINDOW_MS = 60_000;
const MAX_ADDRESSES = 10_000;

export class Attempts {
  readonly #limit: number;
  readonly #now: () => number;
  readonly #failures = new Map<string, { count: number; until: number }>();

  /** @param limit failures of one address within a minute; @param now milliseconds */
  constructor(limit: number, now: () => number) {
    this.#limit = limit;
    this.#now = now;
  }

  /** @throws {NeuroreelError} RATE_LIMITED when the address has failed too often */
  assertAllowed(address: string): void {
    const failed = this.#failures.get(address);
    if (failed === undefined) return;
    if (failed.until <= this.#now()) this.#failures.delete(address);
    else if (failed.count >= this.#limit) {
      throw new NeuroreelError('RATE_LIMITED', 'Too many wrong tokens came from this address.', {
        details: { retryAfterSeconds: Math.ceil((failed.until - this.#now()) / 1000) },
      });
    }
  }

  fail(address: string): void {
    const failed = this.#failures.get(address);
    if (failed !== undefined && failed.until > this.#now()) {
      failed.count++;
      return;
    }
    // The oldest goes: memory stays bounded whatever addresses come.
    if (this.#failures.size >= MAX_ADDRESSES) this.#failures.delete(this.#failures.keys().next().value!);
    this.#failures.delete(address);
    this.#failures.set(address, { count: 1, until: this.#now() + WINDOW_MS });
  }
}
