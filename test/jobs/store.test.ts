import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import Database from 'libsql';
import { describe, expect, it } from 'vitest';
import { encodeCheckpoint, decodeCheckpoint } from '../../src/jobs/checkpoint.js';
import { FINAL_STATES } from '../../src/protocol/index.js';
import { fixtureKinds, fixtureRequest, openManager, reaches } from './fixtures/fixtures.js';
import { useManagers } from './fixtures/use-managers.js';

const folder = useManagers();
const { open } = folder;

const failing = (code: string): object => expect.objectContaining({ code });
const blobs = async (): Promise<string[]> =>
  (await readdir(join(folder.path, 'blobs'), { recursive: true })).filter((name) => /[0-9a-f]{64}$/.test(name));

describe('a folder of the earlier form', () => {
  const at = '2026-01-02T03:04:05.000Z';
  const record = (id: string, state: string) => ({
    format: 'neuroreel.job/1',
    job: {
      ...{ id, request: fixtureRequest('steady'), state, createdAt: at, updatedAt: at, startedAt: null, run: null },
      ...{ endedAt: state === 'queued' ? null : at, progress: null, error: null, events: [{ state, at }] },
      ...{ eventLoopMaxPauseMs: null, history: { iterations: [1], activations: [2] } },
    },
  });

  it('is taken over: jobs with their artifacts, and what waited is run; a broken record stays where it is', async () => {
    for (const [id, state] of [
      ['old', 'succeeded'],
      ['waits', 'queued'],
      ['broken', '?'],
    ] as const) {
      await mkdir(join(folder.path, 'jobs', id, 'artifacts'), { recursive: true });
      await writeFile(join(folder.path, 'jobs', id, 'record.json'), JSON.stringify(record(id, state)));
    }
    await writeFile(join(folder.path, 'jobs', 'old', 'artifacts', 'video.mp4'), 'a video');
    const said: object[] = [];
    const log = { info: () => undefined, warn: () => undefined, error: (fields: object) => void said.push(fields) };
    const manager = await open({ log });
    expect(manager.get('old')).toMatchObject({ state: 'succeeded', priority: 0, history: { iterations: [1] } });
    expect(await readFile(manager.artifact('old', 'video.mp4').path, 'utf8')).toBe('a video');
    await reaches(manager, 'waits', 'succeeded');
    expect(said).toEqual([{ err: expect.objectContaining({ code: 'JOB_RECORD_INVALID' }) }]);
    expect(await readdir(join(folder.path, 'jobs'))).toEqual(['broken']);
    expect((await manager.submit('old', fixtureRequest('steady'))).created).toBe(false);
  });
});

describe('the database', () => {
  it('of a newer version, or that is none, is refused', async () => {
    const first = await open();
    await first.close(0);
    const db = new Database(join(folder.path, 'jobs.db'));
    db.exec('PRAGMA user_version = 99');
    db.close();
    await expect(openManager(folder.path)).rejects.toThrowError(failing('STORE_INCOMPATIBLE'));
    const other = join(folder.path, 'other');
    await mkdir(other);
    await writeFile(join(other, 'jobs.db'), 'no database, '.repeat(200));
    await expect(openManager(other)).rejects.toThrowError(failing('STORE_INCOMPATIBLE'));
  });
});

describe('artifacts', () => {
  it('with the same content are there once, until the last job that has them is deleted', async () => {
    const manager = await open();
    for (const id of ['a', 'b']) {
      await manager.submit(id, fixtureRequest('remembers'));
      await reaches(manager, id, 'succeeded');
    }
    // One MP4 and one report, which are the same.
    expect((await blobs()).length).toBe(2);
    await manager.remove('a');
    expect((await blobs()).length).toBe(2);
    expect(() => manager.get('a')).toThrowError(failing('JOB_UNKNOWN'));
    await manager.remove('b');
    expect(await blobs()).toEqual([]);
  });

  it('beyond what is to be kept go with their jobs, those that ended first before the others', async () => {
    const manager = await open({ retention: { bytes: 2500 } });
    const removed: string[] = [];
    manager.events.on('removed', (id) => removed.push(id));
    for (const [i, id] of ['a', 'b', 'c'].entries()) {
      await manager.submit(id, fixtureRequest('steady', { seed: i }));
      await reaches(manager, id, 'succeeded');
    }
    await expect.poll(() => removed).toEqual(['a']);
    await manager.close(0);
    const later = new Date(Date.now() + 3 * 86_400_000);
    const second = await open({ retention: { days: 2 }, now: () => later });
    expect(second.list()).toEqual([]);
    expect(await blobs()).toEqual([]);
  });
});

