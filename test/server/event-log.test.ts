import { describe, expect, it } from 'vitest';
import type { Job } from '../../src/protocol/index.js';
import { EventLog } from '../../src/server/stream/event-log.js';
import { MessageRate } from '../../src/server/stream/message-rate.js';

const job = (id: string, state: string): Job => ({ id, state }) as unknown as Job;

describe('the log of changes', () => {
  it('gives the changes of one job after a place', () => {
    const log = new EventLog();
    const start = log.cursor;
    log.append(job('a', 'queued'));
    const middle = log.append(job('b', 'queued'));
    log.append(job('a', 'running'));
    expect(log.since(start, 'a')!.map((change) => change.job.state)).toEqual(['queued', 'running']);
    expect(log.since(middle, 'a')!.map((change) => change.job.state)).toEqual(['running']);
    expect(log.since(log.cursor, 'a')).toEqual([]);
    expect(log.since(middle, 'a')![0]!.cursor).toBe(log.cursor);
  });

  it('says so when it does not reach back, or the place is of another run or in the future', () => {
    const log = new EventLog(4, 'run');
    const places = Array.from({ length: 20 }, (_, i) => log.append(job('a', String(i))));
    expect(log.since(places[14]!, 'a')).toBeNull();
    expect(log.since(places[15]!, 'a')!.map((change) => change.job.state)).toEqual(['16', '17', '18', '19']);
    expect(log.since('run.21', 'a')).toBeNull();
    expect(log.since('other.20', 'a')).toBeNull();
  });
});

describe('the rate of messages', () => {
  it('lets twice the rate come at once, and the rate in the long run', () => {
    let now = 0;
    const rate = new MessageRate(10, () => now);
    const burst = Array.from({ length: 25 }, () => rate.take());
    expect(burst.filter(Boolean).length).toBe(20);
    now = 500;
    expect(Array.from({ length: 10 }, () => rate.take()).filter(Boolean).length).toBe(5);
  });
});
