import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { unitBatch, type UnitBatch } from '../../src/protocol/index.js';
import { TINY_CLASSIFIER, writeTinyClassifier } from '../fixtures/tiny-classifier.js';
import { writeTinyModels } from '../fixtures/tiny-models.js';
import { openPlace, type Place } from './run-cli.js';

// Every command is a process of its own, which takes its time on a machine that does much else.
vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

let place: Place;

beforeAll(async () => {
  place = await openPlace();
  await writeTinyModels(join(place.path, 'models'));
  writeTinyClassifier(join(place.path, 'models'));
});
afterAll(() => place.remove());

const inPlace = (...parts: string[]): string => join(place.path, ...parts);
const activations = ({ units }: UnitBatch) =>
  units.map(({ result }) => result.examples.map(({ activation }) => activation));
const video = (iterations: number, ...more: string[]) => [
  ...['batch', '--model', 'tiny-lrcn', '--models', 'models', '--frames', '12', '--iterations', String(iterations)],
  ...more,
];

describe('neuroreel batch', () => {
  it('makes pictures of all units, and a page that shows them; another time it has nothing left to do', async () => {
    const args = ['batch', '--model', TINY_CLASSIFIER, '--models', 'models', '--iterations', '3', '--starts', '2'];
    const first = await place.run([...args, '--out', 'pictures', '--json']);
    expect({ code: first.code, stderr: first.stderr }).toMatchObject({ code: 0 });
    const batch = unitBatch.parse(first.document);
    expect([batch.units.map(({ folder }) => folder), batch.left]).toEqual([['0-left', '1-right', '2-still'], []]);
    expect((await readdir(inPlace('pictures'))).sort()).toEqual([
      ...['0-left', '1-right', '2-still', 'batch.json', 'index.html'],
    ]);
    expect((await readdir(inPlace('pictures', '0-left'))).sort()).toEqual([
      ...['picture-1.png', 'picture-2.png', 'unit.json'],
    ]);
    const html = await readFile(inPlace('pictures', 'index.html'), 'utf8');
    for (const text of ['src="1-right/picture-', 'href="2-still/unit.json"', '<b>left</b>'])
      expect(html).toContain(text);
    const before = await stat(inPlace('pictures', '0-left', 'picture-1.png'));
    const second = await place.run([...args, '--out', 'pictures', '--json']);
    expect(second.stderr).toContain('3 of 3 units are there already.');
    expect(unitBatch.parse(second.document)).toEqual(batch);
    expect((await stat(inPlace('pictures', '0-left', 'picture-1.png'))).mtimeMs).toBe(before.mtimeMs);
    const other = await place.run([
      ...args,
      '--out',
      'pictures',
      '--seed',
      '9',
      '--units',
      'left',
      '--json',
      '--quiet',
    ]);
    expect(activations(unitBatch.parse(other.document))).not.toEqual(activations(batch).slice(0, 1));
  });

  it('goes on after an interruption where it was, and gives the bytes of an uninterrupted one', async () => {
    const interrupted = place.start(video(400, '--out', 'halves'));
    await interrupted.saying('units 0/3  left 1/400');
    interrupted.child.kill('SIGINT');
    const { code, stderr } = await interrupted.ended;
    expect([code, stderr]).toEqual([130, expect.stringContaining('To go on: neuroreel batch ')]);
    expect(await readdir(inPlace('halves', '0-left', '.run'))).toEqual(['seed-1']);
    const rest = await place.run(video(400, '--out', 'halves', '--units', 'left', '--json', '--quiet'));
    const whole = await place.run(video(400, '--out', 'whole', '--units', 'left', '--json', '--quiet'));
    expect([rest.code, whole.code]).toEqual([0, 0]);
    expect(activations(unitBatch.parse(rest.document))).toEqual(activations(unitBatch.parse(whole.document)));
    const names = ['picture-1.png', 'sheet-1.png', 'unit.json', 'video-1.mp4'];
    expect((await readdir(inPlace('halves', '0-left'))).sort()).toEqual(names);
    const bytes = (folder: string) => readFile(inPlace(folder, '0-left', 'video-1.mp4'));
    expect((await bytes('halves')).equals(await bytes('whole'))).toBe(true);
  });
});
