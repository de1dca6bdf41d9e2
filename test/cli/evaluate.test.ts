import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { evaluationReport } from '../../src/protocol/index.js';
import { TINY_CLASSIFIER, writeTinyClassifier, writeTinyPictures } from '../fixtures/tiny-classifier.js';
import { writeTinyModels } from '../fixtures/tiny-models.js';
import { openPlace, type Place } from './run-cli.js';

// Every command is a process of its own, which takes its time on a machine that does much else.
vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

let place: Place;

beforeAll(async () => {
  place = await openPlace();
  await writeTinyModels(join(place.path, 'models'), { clips: 3 });
  writeTinyClassifier(join(place.path, 'models'));
  writeTinyClassifier(join(place.path, 'models'), 'tiny-judge', 22);
  await writeTinyPictures(join(place.path, 'pictures'), 4);
  await promisify(execFile)('tar', ['-cf', 'pictures.tar', '-C', 'pictures', '.'], { cwd: place.path });
});
afterAll(() => place.remove());

const settings = ['--models', 'models', '--iterations', '4', '--starts', '2', '--out'];
const reportIn = async (folder: string) =>
  evaluationReport.parse(JSON.parse(await readFile(join(place.path, folder, 'report.json'), 'utf8')));

describe('neuroreel evaluate', () => {
  it('measures pictures with a prior and without, beside real ones of an archive, and leaves a page', async () => {
    const more = ['--model', TINY_CLASSIFIER, '--judge', 'tiny-judge', '--real', 'pictures.tar'];
    const { code, stdout, stderr } = await place.run(['evaluate', ...more, ...settings, 'made']);
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(stdout).toMatch(/^named by tiny-judge \(top 1\) +\d+ % +\d+ % +\d+ %$/m);
    expect(stdout).toContain('The report is made/report.html.');
    expect(stderr).toMatch(/^evaluating 3\/3 {2}still/m);
    const names = ['activations.png', 'neighbours.png', 'report.html', 'report.json', 'units.png'];
    expect((await readdir(join(place.path, 'made'))).sort()).toEqual(names);
    const report = await reportIn('made');
    expect(report.units.map(({ label, real }) => [label, real.count])).toEqual([
      ['left', 4],
      ['right', 4],
      ['still', 4],
    ]);
    for (const unit of report.units) {
      expect(unit.prior.examples).toHaveLength(2);
      expect(unit.baseline!.prior).toBeNull();
      const [example] = unit.prior.examples;
      expect(example!.nearest.map(({ space }) => space)).toEqual(['pixels', 'fc']);
      expect(example!.judges[0]!.rank).toBeGreaterThanOrEqual(1);
    }
    const html = await readFile(join(place.path, 'made', 'report.html'), 'utf8');
    expect(html).toContain('<img src="units.png"');
    expect(html).not.toMatch(/https?:\/\/(?!www\.w3\.org)/);
  });

  it('measures videos and what they are backwards, and says the same again in JSON', async () => {
    const more = ['--model', 'tiny-lrcn', '--units', 'left,2', '--no-baseline', '--json', '--quiet'];
    const [one, two] = [
      await place.run(['evaluate', ...more, ...settings, 'one']),
      await place.run(['evaluate', ...more, ...settings, 'two']),
    ];
    expect({ code: one.code, stderr: one.stderr }).toEqual({ code: 0, stderr: '' });
    const report = evaluationReport.parse(one.document);
    expect(report.units.map(({ label, partner, baseline }) => ({ label, partner, baseline }))).toEqual([
      { label: 'left', partner: 'right', baseline: null },
      { label: 'still', partner: null, baseline: null },
    ]);
    expect(report.units[0]!.prior.examples[0]!.smoothness).toBeGreaterThan(0);
    const activations = (document: typeof report) =>
      document.units.map(({ prior }) => prior.examples.map(({ activation }) => activation));
    expect(activations(two.document)).toEqual(activations(report));
  });

  it('refuses a judge that took part or is of another kind, units and pictures that there are not', async () => {
    const own = await place.run([
      'evaluate',
      ...settings,
      'x',
      '--model',
      'tiny-lrcn',
      '--judge',
      'tiny-lrcn',
      '--json',
    ]);
    expect(own.code).toBe(2);
    expect(own.document.error).toMatchObject({ code: 'REQUEST_INVALID' });
    expect(own.document.error.message).toContain('a judge has to be another network');
    const other = await place.run(['evaluate', ...settings, 'x', '--model', 'tiny-lrcn', '--judge', TINY_CLASSIFIER]);
    expect([other.code, other.stderr]).toEqual([2, expect.stringContaining('is no recogniser')]);
    const unit = await place.run(['evaluate', ...settings, 'x', '--model', 'tiny-lrcn', '--units', 'up']);
    expect([unit.code, unit.stderr]).toEqual([3, expect.stringContaining('UNIT_UNKNOWN')]);
    const none = await place.run(['evaluate', ...settings, 'x', '--model', TINY_CLASSIFIER]);
    expect([none.code, none.stderr]).toEqual([2, expect.stringContaining('brings no pictures')]);
  });
});
