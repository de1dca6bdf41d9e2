import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { listArtifacts } from '../../src/jobs/artifacts.js';
import type { JobManager } from '../../src/jobs/manager.js';
import { FINAL_STATES } from '../../src/protocol/index.js';
import { endless, fixtureKinds, fixtureRequest, openManager, reaches, temporaryFolder } from './fixtures/fixtures.js';

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let managers: JobManager[] = [];

async function open(...options: Parameters<typeof openManager> extends [string, ...infer R] ? R : never) {
  const manager = await openManager(folder.path, ...options);
  managers.push(manager);
  return manager;
}

/** Artifacts in any form, finished or not. */
async function artifactFolders(job: string): Promise<string[]> {
  return (await readdir(join(folder.path, 'jobs', job))).filter((name) => name.startsWith('artifacts'));
}

const failing = (code: string): object => expect.objectContaining({ code });

beforeEach(async () => {
  folder = await temporaryFolder();
});

afterEach(async () => {
  for (const manager of managers) await manager.close(1000);
  managers = [];
  await folder.remove();
});

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
    const artifacts = await listArtifacts('a', manager.artifactsFolder('a'));
    expect(artifacts.map(({ name }) => name)).toEqual(['report.json', 'video.mp4']);
    const report = JSON.parse(await readFile(join(manager.artifactsFolder('a'), 'report.json'), 'utf8'));
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
    expect(await listArtifacts('bad', manager.artifactsFolder('bad'))).toEqual([]);
    expect(await artifactFolders('bad')).toEqual([]);
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
    expect(await artifactFolders('a')).toEqual([]);
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
    manager.resume('a');
    await reaches(manager, 'a', 'running');
    await new Promise<void>((resolve) => manager.events.once('progress', () => resolve()));
    expect(manager.get('a').progress?.iteration).toBe((held ?? 0) + 1);
    manager.pause('a');
    await reaches(manager, 'a', 'paused');
    manager.cancel('a');
    expect((await reaches(manager, 'a', ...FINAL_STATES)).state).toBe('canceled');
  });

  it('is refused for a job that does not run', async () => {
    const manager = await open();
    await manager.submit('a', endless());
    await manager.submit('b', endless());
    expect(() => manager.pause('b')).toThrowError(failing('JOB_STATE_CONFLICT'));
    expect(() => manager.resume('b')).toThrowError(failing('JOB_STATE_CONFLICT'));
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
    expect(await readdir(join(folder.path, 'jobs'))).toEqual([]);
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
  it('brings all jobs back: finished ones as they were, waiting ones to be run', async () => {
    const first = await open();
    await first.submit('done', fixtureRequest('steady'));
    const done = await reaches(first, 'done', 'succeeded');
    await first.submit('running', endless());
    await first.submit('waiting', fixtureRequest('steady'));
    await reaches(first, 'running', 'running');
    await first.close(2000);
    expect(first.get('running')).toMatchObject({ state: 'failed', error: { code: 'JOB_INTERRUPTED' } });
    await expect(first.submit('late', endless())).rejects.toThrowError(failing('SHUTTING_DOWN'));

    const second = await open();
    expect(second.get('done')).toEqual({ ...done, history: first.get('done').history });
    expect(second.get('running')).toMatchObject({ state: 'failed', error: { code: 'JOB_INTERRUPTED' } });
    expect((await reaches(second, 'waiting', ...FINAL_STATES)).state).toBe('succeeded');
  });

  it('after a crash makes the job that ran a failed one', async () => {
    const first = await open();
    await first.submit('a', endless());
    await reaches(first, 'a', 'running');
    const record = join(folder.path, 'jobs', 'a', 'record.json');
    await expect.poll(async () => (await readFile(record, 'utf8')).includes('"state": "running"')).toBe(true);
    const asItWas = await readFile(record, 'utf8');
    await first.close(2000);
    await writeFile(record, asItWas);

    const second = await open();
    expect(second.get('a')).toMatchObject({ state: 'failed', error: { code: 'JOB_INTERRUPTED' } });
    expect(second.get('a').events.at(-1)?.state).toBe('failed');
  });

  it('leaves a broken record out, and says so', async () => {
    const first = await open();
    await first.submit('a', fixtureRequest('steady'));
    await first.submit('b', fixtureRequest('steady'));
    await reaches(first, 'b', 'succeeded');
    await first.close(1000);
    await writeFile(join(folder.path, 'jobs', 'a', 'record.json'), '{"format":');
    const said: object[] = [];
    const log = { info: () => undefined, warn: () => undefined, error: (fields: object) => void said.push(fields) };
    const second = await open({ log });
    expect(second.list().map(({ id }) => id)).toEqual(['b']);
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

  it('that breaks while the server runs fails the submission, not the server', async () => {
    const manager = await open();
    await rm(join(folder.path, 'jobs'), { recursive: true });
    await writeFile(join(folder.path, 'jobs'), 'in the way');
    await expect(manager.submit('a', fixtureRequest('steady'))).rejects.toThrowError(failing('DATA_FOLDER_UNWRITABLE'));
    await rm(join(folder.path, 'jobs'));
    await manager.submit('a', fixtureRequest('steady'));
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
    await manager.submit('a', fixtureRequest('steady', { iterations: 300 }));
    await reaches(manager, 'a', 'succeeded');
    // Nobody watches: the first, and one every five seconds.
    expect(published).toBeLessThan(10);
    expect(published).toBeGreaterThanOrEqual(1);
  });
});
