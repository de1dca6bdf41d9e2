/** Small Keras models that between them use every layer that can be imported. */
import type * as tfjs from '@tensorflow/tfjs';

type Tf = typeof tfjs;
type Tensor = tfjs.SymbolicTensor;

export interface LayerCase {
  readonly name: string;
  /** Input shape without the batch; [7, 6, 3] by default. */
  readonly input?: readonly (number | null)[];
  /** Number of steps to run with where the input leaves it open. */
  readonly steps?: number;
  readonly build: (tf: Tf, x: Tensor) => Tensor;
}

const one = (name: string, layer: (tf: Tf) => tfjs.layers.Layer, input?: readonly (number | null)[]): LayerCase => ({
  name,
  ...(input && { input }),
  build: (tf, x) => layer(tf).apply(x) as Tensor,
});

interface MissingLayer {
  /** Options as they stand in the file. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** Shapes of weights by name, from the input's shape with the batch. */
  readonly weights?: (shape: readonly number[]) => Readonly<Record<string, number[]>>;
  readonly call: (
    tf: Tf,
    inputs: readonly tfjs.Tensor[],
    weights: Readonly<Record<string, tfjs.Tensor>>,
  ) => tfjs.Tensor;
}

/** Layers that Keras has and TensorFlow.js lacks. */
const LACKING: Readonly<Record<string, MissingLayer>> = {
  Subtract: { call: (tf, [x, y]) => tf.sub(x!, y!) },
  SpatialDropout2D: { call: (_, [x]) => x! },
  SpatialDropout3D: { call: (_, [x]) => x! },
  ActivityRegularization: { call: (_, [x]) => x! },
  Normalization: {
    config: { axis: [-1] },
    weights: (shape) => ({ mean: [shape[shape.length - 1]!], variance: [shape[shape.length - 1]!] }),
    call: (tf, [x], { mean, variance }) => tf.div(tf.sub(x!, mean!), tf.maximum(tf.sqrt(variance!), 1e-7)),
  },
  DepthwiseConv1D: {
    config: { kernel_size: [3], strides: [2], padding: 'same', depth_multiplier: 2, use_bias: false },
    weights: ([, , c]) => ({ depthwise_kernel: [3, c!, 2] }),
    call: (tf, [x], { depthwise_kernel }) => rowsOf(tf, x!, (rows) => depthwiseRows(tf, rows, depthwise_kernel!, 2)),
  },
  SeparableConv1D: {
    config: { kernel_size: 3, filters: 4, padding: 'same', depth_multiplier: 2 },
    weights: ([, , c]) => ({ depthwise_kernel: [3, c!, 2], pointwise_kernel: [1, 2 * c!, 4], bias: [4] }),
    call: (tf, [x], { depthwise_kernel, pointwise_kernel, bias }) =>
      rowsOf(tf, x!, (rows) => {
        const deep = depthwiseRows(tf, rows, depthwise_kernel!, 1);
        const kernel = tf.expandDims<tfjs.Tensor4D>(pointwise_kernel!, 0);
        return tf.add(tf.conv2d(deep, kernel, 1, 'valid'), bias!);
      }),
  },
  Conv1DTranspose: {
    config: { kernel_size: [4], filters: 3, strides: [3], padding: 'valid', output_padding: [1] },
    weights: ([, , c]) => ({ kernel: [4, 3, c!], bias: [3] }),
    call: (tf, [x], { kernel, bias }) =>
      rowsOf(tf, x!, (rows) => {
        const size: [number, number, number, number] = [rows.shape[0], 1, (rows.shape[2] - 1) * 3 + 4 + 1, 3];
        const wide = tf.expandDims<tfjs.Tensor4D>(kernel!, 0);
        return tf.add(tf.conv2dTranspose(rows, wide, size, [1, 3], 'valid'), bias!);
      }),
  },
  ZeroPadding1D: {
    config: { padding: [1, 2] },
    call: (tf, [x]) =>
      tf.pad(x!, [
        [0, 0],
        [1, 2],
        [0, 0],
      ]),
  },
  Cropping1D: {
    config: { cropping: [2, 1] },
    call: (tf, [x]) => tf.slice(x!, [0, 2, 0], [x!.shape[0], x!.shape[1]! - 3, x!.shape[2]!]),
  },
  UpSampling1D: {
    config: { size: 3 },
    call: (tf, [x]) => {
      const [n, l, c] = x!.shape as [number, number, number];
      return tf.reshape(tf.tile(tf.expandDims(x!, 2), [1, 1, 3, 1]), [n, 3 * l, c]);
    },
  },
  GlobalAveragePooling3D: { call: (tf, [x]) => tf.mean(x!, [1, 2, 3]) },
  GlobalMaxPooling3D: { config: { keepdims: true }, call: (tf, [x]) => tf.max(x!, [1, 2, 3], true) },
  ZeroPadding3D: {
    config: {
      padding: [
        [1, 0],
        [2, 1],
        [0, 3],
      ],
    },
    call: (tf, [x]) =>
      tf.pad(x!, [
        [0, 0],
        [1, 0],
        [2, 1],
        [0, 3],
        [0, 0],
      ]),
  },
  Cropping3D: {
    config: {
      cropping: [
        [1, 0],
        [2, 1],
        [0, 3],
      ],
    },
    call: (tf, [x]) => {
      const [n, t, h, w, c] = x!.shape as [number, number, number, number, number];
      return tf.slice(x!, [0, 1, 2, 0, 0], [n, t - 1, h - 3, w - 3, c]);
    },
  },
};

