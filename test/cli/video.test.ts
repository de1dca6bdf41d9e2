import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { videoReport } from '../../src/protocol/index.js';
import { decodeVideo } from '../../src/video/index.js';
import { writeTinyModels } from '../fixtures/tiny-models.js';
import { openPlace, type Place } from './run-cli.js';

// Every command is a process of its own, which takes its time on a machine that does much else.
vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

const ARTIFACTS = ['activation.png', 'report.json', 'sheet.png', 'video.mp4'];
let place: Place;

beforeAll(async () => {
  place = await openPlace();
  await writeTinyModels(join(place.path, 'models'));
});
afterAll(() => place.remove());

const tiny = ['video', '--model', 'tiny-lrcn', '--models', 'models', '--frames', '20', '--iterations', '4'];

describe('neuroreel video', () => {
  it('makes a video, its sheet, its plot and its report, and says where they are', async () => {
    const { code, stdout, stderr } = await place.run([...tiny, '--out', 'made/here']);
    expect({ code, stderr }).toMatchObject({ code: 0 });
    const folder = join(place.path, 'made', 'here');
    expect((await readdir(folder)).sort()).toEqual(ARTIFACTS);
    expect(await decodeVideo(join(folder, 'video.mp4'))).toMatchObject({ count: 20, width: 256, height: 256, fps: 25 });
    const report = videoReport.parse(JSON.parse(await readFile(join(folder, 'report.json'), 'utf8')));
    expect(report).toMatchObject({
      model: { name: 'tiny-lrcn' },
      prior: { name: 'tiny-prior' },
      unit: { index: 1, label: 'right' },
      iterations: 4,
      request: { frames: 20, seed: 1 },
    });
    expect(stdout).toMatch(/^video +made\/here\/video\.mp4 \(20 frames of 16x16, 25 fps\)$/m);
    expect(stdout).toMatch(/^unit +right \(1\) of tiny-lrcn$/m);
    expect(stdout).toMatch(/^activation .*3 real clips: -1\.533 on average/m);
    expect(stderr).toMatch(/^optimising 1\/4 {2}activation -?\d+\.\d\d {2}ETA \d+ s$/m);
    expect(stderr).toMatch(/^optimising 4\/4 /m);
    expect(stderr).toMatch(/^encoding 20\/20 {2}frames$/m);
  });

  it('is quiet and one document when it is to be, and the same again with the same seed', async () => {
    const args = [...tiny, '--unit', '0', '--prior', 'pixels', '--seed', '9', '--json', '--quiet', '--out'];
    const [one, two] = [await place.run([...args, 'one']), await place.run([...args, 'two'])];
    expect({ code: one.code, stderr: one.stderr }).toEqual({ code: 0, stderr: '' });
    const { folder, files, report } = one.document;
    expect(folder).toMatch(/one$/);
    expect(Object.keys(files)).toEqual(['video', 'sheet', 'plot', 'report']);
    expect(videoReport.parse(report)).toMatchObject({ unit: { label: 'left' }, prior: null, seed: 9 });
    const bytes = (which: string) => readFile(join(place.path, which, 'video.mp4'));
    expect((await bytes('one')).equals(await bytes('two'))).toBe(true);
    expect(two.document.report.activations).toEqual(report.activations);
  });

  it('maximises a unit of a hidden layer, with settings of its own', async () => {
    const hidden = ['--layer', 'conv1', '--unit', '2', '--position', '1,3', '--settings', '{"penalties":{"code":0}}'];
    const { code, document } = await place.run([...tiny, ...hidden, '--out', 'hidden', '--json', '-q']);
    expect({ code, error: document.error }).toEqual({ code: 0, error: undefined });
    expect(document.report.unit).toEqual({ index: 2, label: 'conv1 unit 2 at 1, 3' });
    const request = { layer: 'conv1', unit: 2, position: [1, 3], settings: { penalties: { code: 0 } } };
    expect(document.report.request).toMatchObject(request);
  });

  it('keeps what it reached when it is interrupted, says how to go on, and then gives the bytes of one that was not', async () => {
    const args = [...tiny, '--iterations', '500', '--frames', '8', '--out'];
    const running = place.start([...args, 'cut']);
    await running.saying('optimising 1/500');
    running.child.kill('SIGINT');
    const { code, stderr } = await running.ended;
    expect(code).toBe(130);
    expect(stderr).toContain('Stopping after this step; Ctrl-C again stops at once.');
    expect(stderr).toMatch(/^error INTERRUPTED: The video was not finished; what it reached is kept\./m);
    const [, command] = /To go on: neuroreel (.*)$/m.exec(stderr)!;
    expect(await readdir(join(place.path, 'cut'))).toEqual(['.neuroreel-video']);
    const [resumed, whole] = [await place.run(command!.split(' ')), await place.run([...args, 'whole'])];
    expect(resumed.stderr).toContain('The video goes on where it was interrupted.');
    expect([resumed.code, whole.code]).toEqual([0, 0]);
    expect((await readdir(join(place.path, 'cut'))).sort()).toEqual(ARTIFACTS);
    const bytes = (which: string) => readFile(join(place.path, which, 'video.mp4'));
    expect((await bytes('cut')).equals(await bytes('whole'))).toBe(true);
  });

  it('begins anew when something else is asked for than what was interrupted, and ends at once at the second signal', async () => {
    const running = place.start([...tiny, '--iterations', '100000', '--out', 'other']);
    await running.saying('optimising 1/100000');
    running.child.kill('SIGINT');
    running.child.kill('SIGTERM');
    expect((await running.ended).code).toBe(130);
    const { code, stderr } = await place.run([...tiny, '--out', 'other']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: expect.not.stringContaining('goes on') });
    expect((await readdir(join(place.path, 'other'))).sort()).toEqual(ARTIFACTS);
  });
});
