/** Corrupt, hostile and unsupported Caffe files: each is refused with its code, and at little cost. */
import { truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readCaffeNet } from '../../../src/engine/formats/caffe/format.js';
import { readModel } from '../../../src/engine/formats/import.js';
import { Random } from '../../../src/engine/random.js';
import { NeuroreelError, type ErrorCode } from '../../../src/protocol/errors.js';
import { layer } from './caffe-cases.js';
import { NEWEST, blobMessage, caffemodel, writeCaffe, type LayerFile } from './caffe-files.js';
import { temporaryFolder } from './helpers.js';

const folder = temporaryFolder();

interface Refusal {
  readonly code: ErrorCode;
  readonly message: string;
  readonly details?: unknown;
}

/** Why a model is not read; null where it is. */
async function attempt(path: string, weights?: string): Promise<Refusal | null> {
  try {
    await readModel(path, weights === undefined ? {} : { weights });
    return null;
  } catch (error) {
    if (error instanceof NeuroreelError) return error;
    throw error;
  }
}

async function refusal(text: string, model?: Uint8Array): Promise<Refusal> {
  const { path, weights } = writeCaffe(folder, text, model);
  return (await attempt(path, weights)) ?? { code: 'INTERNAL', message: 'It was read.' };
}

const INPUT = 'input: "data" input_shape { dim: 1 dim: 3 dim: 8 dim: 8 }';
const SMALL = `name: "small"
${INPUT}
layer {
  name: "conv1" # a comment
  type: "Convolution"
  bottom: "data"
  top: "conv1"
  convolution_param { num_output: 4 kernel_size: 3 stride: 2 pad: [1, 1] weight_filler { type: "xavier" } }
}
${layer('ReLU', 'relu_param { negative_slope: 0.1 }', { name: 'relu1', bottom: 'conv1' }).replace('top: "relu1"', 'top: "conv1"')}
${layer('LRN', 'lrn_param { local_size: 3 }', { name: 'norm1', bottom: 'conv1' })}
${layer('Pooling', 'pooling_param { pool: MAX kernel_size: 2 stride: 2 }', { name: 'pool1', bottom: 'norm1' })}
${layer('Reshape', 'reshape_param { shape { dim: 0 dim: -1 dim: 4 } }', { name: 'rows', bottom: 'pool1' })}
${layer('InnerProduct', 'inner_product_param { num_output: 5 axis: 1 }', { name: 'fc', bottom: 'rows' })}
${layer('Softmax', '', { name: 'prob', bottom: 'fc' })}
`;
const numbers = (n: number): number[] => Array.from({ length: n }, (_, i) => (i % 7) - 3);
const WEIGHTS: LayerFile[] = [
  {
    name: 'conv1',
    blobs: [
      { shape: [4, 3, 3, 3], data: numbers(108) },
      { shape: [4], data: numbers(4) },
    ],
  },
  {
    name: 'fc',
    blobs: [
      { shape: [5, 16], data: numbers(80) },
      { shape: [5], data: numbers(5) },
    ],
  },
];
const MODEL = caffemodel(WEIGHTS);
/** The small network with other blobs for its last layer. */
const withBlobs = (...blobs: LayerFile['blobs']): Uint8Array => caffemodel([WEIGHTS[0]!, { name: 'fc', blobs }]);

it('the small network is whole', async () => {
  const { path, weights } = writeCaffe(folder, SMALL, MODEL);
  expect(await readModel(path, { weights: weights! })).toMatchObject({ units: 5, randomWeights: false });
});

