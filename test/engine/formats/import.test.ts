/** Model packages made of imported models. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { FORMATS, importModel, readModel, type ImportOptions } from '../../../src/engine/formats/import.js';
import { readLabels } from '../../../src/engine/formats/labels.js';
import { GraphBuilder } from '../../../src/engine/graph/graph.js';
import { readPackage } from '../../../src/engine/models/package.js';
import { generatorPrior } from '../../../src/engine/models/prior.js';
import { ModelRegistry } from '../../../src/engine/models/registry.js';
import { Random } from '../../../src/engine/random.js';
import { evaluate } from '../../../src/engine/runtimes/reference/reference.js';
import { sharedPart, sharedPath } from '../../shared-data.js';
import { failure } from '../small-models.js';
import { kerasModel, scoring, temporaryFolder, worst, writeModel, type NamedNumbers, type Saved } from './helpers.js';

const root = temporaryFolder();
const random = new Random('import');
const weight = (name: string, shape: readonly number[]): NamedNumbers => ({
  name,
  shape,
  data: [...random.normals(shape.reduce((n, dim) => n * dim, 1))],
});

/** A recogniser of 5 frames of 4x4 with 3 units. */
function recogniser(channels = 3): Saved {
  const conv = { class_name: 'Conv2D', config: { name: 'conv', filters: 2, kernel_size: 3, activation: 'relu' } };
  return kerasModel(
    [5, 4, 4, channels],
    [
      ['TimeDistributed', { name: 'time_distributed', layer: conv }],
      ['TimeDistributed', { name: 'time_distributed_1', layer: { class_name: 'Flatten', config: { name: 'flat' } } }],
      ['LSTM', { name: 'lstm', units: 4, activation: 'tanh', recurrent_activation: 'sigmoid' }],
      ['Dense', { name: 'dense', units: 3, activation: 'softmax' }],
    ],
    [
      weight('time_distributed/kernel', [3, 3, channels, 2]),
      weight('time_distributed/bias', [2]),
      weight('lstm/lstm_cell/kernel', [8, 16]),
      weight('lstm/lstm_cell/recurrent_kernel', [4, 16]),
      weight('lstm/lstm_cell/bias', [16]),
      weight('dense/kernel', [4, 3]),
      weight('dense/bias', [3]),
    ],
  );
}

function folder(name: string): string {
  const path = join(root, name);
  mkdirSync(path, { recursive: true });
  return path;
}
function modelAt(name: string, { json, bytes } = recogniser()): string {
  return writeModel(folder(name), json, bytes);
}
const options = (path: string, more: Partial<ImportOptions> = {}): ImportOptions => ({
  path,
  name: 'imported',
  out: join(root, 'packages'),
  order: 'bgr',
  mean: 0,
  scale: 1 / 255,
  licence: 'CC0-1.0',
  ...more,
});
const labelsFile = (name: string, text: string): string => {
  const path = join(root, name);
  writeFileSync(path, text);
  return path;
};

