import { createHash } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { ModelRegistry } from '../../src/engine/models/registry.js';
import { IMAGE_ARTIFACTS } from '../../src/jobs/artifacts.js';
import { FIGURE_FILES } from '../../src/jobs/figures/run-figure.js';
import { jobKinds } from '../../src/jobs/kinds.js';
import type { JobManager } from '../../src/jobs/manager.js';
import {
  figureReport,
  FINAL_STATES,
  imageReport,
  jobRequest,
  parseWith,
  type FigureReport,
  type ImageReport,
  type JobProgress,
  type JobRequest,
} from '../../src/protocol/index.js';
import { decodeVideo } from '../../src/video/index.js';
import { TINY_CLASSIFIER, writeTinyClassifier, writeTinyPictures } from '../fixtures/tiny-classifier.js';
import { TINY_RECOGNISER, writeTinyModels } from '../fixtures/tiny-models.js';
import { openManager, reaches, temporaryFolder } from './fixtures/fixtures.js';

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let manager: JobManager;
let opened = 0;

const models = (): string => join(folder.path, 'models');
const clips = (): string => join(folder.path, 'clips');

async function open(data = `data-${++opened}`): Promise<void> {
  const settings = { modelFolders: [models()], runtime: 'auto', clipFolders: [clips()] };
  const kinds = jobKinds(ModelRegistry.open({ folders: [models()] }), settings);
  manager = await openManager(join(folder.path, data), { kinds, checkpointSeconds: 0.01 });
}

const request = (body: Record<string, unknown>): JobRequest => parseWith(jobRequest, body);
const image = (more: Record<string, unknown> = {}): JobRequest =>
  request({ kind: 'image', model: TINY_CLASSIFIER, prior: 'pixels', iterations: 6, ...more });
const figure = (name: string, more: Record<string, unknown> = {}): JobRequest =>
  request({ kind: 'figure', figure: name, model: TINY_CLASSIFIER, priors: ['pixels'], iterations: 4, ...more });

const read = (id: string, name: string): Promise<Buffer> => readFile(manager.artifact(id, name).path);

async function succeeded(id: string): Promise<string[]> {
  const job = await reaches(manager, id, ...FINAL_STATES);
  expect(job.error).toBeNull();
  expect(job.state).toBe('succeeded');
  return manager.artifacts(id).map(({ name }) => name);
}

async function imagesOf(id: string): Promise<{ report: ImageReport; names: string[] }> {
  const names = await succeeded(id);
  return { names, report: imageReport.parse(JSON.parse((await read(id, IMAGE_ARTIFACTS.report)).toString())) };
}

async function figureOf(id: string): Promise<{ report: FigureReport; names: string[] }> {
  const names = await succeeded(id);
  return { names, report: figureReport.parse(JSON.parse((await read(id, FIGURE_FILES.report)).toString())) };
}

/** Hashes of the pictures that a job left; reports hold times. */
async function pictureHashes(id: string): Promise<Record<string, string>> {
  const names = (await succeeded(id)).filter((name) => /\.(png|mp4)$/.test(name));
  const hash = async (name: string): Promise<[string, string]> => [
    name,
    createHash('sha256')
      .update(await read(id, name))
      .digest('hex'),
  ];
  return Object.fromEntries(await Promise.all(names.map(hash)));
}

/** Resolves when the job has come so far. */
function comesTo(id: string, far: (progress: JobProgress) => boolean): Promise<void> {
  return new Promise((resolve) => {
    manager.events.on('progress', (job, progress) => {
      if (job === id && far(progress)) resolve();
    });
  });
}

beforeAll(async () => {
  folder = await temporaryFolder();
  await writeTinyModels(models());
  writeTinyClassifier(models());
  await mkdir(clips());
  await writeTinyPictures(join(clips(), 'real ones'), 2);
});

afterEach(() => manager.close(5000));
afterAll(() => folder.remove());

