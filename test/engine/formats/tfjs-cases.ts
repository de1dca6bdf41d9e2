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

/**
 * Layers that Keras has and TensorFlow.js lacks, written for the tests.
 */
export function registerMissing(tf: Tf): void {
  const define = (className: string, call: (inputs: tfjs.Tensor[]) => tfjs.Tensor): void => {
    class Missing extends tf.layers.Layer {
      static readonly className = className;
      override computeOutputShape(shape: tfjs.Shape | tfjs.Shape[]): tfjs.Shape {
        return (Array.isArray(shape[0]) ? shape[0] : shape) as tfjs.Shape;
      }
      override call(inputs: tfjs.Tensor | tfjs.Tensor[]): tfjs.Tensor {
        return call(Array.isArray(inputs) ? inputs : [inputs]);
      }
    }
    MISSING.set(className, (name) => new Missing({ name }));
  };
  define('Subtract', ([x, y]) => tf.sub(x!, y!));
  for (const name of ['SpatialDropout2D', 'ActivityRegularization']) define(name, ([x]) => x!);
}
export const MISSING = new Map<string, (name: string) => tfjs.layers.Layer>();
const missing = (className: string): tfjs.layers.Layer => MISSING.get(className)!(className.toLowerCase());

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
  one('GlobalAveragePooling2D', (tf) => tf.layers.globalAveragePooling2d({})),
  one('GlobalMaxPooling2D', (tf) => tf.layers.globalMaxPooling2d({})),
];

const others: LayerCase[] = [
  one('BatchNormalization', (tf) => tf.layers.batchNormalization({})),
  one('BatchNormalization without scale', (tf) => tf.layers.batchNormalization({ scale: false, epsilon: 0.1 })),
  one('BatchNormalization without centre', (tf) => tf.layers.batchNormalization({ center: false, axis: 3 })),
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