describe('a package made of a recogniser', () => {
  it('says what it is, and has the hashes of its files', async () => {
    const labels = labelsFile('labels.json', '{"labels": ["swing", null, "jump"]}');
    const { directory, manifest } = await importModel(options(modelAt('first'), { labels, title: 'Imported' }));
    expect(directory).toBe(join(root, 'packages', 'imported'));
    expect(manifest).toMatchObject({
      kind: 'recogniser',
      name: 'imported',
      title: 'Imported',
      licence: 'CC0-1.0',
      labels: ['swing', 'unit 1', 'jump'],
      input: { width: 4, height: 4, order: 'bgr', mean: [0, 0, 0], scale: [1 / 255, 1 / 255, 1 / 255] },
      sequence: { rule: 'spread', length: 5 },
    });
    for (const entry of [manifest.files.graph, manifest.files.weights]) {
      const found = createHash('sha256')
        .update(readFileSync(join(directory, entry.path)))
        .digest('hex');
      expect(found).toBe(entry.sha256);
    }
  });

  it.each([
    ['F32', 1e-12],
    ['F16', 1e-2],
  ] as const)('gives what the model gives, in %s', async (precision, tolerance) => {
    const path = modelAt(`precision-${precision}`);
    const { directory } = await importModel(options(path, { name: `as-${precision.toLowerCase()}`, precision }));
    const { graphs } = readPackage(directory);
    const model = await readModel(path);
    if (model.kind !== 'recogniser') throw new Error('It is a recogniser.');
    const x = random.normals(7 * 4 * 4 * 3);
    const results = [model, { ...model, graphs: graphs as typeof model.graphs }].map((which) => {
      const { b, y } = scoring(which, 1, 7);
      b.output('y', y);
      return evaluate(b.build(), { x })['y']!;
    });
    expect(worst(results[1]!, results[0]!)).toBeLessThan(tolerance);
    expect(graphs['frames']!.outputs.map((port) => port.name)).toEqual(['conv', 'flat', 'gates']);
  });

  it('takes the place of another only when asked to', async () => {
    const path = modelAt('twice');
    await importModel(options(path, { name: 'twice' }));
    await expect(importModel(options(path, { name: 'twice' }))).rejects.toMatchObject({ code: 'MODEL_EXISTS' });
    const again = await importModel(options(path, { name: 'twice', overwrite: true, title: 'Again' }));
    expect(again.manifest.title).toBe('Again');
  });

  it.each<[string, Partial<ImportOptions>, string]>([
    ['a name with a slash', { name: '../elsewhere' }, 'REQUEST_INVALID'],
    ['an empty name', { name: '' }, 'REQUEST_INVALID'],
    ['a scale of zero', { scale: 0 }, 'REQUEST_INVALID'],
    ['a sequence of zero frames', { sequence: { rule: 'spread', length: 0 } }, 'REQUEST_INVALID'],
    ['labels that are missing', { labels: join(root, 'nothing.json') }, 'MODEL_INVALID'],
    ['too few labels', { labels: labelsFile('two.txt', 'one\ntwo\n') }, 'MODEL_INVALID'],
    ['a model that is missing', { path: join(root, 'nothing') }, 'MODEL_INVALID'],
    ['a file of another kind', { path: labelsFile('model.pb', 'x') }, 'MODEL_FORMAT_UNSUPPORTED'],
  ])('%s is refused, and nothing is written', async (what, more, code) => {
    const out = join(root, 'refused', what.replaceAll(' ', '-'), 'packages');
    await expect(importModel({ ...options(modelAt('refused-model')), out, ...more })).rejects.toMatchObject({ code });
    expect(existsSync(join(root, 'refused', what.replaceAll(' ', '-')))).toBe(false);
  });

  it('is fed as many frames as it is made for, where that is a number', async () => {
    const model = recogniser();
    const json = JSON.parse(JSON.stringify(model.json).replace('"activation":"tanh"', '"activation":"relu"')) as object;
    const path = modelAt('fixed', { ...model, json: json as Record<string, unknown> });
    const { manifest } = await importModel(options(path, { name: 'fixed' }));
    expect(manifest).toMatchObject({ sequence: { rule: 'spread', length: 5 } });
    const windows = { rule: 'windows', length: 5, stride: 2 } as const;
    expect((await importModel(options(path, { name: 'fixed-windows', sequence: windows }))).manifest).toMatchObject({
      sequence: windows,
    });
    for (const sequence of [{ rule: 'whole' }, { rule: 'spread', length: 6 }, { ...windows, length: 4 }] as const) {
      await expect(importModel(options(path, { name: 'unfit', sequence }))).rejects.toMatchObject({
        code: 'REQUEST_INVALID',
        message: expect.stringContaining('made for 5 frames') as string,
      });
    }
  });

  it('is not made of frames without three channels', async () => {
    await expect(importModel(options(modelAt('grey', recogniser(1))))).rejects.toMatchObject({
      code: 'MODEL_FORMAT_UNSUPPORTED',
    });
  });

  it.each<[string, Partial<ImportOptions>]>([
    ['bounds', { bounds: 3 }],
    ['lower', { lower: 0 }],
    ['code-mean', { codeMean: 1 }],
    ['encoder', { encoder: 'somewhere' }],
    ['encoder-weights', { encoderWeights: 'somewhere' }],
  ])('has no %s: that is for generators', async (name, more) => {
    await expect(importModel(options(modelAt('no-generator'), more))).rejects.toEqual(
      failure('REQUEST_INVALID', new RegExp(`The option ${name} is for a generator; .* is a recogniser`)),
    );
  });
});

/** A classifier of 6x5 pictures with 2 units. */
function classifier(channels = 3): Saved {
  return kerasModel(
    [6, 5, channels],
    [
      ['Conv2D', { name: 'conv', filters: 4, kernel_size: 3, activation: 'relu' }],
      ['Flatten', { name: 'flat' }],
      ['Dense', { name: 'dense', units: 2, activation: 'softmax' }],
    ],
    [
      weight('conv/kernel', [3, 3, channels, 4]),
      weight('conv/bias', [4]),
      weight('dense/kernel', [48, 2]),
      weight('dense/bias', [2]),
    ],
  );
}

