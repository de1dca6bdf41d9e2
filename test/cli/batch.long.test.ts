import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { unitBatch, type UnitBatch } from '../../src/protocol/index.js';
import { TINY_CLASSIFIER, writeTinyClassifier } from '../fixtures/tiny-classifier.js';
import { writeTinyModels } from '../fixtures/tiny-models.js';
import { openPlace, type Place, type Running } from './run-cli.js';

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

describe('neuroreel batch --server', () => {
  let server: Running;
  let url: string;
  beforeAll(async () => {
    server = place.start(['serve', '--port', '0', '--models', 'models', '--json', '--log', 'error']);
    url = /"url": "([^"]+)"/.exec(await server.saying(/"modelFolders"/))![1]!;
  });
  afterAll(async () => {
    server.child.kill('SIGTERM');
    await server.ended;
  });
  const jobs = async () => (await place.run(['jobs', '--server', url, '--json'])).document.jobs as { id: string }[];
  const document = async (args: readonly string[]) => {
    const { code, document: made, stdout, stderr } = await place.run([...args, '--json']);
    expect({ code, error: code === 0 ? '' : stdout }).toEqual({ code: 0, error: '' });
    return { batch: unitBatch.parse(made), stderr };
  };

  it('leaves the pictures that it leaves without one, and makes none of them twice', async () => {
    const args = ['batch', '--model', TINY_CLASSIFIER, '--iterations', '3', '--starts', '9', '--units', 'left,2'];
    const there = [...args, '--out', 'there', '--server', url];
    const { batch } = await document(there);
    const { batch: local } = await document([...args, '--out', 'here', '--models', 'models', '-q']);
    const strip = ({ units, left }: UnitBatch) => [
      units.map(({ folder, result: { seconds: _, versions: __, ...result } }) => ({ folder, result })),
      left,
    ];
    expect(strip(batch)).toEqual(strip(local));
    const folder = (of: string) => inPlace(of, '2-still');
    expect((await readdir(folder('there'))).sort()).toEqual((await readdir(folder('here'))).sort());
    const bytes = (of: string) => readFile(join(folder(of), 'picture-9.png'));
    expect((await bytes('there')).equals(await bytes('here'))).toBe(true);
    expect(await readFile(inPlace('there', 'index.html'), 'utf8')).toContain('href="2-still/unit.json"');
    const before = (await jobs()).length;
    const again = await document(there);
    expect(again.stderr).toContain('2 of 2 units are there already.');
    expect(again.batch).toEqual(batch);
    expect(await jobs()).toHaveLength(before);
  });

  it('makes videos, and goes on with the job that was interrupted', async () => {
    const args = ['batch', '--model', 'tiny-lrcn', '--frames', '8', '--iterations', '400', '--units', 'left'];
    const there = [...args, '--out', 'cut', '--server', url];
    const running = place.start(there);
    await running.saying('left 1/400');
    running.child.kill('SIGINT');
    const { code, stderr } = await running.ended;
    expect([code, stderr]).toEqual([130, expect.stringContaining('To go on: neuroreel batch ')]);
    const before = await jobs();
    const { batch } = await document(there);
    expect((await jobs()).map(({ id }) => id)).toEqual(before.map(({ id }) => id));
    const names = ['picture-1.png', 'sheet-1.png', 'unit.json', 'video-1.mp4'];
    expect((await readdir(inPlace('cut', '0-left'))).sort()).toEqual(names);
    const { batch: local } = await document([...args, '--out', 'uncut', '--models', 'models', '-q']);
    expect(activations(batch)).toEqual(activations(local));
    const bytes = (folder: string) => readFile(inPlace(folder, '0-left', 'video-1.mp4'));
    expect((await bytes('cut')).equals(await bytes('uncut'))).toBe(true);
  });

  it('refuses what is the affair of the server, and models that it does not have', async () => {
    const threads = await place.run(['batch', '--threads', '2', '--server', url, '--json']);
    expect([threads.code, threads.document.error.message]).toEqual([2, expect.stringContaining('--threads cannot')]);
    const unknown = await place.run(['batch', '--model', 'nobody', '--server', url, '--json']);
    expect([unknown.code, unknown.document.error.code]).toEqual([3, 'MODEL_UNKNOWN']);
  });
});
