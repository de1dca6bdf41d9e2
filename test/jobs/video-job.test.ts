import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { detectMachine } from '../../src/engine/runtimes/machine.js';
import { ModelRegistry } from '../../src/engine/models/registry.js';
import { VIDEO_ARTIFACTS } from '../../src/jobs/artifacts.js';
import { jobKinds, type EngineSettings } from '../../src/jobs/kinds.js';
import type { JobManager } from '../../src/jobs/manager.js';
import { FINAL_STATES, jobRequest, parseWith, videoReport, type JobRequest } from '../../src/protocol/index.js';
import { decodeVideo } from '../../src/video/index.js';
import { TINY_RECOGNISER, writeTinyModels } from '../fixtures/tiny-models.js';
import { openManager, reaches, temporaryFolder } from './fixtures/fixtures.js';

const FRAMES = 12;
let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let manager: JobManager;
let opened = 0;

const request = (more: Record<string, unknown> = {}): JobRequest =>
  parseWith(jobRequest, {
    kind: 'video',
    model: TINY_RECOGNISER,
    prior: 'pixels',
    frames: FRAMES,
    iterations: 8,
    ...more,
  });

const models = (): string => join(folder.path, 'models');

async function open(runtime: Partial<EngineSettings> = {}): Promise<JobManager> {
  const registry = ModelRegistry.open({ folders: [models()] });
  const kinds = jobKinds(registry, { modelFolders: [models()], runtime: 'auto', ...runtime });
  manager = await openManager(join(folder.path, `data-${++opened}`), { kinds });
  return manager;
}

async function finished(
  id: string,
): Promise<{ report: ReturnType<typeof videoReport.parse>; file: (name: string) => string }> {
  const job = await reaches(manager, id, ...FINAL_STATES);
  expect(job.error).toBeNull();
  const file = (name: string): string => manager.artifact(id, name).path;
  const report = videoReport.parse(JSON.parse(await readFile(file(VIDEO_ARTIFACTS.report), 'utf8')));
  return { report, file };
}

beforeAll(async () => {
  folder = await temporaryFolder();
  await writeTinyModels(models());
});

afterEach(() => manager.close(5000));
afterAll(() => folder.remove());

