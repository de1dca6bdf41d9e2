/** The kind `audit`, with real worker processes, a tiny network and real clips. */
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { ModelRegistry } from '../../src/engine/models/registry.js';
import { clipSetNames } from '../../src/jobs/audit/clip-sets.js';
import { jobKinds } from '../../src/jobs/kinds.js';
import type { JobManager } from '../../src/jobs/manager.js';
import {
  auditReport,
  FINAL_STATES,
  jobRequest,
  parseWith,
  type JobProgress,
  type JobRequest,
} from '../../src/protocol/index.js';
import { TINY_RECOGNISER, writeTinyClips, writeTinyModels } from '../fixtures/tiny-models.js';
import { asAfterACrash, openManager, reaches, temporaryFolder } from './fixtures/fixtures.js';

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let managers: JobManager[] = [];
let opened = 0;

const request = (more: Record<string, unknown> = {}): JobRequest =>
  parseWith(jobRequest, { kind: 'audit', model: TINY_RECOGNISER, permutations: 4, ...more });
/** One that takes its time for each clip. */
const slow = (): JobRequest => request({ clips: 'many', conditions: ['shuffle'], permutations: 3000 });

const place = (...parts: string[]): string => join(folder.path, ...parts);

async function open(dataFolder = place(`data-${++opened}`)): Promise<JobManager> {
  const registry = ModelRegistry.open({ folders: [place('models')] });
  const settings = {
    ...{ modelFolders: [place('models')], runtime: 'auto', threads: 1 },
    ...{ clipFolders: [place('sets')], frameCacheFolder: place('cache') },
  };
  const manager = await openManager(dataFolder, { kinds: jobKinds(registry, settings) });
  managers.push(manager);
  return manager;
}

/** Resolves with the progress when so many clips are done. */
function clipsDone(manager: JobManager, id: string, count: number): Promise<JobProgress> {
  return new Promise((resolve) => {
    manager.events.on('progress', (job, progress) => {
      if (job === id && progress.iteration >= count) resolve(progress);
    });
  });
}

async function reportOf(manager: JobManager, id: string) {
  const job = await reaches(manager, id, ...FINAL_STATES);
  expect(job.error).toBeNull();
  const text = await readFile(manager.artifact(id, 'report.json').path, 'utf8');
  return { job, text, report: auditReport.parse(JSON.parse(text)) };
}

beforeAll(async () => {
  folder = await temporaryFolder();
  await writeTinyModels(place('models'), { clips: 1 });
  await mkdir(place('sets'));
  await writeTinyClips(place('sets', 'many'), 4);
});

afterEach(async () => {
  for (const manager of managers) await manager.close(5000);
  managers = [];
});
afterAll(() => folder.remove());

