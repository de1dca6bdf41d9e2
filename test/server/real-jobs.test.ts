/** Jobs of the kinds that ship, on small models: steered over the stream, and stopped with the server. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { imageReport, videoReport, type Job } from '../../src/protocol/index.js';
import { ServerProcess } from '../chaos/server-process.js';
import { TINY_CLASSIFIER, writeTinyClassifier } from '../fixtures/tiny-classifier.js';
import { TINY_RECOGNISER, writeTinyModels } from '../fixtures/tiny-models.js';
import { reaches, temporaryFolder } from '../jobs/fixtures/fixtures.js';
import { openStream, startServer, type StreamClient, type TestServer } from './harness.js';

const code = (of: string): object => expect.objectContaining({ code: of });
const video = { kind: 'video', model: TINY_RECOGNISER, prior: 'pixels', frames: 8 };
let folder: Awaited<ReturnType<typeof temporaryFolder>>;
const models = (): string => join(folder.path, 'models');

beforeAll(async () => {
  folder = await temporaryFolder();
  await writeTinyModels(models());
  writeTinyClassifier(models());
});

afterAll(() => folder.remove());

describe('a running job that is steered over the stream', () => {
  let t: TestServer;
  let client: StreamClient;

  beforeEach(async () => {
    t = await startServer({ realModels: models() });
    client = await t.stream();
  });

  afterEach(async () => {
    client.socket.close();
    await t.stop();
  });

  const reportOf = async (id: string, name = 'report.json'): Promise<unknown> =>
    JSON.parse(await readFile(t.server.jobs.artifact(id, name).path, 'utf8'));
  const hashOf = (id: string): string => t.server.jobs.artifact(id, 'video.mp4').sha256;

  it('reports each change with its iteration, and with these makes the same video again', async () => {
    await t.call('PUT', '/v1/jobs/a', { ...video, iterations: 250 });
    client.send({ type: 'subscribe', job: 'a' });
    const changes = [{ rate: 0.5 }, { unit: 'left' }, { penalties: { naturalness: 0.3, totalVariation: 2 } }];
    for (const [re, change] of changes.entries()) {
      await client.next('progress');
      client.send({ type: 'steer', job: 'a', changes: change, re });
      expect(await client.next('done', (message) => message.re === re)).toMatchObject({ command: 'steer' });
    }
    expect((await client.next('ended')).state).toBe('succeeded');
    const { steering, activations } = videoReport.parse(await reportOf('a'));
    expect(steering.map(({ change }) => change)).toEqual(changes);
    const iterations = steering.map(({ iteration }) => iteration);
    expect(iterations).toEqual([...iterations].sort((a, b) => a - b));
    expect(iterations[0]).toBeGreaterThan(1);
    expect(t.server.jobs.get('a').steering.map(({ iteration }) => iteration)).toEqual(iterations);
    await t.call('PUT', '/v1/jobs/again', { ...video, iterations: 250, steering });
    await t.call('PUT', '/v1/jobs/without', { ...video, iterations: 250 });
    for (const id of ['again', 'without']) await reaches(t.server.jobs, id, 'succeeded');
    expect(videoReport.parse(await reportOf('again'))).toMatchObject({ steering, activations });
    expect(hashOf('again')).toBe(hashOf('a'));
    expect(hashOf('without')).not.toBe(hashOf('a'));
  });

  it('refuses at once what cannot be, and records as refused what the model cannot do', async () => {
    const image = { kind: 'image', model: TINY_CLASSIFIER, prior: 'pixels', layer: 'fc', units: [1] };
    await t.call('PUT', '/v1/jobs/v', { ...video, iterations: 100_000 });
    await t.call('PUT', '/v1/jobs/i', { ...image, iterations: 120 });
    await reaches(t.server.jobs, 'v', 'running');
    const refused = async (changes: object, of: string): Promise<void> => {
      client.send({ type: 'steer', job: 'v', changes });
      expect(await client.next('error')).toMatchObject({ error: code(of) });
    };
    await refused({ rate: 0 }, 'MESSAGE_INVALID');
    await refused({ penalties: { beauty: 1 } }, 'MESSAGE_INVALID');
    await refused({ penalties: { smoothness: -1 } }, 'MESSAGE_INVALID');
    await refused({ penalties: {} }, 'MESSAGE_INVALID');
    await refused({ unit: 'sideways' }, 'UNIT_UNKNOWN');
    expect(t.server.jobs.get('v').steering).toEqual([]);
    // A hidden layer is the worker's to look into.
    client.send({ type: 'subscribe', job: 'i' });
    client.send({ type: 'cancel', job: 'v' });
    await client.next('progress');
    client.send({ type: 'steer', job: 'i', changes: { unit: 500 }, re: 1 });
    await client.next('done', ({ re }) => re === 1);
    await client.next('ended');
    expect(t.server.jobs.get('i')).toMatchObject({
      state: 'succeeded',
      steering: [{ iteration: null, change: { unit: 500 }, refused: expect.stringMatching(/500/) }],
    });
    expect(imageReport.parse(await reportOf('i'))).toMatchObject({ steering: [], pictures: [{ unit: { index: 1 } }] });
  });
});

describe('a server with a running job that is told to stop', () => {
  it.each(['SIGTERM', 'SIGINT'] as const)(
    'by %s closes its viewers with 1001 and ends within 10 s; the job goes on with the next one where it was',
    async (signal) => {
      const place = { data: join(folder.path, `data-${signal}`), models: models() };
      const first = await ServerProcess.start(place);
      await first.call('PUT', '/v1/jobs/a', { ...video, iterations: 3000 });
      const far = (job: Job): boolean => (job.progress?.iteration ?? 0) > 20;
      await first.until('a', far);
      const client = await openStream(first.url);
      client.send({ type: 'subscribe', job: 'a', frames: {} });
      const { job } = await client.next('state');
      const began = performance.now();
      const ended = first.stop(signal);
      expect(await client.closed).toMatchObject({ code: 1001 });
      const late = first.call('PUT', '/v1/jobs/late', video).then(
        () => 'taken',
        (error: Error) => error.message,
      );
      expect(await ended).toBe(0);
      expect(performance.now() - began).toBeLessThan(10_000);
      // Refused, or nobody answers any more.
      expect(await late).toMatch(/SHUTTING_DOWN|fetch failed/);
      const second = await ServerProcess.start(place);
      const after = await second.until('a', ({ state }) => state === 'running');
      expect(after.crashes).toBe(0);
      // What is kept is the iteration at which it was told to stop: it begins nothing anew.
      expect(after.progress!.iteration).toBeGreaterThanOrEqual(job.progress!.iteration);
      expect(after.events.map(({ state }) => state)).toContain('queued');
      await second.stop(signal);
    },
  );
});
