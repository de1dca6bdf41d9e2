/** When to connect again. */

export interface ReconnectOptions {
  /** Wait before the first attempt, milliseconds (500); it doubles with each. */
  readonly firstMs?: number;
  /** Longest wait (8000). */
  readonly longestMs?: number;
  /** Give up when there was no connection for so long (never). */
  readonly giveUpAfterMs?: number;
  /** An attempt that takes longer is given up, milliseconds (10000). */
  readonly attemptMs?: number;
  /** Whether the very first connection is tried again as well, instead of failing at once (false). */
  readonly first?: boolean;
}

export const RECONNECT = {
  firstMs: 500,
  longestMs: 8000,
  giveUpAfterMs: Infinity,
  attemptMs: 10_000,
  first: false,
} as const;

/** A number in [0.5, 1): many clients that lost the same server do not come back in the same moment. */
function spread(): number {
  return 0.5 + crypto.getRandomValues(new Uint32Array(1))[0]! / 2 ** 33;
}

/** Milliseconds to wait after so many failures in a row (from 1). */
export function waitAfter(failures: number, { firstMs, longestMs }: Required<ReconnectOptions>): number {
  return Math.round(Math.min(longestMs, firstMs * 2 ** Math.min(30, failures - 1)) * spread());
}

/** A wait that can be cut short. */
export class Pause {
  #end: () => void = () => undefined;

  wait(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#end(), ms);
      this.#end = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  cut(): void {
    this.#end();
  }
}

/** Calls back when it is likely that a connection succeeds now: the network is back, the page is looked at again. */
export function onGoodMoment(callback: () => void): () => void {
  const page = globalThis as {
    addEventListener?: (type: string, listener: () => void) => void;
    removeEventListener?: (type: string, listener: () => void) => void;
    document?: EventTarget & { visibilityState: string };
  };
  if (page.document === undefined) return () => undefined;
  const { document } = page;
  const onVisible = (): void => {
    if (document.visibilityState === 'visible') callback();
  };
  page.addEventListener?.('online', callback);
  document.addEventListener('visibilitychange', onVisible);
  return () => {
    page.removeEventListener?.('online', callback);
    document.removeEventListener('visibilitychange', onVisible);
  };
}