/** A list [N, L, C] as pictures of one row, and back. */
function rowsOf(tf: Tf, x: tfjs.Tensor, run: (rows: tfjs.Tensor4D) => tfjs.Tensor): tfjs.Tensor {
  return tf.squeeze(run(tf.expandDims(x, 1)), [1]);
}

/** A depthwise convolution along rows; the plain kernel of each channel stands by itself. */
function depthwiseRows(tf: Tf, rows: tfjs.Tensor4D, kernel: tfjs.Tensor, stride: number): tfjs.Tensor4D {
  const [size, c, multiplier] = kernel.shape as [number, number, number];
  const parts = Array.from({ length: c }, (_, i) => {
    const part = tf.slice(kernel, [0, i, 0], [size, 1, multiplier]);
    const channel = tf.slice(rows, [0, 0, 0, i], [...rows.shape.slice(0, 3), 1]);
    return tf.conv2d(channel, tf.expandDims<tfjs.Tensor4D>(part, 0), [1, stride], 'same');
  });
  return tf.concat(parts, 3);
}

export function registerMissing(tf: Tf): void {
  for (const [className, { config = {}, weights, call }] of Object.entries(LACKING)) {
    class Missing extends tf.layers.Layer {
      static readonly className = className;
      readonly own: Record<string, tfjs.LayerVariable> = {};
      override build(shape: tfjs.Shape | tfjs.Shape[]): void {
        for (const [name, size] of Object.entries(weights?.(shape as number[]) ?? {})) {
          this.own[name] = this.addWeight(name, size, 'float32', tf.initializers.zeros());
        }
        super.build(shape);
      }
      override computeOutputShape(shape: tfjs.Shape | tfjs.Shape[]): tfjs.Shape {
        const all = (Array.isArray(shape[0]) ? shape : [shape]) as tfjs.Shape[];
        const shapes = all.map((one) => [1, ...one.slice(1)] as number[]);
        const own = Object.entries(weights?.(shapes[0]!) ?? {}).map(([name, size]) => [name, tf.zeros(size)] as const);
        const inputs = shapes.map((one) => tf.zeros(one));
        return [null, ...call(tf, inputs, Object.fromEntries(own)).shape.slice(1)];
      }
      override call(inputs: tfjs.Tensor | tfjs.Tensor[]): tfjs.Tensor {
        const own = Object.entries(this.own).map(([name, weight]) => [name, weight.read()] as const);
        return call(tf, Array.isArray(inputs) ? inputs : [inputs], Object.fromEntries(own));
      }
      override getConfig(): tfjs.serialization.ConfigDict {
        return { ...super.getConfig(), ...config } as tfjs.serialization.ConfigDict;
      }
    }
    MISSING.set(className, (name) => new Missing({ name }));
  }
}
export const MISSING = new Map<string, (name: string) => tfjs.layers.Layer>();
let made = 0;
const missing = (className: string): tfjs.layers.Layer =>
  MISSING.get(className)!(`${className.toLowerCase()}_${made++}`);

type Pair = [number, number];
interface ConvCase {
  readonly kernel: Pair;
  readonly strides: Pair;
  readonly dilation?: number;
}
const CONVOLUTIONS: readonly ConvCase[] = [
  { kernel: [3, 3], strides: [1, 1] },
  { kernel: [3, 2], strides: [2, 2] },
  { kernel: [4, 5], strides: [3, 2] },
  { kernel: [1, 1], strides: [2, 3] },
  { kernel: [3, 3], strides: [1, 1], dilation: 2 },
];
const MODES = ['same', 'valid'] as const;

const convolutions: LayerCase[] = CONVOLUTIONS.flatMap(({ kernel, strides, dilation = 1 }) =>
  MODES.flatMap((padding): LayerCase[] => {
    const what = `${kernel} stride ${strides} dilation ${dilation} ${padding}`;
    const common = { kernelSize: kernel, strides, padding };
    return [
      one(`Conv2D ${what}`, (tf) =>
        tf.layers.conv2d({ ...common, filters: 4, dilationRate: dilation, activation: 'relu' }),
      ),
      ...(dilation > 1
        ? []
        : [
            one(`Conv2DTranspose ${what}`, (tf) => tf.layers.conv2dTranspose({ ...common, filters: 4 })),
            // TensorFlow.js has depthwise convolutions of one stride only.
            one(`DepthwiseConv2D ${what}`, (tf) =>
              tf.layers.depthwiseConv2d({ ...common, strides: [strides[0], strides[0]], depthMultiplier: 2 }),
            ),
            one(`SeparableConv2D ${what}`, (tf) =>
              tf.layers.separableConv2d({
                ...common,
                strides: [strides[0], strides[0]],
                filters: 5,
                activation: 'tanh',
              }),
            ),
          ]),
    ];
  }),
);

