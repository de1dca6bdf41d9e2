/** The connections of a client: jobs share one, and a second watch of the same job gets another. */
import { MAX_SUBSCRIPTIONS } from '../../../src/protocol/wire.js';
import { Connection, type ConnectionOptions } from './connection.js';

export class Pool {
  readonly #options: Omit<ConnectionOptions, 'onConnection'>;
  readonly #onConnection: ConnectionOptions['onConnection'];
  readonly #connections: Connection[] = [];

  constructor(options: Omit<ConnectionOptions, 'onConnection'>, onConnection: ConnectionOptions['onConnection']) {
    this.#options = options;
    this.#onConnection = onConnection;
  }

  /** The one to watch a job over. */
  connectionFor(job: string): Connection {
    const found = this.#connections.find((one) => !one.watches(job) && one.size < MAX_SUBSCRIPTIONS);
    if (found !== undefined) return found;
    // The first connection speaks for all: they are lost, and come back, together.
    const onConnection = this.#connections.length === 0 ? this.#onConnection : () => undefined;
    const made = new Connection({ ...this.#options, onConnection });
    this.#connections.push(made);
    return made;
  }

  /** Connects now rather than later. */
  hurry(): void {
    for (const connection of this.#connections) connection.hurry();
  }
}
