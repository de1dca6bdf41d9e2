/**
 * The frames of one subscription of one viewer: at most one picture under way, and only the knowledge that there is a
 * newer one. A viewer that reads slowly thus gets the newest picture when it has room again, and nothing queues up.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { EncodedView, Watch } from '../../jobs/frame-bus.js';

export interface FrameSlotOptions {
  /** Whether the connection can take a picture now; when it can again, it calls {@link FrameSlot.pump}. */
  readonly hasRoom: () => boolean;
  readonly send: (view: EncodedView) => void;
  readonly onError: (error: unknown) => void;
  /** A picture was replaced by a newer one before it could be sent. */
  readonly onDropped?: () => void;
  /** Milliseconds between two pictures at least; 0 for no limit. */
  readonly intervalMs: number;
  /** Milliseconds of a clock that only goes forward. */
  readonly now: () => number;
}

export class FrameSlot {
  readonly #options: FrameSlotOptions;
  #watch: Watch | null = null;
  #fresh = false;
  #encoding = false;
  #waiting: NodeJS.Timeout | null = null;
  #lastSent = -Infinity;
  #dropped = 0;

  /** @param watch starts watching; gets the function to be called when there is something new */
  constructor(options: FrameSlotOptions, watch: (onNew: () => void) => Watch) {
    this.#options = options;
    this.#watch = watch(() => this.#renew());
    // The watch may have called before it was at hand.
    this.pump();
  }

  /** Pictures that were replaced by newer ones because the viewer had not read the earlier ones. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Sends the newest picture if there is one and the viewer can take it. */
  pump(): void {
    if (!this.#fresh || this.#encoding || this.#watch === null || !this.#options.hasRoom()) return;
    const wait = this.#lastSent + this.#options.intervalMs - this.#options.now();
    if (wait > 0) {
      this.#waiting ??= setTimeout(() => {
        this.#waiting = null;
        this.pump();
      }, wait);
      return;
    }
    const picture = this.#watch.fetch();
    if (picture === null) return;
    this.#fresh = false;
    this.#encoding = true;
    picture.then(
      (view) => this.#deliver(view),
      (error: unknown) => {
        this.#encoding = false;
        this.#options.onError(error);
      },
    );
  }

  /** Resolves when nothing is under way and nothing waits, or after so many milliseconds: a viewer may never read. */
  async drained(withinMs: number): Promise<void> {
    const end = this.#options.now() + withinMs;
    while (this.#watch !== null && (this.#fresh || this.#encoding) && this.#options.now() < end) await sleep(5);
  }

  close(): void {
    this.#watch?.close();
    this.#watch = null;
    if (this.#waiting !== null) clearTimeout(this.#waiting);
    this.#waiting = null;
  }

  #renew(): void {
    // What waits for its turn by the viewer's own wish for fewer frames is not dropped.
    if (this.#fresh && this.#waiting === null) this.#drop();
    this.#fresh = true;
    this.pump();
  }

  #drop(): void {
    this.#dropped++;
    this.#options.onDropped?.();
  }

  #deliver(view: EncodedView): void {
    this.#encoding = false;
    if (this.#watch === null) return;
    if (this.#options.hasRoom()) {
      this.#lastSent = this.#options.now();
      this.#options.send(view);
    } else if (this.#fresh) {
      this.#drop();
    } else {
      this.#fresh = true;
    }
    this.pump();
  }
}
