import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { decodeVideo } from '../../src/video/index.js';
import { writeTinyModels } from '../fixtures/tiny-models.js';
import { openPlace, type Place } from './run-cli.js';

// Every command is a process of its own, which takes its time on a machine that does much else.
vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

let place: Place;
beforeAll(async () => {
  place = await openPlace();
  await writeTinyModels(join(place.path, 'models'), { clips: 2 });
});
afterAll(() => place.remove());

describe('neuroreel serve', () => {
  it('prints the address of the page, serves it, and ends in order when told to', async () => {
    const token = 'a-token-of-many-letters';
    const env = { NEUROREEL_DATA: join(place.path, 'kept'), NEUROREEL_TOKEN: token };
    const running = place.start(['serve', '--port', '0', '--models', 'models', '--json', '--log', 'silent'], env);
    const address = /"url": "(http:\/\/127\.0\.0\.1:\d+\/)"/;
    const url = address.exec(await running.saying(address))![1]!;
    expect(await (await fetch(url)).text()).toContain('<html');
    expect((await fetch(`${url}v1/models`)).status).toBe(401);
    const models = await (await fetch(`${url}v1/models`, { headers: { authorization: `Bearer ${token}` } })).json();
    expect((models as { models: { name: string }[] }).models.map(({ name }) => name)).toContain('tiny-lrcn');
    running.child.kill('SIGTERM');
    const { code, document, stderr } = await running.ended;
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(document).toMatchObject({ url, dataFolder: join(place.path, 'kept') });
  });
});

describe('neuroreel demo', () => {
  const args = ['demo', '--model', 'tiny-lrcn', '--models', 'models', '--frames', '20', '--out', 'shown'];

  it('makes a video through the server, fetches it, and probes the model', async () => {
    const { code, stdout, stderr } = await place.run([...args, '--iterations', '3']);
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(stdout).toMatch(/^Live page, while this runs: http:\/\/127\.0\.0\.1:\d+\/$/m);
    expect(stdout).toMatch(/Flip rate/);
    expect(stderr).toMatch(/^optimising 3\/3 {2}activation .* ETA 0 s$/m);
    expect(stderr).toMatch(/^encoding 20\/20 /m);
    const folder = join(place.path, 'shown');
    expect((await readdir(folder)).sort()).toEqual(['activation.png', 'report.json', 'sheet.png', 'video.mp4']);
    expect(await decodeVideo(join(folder, 'video.mp4'))).toMatchObject({ count: 20 });
  });

  it('is one document for programs, about the same video', async () => {
    const before = createHash('sha256')
      .update(await readFile(join(place.path, 'shown', 'video.mp4')))
      .digest('hex');
    const { code, document, stderr } = await place.run([...args, '--iterations', '3', '--json', '--quiet']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(document).toMatchObject({ report: { unit: { label: 'right' } }, probe: { models: [{ clipsScored: 6 }] } });
    const after = createHash('sha256')
      .update(await readFile(join(place.path, 'shown', 'video.mp4')))
      .digest('hex');
    expect(after).toBe(before);
  });

  it('stops in order when it is interrupted', async () => {
    const running = place.start([...args, '--iterations', '100000', '--out', 'cut']);
    await running.saying('optimising 1/100000');
    running.child.kill('SIGINT');
    const { code, stderr } = await running.ended;
    expect(code).toBe(130);
    expect(stderr).toContain('error INTERRUPTED: The demo was not finished. To begin again: neuroreel demo ');
    expect(await readdir(join(place.path, 'cut'))).toEqual([]);
  });
});