const POOLS: readonly { poolSize: Pair; strides?: Pair }[] = [
  { poolSize: [2, 2] },
  { poolSize: [3, 3], strides: [2, 2] },
  { poolSize: [3, 2], strides: [1, 3] },
  { poolSize: [1, 2], strides: [3, 3] },
];
const pools: LayerCase[] = POOLS.flatMap((options) =>
  MODES.flatMap((padding): LayerCase[] => {
    const what = `${JSON.stringify(options)} ${padding}`;
    return [
      one(`MaxPooling2D ${what}`, (tf) => tf.layers.maxPooling2d({ ...options, padding })),
      one(`AveragePooling2D ${what}`, (tf) => tf.layers.averagePooling2d({ ...options, padding })),
    ];
  }),
);

/** On lists: [7, 6, 3] read as [21, 6]. */
const onList = (name: string, layer: (tf: Tf) => tfjs.layers.Layer): LayerCase => ({
  name,
  build: (tf, x) => layer(tf).apply(tf.layers.reshape({ targetShape: [21, 6] }).apply(x)) as Tensor,
});
const lists: LayerCase[] = [
  ...MODES.flatMap((padding) => [
    onList(`Conv1D ${padding}`, (tf) => tf.layers.conv1d({ filters: 4, kernelSize: 3, strides: 2, padding })),
    onList(`Conv1D with dilation ${padding}`, (tf) =>
      tf.layers.conv1d({ filters: 4, kernelSize: 3, dilationRate: 2, padding, activation: 'relu' }),
    ),
    onList(`MaxPooling1D ${padding}`, (tf) => tf.layers.maxPooling1d({ poolSize: 3, strides: 2, padding })),
    onList(`AveragePooling1D ${padding}`, (tf) => tf.layers.averagePooling1d({ poolSize: 4, strides: 3, padding })),
  ]),
  onList('GlobalMaxPooling1D', (tf) => tf.layers.globalMaxPooling1d({})),
  onList('GlobalAveragePooling1D', (tf) => tf.layers.globalAveragePooling1d({})),
  ...['DepthwiseConv1D', 'SeparableConv1D', 'Conv1DTranspose', 'ZeroPadding1D', 'Cropping1D', 'UpSampling1D'].map(
    (name) => onList(name, () => missing(name)),
  ),
];

/** On sequences of pictures: [7, 6, 3] read as [7, 6, 3, 1]. */
const onVolume = (name: string, layer: (tf: Tf) => tfjs.layers.Layer): LayerCase => ({
  name,
  build: (tf, x) => {
    const deep = tf.layers.dense({ units: 2 }).apply(tf.layers.reshape({ targetShape: [7, 6, 3, 1] }).apply(x));
    return layer(tf).apply(deep) as Tensor;
  },
});
type Triple = [number, number, number];
const VOLUMES: readonly { size: Triple; strides: Triple }[] = [
  { size: [3, 2, 2], strides: [1, 1, 1] },
  { size: [2, 3, 1], strides: [2, 2, 1] },
  { size: [1, 2, 2], strides: [1, 2, 1] },
];
const volumes: LayerCase[] = [
  ...VOLUMES.flatMap(({ size, strides }) =>
    MODES.flatMap((padding) => [
      onVolume(`Conv3D ${size} stride ${strides} ${padding}`, (tf) =>
        tf.layers.conv3d({ filters: 4, kernelSize: size, strides, padding, activation: 'relu' }),
      ),
      onVolume(`MaxPooling3D ${size} stride ${strides} ${padding}`, (tf) =>
        tf.layers.maxPooling3d({ poolSize: size, strides, padding }),
      ),
      onVolume(`AveragePooling3D ${size} stride ${strides} ${padding}`, (tf) =>
        tf.layers.averagePooling3d({ poolSize: size, strides, padding }),
      ),
    ]),
  ),
  ...['GlobalAveragePooling3D', 'GlobalMaxPooling3D', 'ZeroPadding3D', 'SpatialDropout3D'].map((name) =>
    onVolume(name, () => missing(name)),
  ),
  {
    name: 'Cropping3D',
    build: (tf, x) => missing('Cropping3D').apply(tf.layers.reshape({ targetShape: [3, 6, 7, 1] }).apply(x)) as Tensor,
  },
];

const NAMES = [
  'linear',
  'relu',
  'relu6',
  'elu',
  'selu',
  'sigmoid',
  'hardSigmoid',
  'tanh',
  'softmax',
  'softplus',
  'softsign',
  'swish',
  'gelu',
  'mish',
] as const;
/** As an argument, followed by a layer, so that a softmax is not the network's last. */
const activations: LayerCase[] = NAMES.flatMap((name) => {
  const activation = name as 'relu';
  return [
    {
      name: `${name} as an argument`,
      build: (tf: Tf, x: Tensor) => {
        const y = tf.layers.conv2d({ filters: 3, kernelSize: 2, activation }).apply(x);
        return tf.layers.maxPooling2d({ poolSize: 2 }).apply(y) as Tensor;
      },
    },
    {
      name: `${name} as a layer on vectors`,
      build: (tf: Tf, x: Tensor) => {
        const flat = tf.layers.activation({ activation }).apply(tf.layers.flatten().apply(x));
        return tf.layers.dense({ units: 4 }).apply(flat) as Tensor;
      },
    },
  ];
});

