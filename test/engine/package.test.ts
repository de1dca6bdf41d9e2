import { existsSync, mkdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readManifest, readPackage, sha256, writePackage } from '../../src/engine/models/package.js';
import { generatorPrior, pixelPrior } from '../../src/engine/models/prior.js';
import { ModelRegistry, unitIndex } from '../../src/engine/models/registry.js';
import { GraphBuilder } from '../../src/engine/graph/graph.js';
import { evaluate } from '../../src/engine/runtimes/reference/reference.js';
import { REFERENCE_FORMAT, type RecogniserManifest, type ReferenceActivations } from '../../src/protocol/manifest.js';
import { CODE, LABELS, failure, removeFolder, smallPrior, smallRecogniser, temporaryFolder } from './small-models.js';

let folder: string;
beforeEach(() => (folder = temporaryFolder()));
afterEach(() => removeFolder(folder));

const REFERENCE: ReferenceActivations = {
  format: REFERENCE_FORMAT,
  clips: 'made up',
  frames: 4,
  activations: { one: [1, 2] },
  smoothness: { one: 0.1 },
};
const small = (): string => {
  writePackage(join(folder, 'small'), { ...smallRecogniser(), reference: REFERENCE });
  return join(folder, 'small');
};
/** Changes the manifest on disk, hashes and all, without a look at whether it is still right. */
function edit(directory: string, change: (manifest: any) => void): void {
  const path = join(directory, 'model.json');
  const manifest = JSON.parse(readFileSync(path, 'utf8'));
  change(manifest);
  writeFileSync(path, JSON.stringify(manifest));
}
/** Puts other bytes in the place of a file, with the hash that belongs to them. */
function replaceFile(directory: string, role: string, bytes: string | Uint8Array): void {
  edit(directory, ({ files }) => {
    files[role].sha256 = sha256(bytes);
    writeFileSync(join(directory, files[role].path), bytes);
  });
}

