/** Jobs of the kinds that ship, on small models: steered over the stream, and stopped with the server. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { imageReport, videoReport, type Job } from '../../src/protocol/index.js';
import { ServerProcess, type Place } from '../chaos/server-process.js';
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
    const plan = [{ iteration: 3, change: { unit: 500 } }];
    await t.call('PUT', '/v1/jobs/v', { ...video, iterations: 100_000 });
    await t.call('PUT', '/v1/jobs/i', { ...image, iterations: 20, steering: plan });
    await reaches(t.server.jobs, 'v', 'running');
    const refused = async (changes: object, of: string, job = 'v'): Promise<void> => {
      client.send({ type: 'steer', job, changes });
      expect(await client.next('error')).toMatchObject({ error: code(of) });
    };
    await refused({ rate: 0 }, 'MESSAGE_INVALID');
    await refused({ penalties: { beauty: 1 } }, 'MESSAGE_INVALID');
    await refused({ penalties: { smoothness: -1 } }, 'MESSAGE_INVALID');
    await refused({ penalties: {} }, 'MESSAGE_INVALID');
    await refused({ unit: 'sideways' }, 'UNIT_UNKNOWN');
    expect(t.server.jobs.get('v').steering).toEqual([]);
    client.send({ type: 'subscribe', job: 'i' });
    client.send({ type: 'cancel', job: 'v' });
    // A plan is the worker's to look into.
    await client.next('ended');
    expect(t.server.jobs.get('i')).toMatchObject({
      state: 'succeeded',
      steering: [{ iteration: null, change: { unit: 500 }, refused: expect.stringMatching(/500/) }],
    });
    expect(imageReport.parse(await reportOf('i'))).toMatchObject({ steering: [], pictures: [{ unit: { index: 1 } }] });
  });
});

describe('a job that is asked for over HTTP', () => {
  let t: TestServer;

  beforeAll(async () => {
    t = await startServer({ realModels: models() });
  });

  afterAll(() => t.stop());

  const image = { kind: 'image', model: TINY_CLASSIFIER, prior: 'pixels' };
  it.each([
    [{ ...video, layer: 'conv1', unit: 6 }, /The layer "conv1" of tiny-lrcn, \[1, 6, 8, 8\], has no unit 6/],
    [{ ...video, layer: 'conv1', unit: 0, position: [0, 8] }, /has no position 0, 8/],
    [{ ...video, layer: 'gates', position: [0, 0] }, /has no rows and columns/],
    [{ ...video, layer: 'conv9' }, /no layer "conv9"; there are: .*conv1/],
    [{ ...image, layer: 'fc', units: [0, 12] }, /has no unit 12/],
    [{ kind: 'batch', units: [0, 500], job: { ...video, layer: 'conv1' } }, /has no unit 500/],
  ])('is refused at once when it has no such unit: %j', async (request, message) => {
    const { status, body } = await t.call('POST', '/v1/jobs', request);
    expect([status, body.error.code]).toEqual([404, 'UNIT_UNKNOWN']);
    expect(body.error.message).toMatch(message);
    expect(body.error.message).not.toContain(folder.path);
  });

  it('says what its sequence costs against free codes, when that is asked for', async () => {
    const settings = { sequence: { form: 'keyframes', every: 4, interpolation: 'linear' } };
    const request = { ...video, iterations: 4, settings, compareFree: true };
    expect((await t.call('PUT', '/v1/jobs/compared', request)).status).toBe(201);
    const job = await reaches(t.server.jobs, 'compared', 'succeeded', 'failed');
    expect([job.error, job.request]).toEqual([null, expect.objectContaining({ compareFree: true })]);
    const { body } = await t.call('GET', '/v1/jobs/compared/artifacts/report.json');
    const { freeCodes, finalActivation } = videoReport.parse(body);
    expect(freeCodes!.cost).toBeCloseTo(freeCodes!.activation - finalActivation, 6);
    await t.call('PUT', '/v1/jobs/alone', { ...request, compareFree: false });
    await reaches(t.server.jobs, 'alone', 'succeeded', 'failed');
    const alone = videoReport.parse((await t.call('GET', '/v1/jobs/alone/artifacts/report.json')).body);
    expect([alone.freeCodes, alone.finalActivation]).toEqual([null, finalActivation]);
  });
});

describe('a server with a running job that is told to stop', () => {
  const servers: ServerProcess[] = [];
  const start = async (place: Place): Promise<ServerProcess> => {
    const server = await ServerProcess.start(place);
    servers.push(server);
    return server;
  };

  // Those that a test that failed left behind.
  afterEach(async () => {
    for (const server of servers.splice(0)) await server.kill();
  });

  it.each(['SIGTERM', 'SIGINT'] as const)(
    'by %s closes its viewers with 1001 and ends within 10 s; the job goes on with the next one where it was',
    async (signal) => {
      const place = { data: join(folder.path, `data-${signal}`), models: models() };
      const first = await start(place);
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
      const second = await start(place);
      const after = await second.until('a', ({ state }) => state === 'running');
      expect(after.crashes).toBe(0);
      // What is kept is the iteration at which it was told to stop: it begins nothing anew.
      expect(after.progress!.iteration).toBeGreaterThanOrEqual(job.progress!.iteration);
      expect(after.events.map(({ state }) => state)).toContain('queued');
      await second.stop(signal);
    },
  );
});
