import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import Database from 'libsql';
import type { JobManager } from '../../src/jobs/manager.js';
import { fileWriter, type FileWriter } from '../../src/jobs/store/files.js';
import { FINAL_STATES } from '../../src/protocol/index.js';
import { asAfterACrash, endless, fixtureKinds, fixtureRequest, openManager, reaches } from './fixtures/fixtures.js';
import { useManagers } from './fixtures/use-managers.js';

const folder = useManagers();
const { open } = folder;

/** What a job has in the making, or keeps to go on from. */
async function workOf(job: string): Promise<string[]> {
  return readdir(join(folder.path, 'work', job)).catch(() => []);
}

/** What an uninterrupted job `a` of the unit `remembers` with that many iterations leaves: see `fixture-job.mjs`. */
async function expectAsIfWhole(manager: JobManager, iterations: number): Promise<void> {
  const { request, history } = manager.get('a');
  const { seed } = request as { seed: number };
  const states = [seed % 1000];
  for (let i = 1; i <= iterations; i++) states.push((states.at(-1)! * 3 + i) % 1009);
  const file = await readFile(manager.artifact('a', 'video.mp4').path, 'utf8');
  expect(file).toBe(`${seed} ${iterations} ${states.at(-1)!}`);
  expect(history.activations).toEqual(history.iterations.map((iteration) => states[iteration]));
  expect(history.iterations.at(-1)).toBe(iterations);
}

const failing = (code: string): object => expect.objectContaining({ code });

describe('a job', () => {
  it('runs through its states, reports each iteration, and leaves its artifacts all at once', async () => {
    const manager = await open();
    const iterations: number[] = [];
    manager.events.on(
      'progress',
      (_, { iteration, framesEncoded }) => framesEncoded === 0 && iterations.push(iteration),
    );
    await manager.submit('a', fixtureRequest('steady'));
    const job = await reaches(manager, 'a', ...FINAL_STATES);
    expect(job.events.map(({ state }) => state)).toEqual(['queued', 'starting', 'running', 'encoding', 'succeeded']);
    expect([...new Set(iterations)]).toEqual([1, 2, 3, 4, 5]);
    expect(job.progress).toMatchObject({ iteration: 5, etaSeconds: 0, framesEncoded: 8, framesToEncode: 8 });
    expect(job.progress?.secondsPerIteration).toBe(0.5);
    expect(job.run).toEqual({
      width: 16,
      height: 12,
      frames: 8,
      iterations: 5,
      unit: { index: 0, label: 'steady' },
      runtime: 'fixture',
    });
    expect(job.eventLoopMaxPauseMs).toBeGreaterThanOrEqual(0);
    expect(manager.get('a').history).toEqual({ iterations: [1, 2, 3, 4, 5], activations: [0.5, 1, 1.5, 2, 2.5] });
    const artifacts = manager.artifacts('a');
    expect(artifacts.map(({ name }) => name)).toEqual(['report.json', 'video.mp4']);
    const report = JSON.parse(await readFile(manager.artifact('a', 'report.json').path, 'utf8'));
    expect(report.events.map(({ state }: { state: string }) => state)).toEqual([
      'queued',
      'starting',
      'running',
      'encoding',
    ]);
  });

  it.each([
    ['throws', 'INTERNAL', /the fixture throws/],
    ['stays-out', 'MODEL_INVALID', /weights are truncated/],
    ['dies', 'WORKER_DIED', /code 7/],
    ['fails-later', 'WORKER_DIED', /nobody catches this/],
    ['ends-early', 'INTERNAL', /ended while it was starting/],
  ] as const)('whose worker %s fails with %s; the next one runs', async (unit, code, message) => {
    const manager = await open();
    await manager.submit('bad', fixtureRequest(unit));
    await manager.submit('good', fixtureRequest('steady'));
    const job = await reaches(manager, 'bad', ...FINAL_STATES);
    expect(job.state).toBe('failed');
    expect(job.error?.message).toMatch(message);
    expect(job.error?.code).toBe(code);
    expect(manager.artifacts('bad')).toEqual([]);
    expect(job.events.filter(({ state }) => state === 'starting').length).toBe(code === 'WORKER_DIED' ? 3 : 1);
    expect((await reaches(manager, 'good', ...FINAL_STATES)).state).toBe('succeeded');
  });

  it('shows a watcher its frames, with the iteration they are of', async () => {
    const manager = await open();
    let shown: () => void = () => undefined;
    const first = new Promise<void>((resolve) => (shown = resolve));
    await manager.submit('a', endless());
    const watch = manager.frames.watch('a', { view: 'frame', index: 3, format: 'jpeg', quality: 90 }, () => shown());
    await first;
    expect(await watch.fetch()).toMatchObject({ kind: 'frame', frame: 3, width: 16, height: 12 });
    watch.close();
  });
});