describe('a model package', () => {
  it('gives back manifest, graphs, weights and reference as they were written', () => {
    const content = { ...smallRecogniser(), reference: REFERENCE };
    const manifest = writePackage(join(folder, 'small'), content);
    const model = readPackage(join(folder, 'small'));
    expect(model.manifest).toEqual(manifest);
    expect(model.manifest).toMatchObject({ ...content.facts, name: 'small' });
    expect(model.reference).toEqual(REFERENCE);
    const frames = Float32Array.from({ length: 144 }, (_, i) => Math.sin(i));
    expect(evaluate(model.graphs['frames']!, { frames })).toEqual(evaluate(content.graphs['frames']!, { frames }));
    expect([...model.weights.keys()].sort()).toEqual(
      ['conv.bias', 'conv.weight', 'gates.bias', 'gates.weight', 'recurrent', 'scores'].sort(),
    );
  });

  it('is named by the hash of its manifest, which changes with any of its files', () => {
    const directory = small();
    const before = readPackage(directory).sha256;
    expect(before).toBe(sha256(readFileSync(join(directory, 'model.json'))));
    writePackage(directory, { ...smallRecogniser(), precision: 'F16' }, true);
    expect(readPackage(directory).sha256).not.toBe(before);
  });

  it('is not replaced unless that is asked for, and keeps the other files of its folder', () => {
    const directory = small();
    writeFileSync(join(directory, 'recipe.txt'), 'mine');
    const before = readFileSync(join(directory, 'model.json'), 'utf8');
    expect(() => writePackage(directory, smallRecogniser())).toThrow(failure('MODEL_EXISTS'));
    expect(readFileSync(join(directory, 'model.json'), 'utf8')).toBe(before);
    writePackage(directory, smallRecogniser({ rule: 'whole' }), true);
    expect(readPackage(directory).manifest).toMatchObject({ sequence: { rule: 'whole' } });
    expect(readFileSync(join(directory, 'recipe.txt'), 'utf8')).toBe('mine');
  });

  it('leaves nothing behind that is only half written', () => {
    const directory = small();
    const rest = ['graph.json.new', 'weights.safetensors.new', 'model.json.new', 'reference.json.new'];
    expect(rest.filter((name) => existsSync(join(directory, name)))).toEqual([]);
    mkdirSync(join(folder, 'blocked', 'weights.safetensors', 'in-the-way'), { recursive: true });
    expect(() => writePackage(join(folder, 'blocked'), smallRecogniser())).toThrow(failure('OUTPUT_UNWRITABLE'));
    expect(existsSync(join(folder, 'blocked', 'model.json'))).toBe(false);
    expect(rest.filter((name) => existsSync(join(folder, 'blocked', name)))).toEqual([]);
  });

  it('is not written under a file, or under a name that no package may have', () => {
    writeFileSync(join(folder, 'file'), '');
    expect(() => writePackage(join(folder, 'file', 'small'), smallRecogniser())).toThrow(failure('OUTPUT_UNWRITABLE'));
    expect(() => writePackage(join(folder, 'Not a Name'), smallRecogniser())).toThrow(failure('MODEL_INVALID', /name/));
    expect(existsSync(join(folder, 'Not a Name'))).toBe(false);
  });

  it('is refused when a file is missing, is a folder, or is not the one that was written', () => {
    for (const name of ['graph.json', 'weights.safetensors', 'reference.json']) {
      const directory = small();
      const path = join(directory, name);
      truncateSync(path, statSync(path).size - 1);
      expect(() => readPackage(directory), name).toThrow(failure('MODEL_HASH_MISMATCH'));
      rmSync(path);
      expect(() => readPackage(directory), name).toThrow(failure('MODEL_INVALID', /is missing/));
      mkdirSync(path);
      expect(() => readPackage(directory), name).toThrow(failure('MODEL_INVALID', /is not a file/));
      rmSync(directory, { recursive: true });
    }
  });

  it.each([
    ['graph', '{'],
    ['graph', '{"format":"neuroreel.graph/1"}'],
    ['weights', 'short'],
    ['reference', '{'],
    ['reference', '{"format":"neuroreel.reference/1","clips":3}'],
  ])('is refused when its %s is %s, even with the right hash', (role, bytes) => {
    const directory = small();
    replaceFile(directory, role, bytes);
    expect(() => readPackage(directory)).toThrow(failure('MODEL_INVALID'));
  });

  it.each([
    '../small-prior/model.json',
    '..',
    'a/../../b',
    '/etc/hostname',
    'C:\\weights',
    'a\\..\\b',
    './graph.json',
    'a//b',
    '.hidden',
    'a/.hidden',
    '',
    'graph.json\n',
    'graph.json\0',
  ])('is refused when a file lies at %j', (path) => {
    const directory = small();
    edit(directory, ({ files }) => (files.graph.path = path));
    expect(() => readManifest(directory)).toThrow(failure('MODEL_INVALID', /files\.graph\.path/));
  });

  it.each<[string, (manifest: any) => void]>([
    ['format', (m) => (m.format = 'neuroreel.model/2')],
    ['kind', (m) => (m.kind = 'oracle')],
    ['name', (m) => (m.name = 'Small')],
    ['title', (m) => delete m.title],
    ['labels', (m) => (m.labels = [])],
    ['input.width', (m) => (m.input.width = 0)],
    ['input.width', (m) => (m.input.width = 1e9)],
    ['input.scale', (m) => (m.input.scale = [1, 0, 1])],
    ['input.mean', (m) => (m.input.mean = [1, 1])],
    ['input.order', (m) => (m.input.order = 'grb')],
    ['sequence.stride', (m) => (m.sequence.stride = 0)],
    ['sequence.length', (m) => (m.sequence.length = 1.5)],
    ['files.weights.sha256', (m) => (m.files.weights.sha256 = 'f00')],
    ['files.weights', (m) => delete m.files.weights],
    ['it', (m) => (m.surprise = 1)],
  ])('is refused when %s is wrong, which the message names', (field, change) => {
    const directory = small();
    edit(directory, change);
    expect(() => readManifest(directory)).toThrow(failure('MODEL_INVALID', new RegExp(`model\\.json: ${field}\\b`)));
  });

  it('is refused when its manifest is missing, is not JSON, or names another folder', () => {
    const directory = small();
    expect(() => readManifest(folder)).toThrow(failure('MODEL_INVALID'));
    edit(directory, (m) => (m.name = 'other'));
    expect(() => readManifest(directory)).toThrow(failure('MODEL_INVALID', /names "other"/));
    writeFileSync(join(directory, 'model.json'), '{"format": ');
    expect(() => readManifest(directory)).toThrow(failure('MODEL_INVALID', /JSON/));
  });
});

