/** Corrupt, hostile and unsupported Keras models: each is refused with its code, and at little cost. */
import { mkdirSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readModel } from '../../../src/engine/formats/import.js';
import type { ErrorCode } from '../../../src/protocol/errors.js';
import { kerasModel, temporaryFolder, writeModel, type NamedNumbers, type Saved } from './helpers.js';

const root = temporaryFolder();
let count = 0;
function folder(): string {
  const path = join(root, `model-${count++}`);
  mkdirSync(path);
  return path;
}

async function refusal(path: string): Promise<{ code: ErrorCode; message: string }> {
  const error: unknown = await readModel(path).then(
    () => new Error('It was read.'),
    (reason: unknown) => reason,
  );
  if (!(error instanceof Error)) throw new Error('It is no error.');
  return { code: (error as Error & { code: ErrorCode }).code, message: error.message };
}

/** What a change to a whole small model leads to. */
async function changed(
  change: (model: Saved) => unknown,
  bytes = small().bytes,
): Promise<{ code: ErrorCode; message: string }> {
  const model = small();
  return refusal(writeModel(folder(), change(model) ?? model.json, bytes));
}

function small(): Saved {
  const weights = [
    { name: 'dense/kernel', shape: [12, 2], data: new Array<number>(24).fill(0.5) },
    { name: 'dense/bias', shape: [2], data: [1, 2] },
  ];
  return kerasModel(
    [2, 2, 3],
    [
      ['Flatten', { name: 'flatten' }],
      ['Dense', { name: 'dense', units: 2 }],
    ],
    weights,
  );
}

type Json = Record<string, never> & { [key: string]: Json } & Json[];
const config = (json: unknown): Json => (json as Json)['modelTopology']!['model_config']['config'];
const manifest = (json: unknown): Json => (json as Json)['weightsManifest']![0];
const set = (target: unknown, key: string | number, value: unknown): void => {
  (target as Record<string | number, unknown>)[key] = value;
};

/** A functional model with a picture as its input. */
function functional(
  layers: readonly Record<string, unknown>[],
  output: string,
  size: readonly (number | null)[] = [4, 4, 3],
): unknown {
  const input = { class_name: 'InputLayer', name: 'in', config: { name: 'in', batch_input_shape: [null, ...size] } };
  const all = [input, ...layers.map((layer) => ({ config: { name: layer['name'] }, ...layer }))];
  return {
    modelTopology: {
      class_name: 'Functional',
      config: { name: 'model', layers: all, input_layers: [['in', 0, 0]], output_layers: [[output, 0, 0]] },
    },
    weightsManifest: [],
  };
}
const written = (json: unknown): string => writeModel(folder(), json);
const takes = (...names: string[]): unknown => [names.map((name) => [name, 0, 0, {}])];

it('the small model is whole', async () => {
  expect(await readModel(written(small().json)).catch((e: Error) => e.message)).toMatch(/0 bytes; 104 are expected/);
  expect(await readModel(writeModel(folder(), small().json, small().bytes))).toMatchObject({ units: 2 });
});