describe('cancelling', () => {
  it('ends a running job after its step, and leaves no artifacts', async () => {
    const manager = await open();
    await manager.submit('a', endless());
    await reaches(manager, 'a', 'running');
    manager.cancel('a');
    expect((await reaches(manager, 'a', ...FINAL_STATES)).state).toBe('canceled');
    await expect.poll(() => workOf('a')).toEqual([]);
  });

  it('of a job that waits does not touch the one that runs', async () => {
    const manager = await open();
    await manager.submit('running', endless());
    await manager.submit('waiting', fixtureRequest('steady'));
    await manager.submit('last', fixtureRequest('steady'));
    await reaches(manager, 'running', 'running');
    expect(manager.cancel('waiting').state).toBe('canceled');
    const before = manager.get('running').progress?.iteration ?? 0;
    await new Promise<void>((resolve) => {
      manager.events.on('progress', (id, { iteration }) => id === 'running' && iteration > before + 2 && resolve());
    });
    expect(manager.get('running').state).toBe('running');
    manager.cancel('running');
    expect((await reaches(manager, 'last', ...FINAL_STATES)).state).toBe('succeeded');
    expect(manager.get('waiting').startedAt).toBeNull();
  });

  it('reaches an encoder that waits', async () => {
    const manager = await open();
    await manager.submit('a', fixtureRequest('encodes-forever'));
    await reaches(manager, 'a', 'encoding');
    manager.cancel('a');
    expect((await reaches(manager, 'a', ...FINAL_STATES)).state).toBe('canceled');
  });

  it('stops a worker by force that does not listen', async () => {
    const manager = await open({ cancelGraceMs: 20 });
    await manager.submit('a', fixtureRequest('hangs'));
    await reaches(manager, 'a', 'running');
    manager.cancel('a');
    expect((await reaches(manager, 'a', ...FINAL_STATES)).state).toBe('canceled');
  });

  it('does nothing to a job that has ended, and knows no other', async () => {
    const manager = await open();
    await manager.submit('a', fixtureRequest('steady'));
    await reaches(manager, 'a', 'succeeded');
    expect(manager.cancel('a').state).toBe('succeeded');
    expect(() => manager.cancel('b')).toThrowError(failing('JOB_UNKNOWN'));
  });
});

describe('pausing', () => {
  it('holds a running job until it is resumed or cancelled', async () => {
    const manager = await open();
    await manager.submit('a', endless());
    await reaches(manager, 'a', 'running');
    manager.pause('a');
    await reaches(manager, 'a', 'paused');
    const held = manager.get('a').progress?.iteration;
    const next = new Promise<number>((resolve) => {
      manager.events.once('progress', (_, { iteration }) => resolve(iteration));
    });
    manager.resume('a');
    await reaches(manager, 'a', 'running');
    expect(await next).toBe((held ?? 0) + 1);
    manager.pause('a');
    await reaches(manager, 'a', 'paused');
    manager.cancel('a');
    expect((await reaches(manager, 'a', ...FINAL_STATES)).state).toBe('canceled');
  });

  it('of a job that waits holds it back, and does not touch the one that runs', async () => {
    const manager = await open();
    await manager.submit('a', endless());
    await manager.submit('b', fixtureRequest('steady'));
    await manager.submit('c', fixtureRequest('steady'));
    await reaches(manager, 'a', 'running');
    expect(manager.pause('b').state).toBe('paused');
    expect(manager.get('a').state).toBe('running');
    manager.cancel('a');
    await reaches(manager, 'c', 'succeeded');
    expect(manager.get('b')).toMatchObject({ state: 'paused', startedAt: null });
    manager.resume('b');
    await reaches(manager, 'b', 'succeeded');
    expect(() => manager.pause('b')).toThrowError(failing('JOB_STATE_CONFLICT'));
    expect(() => manager.resume('b')).toThrowError(failing('JOB_STATE_CONFLICT'));
  });

  it('lets go of the worker when others wait; the job goes on later from what it kept', async () => {
    const manager = await open({ kinds: fixtureKinds({ stepMs: 50 }) });
    await manager.submit('a', fixtureRequest('remembers', { iterations: 400 }), { priority: 1 });
    await reaches(manager, 'a', 'running');
    await new Promise<void>((resolve) => {
      manager.events.on('progress', (id, { iteration }) => id === 'a' && iteration > 5 && resolve());
    });
    manager.pause('a');
    await reaches(manager, 'a', 'paused');
    await manager.submit('b', fixtureRequest('steady'));
    await reaches(manager, 'b', 'succeeded');
    expect(manager.get('a').state).toBe('paused');
    const begun = manager.get('a').progress?.iteration ?? 0;
    const iterations: number[] = [];
    manager.events.on('progress', (id, { iteration }) => id === 'a' && iterations.push(iteration));
    manager.resume('a');
    await reaches(manager, 'a', 'succeeded');
    expect(iterations[0]).toBe(begun + 1);
    await expectAsIfWhole(manager, 400);
  });
});

