// The networks of the paper at full size, as lists of layers that neuroreel and PyTorch both build: the fc6 generator,
// CaffeNet, GoogLeNet and the LRCN of Donahue et al. Weights are drawn from a seed. Numbers of the layers are those of the
// published prototxts.
import { conv2d, convTranspose2d } from '../../dist/src/engine/ops/conv.js';
import { relu } from '../../dist/src/engine/ops/activation.js';
import { concat, reshape } from '../../dist/src/engine/ops/layout.js';
import { dense } from '../../dist/src/engine/ops/matmul.js';
import { averagePool2d, maxPool2d } from '../../dist/src/engine/ops/pool.js';
import { localResponseNorm } from '../../dist/src/engine/ops/power.js';
import { Random } from '../../dist/src/engine/random.js';

const conv = (out, kernel, { stride = 1, pad = 0, groups = 1, slope = 0 } = {}) => ({
  type: 'conv',
  out,
  kernel,
  stride,
  pad,
  groups,
  slope,
});
const deconv = (out, kernel, stride, slope = 0.3) => ({
  type: 'deconv',
  out,
  kernel,
  stride,
  pad: 1,
  groups: 1,
  slope,
});
const fc = (out, slope = 0) => ({ type: 'fc', out, slope });
const pool = { type: 'pool', kernel: 3, stride: 2 };
const lrn = { type: 'lrn', size: 5, alpha: 1e-4, beta: 0.75 };
const LINEAR = null;
const padded = (size, stride) => ({ type: 'pool', kernel: size, stride, pad: stride === 1 ? (size - 1) / 2 : 0 });
/** Four branches of one input side by side: 1x1; 1x1, 3x3; 1x1, 5x5; pooling, 1x1. */
const inception = (one, [before3, three], [before5, five], after) => ({
  type: 'branches',
  branches: [
    [conv(one, 1)],
    [conv(before3, 1), conv(three, 3, { pad: 1 })],
    [conv(before5, 1), conv(five, 5, { pad: 2 })],
    [padded(3, 1), conv(after, 1)],
  ],
});

export const GENERATOR_FC6 = [
  ...[0, 1, 2].map(() => fc(4096, 0.3)),
  { type: 'reshape', shape: [256, 4, 4] },
  deconv(256, 4, 2),
  deconv(512, 3, 1),
  deconv(256, 4, 2),
  deconv(256, 3, 1),
  deconv(128, 4, 2),
  deconv(128, 3, 1),
  deconv(64, 4, 2),
  deconv(32, 4, 2),
  deconv(3, 4, 2, LINEAR),
];
export const CAFFENET = [
  conv(96, 11, { stride: 4 }),
  pool,
  lrn,
  conv(256, 5, { pad: 2, groups: 2 }),
  pool,
  lrn,
  conv(384, 3, { pad: 1 }),
  conv(384, 3, { pad: 1, groups: 2 }),
  conv(256, 3, { pad: 1, groups: 2 }),
  pool,
  fc(4096),
  fc(4096),
  fc(1000, LINEAR),
];
/** Frame by frame, up to the projection of the LSTM's gates (4 x 256); the LSTM and fc8 follow. */
export const LRCN = [
  conv(96, 7, { stride: 2 }),
  pool,
  lrn,
  conv(384, 5, { stride: 2, groups: 2 }),
  pool,
  lrn,
  conv(512, 3, { pad: 1 }),
  conv(512, 3, { pad: 1, groups: 2 }),
  conv(384, 3, { pad: 1, groups: 2 }),
  pool,
  fc(4096),
  fc(1024, LINEAR),
];

export const GOOGLENET = [
  conv(64, 7, { stride: 2, pad: 3 }),
  pool,
  lrn,
  conv(64, 1),
  conv(192, 3, { pad: 1 }),
  lrn,
  pool,
  inception(64, [96, 128], [16, 32], 32),
  inception(128, [128, 192], [32, 96], 64),
  pool,
  inception(192, [96, 208], [16, 48], 64),
  inception(160, [112, 224], [24, 64], 64),
  inception(128, [128, 256], [24, 64], 64),
  inception(112, [144, 288], [32, 64], 64),
  inception(256, [160, 320], [32, 128], 128),
  pool,
  inception(256, [160, 320], [32, 128], 128),
  inception(384, [192, 384], [48, 128], 128),
  { type: 'average', kernel: 7 },
  fc(1000, LINEAR),
];

