/** What goes wrong has its code, a sentence, what to do, and its exit code. */
import { createHash } from 'node:crypto';
import { cp, mkdir, readFile, truncate, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { ERRORS, type ErrorCode } from '../../src/protocol/index.js';
import { writeTinyModels } from '../fixtures/tiny-models.js';
import { openPlace, type CliResult, type Place } from './run-cli.js';

// Every command is a process of its own, which takes its time on a machine that does much else.
vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

let place: Place;
let models: string;

beforeAll(async () => {
  place = await openPlace();
  models = join(place.path, 'models');
  await writeTinyModels(models);
});
afterAll(() => place.remove());

const run = (...args: string[]): Promise<CliResult> => place.run(args, { NEUROREEL_MODELS: models });
const tiny = ['video', '--model', 'tiny-lrcn'];

function expectError(result: CliResult, exit: number, code: ErrorCode, said: RegExp): void {
  const { stdout, stderr } = result;
  expect({ code: result.code, stdout, stderr }).toMatchObject({ code: exit, stdout: '' });
  expect(stderr).toMatch(new RegExp(`^error ${code}: .*\nwhat to do: `, 'm'));
  expect(stderr).toMatch(said);
  expect(stderr).toContain(ERRORS[code].remedy);
  expect(stderr).not.toContain('    at ');
}

describe('a wrong command line', () => {
  it.each<[string[], RegExp]>([
    [['vidoe'], /Unknown command 'vidoe'.*video/],
    [['video', '--frame', '3'], /Unknown option '--frame'.*--frames/],
    [['video', 'surplus'], /Too many arguments/],
    [['video', '--frames', 'many'], /'many' is invalid\. It must be a number\./],
    [['video', '--preset', 'prettiest'], /Allowed choices are default, .*paper-2016/],
    [[...tiny, '--frames', '0'], /frames: expected number to be >=1, got 0/],
    [[...tiny, '--frames', '1000000000'], /frames: expected number to be <=4096, got 1000000000/],
    [[...tiny, '--frames', '2.5'], /frames: expected int, .*got 2.5/],
    [[...tiny, '--iterations', '0'], /'--iterations <n>'.* whole number from 1 to 100000/],
    [[...tiny, '--seed', '-1'], /'--seed <n>'.* whole number from 0 to 4294967295/],
    [[...tiny, '--position', '3'], /It must be like 3,4/],
    [[...tiny, '--settings', '{'], /--settings is no JSON/],
    [[...tiny, '--settings', '{"stepsize": 1}'], /stepsize/],
    [[...tiny, '--runtime', 'abacus'], /No runtime is named "abacus"; there are: auto, /],
    [[...tiny, '--device', 'abacus'], /No device is named "abacus"; there are: auto, cpu, webgpu, cuda, /],
    [[...tiny, '--runtime', 'tfjs', '--device', 'cuda'], /The runtime tfjs has no device cuda; it has: tensorflow, /],
    [['probe', '--model', 'tiny-lrcn'], /tiny-lrcn brings no clips of its own: name a folder/],
    [['probe', '--model', 'tiny-lrcn', '--clips', 'nowhere'], /There is no folder or list of clips: .*nowhere/],
    [['models', 'import', 'x'], /Required option '--name <name>' not specified/],
    [['models', 'import', 'x', '--name', 'y', '--sequence', 'spread'], /spread:N, windows:N:STRIDE or whole/],
    [['train', 'tiny', '--threads', '0'], /whole number from 1 to 1024/],
  ])('is refused: %j', async (args, said) => {
    expectError(await run(...args), 2, 'REQUEST_INVALID', said);
  });

  it('names a recipe that does not exist, or a file that is none', async () => {
    expectError(await run('train', 'nonsense'), 2, 'RECIPE_UNKNOWN', /"nonsense"; there are: .*figures-lrcn/);
    expectError(await run('train', './nowhere.js'), 2, 'RECIPE_UNKNOWN', /There is no recipe at .*nowhere\.js/);
    const path = join(place.path, 'no-recipe.mjs');
    await writeFile(path, 'export default { name: "X" };\n');
    expectError(await run('train', path), 2, 'RECIPE_INVALID', /name: .*task: expected a function/);
  });

  it('would open the server to everybody', async () => {
    expectError(
      await run('serve', '--host', '0.0.0.0'),
      2,
      'BIND_NEEDS_TOKEN',
      /Listening on 0\.0\.0\.0 needs a token/,
    );
    expectError(await run('serve', '--port', '99999'), 2, 'CONFIG_INVALID', /port: /);
  });

  it('is a JSON document for programs', async () => {
    const { code, document, stderr } = await run(...tiny, '--frames', '0', '--json');
    expect({ code, stderr }).toEqual({ code: 2, stderr: '' });
    expect(document.error).toMatchObject({ code: 'REQUEST_INVALID', remedy: ERRORS.REQUEST_INVALID.remedy });
    expect((await run('--json', 'nonsense')).document.error.code).toBe('REQUEST_INVALID');
  });
});

describe('a model', () => {
  it('that does not exist, or is of another kind, is unknown', async () => {
    expectError(await run('video', '--model', 'nobody'), 3, 'MODEL_UNKNOWN', /"nobody"; there are: .*tiny-lrcn/);
    expectError(await run('video', '--model', 'tiny-prior'), 3, 'MODEL_UNKNOWN', /No recogniser is named "tiny-prior"/);
    expectError(await run(...tiny, '--prior', 'nobody'), 3, 'MODEL_UNKNOWN', /No prior is named "nobody"/);
    expectError(await run('models', 'nobody'), 3, 'MODEL_UNKNOWN', /No model is named "nobody"/);
    expectError(await run('probe', '--model', 'nobody'), 3, 'MODEL_UNKNOWN', /No model is named "nobody"/);
  });

  it('has its units and no others', async () => {
    expectError(await run(...tiny, '--unit', 'up'), 3, 'UNIT_UNKNOWN', /no unit "up"; there are: left, right, still/);
    expectError(await run(...tiny, '--unit', '3'), 3, 'UNIT_UNKNOWN', /units 0 to 2; 3 is none/);
  });

  it('whose files are broken is said to be broken, and the others go on', async () => {
    const broken = join(place.path, 'broken');
    await mkdir(broken);
    for (const name of ['cut', 'changed', 'short', 'renamed'])
      await cp(join(models, 'tiny-lrcn'), join(broken, name), { recursive: true });
    const manifestOf = async (name: string) => JSON.parse(await readFile(join(broken, name, 'model.json'), 'utf8'));
    const rename = async (name: string, more: object = {}) =>
      writeFile(join(broken, name, 'model.json'), JSON.stringify({ ...(await manifestOf(name)), name, ...more }));
    await writeFile(join(broken, 'cut', 'model.json'), '{"format": "neuro');
    await rename('changed');
    await truncate(join(broken, 'changed', 'weights.safetensors'), 500);
    const short = (await readFile(join(broken, 'short', 'weights.safetensors'))).subarray(0, 500);
    await writeFile(join(broken, 'short', 'weights.safetensors'), short);
    const { files } = await manifestOf('short');
    const sha256 = createHash('sha256').update(short).digest('hex');
    await rename('short', { files: { ...files, weights: { path: 'weights.safetensors', sha256 } } });

    const at = (...args: string[]) => run(...args, '--models', broken);
    const hash = /changed\/weights\.safetensors has the SHA-256 [0-9a-f]{64}, not [0-9a-f]{64}/;
    expectError(await at('models', 'cut'), 3, 'MODEL_INVALID', /cut\/model\.json cannot be read as JSON/);
    expectError(await at('video', '--model', 'cut'), 3, 'MODEL_INVALID', /cut\/model\.json/);
    expectError(await at('models', 'changed'), 3, 'MODEL_HASH_MISMATCH', hash);
    expectError(await at('video', '--model', 'changed'), 3, 'MODEL_HASH_MISMATCH', hash);
    expectError(
      await at('models', 'short'),
      3,
      'MODEL_INVALID',
      /short\/weights\.safetensors is not a whole safetensors/,
    );
    expectError(await at('models', 'renamed'), 3, 'MODEL_INVALID', /names "tiny-lrcn" but lies in another folder/);
    const { code, stdout, stderr } = await at('models');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^tiny-lrcn /m);
    expect(stderr).toMatch(/Model cut cannot be used: /);
    expect(stderr).toMatch(/Model renamed cannot be used: /);
  });

  it('is not replaced by an import or a short training by accident', async () => {
    const out = join(place.path, 'kept');
    await cp(join(models, 'tiny-lrcn'), join(out, 'tiny-dots'), { recursive: true });
    const recipe = new URL('./fixtures/tiny-recipe.mjs', import.meta.url).pathname;
    expectError(await run('train', recipe, '--steps', '2', '--out', out), 2, 'MODEL_EXISTS', /add --force/);
  });
});

