/** What files written by Keras for Python hold and those of TensorFlow.js do not. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readModel } from '../../../src/engine/formats/import.js';
import { ACTIVATION_NAMES } from '../../../src/engine/formats/tfjs/activations.js';
import { toHalf } from '../../../src/engine/models/half.js';
import { Random } from '../../../src/engine/random.js';
import { evaluate } from '../../../src/engine/runtimes/reference/reference.js';
import {
  channelsFirst,
  kerasModel,
  scoring,
  temporaryFolder,
  worst,
  writeModel,
  type NamedNumbers,
  type Saved,
} from './helpers.js';

const root = temporaryFolder();
let count = 0;
function write({ json, bytes }: Saved): string {
  const folder = join(root, `model-${count++}`);
  mkdirSync(folder);
  return writeModel(folder, json, bytes);
}

const random = new Random('keras files');
const weight = (name: string, shape: readonly number[]): NamedNumbers => ({
  name,
  shape,
  data: [...random.normals(shape.reduce((n, dim) => n * dim, 1))],
});

async function run(path: string, x: ArrayLike<number>, steps = 1): Promise<Float64Array> {
  const { b, y } = scoring(await readModel(path), 1, steps);
  b.output('y', y);
  return evaluate(b.build(), { x })['y']!;
}

const logistic = (x: number): number => 1 / (1 + Math.exp(-x));
/** The error function by Simpson's rule: slow, and independent of the engine's. */
function erf(x: number): number {
  const n = 400;
  let total = 1 + Math.exp(-x * x);
  for (let i = 1; i < n; i++) total += (i % 2 === 1 ? 4 : 2) * Math.exp(-(((i * x) / n) ** 2));
  return (2 / Math.sqrt(Math.PI)) * (x / n / 3) * total;
}
const elu = (x: number): number => (x > 0 ? x : Math.expm1(x));
const softplus = (x: number): number => Math.log1p(Math.exp(x));

const FORMULAS: Readonly<Record<string, (x: number) => number>> = {
  linear: (x) => x,
  relu: (x) => Math.max(x, 0),
  relu6: (x) => Math.min(Math.max(x, 0), 6),
  leaky_relu: (x) => (x > 0 ? x : 0.2 * x),
  elu,
  selu: (x) => 1.0507009873554805 * (x > 0 ? x : 1.6732632423543772 * Math.expm1(x)),
  sigmoid: logistic,
  hard_sigmoid: (x) => Math.min(Math.max(0.2 * x + 0.5, 0), 1),
  tanh: Math.tanh,
  softplus,
  softsign: (x) => x / (1 + Math.abs(x)),
  exponential: Math.exp,
  swish: (x) => x * logistic(x),
  silu: (x) => x * logistic(x),
  gelu: (x) => 0.5 * x * (1 + erf(x / Math.SQRT2)),
  gelu_new: (x) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))),
  mish: (x) => x * Math.tanh(softplus(x)),
};
/** Functions of several numbers, in which the channels 0, 1, 2 of the one place stand. */
const VECTOR_FORMULAS: Readonly<Record<string, (x: readonly number[]) => number[]>> = {
  softmax: (x) => x.map((v) => Math.exp(v) / x.reduce((s, u) => s + Math.exp(u), 0)),
  log_softmax: (x) => x.map((v) => v - Math.log(x.reduce((s, u) => s + Math.exp(u), 0))),
};
const POINTS = [-7, -2.2, -0.4, 0.3, 1.7, 8];

