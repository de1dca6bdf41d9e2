/** What a server tells of models beyond their list, with tiny networks, real clips and real forward passes. */
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ModelRegistry } from '../../src/engine/models/registry.js';
import { jobKinds } from '../../src/jobs/kinds.js';
import { jobRequest, modelDetails, modelLayers, unitExamples, type UnitExamples } from '../../src/protocol/index.js';
import { createServer, type NeuroreelServer } from '../../src/server/index.js';
import { parseToken } from '../../src/server/tokens.js';
import { decodeVideo } from '../../src/video/index.js';
import { TINY_CLASSIFIER, writeTinyClassifier, writeTinyPictures } from '../fixtures/tiny-classifier.js';
import { TINY_PRIOR, TINY_RECOGNISER, writeTinyClips, writeTinyModels } from '../fixtures/tiny-models.js';
import { reaches, temporaryFolder } from '../jobs/fixtures/fixtures.js';

const secrets = { view: 'the-viewers-token-1', run: 'the-runners-token-2', admin: 'the-admins-token-3' };

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let server: NeuroreelServer;
const place = (...parts: string[]): string => join(folder.path, ...parts);

async function start(): Promise<void> {
  const models = ModelRegistry.open({ folders: [place('models')] });
  const clipFolders = [place('sets')];
  const settings = { modelFolders: [place('models')], runtime: 'auto', threads: 1, clipFolders };
  const moreTokens = Object.entries(secrets).map(([scope, secret]) => parseToken(`${scope}:${secret}`, 'test'));
  const config = { port: 0, dataFolder: place('data'), logLevel: 'silent', clipFolders, moreTokens } as const;
  server = await createServer(config, { models, kinds: jobKinds(models, settings) });
  await server.listen();
}