describe('submitting', () => {
  it('with the same idempotency key is the same job, also after a restart; another request is refused', async () => {
    const first = await open();
    const { job } = await first.submit(null, fixtureRequest('steady'), { idempotencyKey: 'k' });
    await first.close(1000);
    const second = await open({ newId: () => 'another' });
    const again = await second.submit(null, fixtureRequest('steady'), { idempotencyKey: 'k' });
    expect([again.job.id, again.created]).toEqual([job.id, false]);
    const other = second.submit(null, fixtureRequest('steady', { seed: 9 }), { idempotencyKey: 'k' });
    await expect(other).rejects.toThrowError(failing('IDEMPOTENCY_KEY_REUSED'));
  });

  it('with a priority goes before those that wait with a lower one; the list can be asked for in parts', async () => {
    const manager = await open({ kinds: fixtureKinds({ stepMs: 5 }) });
    await manager.submit('first', fixtureRequest('steady'));
    await manager.submit('low', fixtureRequest('steady'), { priority: -1 });
    await manager.submit('middle', fixtureRequest('throws'));
    await manager.submit('high', fixtureRequest('steady'), { priority: 5 });
    await reaches(manager, 'low', 'succeeded');
    const order = manager.list().sort((a, b) => a.startedAt!.localeCompare(b.startedAt!));
    expect(order.map(({ id }) => id)).toEqual(['first', 'high', 'middle', 'low']);
    const ids = (query: object) => manager.find({ limit: 10, ...query }).jobs.map(({ id }) => id);
    expect(ids({ state: ['failed'] })).toEqual(['middle']);
    expect(ids({ text: 'THROWS' })).toEqual(['middle']);
    expect(ids({ kind: ['audit'] })).toEqual([]);
    expect(ids({ model: 'fixture' }).length).toBe(4);
    const page = manager.find({ limit: 3 });
    expect(page.jobs.map(({ id }) => id)).toEqual(['high', 'middle', 'low']);
    expect(manager.find({ limit: 3, cursor: page.next! })).toMatchObject({ jobs: [{ id: 'first' }], next: null });
  });
});

describe('a worker', () => {
  it('that hangs is replaced, and its job fails after the third; the next one runs', async () => {
    const manager = await open({ stallSeconds: 0.5 });
    await manager.submit('a', fixtureRequest('hangs'));
    await manager.submit('b', fixtureRequest('steady'));
    const job = await reaches(manager, 'a', 'failed');
    expect(job).toMatchObject({ crashes: 3, error: { code: 'WORKER_STALLED' } });
    expect((await reaches(manager, 'b', ...FINAL_STATES)).error).toBeNull();
  });

  it('is told of changes; they are recorded with their iteration, and make the same run again', async () => {
    const manager = await open({ kinds: fixtureKinds({ stepMs: 5 }) });
    await manager.submit('a', fixtureRequest('remembers', { iterations: 30 }));
    await reaches(manager, 'a', 'running');
    manager.steer('a', { rate: 7 });
    await reaches(manager, 'a', 'succeeded');
    const { steering } = manager.get('a');
    expect(steering).toMatchObject([{ iteration: expect.any(Number), change: { rate: 7 } }]);
    const plan = steering.map(({ iteration, change }) => ({ iteration, change }));
    await manager.submit('again', fixtureRequest('remembers', { iterations: 30, steering: plan }));
    await reaches(manager, 'again', 'succeeded');
    expect(manager.artifact('again', 'video.mp4').sha256).toBe(manager.artifact('a', 'video.mp4').sha256);
    expect(() => manager.steer('a', { rate: 1 })).toThrowError(failing('JOB_STATE_CONFLICT'));
  });
});

describe('a checkpoint', () => {
  const snapshot = { iteration: 3, facts: { a: [1] }, arrays: { x: Float32Array.of(1, -0.1), y: new Float32Array(0) } };

  it('gives back what went in', () => expect(decodeCheckpoint(encodeCheckpoint(snapshot))).toEqual(snapshot));

  it('that is cut off or damaged anywhere is refused', () => {
    const whole = encodeCheckpoint(snapshot);
    for (let i = 0; i < whole.length; i++) {
      const damaged = Buffer.from(whole);
      damaged[i]! ^= 0x10;
      expect(() => decodeCheckpoint(damaged)).toThrowError(failing('CHECKPOINT_INVALID'));
      expect(() => decodeCheckpoint(whole.subarray(0, i))).toThrowError(failing('CHECKPOINT_INVALID'));
    }
  });
});