describe('files', () => {
  it('missing', async () => {
    expect(await refusal(join(root, 'nothing'))).toMatchObject({ code: 'MODEL_INVALID' });
    expect(await refusal(folder())).toMatchObject({ code: 'MODEL_FORMAT_UNSUPPORTED' });
  });

  it.each([
    ['not JSON', '{"modelTopology": ', 'MODEL_INVALID'],
    ['a list', '[]', 'MODEL_FORMAT_UNSUPPORTED'],
    ['null', 'null', 'MODEL_FORMAT_UNSUPPORTED'],
    ['another JSON file', '{"format": "neuroreel.model/1"}', 'MODEL_FORMAT_UNSUPPORTED'],
    [
      'a graph model',
      '{"format": "graph-model", "modelTopology": {}, "weightsManifest": []}',
      'MODEL_FORMAT_UNSUPPORTED',
    ],
    ['without weights', '{"modelTopology": {}}', 'MODEL_INVALID'],
    ['without a class', '{"modelTopology": {}, "weightsManifest": []}', 'MODEL_INVALID'],
    ['nested a hundred thousand deep', '['.repeat(100_000), 'MODEL_INVALID'],
  ])('%s', async (_, text, code) => {
    expect(await refusal(written(text))).toMatchObject({ code });
  });

  it.each([-4, 4])('shards that are %i bytes too long: both sizes are told', async (by) => {
    const bytes = new Uint8Array(small().bytes.length + by);
    const { code, message } = await changed(() => undefined, bytes);
    expect(code).toBe('MODEL_INVALID');
    expect(message).toContain(`group1-shard1of1.bin have ${104 + by} bytes; 104 are expected`);
  });

  it('a shard that is missing', async () => {
    const path = writeModel(folder(), small().json, small().bytes);
    rmSync(join(path, 'group1-shard1of1.bin'));
    expect(await refusal(path)).toMatchObject({ code: 'MODEL_INVALID' });
  });

  it.each(['../x.bin', '/etc/hostname', 'a/../../x.bin', './x.bin', '..\\x.bin', 'C:x.bin', 'a//b', 'x\0.bin'])(
    'a shard at %j',
    async (path) => {
      const { code, message } = await changed(({ json }) => set(manifest(json), 'paths', [path]));
      expect(code).toBe('MODEL_INVALID');
      expect(message).toContain('outside');
    },
  );

  it('a shard that is a link to a file elsewhere', async () => {
    const path = writeModel(folder(), small().json, small().bytes);
    const elsewhere = join(folder(), 'x.bin');
    writeFileSync(elsewhere, small().bytes);
    rmSync(join(path, 'group1-shard1of1.bin'));
    symlinkSync(elsewhere, join(path, 'group1-shard1of1.bin'));
    expect(await refusal(path)).toMatchObject({
      code: 'MODEL_INVALID',
      message: expect.stringContaining('outside') as string,
    });
  });

  it('a shard that is a folder', async () => {
    const path = writeModel(folder(), small().json, small().bytes);
    rmSync(join(path, 'group1-shard1of1.bin'));
    mkdirSync(join(path, 'group1-shard1of1.bin'));
    expect(await refusal(path)).toMatchObject({ code: 'MODEL_INVALID' });
  });
});

describe('files that promise more than they hold', () => {
  it('a model.json of more than 16 MiB is not read', async () => {
    const path = writeModel(folder(), '{}');
    truncateSync(join(path, 'model.json'), 16 * 2 ** 20 + 1);
    expect(await refusal(path)).toMatchObject({
      code: 'MODEL_INVALID',
      message: expect.stringContaining('16 MiB') as string,
    });
  });

  it('a shard that is named thousands of times', async () => {
    const { code, message } = await changed(({ json }) => {
      const paths = new Array<string>(10_000).fill('group1-shard1of1.bin');
      set(manifest(json), 'paths', paths);
    });
    expect(code).toBe('MODEL_INVALID');
    expect(message).toContain('named twice');
  });

  it('a shard that is named by several groups', async () => {
    const { code, message } = await changed(({ json }) => {
      set((json as Json)['weightsManifest'], 1, manifest(json));
    });
    expect(code).toBe('MODEL_INVALID');
    expect(message).toContain('named twice');
  });

  it('tens of thousands of weights', async () => {
    const { code, message } = await changed(({ json }) => {
      const weights = Array.from({ length: 20_001 }, (_, i) => ({ name: `a/${i}`, shape: [], dtype: 'uint8' }));
      set((json as Json)['weightsManifest'], 1, { paths: [], weights: weights.slice(0, 10_000) });
      set((json as Json)['weightsManifest'], 2, { paths: [], weights: weights.slice(10_000) });
    });
    expect(code).toBe('MODEL_INVALID');
    expect(message).toContain('more than 20000');
  });

  it('a large layer that is called again and again', async () => {
    const side = 1024;
    const layers = [
      {
        class_name: 'Reshape',
        name: 'flat',
        config: { name: 'flat', target_shape: [side] },
        inbound_nodes: takes('in'),
      },
      {
        class_name: 'Dense',
        name: 'dense',
        config: { name: 'dense', units: side, use_bias: false },
        inbound_nodes: Array.from({ length: 100 }, (_, i) => [[i === 0 ? 'flat' : 'dense', Math.max(i - 1, 0), 0, {}]]),
      },
    ];
    const json = functional(layers, 'dense', [32, 32, 1]) as Json;
    set(json['modelTopology']!['config']['output_layers'][0], 1, 99);
    const weights = [{ name: 'dense/kernel', shape: [side, side], dtype: 'uint8' }];
    set(json, 'weightsManifest', [{ paths: ['group1-shard1of1.bin'], weights }]);
    const { code, message } = await refusal(writeModel(folder(), json, new Uint8Array(side * side)));
    expect(code).toBe('MODEL_INVALID');
    expect(message).toContain('too often');
  });
});