describe('activations by name', () => {
  it('all have a formula here', () => {
    const known = [...Object.keys(FORMULAS), ...Object.keys(VECTOR_FORMULAS)].map((name) => name.replaceAll('_', ''));
    expect(ACTIVATION_NAMES.filter((name) => !known.includes(name))).toEqual([]);
  });

  it.each(Object.entries(FORMULAS))('%s', async (activation, formula) => {
    const path = write(kerasModel([1, POINTS.length, 1], [['Activation', { activation }]]));
    expect(worst(await run(path, POINTS), POINTS.map(formula))).toBeLessThan(1e-7);
  });

  it.each(Object.entries(VECTOR_FORMULAS))('%s', async (activation, formula) => {
    const layers = [
      ['Activation', { name: 'first', activation }],
      ['Rescaling', { scale: 1, offset: 0 }],
    ] as const;
    const path = write(kerasModel([1, 1, 6], layers));
    expect(worst(await run(path, POINTS), formula(POINTS))).toBeLessThan(1e-9);
  });

  it('activation layers as arguments', async () => {
    const activation = { class_name: 'LeakyReLU', config: { alpha: 0.4 } };
    const path = write(kerasModel([1, 6, 1], [['Activation', { activation }]]));
    expect(
      worst(
        await run(path, POINTS),
        POINTS.map((x) => (x > 0 ? x : 0.4 * x)),
      ),
    ).toBeLessThan(1e-9);
  });

  it('rectifiers with all their options', async () => {
    const layers = [['ReLU', { negative_slope: [0.25], max_value: [4], threshold: [0] }]] as const;
    const path = write(kerasModel([1, 6, 1], layers));
    expect(
      worst(
        await run(path, POINTS),
        POINTS.map((x) => Math.min(x > 0 ? x : 0.25 * x, 4)),
      ),
    ).toBeLessThan(1e-9);
  });

  it('rectifiers with a threshold', async () => {
    const layers = [['ReLU', { negative_slope: 0.25, max_value: 4, threshold: 1 }]] as const;
    const path = write(kerasModel([1, 6, 1], layers));
    const wanted = POINTS.map((x) => Math.min(x >= 1 ? x : 0.25 * (x - 1), 4));
    expect(worst(await run(path, POINTS), wanted)).toBeLessThan(1e-9);
  });

  it('a softmax along columns', async () => {
    const layers = [
      ['Softmax', { name: 'first', axis: 2 }],
      ['Rescaling', { scale: 1, offset: 0 }],
    ] as const;
    const path = write(kerasModel([1, 3, 2], layers));
    const x = [...random.normals(6)];
    const wanted = x.map((v, i) => {
      const row = x.slice(3 * Math.floor(i / 3), 3 * Math.floor(i / 3) + 3);
      return Math.exp(v) / row.reduce((n, u) => n + Math.exp(u), 0);
    });
    expect(worst(await run(path, x), wanted)).toBeLessThan(1e-9);
  });
});

type Matrix = readonly number[];
/** v M for a matrix [v.length, out], row-major. */
const product = (v: readonly number[], m: Matrix, out: number): number[] =>
  Array.from({ length: out }, (_, k) => v.reduce((n, x, i) => n + x * m[i * out + k]!, 0));

describe('GRUs of Keras, whose reset comes after the product', () => {
  const [inputs, units, steps] = [3, 2, 4];
  const weights = [
    weight('gru/gru_cell/kernel', [inputs, 3 * units]),
    weight('gru/gru_cell/recurrent_kernel', [units, 3 * units]),
    weight('gru/gru_cell/bias', [2, 3 * units]),
  ];
  const [kernel, recurrent, bias] = weights.map(({ data }) => data) as [Matrix, Matrix, Matrix];
  const frames: readonly (readonly [string, Record<string, unknown>])[] = [
    ['TimeDistributed', { name: 'flat', layer: { class_name: 'Flatten', config: { name: 'flatten' } } }],
  ];
  const formula = (x: readonly number[], gate: (v: number) => number): number[] => {
    let h = new Array<number>(units).fill(0);
    for (let t = 0; t < steps; t++) {
      const a = product(x.slice(t * inputs, (t + 1) * inputs), kernel, 3 * units).map((v, k) => v + bias[k]!);
      const u = product(h, recurrent, 3 * units).map((v, k) => v + bias[3 * units + k]!);
      h = h.map((old, k) => {
        const [z, r] = [gate(a[k]! + u[k]!), gate(a[units + k]! + u[units + k]!)];
        return z * old + (1 - z) * Math.tanh(a[2 * units + k]! + r * u[2 * units + k]!);
      });
    }
    return h;
  };
  it.each<[string, (v: number) => number]>([
    ['sigmoid', logistic],
    ['hard_sigmoid', (v) => Math.min(Math.max(0.2 * v + 0.5, 0), 1)],
  ])('with gates by %s', async (recurrent_activation, gate) => {
    const options = { name: 'gru', units, activation: 'tanh', recurrent_activation, reset_after: true };
    const path = write(kerasModel([steps, 1, 1, inputs], [...frames, ['GRU', options]], weights));
    const x = [...random.normals(steps * inputs)];
    expect(worst(await run(path, x, steps), formula(x, gate))).toBeLessThan(1e-6);
  });

  it('in both directions, the way back by a layer of its own', async () => {
    const cell = { activation: 'tanh', recurrent_activation: 'sigmoid', reset_after: true };
    const named = (name: string): NamedNumbers[] =>
      weights.map((w) => ({ ...w, name: w.name.replace('gru', `both/${name}`) }));
    const options = {
      name: 'both',
      merge_mode: 'concat',
      layer: { class_name: 'GRU', config: { name: 'gru', units, ...cell } },
      backward_layer: { class_name: 'GRU', config: { name: 'other', units, go_backwards: true, ...cell } },
    };
    const all = [...named('forward_gru'), ...named('other')];
    const path = write(kerasModel([steps, 1, 1, inputs], [...frames, ['Bidirectional', options]], all));
    const x = [...random.normals(steps * inputs)];
    const backwards = Array.from({ length: steps }, (_, t) =>
      x.slice((steps - 1 - t) * inputs, (steps - t) * inputs),
    ).flat();
    const wanted = [...formula(x, logistic), ...formula(backwards, logistic)];
    expect(worst(await run(path, x, steps), wanted)).toBeLessThan(1e-6);
  });
});