describe('a machine', () => {
  it('without the ffmpeg that FFMPEG_PATH names is told before any work is done', async () => {
    const env = { NEUROREEL_MODELS: models, FFMPEG_PATH: '/nowhere/ffmpeg' };
    const result = await place.run(tiny, env);
    expectError(
      result,
      4,
      'FFMPEG_MISSING',
      /FFMPEG_PATH names no usable ffmpeg: \/nowhere\/ffmpeg does not run \(ENOENT\)/,
    );
    expect(result.stderr).not.toContain('optimising');
  });

  it('whose port is taken', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const port = String((other.address() as AddressInfo).port);
    expectError(
      await run('serve', '--port', port, '--log', 'silent'),
      4,
      'PORT_IN_USE',
      new RegExp(`Port ${port} of 127`),
    );
    expectError(await run('demo', '--port', port), 4, 'PORT_IN_USE', new RegExp(`Port ${port} of 127`));
    other.close();
  });

  it('where folders cannot be written to', async () => {
    const file = join(place.path, 'a-file');
    await writeFile(file, '');
    expectError(await run('serve', '--port', '0', '--data', file), 4, 'DATA_FOLDER_UNWRITABLE', /a-file/);
    expectError(await run(...tiny, '--out', join(file, 'x')), 4, 'OUTPUT_UNWRITABLE', /a-file.*cannot be written/);
    expectError(await run('demo', '--out', join(file, 'x')), 4, 'OUTPUT_UNWRITABLE', /a-file.*cannot be written/);
  });
});
