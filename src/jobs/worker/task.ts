/** The other side of a TaskProcess: what the process itself does. It ends with the server, and gives way to it. */
import { letServerGoFirst } from './priority.js';

/** Does the work with what the server handed over; `tell` sends the server a message. */
export function onTask<D, M>(work: (data: D, tell: (message: M) => void) => Promise<void>): void {
  letServerGoFirst();
  const tell = (message: M): void => void process.send?.(message, undefined, undefined, () => undefined);
  process.on('disconnect', () => process.exit(1));
  process.once('message', ({ data }: { data: D }) => void work(data, tell));
}