describe('a package made of a network for single pictures', () => {
  it('is a classifier that gives what the network gives', async () => {
    const path = modelAt('pictures', classifier());
    const labels = labelsFile('words.txt', 'n01440764 tench, Tinca tinca \n  n01443537 goldfish\n');
    const { manifest, directory } = await importModel(
      options(path, { name: 'pictures', labels, mean: [104, 117, 123], scale: 1 }),
    );
    expect(manifest).toMatchObject({
      kind: 'classifier',
      labels: ['n01440764 tench, Tinca tinca', 'n01443537 goldfish'],
      input: { width: 5, height: 6, order: 'bgr', mean: [104, 117, 123], scale: [1, 1, 1] },
    });
    const { network } = readPackage(directory).graphs;
    expect(network!.outputs.map(({ name }) => name)).toEqual(['conv', 'flat', 'logits']);
    const model = await readModel(path);
    if (model.kind !== 'network') throw new Error('It is a network.');
    const x = random.normals(2 * 3 * 6 * 5);
    const [ours, theirs] = [{ ...model, graphs: { network: network! } }, model].map((which) => {
      const { b, y } = scoring(which, 2, 1);
      b.output('y', y);
      return evaluate(b.build(), { x })['y']!;
    });
    expect(worst(ours!, theirs!)).toBeLessThan(1e-12);
  });

  it('has neither a sequence nor a code, three channels, and weights of its own', async () => {
    const path = modelAt('pictures-refused', classifier());
    const wrong = (more: Partial<ImportOptions>): Promise<unknown> =>
      importModel(options(path, { name: 'refused', ...more }));
    await expect(wrong({ sequence: { rule: 'whole' } })).rejects.toEqual(
      failure('REQUEST_INVALID', /sequence is for a recogniser/),
    );
    await expect(wrong({ weights: 'somewhere' })).rejects.toEqual(failure('REQUEST_INVALID', /holds its own/));
    await expect(wrong({ steps: 4 })).rejects.toEqual(failure('REQUEST_INVALID', /steps is for a recogniser/));
    await expect(wrong({ bounds: 4 })).rejects.toEqual(failure('REQUEST_INVALID', /bounds is for a generator/));
    await expect(wrong({ randomWeights: true })).rejects.toEqual(failure('REQUEST_INVALID', /weights of its own/));
    await expect(importModel(options(modelAt('grey-pictures', classifier(1))))).rejects.toMatchObject({
      code: 'MODEL_FORMAT_UNSUPPORTED',
    });
    expect(existsSync(join(root, 'packages', 'refused'))).toBe(false);
  });
});

/** A generator of 5x6 pictures of codes of 4 numbers, and a network that gives 4 numbers of such pictures. */
const drawing = (): Saved =>
  kerasModel(
    [4],
    [
      ['Dense', { name: 'fc', units: 90, activation: 'linear' }],
      ['Reshape', { name: 'picture', target_shape: [6, 5, 3] }],
    ],
    [weight('fc/kernel', [4, 90]), weight('fc/bias', [90])],
  );
const encoding = (units = 4): Saved =>
  kerasModel(
    [6, 5, 3],
    [
      ['Flatten', { name: 'flat' }],
      ['Dense', { name: 'fc', units, activation: 'linear' }],
    ],
    [weight('fc/kernel', [90, units]), weight('fc/bias', [units])],
  );

describe('a package made of a generator', () => {
  it('is a prior with the bounds of its code and its encoder, which draws what the generator draws', async () => {
    const path = modelAt('drawing', drawing());
    const bounds = labelsFile('bounds.txt', '4 8 12\n16');
    const { manifest } = await importModel(
      options(path, { name: 'prior', bounds, scale: 2, mean: 128, encoder: modelAt('encoding', encoding()) }),
    );
    expect(manifest).toMatchObject({
      kind: 'prior',
      code: { size: 4 },
      output: { width: 5, height: 6, order: 'bgr', mean: [128, 128, 128], scale: [2, 2, 2] },
    });
    const prior = generatorPrior(ModelRegistry.open({ folders: [join(root, 'packages')] }).loadPrior('prior'));
    expect(prior.statistics).toMatchObject({
      upper: Float32Array.of(4, 8, 12, 16),
      lower: new Float32Array(4),
      factors: null,
    });
    const b = new GraphBuilder();
    const codes = b.input('codes', [2, 4]);
    const pictures = prior.build(b, codes);
    b.output('given', codes);
    b.output('pictures', pictures);
    b.output('encoded', prior.encode!(b, pictures));
    const drawn = evaluate(b.build(), { codes: random.normals(8) });
    const model = await readModel(path);
    if (model.kind !== 'generator') throw new Error('It is a generator.');
    const images = [0, 1].flatMap((i) => {
      const { image } = evaluate(model.graphs.generator, { code: drawn['given']!.subarray(4 * i, 4 * i + 4) });
      return [...image!];
    });
    expect(worst(drawn['pictures']!, images)).toBeLessThan(1e-12);
    expect(drawn['encoded']).toHaveLength(2 * 4);
  });

  it('must have bounds, and an encoder that fits; it has no units and no sequence', async () => {
    const path = modelAt('drawing-refused', drawing());
    const wrong = (more: Partial<ImportOptions>): Promise<unknown> =>
      importModel(options(path, { name: 'no-prior', ...more }));
    await expect(wrong({})).rejects.toEqual(failure('REQUEST_INVALID', /within which bounds/));
    await expect(wrong({ bounds: labelsFile('three.txt', '1 2 3') })).rejects.toEqual(
      failure('MODEL_INVALID', /holds 3 numbers; the code has 4/),
    );
    await expect(wrong({ bounds: 1, labels: 'labels.txt' })).rejects.toEqual(
      failure('REQUEST_INVALID', /labels is for a recogniser of sequences or a network for single pictures/),
    );
    await expect(wrong({ bounds: 1, encoderWeights: 'weights' })).rejects.toEqual(
      failure('REQUEST_INVALID', /no encoder/),
    );
    await expect(wrong({ bounds: 1, encoder: modelAt('encoding-five', encoding(5)) })).rejects.toEqual(
      failure('MODEL_INVALID', /gives 5 numbers; the generator takes codes of 4/),
    );
    await expect(wrong({ bounds: 1, encoder: modelAt('no-encoder', recogniser()) })).rejects.toEqual(
      failure('MODEL_INVALID', /is a recogniser/),
    );
    expect(existsSync(join(root, 'packages', 'no-prior'))).toBe(false);
  });
});

