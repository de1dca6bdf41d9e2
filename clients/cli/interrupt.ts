/** Ctrl-C once: stop in order and say how to go on. Twice: stop at once. */
import { NeuroreelError } from '../../src/protocol/index.js';
import { EXIT } from './exit-codes.js';
import type { Output } from './output.js';

export interface Interrupt {
  /** Aborted by the first signal; its reason is an INTERRUPTED. */
  readonly signal: AbortSignal;
  /** From now on nothing has to be brought to an end: the first signal ends the process. */
  endAtOnce(): void;
  /** Signals are no longer this command's affair. */
  release(): void;
}

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/**
 * Listens for SIGINT and SIGTERM.
 * @param message of the INTERRUPTED: what becomes of the work, and how to go on
 * @param cleanUp done before the process ends at once; must not wait for anything
 */
export function onInterrupt(out: Output, message: string, cleanUp: () => void = () => undefined): Interrupt {
  const controller = new AbortController();
  const reason = new NeuroreelError('INTERRUPTED', message);
  let atOnce = false;
  const stop = (): void => {
    if (atOnce || controller.signal.aborted) {
      // A bar leaves the terminal as it was only when it is ended.
      out.endProgress();
      if (!controller.signal.aborted) out.error(reason);
      cleanUp();
      process.exit(EXIT.interrupted);
    }
    out.note('Stopping after this step; Ctrl-C again stops at once.');
    controller.abort(reason);
  };
  for (const signal of SIGNALS) process.on(signal, stop);
  return {
    signal: controller.signal,
    endAtOnce: () => (atOnce = true),
    release() {
      for (const signal of SIGNALS) process.off(signal, stop);
    },
  };
}