describe('convolutions that TensorFlow.js lacks', () => {
  const x = [...random.normals(9 * 2)];
  const kernel = weight('conv/kernel', [3, 2, 4]);
  const list = (layers: readonly (readonly [string, Record<string, unknown>])[], weights: NamedNumbers[]): string =>
    write(kerasModel([9, 1, 2], [['Reshape', { name: 'list', target_shape: [9, 2] }], ...layers], weights));

  it('causal ones see nothing that comes later', async () => {
    const config = { name: 'conv', filters: 4, kernel_size: [3], dilation_rate: [2], use_bias: false };
    const causal = list([['Conv1D', { ...config, padding: 'causal' }]], [kernel]);
    const padded = list(
      [
        ['ZeroPadding1D', { name: 'pad', padding: [4, 0] }],
        ['Conv1D', config],
      ],
      [kernel],
    );
    expect(worst(await run(causal, x), await run(padded, x))).toBeLessThan(1e-12);
  });

  it('transposed ones with dilation, and with a larger output', async () => {
    const deconv = weight('up/kernel', [2, 3, 4, 2]);
    const config = { name: 'up', filters: 4, kernel_size: [2, 3], use_bias: false };
    const size = [3, 3, 2];
    // Every input place puts its kernel where the stride leads it.
    const spread = (stride: number, dilation: number, h: number, w: number): number[] => {
      const out = new Array<number>(h * w * 4).fill(0);
      for (const [at, value] of x.entries()) {
        const [place, c] = [Math.floor(at / 2), at % 2];
        for (let tap = 0; tap < 6; tap++) {
          const row = Math.floor(place / 3) * stride + Math.floor(tap / 3) * dilation;
          const column = (place % 3) * stride + (tap % 3) * dilation;
          for (let o = 0; o < 4; o++) out[(row * w + column) * 4 + o]! += value * deconv.data[(tap * 4 + o) * 2 + c]!;
        }
      }
      return out;
    };
    const dilated = write(kerasModel(size, [['Conv2DTranspose', { ...config, dilation_rate: 2 }]], [deconv]));
    const channels = 4;
    const inOrder = (y: readonly number[]): Float32Array => channelsFirst(y, y.length / channels, channels);
    const frames = channelsFirst(x, 9, 2);
    expect(worst(await run(dilated, frames), inOrder(spread(1, 2, 5, 7)))).toBeLessThan(1e-6);
    const options = { ...config, strides: 2, output_padding: [1, 0] };
    const wide = write(kerasModel(size, [['Conv2DTranspose', options]], [deconv]));
    expect(worst(await run(wide, frames), inOrder(spread(2, 1, 7, 7)))).toBeLessThan(1e-6);
  });
});