describe('text', () => {
  it('cut off at any place', async () => {
    for (let length = 0; length < SMALL.length; length += 3) {
      const found = await refusal(SMALL.slice(0, length), MODEL);
      // What is left after whole layers is a network.
      if (found.code !== 'INTERNAL') expect(found.code).toMatch(/^(MODEL|GRAPH)_/);
    }
  });

  it.each<[string, string, ErrorCode, RegExp]>([
    ['empty', '', 'MODEL_FORMAT_UNSUPPORTED', /no layers/],
    ['not text', '\0\x01\xff'.repeat(50), 'MODEL_INVALID', /line 1, column 1/],
    ['no value', 'layer { name: }', 'MODEL_INVALID', /line 1, column 15: no value for "name"/],
    ['no colon', 'layer { name "x" }', 'MODEL_INVALID', /":" or "{"/],
    ['an open string', '\n layer { name: "x\n" }', 'MODEL_INVALID', /line 2, column 16: text that is not closed/],
    ['an open message', 'layer { name: "x"', 'MODEL_INVALID', /file ends where "}"/],
    ['a wrong bracket', 'layer { name: "x" >', 'MODEL_INVALID', /">" where the name of a field/],
    ['a bracket too many', 'layer { } }', 'MODEL_INVALID', /column 11/],
    ['an open list', 'layer { bottom: ["a", "b" }', 'MODEL_INVALID', /list of "bottom" is not closed/],
    ['an unknown escape', 'layer { name: "\\q" }', 'MODEL_INVALID', /escape/],
    ['a malformed number', 'input_dim: 1.2.3', 'MODEL_INVALID', /no value for "input_dim"/],
    ['nested a hundred thousand deep', 'layer {'.repeat(100_000), 'MODEL_INVALID', /more than 64 deep/],
    ['an endless token', `layer { name: ${'x'.repeat(15_000_000)} }`, 'MODEL_INVALID', /token of 15000000/],
    ['an endless number', `input_dim: ${'1'.repeat(15_000_000)}`, 'MODEL_INVALID', /token of 15000000/],
    ['an endless name', `layer { name: "${'x'.repeat(15_000_000)}" }`, 'MODEL_INVALID', /name/],
    ['an endless comment', `#${'x'.repeat(15_000_000)}`, 'MODEL_FORMAT_UNSUPPORTED', /no layers/],
    ['empty layers without end', 'layer{}'.repeat(2_000_000), 'MODEL_INVALID', /more than 500000 values/],
    ['sizes without end', `input: "x" ${'input_dim:1 '.repeat(400_000)}`, 'MODEL_FORMAT_UNSUPPORTED', /no layers/],
    [
      'bottoms without end',
      `${INPUT} layer { type: "Concat" top: "y" ${'bottom:"data" '.repeat(400_000)} }`,
      'MODEL_INVALID',
      /bottom/,
    ],
    ['layers without end', `${INPUT} ${layer('ReLU').repeat(5001)}`, 'MODEL_INVALID', /5001 layers/],
  ])('%s', async (_, text, code, message) => {
    expect(await refusal(text)).toMatchObject({ code, message: expect.stringMatching(message) });
  });

  it('a hundred megabytes are not even read', async () => {
    const path = join(folder, 'large.prototxt');
    writeFileSync(path, 'x');
    truncateSync(path, 100 * 2 ** 20);
    expect(await attempt(path)).toMatchObject({ code: 'MODEL_INVALID', message: expect.stringMatching(/bytes/) });
  });

  it('names that objects have by themselves are names like others', async () => {
    const text = `__proto__ { constructor: 1 } ${INPUT.replace('"data"', '"__proto__"')}
      ${layer('TanH', 'toString: "x"', { name: 'constructor', bottom: '__proto__' })}
      ${layer('hasOwnProperty', '', { bottom: 'constructor' })}`;
    expect(await refusal(text)).toMatchObject({
      code: 'MODEL_FORMAT_UNSUPPORTED',
      details: { layers: ['hasOwnProperty "y"'] },
    });
    expect(await refusal(`layers { layer { name: "x" type: "__proto__" } } layers { type: toString }`)).toMatchObject({
      details: { layers: ['__proto__ "x"', 'toString ""'] },
    });
  });
});

