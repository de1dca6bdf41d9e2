/** Small Caffe networks, and what each gives according to the plain loops of `caffe-plain.ts`. */
import {
  as,
  at,
  concat,
  convolution,
  deconvolution,
  each,
  innerProduct,
  lrnAcross,
  lrnWithin,
  lstm,
  pooling,
  slice,
  softmaxOver,
  tensor,
  type Plain,
} from './caffe-plain.js';

type Tensors = Readonly<Record<string, Plain>>;
type Weights = Readonly<Record<string, readonly Plain[]>>;

export interface CaffeCase {
  readonly name: string;
  /** Shapes of the inputs. */
  readonly inputs: Readonly<Record<string, readonly number[]>>;
  /** Inputs that hold whole numbers below this one. */
  readonly whole?: number;
  readonly layers: string;
  /** Shapes of each layer's weights, in the order of the file. */
  readonly weights?: Readonly<Record<string, readonly (readonly number[])[]>>;
  /** Weights that are positive, as `layer.number`. */
  readonly positive?: readonly string[];
  wanted(x: Tensors, w: Weights): Tensors;
}

interface Ends {
  readonly name?: string;
  readonly bottom?: string;
}

/** A layer from one blob to one, which has the layer's name. */
export const layer = (type: string, options = '', { name = 'y', bottom = 'data' }: Ends = {}): string =>
  `layer { name: "${name}" type: "${type}" bottom: "${bottom}" top: "${name}" ${options} }`;

const PICTURE = { data: [2, 3, 7, 6] };

/** A case of one layer, y, on pictures. */
function one(
  name: string,
  type: string,
  options: string,
  y: (x: Plain, w: readonly Plain[]) => Plain,
  weights: readonly (readonly number[])[] = [],
  more: Partial<CaffeCase> = {},
): CaffeCase {
  return {
    name: `${type}: ${name}`,
    inputs: PICTURE,
    layers: layer(type, options),
    ...(weights.length > 0 ? { weights: { y: weights } } : {}),
    wanted: ({ data }, { y: w = [] }) => ({ y: y(data!, w) }),
    ...more,
  };
}

const convolutions: CaffeCase[] = [
  one(
    'stride and padding',
    'Convolution',
    'convolution_param { num_output: 4 kernel_size: 3 stride: 2 pad: 1 }',
    (x, [w, b]) => convolution(x, w!, b!, { stride: [2, 2], pad: [1, 1] }),
    [[4, 3, 3, 3], [4]],
  ),
  one(
    'each side by itself, dilated, without bias',
    'Convolution',
    'convolution_param { num_output: 2 bias_term: false kernel_h: 2 kernel_w: 3 stride_h: 1 stride_w: 2 pad_h: 0 pad_w: 2 dilation: 2 }',
    (x, [w]) => convolution(x, w!, null, { stride: [1, 2], pad: [0, 2], dilation: [2, 2] }),
    [[2, 3, 2, 3]],
  ),
  one(
    'lists of two, groups',
    'Convolution',
    'convolution_param { num_output: 6 group: 3 kernel_size: [3, 1] pad: 1 pad: 0 stride: [2, 1] }',
    (x, [w, b]) => convolution(x, w!, b!, { groups: 3, stride: [2, 1], pad: [1, 0] }),
    [[6, 1, 3, 1], [6]],
  ),
  one(
    '4x4, stride 2',
    'Deconvolution',
    'convolution_param { num_output: 2 kernel_size: 4 stride: 2 pad: 1 }',
    (x, [w, b]) => deconvolution(x, w!, b!, { stride: [2, 2], pad: [1, 1] }),
    [[3, 2, 4, 4], [2]],
  ),
  one(
    '3x3, stride 1',
    'Deconvolution',
    'convolution_param { num_output: 2 kernel_size: 3 stride: 1 pad: 1 }',
    (x, [w, b]) => deconvolution(x, w!, b!, { pad: [1, 1] }),
    [[3, 2, 3, 3], [2]],
  ),
  one(
    'groups, no bias, sides apart',
    'Deconvolution',
    'convolution_param { num_output: 6 group: 3 bias_term: false kernel_h: 2 kernel_w: 3 stride_h: 2 stride_w: 1 }',
    (x, [w]) => deconvolution(x, w!, null, { stride: [2, 1], groups: 3 }),
    [[3, 2, 2, 3]],
  ),
];