describe('weights', () => {
  it.each<[string, unknown, ErrorCode]>([
    ['of a huge shape', [2 ** 31 - 1, 2 ** 31 - 1], 'MODEL_INVALID'],
    ['of a shape beyond all numbers', [1e300], 'MODEL_INVALID'],
    ['of a negative shape', [-12, -2], 'MODEL_INVALID'],
    ['of many axes', new Array<number>(100).fill(1), 'MODEL_INVALID'],
    ['of another shape of the same size', [2, 12], 'MODEL_INVALID'],
  ])('%s', async (_, shape, code) => {
    expect(await changed(({ json }) => set(manifest(json)['weights']![0], 'shape', shape))).toMatchObject({ code });
  });

  it('of an unknown type', async () => {
    const result = await changed(({ json }) => set(manifest(json)['weights']![0], 'dtype', 'string'));
    expect(result).toMatchObject({
      code: 'MODEL_FORMAT_UNSUPPORTED',
      message: expect.stringContaining('dense/kernel') as string,
    });
  });

  it('that are missing: the layer and the weight are told', async () => {
    const { code, message } = await changed(({ json }) => set(manifest(json)['weights']![1], 'name', 'dense/other'));
    expect(code).toBe('MODEL_INVALID');
    expect(message).toMatch(/"bias" of layer "dense".*missing/);
  });

  it('that are there twice', async () => {
    const bytes = new Uint8Array(104 + 8);
    const { code } = await changed(({ json }) => {
      set(manifest(json)['weights'], 2, { name: 'dense/bias', shape: [2], dtype: 'float32' });
    }, bytes);
    expect(code).toBe('MODEL_INVALID');
  });

  it('that are not finite', async () => {
    const bytes = new Uint8Array(Float32Array.from({ length: 26 }, (_, i) => (i === 3 ? NaN : 1)).buffer);
    expect(await changed(() => undefined, bytes)).toMatchObject({ code: 'MODEL_INVALID' });
  });
});