describe('networks', () => {
  const conv = (options: string, size = '3 dim: 8 dim: 8'): string =>
    `input: "data" input_shape { dim: 1 dim: ${size} } ${layer('Convolution', `convolution_param { ${options} }`)}`;

  it.each<[string, string, ErrorCode, RegExp]>([
    [
      'a cycle',
      `${INPUT} layer { name: "a" type: "Eltwise" bottom: "data" bottom: "q" top: "p" } ${layer('ReLU', '', { name: 'q', bottom: 'p' })}`,
      'GRAPH_INVALID',
      /"a" reads the blob "q", which only it or a later layer makes/,
    ],
    [
      'a layer that reads itself',
      `${INPUT} ${layer('ReLU', '', { name: 'a', bottom: 'a' })}`,
      'GRAPH_INVALID',
      /cycle/,
    ],
    [
      'a blob from nowhere',
      `${INPUT} ${layer('ReLU', '', { bottom: 'x' })}`,
      'MODEL_INVALID',
      /"x", which nothing makes/,
    ],
    ['a blob made twice', `${INPUT} ${layer('ReLU')} ${layer('TanH')}`, 'MODEL_INVALID', /made twice/],
    ['no input', layer('ReLU'), 'MODEL_INVALID', /"data", which nothing makes/],
    ['shapes without inputs', `${INPUT} input: "more" ${layer('ReLU')}`, 'MODEL_INVALID', /2 inputs/],
    ['a shape of 10^12', conv('num_output: 1 kernel_size: 1', '3 dim: 1000000 dim: 1000000'), 'GRAPH_INVALID', /size/],
    ['a size beyond all numbers', conv('num_output: 1 kernel_size: 1', '1e300'), 'MODEL_INVALID', /inputs.*dim/],
    ['a negative size', conv('num_output: 1 kernel_size: 1', '-3 dim: 8 dim: 8'), 'MODEL_INVALID', /dim/],
    ['an empty size', conv('num_output: 1 kernel_size: 1', '0 dim: 8 dim: 8'), 'MODEL_INVALID', /dim/],
    ['10^12 outputs', conv('num_output: 1000000000000 kernel_size: 1'), 'MODEL_INVALID', /num_output/],
    [
      'weights beyond memory',
      conv('num_output: 16777216 kernel_size: 4096'),
      'MODEL_INVALID',
      /more than 268435456 weights/,
    ],
    ['no outputs', conv('kernel_size: 1'), 'MODEL_INVALID', /num_output/],
    ['no kernel', conv('num_output: 1'), 'MODEL_INVALID', /kernel_size/],
    ['a kernel of two kinds', conv('num_output: 1 kernel_size: 3 kernel_h: 3'), 'MODEL_INVALID', /kernel_size/],
    ['a negative pad', conv('num_output: 1 kernel_size: 3 pad: -1'), 'MODEL_INVALID', /pad/],
    ['a stride of 0', conv('num_output: 1 kernel_size: 3 stride: 0'), 'MODEL_INVALID', /stride/],
    ['an option given twice', conv('num_output: 1 num_output: 2 kernel_size: 3'), 'MODEL_INVALID', /num_output/],
    ['a kernel beyond the picture', conv('num_output: 1 kernel_size: 9'), 'GRAPH_INVALID', /Convolution "y": .*9x9/],
    ['groups that do not divide', conv('num_output: 4 kernel_size: 3 group: 2'), 'GRAPH_INVALID', /2 groups/],
    [
      'normalisation over too many channels',
      `input: "data" input_shape { dim: 1 dim: 100000 dim: 8 dim: 8 } ${layer('LRN')}`,
      'GRAPH_INVALID',
      /LRN "y".*too many channels/,
    ],
    [
      'a reshape to what does not fit',
      `${INPUT} ${layer('Reshape', 'reshape_param { shape { dim: 0 dim: 5 dim: -1 } }')}`,
      'GRAPH_INVALID',
      /cannot be read/,
    ],
    [
      'a reshape of two unknowns',
      `${INPUT} ${layer('Reshape', 'reshape_param { shape { dim: -1 dim: -1 } }')}`,
      'GRAPH_INVALID',
      /cannot be read/,
    ],
    [
      'an axis out of range',
      `${INPUT} ${layer('Softmax', 'softmax_param { axis: 5 }')} ${layer('ReLU', '', { name: 'z', bottom: 'y' })}`,
      'GRAPH_INVALID',
      /axis 5/,
    ],
    ['a power without a number', `${INPUT} ${layer('Power', 'power_param { power: nan }')}`, 'MODEL_INVALID', /power/],
  ])('%s', async (_, text, code, message) => {
    expect(await refusal(text)).toMatchObject({ code, message: expect.stringMatching(message) });
  });

  it('all that cannot be run is named at once', async () => {
    const text = `${INPUT}
      ${layer('SPP', '', { name: 'a' })}
      ${layer('Pooling', 'pooling_param { pool: STOCHASTIC kernel_size: 2 }', { name: 'b' })}
      ${layer('BatchNorm', 'batch_norm_param { use_global_stats: false }', { name: 'c' })}
      ${layer('LRN', 'lrn_param { local_size: 4 }', { name: 'd' })}
      layer { name: "e" type: "Pooling" bottom: "data" top: "e" top: "mask" pooling_param { kernel_size: 2 } }
      ${layer('SPP', 'include { phase: TRAIN }', { name: 'gone' })}`;
    expect(await refusal(text)).toMatchObject({
      code: 'MODEL_FORMAT_UNSUPPORTED',
      details: {
        layers: [
          'SPP "a"',
          'Pooling "b" (pool: STOCHASTIC)',
          'BatchNorm "c" (use_global_stats: false)',
          'LRN "d" (local_size 4, which is even)',
          'Pooling "e" (2 tops)',
        ],
      },
    });
  });

  it('thousands of layers are no problem', async () => {
    const chain = layer('TanH', '', { bottom: 'data' }) + layer('TanH', '', { bottom: 'y' }).repeat(4999);
    expect(await attempt(writeCaffe(folder, `${INPUT} ${chain}`).path)).toBeNull();
  });
});