const rectifiers: LayerCase[] = [
  one('ReLU', (tf) => tf.layers.reLU()),
  one('ReLU with a maximum', (tf) => tf.layers.reLU({ maxValue: 0.5 })),
  one('LeakyReLU', (tf) => tf.layers.leakyReLU({ alpha: 0.15 })),
  one('PReLU', (tf) => tf.layers.prelu()),
  one('PReLU with shared axes', (tf) => tf.layers.prelu({ sharedAxes: [1, 2] })),
  one('ELU', (tf) => tf.layers.elu()),
  one('ThresholdedReLU', (tf) => tf.layers.thresholdedReLU({ theta: 0.4 })),
  {
    name: 'Softmax in the middle',
    build: (tf, x) => tf.layers.maxPooling2d({ poolSize: 2 }).apply(tf.layers.softmax({ axis: -1 }).apply(x)) as Tensor,
  },
];

const two = (tf: Tf, x: Tensor): [Tensor, Tensor] => [
  tf.layers.conv2d({ filters: 4, kernelSize: 3, padding: 'same' }).apply(x) as Tensor,
  tf.layers.conv2d({ filters: 4, kernelSize: 1 }).apply(x) as Tensor,
];
const merged = (name: string, layer: (tf: Tf) => tfjs.layers.Layer): LayerCase => ({
  name,
  build: (tf, x) => layer(tf).apply(two(tf, x)) as Tensor,
});
const merges: LayerCase[] = [
  merged('Add', (tf) => tf.layers.add()),
  merged('Subtract', () => missing('Subtract')),
  merged('Multiply', (tf) => tf.layers.multiply()),
  merged('Average', (tf) => tf.layers.average()),
  merged('Maximum', (tf) => tf.layers.maximum()),
  merged('Minimum', (tf) => tf.layers.minimum()),
  merged('Concatenate', (tf) => tf.layers.concatenate()),
  merged('Concatenate rows', (tf) => tf.layers.concatenate({ axis: 1 })),
  merged('Concatenate columns', (tf) => tf.layers.concatenate({ axis: 2 })),
  {
    name: 'vectors of different orders merged',
    build: (tf, x) => {
      const flat = tf.layers.flatten().apply(x) as Tensor;
      const turned = tf.layers.flatten().apply(tf.layers.permute({ dims: [3, 1, 2] }).apply(x)) as Tensor;
      const sum = tf.layers.add().apply([flat, turned]) as Tensor;
      return tf.layers.concatenate().apply([sum, flat]) as Tensor;
    },
  },
  {
    name: 'squeeze and excitation',
    build: (tf, x) => {
      const y = tf.layers.conv2d({ filters: 6, kernelSize: 3 }).apply(x) as Tensor;
      const pooled = tf.layers.globalAveragePooling2d({}).apply(y);
      const wide = tf.layers.reshape({ targetShape: [1, 1, 6] }).apply(pooled);
      const gate = tf.layers.conv2d({ filters: 6, kernelSize: 1, activation: 'sigmoid' }).apply(wide) as Tensor;
      return tf.layers.multiply().apply([y, gate]) as Tensor;
    },
  },
];

const shapes: LayerCase[] = [
  one('Flatten', (tf) => tf.layers.flatten()),
  {
    name: 'Flatten and Dense',
    build: (tf, x) => tf.layers.dense({ units: 5 }).apply(tf.layers.flatten().apply(x)) as Tensor,
  },
  {
    name: 'Flatten, normalised and rectified',
    build: (tf, x) => {
      const flat = tf.layers.leakyReLU().apply(tf.layers.flatten().apply(x));
      return tf.layers.dense({ units: 3 }).apply(tf.layers.batchNormalization().apply(flat)) as Tensor;
    },
  },
  one('Dense on pictures', (tf) => tf.layers.dense({ units: 5, activation: 'relu' })),
  one('Reshape', (tf) => tf.layers.reshape({ targetShape: [3, 7, 6] })),
  one('Reshape to a list', (tf) => tf.layers.reshape({ targetShape: [21, 6] })),
  one('Reshape to a vector', (tf) => tf.layers.reshape({ targetShape: [126] })),
  {
    name: 'Dense on a list',
    build: (tf, x) => {
      const list = tf.layers.dense({ units: 4 }).apply(tf.layers.reshape({ targetShape: [21, 6] }).apply(x));
      return tf.layers.flatten().apply(list) as Tensor;
    },
  },
  {
    name: 'Dense on more axes',
    build: (tf, x) =>
      tf.layers.dense({ units: 4 }).apply(tf.layers.reshape({ targetShape: [3, 7, 2, 3] }).apply(x)) as Tensor,
  },
  one('Permute', (tf) => tf.layers.permute({ dims: [2, 3, 1] })),
  one('Permute of rows and columns', (tf) => tf.layers.permute({ dims: [2, 1, 3] })),
  one('ZeroPadding2D', (tf) =>
    tf.layers.zeroPadding2d({
      padding: [
        [1, 0],
        [2, 3],
      ],
    }),
  ),
  one('ZeroPadding2D of one number', (tf) => tf.layers.zeroPadding2d({ padding: 2 })),
  one('Cropping2D', (tf) =>
    tf.layers.cropping2D({
      cropping: [
        [1, 0],
        [2, 1],
      ],
    }),
  ),
  one('UpSampling2D', (tf) => tf.layers.upSampling2d({ size: [2, 3] })),
  one('UpSampling2D, bilinear', (tf) => tf.layers.upSampling2d({ size: [2, 3], interpolation: 'bilinear' })),
  {
    name: 'RepeatVector',
    build: (tf, x) => tf.layers.repeatVector({ n: 4 }).apply(tf.layers.flatten().apply(x)) as Tensor,
  },
  one('GlobalAveragePooling2D', (tf) => tf.layers.globalAveragePooling2d({})),
  one('GlobalMaxPooling2D', (tf) => tf.layers.globalMaxPooling2d({})),
];