describe('topologies', () => {
  const conv = { filters: 2, kernel_size: 3 };
  it('that cannot be run: one error names all layers', async () => {
    const { code, message } = await changed(({ json }) => {
      set(config(json), 'layers', [
        { class_name: 'Lambda', config: { name: 'magic', batch_input_shape: [null, 2, 2, 3] } },
        { class_name: 'Conv2D', config: { name: 'turned', filters: 2, kernel_size: 3, data_format: 'channels_first' } },
        {
          class_name: 'TimeDistributed',
          config: { name: 'wrapper', layer: { class_name: 'Attention', config: { name: 'deep' } } },
        },
        { class_name: 'Dense', config: { name: 'strange', units: 2, activation: 'my_function' } },
        { class_name: 'Masking', config: { name: 'mask' } },
        {
          class_name: 'LSTM',
          config: { name: 'odd', units: 2, activation: 'tanh', recurrent_activation: 'my_gate' },
        },
      ]);
    });
    expect(code).toBe('MODEL_FORMAT_UNSUPPORTED');
    const wanted = [
      'Lambda "magic"',
      'Conv2D "turned"',
      'Attention "wrapper/deep"',
      '"strange"',
      'Masking "mask"',
      'LSTM "odd"',
    ];
    for (const name of [...wanted, 'channels_first', 'my_function', 'my_gate']) expect(message).toContain(name);
  });

  it.each([
    [
      'a layer that takes its own output',
      [{ class_name: 'ReLU', name: 'a', inbound_nodes: takes('a') }],
      'a',
      'GRAPH_INVALID',
    ],
    [
      'a cycle of two',
      [
        { class_name: 'Add', name: 'a', inbound_nodes: takes('in', 'b') },
        { class_name: 'ReLU', name: 'b', inbound_nodes: takes('a') },
      ],
      'b',
      'GRAPH_INVALID',
    ],
    ['an unknown source', [{ class_name: 'ReLU', name: 'a', inbound_nodes: takes('nobody') }], 'a', 'MODEL_INVALID'],
    ['an unknown output', [{ class_name: 'ReLU', name: 'a', inbound_nodes: takes('in') }], 'z', 'MODEL_INVALID'],
    ['two layers of one name', [{ class_name: 'ReLU', name: 'in', inbound_nodes: takes('in') }], 'in', 'MODEL_INVALID'],
    [
      'connections of Keras 3',
      [{ class_name: 'ReLU', name: 'a', inbound_nodes: [{ args: [] }] }],
      'a',
      'MODEL_FORMAT_UNSUPPORTED',
    ],
    ['connections of another kind', [{ class_name: 'ReLU', name: 'a', inbound_nodes: [[3]] }], 'a', 'MODEL_INVALID'],
    [
      'a layer with too many inputs',
      [{ class_name: 'ReLU', name: 'a', inbound_nodes: takes('in', 'in') }],
      'a',
      'MODEL_FORMAT_UNSUPPORTED',
    ],
    [
      'shapes that do not fit',
      [
        { class_name: 'MaxPooling2D', name: 'p', inbound_nodes: takes('in') },
        { class_name: 'Add', name: 'a', inbound_nodes: takes('in', 'p') },
      ],
      'a',
      'GRAPH_INVALID',
    ],
    [
      'a kernel of size zero',
      [{ class_name: 'MaxPooling2D', name: 'p', config: { name: 'p', pool_size: [0, 2] }, inbound_nodes: takes('in') }],
      'p',
      'MODEL_INVALID',
    ],
    [
      'a padding that only lists have',
      [
        {
          class_name: 'Conv2D',
          name: 'p',
          config: { name: 'p', ...conv, padding: 'causal' },
          inbound_nodes: takes('in'),
        },
      ],
      'p',
      'MODEL_INVALID',
    ],
    [
      'a padding of 10^9',
      [{ class_name: 'ZeroPadding2D', name: 'p', config: { name: 'p', padding: 1e9 }, inbound_nodes: takes('in') }],
      'p',
      'MODEL_INVALID',
    ],
    [
      'nothing left after cropping',
      [{ class_name: 'Cropping2D', name: 'p', config: { name: 'p', cropping: 2 }, inbound_nodes: takes('in') }],
      'p',
      'GRAPH_INVALID',
    ],
  ])('%s', async (_, layers, output, code) => {
    expect(await refusal(written(functional(layers, output)))).toMatchObject({ code });
  });

  const layer = (class_name: string, more: Record<string, unknown>): Record<string, unknown>[] => [
    { class_name, name: 'a', config: { name: 'a', ...more }, inbound_nodes: takes('in') },
  ];
  const flat = { class_name: 'Flatten', name: 'flat', inbound_nodes: takes('in') };
  it.each<[string, Record<string, unknown>[]]>([
    ['Conv2D', layer('Conv2D', { ...conv, filters: 1e12 })],
    ['Conv2D', layer('Conv2D', { ...conv, kernel_size: [1e6, 1e6] })],
    ['Conv2DTranspose', layer('Conv2DTranspose', { ...conv, strides: 1e12 })],
    ['Dense', layer('Dense', { units: 1e12 })],
    ['Reshape', layer('Reshape', { target_shape: [1e6, 1e6] })],
    ['Reshape', layer('Reshape', { target_shape: [-1, 1e6, 1e6] })],
    ['UpSampling2D', layer('UpSampling2D', { size: 1e12 })],
    ['UpSampling2D', layer('UpSampling2D', { size: 4096, interpolation: 'bilinear' })],
    ['ZeroPadding2D', layer('ZeroPadding2D', { padding: [1e12, 1] })],
    ['RepeatVector', [flat, { ...layer('RepeatVector', { n: 1e12 })[0]!, inbound_nodes: takes('flat') }]],
    ['LSTM', layer('LSTM', { units: 1e12, activation: 'tanh', recurrent_activation: 'sigmoid' })],
  ])('sizes of 10^12 in %s', async (_, layers) => {
    const { code } = await refusal(written(functional(layers, 'a')));
    expect(['MODEL_INVALID', 'GRAPH_INVALID', 'MODEL_FORMAT_UNSUPPORTED']).toContain(code);
  });

  it.each<[string, Record<string, unknown>[]]>([
    ['filters', layer('Conv2D', { ...conv, filters: -1 })],
    ['kernel', layer('Conv2D', { ...conv, kernel_size: [-3, 3] })],
    ['strides', layer('Conv2D', { ...conv, strides: -1 })],
    ['dilation', layer('Conv2D', { ...conv, dilation_rate: [1, -2] })],
    ['groups', layer('Conv2D', { ...conv, groups: -3 })],
    ['pool', layer('MaxPooling2D', { pool_size: -2 })],
    ['units', layer('Dense', { units: -2 })],
    ['padding', layer('ZeroPadding2D', { padding: -1 })],
    ['cropping', layer('Cropping2D', { cropping: [[-1, 0], 0] })],
    ['factor', layer('UpSampling2D', { size: -2 })],
    ['output padding', layer('Conv2DTranspose', { ...conv, output_padding: -1 })],
    ['axis', layer('BatchNormalization', { axis: -9 })],
    ['epsilon', layer('LayerNormalization', { epsilon: -1 })],
    ['shape', layer('Reshape', { target_shape: [-4, -12] })],
    ['repetitions', [flat, { ...layer('RepeatVector', { n: -1 })[0]!, inbound_nodes: takes('flat') }]],
  ])('a negative %s', async (_, layers) => {
    const { code } = await refusal(written(functional(layers, 'a')));
    expect(['MODEL_INVALID', 'GRAPH_INVALID']).toContain(code);
  });

  it('an activation nested a hundred thousand deep', async () => {
    const json = JSON.stringify(functional(layer('Conv2D', { ...conv, activation: 'DEEP' }), 'a'));
    const deep = '['.repeat(100_000) + ']'.repeat(100_000);
    expect(await refusal(written(json.replace('"DEEP"', deep)))).toMatchObject({ code: 'MODEL_FORMAT_UNSUPPORTED' });
  });

  it('a layer that is called a thousand times is read, and each call named', async () => {
    const inbound_nodes = Array.from({ length: 1000 }, (_, i) => [[i === 0 ? 'in' : 'r0', Math.max(i - 1, 0), 0, {}]]);
    const json = functional([{ class_name: 'ELU', name: 'r0', inbound_nodes }], 'r0') as Json;
    set(json['modelTopology']!['config']['output_layers'][0], 1, 999);
    const model = await readModel(written(json));
    if (model.kind !== 'network') throw new Error('It is a network.');
    expect(model.graphs.network.outputs[500]!.name).toBe('r0/500');
  });

  it('names the layer whose shapes do not fit', async () => {
    const layers = [
      {
        class_name: 'Reshape',
        name: 'folded',
        config: { name: 'folded', target_shape: [5, 5] },
        inbound_nodes: takes('in'),
      },
    ];
    expect((await refusal(written(functional(layers, 'folded')))).message).toContain('"folded" (Reshape)');
  });

  it.each([
    ['of 10^12 numbers', [1e6, 1e6, 3], 'GRAPH_INVALID'],
    ['of negative size', [-4, 4, 3], 'MODEL_INVALID'],
    ['of size zero', [0, 4, 3], 'GRAPH_INVALID'],
    ['that are vectors', [12], 'MODEL_FORMAT_UNSUPPORTED'],
    ['with open channels', [4, 4, null], 'MODEL_FORMAT_UNSUPPORTED'],
  ])('inputs %s', async (_, size, code) => {
    const layers = [{ class_name: 'ReLU', name: 'a', inbound_nodes: takes('in') }];
    expect(await refusal(written(functional(layers, 'a', size)))).toMatchObject({ code });
  });

  it('enlargements that repeat until nothing could hold them', async () => {
    const layers = Array.from({ length: 40 }, (_, i) => {
      const name = `u${i}`;
      return {
        class_name: 'UpSampling2D',
        name,
        config: { name, size: 64 },
        inbound_nodes: takes(i === 0 ? 'in' : `u${i - 1}`),
      };
    });
    expect(await refusal(written(functional(layers, 'u39')))).toMatchObject({ code: 'GRAPH_INVALID' });
  });

  it('models inside models that double at each depth', async () => {
    let layer: Record<string, unknown> = { class_name: 'ReLU', config: { name: 'r0' } };
    for (let depth = 1; depth < 40; depth++) {
      const again = { ...layer, config: { ...(layer['config'] as object), name: `again${depth}` } };
      layer = { class_name: 'Sequential', config: { name: `m${depth}`, layers: [layer, again] } };
    }
    const top = layer['config'] as { layers: unknown[] };
    top.layers.unshift({ class_name: 'InputLayer', config: { name: 'in', batch_input_shape: [null, 4, 4, 3] } });
    const json = JSON.stringify({
      modelTopology: { class_name: 'Sequential', config: shallow(top) },
      weightsManifest: [],
    });
    expect(await refusal(written(json))).toMatchObject({ code: 'MODEL_INVALID' });
  });

  it('models without layers that call each other a thousand times', async () => {
    const input = { class_name: 'InputLayer', name: 'in', config: { name: 'in', batch_input_shape: [null, 4, 4, 3] } };
    const ends = { input_layers: [['in', 0, 0]], output_layers: [['in', 0, 0]] };
    let inner: Record<string, unknown> = { class_name: 'Model', config: { name: 'm0', layers: [input], ...ends } };
    for (let depth = 1; depth < 6; depth++) {
      const inbound_nodes = Array.from({ length: 1000 }, () => [['in', 0, 0]]);
      const called = { ...inner, name: `m${depth - 1}`, inbound_nodes };
      inner = { class_name: 'Model', config: { name: `m${depth}`, layers: [input, called], ...ends } };
    }
    expect(await refusal(written({ modelTopology: inner, weightsManifest: [] }))).toMatchObject({
      code: 'MODEL_INVALID',
    });
  });

  it('tens of thousands of calls of one layer', async () => {
    const calls = Array.from({ length: 1000 }, () => [['in', 0, 0, {}]]);
    const layers = Array.from({ length: 40 }, (_, i) => ({ class_name: 'ReLU', name: `r${i}`, inbound_nodes: calls }));
    expect(await refusal(written(functional(layers, 'r0')))).toMatchObject({ code: 'MODEL_INVALID' });
  });

  it('several inputs, several outputs, no layers', async () => {
    const relu = { class_name: 'ReLU', name: 'a', inbound_nodes: takes('in') };
    const ends = (key: string, value: unknown): unknown => {
      const model = functional([relu], 'a');
      set((model as Json)['modelTopology']!['config'], key, value);
      return model;
    };
    const twice = [
      ['in', 0, 0],
      ['in', 0, 0],
    ];
    expect(await refusal(written(ends('input_layers', twice)))).toMatchObject({ code: 'MODEL_FORMAT_UNSUPPORTED' });
    expect(await refusal(written(ends('output_layers', twice)))).toMatchObject({ code: 'MODEL_FORMAT_UNSUPPORTED' });
    expect(await refusal(written(ends('output_layers', [['in', 0, 0]])))).toMatchObject({ code: 'MODEL_INVALID' });
  });
});

