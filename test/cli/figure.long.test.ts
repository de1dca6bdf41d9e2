import { cp, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { figureReport, imageReport, type FigureReport } from '../../src/protocol/index.js';
import { decodeVideo } from '../../src/video/index.js';
import { TINY_CLASSIFIER, writeTinyClassifier, writeTinyPictures } from '../fixtures/tiny-classifier.js';
import { writeTinyModels } from '../fixtures/tiny-models.js';
import { openPlace, type Place } from './run-cli.js';

// Every command is a process of its own, which takes its time on a machine that does much else.
vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

let place: Place;

beforeAll(async () => {
  place = await openPlace();
  await writeTinyModels(join(place.path, 'models'), { clips: 2 });
  writeTinyClassifier(join(place.path, 'models'));
  for (const [step, seed] of [
    [20, 31],
    [100, 32],
  ] as const) {
    writeTinyClassifier(join(place.path, 'models'), `${TINY_CLASSIFIER}-at-${step}`, seed);
  }
});
afterAll(() => place.remove());

const small = ['--models', 'models', '--iterations', '3', '--json', '--quiet'];
const pictures = ['--model', TINY_CLASSIFIER, ...small];
const run = async (args: readonly string[], out: string) => {
  const result = await place.run([...args, '--out', out]);
  expect({ code: result.code, stderr: result.stderr, error: result.code ? result.stdout : '' }).toEqual({
    code: 0,
    stderr: '',
    error: '',
  });
  return figureReport.parse(result.document.report);
};
const inFolder = (folder: string, name: string): string => join(place.path, folder, name);
const places = ({ panels }: FigureReport) => panels.map(({ row, column }) => `${row},${column}`);

describe('neuroreel image', () => {
  const image = async (args: readonly string[], out: string) => {
    const { code, document, stderr } = await place.run(['image', ...pictures, ...args, '--out', out]);
    expect({ code, stderr, error: document.error }).toEqual({ code: 0, stderr: '', error: undefined });
    return imageReport.parse(document.report);
  };

  it('makes each picture, all of them in one, and what makes them again', async () => {
    const asked = ['--unit', 'left,2', '--starts', '2', '--seed', '5'];
    const report = await image(asked, 'image');
    const names = ['activation.png', 'montage.png', ...report.pictures.map(({ file }) => file), 'report.json'];
    expect((await readdir(inFolder('image', '.'))).sort()).toEqual([...names].sort());
    expect(report.pictures.map(({ unit, start }) => [unit.label, start])).toEqual([
      ['left', 0],
      ['left', 1],
      ['still', 0],
      ['still', 1],
    ]);
    expect(report).toMatchObject({ seed: 5, prior: { name: 'tiny-prior' } });
    const [first] = report.pictures;
    expect(await sharp(inFolder('image', first!.file)).metadata()).toMatchObject({ width: 16, height: 16 });
    const again = await image(asked, 'again');
    expect(again.pictures).toEqual(report.pictures);
    const bytes = (folder: string) => readFile(inFolder(folder, first!.file));
    expect((await bytes('again')).equals(await bytes('image'))).toBe(true);
  });

  it('shows a hidden unit at the size of what it sees', async () => {
    const report = await image(['--layer', 'conv1', '--unit', '3'], 'hidden');
    expect(report.crop).toMatchObject({ width: 3, height: 3 });
    expect(report.pictures[0]!.probability).toBeNull();
    expect(await sharp(inFolder('hidden', report.pictures[0]!.file)).metadata()).toMatchObject({ width: 3 });
  });

  it('refuses recognisers, and settings that are none', async () => {
    const recogniser = await place.run(['image', ...small, '--model', 'tiny-lrcn']);
    expect([recogniser.code, recogniser.document.error.message]).toEqual([
      3,
      expect.stringContaining('No classifier is named "tiny-lrcn"'),
    ]);
    const settings = await place.run(['image', ...pictures, '--settings', '{"jitter":']);
    expect([settings.code, settings.document.error.message]).toEqual([2, expect.stringContaining('no JSON')]);
    const unknown = await place.run(['image', ...pictures, '--settings', '{"jitters":1}']);
    expect([unknown.code, unknown.document.error.code]).toEqual([2, 'REQUEST_INVALID']);
  });
});

describe('neuroreel figure', () => {
  it('lists the figures there are', async () => {
    const { document } = await place.run(['figure', '--json']);
    expect(document.map(({ name }: { name: string }) => name)).toEqual(
      expect.arrayContaining(['image', 's6', 's9', 's10', 's11', 's12', 's13', 's14', 's17', 's18', 'units', 'real']),
    );
    const none = await place.run(['figure', 's99', '--json']);
    expect([none.code, none.document.error.message]).toEqual([2, expect.stringContaining('there are: s6, s9')]);
  });

  it('is a montage of starts, one of units by starts, and one of all units', async () => {
    const one = await run(['figure', 's9', ...pictures, '--starts', '4', '--units', 'left'], 's9');
    expect(places(one)).toEqual(['0,0', '0,1', '1,0', '1,1']);
    const many = await run(['figure', 's10', ...pictures, '--starts', '2'], 's10');
    expect([many.rows, many.columns]).toEqual([
      ['left', 'right', 'still'],
      ['start 1', 'start 2'],
    ]);
    expect((await run(['figure', 'units', ...pictures], 'units')).panels.map(({ label }) => label)).toEqual(many.rows);
  });

  it('starts near a picture, and is made again from its document, byte for byte', async () => {
    await sharp({ create: { width: 20, height: 24, channels: 3, background: '#806040' } })
      .png()
      .toFile(join(place.path, 'start.png'));
    const joint = ['--settings', '{"objective":{"kind":"joint","with":[{"unit":"right"}]}}'];
    const options = ['--units', 'left', '--starts', '2', '--picture', 'start.png', ...joint];
    const report = await run(['figure', 's10', ...pictures, ...options], 'near');
    expect(report.panels[0]).toMatchObject({
      request: { settings: { start: { from: 'picture' } } },
      inputs: [{ path: join(place.path, 'start.png'), sha256: expect.stringMatching(/^[0-9a-f]{64}$/) }],
    });
    // Both units are told.
    expect(report.panels[0]!.activations).toHaveLength(2);
    expect(report.panels[0]!.activations[0]).toBe(report.panels[0]!.activation);
    const document = ['--again', 'near/figure.json', '--models', 'models', '--json', '--quiet'];
    const again = await run(['figure', ...document], 'once-more');
    expect(again.panels).toEqual(report.panels);
    expect((await readdir(inFolder('once-more', '.'))).sort()).toEqual(['figure.json', 'figure.png']);
    const files = [inFolder('near', 'figure.png'), inFolder('once-more', 'figure.png')];
    const [one, two] = await Promise.all(files.map((file) => readFile(file)));
    expect(two!.equals(one!)).toBe(true);
    const none = await place.run(['figure', '--again', 'start.png', '--json']);
    expect([none.code, none.document.error.code]).toEqual([2, 'REQUEST_INVALID']);
  });

  it('is a grid of layers at true sizes, and one of priors', async () => {
    const layers = await run(['figure', 's14', ...pictures, '--starts', '2', '--layers', 'conv1,fc'], 's14');
    expect(layers.panels.map(({ size, label }) => [size.width, label])).toEqual([
      [3, 'unit 0'],
      [3, 'unit 3'],
      [16, 'unit 0'],
      [16, 'unit 6'],
    ]);
    const priors = await run(['figure', 's13', ...pictures, '--units', 'left'], 's13');
    expect(priors.columns).toEqual([expect.stringMatching(/^tiny-prior \(/), 'no prior']);
    const wrong = await place.run(['figure', 's14', ...pictures, '--layers', 'conv9']);
    expect([wrong.code, wrong.document.error.code]).toEqual([3, 'UNIT_UNKNOWN']);
  });

  it('is a series over the checkpoints of a network, as a picture and as one video', async () => {
    const report = await run(['figure', 's6', ...pictures, '--units', 'left,right', '--fps', '10'], 's6');
    expect(report.rows).toEqual(['step 20', 'step 100', 'finished']);
    expect(report.files).toEqual(['figure.png', 'figure.mp4']);
    expect(await decodeVideo(inFolder('s6', 'figure.mp4'))).toMatchObject({ count: 3 * 16 });
    expect(new Set(report.panels.map(({ request }) => request!.seed))).toEqual(new Set([1]));
  });

  it('is the nearest real examples beside what was made, with what the unit gives', async () => {
    await writeTinyPictures(join(place.path, 'pictures'), 3);
    const report = await run(['figure', 's22', ...pictures, '--units', 'left', '--real', 'pictures'], 's22');
    const [made, ...real] = report.panels;
    expect([made!.kind, ...new Set(real.map(({ kind }) => kind))]).toEqual(['made', 'real']);
    expect(report.columns.filter((name) => name === 'nearest in pixels')).toHaveLength(2);
    const distances = real.slice(0, 2).map(({ label }) => parseFloat(label));
    expect(distances[0]).toBeLessThanOrEqual(distances[1]!);
    expect(real[0]!.source).not.toBe(real[1]!.source);
    expect(real[0]!.activation).not.toBeNull();
  });

  it('is real clips beside preferred videos, and finished videos beside each other', async () => {
    const lrcn = ['--model', 'tiny-lrcn', '--frames', '12', '--units', 'left', '--starts', '1', ...small];
    const report = await run(['figure', 'real', ...lrcn], 'real');
    expect(report.panels.map(({ kind, size }) => [kind, size.frames])).toEqual([
      ['real', 12],
      ['real', 12],
      ['made', 12],
    ]);
    for (const { activation, probability, detail } of report.panels) {
      expect(detail).toBe(`${activation!.toFixed(1)} · ${(100 * probability!).toFixed(0)} %`);
    }
    await cp(inFolder('real', 'figure.mp4'), inFolder('real', 'other.mp4'));
    const videos = ['--videos', 'real/figure.mp4', 'real/other.mp4', '--json', '--quiet'];
    const beside = await run(['figure', 'beside', ...videos], 'beside');
    const stacked = await run(['figure', 'stacked', ...videos], 'stacked');
    expect([places(beside), places(stacked)]).toEqual([
      ['0,0', '0,1'],
      ['0,0', '1,0'],
    ]);
    const [one, two] = [
      await decodeVideo(inFolder('beside', 'figure.mp4')),
      await decodeVideo(inFolder('stacked', 'figure.mp4')),
    ];
    expect([one.count, two.count, one.width > two.width]).toEqual([12, 12, true]);
  });
});