const others: LayerCase[] = [
  one('BatchNormalization', (tf) => tf.layers.batchNormalization({})),
  one('BatchNormalization without scale', (tf) => tf.layers.batchNormalization({ scale: false, epsilon: 0.1 })),
  one('BatchNormalization without centre', (tf) => tf.layers.batchNormalization({ center: false, axis: 3 })),
  one('LayerNormalization', (tf) => tf.layers.layerNormalization({})),
  one('LayerNormalization over all axes', (tf) => tf.layers.layerNormalization({ axis: [1, 2, 3], epsilon: 0.1 })),
  one('LayerNormalization over rows', (tf) => tf.layers.layerNormalization({ axis: 1, center: false })),
  one('LayerNormalization without scale', (tf) => tf.layers.layerNormalization({ axis: [2, 3], scale: false })),
  one('Normalization', () => missing('Normalization')),
  one('Rescaling', (tf) => tf.layers.rescaling({ scale: 2, offset: -0.5 })),
  {
    name: 'layers of training only',
    build: (tf, x) => {
      const layers = [
        tf.layers.dropout({ rate: 0.5 }),
        missing('SpatialDropout2D'),
        missing('ActivityRegularization'),
        tf.layers.alphaDropout({ rate: 0.5 }),
        tf.layers.gaussianDropout({ rate: 0.5 }),
        tf.layers.gaussianNoise({ stddev: 1 }),
        tf.layers.conv2d({ filters: 2, kernelSize: 1 }),
      ];
      return layers.reduce((y, layer) => layer.apply(y) as Tensor, x);
    },
  },
  {
    name: 'a layer used twice',
    build: (tf, x) => {
      const layer = tf.layers.conv2d({ filters: 3, kernelSize: 3, padding: 'same' });
      return layer.apply(tf.layers.reLU().apply(layer.apply(x))) as Tensor;
    },
  },
  {
    name: 'a functional model as a layer, used twice',
    build: (tf, x) => {
      const inner = tf.input({ shape: [7, 6, 3] });
      const y = tf.layers.conv2d({ filters: 3, kernelSize: 3, padding: 'same', name: 'inside' }).apply(inner);
      const model = tf.model({ inputs: inner, outputs: tf.layers.add().apply([inner, y as Tensor]) as Tensor });
      return model.apply(tf.layers.reLU().apply(model.apply(x))) as Tensor;
    },
  },
  {
    name: 'a Sequential model as a layer',
    build: (tf, x) => {
      const model = tf.sequential({
        layers: [
          tf.layers.conv2d({ filters: 3, kernelSize: 3, inputShape: [7, 6, 3] }),
          tf.layers.flatten(),
          tf.layers.dense({ units: 4 }),
        ],
      });
      return model.apply(x) as Tensor;
    },
  },
];

const classifier =
  (tf: Tf, last: (tf: Tf, y: tfjs.SymbolicTensor) => Tensor) =>
  (x: Tensor): Tensor =>
    last(tf, tf.layers.dense({ units: 6 }).apply(tf.layers.flatten().apply(x)) as Tensor);

/** Networks that end with a softmax: their logits are what it is given. */
export const SOFTMAX_CASES: readonly LayerCase[] = [
  {
    name: 'Dense with softmax',
    build: (tf, x) =>
      tf.layers.dense({ units: 4, activation: 'softmax' }).apply(tf.layers.flatten().apply(x)) as Tensor,
  },
  {
    name: 'Activation softmax',
    build: (tf, x) => classifier(tf, (t, y) => t.layers.activation({ activation: 'softmax' }).apply(y) as Tensor)(x),
  },
  { name: 'Softmax', build: (tf, x) => classifier(tf, (t, y) => t.layers.softmax().apply(y) as Tensor)(x) },
  {
    name: 'softmax on a picture of one place, reshaped after it',
    build: (tf, x) => {
      const place = tf.layers.conv2d({ filters: 5, kernelSize: [7, 6] }).apply(x);
      const probabilities = tf.layers.activation({ activation: 'softmax' }).apply(place);
      return tf.layers.reshape({ targetShape: [5] }).apply(probabilities) as Tensor;
    },
  },
];

