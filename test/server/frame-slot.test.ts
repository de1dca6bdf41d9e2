import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { EncodedView } from '../../src/jobs/frame-bus.js';
import { FrameSlot } from '../../src/server/stream/frame-slot.js';

let step: number;
let renew: () => void;
let room: boolean;
let now: number;
let sent: number[];
let closed: boolean;
/** Ends the encoding of pictures that are under way. */
let encoders: (() => void)[];

function open(intervalMs = 0): FrameSlot {
  return new FrameSlot(
    {
      hasRoom: () => room,
      send: (view) => sent.push(view.step),
      onError: (error) => {
        throw error;
      },
      intervalMs,
      now: () => now,
    },
    (onNew) => {
      renew = () => {
        step++;
        onNew();
      };
      return {
        fetch: () => {
          const view = { step } as EncodedView;
          return new Promise((resolve) => encoders.push(() => resolve(view)));
        },
        close: () => (closed = true),
      };
    },
  );
}

/** All pictures under way are encoded, and those that follow. */
async function encoded(): Promise<void> {
  while (encoders.length > 0) {
    encoders.shift()!();
    await new Promise((resolve) => setImmediate(resolve));
  }
}

beforeEach(() => {
  [step, room, now, sent, closed, encoders] = [0, true, 0, [], false, []];
});

describe('the slot of a viewer', () => {
  it('sends each picture to a viewer that keeps up', async () => {
    const slot = open();
    for (let i = 0; i < 3; i++) {
      renew();
      await encoded();
    }
    expect([sent, slot.dropped]).toEqual([[1, 2, 3], 0]);
  });

  it('asks for nothing while there is no room, and then for the newest only', async () => {
    const slot = open();
    room = false;
    for (let i = 0; i < 5; i++) renew();
    expect(encoders).toEqual([]);
    room = true;
    slot.pump();
    await encoded();
    expect([sent, slot.dropped]).toEqual([[5], 4]);
  });

  it('has one picture under way at a time; what comes meanwhile is dropped but for the newest', async () => {
    const slot = open();
    for (let i = 0; i < 4; i++) renew();
    expect(encoders.length).toBe(1);
    await encoded();
    expect([sent, slot.dropped]).toEqual([[1, 4], 2]);
  });

  it('does not send a picture for which the room has gone', async () => {
    const slot = open();
    renew();
    room = false;
    await encoded();
    expect(sent).toEqual([]);
    room = true;
    slot.pump();
    await encoded();
    expect([sent, slot.dropped]).toEqual([[1], 0]);
  });

  it('keeps to the rate that the viewer wants, which drops nothing', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const slot = open(100);
      renew();
      await encoded();
      now = 40;
      for (let i = 0; i < 3; i++) renew();
      expect(encoders).toEqual([]);
      now = 100;
      vi.advanceTimersByTime(60);
      await encoded();
      expect([sent, slot.dropped]).toEqual([[1, 4], 0]);
    } finally {
      vi.useRealTimers();
    }
  });

  it('is drained once the last picture was sent', async () => {
    const slot = open();
    await slot.drained(1000);
    renew();
    let drained = false;
    const end = slot.drained(1000).then(() => (drained = true));
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect([drained, sent]).toEqual([false, []]);
    await encoded();
    await end;
    expect(sent).toEqual([1]);
  });

  it('is waited for no longer than is asked for where a viewer does not read', async () => {
    const slot = open();
    room = false;
    renew();
    const end = slot.drained(1000);
    now = 1001;
    await end;
    expect(sent).toEqual([]);
  });

  it('sends nothing once it is closed', async () => {
    const slot = open();
    renew();
    slot.close();
    await encoded();
    expect([sent, closed]).toEqual([[], true]);
  });
});
