import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { importFolder, moreModelFolders, trainFolder, userModels } from '../../clients/cli/settings.js';
import { kerasModel, writeModel } from '../engine/formats/helpers.js';
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

describe('neuroreel models inspect', () => {
  it('tells the layers of an installed model', async () => {
    const args = ['models', 'inspect', 'tiny-lrcn', '--models', 'models'];
    const { code, stdout } = await place.run(args);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^frames, from frames \[1, 3, 16, 16\]$/m);
    expect(stdout).toMatch(/^LAYER +OP +OUTPUT +WEIGHTS +MACS +FIELD$/m);
    expect(stdout).toMatch(/^conv1 +Conv2d\+Relu +1 x 6 x 8 x 8 +168 +10\.4 k +3@7$/m);
    expect(stdout).toMatch(/^gates +Reshape\+MatMul +1 x 24 +9\.22 k +9\.22 k +17@-1 \(16@0\)$/m);
    expect(stdout).toMatch(/^weights +9\.55 k \(9546\)$/m);
    expect(stdout).toMatch(/^MACs a frame +19\.7 k \(19746\)$/m);
    const { document } = await place.run([...args, '--json']);
    expect(document).toMatchObject({
      model: 'tiny-lrcn',
      kind: 'recogniser',
      per: 'frame',
      randomWeights: false,
      totals: { weights: 9546, macs: 19746 },
      graphs: [{ name: 'frames' }, { name: 'sequence', inputs: [{ name: 'gates', shape: [8, 1, 24] }] }],
    });
    expect(document.graphs[0].layers[0]).toMatchObject({
      name: 'conv1',
      shape: [1, 6, 8, 8],
      receptiveField: { size: [3, 3], offset: [7, 7] },
    });
    // The folder of a package is no model file of another format, although it has a model.json.
    const folder = await place.run(['models', 'inspect', 'models/tiny-prior', '--json']);
    expect(folder.document).toMatchObject({ model: 'tiny-prior', kind: 'prior', code: [8], per: 'picture' });
  });

  it('tells those of a model file, with the types of its own format', async () => {
    const layers: Parameters<typeof kerasModel>[1] = [
      ['GlobalAveragePooling2D', { name: 'pool' }],
      ['Activation', { name: 'last', activation: 'tanh' }],
    ];
    await mkdir(join(place.path, 'keras'), { recursive: true });
    const { json, bytes } = kerasModel([null, null, 3], layers);
    writeModel(join(place.path, 'keras'), json, bytes);
    const { code, document } = await place.run(['models', 'inspect', 'keras', '--size', '5x4', '--json']);
    expect(code).toBe(0);
    expect(document).toMatchObject({ kind: 'classifier', input: { width: 5, height: 4 }, units: 3 });
  });

  it('says when weights are random', async () => {
    const net = `input: "data" input_dim: 1 input_dim: 3 input_dim: 7 input_dim: 7
      layer { name: "conv1" type: "Convolution" bottom: "data" top: "conv1"
        convolution_param { num_output: 2 kernel_size: 3 stride: 2 } }`;
    await writeFile(join(place.path, 'bare.prototxt'), net);
    const { code, stdout } = await place.run(['models', 'inspect', 'bare.prototxt']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^weights +drawn at random: there is no file of them$/m);
    expect(stdout).toMatch(/^conv1 +Convolution +1 x 2 x 3 x 3 +56 +486 +3@2$/m);
    const { document } = await place.run(['models', 'inspect', 'bare.prototxt', '--json']);
    expect(document).toMatchObject({ randomWeights: true, totals: { weights: 56 } });
  });

  it('lists all that cannot be run', async () => {
    const layers: Parameters<typeof kerasModel>[1] = [
      ['Lambda', { name: 'magic' }],
      ['Flatten', { name: 'flat' }],
      ['Mystery', { name: 'other' }],
    ];
    await mkdir(join(place.path, 'unknown'), { recursive: true });
    writeModel(join(place.path, 'unknown'), kerasModel([2, 2, 3], layers).json);
    const { code, stdout, stderr } = await place.run(['models', 'inspect', 'unknown']);
    expect(code).toBe(3);
    expect(stdout).toBe('what cannot be run\n  Lambda "magic"\n  Mystery "other"\n');
    expect(stderr).toMatch(/^error MODEL_FORMAT_UNSUPPORTED: /m);
    const { document } = await place.run(['models', 'inspect', 'unknown', '--json']);
    expect(document.error).toMatchObject({ details: { layers: ['Lambda "magic"', 'Mystery "other"'] } });
  });

  it('refuses what is neither a model nor a file, and options of files for a model', async () => {
    const nothing = await place.run(['models', 'inspect', 'nothing', '--json']);
    expect(nothing).toMatchObject({ code: 3, document: { error: { code: 'MODEL_UNKNOWN' } } });
    const sized = await place.run(['models', 'inspect', 'models/tiny-lrcn', '--size', '5x4', '--json']);
    expect(sized).toMatchObject({ code: 2, document: { error: { code: 'REQUEST_INVALID' } } });
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