describe('the queue', () => {
  it('is bounded', async () => {
    const manager = await open({ queueLimit: 2 });
    await manager.submit('a', endless());
    await reaches(manager, 'a', 'running');
    await manager.submit('b', endless());
    await manager.submit('c', endless());
    await expect(manager.submit('d', endless())).rejects.toThrowError(failing('QUEUE_FULL'));
    expect(manager.list().map(({ id }) => id)).toEqual(['c', 'b', 'a']);
    expect(manager.counts).toEqual({ queued: 2, active: 1, finished: 0 });
  });

  it('refuses an unknown model, unit or prior before anything is stored', async () => {
    const manager = await open();
    const submit = (more: Record<string, unknown>) => manager.submit('a', { ...endless(), ...more });
    await expect(submit({ model: 'none' })).rejects.toThrowError(failing('MODEL_UNKNOWN'));
    await expect(submit({ model: 'fixture-prior' })).rejects.toThrowError(failing('MODEL_UNKNOWN'));
    await expect(submit({ prior: 'fixture' })).rejects.toThrowError(failing('MODEL_UNKNOWN'));
    await expect(submit({ unit: 'none' })).rejects.toThrowError(failing('UNIT_UNKNOWN'));
    await expect(submit({ unit: 99 })).rejects.toThrowError(failing('UNIT_UNKNOWN'));
    expect(manager.list()).toEqual([]);
  });

  it('gives the same job for the same request, whatever the order of its fields, and refuses another', async () => {
    const manager = await open();
    const request = endless({ seed: 3 });
    const first = await manager.submit('a', request);
    const again = await manager.submit('a', Object.fromEntries(Object.entries(request).reverse()) as never);
    expect([first.created, again.created]).toEqual([true, false]);
    expect(again.job.createdAt).toBe(first.job.createdAt);
    await expect(manager.submit('a', endless({ seed: 4 }))).rejects.toThrowError(failing('JOB_ID_TAKEN'));
    expect(manager.list().length).toBe(1);
  });
});