describe('bilinear enlargement', () => {
  const layers = [['UpSampling2D', { name: 'up', size: [1, 2], interpolation: 'bilinear' }]] as const;
  const by = async (keras_version: string): Promise<number[]> => {
    const { json, bytes } = kerasModel([1, 3, 1], layers);
    (json['modelTopology'] as Record<string, unknown>)['keras_version'] = keras_version;
    return [...(await run(write({ json, bytes }), [0, 4, 12]))];
  };
  it('of Keras goes by the centres of places', async () => {
    expect(await by('2.15.0')).toEqual([0, 1, 3, 6, 10, 12]);
  });
  it('of TensorFlow.js goes by their corners', async () => {
    expect(await by('tfjs-layers 4.22.0')).toEqual([0, 2, 4, 8, 12, 12]);
  });
});

describe('names of weights', () => {
  const frame = [2, 2, 3];
  const dense = (name: string): NamedNumbers[] => [weight(`${name}/kernel`, [3, 4]), weight(`${name}/bias`, [4])];
  const model = (names: (layer: string) => string): Saved => {
    const weights = [
      ...dense('td').map((w) => ({ ...w, name: names(w.name) })),
      weight(names('lstm/lstm_cell/kernel'), [16, 8]),
      weight(names('lstm/lstm_cell/recurrent_kernel'), [2, 8]),
      weight(names('lstm/lstm_cell/bias'), [8]),
    ];
    const layer = { class_name: 'Dense', config: { name: 'dense', units: 4, activation: 'linear' } };
    const rest = { units: 2, activation: 'tanh', recurrent_activation: 'sigmoid' };
    return kerasModel(
      [3, ...frame],
      [
        ['TimeDistributed', { name: 'td', layer }],
        ['TimeDistributed', { name: 'flat', layer: { class_name: 'Flatten', config: { name: 'flatten' } } }],
        ['LSTM', { name: 'lstm', ...rest }],
      ],
      weights,
    );
  };
  it.each<[string, (name: string) => string]>([
    ['of the wrapper and the cell', (name) => name],
    ['with the number of the output', (name) => `${name}:0`],
    ['below the name of the model', (name) => `model/${name}`],
    ['of the layer in the wrapper', (name) => name.replace('td/', 'td/dense/')],
  ])('%s', async (_, names) => {
    const x = random.normals(3 * 12);
    const result = await run(write(model(names)), x, 3);
    expect(result).toHaveLength(2);
    expect(result.every((v) => Math.abs(v) < 1)).toBe(true);
  });

  it('gives layers in wrappers the names of the layers', async () => {
    const read = await readModel(write(model((name) => name)));
    if (read.kind !== 'recogniser') throw new Error('It is a recogniser.');
    // "td" was named on purpose; the port of the flattened frames likewise.
    expect(read.graphs.frames.outputs.map((port) => port.name)).toEqual(['td', 'flat', 'gates']);
    expect(read.graphs.frames.constants.flatMap(({ name }) => name ?? [])).toEqual([
      'td.weight',
      'td.bias',
      'lstm.weight',
      'lstm.bias',
    ]);
  });
});

describe('stored numbers', () => {
  const values = [0.5, -1.25, 2, 0.75];
  const model = (entry: Record<string, unknown>, bytes: Uint8Array): string => {
    const { json } = kerasModel([1, 1, 2], [['Dense', { name: 'dense', units: 2, use_bias: false }]]);
    json['weightsManifest'] = [
      { paths: ['group1-shard1of1.bin'], weights: [{ name: 'dense/kernel', shape: [2, 2], ...entry }] },
    ];
    return write({ json, bytes });
  };
  const bytesOf = (array: ArrayBufferView): Uint8Array => new Uint8Array(array.buffer);
  const halves = Uint16Array.from(values, toHalf);
  const quantised = { scale: 0.25, min: -1.25 };
  it.each([
    ['float32', { dtype: 'float32' }, bytesOf(Float32Array.from(values)), values],
    [
      'float16',
      { dtype: 'float32', quantization: { dtype: 'float16', original_dtype: 'float32' } },
      bytesOf(halves),
      values,
    ],
    ['uint8', { dtype: 'float32', quantization: { dtype: 'uint8', ...quantised } }, Uint8Array.of(7, 0, 13, 8), values],
    [
      'uint16',
      { dtype: 'float32', quantization: { dtype: 'uint16', ...quantised } },
      bytesOf(Uint16Array.of(7, 0, 13, 8)),
      values,
    ],
    ['int32', { dtype: 'int32' }, bytesOf(Int32Array.of(1, -2, 3, 40_000)), [1, -2, 3, 40_000]],
  ] as const)('%s', async (_, entry, bytes, numbers) => {
    const [a, b, c, d] = numbers;
    expect([...(await run(model(entry, bytes), [1, 10]))]).toEqual([a + 10 * c, b + 10 * d]);
  });

  it('weights in several shards, cut anywhere', async () => {
    const path = model({ dtype: 'float32' }, new Uint8Array());
    const { json } = kerasModel([1, 1, 2], [['Dense', { name: 'dense', units: 2, use_bias: false }]]);
    const weights = [{ name: 'dense/kernel', shape: [2, 2], dtype: 'float32' }];
    json['weightsManifest'] = [{ paths: ['a.bin', 'more/b.bin'], weights }];
    const bytes = bytesOf(Float32Array.from(values));
    writeModel(path, json);
    mkdirSync(join(path, 'more'));
    writeFileSync(join(path, 'a.bin'), bytes.subarray(0, 7));
    writeFileSync(join(path, 'more', 'b.bin'), bytes.subarray(7));
    expect([...(await run(path, [1, 10]))]).toEqual([20.5, 6.25]);
  });
});

