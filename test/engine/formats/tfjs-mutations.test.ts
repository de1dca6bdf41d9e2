/** Hundreds of damaged Keras models: each is read, or refused with an error of the catalogue. Seeded, so repeatable. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readModel } from '../../../src/engine/formats/import.js';
import { Random } from '../../../src/engine/random.js';
import { NeuroreelError } from '../../../src/protocol/errors.js';
import { kerasModel, temporaryFolder, writeModel, type NamedNumbers, type Saved } from './helpers.js';

const root = temporaryFolder();
const random = new Random('mutations');
const weight = (name: string, shape: readonly number[]): NamedNumbers => ({
  name,
  shape,
  data: [...random.normals(shape.reduce((n, dim) => n * dim, 1))],
});
const distributed = (class_name: string, config: Record<string, unknown>): [string, Record<string, unknown>] => [
  'TimeDistributed',
  { name: `td_${config['name'] as string}`, layer: { class_name, config } },
];
const recurrent = { activation: 'tanh', recurrent_activation: 'sigmoid', return_sequences: true };

/** A convnet at each frame, a ConvLSTM2D, a pool over time, both directions of a GRU. */
function recogniser(): Saved {
  const gru = { name: 'gru', units: 2, reset_after: true, ...recurrent };
  return kerasModel(
    [4, 5, 5, 3],
    [
      distributed('Conv2D', { name: 'conv', filters: 2, kernel_size: [2, 2], strides: 1, padding: 'same' }),
      ['ConvLSTM2D', { name: 'memory', filters: 2, kernel_size: 2, ...recurrent }],
      ['MaxPooling3D', { name: 'pool', pool_size: [2, 2, 2] }],
      distributed('Flatten', { name: 'flat' }),
      ['Bidirectional', { name: 'both', merge_mode: 'concat', layer: { class_name: 'GRU', config: gru } }],
      ['GlobalAveragePooling1D', { name: 'mean' }],
      ['Dense', { name: 'dense', units: 3, activation: 'softmax' }],
    ],
    [
      weight('td_conv/kernel', [2, 2, 3, 2]),
      weight('td_conv/bias', [2]),
      weight('memory/kernel', [2, 2, 2, 8]),
      weight('memory/recurrent_kernel', [2, 2, 2, 8]),
      weight('memory/bias', [8]),
      ...['forward', 'backward'].flatMap((way) => [
        weight(`both/${way}_gru/gru_cell/kernel`, [8, 6]),
        weight(`both/${way}_gru/gru_cell/recurrent_kernel`, [2, 6]),
        weight(`both/${way}_gru/gru_cell/bias`, [2, 6]),
      ]),
      weight('dense/kernel', [4, 3]),
      weight('dense/bias', [3]),
    ],
  );
}

const call = (...sources: string[]): unknown => [sources.map((source) => [source, 0, 0, {}])];

/** A functional model with a branch, a model inside, normalisations, and a generator's layers. */
function functional(): Saved {
  const input = { class_name: 'InputLayer', name: 'in', config: { name: 'in', batch_input_shape: [null, 6] } };
  const plain = (
    class_name: string,
    name: string,
    config: Record<string, unknown>,
    ...sources: string[]
  ): Record<string, unknown> => ({ class_name, name, config: { name, ...config }, inbound_nodes: call(...sources) });
  const inner = kerasModel(
    [4, 4, 2],
    [
      ['LeakyReLU', { name: 'bent', alpha: 0.1 }],
      [
        'ZeroPadding2D',
        {
          name: 'pad',
          padding: [
            [1, 0],
            [0, 1],
          ],
        },
      ],
      [
        'Cropping2D',
        {
          name: 'crop',
          cropping: [
            [1, 0],
            [0, 1],
          ],
        },
      ],
    ],
  ).json['modelTopology'] as { model_config: Record<string, unknown> };
  const layers = [
    input,
    plain('Dense', 'wide', { units: 8, activation: { class_name: 'ReLU', config: { max_value: 6 } } }, 'in'),
    plain('Reshape', 'map', { target_shape: [2, 2, 2] }, 'wide'),
    plain('UpSampling2D', 'up', { size: [2, 2], interpolation: 'bilinear' }, 'map'),
    { ...inner.model_config, name: 'model', inbound_nodes: call('up') },
    plain('Concatenate', 'joined', { axis: -1 }, 'up', 'model'),
    plain('LayerNormalization', 'norm', { axis: [3], epsilon: 0.01 }, 'joined'),
    plain('Conv2DTranspose', 'drawn', { filters: 3, kernel_size: 3, strides: [2, 2], padding: 'same' }, 'norm'),
  ];
  const ends = { input_layers: [['in', 0, 0]], output_layers: [['drawn', 0, 0]] };
  const saved = kerasModel(
    [6],
    [['ReLU', { name: 'unused' }]],
    [
      weight('wide/kernel', [6, 8]),
      weight('wide/bias', [8]),
      weight('norm/gamma', [4]),
      weight('norm/beta', [4]),
      weight('drawn/kernel', [3, 3, 3, 4]),
      weight('drawn/bias', [3]),
    ],
  );
  const topology = { model_config: { class_name: 'Functional', config: { name: 'outer', layers, ...ends } } };
  return { ...saved, json: { ...saved.json, modelTopology: topology } };
}