export const LAYER_CASES: readonly LayerCase[] = [
  ...convolutions,
  ...pools,
  ...lists,
  ...volumes,
  ...activations,
  ...rectifiers,
  ...merges,
  ...shapes,
  ...others,
];

const frameNet = (tf: Tf, x: Tensor): Tensor => {
  const layers = [
    tf.layers.conv2d({ filters: 4, kernelSize: 3, strides: 2, padding: 'same', activation: 'relu' }),
    tf.layers.maxPooling2d({ poolSize: 2 }),
    tf.layers.flatten(),
  ];
  return layers.reduce((y, layer) => tf.layers.timeDistributed({ layer }).apply(y) as Tensor, x);
};
const lstm = (tf: Tf, units: number, more: Partial<Parameters<Tf['layers']['lstm']>[0]> = {}): tfjs.RNN =>
  tf.layers.lstm({ units, recurrentActivation: 'sigmoid', ...more });
const onFrames = (name: string, rest: (tf: Tf, y: Tensor) => Tensor): LayerCase => ({
  name,
  input: [5, 8, 8, 3],
  build: (tf, x) => rest(tf, frameNet(tf, x)),
});
const score = (tf: Tf, y: unknown): Tensor => tf.layers.dense({ units: 3 }).apply(y as Tensor) as Tensor;

const CELLS: Readonly<
  Record<string, (tf: Tf, more: { returnSequences?: boolean; goBackwards?: boolean }) => tfjs.RNN>
> = {
  'LSTM with the activations of TensorFlow.js': (tf, more) => tf.layers.lstm({ units: 4, ...more }),
  'LSTM with other activations': (tf, more) =>
    tf.layers.lstm({ units: 4, activation: 'relu', recurrentActivation: 'tanh', useBias: false, ...more }),
  GRU: (tf, more) => tf.layers.gru({ units: 4, recurrentActivation: 'sigmoid', ...more }),
  'GRU without bias': (tf, more) =>
    tf.layers.gru({ units: 4, recurrentActivation: 'sigmoid', useBias: false, ...more }),
  'GRU with the activations of TensorFlow.js': (tf, more) => tf.layers.gru({ units: 4, ...more }),
  SimpleRNN: (tf, more) => tf.layers.simpleRNN({ units: 4, ...more }),
  'SimpleRNN with relu': (tf, more) => tf.layers.simpleRNN({ units: 4, activation: 'relu', ...more }),
};
const recurrences: LayerCase[] = Object.entries(CELLS).flatMap(([name, cell]) => [
  onFrames(`${name}, last step`, (tf, y) => score(tf, cell(tf, {}).apply(y))),
  onFrames(`${name}, every step backwards`, (tf, y) =>
    score(tf, cell(tf, { returnSequences: true, goBackwards: true }).apply(y)),
  ),
  onFrames(`Bidirectional ${name}`, (tf, y) =>
    score(tf, tf.layers.bidirectional({ layer: cell(tf, { returnSequences: true }), mergeMode: 'concat' }).apply(y)),
  ),
]);

/** Layers over lists whose places are the frames. */
const timeWindows: LayerCase[] = [
  ...(['same', 'valid'] as const).flatMap((padding) => [
    onFrames(`Conv1D over time, ${padding}`, (tf, y) =>
      score(tf, lstm(tf, 4).apply(tf.layers.conv1d({ filters: 4, kernelSize: 3, padding }).apply(y))),
    ),
    onFrames(`Conv1D with stride and MaxPooling1D over time, ${padding}`, (tf, y) => {
      const wide = tf.layers.conv1d({ filters: 4, kernelSize: 2, strides: 2, padding }).apply(y);
      return score(tf, tf.layers.flatten().apply(tf.layers.maxPooling1d({ poolSize: 2, padding }).apply(wide)));
    }),
  ]),
  onFrames('mean over the frames', (tf, y) => score(tf, tf.layers.globalAveragePooling1d({}).apply(y))),
  onFrames('maximum over the frames', (tf, y) => score(tf, tf.layers.globalMaxPooling1d({}).apply(y))),
  onFrames('a layer norm at each step', (tf, y) =>
    score(tf, lstm(tf, 4).apply(tf.layers.layerNormalization({}).apply(y))),
  ),
  onFrames('a vector repeated', (tf, y) => {
    const again = tf.layers.repeatVector({ n: 5 }).apply(lstm(tf, 4).apply(y));
    return score(tf, lstm(tf, 3, { returnSequences: true }).apply(again));
  }),
];

type ConvLstmOptions = Partial<Parameters<Tf['layers']['convLstm2d']>[0]>;
const convLstm = (tf: Tf, more: ConvLstmOptions = {}): tfjs.layers.Layer =>
  tf.layers.convLstm2d({ filters: 2, kernelSize: 3, ...more });