describe('convolutions in groups', () => {
  it('are those of a kernel that is zero between the groups', async () => {
    const grouped = weight('conv/kernel', [3, 3, 2, 6]);
    const full = { name: 'conv/kernel', shape: [3, 3, 4, 6], data: new Array<number>(3 * 3 * 4 * 6).fill(0) };
    for (let tap = 0; tap < 9; tap++) {
      for (let i = 0; i < 2; i++) {
        for (let o = 0; o < 6; o++) {
          full.data[(tap * 4 + i + (o < 3 ? 0 : 2)) * 6 + o] = grouped.data[(tap * 2 + i) * 6 + o]!;
        }
      }
    }
    const config = { name: 'conv', filters: 6, kernel_size: [3, 3], padding: 'same', use_bias: false };
    const x = random.normals(5 * 4 * 4);
    const wanted = await run(write(kerasModel([5, 4, 4], [['Conv2D', config]], [full])), x);
    const actual = await run(write(kerasModel([5, 4, 4], [['Conv2D', { ...config, groups: 2 }]], [grouped])), x);
    expect(worst(actual, wanted)).toBeLessThan(1e-12);
  });
});

describe('what is left open', () => {
  const layers = [['GlobalAveragePooling2D', {}]] as const;
  it('the size of the input can be given', async () => {
    const path = write(kerasModel([null, null, 3], layers));
    await expect(readModel(path)).rejects.toMatchObject({ code: 'MODEL_FORMAT_UNSUPPORTED' });
    expect(await readModel(path, { size: [6, 5] })).toMatchObject({ height: 6, width: 5, units: 3 });
  });
});

describe('functional models of Keras 2', () => {
  it('count the calls of a model inside from 1', async () => {
    const input = { class_name: 'InputLayer', name: 'in', config: { name: 'in', batch_input_shape: [null, 1, 2, 1] } };
    const relu = {
      class_name: 'ReLU',
      name: 'relu',
      config: { name: 'relu', max_value: 3 },
      inbound_nodes: [[['in', 0, 0, {}]]],
    };
    const ends = { input_layers: [['in', 0, 0]], output_layers: [['relu', 0, 0]] };
    const inner = { class_name: 'Functional', config: { name: 'inner', layers: [input, relu], ...ends } };
    const called = { ...inner, name: 'inner', inbound_nodes: [[['in', 0, 0, {}]]] };
    const doubled = {
      class_name: 'Add',
      name: 'add',
      config: { name: 'add' },
      inbound_nodes: [
        [
          ['inner', 1, 0, {}],
          ['inner', 1, 0, {}],
        ],
      ],
    };
    const outer = {
      name: 'outer',
      layers: [input, called, doubled],
      input_layers: [['in', 0, 0]],
      output_layers: [['add', 0, 0]],
    };
    const json = { modelTopology: { class_name: 'Functional', config: outer }, weightsManifest: [] };
    expect([...(await run(write({ json, bytes: new Uint8Array() }), [-1, 5]))]).toEqual([0, 6]);
  });
});