describe('an image job', () => {
  it('makes one picture of the default unit from the request alone', async () => {
    await open();
    await manager.submit('a', image());
    const { names, report } = await imagesOf('a');
    expect(names).toEqual(['1-right.png', 'activation.png', 'report.json']);
    expect(await sharp(await read('a', '1-right.png')).metadata()).toMatchObject({ width: 16, height: 16 });
    expect(report).toMatchObject({ job: 'a', iterations: 6, ended: 'completed', prior: null, crop: null });
    expect(report.pictures[0]!.activation).toBeGreaterThan(report.activations[0]!);
    expect(report.pictures[0]!.probability).toBeGreaterThan(0);
    expect(manager.get('a')).toMatchObject({
      run: { width: 16, height: 16, frames: 1, unit: { label: 'right' }, units: [{ label: 'right' }] },
      progress: { iteration: 6, framesEncoded: 3, framesToEncode: 3 },
    });
    expect(manager.get('a').history.iterations).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it('makes several starts of several units in one batch, with a montage', async () => {
    await open();
    await manager.submit('a', image({ units: ['left', 1], starts: 2 }));
    const { names, report } = await imagesOf('a');
    const pictures = ['1-left.png', '2-left.png', '3-right.png', '4-right.png'];
    expect(names).toEqual([...pictures, 'activation.png', 'montage.png', 'report.json']);
    expect(report.pictures.map(({ file, unit, start }) => [file, unit.label, start])).toEqual([
      [pictures[0], 'left', 0],
      [pictures[1], 'left', 1],
      [pictures[2], 'right', 0],
      [pictures[3], 'right', 1],
    ]);
    const hashes = await pictureHashes('a');
    expect(new Set(pictures.map((name) => hashes[name])).size).toBe(4);
    expect((await sharp(await read('a', 'montage.png')).metadata()).width).toBeGreaterThan(300);
  });

  it('shows of a hidden unit the part that it sees', async () => {
    await open();
    await manager.submit('a', image({ layer: 'conv1', units: [3], position: [2, 2] }));
    const { report, names } = await imagesOf('a');
    expect(report.crop).toEqual({ top: 3, left: 3, height: 3, width: 3 });
    expect(await sharp(await read('a', names[0]!)).metadata()).toMatchObject({ width: 3, height: 3 });
    expect(report.pictures[0]!.probability).toBeNull();
  });

  it('starts from the picture of its request', async () => {
    await open();
    const picture = await sharp({ create: { width: 16, height: 16, channels: 3, background: '#ff0000' } })
      .png()
      .toBuffer();
    const from = { settings: { start: { from: 'picture', by: 'encoder', iterations: 30 } } };
    await manager.submit('a', image({ iterations: 1, picture: picture.toString('base64'), ...from }));
    const { names } = await imagesOf('a');
    const { channels } = await sharp(await read('a', names[0]!)).stats();
    expect(channels[0]!.mean).toBeGreaterThan(channels[1]!.mean + 50);
    await manager.submit('b', image({ picture: Buffer.from('none').toString('base64'), ...from }));
    expect((await reaches(manager, 'b', ...FINAL_STATES)).error?.code).toBe('IMAGE_UNREADABLE');
  });

  it('goes on after a crash of the server, and leaves the same bytes', async () => {
    await open();
    const wanted = image({ units: [0, 1], starts: 2, iterations: 60 });
    await manager.submit('whole', wanted);
    const whole = await pictureHashes('whole');
    await manager.submit('a', wanted);
    await comesTo('a', ({ iteration }) => iteration > 20);
    const data = `data-${opened}`;
    await manager.close(5000);
    await open(data);
    expect(await pictureHashes('a')).toEqual(whole);
    expect(manager.get('a').events.map(({ state }) => state)).toContain('queued');
  });

  it('refuses at once what is not there', async () => {
    await open();
    const refusal = (code: string): unknown => expect.objectContaining({ code });
    await expect(manager.submit('a', image({ units: ['sideways'] }))).rejects.toThrowError(refusal('UNIT_UNKNOWN'));
    await expect(manager.submit('a', image({ model: TINY_RECOGNISER }))).rejects.toThrowError(refusal('MODEL_UNKNOWN'));
    await expect(manager.submit('a', image({ prior: 'none' }))).rejects.toThrowError(refusal('MODEL_UNKNOWN'));
    await expect(manager.submit('a', image({ layer: 'fc', units: ['left'] }))).rejects.toThrowError(
      refusal('REQUEST_INVALID'),
    );
  });

  it('may be part of a batch', async () => {
    await open();
    const { kind, model, prior, iterations } = image() as Extract<JobRequest, { kind: 'image' }>;
    await manager.submit('b', request({ kind: 'batch', units: 'all', job: { kind, model, prior, iterations } }));
    expect(await reaches(manager, 'b', ...FINAL_STATES)).toMatchObject({ state: 'succeeded', batch: { succeeded: 3 } });
    expect((await imagesOf('b.0001')).report.pictures).toHaveLength(1);
  });
});

describe('a figure job', () => {
  it('makes a board of pictures, counts them, and streams the one that is being made', async () => {
    await open();
    const steps: JobProgress[] = [];
    manager.events.on('progress', (_, progress) => void steps.push(progress));
    let shown = 0;
    const view = { view: 'frame', index: 0, format: 'png', quality: 80 } as const;
    manager.frames.watch('f', view, () => void shown++);
    await manager.submit('f', figure('s10', { units: ['left', 'right'], starts: 2 }));
    const { names, report } = await figureOf('f');
    expect(names).toEqual([FIGURE_FILES.report, FIGURE_FILES.picture]);
    expect(report).toMatchObject({ figure: 's10', rows: ['left', 'right'], columns: ['start 1', 'start 2'] });
    expect(report.panels).toHaveLength(4);
    expect(manager.get('f')).toMatchObject({
      run: { panels: 4, pictures: 4, title: report.title },
      progress: { iteration: 4, iterations: 4 },
    });
    expect(steps[0]).toMatchObject({
      iteration: 0,
      figure: { picture: `${TINY_CLASSIFIER} left, 1 to 2`, iteration: 1, iterations: 4 },
    });
    expect(manager.get('f').history.iterations).toEqual([2, 4]);
    expect(shown).toBeGreaterThan(0);
  });

  it('of a recogniser is a video, too; real examples come from the sets that the server offers', async () => {
    await open();
    const videos = { model: TINY_RECOGNISER, units: ['left'], starts: 1, frames: 6, iterations: 2 };
    await manager.submit('v', figure('s9', videos));
    expect((await figureOf('v')).names).toContain(FIGURE_FILES.video);
    expect((await decodeVideo(manager.artifact('v', FIGURE_FILES.video).path)).count).toBe(6);
    await manager.submit('r', figure('real', { units: ['left'], starts: 1, real: 'real ones' }));
    const { report } = await figureOf('r');
    expect(report.panels.map(({ kind, source }) => [kind, source])).toEqual([
      ['real', 'left/picture-0.png'],
      ['real', 'left/picture-1.png'],
      ['made', null],
    ]);
    expect(JSON.stringify(report)).not.toContain(folder.path);
  });

  it('puts the videos of finished jobs beside each other, and names no path', async () => {
    await open();
    const video = { kind: 'video', model: TINY_RECOGNISER, prior: 'pixels', frames: 8, iterations: 2 };
    const both = { kind: 'figure', figure: 'beside', jobs: ['one', 'two'] };
    await expect(manager.submit('b', request(both))).rejects.toThrowError(
      expect.objectContaining({ code: 'JOB_UNKNOWN' }),
    );
    for (const [seed, id] of ['one', 'two'].entries()) await manager.submit(id, request({ ...video, seed }));
    for (const id of ['one', 'two']) await succeeded(id);
    await manager.submit('b', request(both));
    const { report, names } = await figureOf('b');
    expect(names).toContain(FIGURE_FILES.video);
    expect(report.panels.map(({ source, label }) => [source, label])).toEqual([
      ['one', 'one'],
      ['two', 'two'],
    ]);
    expect(JSON.stringify(report)).not.toContain(folder.path);
  });

  it('that was interrupted or paused makes no picture twice, and leaves the same bytes', async () => {
    await open();
    const wanted = figure('s13', { units: ['left', 'right'], priors: ['pixels', 'fourier'], iterations: 30 });
    await manager.submit('whole', wanted);
    const whole = await pictureHashes('whole');
    await manager.submit('a', wanted);
    await comesTo('a', ({ iteration, figure: at }) => iteration === 2 && at!.iteration > 5);
    manager.pause('a');
    expect((await reaches(manager, 'a', 'paused')).progress?.iteration).toBe(2);
    manager.resume('a');
    await comesTo('a', ({ iteration, figure: at }) => iteration === 2 && at!.iteration > 12);
    const data = `data-${opened}`;
    await manager.close(5000);
    await open(data);
    const steps: JobProgress[] = [];
    manager.events.on('progress', (_, progress) => void steps.push(progress));
    expect(await pictureHashes('a')).toEqual(whole);
    expect(steps[0]).toMatchObject({ iteration: 2 });
    expect(steps[0]!.figure!.iteration).toBeGreaterThan(12);
  });

  it('refuses at once what is not there', async () => {
    await open();
    const refusal = (code: string, message: RegExp): unknown =>
      expect.objectContaining({ code, message: expect.stringMatching(message) });
    const submitted = (name: string, more?: Record<string, unknown>): Promise<unknown> =>
      manager.submit('a', figure(name, more));
    await expect(submitted('s99')).rejects.toThrowError(refusal('REQUEST_INVALID', /there are: s6, s9/));
    await expect(submitted('s9', { units: ['sideways'] })).rejects.toThrowError(refusal('UNIT_UNKNOWN', /sideways/));
    await expect(submitted('s13', { priors: ['none'] })).rejects.toThrowError(refusal('MODEL_UNKNOWN', /none/));
    await expect(submitted('s6', { checkpoints: ['none'] })).rejects.toThrowError(refusal('MODEL_UNKNOWN', /none/));
    expect(() => figure('real', { real: '../etc' })).toThrowError(/name of a set of clips/);
    await expect(submitted('real', { real: 'none' })).rejects.toThrowError(refusal('REQUEST_INVALID', /real ones/));
    await expect(submitted('stacked')).rejects.toThrowError(refusal('REQUEST_INVALID', /jobs/));
  });
});