const dense: CaffeCase[] = [
  one(
    'of pictures',
    'InnerProduct',
    'inner_product_param { num_output: 5 }',
    (x, [w, b]) => innerProduct(as(x, [2, 126]), w!, b!),
    [[5, 126], [5]],
  ),
  one(
    'of rows, without bias',
    'InnerProduct',
    'inner_product_param { num_output: 4 axis: -1 bias_term: false }',
    (x, [w]) => innerProduct(x, w!, null),
    [[4, 6]],
  ),
  one(
    'axis 2, transposed weights',
    'InnerProduct',
    'inner_product_param { num_output: 4 axis: 2 transpose: true }',
    (x, [w, b]) =>
      innerProduct(
        as(x, [2, 3, 42]),
        tensor([4, 42], ([o, k]) => at(w!, k!, o!)),
        b!,
      ),
    [[42, 4], [4]],
  ),
  one(
    'rows of a table by number',
    'Embed',
    'embed_param { input_dim: 7 num_output: 4 }',
    (x, [w, b]) => tensor([...x.shape, 4], (i) => at(w!, at(x, ...i.slice(0, 2)), i[2]!) + at(b!, i[2]!)),
    [[7, 4], [4]],
    { inputs: { data: [3, 2] }, whole: 7 },
  ),
];

const pools: CaffeCase[] = [
  one('sizes rounded up', 'Pooling', 'pooling_param { pool: MAX kernel_size: 3 stride: 2 }', (x) =>
    pooling(x, 'MAX', { kernel: [3, 3], stride: [2, 2] }),
  ),
  one('a last window beyond the padding', 'Pooling', 'pooling_param { kernel_size: 2 stride: 2 pad: 1 }', (x) =>
    pooling(x, 'MAX', { kernel: [2, 2], stride: [2, 2], pad: [1, 1] }),
  ),
  one('averages count padding', 'Pooling', 'pooling_param { pool: AVE kernel_size: 3 stride: 2 pad: 1 }', (x) =>
    pooling(x, 'AVE', { kernel: [3, 3], stride: [2, 2], pad: [1, 1] }),
  ),
  one(
    'each side by itself, sizes rounded down',
    'Pooling',
    'pooling_param { pool: AVE kernel_h: 3 kernel_w: 2 stride_h: 3 stride_w: 2 pad_h: 1 pad_w: 0 round_mode: FLOOR }',
    (x) => pooling(x, 'AVE', { kernel: [3, 2], stride: [3, 2], pad: [1, 0], floor: true }),
  ),
  one('of the whole picture', 'Pooling', 'pooling_param { pool: AVE global_pooling: true }', (x) =>
    pooling(x, 'AVE', { kernel: [7, 6] }),
  ),
  one(
    'a stride beyond the kernel',
    'Pooling',
    'pooling_param { pool: 0 kernel_size: 1 stride: 2 }',
    (x) => pooling(x, 'MAX', { kernel: [1, 1], stride: [2, 2] }),
    [],
    { inputs: { data: [2, 3, 7, 5] } },
  ),
];

const byChannel = (x: Plain, f: (v: number, channel: number) => number): Plain =>
  tensor(x.shape, (i) => f(at(x, ...i), i[1]!));