async function call(method: string, path: string, scope: keyof typeof secrets = 'view', body?: unknown) {
  const response = await fetch(server.url + path.slice(1), {
    method,
    headers: { authorization: `Bearer ${secrets[scope]}`, 'content-type': 'application/json' },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const bytes = Buffer.from(await response.arrayBuffer());
  const isJson = response.headers.get('content-type')?.startsWith('application/json') ?? false;
  return {
    status: response.status,
    headers: response.headers,
    bytes,
    body: isJson ? JSON.parse(bytes.toString()) : null,
  };
}

/** Waits until the set is scored. */
async function scored(path: string): Promise<UnitExamples> {
  for (;;) {
    const { body } = await call('GET', path);
    if (body.state === 'complete' || body.state === 'failed') return unitExamples.parse(body);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

beforeAll(async () => {
  folder = await temporaryFolder();
  await writeTinyModels(place('models'), { clips: 2 });
  writeTinyClassifier(place('models'));
  await mkdir(place('sets'));
  await writeTinyClips(place('sets', 'dots'), 1);
  await writeFile(place('sets', 'dots', 'left', 'broken.mp4'), 'no video');
  await writeTinyPictures(place('sets', 'pictures'), 2);
  await start();
});

afterAll(async () => {
  await server?.close();
  await folder?.remove();
});

describe('a model', () => {
  it('comes with what its manifest says: source, files with hashes, sequence', async () => {
    const { body } = await call('GET', `/v1/models/${TINY_RECOGNISER}`);
    expect(modelDetails.parse(body)).toMatchObject({
      ...{ name: TINY_RECOGNISER, source: 'random numbers', ownClips: true },
      sequence: { rule: 'windows', length: 8, stride: 4 },
      files: expect.arrayContaining([{ path: 'graph.json', sha256: expect.stringMatching(/^[0-9a-f]{64}$/) }]),
    });
    expect((await call('GET', `/v1/models/${TINY_PRIOR}`)).body.code).toMatchObject({ size: 8 });
    expect((await call('GET', '/v1/models/none')).body.error.code).toBe('MODEL_UNKNOWN');
  });

  it('has its layers told, with shapes, weights, costs and receptive fields', async () => {
    const { status, body, headers } = await call('GET', `/v1/models/${TINY_RECOGNISER}/layers`);
    expect(status).toBe(200);
    const layers = modelLayers.parse(body);
    expect(layers).toMatchObject({ model: TINY_RECOGNISER, kind: 'recogniser', per: 'frame', units: 3 });
    expect(layers.graphs[0]!.layers[0]).toMatchObject({
      ...{ name: 'conv1', ops: ['Conv2d', 'Relu'], shape: [1, 6, 8, 8], weights: 168, macs: 10368 },
      receptiveField: { size: [3, 3], offset: [7, 7] },
    });
    expect(layers.totals.weights).toBe(9546);
    const again = await call('GET', `/v1/models/${TINY_RECOGNISER}/layers`);
    expect(again.headers.get('etag')).toBe(headers.get('etag'));
    expect((await call('GET', '/v1/models/none/layers')).body.error.code).toBe('MODEL_UNKNOWN');
  });
});

describe('real examples of units', () => {
  const path = `/v1/models/${TINY_RECOGNISER}/examples`;

  it('are scored when somebody asks who may run things, and then ranked for every unit', async () => {
    expect((await call('GET', path)).body).toMatchObject({ state: 'incomplete', scored: 0, total: 6, examples: [] });
    expect((await call('POST', path, 'view', {})).body.error.code).toBe('SCOPE_REQUIRED');
    expect((await call('POST', path, 'run', {})).status).toBe(202);
    const { unit, examples, medium, scored: count } = await scored(`${path}?unit=left&limit=4`);
    expect([unit, medium, count, examples.length]).toEqual([{ index: 0, label: 'left' }, 'clip', 6, 4]);
    const activations = examples.map(({ activation }) => activation);
    expect(activations).toEqual([...activations].sort((a, b) => b - a));
    expect(new Set(activations).size).toBeGreaterThan(1);
    expect(examples[0]).toMatchObject({ frames: 12, name: expect.stringMatching(/^\w+\/dot-\d\.mp4$/) });
    const other = await scored(`${path}?unit=2`);
    expect(other.unit).toEqual({ index: 2, label: 'still' });
    expect(other.examples.map(({ id }) => id)).not.toEqual(examples.map(({ id }) => id));
  });

  it('are shown as a picture and as an MP4 that browsers play', async () => {
    const { id } = (await scored(path)).examples[0]!;
    const picture = await call('GET', `${path}/${id}/picture.webp`);
    expect(picture.headers.get('content-type')).toBe('image/webp');
    expect(await sharp(picture.bytes).metadata()).toMatchObject({ format: 'webp', height: 96, width: 96 });
    const clip = await call('GET', `${path}/${id}/clip.mp4`);
    expect(clip.headers.get('content-type')).toBe('video/mp4');
    await writeFile(place('clip.mp4'), clip.bytes);
    expect(await decodeVideo(place('clip.mp4'))).toMatchObject({ count: 12, width: 16, height: 16, fps: 25 });
    const part = await fetch(`${server.url.slice(0, -1)}${path}/${id}/clip.mp4`, {
      headers: { authorization: `Bearer ${secrets.view}`, range: 'bytes=0-9' },
    });
    expect(part.status).toBe(206);
    await part.arrayBuffer();
    for (const wrong of [`${'0'.repeat(64)}/clip.mp4`, `${id}/model.json`]) {
      expect((await call('GET', `${path}/${wrong}`)).body.error.code).toBe('ARTIFACT_UNKNOWN');
    }
    expect((await call('GET', `${path}/..%2f..%2fmodel.json/clip.mp4`)).body.error.code).toBe('REQUEST_INVALID');
  });

  it('come from a set of the server as well; what cannot be read is told', async () => {
    await call('POST', path, 'run', { clips: 'dots' });
    const found = await scored(`${path}?clips=dots`);
    expect(found).toMatchObject({ state: 'complete', source: 'dots', scored: 3, total: 4 });
    expect(found.skipped).toEqual([{ name: 'left/broken.mp4', reason: 'it cannot be decoded as a video' }]);
    expect(JSON.stringify(found)).not.toContain(folder.path);
    expect((await call('GET', `${path}?clips=none`)).body.error.code).toBe('REQUEST_INVALID');
    expect((await call('GET', `${path}?clips=..%2fmodels`)).body.error.code).toBe('REQUEST_INVALID');
    expect((await call('GET', `${path}?unit=nothing`)).body.error.code).toBe('UNIT_UNKNOWN');
  });

  it('of a classifier are pictures', async () => {
    const own = `/v1/models/${TINY_CLASSIFIER}/examples`;
    expect((await call('GET', own)).body.error).toMatchObject({ code: 'REQUEST_INVALID' });
    await call('POST', own, 'run', { clips: 'pictures' });
    const { examples, medium } = await scored(`${own}?clips=pictures&unit=right`);
    expect([medium, examples.length]).toEqual(['picture', 6]);
    const picture = await call('GET', `${own}/${examples[0]!.id}/picture.webp?clips=pictures`);
    expect((await sharp(picture.bytes).metadata()).format).toBe('webp');
    const clip = await call('GET', `${own}/${examples[0]!.id}/clip.mp4?clips=pictures`);
    expect(clip.body.error.code).toBe('ARTIFACT_UNKNOWN');
    expect((await call('GET', `/v1/models/${TINY_PRIOR}/examples`)).body.error.code).toBe('MODEL_UNKNOWN');
  });

  it('are still known after a restart, to those who may only look; new clips are found', async () => {
    const before = await scored(path);
    await server.close();
    await start();
    expect((await call('GET', path)).body).toEqual(before);
    await writeTinyClips(place('sets', 'dots'), 2);
    await rm(place('sets', 'dots', 'left', 'broken.mp4'));
    expect((await call('GET', `${path}?clips=dots`)).body).toMatchObject({ state: 'incomplete', scored: 3, total: 6 });
    await call('POST', path, 'run', { clips: 'dots' });
    expect(await scored(`${path}?clips=dots`)).toMatchObject({ scored: 6, total: 6, skipped: [] });
  });
});

describe('a thumbnail of a job', () => {
  it('shows frames of a video side by side, and those of the jobs of a batch', async () => {
    const video = { kind: 'video', model: TINY_RECOGNISER, frames: 8, iterations: 2 };
    await server.jobs.submit('video', jobRequest.parse({ ...video, unit: 'left' }));
    await server.jobs.submit('batch', jobRequest.parse({ kind: 'batch', units: ['left', 'still'], job: video }));
    await reaches(server.jobs, 'batch', 'succeeded');
    const one = await call('GET', '/v1/jobs/video/thumbnail.webp');
    expect([one.status, one.headers.get('content-type')]).toEqual([200, 'image/webp']);
    expect(await sharp(one.bytes).metadata()).toMatchObject({ width: 384, height: 96 });
    const batch = await call('GET', '/v1/jobs/batch/thumbnail.webp');
    expect(await sharp(batch.bytes).metadata()).toMatchObject({ width: 384, height: 96 });
  });

  it('is in the index of a batch, a page that needs nothing else and runs nothing', async () => {
    const { status, headers, bytes } = await call('GET', '/v1/jobs/batch/index.html');
    expect([status, headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
    expect(headers.get('content-security-policy')).toMatch(/^default-src 'none'.*img-src data:.*sandbox$/);
    const text = bytes.toString('utf8');
    expect(text).toContain(`Preferred videos of ${TINY_RECOGNISER}`);
    expect(text.match(/<b>[^<]*<\/b>/g)).toEqual(['<b>left</b>', '<b>still</b>']);
    expect(text.match(/src="data:image\/webp;base64,/g)).toHaveLength(2);
    expect(text.match(/activation -?\d+\.\d\d/g)).toHaveLength(2);
    const [link] = /\.\.\/batch\.0001\/artifacts\/video\.mp4/.exec(text)!;
    expect((await call('GET', new URL(link, 'http://h/v1/jobs/batch/index.html').pathname)).status).toBe(200);
    expect((await call('GET', '/v1/jobs/video/index.html')).body.error.code).toBe('ARTIFACT_UNKNOWN');
  });

  it('shows the chart of an audit', async () => {
    const request = { kind: 'audit', model: TINY_RECOGNISER, permutations: 3, crops: 2 };
    await server.jobs.submit('audit', jobRequest.parse(request));
    await reaches(server.jobs, 'audit', 'succeeded');
    const { bytes } = await call('GET', '/v1/jobs/audit/thumbnail.webp');
    expect(await sharp(bytes).metadata()).toMatchObject({ format: 'webp', height: 96 });
  });

  it('is an error where there is no picture', async () => {
    expect((await call('GET', '/v1/jobs/none/thumbnail.webp')).body.error.code).toBe('JOB_UNKNOWN');
    const request = { kind: 'video', model: TINY_RECOGNISER, frames: 8, iterations: 100_000 };
    await server.jobs.submit('running', jobRequest.parse(request));
    expect((await call('GET', '/v1/jobs/running/thumbnail.webp')).body.error.code).toBe('ARTIFACT_UNKNOWN');
    server.jobs.cancel('running');
  });
});

describe('/schemas.json', () => {
  it('has the fields of requests by kind, with defaults', async () => {
    const { body } = await call('GET', '/schemas.json');
    expect(Object.keys(body.jobs)).toEqual(['video', 'image', 'figure', 'audit', 'batch']);
    expect(body.jobs.video.properties.frames).toMatchObject({ type: 'integer', default: 160, maximum: 4096 });
    expect(body.steering).toHaveProperty('type');
  });
});