const onPictures = (name: string, rest: (tf: Tf, x: Tensor) => Tensor): LayerCase => ({
  name,
  input: [4, 6, 5, 3],
  build: rest,
});
const flatScore = (tf: Tf, y: unknown): Tensor => score(tf, tf.layers.flatten().apply(y as Tensor));
const distributed = (tf: Tf, layer: tfjs.layers.Layer, y: unknown): Tensor =>
  tf.layers.timeDistributed({ layer }).apply(y as Tensor) as Tensor;

const CONV_LSTMS: readonly ConvLstmOptions[] = [
  {},
  { padding: 'same', activation: 'relu' },
  { strides: [2, 1], kernelSize: [2, 3], recurrentActivation: 'sigmoid' },
  { dilationRate: 2, kernelSize: 2, useBias: false },
];
/** Pictures that pass from the frames to the sequence. */
const pictureSequences: LayerCase[] = [
  ...CONV_LSTMS.map((options) =>
    onPictures(`ConvLSTM2D ${JSON.stringify(options)}`, (tf, x) => flatScore(tf, convLstm(tf, options).apply(x))),
  ),
  onPictures('ConvLSTM2D backwards, every step', (tf, x) => {
    const y = convLstm(tf, { returnSequences: true, goBackwards: true, padding: 'same' }).apply(x);
    return distributed(tf, tf.layers.dense({ units: 3 }), distributed(tf, tf.layers.flatten(), y));
  }),
  onPictures('ConvLSTM2Ds with pools between, as in recognisers of activities', (tf, x) => {
    const first = convLstm(tf, { returnSequences: true, padding: 'same' }).apply(x);
    const pooled = tf.layers.maxPooling3d({ poolSize: [1, 2, 2], padding: 'same' }).apply(first);
    const dropped = distributed(tf, tf.layers.dropout({ rate: 0.2 }), pooled);
    const second = convLstm(tf, { returnSequences: true, kernelSize: 2 }).apply(dropped);
    return flatScore(tf, second);
  }),
  onPictures('layers of pictures after a ConvLSTM2D', (tf, x) => {
    const y = convLstm(tf, { returnSequences: true, padding: 'same' }).apply(x);
    const z = distributed(tf, tf.layers.conv2d({ filters: 3, kernelSize: 2, activation: 'relu' }), y);
    const pooled = distributed(tf, tf.layers.globalAveragePooling2d({}), tf.layers.leakyReLU().apply(z));
    return score(tf, lstm(tf, 4).apply(pooled));
  }),
  onPictures('a convnet, then ConvLSTM2D', (tf, x) => {
    const y = distributed(tf, tf.layers.conv2d({ filters: 4, kernelSize: 2, activation: 'relu' }), x);
    return flatScore(tf, convLstm(tf).apply(y));
  }),
  onPictures('Bidirectional ConvLSTM2D', (tf, x) => {
    const layer = convLstm(tf, { returnSequences: true }) as tfjs.RNN;
    return flatScore(tf, tf.layers.bidirectional({ layer, mergeMode: 'concat' }).apply(x));
  }),
  onPictures('Conv3D and pools', (tf, x) => {
    const y = tf.layers.conv3d({ filters: 4, kernelSize: [2, 3, 3], padding: 'same', activation: 'relu' }).apply(x);
    return flatScore(tf, tf.layers.maxPooling3d({ poolSize: [2, 2, 2] }).apply(y));
  }),
  onPictures('convolutions of single frames by Conv3D, and the mean of all', (tf, x) => {
    const y = tf.layers.conv3d({ filters: 4, kernelSize: [1, 3, 3], activation: 'relu' }).apply(x);
    const z = tf.layers.averagePooling3d({ poolSize: [1, 2, 2] }).apply(y);
    return score(tf, missing('GlobalAveragePooling3D').apply(z));
  }),
  onPictures('pictures and vectors that cross side by side', (tf, x) => {
    const states = convLstm(tf, { returnSequences: true, padding: 'same' }).apply(x);
    const joined = tf.layers.concatenate({ axis: 4 }).apply([states as Tensor, x]);
    const flat = distributed(tf, tf.layers.flatten(), joined);
    const vectors = distributed(tf, tf.layers.globalMaxPooling2d({}), x);
    return score(tf, lstm(tf, 4).apply(tf.layers.concatenate().apply([flat, vectors])));
  }),
];

/** What runs for any number of steps without being made again. */
const ANY_LENGTH: readonly [string, (tf: Tf, y: Tensor) => Tensor][] = [
  ['GRU', (tf, y) => score(tf, CELLS['GRU']!(tf, {}).apply(y))],
  ['mean over the frames', (tf, y) => score(tf, tf.layers.globalAveragePooling1d({}).apply(y))],
  [
    'Conv1D over time',
    (tf, y) => score(tf, lstm(tf, 4).apply(tf.layers.conv1d({ filters: 4, kernelSize: 3, padding: 'same' }).apply(y))),
  ],
  [
    'a Bidirectional LSTM',
    (tf, y) => score(tf, tf.layers.bidirectional({ layer: lstm(tf, 4), mergeMode: 'ave' }).apply(y)),
  ],
];

