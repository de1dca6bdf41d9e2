/** Notices a connection that is dead without having been closed: browsers do not show the pings of WebSocket. */

export interface HeartbeatOptions {
  readonly intervalMs: number;
  readonly ping: () => void;
  /** Nothing was heard for two intervals, in spite of a ping. */
  readonly dead: () => void;
}

export class Heartbeat {
  readonly #timer: ReturnType<typeof setInterval>;
  #heard = true;
  #pinged = false;

  constructor({ intervalMs, ping, dead }: HeartbeatOptions) {
    this.#timer = setInterval(() => {
      if (this.#heard) this.#pinged = false;
      else if (this.#pinged) dead();
      else {
        this.#pinged = true;
        ping();
      }
      this.#heard = false;
    }, intervalMs);
  }

  /** To be called for everything that comes. */
  heard(): void {
    this.#heard = true;
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
