/** Ends a server in order when the process is told to end. */
import type { Log } from '../jobs/manager.js';

/** A server that has not stopped by then is left behind. */
const PATIENCE_MS = 9500;

export interface Closable {
  readonly log: Log;
  close(): Promise<void>;
}

/**
 * Closes the server on SIGTERM or SIGINT and then ends the process: with 0, or with 1 when it had to give up. A second
 * signal ends it at once. Returns a function that stops listening for signals.
 * @param exit how to end the process
 */
export function closeOnSignals(
  server: Closable,
  exit: (code: number) => void = (code) => process.exit(code),
): () => void {
  let stopping = false;
  const stop = (signal: NodeJS.Signals): void => {
    if (stopping) {
      exit(1);
      return;
    }
    stopping = true;
    server.log.info({ signal }, 'told to stop');
    const giveUp = setTimeout(() => {
      server.log.error({}, 'could not stop in time');
      exit(1);
    }, PATIENCE_MS);
    server.close().then(
      () => {
        clearTimeout(giveUp);
        exit(0);
      },
      (error: unknown) => {
        server.log.error({ err: error }, 'could not stop in order');
        exit(1);
      },
    );
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  return () => {
    process.off('SIGTERM', stop);
    process.off('SIGINT', stop);
  };
}