describe('a network without its weights', () => {
  const text = (side: string): string => `
    name: "bare" input: "data" input_dim: 1 input_dim: 3 input_dim: 5 input_dim: ${side}
    layer { name: "fc" type: "InnerProduct" bottom: "data" top: "fc" inner_product_param { num_output: 2 } }`;

  it('is imported only when random ones will do, and the manifest says that they are', async () => {
    const path = labelsFile('bare.prototxt', text('4'));
    await expect(importModel(options(path, { name: 'bare' }))).rejects.toEqual(
      failure('REQUEST_INVALID', /without its weights/),
    );
    const { manifest } = await importModel(options(path, { name: 'bare', randomWeights: true }));
    expect(manifest).toMatchObject({
      kind: 'classifier',
      labels: ['unit 0', 'unit 1'],
      description: expect.stringMatching(/drawn at random\.$/) as unknown,
      source: expect.stringMatching(/at random$/) as unknown,
    });
    const named = options(path, { name: 'bare-2', randomWeights: true, source: 'nowhere', description: 'A net.' });
    expect((await importModel(named)).manifest).toMatchObject({
      description: 'A net. Its weights were drawn at random.',
      source: 'nowhere, weights at random',
    });
  });

  it('is no encoder without being asked for either', async () => {
    const encoder = labelsFile('encoder.prototxt', text('6').replace('num_output: 2', 'num_output: 4'));
    const prior = options(modelAt('drawing-random', drawing()), { name: 'half-random', bounds: 1, encoder });
    await expect(importModel(prior)).rejects.toEqual(failure('REQUEST_INVALID', /without its weights/));
  });
});

describe('labels', () => {
  it.each([
    ['a list', '["a", null, "c"]', ['a', 'unit 1', 'c']],
    ['an object', '{"labels": [null, "b"], "evidence": "none"}', ['unit 0', 'b']],
    ['lines', 'a\r\n\r\nc d\n', ['a', 'unit 1', 'c d']],
    [
      'synset words',
      ' n01440764 tench, Tinca tinca\t\nn01443537 goldfish, Carassius auratus\n',
      ['n01440764 tench, Tinca tinca', 'n01443537 goldfish, Carassius auratus'],
    ],
  ])('%s', async (name, text, wanted) => {
    expect(await readLabels(labelsFile(`${name.replace(' ', '-')}.labels`, text))).toEqual(wanted);
  });

  it.each(['{"labels": 3}', '[1, 2]', '[', '{}'])('%s is refused', async (text) => {
    await expect(readLabels(labelsFile('broken.labels', text))).rejects.toMatchObject({ code: 'MODEL_INVALID' });
  });
});

it('every format has a name of its own', () => {
  expect(new Set(FORMATS.map((format) => format.name)).size).toBe(FORMATS.length);
});

const lrcn = sharedPart('models', 'ucf50-lrcn-2');
it.skipIf(lrcn.missing)(`the LRCN trained on UCF50 becomes a package${lrcn.note}`, async () => {
  const path = sharedPath('models', 'ucf50-lrcn-2');
  const labels = join(path, 'labels.json');
  const { directory, manifest } = await importModel(
    options(path, { name: 'ucf50-lrcn-2', labels, licence: 'none stated' }),
  );
  expect(manifest).toMatchObject({
    labels: ['Basketball', 'Billiards', 'unit 2', 'unit 3'],
    sequence: { rule: 'spread', length: 20 },
  });
  expect(readPackage(directory).manifest).toEqual(manifest);
});
