import { describe, expect, it } from 'vitest';
import { Turns } from '../../src/jobs/turns.js';

/** Work that goes on until it is told to end. */
function work(): { do: () => Promise<void>; begun: () => boolean; end: () => void } {
  let begun = false;
  let end: () => void = () => undefined;
  const ended = new Promise<void>((resolve) => (end = resolve));
  return {
    do: () => {
      begun = true;
      return ended;
    },
    begun: () => begun,
    end: () => end(),
  };
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('turns', () => {
  it('let so many do their work at a time, the others in order', async () => {
    const turns = new Turns({ atATime: 2, mostWaiting: 2, what: 'replays' });
    const works = [work(), work(), work(), work()];
    const begun = (): boolean[] => works.map((one) => one.begun());
    const done = works.map((one) => turns.take(one.do));
    await settled();
    expect(begun()).toEqual([true, true, false, false]);
    await expect(turns.take(work().do)).rejects.toMatchObject({ code: 'STREAM_LIMIT' });
    works[1]!.end();
    await settled();
    expect(begun()).toEqual([true, true, true, false]);
    for (const one of works) one.end();
    await Promise.all(done);
    expect(await turns.take(() => Promise.resolve(7))).toBe(7);
  });

  it('are passed on when the work fails, and when one who waits goes away', async () => {
    const turns = new Turns({ atATime: 1, mostWaiting: 4, what: 'replays' });
    const first = work();
    const failing = turns.take(async () => {
      await first.do();
      throw new Error('it failed');
    });
    const gone = new AbortController();
    const second = work();
    const left = turns.take(second.do, gone.signal);
    const third = turns.take(() => Promise.resolve(3));
    gone.abort(new Error('gone'));
    await expect(left).rejects.toThrowError('gone');
    first.end();
    await expect(failing).rejects.toThrowError('it failed');
    expect(await third).toBe(3);
    expect(second.begun()).toBe(false);
    await expect(turns.take(second.do, gone.signal)).rejects.toThrowError('gone');
  });
});