type Place = { readonly holder: Record<string, unknown> | unknown[]; readonly key: string | number };

/** Every place in a JSON value. */
function places(value: unknown): Place[] {
  if (typeof value !== 'object' || value === null) return [];
  const holder = value as Record<string, unknown> | unknown[];
  const keys = Array.isArray(holder) ? [...holder.keys()] : Object.keys(holder);
  return keys.flatMap((key) => [{ holder, key }, ...places((holder as Record<string | number, unknown>)[key])]);
}

const ODD: readonly unknown[] = [
  null,
  -1,
  0,
  1,
  2,
  3,
  7,
  0.5,
  1e6,
  1e12,
  -1e12,
  1e308,
  2 ** 31,
  true,
  false,
  '',
  'same',
  'valid',
  'causal',
  'in',
  'map',
  'relu',
  'sigmoid',
  'Dense',
  'LSTM',
  'Conv2D',
  'TimeDistributed',
  'Sequential',
  '__proto__',
  [],
  {},
  [1, 1],
  [0, 0],
  [3, 3, 3],
];

/** Changes one place of a value; parts of it stand in for one another. */
function mutate(json: Record<string, unknown>): void {
  const all = places(json);
  const { holder, key } = random.pick(all);
  const target = holder as Record<string | number, unknown>;
  const here = target[key];
  const kind = random.integer(5);
  if (kind === 0) target[key] = structuredClone(random.pick(ODD));
  else if (kind === 1 && !Array.isArray(holder)) delete target[key];
  else if (kind === 2 && Array.isArray(holder)) holder.splice(key as number, random.uniform() < 0.5 ? 1 : 0, here);
  else if (kind === 3 && typeof here === 'number')
    target[key] = random.pick([-here, here + 1, here - 1, here * 1000, here / 3]);
  else {
    const other = random.pick(all);
    target[key] = structuredClone((other.holder as Record<string | number, unknown>)[other.key]);
  }
}

/** Cuts a text off, or changes characters of it. */
function scramble(text: string): string {
  const at = random.integer(text.length);
  if (random.uniform() < 0.3) return text.slice(0, at);
  return text.slice(0, at) + random.pick(['"', '{', ']', ',', '9', '\\', 'e', '-', '\u0000']) + text.slice(at + 1);
}

/** What reading a damaged model ends with: how it was refused, or that it was not. */
async function outcome(path: string): Promise<string> {
  try {
    return (await readModel(path)).kind;
  } catch (error) {
    if (error instanceof NeuroreelError) return error.code;
    throw error;
  }
}

const REFUSALS = ['MODEL_INVALID', 'MODEL_FORMAT_UNSUPPORTED', 'GRAPH_INVALID'];
const ALLOWED = ['network', 'generator', 'recogniser', ...REFUSALS];

describe.each([
  ['a recogniser', recogniser, 'recogniser'],
  ['a generator', functional, 'generator'],
] as const)('%s', (name, model, kind) => {
  const whole = model();
  const folder = join(root, name.replace(' ', '-'));
  mkdirSync(folder, { recursive: true });

  it('is read as it is', async () => {
    expect(await outcome(writeModel(folder, whole.json, whole.bytes))).toBe(kind);
  });

  it.each([1, 2, 5])('with %i changes is read or refused', async (changes) => {
    const outcomes = new Set<string>();
    for (let i = 0; i < 250; i++) {
      const json = structuredClone(whole.json);
      for (let k = 0; k < changes; k++) mutate(json);
      outcomes.add(await outcome(writeModel(folder, json, whole.bytes)));
    }
    expect([...outcomes].filter((code) => !ALLOWED.includes(code))).toEqual([]);
    // The changes reach all stages: some are harmless, and some are found by each check.
    if (changes === 1) expect([...outcomes].sort()).toEqual([kind, ...REFUSALS].sort());
  });

  it('with its text damaged is read or refused', async () => {
    const text = JSON.stringify(whole.json);
    for (let i = 0; i < 250; i++) {
      writeModel(folder, scramble(text), whole.bytes);
      expect(ALLOWED).toContain(await outcome(folder));
    }
  });

  it('with its weights cut off or lengthened is refused', async () => {
    writeModel(folder, whole.json, whole.bytes);
    for (let i = 0; i < 20; i++) {
      const length = random.integer(2 * whole.bytes.length);
      if (length === whole.bytes.length) continue;
      writeFileSync(join(folder, 'group1-shard1of1.bin'), new Uint8Array(length));
      expect(await outcome(folder)).toBe('MODEL_INVALID');
    }
  });
});