const normalisations: CaffeCase[] = [
  one('across channels', 'LRN', 'lrn_param { local_size: 3 alpha: 0.5 beta: 0.75 }', (x) => lrnAcross(x, 3, 0.5, 0.75)),
  one('with k', 'LRN', 'lrn_param { local_size: 5 alpha: 2 beta: 0.6 k: 2 norm_region: 0 }', (x) =>
    lrnAcross(x, 5, 2, 0.6, 2),
  ),
  one('within a channel', 'LRN', 'lrn_param { local_size: 3 alpha: 2 beta: 0.75 norm_region: WITHIN_CHANNEL }', (x) =>
    lrnWithin(x, 3, 2, 0.75),
  ),
  one(
    'stored sums',
    'BatchNorm',
    'batch_norm_param { use_global_stats: true eps: 0.001 }',
    (x, [m, v, f]) => byChannel(x, (a, c) => (a - at(m!, c) / at(f!, 0)) / Math.sqrt(at(v!, c) / at(f!, 0) + 0.001)),
    [[3], [3], [1]],
    { positive: ['y.1', 'y.2'] },
  ),
  one(
    'with shift',
    'Scale',
    'scale_param { bias_term: true }',
    (x, [s, b]) => byChannel(x, (a, c) => a * at(s!, c) + at(b!, c)),
    [[3], [3]],
  ),
  one(
    'over two axes',
    'Scale',
    'scale_param { axis: 2 num_axes: -1 }',
    (x, [s]) => tensor(x.shape, (i) => at(x, ...i) * at(s!, i[2]!, i[3]!)),
    [[7, 6]],
  ),
  one('one number', 'Scale', 'scale_param { num_axes: 0 }', (x, [s]) => each(x, (a) => a * s!.data[0]!), [[1]]),
  one('by channel', 'Bias', '', (x, [b]) => byChannel(x, (a, c) => a + at(b!, c)), [[3]]),
  {
    name: 'Scale, Bias: by another blob',
    inputs: { data: [2, 3, 4, 5] },
    layers: `
      ${layer('Pooling', 'pooling_param { pool: AVE global_pooling: true }', { name: 'squeeze' })}
      ${layer('Flatten', '', { name: 'flat', bottom: 'squeeze' })}
      layer { name: "scaled" type: "Scale" bottom: "data" bottom: "flat" top: "scaled" scale_param { axis: 0 } }
      layer { name: "y" type: "Bias" bottom: "scaled" bottom: "flat" top: "y" bias_param { axis: 0 } }`,
    wanted({ data }) {
      const squeeze = pooling(data!, 'AVE', { kernel: [4, 5] });
      const factor = (i: readonly number[]): number => at(squeeze, i[0]!, i[1]!, 0, 0);
      return { y: tensor(data!.shape, (i) => at(data!, ...i) * factor(i) + factor(i)) };
    },
  },
];

const sigmoid = (v: number): number => 1 / (1 + Math.exp(-v));
/** Types that are a function of each element. */
const FUNCTIONS: readonly (readonly [type: string, options: string, f: (v: number) => number])[] = [
  ['ReLU', '', (v) => Math.max(v, 0)],
  ['ReLU', 'relu_param { negative_slope: 0.3 }', (v) => (v > 0 ? v : 0.3 * v)],
  ['ReLU', 'relu_param { negative_slope: 1.5 }', (v) => (v > 0 ? v : 1.5 * v)],
  ['ReLU', 'relu_param { negative_slope: -0.2 }', (v) => (v > 0 ? v : -0.2 * v)],
  ['ELU', 'elu_param { alpha: 0.7 }', (v) => (v > 0 ? v : 0.7 * (Math.exp(v) - 1))],
  ['Swish', 'swish_param { beta: 1.5 }', (v) => v * sigmoid(1.5 * v)],
  ['Clip', 'clip_param { min: -0.5 max: 0.7 }', (v) => Math.min(Math.max(v, -0.5), 0.7)],
  ['Sigmoid', '', sigmoid],
  ['TanH', '', Math.tanh],
  ['AbsVal', '', Math.abs],
  ['BNLL', '', (v) => Math.log(1 + Math.exp(v))],
  ['Power', 'power_param { power: 2 scale: 0.5 shift: -1 }', (v) => (0.5 * v - 1) ** 2],
  ['Power', 'power_param { scale: -2 shift: 3 }', (v) => 3 - 2 * v],
  ['Power', 'power_param { power: 0 }', () => 1],
  ['Power', 'power_param { power: 1.5 scale: 0 shift: 2 }', () => 2 ** 1.5],
  ['Exp', 'exp_param { base: 2 scale: 0.5 shift: 1 }', (v) => 2 ** (0.5 * v + 1)],
  ['Exp', '', Math.exp],
  ['Log', 'log_param { base: 10 scale: 0.1 shift: 5 }', (v) => Math.log10(0.1 * v + 5)],
  ['Dropout', 'dropout_param { dropout_ratio: 0.5 }', (v) => v],
];