describe('an audit job', () => {
  it('reports clip by clip, and leaves a page, a report, tables and plots', async () => {
    const manager = await open();
    const seen: JobProgress[] = [];
    manager.events.on('progress', (_, progress) => seen.push(progress));
    await manager.submit('a', request());
    const { job, report } = await reportOf(manager, 'a');
    expect(job.state).toBe('succeeded');
    expect(job.events.map(({ state }) => state)).toEqual(['queued', 'starting', 'running', 'encoding', 'succeeded']);
    expect(job.run).toMatchObject({ models: [TINY_RECOGNISER], clips: 3, permutations: 4, found: 0 });
    expect(report.models[0]).toMatchObject({ name: TINY_RECOGNISER, clipsScored: 3 });
    const clips = seen.filter(({ framesToEncode }) => framesToEncode === 0);
    expect([...new Set(clips.map(({ iteration }) => iteration))]).toEqual([1, 2, 3]);
    expect(clips.at(-1)).toMatchObject({
      iterations: 3,
      audit: { model: TINY_RECOGNISER, clip: 'still/dot-1.mp4', skipped: 0 },
    });
    expect(manager.get('a').history.iterations).toEqual([1, 2, 3]);
    const names = manager.artifacts('a').map(({ name }) => name);
    expect(names).toEqual(
      expect.arrayContaining([
        'report.html',
        'report.json',
        'clips.csv',
        'conditions.csv',
        'flip-rate.svg',
        'observations.jsonl',
      ]),
    );
    await expect.poll(() => readdir(place(`data-${opened}`, 'work'))).toEqual([]);
  });

  it('is run on a set of clips of the server, and on no other path', async () => {
    const manager = await open();
    await manager.submit('a', request({ clips: 'many', conditions: ['reverse'] }));
    expect((await reportOf(manager, 'a')).report.models[0]!.clipsScored).toBe(12);
    await expect(manager.submit('b', request({ clips: 'few' }))).rejects.toMatchObject({
      code: 'REQUEST_INVALID',
      message: 'There is no set of clips named "few"; there are: many.',
    });
    for (const clips of ['../sets/many', '/etc', '..'])
      expect(() => request({ clips })).toThrow(/name of a set of clips/);
    expect(clipSetNames([place('sets'), place('nowhere')])).toEqual(['many']);
  });

  it('says nothing of where clips are: neither of one that cannot be read, nor of the set, nor in an error', async () => {
    const manager = await open();
    await writeTinyClips(place('sets', 'spoilt'), 1);
    await writeFile(place('sets', 'spoilt', 'left', 'broken.mp4'), 'no video');
    await mkdir(place('sets', 'hopeless', 'left'), { recursive: true });
    await writeFile(place('sets', 'hopeless', 'left', 'broken.mp4'), 'no video');
    await writeFile(place('sets', 'list.csv'), 'nothing of the kind');
    await manager.submit('spoilt', request({ clips: 'spoilt', conditions: ['reverse'] }));
    const { text, report } = await reportOf(manager, 'spoilt');
    expect(report.models[0]!.skipped).toEqual([
      { name: 'left/broken.mp4', reason: expect.stringContaining('left/broken.mp4 is not a readable video') },
    ]);
    expect(report.parameters.clips).toBe('spoilt');
    expect(text).not.toContain(folder.path);
    const page = await readFile(manager.artifact('spoilt', 'report.html').path, 'utf8');
    expect(page).not.toContain(folder.path);
    for (const [clips, code] of [
      ['hopeless', 'AUDIT_NO_CLIPS'],
      ['list.csv', 'REQUEST_INVALID'],
    ] as const) {
      await manager.submit(clips, request({ clips }));
      const { error } = await reaches(manager, clips, ...FINAL_STATES);
      expect(error?.code).toBe(code);
      expect(JSON.stringify(error)).not.toContain(folder.path);
    }
  });

  it.each([
    [{ model: 'nobody' }, 'MODEL_UNKNOWN'],
    [{ compare: ['nobody'] }, 'MODEL_UNKNOWN'],
    [{ conditions: ['shufle'] }, 'CONDITION_UNKNOWN'],
  ])('that asks for %j is refused at once', async (more, code) => {
    const manager = await open();
    await expect(manager.submit('a', request(more))).rejects.toMatchObject({ code });
  });

  it('can be cancelled between clips, and paused', async () => {
    const manager = await open();
    await manager.submit('a', slow());
    await clipsDone(manager, 'a', 1);
    manager.pause('a');
    await reaches(manager, 'a', 'paused');
    manager.resume('a');
    await reaches(manager, 'a', 'running');
    manager.cancel('a');
    expect((await reaches(manager, 'a', ...FINAL_STATES)).state).toBe('canceled');
    await expect.poll(() => readdir(place(`data-${opened}`, 'work'))).toEqual([]);
  });
});

describe('an audit job that is interrupted', () => {
  let whole: string;
  beforeAll(async () => {
    const manager = await open();
    await manager.submit('a', slow());
    whole = (await reportOf(manager, 'a')).text;
  });

  it('waits when the server stops, and goes on where it was when it starts again', async () => {
    const data = place('stopped');
    const first = await open(data);
    await first.submit('a', slow());
    await first.submit('later', request());
    await clipsDone(first, 'a', 2);
    await first.close(5000);
    expect(first.get('a').state).toBe('queued');
    const second = await open(data);
    const { job, text } = await reportOf(second, 'a');
    expect(text).toBe(whole);
    expect((job.run as { found: number }).found).toBeGreaterThanOrEqual(2);
    expect(job.events.map(({ state }) => state)).toEqual([
      ...['queued', 'starting', 'running', 'queued', 'starting', 'running', 'encoding', 'succeeded'],
    ]);
    expect((await reportOf(second, 'later')).job.startedAt! > job.startedAt!).toBe(true);
  });

  it('goes on after a crash, too, from what is on the disk', async () => {
    const first = await open();
    await first.submit('a', slow());
    await clipsDone(first, 'a', 3);
    // The folder as a crash at this moment would leave it.
    await asAfterACrash(place(`data-${opened}`), place('crashed'));
    first.cancel('a');
    const { job, text } = await reportOf(await open(place('crashed')), 'a');
    expect(text).toBe(whole);
    expect((job.run as { found: number }).found).toBeGreaterThanOrEqual(2);
  });
});