/** Cuts off what is nested too deep to be written as JSON in reasonable size: each level is there twice. */
function shallow(value: unknown, depth = 0): unknown {
  if (depth > 24 || typeof value !== 'object' || value === null) return Array.isArray(value) ? [] : value;
  if (Array.isArray(value)) return value.map((item) => shallow(item, depth + 1));
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, shallow(item, depth + 1)]));
}

describe('recognisers', () => {
  const sequence = async (layers: readonly (readonly [string, Record<string, unknown>])[]): Promise<string> => {
    const { code, message } = await refusal(written(kerasModel([4, 6, 6, 3], layers).json));
    return `${code}: ${message}`;
  };
  const over = (class_name: string, config: Record<string, unknown> = {}): [string, Record<string, unknown>] => [
    'TimeDistributed',
    { name: `td_${class_name}`, layer: { class_name, config: { name: class_name.toLowerCase(), ...config } } },
  ];

  it('whose LSTM would read pictures, or whose ConvLSTM2D vectors', async () => {
    const rule = { units: 2, activation: 'tanh', recurrent_activation: 'sigmoid' };
    expect(await sequence([over('MaxPooling2D'), ['LSTM', rule]])).toMatch(/^GRAPH_INVALID: .*a vector at each step/);
    const kernel = { ...rule, filters: 2, kernel_size: 3 };
    expect(await sequence([over('Flatten'), ['ConvLSTM2D', kernel]])).toMatch(/^GRAPH_INVALID: .*a picture at each/);
  });

  it('that give pictures', async () => {
    expect(await sequence([over('MaxPooling2D')])).toMatch(/^MODEL_FORMAT_UNSUPPORTED/);
  });

  it('whose steps would be written out without an end', async () => {
    const rule = { units: 1, activation: 'tanh', use_bias: false, return_sequences: true };
    const frames = over('Flatten');
    const rnn = (name: string): [string, Record<string, unknown>] => ['SimpleRNN', { name, ...rule }];
    const weights = (name: string): NamedNumbers[] => [
      { name: `${name}/kernel`, shape: [1, 1], data: [1] },
      { name: `${name}/recurrent_kernel`, shape: [1, 1], data: [1] },
    ];
    const refused = async (steps: number, names: readonly string[]): Promise<string> => {
      const { json, bytes } = kerasModel([steps, 1, 1, 1], [frames, ...names.map(rnn)], names.flatMap(weights));
      const { code, message } = await refusal(writeModel(folder(), json, bytes));
      return `${code}: ${message}`;
    };
    expect(await refused(1_000_000_000, ['a'])).toMatch(/^GRAPH_INVALID: .*too many to be written out/);
    const many = Array.from({ length: 100 }, (_, i) => `r${i}`);
    expect(await refused(500, many)).toMatch(/^GRAPH_INVALID: .*more than 50000 nodes/);
  });

  it('with a TimeDistributed layer in another', async () => {
    const inner = {
      class_name: 'TimeDistributed',
      config: { name: 'b', layer: { class_name: 'ReLU', config: { name: 'c' } } },
    };
    expect(await sequence([['TimeDistributed', { name: 'a', layer: inner }]])).toMatch(
      /^MODEL_FORMAT_UNSUPPORTED: .*inside/,
    );
  });

  it('whose wrapper is empty', async () => {
    expect(await sequence([['TimeDistributed', { name: 'a' }]])).toMatch(/^MODEL_INVALID/);
    expect(await sequence([['TimeDistributed', { name: 'a', layer: { class_name: 'ReLU', config: 7 } }]])).toMatch(
      /^MODEL_INVALID/,
    );
  });
});