const activations: CaffeCase[] = [
  ...FUNCTIONS.map(([type, options, f]) => one(options || 'plain', type, options, (x) => each(x, f))),
  one('by channel', 'PReLU', '', (x, [s]) => byChannel(x, (v, c) => (v > 0 ? v : at(s!, c) * v)), [[3]]),
  one(
    'one slope',
    'PReLU',
    'prelu_param { channel_shared: true }',
    (x, [s]) => each(x, (v) => (v > 0 ? v : s!.data[0]! * v)),
    [[1]],
  ),
  one('over channels', 'Softmax', '', (x) => softmaxOver(x, 1)),
  one('over the last axis', 'Softmax', 'softmax_param { axis: -1 }', (x) => softmaxOver(x, 3)),
];

/** Two blobs of the data's shape, made in ways that differ. */
const TWO = `${layer('TanH', '', { name: 'a' })} ${layer('Power', 'power_param { scale: 2 shift: 1 }', { name: 'b' })}`;
const two = (x: Plain): [Plain, Plain] => [each(x, Math.tanh), each(x, (v) => 2 * v + 1)];

function merged(name: string, type: string, options: string, y: (x: Plain, a: Plain, b: Plain) => Plain): CaffeCase {
  return {
    name: `${type}: ${name}`,
    inputs: PICTURE,
    layers: `${TWO} layer { name: "y" type: "${type}" bottom: "data" bottom: "a" bottom: "b" top: "y" ${options} }`,
    wanted: ({ data }) => ({ y: y(data!, ...two(data!)) }),
  };
}
const three =
  (f: (x: number, a: number, b: number) => number) =>
  (x: Plain, a: Plain, b: Plain): Plain =>
    tensor(x.shape, (i) => f(at(x, ...i), at(a, ...i), at(b, ...i)));

const merges: CaffeCase[] = [
  merged(
    'sum',
    'Eltwise',
    '',
    three((x, a, b) => x + a + b),
  ),
  merged(
    'weighted sum',
    'Eltwise',
    'eltwise_param { coeff: 0.5 coeff: -1 coeff: 2 }',
    three((x, a, b) => 0.5 * x - a + 2 * b),
  ),
  merged(
    'product',
    'Eltwise',
    'eltwise_param { operation: PROD }',
    three((x, a, b) => x * a * b),
  ),
  merged('maximum', 'Eltwise', 'eltwise_param { operation: 2 }', three(Math.max)),
  merged('channels', 'Concat', '', (x, a, b) => concat([x, a, b], 1)),
  merged('rows', 'Concat', 'concat_param { axis: -2 }', (x, a, b) => concat([x, a, b], 2)),
  merged('the older name of the axis', 'Concat', 'concat_param { concat_dim: 3 }', (x, a, b) => concat([x, a, b], 3)),
  {
    name: 'Slice, Split: parts',
    inputs: PICTURE,
    layers: `
      layer { name: "copy" type: "Split" bottom: "data" top: "p" top: "q" }
      layer { name: "equal" type: "Slice" bottom: "p" top: "r" top: "g" top: "b" }
      layer { name: "points" type: "Slice" bottom: "q" top: "s" top: "t" slice_param { axis: 2 slice_point: 3 } }
      layer { name: "y" type: "Eltwise" bottom: "r" bottom: "b" top: "y" }`,
    wanted({ data }) {
      const [r, g, b] = [0, 1, 2].map((c) => slice(data!, 1, c, c + 1)) as [Plain, Plain, Plain];
      const [s, t] = [slice(data!, 2, 0, 3), slice(data!, 2, 3, 7)];
      return { g, s, t, y: tensor(r.shape, (i) => at(r, ...i) + at(b, ...i)) };
    },
  },
];