describe('the registry', () => {
  const write = (top: string, name: string, title: string): void => {
    const content = name.endsWith('prior') ? smallPrior() : smallRecogniser();
    writePackage(join(folder, top, name), { ...content, facts: { ...content.facts, title } });
  };
  const open = (...tops: string[]): ModelRegistry =>
    ModelRegistry.open({ folders: tops.map((top) => join(folder, top)) });

  it('lists the packages of all its folders, of a name only that of the first folder', () => {
    write('a', 'small', 'first');
    write('a', 'small-prior', 'prior');
    write('b', 'small', 'second');
    write('b', 'another', 'third');
    mkdirSync(join(folder, 'a', 'no-package'));
    const listed = open('a', 'nowhere', 'b').list();
    expect(listed.map(({ name, title, kind }) => [name, title, kind])).toEqual([
      ['small', 'first', 'recogniser'],
      ['small-prior', 'prior', 'prior'],
      ['another', 'third', 'recogniser'],
    ]);
    expect(listed[0]).toMatchObject({
      labels: LABELS,
      default: { unit: 'two' },
      sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
    expect(open('a', 'b').load('small').manifest.title).toBe('first');
    expect(open('b', 'a').load('small').manifest.title).toBe('second');
  });

  it('leaves broken packages out of the list and tells them as problems', () => {
    write('a', 'small', 'whole');
    write('a', 'broken', 'broken');
    edit(join(folder, 'a', 'broken'), (m) => (m.input.width = 'wide'));
    const registry = open('a');
    expect(registry.list().map(({ name }) => name)).toEqual(['small']);
    expect(registry.problems()).toEqual([{ name: 'broken', error: failure('MODEL_INVALID', /input\.width/) }]);
    expect(() => registry.load('broken')).toThrow(failure('MODEL_INVALID'));
  });

  it('knows no model by a path, nor a model of another kind', () => {
    write('a', 'small', 'x');
    write('a', 'small-prior', 'x');
    const registry = open('a');
    for (const name of ['nope', '', '../a/small', join(folder, 'a', 'small'), '__proto__']) {
      expect(() => registry.load(name), name).toThrow(failure('MODEL_UNKNOWN', /there are: small, small-prior/));
    }
    expect(() => registry.loadPrior('small')).toThrow(failure('MODEL_UNKNOWN', /is a recogniser, not a prior/));
    expect(() => registry.loadRecogniser('small-prior')).toThrow(failure('MODEL_UNKNOWN'));
    expect(registry.loadRecogniser('small').manifest.name).toBe('small');
  });

  it('says so when a folder of models is none', () => {
    writeFileSync(join(folder, 'file'), '');
    expect(() => open('file').list()).toThrow(failure('CONFIG_INVALID', /file cannot be read/));
  });
});

describe('a unit', () => {
  it('is found by index or label, and by nothing else', () => {
    const { manifest } = readPackage(small());
    const index = (unit: number | string): number => unitIndex(manifest as RecogniserManifest, unit);
    expect([index(0), index(2), index('two')]).toEqual([0, 2, 1]);
    for (const unit of [-1, 3, 0.5, NaN, Infinity, 'three', 'Two', '', '1']) {
      expect(() => index(unit), String(unit)).toThrow(failure('UNIT_UNKNOWN', /one, two, dead/));
    }
  });
});

describe('a prior', () => {
  it('has the statistics of its package: without lower bounds they are zero, the spread is that of the factor', () => {
    writePackage(join(folder, 'small-prior'), smallPrior());
    const prior = generatorPrior(ModelRegistry.open({ folders: [folder] }).loadPrior('small-prior'));
    const factor = smallPrior().extra!.get('code.factor')!.data;
    expect(prior).toMatchObject({ name: 'small-prior', size: CODE });
    expect(prior.statistics.lower).toEqual(new Float32Array(CODE));
    expect(prior.statistics.spread).toBeCloseTo(Math.sqrt(factor.reduce((s, x) => s + x * x, 0) / CODE), 6);
  });

  it('without a factor has the spread that its bounds of three standard deviations tell', () => {
    const extra = new Map([...smallPrior().extra!].filter(([name]) => name !== 'code.factor'));
    writePackage(join(folder, 'p'), { ...smallPrior(), extra });
    const { factors, spread } = generatorPrior(ModelRegistry.open({ folders: [folder] }).loadPrior('p')).statistics;
    expect(factors).toBeNull();
    const deviations = [0.5, 0.6, 0.7, 0.8, 0.9].map((width) => width / 3);
    expect(spread).toBeCloseTo(Math.sqrt(deviations.reduce((s, x) => s + x * x, 0) / CODE), 6);
  });

  it('must hold a generator with an image, and statistics of the size of its code', () => {
    const registry = ModelRegistry.open({ folders: [folder] });
    const without = new Map([...smallPrior().extra!].filter(([name]) => name !== 'code.upper'));
    writePackage(join(folder, 'p'), { ...smallPrior(), extra: without });
    expect(() => generatorPrior(registry.loadPrior('p'))).toThrow(failure('MODEL_INVALID', /code\.upper/));
    const b = new GraphBuilder();
    b.output('other', b.input('code', [1, CODE]));
    writePackage(join(folder, 'p'), { ...smallPrior(), graphs: { generator: b.build() } }, true);
    const imageless = generatorPrior(registry.loadPrior('p'));
    const c = new GraphBuilder();
    expect(() => imageless.build(c, c.input('code', [2, CODE]))).toThrow(failure('MODEL_INVALID', /image/));
    writePackage(join(folder, 'p'), { ...smallPrior(), graphs: {} }, true);
    expect(() => generatorPrior(registry.loadPrior('p'))).toThrow(failure('MODEL_INVALID', /generator/));
  });

  it('that is none shows codes of 0..1 as colours of 0..255', () => {
    const prior = pixelPrior(2, 1);
    const b = new GraphBuilder();
    b.output('image', prior.build(b, b.input('code', [1, 6])));
    expect([...evaluate(b.build(), { code: [0, 0.2, 0.4, 0.6, 0.8, 1] })['image']!]).toEqual([
      0, 0.2, 0.4, 0.6, 0.8, 1,
    ]);
    expect(prior.output.scale.map((s) => 1 / s)).toEqual([255, 255, 255]);
  });
});
