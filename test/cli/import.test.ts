import { cp, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { kerasModel, writeModel } from '../engine/formats/helpers.js';
import { sharedPart, sharedPath } from '../shared-data.js';
import { openPlace, type Place } from './run-cli.js';

// Every command is a process of its own, which takes its time on a machine that does much else.
vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

let place: Place;
beforeAll(async () => {
  place = await openPlace();
});
afterAll(() => place.remove());

describe('neuroreel models import', () => {
  it('says what is wrong with a file', async () => {
    const missing = await place.run(['models', 'import', 'nowhere.json', '--name', 'mine']);
    expect(missing.code).toBe(3);
    expect(missing.stderr).toMatch(/^error MODEL_INVALID: There is no model at .*nowhere\.json/m);
    await writeFile(join(place.path, 'notes.txt'), 'no model');
    const unknown = await place.run(['models', 'import', 'notes.txt', '--name', 'mine', '--json']);
    expect(unknown).toMatchObject({ code: 3, stderr: '' });
    expect(unknown.document.error.code).toBe('MODEL_FORMAT_UNSUPPORTED');
  });

  it('makes a classifier of a network for pictures, and a prior of a generator', async () => {
    const files = async (name: string, ...model: Parameters<typeof kerasModel>): Promise<string> => {
      await mkdir(join(place.path, name), { recursive: true });
      const { json, bytes } = kerasModel(...model);
      return writeModel(join(place.path, name), json, bytes);
    };
    await files('colours', [4, 4, 3], [['GlobalAveragePooling2D', { name: 'pool' }]]);
    const flat: Parameters<typeof kerasModel>[1] = [['Reshape', { name: 'picture', target_shape: [2, 2, 3] }]];
    await files('drawer', [12], flat);
    const classifier = await place.run([
      'models',
      'import',
      'colours',
      '--name',
      'colours',
      '--scale',
      '1/255',
      '--json',
    ]);
    expect(classifier).toMatchObject({ code: 0, document: { manifest: { kind: 'classifier' }, graphs: ['network'] } });
    const args = ['models', 'import', 'drawer', '--name', 'drawer', '--json'];
    expect(await place.run(args)).toMatchObject({ code: 2, document: { error: { code: 'REQUEST_INVALID' } } });
    const prior = await place.run([...args, '--bounds', '3', '--lower', '-3']);
    expect(prior).toMatchObject({ code: 0, document: { manifest: { kind: 'prior', code: { size: 12 } } } });
  });

  const { missing, note } = sharedPart('models', 'ucf50-lrcn-2', 'model.json');
  it.skipIf(missing)(`makes a package of a real recogniser, which is found and can be probed${note}`, async () => {
    const source = sharedPath('models', 'ucf50-lrcn-2');
    const options = [
      '--order',
      'bgr',
      '--scale',
      '1/255',
      '--sequence',
      'spread:20',
      '--labels',
      join(source, 'labels.json'),
    ];
    const args = ['models', 'import', join(source, 'model.json'), '--name', 'real', ...options, '--json'];
    const made = await place.run(args);
    const folder = join(place.path, '.local', 'share', 'neuroreel', 'models', 'real');
    expect(made).toMatchObject({
      code: 0,
      document: { folder, manifest: { labels: ['Basketball', 'Billiards', 'unit 2', 'unit 3'] } },
    });
    expect(await place.run(args)).toMatchObject({ code: 2, document: { error: { code: 'MODEL_EXISTS' } } });
    expect((await place.run([...args, '--overwrite'])).code).toBe(0);

    await mkdir(join(place.path, 'clips', 'Billiards'), { recursive: true });
    const clip = sharedPath('videos', 'tejkiran7-test', 'test_video_billards.avi');
    await cp(clip, join(place.path, 'clips', 'Billiards', 'billiards.avi'));
    const { code, document } = await place.run([
      'probe',
      '--model',
      'real',
      '--clips',
      'clips',
      '--permutations',
      '3',
      '--json',
    ]);
    expect(code).toBe(0);
    expect(document.models[0].clips).toMatchObject([
      { name: 'Billiards/billiards.avi', frames: 307, prediction: 'Billiards' },
    ]);
  });
});