const varint = (n: number): number[] => (n < 128 ? [n] : [(n & 127) | 128, ...varint(n >>> 7)]);
const field = (number: number, bytes: Uint8Array | readonly number[]): number[] => [
  ...varint(number * 8 + 2),
  ...varint(bytes.length),
  ...bytes,
];
/** A caffemodel whose layer "fc" has the given bytes for its first blob. */
function rawBlob(blob: readonly number[]): Uint8Array {
  const first = caffemodel([WEIGHTS[0]!]);
  const bias = blobMessage(WEIGHTS[1]!.blobs[1]!);
  const fc = [...field(1, Buffer.from('fc')), ...field(7, blob), ...field(7, bias)];
  return Uint8Array.from([...first, ...field(100, fc)]);
}

describe('weights', () => {
  it('cut off at any place', async () => {
    for (let length = 0; length < MODEL.length; length += 5) {
      expect(await refusal(SMALL, MODEL.slice(0, length))).toMatchObject({ code: 'MODEL_INVALID' });
    }
  });

  it.each<[string, Uint8Array, RegExp]>([
    ['a file of text', Buffer.from(SMALL), /no \.caffemodel|no layers/],
    ['nothing', new Uint8Array(), /no layers/],
    ['zeros', new Uint8Array(1000), /no \.caffemodel/],
    ['a missing layer', caffemodel([WEIGHTS[0]!]), /no weights for InnerProduct "fc"/],
    ['a missing blob', withBlobs({ shape: [5, 16], data: numbers(80) }), /1 blobs for InnerProduct "fc"; 2/],
    ['too many blobs', withBlobs(...WEIGHTS[1]!.blobs, { shape: [1], data: [1] }), /3 blobs/],
    ['another shape', withBlobs({ shape: [16, 5], data: numbers(80) }, WEIGHTS[1]!.blobs[1]!), /\[16, 5\]; \[5, 16\]/],
    [
      'another size',
      withBlobs({ shape: [5, 15], data: numbers(75) }, WEIGHTS[1]!.blobs[1]!),
      /80 numbers are expected/,
    ],
    [
      'fewer numbers than the shape has',
      withBlobs({ shape: [5, 16], data: numbers(79) }, WEIGHTS[1]!.blobs[1]!),
      /79 numbers for/,
    ],
    [
      'more numbers than the shape has',
      withBlobs({ shape: [5, 16], data: numbers(81) }, WEIGHTS[1]!.blobs[1]!),
      /81 numbers for/,
    ],
    [
      'a shape of 10^12',
      withBlobs({ shape: [1e6, 1e6], data: numbers(80) }, WEIGHTS[1]!.blobs[1]!),
      /80 numbers for the shape \[1000000, 1000000\]/,
    ],
    [
      'a shape beyond all numbers',
      withBlobs({ shape: [2 ** 52, 2 ** 52], data: [] }, WEIGHTS[1]!.blobs[1]!),
      /0 numbers/,
    ],
    [
      'a negative shape',
      withBlobs({ shape: [-5, -16], data: numbers(80) }, WEIGHTS[1]!.blobs[1]!),
      /impossible shape \[-5, -16\]/,
    ],
    ['no shape', rawBlob([...field(5, new Uint8Array(320))]), /80 numbers for the shape \[\]/],
    [
      'not a number',
      withBlobs({ shape: [5, 16], data: numbers(80).map((x, i) => (i === 50 ? NaN : x)) }, WEIGHTS[1]!.blobs[1]!),
      /not finite/,
    ],
    [
      'a number that is not whole',
      rawBlob([...field(5, new Uint8Array(321)), ...field(7, [10, 2, 5, 16])]),
      /within a number/,
    ],
    ['a single number cut off', rawBlob([0x2d, 0, 0]), /damaged/],
    ['a length beyond the file', rawBlob([0x2a, 0xfc, 0xff, 0xff, 0xff, 0x07]), /damaged/],
    [
      'axes without end',
      rawBlob(field(7, [10, ...varint(100_000), ...new Array<number>(100_000).fill(1)])),
      /more than 32 axes/,
    ],
    ['empty runs without end', rawBlob(new Array<number[]>(1_000_001).fill([0x2a, 0]).flat()), /more fields/],
    ['groups in groups', Uint8Array.from(new Array<number>(100_000).fill(0x0b)), /damaged/],
    [
      'empty layers without end',
      Uint8Array.from(new Array<number[]>(500_000).fill([0xa2, 0x06, 0]).flat()),
      /20000 layers/,
    ],
    [
      'empty blobs without end',
      Uint8Array.from(field(100, new Array<number[]>(500_000).fill([0x3a, 0]).flat())),
      /too many blobs/,
    ],
    ['fields without end', Uint8Array.from(new Array<number[]>(2_100_000).fill([0x08, 0]).flat()), /more fields/],
    ['an endless name', Uint8Array.from(field(100, field(1, new Uint8Array(100_000)))), /name has 100000 bytes/],
    [
      'weights in layers in layers',
      caffemodel(WEIGHTS, { ...NEWEST, version: 0 }).map((byte) => (byte === 0x0a ? 0x0b : byte)),
      /damaged|no weights/,
    ],
  ])('%s', async (_, bytes, message) => {
    expect(await refusal(SMALL, bytes)).toMatchObject({
      code: 'MODEL_INVALID',
      message: expect.stringMatching(message),
    });
  });

  it('in HDF5 are told from damaged ones', async () => {
    const bytes = Buffer.from('\x89HDF\r\n\x1a\n', 'latin1');
    expect(await refusal(SMALL, bytes)).toMatchObject({
      code: 'MODEL_FORMAT_UNSUPPORTED',
      message: expect.stringMatching(/HDF5/),
    });
  });

  it('alone are no model, and say what else is needed', async () => {
    const { weights } = writeCaffe(folder, SMALL, MODEL);
    expect(await attempt(weights!)).toMatchObject({
      code: 'MODEL_INVALID',
      message: expect.stringMatching(/weights only\. Give its network/),
    });
  });

  it('missing files are told by name', async () => {
    const { path } = writeCaffe(folder, SMALL);
    expect(await attempt(path, join(folder, 'none.caffemodel'))).toMatchObject({
      message: expect.stringMatching(/none\.caffemodel is missing/),
    });
    expect(await attempt(path, folder)).toMatchObject({
      code: 'MODEL_INVALID',
      message: expect.stringMatching(/not a file/),
    });
  });

  it('of two layers of one name are refused', async () => {
    const text = `${INPUT} ${['a', 'b'].map((top) => layer('Bias', '', { name: 'x' }).replace('top: "x"', `top: "${top}"`)).join(' ')}`;
    expect(await refusal(text)).toMatchObject({
      code: 'MODEL_INVALID',
      message: expect.stringMatching(/Two layers.*"x"/),
    });
  });
});

