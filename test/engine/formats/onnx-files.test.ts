/** ONNX files: numbers of every type, kinds of models, and what ends as logits. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { importModel, readModel } from '../../../src/engine/formats/import.js';
import type { ImportedModel, ReadOptions } from '../../../src/engine/formats/format.js';
import { readPackage } from '../../../src/engine/models/package.js';
import { Random } from '../../../src/engine/random.js';
import { openOnnxRuntime } from '../../../src/engine/runtimes/onnxruntime/onnxruntime.js';
import type { Runtime } from '../../../src/engine/runtimes/runtime.js';
import { channelsFirst, runOnce, scoring, temporaryFolder, worst } from './helpers.js';
import { ModelMaker, modelBytes, type TestPort, type TestTensor, type TypeName } from './onnx-writer.js';

const folder = temporaryFolder();
let runtime: Runtime;
beforeAll(async () => {
  runtime = await openOnnxRuntime();
});

let files = 0;
function saved(build: (m: ModelMaker) => string, input: TestPort, opset?: number): string {
  const maker = new ModelMaker(new Random('files'));
  const path = join(folder, `file-${files++}.onnx`);
  writeFileSync(path, modelBytes(maker.model([input], build(maker), opset)));
  return path;
}
const read = async (build: (m: ModelMaker) => string, input: TestPort, options?: ReadOptions): Promise<ImportedModel> =>
  readModel(saved(build, input), options);

const picture: TestPort = { name: 'x', shape: ['N', 3, 2, 2] };

async function scores(model: ImportedModel, x: Float32Array, steps = 1): Promise<number[]> {
  const { b, y } = scoring(model, 1, steps);
  b.output('y', y);
  return [...(await runOnce(runtime, b.build(), { x }))['y']!];
}

describe('numbers of weights', () => {
  const small = [1, -2, 3, 0, 5, 6, -7, 8, 9, 10, 11, 12];
  const fractions = small.map((v) => v / 4);
  const SIGNED: readonly TypeName[] = ['float', 'double', 'float16', 'bfloat16', 'int8', 'int16', 'int32', 'int64'];
  const UNSIGNED: readonly TypeName[] = ['uint8', 'uint16', 'uint32', 'uint64', 'bool'];
  const cases = [...SIGNED, ...UNSIGNED].flatMap((type) =>
    (['raw', 'packed', 'unpacked'] as const).map((stored): [TypeName, 'raw' | 'packed' | 'unpacked'] => [type, stored]),
  );

  it.each(cases)('of the type %s, stored %s', async (type, stored) => {
    const whole = SIGNED.includes(type) ? small : small.map(Math.abs);
    const data = /float|double/.test(type) ? fractions : type === 'bool' ? small.map((v) => (v > 0 ? 1 : 0)) : whole;
    const model = await read((m) => {
      const tensor: TestTensor = { name: 'w', shape: [3, 2, 2], data, type, stored };
      m.initialisers.push(tensor);
      return m.node('Add', ['x', m.node('Cast', ['w'], { to: 1 })]);
    }, picture);
    expect(await scores(model, new Float32Array(12))).toEqual(data);
  });

  it('keep their names, and are stored once', async () => {
    const model = await read((m) => {
      m.initialisers.push({ name: 'fc.weight', shape: [4, 12], data: m.random.normals(48) });
      const [a, b] = [m.node('Flatten', ['x']), m.node('Flatten', [m.node('Neg', ['x'])])];
      return m.node('Add', [
        m.node('Gemm', [a, 'fc.weight'], { transB: 1 }),
        m.node('Gemm', [b, 'fc.weight'], { transB: 1 }),
      ]);
    }, picture);
    if (model.kind !== 'network') throw new Error();
    expect(model.graphs.network.constants.map(({ name }) => name)).toEqual(['fc.weight']);
  });

  it('have names that the file of weights can hold', async () => {
    const model = await read((m) => {
      for (const name of ['__metadata__', '__proto__'])
        m.initialisers.push({ name, shape: [20, 12], data: m.random.normals(240) });
      const product = (name: string): string => m.node('Gemm', [m.node('Flatten', ['x']), name], { transB: 1 });
      return m.node('Add', [product('__metadata__'), product('__proto__')]);
    }, picture);
    if (model.kind !== 'network') throw new Error();
    expect(model.graphs.network.constants.map(({ name }) => name)).toEqual(['__metadata__.2', '__proto__.2']);
  });
});

describe('what ends as logits', () => {
  const vector = (m: ModelMaker): string => m.node('Gemm', [m.node('Flatten', ['x']), m.weights(5, 12)], { transB: 1 });
  const x = new Random('logits').normals(12);

  it.each<[string, (m: ModelMaker, y: string) => string]>([
    ['a softmax', (m, y) => m.node('Softmax', [y], { axis: 1 })],
    ['the logarithm of one', (m, y) => m.node('LogSoftmax', [y], { axis: -1 })],
    [
      'a softmax that is given another shape',
      (m, y) => {
        const p = m.node('Softmax', [y], { axis: -1 });
        return m.node('Reshape', [m.node('Unsqueeze', [p, m.ints([2])]), m.node('Shape', [p])]);
      },
    ],
  ])('%s is left off', async (_, end) => {
    const plain = await scores(await read(vector, picture), x);
    expect(await scores(await read((m) => end(m, vector(m)), picture), x)).toEqual(plain);
  });

  it('a softmax over the places of each channel stays', async () => {
    const model = await read(
      (m) => m.node('Softmax', [m.node('Reshape', ['x', m.ints([0, 3, 4])])], { axis: 2 }),
      picture,
    );
    const result = await scores(model, x);
    expect(result.slice(0, 4).reduce((total, p) => total + p)).toBeCloseTo(1, 5);
  });
});

describe('kinds of models', () => {
  const relu = (m: ModelMaker): string => m.node('Relu', ['x']);

  it('pictures with their channels last', async () => {
    const model = await read((m) => m.node('Transpose', [m.node('Relu', ['x'])], { perm: [0, 3, 1, 2] }), {
      name: 'x',
      shape: ['N', 8, 9, 3],
    });
    expect(model).toMatchObject({ kind: 'network', height: 8, width: 9, units: 216 });
    const x = new Random('last').normals(216);
    expect(await scores(model, x)).toEqual([...x.map((v) => Math.max(v, 0))]);
    const places = await read(relu, { name: 'x', shape: ['N', 8, 9, 3] });
    expect(
      worst(
        channelsFirst(await scores(places, x), 72, 3),
        x.map((v) => Math.max(v, 0)),
      ),
    ).toBeLessThan(1e-6);
  });

  const size = [10, 12] as const;

  it.each<[string, TestPort, Partial<ImportedModel>]>([
    ['grey pictures', { name: 'x', shape: ['N', 1, 8, 9] }, { height: 8, width: 9, units: 72 }],
    ['pictures of an open size', { name: 'x', shape: [1, 3, 'H', 'W'] }, { height: 10, width: 12, units: 360 }],
    ['pictures of bytes', { name: 'x', shape: [1, 3, 8, 9], type: 'uint8' }, { height: 8, width: 9, units: 216 }],
    ['many channels that give no picture', { name: 'x', shape: [1, 20, 8, 9] }, { height: 8, width: 9, units: 1440 }],
  ])('%s', async (_, input, facts) => {
    expect(await read(relu, input, { size })).toMatchObject({ kind: 'network', ...facts });
  });

  it.each<[string, TestPort, number, Partial<ImportedModel>]>([
    ['grey videos', { name: 'x', shape: [1, 7, 1, 8, 9] }, 2, { steps: 7, height: 8, width: 9, units: 1 }],
    ['grey videos, channels first', { name: 'x', shape: [1, 1, 7, 8, 9] }, 1, { steps: 7, units: 1 }],
    ['videos, channels first', { name: 'x', shape: ['n', 3, 7, 8, 9] }, 1, { steps: 7, height: 8, width: 9, units: 3 }],
    [
      'videos of an open batch, time and size',
      { name: 'x', shape: ['b', 't', 3, 'h', 'w'] },
      2,
      { steps: null, height: 10, width: 12, units: 3 },
    ],
    ['videos, channels last', { name: 'x', shape: [1, 7, 8, 9, 3] }, 4, { steps: 7, height: 8, width: 9, units: 3 }],
    ['videos, time first by its name', { name: 'x', shape: ['time', 'n', 3, 8, 9] }, 2, { steps: null, units: 3 }],
  ])('%s', async (_, input, channel, facts) => {
    const axes = [0, 1, 2, 3, 4].filter((axis) => axis !== channel);
    const model = await read((m) => m.node('ReduceMean', ['x'], { axes, keepdims: 0 }), input, { size });
    expect(model).toMatchObject({ kind: 'recogniser', ...facts });
  });

  it('codes with places, and the pictures made of them', async () => {
    const model = await read((m) => m.node('ConvTranspose', ['x', m.weights(20, 3, 4, 4)], { strides: [4, 4] }), {
      name: 'x',
      shape: [1, 20, 2, 3],
    });
    expect(model).toMatchObject({ kind: 'generator', code: [20, 2, 3], height: 8, width: 12 });
  });

  it('say where they come from', async () => {
    expect((await read(relu, picture)).origin).toMatch(/^ONNX model file-\d+\.onnx \(test, opset 17\)$/);
  });
});

describe('a package of a video model', () => {
  it('is written for the number of frames that its sequence rule has, where the file leaves it open', async () => {
    const path = saved(
      (m) =>
        m.node('ReduceMax', [m.node('ReduceMean', ['x'], { axes: [3, 4], keepdims: 0 })], { axes: [1], keepdims: 0 }),
      {
        name: 'x',
        shape: [1, 'T', 3, 8, 8],
      },
    );
    const sequence = { rule: 'spread', length: 6 } as const;
    const options = { path, name: 'mine', out: folder, order: 'rgb', mean: 0, scale: 1, licence: 'none' } as const;
    const { manifest, directory } = await importModel({ ...options, sequence });
    expect(manifest).toMatchObject({ sequence, labels: ['unit 0', 'unit 1', 'unit 2'] });
    expect(readPackage(directory).graphs['sequence']!.values[0]!.shape).toEqual([6, 1, 3]);
    await expect(importModel({ ...options, name: 'other' })).rejects.toThrow(/number of its frames open/);
  });
});