const shapes: CaffeCase[] = [
  one('all', 'Flatten', '', (x) => as(x, [2, 126])),
  one('some axes', 'Flatten', 'flatten_param { axis: 1 end_axis: 2 }', (x) => as(x, [2, 21, 6])),
  one('kept and inferred', 'Reshape', 'reshape_param { shape { dim: 0 dim: 6 dim: -1 } }', (x) => as(x, [2, 6, 21])),
  one('the batch by its number', 'Reshape', 'reshape_param { shape { dim: [2, 7, 18] } }', (x) => as(x, [2, 7, 18])),
  one('some axes', 'Reshape', 'reshape_param { axis: 1 num_axes: 2 shape { dim: 7 dim: 3 } }', (x) =>
    as(x, [2, 7, 3, 6]),
  ),
  one('an axis put in', 'Reshape', 'reshape_param { axis: -3 num_axes: 0 shape { dim: 1 } }', (x) =>
    as(x, [2, 3, 1, 7, 6]),
  ),
  one('other order', 'Permute', 'permute_param { order: 0 order: 2 order: 3 order: 1 }', (x) =>
    tensor([2, 7, 6, 3], ([n, p, q, c]) => at(x, n!, c!, p!, q!)),
  ),
  one('other order, the rest left out', 'Permute', 'permute_param { order: [0, 3] }', (x) =>
    tensor([2, 6, 3, 7], ([n, q, c, p]) => at(x, n!, c!, p!, q!)),
  ),
  {
    name: 'Crop: to the size of another',
    inputs: PICTURE,
    layers: `
      ${layer('Pooling', 'pooling_param { kernel_size: 3 stride: 2 }', { name: 'small' })}
      layer { name: "y" type: "Crop" bottom: "data" bottom: "small" top: "y" crop_param { axis: 2 offset: 3 offset: 1 } }`,
    wanted: ({ data }) => ({ y: tensor([2, 3, 3, 3], ([n, c, p, q]) => at(data!, n!, c!, p! + 3, q! + 1)) }),
  },
];

const SEQUENCES = { data: [5, 2, 4], cont: [5, 2] };
const recurrent = (options: string, more = ''): string =>
  `layer { name: "y" type: "LSTM" bottom: "data" bottom: "cont" ${more} top: "y" ${options} }`;

const sequences: CaffeCase[] = [
  ...['recurrent_param', 'lstm_param'].map((section): CaffeCase => ({
    name: `LSTM: markers, ${section}`,
    inputs: SEQUENCES,
    whole: 2,
    layers: recurrent(`${section} { num_output: 3 }`),
    weights: { y: [[12, 4], [12], [12, 3]] },
    wanted: ({ data, cont }, { y: w }) => ({ y: lstm(data!, cont!, w as [Plain, Plain, Plain]) }),
  })),
  {
    name: 'LSTM: more axes, and a vector for the whole sequence',
    inputs: { data: [3, 2, 2, 2], cont: [3, 2], still: [2, 5] },
    whole: 2,
    layers: recurrent('recurrent_param { num_output: 3 }', 'bottom: "still"'),
    weights: { y: [[12, 4], [12], [12, 5], [12, 3]] },
    wanted: ({ data, cont, still }, { y: w }) => ({
      y: lstm(as(data!, [3, 2, 4]), cont!, [w![0]!, w![1]!, w![3]!], [still!, w![2]!]),
    }),
  },
];