describe('mutations', () => {
  const WORDS = [
    '-1',
    '0',
    '1e9',
    '4294967296',
    '1e300',
    'nan',
    '"',
    '{',
    '}',
    '[',
    'true',
    '"data"',
    '#',
    'layer',
    ':',
    '\n',
  ];

  /** A piece replaced by another, doubled, left out, or moved. */
  function mutated(bytes: Uint8Array, random: Random, words: readonly string[]): Uint8Array {
    const at = random.integer(bytes.length);
    const length = Math.min(1 + random.integer(random.integer(2) === 0 ? 2 : 40), bytes.length - at);
    const [before, piece, after] = [
      bytes.subarray(0, at),
      bytes.subarray(at, at + length),
      bytes.subarray(at + length),
    ];
    const word = words.length > 0 ? Buffer.from(` ${random.pick(words)} `) : Buffer.of(random.integer(256));
    const to = random.integer(bytes.length);
    return random.pick([
      () => Buffer.concat([before, word, after]),
      () => Buffer.concat([before, word, piece, after]),
      () => Buffer.concat([before, piece, piece, after]),
      () => Buffer.concat([before, after]),
      () => Buffer.concat([before, Buffer.of(random.integer(256)), after]),
      () => Buffer.concat([bytes.subarray(0, to), piece, bytes.subarray(to)]),
    ])();
  }

  it('of a network end in a model or in an error of ours', async () => {
    const random = new Random('networks');
    const weights = writeCaffe(folder, '', MODEL).weights!;
    const path = join(folder, 'mutated.prototxt');
    let read = 0;
    for (let i = 0; i < 1000; i++) {
      let bytes: Uint8Array = Buffer.from(SMALL);
      for (let n = random.integer(3); n >= 0; n--) bytes = mutated(bytes, random, WORDS);
      writeFileSync(path, bytes);
      if ((await attempt(path, weights)) === null) read++;
    }
    expect(read).toBeGreaterThan(20);
  }, 30_000);

  it('of weights end in a model or in an error of ours', async () => {
    const random = new Random('weights');
    const { path, weights } = writeCaffe(folder, SMALL, MODEL);
    for (let i = 0; i < 1000; i++) {
      let bytes: Uint8Array = MODEL;
      for (let n = random.integer(3); n >= 0; n--) bytes = mutated(bytes, random, []);
      writeFileSync(weights!, bytes);
      await attempt(path, weights);
    }
  }, 30_000);

  it('of sequences end in a net or in an error of ours', async () => {
    const text = `input: "data" input_dim: [4, 3, 4, 4] input: "cont" input_dim: [4, 1, 1, 1]
      ${layer('InnerProduct', 'inner_product_param { num_output: 5 }', { name: 'fc' })}
      ${layer('Reshape', 'reshape_param { shape { dim: 2 dim: 2 dim: 5 } }', { name: 'steps', bottom: 'fc' })}
      ${layer('Reshape', 'reshape_param { shape { dim: 2 dim: 2 } }', { name: 'markers', bottom: 'cont' })}
      layer { name: "lstm" type: "LSTM" bottom: "steps" bottom: "markers" top: "lstm" recurrent_param { num_output: 3 } }
      ${layer('InnerProduct', 'inner_product_param { num_output: 2 axis: 2 }', { name: 'scores', bottom: 'lstm' })}`;
    const random = new Random('sequences');
    const path = join(folder, 'sequences.prototxt');
    // Only small numbers, because weights are drawn at random here.
    const words = WORDS.filter((word) => !/\d{2}|e/.test(word));
    for (let i = 0; i < 500; i++) {
      writeFileSync(path, mutated(Buffer.from(text), random, [...words, '2', '5', 'axis', 'bottom: "fc"']));
      await attempt(path);
      await readCaffeNet(path).catch((error: unknown) => {
        if (!(error instanceof NeuroreelError)) throw error;
      });
    }
  });
});