describe('a restart', () => {
  it('brings all jobs back: finished ones as they were, the one that ran and those that waited to be run', async () => {
    const first = await open();
    await first.submit('done', fixtureRequest('steady'));
    const done = await reaches(first, 'done', 'succeeded');
    await first.submit('running', fixtureRequest('remembers', { iterations: 300 }));
    await first.submit('waiting', fixtureRequest('steady'));
    await first.submit('held', fixtureRequest('steady'));
    first.pause('held');
    await reaches(first, 'running', 'running');
    await first.close(2000);

    const second = await open();
    expect(second.get('done')).toMatchObject(done);
    expect(second.get('running').crashes).toBe(0);
    expect((await reaches(second, 'waiting', ...FINAL_STATES)).state).toBe('succeeded');
    expect(second.get('running').state).toBe('succeeded');
    expect(second.get('running').endedAt! <= second.get('waiting').startedAt!).toBe(true);
    expect(second.get('held').state).toBe('paused');
    await expect(second.close(0).then(() => second.submit('late', endless()))).rejects.toThrow();
  });

  it('after a crash goes on with the job that ran, to the same bytes', async () => {
    const kinds = fixtureKinds({ stepMs: 50 });
    const first = await open({ kinds, checkpointSeconds: 0.02 });
    await first.submit('a', fixtureRequest('remembers', { iterations: 400 }));
    await new Promise<void>((resolve) => {
      first.events.on('progress', (id, { iteration }) => id === 'a' && iteration > 10 && resolve());
    });
    const copy = await asAfterACrash(folder.path, `${folder.path}-crashed`);
    await first.close(2000);

    const second = await openManager(copy, { kinds, checkpointSeconds: 0.02 });
    folder.keep(second);
    const iterations: number[] = [];
    second.events.on('progress', (_, { iteration }) => iterations.push(iteration));
    expect((await reaches(second, 'a', ...FINAL_STATES)).state).toBe('succeeded');
    expect(iterations[0]).toBeGreaterThan(5);
    await expectAsIfWhole(second, 400);
    await second.close(0);
    await rm(copy, { recursive: true });
  });

  it('leaves a broken record out, and says so', async () => {
    const first = await open();
    await first.submit('a', fixtureRequest('steady'));
    await first.submit('b', fixtureRequest('steady'));
    first.pause('b');
    await reaches(first, 'a', 'succeeded');
    await first.close(1000);
    const db = new Database(join(folder.path, 'jobs.db'));
    db.prepare(`UPDATE jobs SET body = '{"id":' WHERE id = 'b'`).run();
    db.close();
    const said: object[] = [];
    const log = { info: () => undefined, warn: () => undefined, error: (fields: object) => void said.push(fields) };
    const second = await open({ log });
    expect(second.live()).toEqual([]);
    expect(said).toEqual([{ err: expect.objectContaining({ code: 'JOB_RECORD_INVALID' }) }]);
  });
});

describe('the data folder', () => {
  it('that is a file, or lies in one, is refused', async () => {
    const file = join(folder.path, 'file');
    await writeFile(file, '');
    await expect(openManager(file)).rejects.toThrowError(failing('DATA_FOLDER_UNWRITABLE'));
    await expect(openManager(join(file, 'below'))).rejects.toThrowError(failing('DATA_FOLDER_UNWRITABLE'));
  });

  it('that another living process works in is refused', async () => {
    await writeFile(join(folder.path, 'server.pid'), `${process.ppid}\n`);
    await expect(openManager(folder.path)).rejects.toThrowError(failing('DATA_FOLDER_IN_USE'));
    await writeFile(join(folder.path, 'server.pid'), '999999999\n');
    await expect(open()).resolves.toBeDefined();
  });

  it('that is full fails the job, not the server', async () => {
    const full = (): Promise<never> => Promise.reject(Object.assign(new Error('write'), { code: 'ENOSPC' }));
    let isFull = true;
    const files: FileWriter = { ...fileWriter, move: (from, to) => (isFull ? full() : fileWriter.move(from, to)) };
    const manager = await open({ files });
    await manager.submit('a', fixtureRequest('steady'));
    expect(await reaches(manager, 'a', ...FINAL_STATES)).toMatchObject({
      state: 'failed',
      error: { code: 'DISK_FULL' },
    });
    await manager.submit('b', fixtureRequest('fills-the-disk'));
    expect(await reaches(manager, 'b', ...FINAL_STATES)).toMatchObject({
      state: 'failed',
      error: { code: 'DISK_FULL' },
    });
    isFull = false;
    manager.retry('a');
    expect((await reaches(manager, 'a', ...FINAL_STATES)).state).toBe('succeeded');
  });
});

describe('what a worker sends', () => {
  it('is bounded: the next frames wait until the last have been taken', async () => {
    const manager = await open({ kinds: fixtureKinds({ stepMs: 0 }) });
    let published = 0;
    const { frames } = manager;
    const publish = frames.publish.bind(frames);
    frames.publish = (...all) => {
      published++;
      publish(...all);
    };
    const started = performance.now();
    await manager.submit('a', fixtureRequest('steady', { iterations: 300 }));
    await reaches(manager, 'a', 'succeeded');
    // Nobody watches: the first, and one every five seconds.
    expect(published).toBeLessThanOrEqual(2 + (performance.now() - started) / 5000);
    expect(published).toBeGreaterThanOrEqual(1);
  });
});