describe('a video job', () => {
  it('makes an MP4, a sheet, a plot and a report from the request alone', async () => {
    await open();
    await manager.submit('a', request());
    const { report, file } = await finished('a');
    const artifacts = manager.artifacts('a');
    expect(artifacts.map(({ name }) => name).sort()).toEqual(Object.values(VIDEO_ARTIFACTS).sort());
    const video = await decodeVideo(file(VIDEO_ARTIFACTS.video));
    expect(video.count).toBe(FRAMES);
    for (const name of [VIDEO_ARTIFACTS.sheet, VIDEO_ARTIFACTS.plot]) {
      expect((await sharp(file(name)).metadata()).format).toBe('png');
    }
    expect(report).toMatchObject({
      job: 'a',
      request: request(),
      model: { name: TINY_RECOGNISER },
      prior: null,
      unit: { index: 1, label: 'right' },
      video: { frames: FRAMES, width: 16, height: 16, fps: 25 },
      iterations: 8,
      ended: 'completed',
      realClips: { activations: [-5, 0.1, 0.3], max: 0.3, smoothness: 0.05 },
    });
    expect(report.activations).toHaveLength(8);
    expect(report.finalActivation).toBeGreaterThan(report.activations[0]!);
    expect(report.events.map(({ state }) => state)).toEqual(['queued', 'starting', 'running', 'encoding']);
    expect(report.versions).toMatchObject({ node: process.versions.node });
    expect(manager.get('a')).toMatchObject({ state: 'succeeded', progress: { framesEncoded: FRAMES } });
  });

  it('starts from the frames of a clip, and says what its sequence costs against free codes', async () => {
    await open();
    await manager.submit('clip', request({ unit: 'left', iterations: 1 }));
    const clip = await readFile((await finished('clip')).file(VIDEO_ARTIFACTS.video), 'base64');
    const sequence = { form: 'keyframes', every: 4, interpolation: 'linear' };
    const near = { picture: clip, settings: { sequence, start: { from: 'picture' } }, compareFree: true };
    await manager.submit('near', request(near));
    const { report } = await finished('near');
    const { freeCodes, finalActivation, smoothness } = report;
    expect(freeCodes!.cost).toBeCloseTo(freeCodes!.activation - finalActivation, 6);
    expect(freeCodes!.smoothness).not.toBe(smoothness);
    expect(report.activations).toHaveLength(8);
    await manager.submit(
      'free',
      request({
        ...near,
        settings: { ...near.settings, sequence: { form: 'free' }, penalties: { smoothness: 0, acceleration: 0 } },
      }),
    );
    const free = (await finished('free')).report;
    expect(free.finalActivation).toBe(freeCodes!.activation);
    expect(free.freeCodes!.cost).toBe(0);
    await manager.submit('short', request({ ...near, frames: FRAMES + 1 }));
    expect((await reaches(manager, 'short', ...FINAL_STATES)).error).toMatchObject({
      code: 'REQUEST_INVALID',
      message: expect.stringMatching(/12 pictures for 13 frames/),
    });
  });

  it('gives the same bytes for the same request, and others for another seed', async () => {
    await open();
    await manager.submit('a', request({ unit: 'left' }));
    await manager.submit('b', request({ unit: 'left' }));
    await manager.submit('c', request({ unit: 'left', seed: 2 }));
    const [a, b, c] = [await finished('a'), await finished('b'), await finished('c')];
    const video = ({ file }: typeof a): Promise<Buffer> => readFile(file(VIDEO_ARTIFACTS.video));
    expect(b.report.activations).toEqual(a.report.activations);
    expect((await video(a)).equals(await video(b))).toBe(true);
    expect((await video(a)).equals(await video(c))).toBe(false);
  });

  it('computes on the device that its request names, else on that of the settings, and the report says on which', async () => {
    await open({ runtime: 'tfjs', device: 'cpu' });
    await manager.submit('a', request({ iterations: 1 }));
    await manager.submit('b', request({ iterations: 1, device: 'wasm' }));
    expect((await finished('a')).report.runtime).toMatch(/^tfjs .*, cpu$/);
    expect((await finished('b')).report.runtime).toMatch(/^tfjs .*, wasm$/);
    const refused = expect.objectContaining({
      code: 'REQUEST_INVALID',
      message: expect.stringMatching(/no device cuda/),
    });
    await expect(manager.submit('c', request({ device: 'cuda' }))).rejects.toThrowError(refused);
  });

  it.skipIf(detectMachine().nvidia !== null)('on a device that is not there fails with what installs it', async () => {
    await open();
    await manager.submit('a', request({ device: 'cuda' }));
    const { error } = await reaches(manager, 'a', ...FINAL_STATES);
    expect(error?.code).toBe('RUNTIME_UNAVAILABLE');
    expect(error?.message).toMatch(/npm rebuild onnxruntime-node/);
  });

  it('can be cancelled while it runs', async () => {
    await open();
    await manager.submit('a', request({ iterations: 100_000 }));
    await reaches(manager, 'a', 'running');
    manager.cancel('a');
    expect((await reaches(manager, 'a', ...FINAL_STATES)).state).toBe('canceled');
  });

  it('whose weights were changed fails with MODEL_HASH_MISMATCH; a broken manifest is told on submission', async () => {
    await open();
    const weights = join(models(), TINY_RECOGNISER, 'weights.safetensors');
    const manifest = join(models(), TINY_RECOGNISER, 'model.json');
    const [goodWeights, goodManifest] = [await readFile(weights), await readFile(manifest)];
    try {
      await writeFile(weights, goodWeights.subarray(0, -1));
      await manager.submit('a', request());
      const { error } = await reaches(manager, 'a', ...FINAL_STATES);
      expect(error).toMatchObject({
        code: 'MODEL_HASH_MISMATCH',
        message: expect.stringMatching(/^tiny-lrcn.weights/),
      });
      await writeFile(manifest, '{');
      await expect(manager.submit('b', request())).rejects.toThrowError(
        expect.objectContaining({ code: 'MODEL_INVALID', message: expect.stringMatching(/^tiny-lrcn.model/) }),
      );
    } finally {
      await writeFile(weights, goodWeights);
      await writeFile(manifest, goodManifest);
    }
  });

  it('without ffmpeg fails at once, and the next one runs', async () => {
    await open();
    const before = process.env['FFMPEG_PATH'];
    process.env['FFMPEG_PATH'] = join(folder.path, 'no-such-ffmpeg');
    try {
      await manager.submit('a', request());
      expect(await reaches(manager, 'a', ...FINAL_STATES)).toMatchObject({
        error: { code: 'FFMPEG_MISSING' },
        progress: null,
      });
    } finally {
      if (before === undefined) delete process.env['FFMPEG_PATH'];
      else process.env['FFMPEG_PATH'] = before;
    }
    await manager.submit('b', request({ iterations: 2 }));
    expect((await reaches(manager, 'b', ...FINAL_STATES)).state).toBe('succeeded');
  });
});
