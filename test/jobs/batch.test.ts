import { describe, expect, it } from 'vitest';
import type { JobManager } from '../../src/jobs/manager.js';
import { FINAL_STATES, jobRequest, parseWith, type JobRequest } from '../../src/protocol/index.js';
import { fixtureKinds, reaches } from './fixtures/fixtures.js';
import { useManagers } from './fixtures/use-managers.js';

const folder = useManagers();

const kinds = fixtureKinds({ stepMs: 5 });
const batch = (units: unknown, iterations = 5): JobRequest =>
  parseWith(jobRequest, { kind: 'batch', units, job: { kind: 'video', model: 'fixture', frames: 8, iterations } });

const open = (): Promise<JobManager> => folder.open({ kinds });

const failing = (code: string): object => expect.objectContaining({ code });
const parts = (manager: JobManager, id: string) => manager.find({ parent: id, limit: 1000 }).jobs.reverse();

describe('a batch', () => {
  it('does a job for each unit, in order, and ends when they have', async () => {
    const manager = await open();
    await manager.submit('a', batch(['steady', 'remembers', 'every-frame']));
    expect((await reaches(manager, 'a', ...FINAL_STATES)).state).toBe('succeeded');
    const jobs = parts(manager, 'a');
    expect(jobs.map(({ id, state }) => [id, state])).toEqual(
      ['a.0001', 'a.0002', 'a.0003'].map((id) => [id, 'succeeded']),
    );
    expect(jobs.map(({ startedAt }) => startedAt)).toEqual([...jobs.map(({ startedAt }) => startedAt)].sort());
    expect(manager.get('a')).toMatchObject({
      batch: { jobs: 3, succeeded: 3, failed: 0, canceled: 0 },
      progress: { iteration: 3, iterations: 3 },
    });
    expect(manager.list().map(({ id }) => id)).toEqual(['a']);
  });

  it('with jobs that fail does the others, fails itself, and can be tried again', async () => {
    const manager = await open();
    await manager.submit('a', batch(['throws', 'steady']));
    const ended = await reaches(manager, 'a', ...FINAL_STATES);
    expect(ended).toMatchObject({ state: 'failed', error: { code: 'BATCH_INCOMPLETE' } });
    expect(parts(manager, 'a').map(({ state }) => state)).toEqual(['failed', 'succeeded']);
    manager.retry('a');
    expect(manager.get('a').error).toBeNull();
    await reaches(manager, 'a.0001', 'failed');
    expect((await reaches(manager, 'a', 'failed')).batch).toMatchObject({ succeeded: 1, failed: 1 });
    expect(manager.get('a.0002').events.filter(({ state }) => state === 'starting').length).toBe(1);
  });

  it('is paused, resumed and cancelled with all its jobs; what others submitted runs meanwhile', async () => {
    const manager = await open();
    await manager.submit('a', batch(['remembers', 'steady', 'every-frame'], 100));
    await reaches(manager, 'a.0001', 'running');
    manager.pause('a');
    await reaches(manager, 'a.0001', 'paused');
    expect(parts(manager, 'a').map(({ state }) => state)).toEqual(['paused', 'paused', 'paused']);
    await manager.submit('b', batch(['steady']));
    await reaches(manager, 'b', 'succeeded');
    manager.resume('a');
    await reaches(manager, 'a.0002', 'running');
    expect(manager.get('a.0001').state).toBe('succeeded');
    manager.cancel('a');
    await reaches(manager, 'a.0002', 'canceled');
    await expect.poll(() => manager.get('a').batch).toEqual({ jobs: 3, succeeded: 1, failed: 0, canceled: 2 });
    expect(manager.get('a').state).toBe('canceled');
  });

  it('goes on after a restart, paused or not, and does no job twice', async () => {
    const first = await open();
    await first.submit('a', batch(['remembers', 'steady', 'every-frame'], 20));
    await reaches(first, 'a.0002', 'running');
    first.pause('a');
    await reaches(first, 'a.0002', 'paused');
    await first.close(2000);
    const second = await open();
    expect(second.get('a').state).toBe('paused');
    expect(parts(second, 'a').map(({ state }) => state)).toEqual(['succeeded', 'paused', 'paused']);
    second.resume('a');
    expect((await reaches(second, 'a', ...FINAL_STATES)).state).toBe('succeeded');
    const successes = parts(second, 'a').map(
      ({ events }) => events.filter(({ state }) => state === 'succeeded').length,
    );
    expect(successes).toEqual([1, 1, 1]);
  });

  it('is refused with a unit that there is not, one that is there twice, or an id that is too long', async () => {
    const manager = await open();
    await expect(manager.submit('a', batch(['none']))).rejects.toThrowError(failing('UNIT_UNKNOWN'));
    await expect(manager.submit('a', batch(['steady', 0]))).rejects.toThrowError(failing('REQUEST_INVALID'));
    await expect(manager.submit('a'.repeat(62), batch(['steady']))).rejects.toThrowError(failing('REQUEST_INVALID'));
    expect(manager.list()).toEqual([]);
    await manager.submit('all', batch('all'));
    manager.cancel('all');
    expect(manager.get('all').batch?.jobs).toBe(parts(manager, 'all').length);
  });
});