/** Recognisers of sequences. */
export const SEQUENCE_CASES: readonly LayerCase[] = [
  onFrames('LSTM, last step', (tf, y) => score(tf, lstm(tf, 6).apply(y))),
  onFrames('LSTM, every step', (tf, y) => score(tf, lstm(tf, 6, { returnSequences: true }).apply(y))),
  onFrames('LSTM backwards, last step', (tf, y) => score(tf, lstm(tf, 6, { goBackwards: true }).apply(y))),
  onFrames('LSTM backwards, every step', (tf, y) =>
    score(tf, lstm(tf, 6, { goBackwards: true, returnSequences: true }).apply(y)),
  ),
  onFrames('LSTM without bias', (tf, y) => score(tf, lstm(tf, 6, { useBias: false }).apply(y))),
  onFrames('two LSTMs with layers between', (tf, y) => {
    const first = lstm(tf, 6, { returnSequences: true }).apply(y);
    const between = tf.layers.batchNormalization().apply(tf.layers.dropout({ rate: 0.5 }).apply(first));
    const dense = tf.layers
      .timeDistributed({ layer: tf.layers.dense({ units: 5, activation: 'relu' }) })
      .apply(between);
    return score(tf, lstm(tf, 4).apply(dense));
  }),
  ...(['concat', 'sum', 'mul', 'ave'] as const).flatMap((mergeMode) =>
    [false, true].map((returnSequences) =>
      onFrames(`Bidirectional LSTM, ${mergeMode}, ${returnSequences ? 'every' : 'last'} step`, (tf, y) =>
        score(tf, tf.layers.bidirectional({ layer: lstm(tf, 4, { returnSequences }), mergeMode }).apply(y)),
      ),
    ),
  ),
  onFrames(
    'a score for each frame by itself',
    (tf, y) => tf.layers.timeDistributed({ layer: tf.layers.dense({ units: 3 }) }).apply(y) as Tensor,
  ),
  onFrames('all steps flattened', (tf, y) =>
    score(tf, tf.layers.flatten().apply(lstm(tf, 4, { returnSequences: true }).apply(y))),
  ),
  onFrames('features beside an LSTM', (tf, y) => {
    const states = lstm(tf, 4, { returnSequences: true }).apply(y) as Tensor;
    return score(tf, tf.layers.concatenate().apply([states, y]));
  }),
  onFrames('SpatialDropout1D', (tf, y) => {
    const dropped = tf.layers.spatialDropout1d({ rate: 0.5 }).apply(y);
    return score(tf, lstm(tf, 4).apply(dropped));
  }),
  onFrames('layers without TimeDistributed', (tf, y) => {
    const dense = tf.layers.dense({ units: 5, activation: 'tanh' }).apply(y) as Tensor;
    const joined = tf.layers.concatenate({ axis: 2 }).apply([dense, y]);
    return score(tf, lstm(tf, 4).apply(tf.layers.batchNormalization({ axis: 2 }).apply(joined)));
  }),
  ...recurrences,
  ...timeWindows,
  ...pictureSequences,
  {
    name: 'a whole model at each frame, any number of steps',
    input: [null, 8, 8, 3],
    steps: 7,
    build: (tf, x) => {
      const layer = tf.sequential({
        layers: [
          tf.layers.conv2d({ filters: 4, kernelSize: 3, inputShape: [8, 8, 3] }),
          tf.layers.batchNormalization(),
          tf.layers.flatten(),
          tf.layers.dense({ units: 6 }),
        ],
      });
      return score(tf, lstm(tf, 4).apply(tf.layers.timeDistributed({ layer }).apply(x)));
    },
  },
  ...ANY_LENGTH.map(([name, rest]): LayerCase => ({
    name: `${name}, any number of steps`,
    input: [null, 8, 8, 3],
    steps: 7,
    build: (tf, x) => rest(tf, frameNet(tf, x)),
  })),
  {
    name: 'LSTM over the rows of each picture',
    input: [3, 8, 8, 3],
    build: (tf, x) => {
      const rows = tf.layers.timeDistributed({ layer: tf.layers.reshape({ targetShape: [8, 24] }) }).apply(x);
      const read = tf.layers.timeDistributed({ layer: lstm(tf, 5) }).apply(rows);
      return score(tf, lstm(tf, 4).apply(read));
    },
  },
];

/** Recognisers that end with a softmax. */
export const SOFTMAX_SEQUENCES: readonly LayerCase[] = [
  onFrames(
    'LSTM and Dense with softmax',
    (tf, y) => tf.layers.dense({ units: 3, activation: 'softmax' }).apply(lstm(tf, 6).apply(y)) as Tensor,
  ),
  onFrames('softmax at every step', (tf, y) => {
    const states = lstm(tf, 6, { returnSequences: true }).apply(y);
    return tf.layers
      .timeDistributed({ layer: tf.layers.dense({ units: 3, activation: 'softmax' }) })
      .apply(states) as Tensor;
  }),
];
