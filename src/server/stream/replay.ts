/** Plays what a job kept of its evolution to one subscription, iteration after iteration. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { FrameBus } from '../../jobs/frame-bus.js';
import { Evolution } from '../../jobs/evolution.js';
import type { ReplayOptions } from '../../protocol/index.js';

/**
 * Publishes each kept iteration on the bus; resolves after the last one was shown as long as the others.
 * @param signal ends it early, without an error
 */
export async function replay(
  path: string,
  { rate, loop }: ReplayOptions,
  { bus, job, signal }: { bus: FrameBus; job: string; signal: AbortSignal },
): Promise<void> {
  const evolution = await Evolution.open(path);
  do {
    for (let index = 0; index < evolution.length && !signal.aborted; index++) {
      bus.publish(job, await evolution.frames(index));
      await sleep(1000 / rate, undefined, { signal }).catch(() => undefined);
    }
  } while (loop && !signal.aborted && evolution.length > 0);
}