/** Weights of a layer [name, shape, deviation], given its input's shape without the batch. */
function weightsOf(layer, shape) {
  const [c, h, w] = shape;
  switch (layer.type) {
    case 'conv':
      return {
        weight: [layer.out, c / layer.groups, layer.kernel, layer.kernel],
        bias: [layer.out],
        fan: (c / layer.groups) * layer.kernel ** 2,
      };
    case 'deconv':
      return {
        weight: [c, layer.out, layer.kernel, layer.kernel],
        bias: [layer.out],
        fan: (c * layer.kernel ** 2) / layer.stride ** 2,
      };
    case 'fc': {
      const n = c * (h ?? 1) * (w ?? 1);
      return { weight: [layer.out, n], bias: [layer.out], fan: n };
    }
    default:
      return null;
  }
}

/** Cheap normal-like numbers: enough for weights of a benchmark, much faster than exact ones. */
function drawn(random, size, deviation) {
  const table = random.normals(65_537, deviation);
  const numbers = new Float32Array(size);
  for (let at = 0, start = 0; at < size; at += 65_537, start = (start + 7919) % 65_537) {
    const rest = Math.min(65_537, size - at);
    const first = Math.min(rest, 65_537 - start);
    numbers.set(table.subarray(start, start + first), at);
    numbers.set(table.subarray(0, rest - first), at + first);
  }
  return numbers;
}

/** Numbers of every layer's weights: [{ weight, bias, shape }]; null where a layer has none. */
export function drawWeights(layers, input, seed) {
  const random = new Random(String(seed));
  let shape = input;
  return layers.map((layer, i) => {
    if (layer.type === 'branches') {
      const before = shape;
      shape = outputShape(layer, shape);
      return layer.branches.map((branch, k) => drawWeights(branch, before, `${seed}.${i}.${k}`));
    }
    const sizes = weightsOf(layer, shape);
    shape = outputShape(layer, shape);
    if (!sizes) return null;
    const size = sizes.weight.reduce((n, d) => n * d, 1);
    return {
      shape: sizes.weight,
      weight: drawn(random, size, Math.sqrt(2 / sizes.fan)),
      bias: new Float32Array(sizes.bias[0]).fill(0.01),
    };
  });
}

function outputShape(layer, [c, h, w]) {
  const along = (n) => {
    if (layer.type === 'conv') return Math.floor((n + 2 * layer.pad - layer.kernel) / layer.stride) + 1;
    if (layer.type === 'deconv') return (n - 1) * layer.stride + layer.kernel - 2 * layer.pad;
    return Math.ceil((n + 2 * (layer.pad ?? 0) - layer.kernel) / layer.stride) + 1;
  };
  switch (layer.type) {
    case 'branches': {
      const ends = layer.branches.map((branch) => branch.reduce((at, inner) => outputShape(inner, at), [c, h, w]));
      return [ends.reduce((sum, [channels]) => sum + channels, 0), ...ends[0].slice(1)];
    }
    case 'average':
      return [c, 1, 1];
    case 'conv':
    case 'deconv':
      return [layer.out, along(h), along(w)];
    case 'fc':
      return [layer.out];
    case 'pool':
      return [c, along(h), along(w)];
    case 'reshape':
      return layer.shape;
    default:
      return [c, h, w];
  }
}

/** Puts a list of layers into a graph. */
export function build(b, layers, weights, x, prefix = '') {
  layers.forEach((layer, i) => {
    const own = weights[i];
    const w = own?.weight && b.constant(own.weight, own.shape, `${prefix}${i}.weight`);
    const bias = own?.bias && b.constant(own.bias, [own.bias.length], `${prefix}${i}.bias`);
    const pads = [layer.pad, layer.pad, layer.pad, layer.pad];
    const strides = [layer.stride, layer.stride];
    if (layer.type === 'conv') x = conv2d(b, x, w, bias, { strides, pads, groups: layer.groups });
    if (layer.type === 'deconv') x = convTranspose2d(b, x, w, { strides, pads, bias });
    if (layer.type === 'fc') x = dense(b, x.shape.length === 2 ? x : reshape(b, x, [0, -1]), w, bias);
    if (layer.type === 'pool')
      x = maxPool2d(b, x, { kernel: [3, 3], strides, ceil: true, pads: layer.pad ? pads : undefined });
    if (layer.type === 'average') x = averagePool2d(b, x, { kernel: [layer.kernel, layer.kernel] });
    if (layer.type === 'branches') {
      const ends = layer.branches.map((branch, k) => build(b, branch, own[k], x, `${prefix}${i}.${k}.`));
      x = concat(b, ends, 1);
      return;
    }
    if (layer.type === 'lrn') x = localResponseNorm(b, x, layer);
    if (layer.type === 'reshape') x = reshape(b, x, [0, ...layer.shape]);
    if (w && layer.slope !== LINEAR) x = relu(b, x, layer.slope);
  });
  return x;
}
