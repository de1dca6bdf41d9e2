/** Ctrl-C once: stop in order and say how to go on. Twice: stop at once. */
import { NeuroreelError } from '../../src/protocol/index.js';
import { commandLine } from './invocation.js';
import type { Output } from './output.js';

export interface Interrupt {
  /** Aborted by the first signal; its reason is an INTERRUPTED. */
  readonly signal: AbortSignal;
  /** From now on nothing has to be brought to an end: the first signal ends the process. */
  endAtOnce(): void;
  /** Signals are no longer this command's affair. */
  release(): void;
}

/** What is said of the work that was interrupted. */
export interface Interruption {
  /** What was not finished, and what is kept of it: a sentence. */
  readonly message: string;
  /** Whether the same command goes on where it was, or begins again. */
  readonly goesOn: boolean;
  /** The command to go on with, where it is not the same one. */
  readonly command?: string | undefined;
  /** Done before the process ends at once; must not wait for anything. */
  readonly cleanUp?: (() => void) | undefined;
}

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/**
 * Ends the process by the signal itself, for which shells say 130. `process.exit` would stop threads within native code,
 * which aborts the process.
 */
function dieOfInterrupt(): void {
  for (const signal of SIGNALS) process.removeAllListeners(signal);
  process.kill(process.pid, 'SIGINT');
}

/** Listens for SIGINT and SIGTERM. */
export function onInterrupt(out: Output, { message, goesOn, command, cleanUp }: Interruption): Interrupt {
  const controller = new AbortController();
  const again = `${goesOn ? 'To go on' : 'To begin again'}: ${command ?? commandLine()}`;
  const reason = new NeuroreelError('INTERRUPTED', `${message} ${again}`);
  let atOnce = false;
  const stop = (): void => {
    if (atOnce || controller.signal.aborted) {
      // A bar leaves the terminal as it was only when it is ended.
      out.endProgress();
      if (!controller.signal.aborted) out.error(reason);
      cleanUp?.();
      dieOfInterrupt();
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