/** The same network in each form of the text. */
const FORMS: readonly (readonly [name: string, layers: string])[] = [
  [
    'V0',
    `layers { layer { name: "c" type: "conv" num_output: 4 kernelsize: 3 pad: 1 stride: 2 group: 1 biasterm: true
         blobs_lr: 1. blobs_lr: 2. } bottom: "data" top: "c" }
       layers { layer { name: "r" type: "relu" } bottom: "c" top: "c" }
       layers { layer { name: "p" type: "pool" pool: AVE kernelsize: 2 stride: 2 } bottom: "c" top: "p" }
       layers { layer { name: "n" type: "lrn" local_size: 3 alpha: 0.5 beta: 0.75 } bottom: "p" top: "n" }
       layers { layer { name: "d" type: "dropout" dropout_ratio: 0.5 } bottom: "n" top: "n" }
       layers { layer { name: "f" type: "innerproduct" num_output: 5 } bottom: "n" top: "f" }
       layers { layer { name: "s" type: "softmax" } bottom: "f" top: "s" }`,
  ],
  [
    'V1',
    `layers { name: "c" type: CONVOLUTION bottom: "data" top: "c" blobs_lr: 1 blobs_lr: 2
         convolution_param { num_output: 4 kernel_size: 3 pad: 1 stride: 2 } }
       layers { name: "r" type: RELU bottom: "c" top: "c" }
       layers { name: "p" type: POOLING bottom: "c" top: "p" pooling_param { pool: AVE kernel_size: 2 stride: 2 } }
       layers { name: "n" type: LRN bottom: "p" top: "n" lrn_param { local_size: 3 alpha: 0.5 beta: 0.75 } }
       layers { name: "d" type: DROPOUT bottom: "n" top: "n" }
       layers { name: "f" type: INNER_PRODUCT bottom: "n" top: "f" inner_product_param { num_output: 5 } }
       layers { name: "s" type: SOFTMAX bottom: "f" top: "s" }`,
  ],
  [
    'V2',
    `layer < name: 'c', type: "Con" 'volution'; bottom: "data" top: "c" param { lr_mult: 1 } param { lr_mult: 2 }
         convolution_param: { num_output: 0x4 kernel_size: 3 pad: 1 stride: 2 } > # angle brackets, separators
       layer { name: "r" type: "Re\\114U" bottom: ["c"] top: "c" }
       layer { name: "p" type: "Pooling" bottom: "c" top: "p" pooling_param { pool: AVE kernel_size: 2 stride: 2 } }
       layer { name: "n" type: "LRN" bottom: "p" top: "n" lrn_param { local_size: 3 alpha: 5e-1 beta: .75f } }
       layer { name: "d" type: "Dropout" bottom: "n" top: "n" include { phase: TEST } }
       layer { name: "d2" type: "Unknown" bottom: "n" top: "n" include { phase: TRAIN } }
       layer { name: "f" type: "InnerProduct" bottom: "n" top: "f" inner_product_param { num_output: 5 } }
       layer { name: "s" type: "Softmax" bottom: "f" top: "s" exclude { phase: TRAIN } }`,
  ],
];

export const FORM_CASES: CaffeCase[] = FORMS.map(([form, layers]) => ({
  name: `a whole network in the form ${form}`,
  inputs: PICTURE,
  layers,
  weights: { c: [[4, 3, 3, 3], [4]], f: [[5, 16], [5]] },
  wanted({ data }, { c, f }) {
    const conv = convolution(data!, c![0]!, c![1]!, { stride: [2, 2], pad: [1, 1] });
    const rectified = each(conv, (v) => Math.max(v, 0));
    const pooled = pooling(rectified, 'AVE', { kernel: [2, 2], stride: [2, 2] });
    const normalised = lrnAcross(pooled, 3, 0.5, 0.75);
    const scores = innerProduct(as(normalised, [2, 16]), f![0]!, f![1]!);
    return { 'c@c': conv, c: rectified, p: pooled, n: normalised, f: scores, s: softmaxOver(scores, 1) };
  },
}));

export const LAYER_CASES: readonly CaffeCase[] = [
  ...convolutions,
  ...dense,
  ...pools,
  ...normalisations,
  ...activations,
  ...merges,
  ...shapes,
  ...sequences,
];
