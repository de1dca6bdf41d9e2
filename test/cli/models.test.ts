import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { importFolder, moreModelFolders, trainFolder, userModels } from '../../clients/cli/settings.js';
import { writeTinyModels } from '../fixtures/tiny-models.js';
import { openPlace, type Place } from './run-cli.js';

// Every command is a process of its own, which takes its time on a machine that does much else.
vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

let place: Place;
beforeAll(async () => {
  place = await openPlace();
  await writeTinyModels(join(place.path, 'models'));
});
afterAll(() => place.remove());

describe('neuroreel models', () => {
  it('lists what is in the folders of NEUROREEL_MODELS, of --models, and of the user', async () => {
    const models = join(place.path, 'models');
    const { code, stdout } = await place.run(['models'], { NEUROREEL_MODELS: `/nowhere:${models}` });
    expect(code).toBe(0);
    expect(stdout).toMatch(/^NAME +KIND +UNITS +FRAME +LICENCE +TITLE$/m);
    expect(stdout).toMatch(/^tiny-lrcn +recogniser +3 +16x16 +MIT +A tiny recogniser for tests$/m);
    expect(stdout).toMatch(/^tiny-prior +prior +- +16x16 /m);
    const listed = await place.run(['models', '--models', 'models', '--json', '--quiet']);
    expect(listed.stderr).toBe('');
    const tiny = listed.document.models.find((model: { name: string }) => model.name === 'tiny-lrcn');
    expect(tiny).toMatchObject({ labels: ['left', 'right', 'still'], folder: join(models, 'tiny-lrcn') });
    expect(listed.document.folders.at(-1)).toBe(join(place.path, '.local', 'share', 'neuroreel', 'models'));
  });

  it('shows one with its units, quality and hashes', async () => {
    const args = ['models', 'tiny-lrcn', '--models', 'models'];
    const { code, stdout } = await place.run(args);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^frames +16x16 rgb, \(byte - 127\.5\) \* 0\.00784314$/m);
    expect(stdout).toMatch(/^sequence +rule windows, length 8, stride 4$/m);
    expect(stdout).toMatch(/^ +weights\.safetensors +[0-9a-f]{64}$/m);
    expect(stdout).toMatch(/^ +accuracy +0\.5$/m);
    expect(stdout).toMatch(/^ +2 +still$/m);
    const { document } = await place.run([...args, '--json']);
    expect(document).toMatchObject({ manifest: { name: 'tiny-lrcn' }, graphs: ['frames', 'sequence'] });
    expect(document.weights).toBe(6 * 27 + 6 + 24 * 6 * 64 + 24 * 6 + 3 * 6);
  });
});

describe('folders of models', () => {
  const env = { HOME: '/home/someone' };
  const own = '/home/someone/.local/share/neuroreel/models';

  it('are those of options, then NEUROREEL_MODELS, then the user', () => {
    expect(userModels(env)).toBe(own);
    expect(userModels({ ...env, XDG_DATA_HOME: '/data' })).toBe('/data/neuroreel/models');
    expect(moreModelFolders(['/a'], { ...env, NEUROREEL_MODELS: '/b::/c' })).toEqual(['/a', '/b', '/c', own]);
  });

  it('that models are written to are the first that is named, else the one of the user; a clone keeps its own', () => {
    expect(importFolder({ ...env, NEUROREEL_MODELS: '/b:/c' })).toBe('/b');
    expect(importFolder(env)).toBe(own);
    expect(trainFolder(env)).toMatch(/models$/);
    expect(trainFolder(env)).not.toBe(own);
  });
});
