/** Small ONNX models that between them use every op that can be imported; ONNX Runtime itself says what they give. */
import type { ModelMaker, TestAttribute } from './onnx-writer.js';

export interface OnnxCase {
  readonly name: string;
  readonly opset?: number;
  /** Shape of the input without its batch; [3, 6, 5] by default. */
  readonly input?: readonly number[];
  /** Whether a batch of two, fixed by the file, is another model: constants of it hold on to a batch of one. */
  readonly onlyOpen?: boolean;
  /** Numbers of the input are made positive. */
  readonly positive?: boolean;
  readonly build: (m: ModelMaker, x: string) => string;
}

type Attributes = Readonly<Record<string, TestAttribute>>;
const float = (x: number): TestAttribute => ({ float: x });

/** A node on the input alone. */
const on = (op: string, attributes: Attributes = {}, more: Partial<OnnxCase> = {}): OnnxCase => ({
  name: `${op} ${JSON.stringify(attributes)} ${more.opset ?? ''}`,
  build: (m, x) => m.node(op, [x], attributes),
  ...more,
});

const activations: OnnxCase[] = [
  ...['Relu', 'Sigmoid', 'Tanh', 'Softplus', 'Softsign', 'Erf', 'Elu', 'Selu', 'Celu', 'HardSigmoid', 'HardSwish'].map(
    (op) => on(op),
  ),
  ...['LeakyRelu', 'ThresholdedRelu', 'Abs', 'Neg', 'Exp', 'Sign', 'Floor', 'Ceil', 'Identity', 'Flatten'].map((op) =>
    on(op),
  ),
  ...['Log', 'Sqrt', 'Reciprocal'].map((op) => on(op, {}, { positive: true })),
  on('Mish', {}, { opset: 18 }),
  on('Gelu', {}, { opset: 20 }),
  on('Gelu', { approximate: 'tanh' }, { opset: 20 }),
  on('LeakyRelu', { alpha: float(0.3) }),
  on('LeakyRelu', { alpha: float(-0.3) }),
  on('LeakyRelu', { alpha: float(1.5) }),
  on('Elu', { alpha: float(0.7) }),
  on('Celu', { alpha: float(0.7) }),
  on('Selu', { alpha: float(1.5), gamma: float(1.2) }),
  on('HardSigmoid', { alpha: float(0.3), beta: float(0.4) }),
  on('ThresholdedRelu', { alpha: float(0.5) }),
  { name: 'PRelu by channel', build: (m, x) => m.node('PRelu', [x, m.weights(3, 1, 1)]) },
  { name: 'PRelu of one slope', build: (m, x) => m.node('PRelu', [x, m.weights(1)]) },
  on('Clip', { min: float(-0.3), max: float(0.4) }, { opset: 9 }),
  on('Clip', { min: float(0) }, { opset: 9 }),
  { name: 'Clip by inputs', build: (m, x) => m.node('Clip', [x, m.scalar(-0.5), m.scalar(0.25)]) },
  { name: 'Clip from above only', build: (m, x) => m.node('Clip', [x, '', m.scalar(0.25)]) },
  { name: 'Clip from below only', build: (m, x) => m.node('Clip', [x, m.scalar(0.1)]) },
  {
    name: 'GELU as PyTorch writes it',
    build: (m, x) => {
      const share = m.node('Add', [m.node('Erf', [m.node('Div', [x, m.scalar(Math.SQRT2)])]), m.scalar(1)]);
      return m.node('Mul', [m.node('Mul', [x, share]), m.scalar(0.5)]);
    },
  },
];

/** Softmaxes that do not end the network, so that they are not taken for those that do. */
const softmaxes: OnnxCase[] = ['Softmax', 'LogSoftmax'].flatMap((op) =>
  [
    { axis: 1, opset: 13 },
    { axis: -1, opset: 13 },
    { axis: 2, opset: 17 },
    { axis: 1, opset: 11 },
    { axis: 2, opset: 11 },
    { axis: -1, opset: 9 },
  ].map(({ axis, opset }) => ({
    name: `${op} over axis ${axis}, opset ${opset}`,
    opset,
    build: (m, x) => m.node('Mul', [m.node(op, [x], { axis }), m.scalar(3)]),
  })),
);

const elementwise: OnnxCase[] = [
  ...['Add', 'Sub', 'Mul', 'Div', 'Max', 'Min', 'Sum', 'Mean'].flatMap((op): OnnxCase[] => [
    { name: `${op} of a constant`, build: (m, x) => m.node(op, [x, m.positive(3, 1, 5)]) },
    { name: `${op} of a number`, build: (m, x) => m.node(op, [m.scalar(0.7), x]) },
    { name: `${op} of two`, build: (m, x) => m.node(op, [m.node('Tanh', [x]), m.node('Exp', [x])]) },
    {
      name: `${op} of two that broadcast`,
      build: (m, x) => m.node(op, [x, m.node('Exp', [m.node('ReduceMean', [x], { axes: [2, 3] })])]),
    },
  ]),
  {
    name: 'Max of many and of constants among themselves',
    build: (m, x) => m.node('Max', [m.scalar(-0.2), m.scalar(-0.1), x, m.node('Neg', [x])]),
  },
  {
    name: 'operands of different numbers of axes',
    build: (m, x) =>
      m.node('Add', [
        m.node('GlobalMaxPool', [x]),
        m.node('Squeeze', [m.node('GlobalAveragePool', [x])], { axes: [0] }),
      ]),
    opset: 11,
    onlyOpen: true,
  },
  { name: 'a constant of more axes', build: (m, x) => m.node('Mul', [x, m.weights(1, 2, 3, 1, 1)]), onlyOpen: true },
  ...[1, 2, 3, 0.5, -1, 1.5, 0].map((p): OnnxCase => ({
    name: `Pow ${p}`,
    positive: p % 1 !== 0,
    build: (m, x) => m.node('Pow', [x, m.scalar(p)]),
  })),
  { name: 'Pow of several exponents', positive: true, build: (m, x) => m.node('Pow', [x, m.positive(3, 1, 1)]) },
  { name: 'Pow of a number', build: (m, x) => m.node('Pow', [m.scalar(2), x]) },
  ...['Equal', 'Greater', 'GreaterOrEqual', 'Less', 'LessOrEqual'].flatMap((op): OnnxCase[] => [
    {
      name: `${op}, cast`,
      build: (m, x) => m.node('Cast', [m.node(op, [m.node('Floor', [x]), m.scalar(0)])], { to: 1 }),
    },
    {
      name: `Where ${op}`,
      build: (m, x) => m.node('Where', [m.node(op, [x, m.weights(3, 1, 1)]), x, m.node('Exp', [x])]),
    },
  ]),
  {
    name: 'Not, And, Or',
    build: (m, x) => {
      const [low, high] = [m.node('Less', [x, m.scalar(-0.3)]), m.node('Greater', [x, m.scalar(0.4)])];
      const either = m.node('Or', [low, high]);
      const neither = m.node('And', [m.node('Not', [low]), m.node('Not', [high])]);
      return m.node('Sub', [m.node('Cast', [either], { to: 1 }), m.node('Cast', [neither], { to: 1 })]);
    },
  },
  {
    name: 'Where of constants, an infinite one among them',
    build: (m, x) => {
      const mask = m.constant([1, 0, 1, 0, 1], [5], 'bool');
      return m.node('Softmax', [m.node('Where', [mask, x, m.scalar(-Infinity)])], { axis: -1 });
    },
  },
  {
    name: 'Where that takes a constant by what is computed',
    build: (m, x) => m.node('Where', [m.node('Greater', [x, m.scalar(0)]), m.scalar(2), m.weights(5)]),
  },
  { name: 'CastLike', build: (m, x) => m.node('CastLike', [m.node('Greater', [x, m.scalar(0)]), x]) },
];

/** The numbers that a shape, a list or a weight would be computed from, added to the input at the end. */
const folding = (name: string, build: (m: ModelMaker, x: string) => string, opset = 17): OnnxCase => ({
  name: `constants: ${name}`,
  opset,
  onlyOpen: true,
  build: (m, x) => m.node('Add', [x, m.node('Cast', [build(m, x)], { to: 1 })]),
});
const grid = (m: ModelMaker): string => m.constant([-2.5, -1, -0.5, 0.5, 1.5, 2.5, 4, 0.25, -3, 7], [2, 5]);
const row = (m: ModelMaker, list: string): string =>
  m.node('ReduceSum', [m.node('Cast', [list], { to: 1 })], { keepdims: 0 });

const folded: OnnxCase[] = [
  ...['Abs', 'Neg', 'Exp', 'Sign', 'Floor', 'Ceil', 'Round', 'Sin', 'Cos', 'Tanh', 'Sigmoid', 'Relu', 'Reciprocal'].map(
    (op) => folding(op, (m) => m.node('Slice', [m.node(op, [grid(m)]), m.ints([0]), m.ints([1])])),
  ),
  ...['Log', 'Sqrt'].map((op) => folding(op, (m) => m.node(op, [m.positive(5)]))),
  ...['Add', 'Sub', 'Mul', 'Div', 'Pow', 'Max', 'Min', 'Sum', 'Mean'].map((op) =>
    folding(op, (m) => m.node(op, [m.positive(3, 1, 1), m.weights(5)])),
  ),
  folding('whole numbers divided', (m) => m.node('Div', [m.constant([-7, 7, 9, -9, 5], [5], 'int64'), m.ints(2)])),
  folding('Mod', (m) => m.node('Mod', [m.constant([-7, 7, 9, -9, 5], [5], 'int64'), m.ints(4)])),
  folding('Mod as C has it', (m) => m.node('Mod', [m.constant([-7, 7, 9.5, -9, 5]), m.scalar(4)], { fmod: 1 })),
  folding('Clip', (m) => m.node('Clip', [m.weights(5), m.scalar(-0.1), m.scalar(0.2)])),
  ...['Equal', 'Greater', 'GreaterOrEqual', 'Less', 'LessOrEqual'].map((op) =>
    folding(op, (m) => m.node(op, [m.ints([1, 2, 3, 4, 5]), m.ints([5, 2, 4, 1, 5])])),
  ),
  folding('And, Or, Not', (m) => {
    const [a, b] = [m.constant([1, 1, 0, 0, 1], [5], 'bool'), m.constant([1, 0, 1, 0, 1], [5], 'bool')];
    return m.node('Or', [m.node('And', [a, b]), m.node('Not', [m.node('Or', [a, b])])]);
  }),
  folding('Where', (m) =>
    m.node('Where', [m.constant([1, 0, 1, 0, 1], [5], 'bool'), m.weights(5), m.weights(3, 1, 1)]),
  ),
  folding('Shape, Gather, Unsqueeze, Concat, Reshape', (m, x) => {
    const height = m.node('Gather', [m.node('Shape', [x]), m.ints(2)]);
    const list = m.node('Concat', [m.node('Unsqueeze', [height, m.ints([0])]), m.ints([-1])], { axis: 0 });
    return m.node('Reshape', [
      m.weights(3, 30),
      m.node('Reshape', [m.node('Concat', [m.ints([3]), list], { axis: 0 }), m.ints([3])]),
    ]);
  }),
  folding('Shape from and to', (m, x) => row(m, m.node('Shape', [x], { start: 1, end: -1 }))),
  folding('Size', (m, x) => m.node('Size', [x])),
  folding('Size and Shape of constants', (m) => m.node('Add', [m.node('Size', [grid(m)]), row2(m)])),
  folding('ConstantOfShape', (m, x) =>
    m.node('ConstantOfShape', [m.node('Slice', [m.node('Shape', [x]), m.ints([1]), m.ints([4])])], {
      value: { tensor: { name: 'v', shape: [1], data: [0.5] } },
    }),
  ),
  folding('ConstantOfShape of zeros', (m) => m.node('ConstantOfShape', [m.ints([3, 1, 5])])),
  folding('Range', (m) => m.node('Range', [m.ints(7), m.ints(-3), m.ints(-2)])),
  folding('Range of fractions', (m) => m.node('Range', [m.scalar(0), m.scalar(1), m.scalar(0.2)])),
  folding('Expand', (m, x) => m.node('Expand', [m.weights(3, 1, 1), m.node('Shape', [x])])),
  folding('Tile', (m) => m.node('Tile', [m.weights(3, 2, 1), m.ints([1, 3, 5])])),
  folding('Transpose', (m) => m.node('Transpose', [m.weights(5, 6, 3)])),
  folding('Transpose of an order', (m) => m.node('Transpose', [m.weights(6, 3, 5)], { perm: [1, 0, 2] })),
  folding('Squeeze and Unsqueeze', (m) =>
    m.node('Unsqueeze', [m.node('Squeeze', [m.weights(3, 1, 1)]), m.ints([1, -1])]),
  ),
  folding('Flatten', (m) => m.node('Flatten', [m.weights(3, 2, 5)], { axis: 2 })),
  folding('Slice backwards', (m) =>
    m.node('Slice', [m.weights(12, 10), m.ints([-1, -1]), m.ints([-(2 ** 31), 0]), m.ints([0, 1]), m.ints([-2, -2])]),
  ),
  folding('Split', (m) => {
    m.node('Split', [m.weights(3, 12, 5), m.ints([5, 6, 1])], { axis: 1 }, ['sa', 'sb', 'sc']);
    return m.node('Add', ['sb', 'sc']);
  }),
  folding('Pad', (m) => m.node('Pad', [m.weights(1, 3), m.ints([2, 1, 3, 1]), m.scalar(0.5)])),
  folding('Gather of a table', (m) =>
    m.node('Gather', [m.weights(4, 5), m.constant([3, -1, 0, 1, 2, 2], [6], 'int64')]),
  ),
  folding('MatMul', (m) => m.node('MatMul', [m.weights(3, 6, 4), m.weights(4, 5)])),
  folding('MatMul of vectors', (m) => m.node('MatMul', [m.weights(4), m.weights(4, 5)])),
  folding('Dropout and Identity', (m) => m.node('Identity', [m.node('Dropout', [m.weights(5)])])),
  folding('Cast', (m) => row(m, m.node('Cast', [m.node('Cast', [grid(m)], { to: 7 })], { to: 9 })), 17),
  folding('CastLike', (m) => row(m, m.node('CastLike', [grid(m), m.ints(1)]))),
  ...['Sum', 'Mean', 'Max', 'Min', 'Prod', 'L1', 'L2', 'SumSquare', 'LogSumExp'].flatMap((op) => [
    folding(`Reduce${op}`, (m) =>
      op === 'Sum'
        ? m.node(`Reduce${op}`, [m.weights(3, 6, 5, 2), m.ints([3, 0])], { keepdims: 0 })
        : m.node(`Reduce${op}`, [m.weights(3, 6, 5, 2)], { axes: [3, 0], keepdims: 0 }),
    ),
    folding(`Reduce${op} of all`, (m) => m.node(`Reduce${op}`, [m.weights(3, 5)])),
  ]),
  folding('what has no arithmetic of its own', (m) => {
    const y = m.node('Softmax', [
      m.node('Gemm', [m.weights(6, 4), m.weights(4, 5), m.weights(5)], { alpha: float(0.5) }),
    ]);
    return m.node('Squeeze', [
      m.node('Resize', [m.node('Reshape', [y, m.ints([1, 1, 6, 5])]), '', m.constant([1, 1, 1, 1])]),
    ]);
  }),
  folding('an LSTM', (m) => {
    m.node('LSTM', [m.weights(6, 1, 3), m.weights(1, 20, 3), m.weights(1, 20, 5)], { hidden_size: 5 }, ['hs']);
    return m.node('Reshape', ['hs', m.ints([6, 5])]);
  }),
  folding('ReduceLogSum', (m) => m.node('ReduceLogSum', [m.positive(3, 6, 5)], { axes: [1] })),
  ...(
    [
      ['value_float', float(0.5)],
      ['value_floats', { floats: [1, 2, 3, 4, 5] }],
      ['value_int', 3],
      ['value_ints', [1, 2, 3, 4, 5]],
      ['value', { tensor: { name: 'v', shape: [5], data: [1, 2, 3, 4, 5], type: 'double' } }],
    ] as [string, TestAttribute][]
  ).map(([key, value]) => folding(`Constant ${key}`, (m) => m.node('Constant', [], { [key]: value }))),
];
function row2(m: ModelMaker): string {
  return m.node('Cast', [row(m, m.node('Shape', [grid(m)]))], { to: 7 });
}

const shapes: OnnxCase[] = [
  ...[-1, 0, 1, 2, 4].map((axis): OnnxCase => on('Flatten', { axis }, { onlyOpen: axis === 0 })),
  { name: 'Reshape', build: (m, x) => m.node('Tanh', [m.node('Reshape', [x, m.ints([0, 5, -1])])]) },
  {
    name: 'Reshape to a fixed batch of one',
    onlyOpen: true,
    build: (m, x) => m.node('Softsign', [m.node('Reshape', [x, m.ints([1, 90])])]),
  },
  {
    name: 'x.view(x.size(0), -1)',
    build: (m, x) => {
      const batch = m.node('Gather', [m.node('Shape', [x]), m.ints(0)]);
      const shape = m.node('Concat', [m.node('Unsqueeze', [batch, m.ints([0])]), m.ints([-1])], { axis: 0 });
      return m.node('Tanh', [m.node('Reshape', [x, shape])]);
    },
  },
  {
    name: 'Unsqueeze, Squeeze',
    build: (m, x) => m.node('Squeeze', [m.node('Exp', [m.node('Unsqueeze', [x, m.ints([2, -1])])]), m.ints([2])]),
  },
  { name: 'Unsqueeze before opset 13', opset: 11, build: (m, x) => m.node('Unsqueeze', [x], { axes: [0, 3] }) },
  on('Dropout', {}, { opset: 11 }),
  on('Dropout', { ratio: float(0.5) }, { opset: 9 }),
  {
    name: 'Dropout with a ratio as its input',
    build: (m, x) => m.node('Dropout', [x, m.scalar(0.4), m.constant([0], [], 'bool')]),
  },
  { name: 'Cast to double and back', build: (m, x) => m.node('Cast', [m.node('Cast', [x], { to: 11 })], { to: 1 }) },
  { name: 'Expand', build: (m, x) => m.node('Expand', [m.node('GlobalMaxPool', [x]), m.ints([1, 3, 2, 4])]) },
  { name: 'Expand by an axis', onlyOpen: true, build: (m, x) => m.node('Expand', [x, m.ints([2, 1, 3, 6, 5])]) },
  { name: 'Expand that changes nothing', build: (m, x) => m.node('Expand', [x, m.ints([3, 6, 5])]) },
  { name: 'Tile', build: (m, x) => m.node('Tile', [x, m.ints([1, 2, 1, 3])]) },
  ...[
    [0, 2, 3, 1],
    [0, 3, 2, 1],
    [0, 1, 3, 2],
    [0, 1, 2, 3],
  ].map((perm) => on('Transpose', { perm })),
  {
    name: 'Transpose and back',
    build: (m, x) =>
      m.node('Transpose', [m.node('Exp', [m.node('Transpose', [x], { perm: [0, 2, 3, 1] })])], { perm: [0, 3, 1, 2] }),
  },
  { name: 'Transpose, all axes', onlyOpen: true, build: (m, x) => m.node('Transpose', [x]) },
  {
    name: 'Transpose of the batch to the end',
    build: (m, x) =>
      m.node('Transpose', [m.node('Exp', [m.node('Transpose', [x], { perm: [1, 2, 3, 0] })])], { perm: [3, 0, 1, 2] }),
  },
  { name: 'Slice', build: (m, x) => m.node('Slice', [x, m.ints([1, -4]), m.ints([3, 2 ** 53 - 1]), m.ints([1, 2])]) },
  {
    name: 'Slice by steps',
    build: (m, x) => m.node('Slice', [x, m.ints([0, 4]), m.ints([6, 0]), m.ints([-2, -1]), m.ints([2, -2])]),
  },
  {
    name: 'Slice backwards',
    build: (m, x) => m.node('Slice', [x, m.ints([-1]), m.ints([-(2 ** 31)]), m.ints([3]), m.ints([-1])]),
  },
  {
    name: 'Slice of all axes in order',
    onlyOpen: true,
    build: (m, x) => m.node('Slice', [x, m.ints([0, 1, 2]), m.ints([1, 2, 3])]),
  },
  on('Slice', { starts: [1], ends: [-1], axes: [2] }, { opset: 9 }),
  on('Slice', { starts: [-2], ends: [2 ** 53], axes: [2] }, { opset: 9 }),
  { name: 'Gather of one row', build: (m, x) => m.node('Gather', [x, m.ints(-2)], { axis: 2 }) },
  { name: 'Gather of rows', build: (m, x) => m.node('Gather', [x, m.ints([2, 0, 0, 1, -1])], { axis: 2 }) },
  {
    name: 'Gather of a table of rows',
    build: (m, x) => m.node('Gather', [x, m.constant([2, 0, 1, 4, 3, 3], [2, 3], 'int64')], { axis: 3 }),
  },
  { name: 'Gather of every other row', build: (m, x) => m.node('Gather', [x, m.ints([1, 3, 5])], { axis: 2 }) },
  { name: 'Concat', build: (m, x) => m.node('Concat', [x, m.node('Exp', [x]), m.node('Neg', [x])], { axis: 1 }) },
  {
    name: 'Concat along the last axis',
    build: (m, x) =>
      m.node('Concat', [m.node('Exp', [x]), m.node('Slice', [x, m.ints([1]), m.ints([3]), m.ints([3])])], { axis: -1 }),
  },
  {
    name: 'Concat with constants',
    onlyOpen: true,
    build: (m, x) => m.node('Concat', [m.weights(1, 2, 6, 5), x, m.weights(1, 1, 6, 5)], { axis: 1 }),
  },
  {
    name: 'Concat with a constant that is the same for all',
    build: (m, x) => m.node('Concat', [x, m.node('Expand', [m.weights(1, 1, 6, 5), shapeWith(m, x, 1)])], { axis: 1 }),
  },
  {
    name: 'Split',
    build: (m, x) => {
      m.node('Split', [x, m.ints([1, 4])], { axis: 3 }, ['p', 'q']);
      return m.node('Mul', ['q', 'p']);
    },
  },
  {
    name: 'Split before opset 13, one part unused',
    opset: 11,
    build: (m, x) =>
      m.node('Exp', [
        m.node(
          'Split',
          [x],
          { axis: 2, split: [1, 2, 3] },
          ['', 'p', 'q'].map((n) => n || 'unused'),
        ) === 'unused'
          ? 'p'
          : 'q',
      ]),
  },
  {
    name: 'Split evenly',
    opset: 18,
    build: (m, x) => {
      m.node('Split', [x], { axis: 2, num_outputs: 4 }, ['p', 'q', 'r']);
      return m.node('Concat', ['r', 'p', 'q'], { axis: 2 });
    },
  },
  on('Pad', { pads: [0, 0, 1, 2, 0, 0, 3, 0] }, { opset: 9 }),
  on('Pad', { pads: [0, 1, 1, 2, 0, 0, 3, 0], value: float(-1.5) }, { opset: 9 }),
  on('Pad', { pads: [0, 0, -1, 2, 0, 0, 3, -2] }, { opset: 10 }),
  ...['reflect', 'edge'].map((mode): OnnxCase => ({
    name: `Pad ${mode}`,
    build: (m, x) => m.node('Pad', [x, m.ints([0, 0, 2, 1, 0, 0, 5, 3])], { mode }),
  })),
  {
    name: 'Pad wrap',
    opset: 19,
    build: (m, x) => m.node('Pad', [x, m.ints([0, 0, 2, 1, 0, 0, 5, 3])], { mode: 'wrap' }),
  },
  { name: 'Pad with a number', build: (m, x) => m.node('Pad', [x, m.ints([0, 1, 0, 2, 0, 0, 0, 1]), m.scalar(3)]) },
  {
    name: 'Pad with minus infinity',
    build: (m, x) =>
      m.node('MaxPool', [m.node('Pad', [x, m.ints([0, 0, 1, 1, 0, 0, 1, 1]), m.scalar(-Infinity)])], {
        kernel_shape: [3, 3],
      }),
  },
  {
    name: 'Pad of some axes',
    opset: 18,
    build: (m, x) => m.node('Pad', [x, m.ints([1, 2, 0, 1]), '', m.ints([-1, 2])]),
  },
  ...(['DCR', 'CRD'] as const).map((mode) =>
    on('DepthToSpace', { blocksize: 2, mode }, { opset: 11, input: [8, 3, 5] }),
  ),
  on('SpaceToDepth', { blocksize: 2 }, { input: [3, 6, 4] }),
];

/** The shape of a tensor, with another extent along an axis. */
function shapeWith(m: ModelMaker, x: string, axis: number): string {
  const shape = m.node('Shape', [x]);
  const part = (from: number, to: number): string => m.node('Slice', [shape, m.ints([from]), m.ints([to])]);
  return m.node('Concat', [part(0, axis), m.ints([1]), part(axis + 1, 9)], { axis: 0 });
}

const reductions: OnnxCase[] = [
  ...['Mean', 'Max', 'Min', 'L1', 'L2', 'SumSquare', 'LogSumExp'].flatMap((op) => [
    on(`Reduce${op}`, { axes: [2, 3] }),
    on(`Reduce${op}`, { axes: [1], keepdims: 0 }),
    on(`Reduce${op}`, { axes: [-1, 1], keepdims: 0 }),
  ]),
  on('ReduceLogSum', { axes: [2] }, { positive: true }),
  on('ReduceMean', {}, { onlyOpen: true }),
  on('ReduceSum', { axes: [1, 2] }, { opset: 11 }),
  { name: 'ReduceSum by an input', build: (m, x) => m.node('ReduceSum', [x, m.ints([1, -1])], { keepdims: 0 }) },
  { name: 'ReduceMax by an input', opset: 18, build: (m, x) => m.node('ReduceMax', [x, m.ints([3])], { keepdims: 0 }) },
  { name: 'ReduceSum of nothing', build: (m, x) => m.node('ReduceSum', [x], { noop_with_empty_axes: 1 }) },
  on('GlobalAveragePool'),
  on('GlobalMaxPool'),
  {
    name: 'GlobalAveragePool over three axes',
    input: [2, 12, 2],
    build: (m, x) => m.node('GlobalAveragePool', [m.node('Reshape', [x, m.ints([0, 2, 3, 4, 2])])]),
  },
];

const normalisations: OnnxCase[] = [
  {
    name: 'BatchNormalization',
    build: (m, x) =>
      m.node('BatchNormalization', [x, m.positive(3), m.weights(3), m.weights(3), m.positive(3)], {
        epsilon: float(1e-3),
      }),
  },
  {
    name: 'BatchNormalization of vectors, after a Gemm',
    build: (m, x) => {
      const y = m.node('Gemm', [m.node('Flatten', [x]), m.weights(7, 90), m.weights(7)], { transB: 1 });
      return m.node('BatchNormalization', [y, m.positive(7), m.weights(7), m.weights(7), m.positive(7)]);
    },
  },
  {
    name: 'BatchNormalization after a convolution',
    opset: 9,
    build: (m, x) => {
      const y = m.node('Conv', [x, m.weights(4, 3, 3, 3)]);
      return m.node('BatchNormalization', [y, m.positive(4), m.weights(4), m.weights(4), m.positive(4)], {
        momentum: float(0.9),
      });
    },
  },
  {
    name: 'InstanceNormalization',
    build: (m, x) => m.node('InstanceNormalization', [x, m.positive(3), m.weights(3)], { epsilon: float(0.01) }),
  },
  ...[-1, 1, 2].map((axis): OnnxCase => ({
    name: `LayerNormalization from axis ${axis}`,
    build: (m, x) => {
      const shape = [3, 6, 5].slice(axis < 0 ? axis : axis - 1);
      return m.node('LayerNormalization', [x, m.positive(...shape), m.weights(...shape)], {
        axis,
        epsilon: float(0.01),
      });
    },
  })),
  { name: 'LayerNormalization without a shift', build: (m, x) => m.node('LayerNormalization', [x, m.positive(5)]) },
  {
    name: 'GroupNormalization by channel',
    opset: 21,
    input: [6, 4, 3],
    build: (m, x) => m.node('GroupNormalization', [x, m.positive(6), m.weights(6)], { num_groups: 3 }),
  },
  {
    name: 'GroupNormalization by group',
    opset: 18,
    input: [6, 4, 3],
    build: (m, x) => m.node('GroupNormalization', [x, m.positive(3), m.weights(3)], { num_groups: 3 }),
  },
  ...[3, 5].map((size) =>
    on('LRN', { size, alpha: float(0.9), beta: float(0.75), bias: float(1.5) }, { input: [7, 3, 2] }),
  ),
];

interface Window {
  readonly w: readonly number[];
  readonly input?: readonly number[];
  readonly attributes?: Attributes;
}
const CONVOLUTIONS: readonly Window[] = [
  { w: [4, 3, 3, 3], attributes: { pads: [1, 1, 1, 1] } },
  { w: [4, 3, 3, 2], attributes: { strides: [2, 1], pads: [0, 1, 2, 0], kernel_shape: [3, 2] } },
  { w: [4, 3, 2, 2], attributes: { dilations: [2, 3] } },
  { w: [6, 2, 3, 3], input: [4, 6, 5], attributes: { group: 2 } },
  { w: [4, 1, 3, 3], input: [4, 6, 5], attributes: { group: 4, pads: [1, 1, 1, 1] } },
  { w: [4, 3, 3, 3], attributes: { auto_pad: 'SAME_UPPER', strides: [2, 2] } },
  { w: [4, 3, 4, 4], attributes: { auto_pad: 'SAME_LOWER', strides: [2, 1] } },
  { w: [4, 3, 2, 2], attributes: { auto_pad: 'VALID', strides: [2, 2] } },
  { w: [4, 3, 1, 1] },
  { w: [4, 2, 3, 3, 3], input: [2, 5, 6, 4], attributes: { pads: [1, 1, 1, 1, 1, 1] } },
  {
    w: [4, 2, 3, 2, 3],
    input: [2, 7, 6, 5],
    attributes: { strides: [2, 1, 2], pads: [1, 0, 1, 2, 1, 0], dilations: [2, 1, 1] },
  },
  { w: [4, 2, 1, 3, 3], input: [2, 4, 5, 5] },
  { w: [6, 2, 3, 1, 1], input: [4, 5, 3, 3], attributes: { group: 2 } },
  { w: [4, 1, 3, 3, 3], input: [4, 5, 4, 4], attributes: { group: 4, strides: [2, 2, 2], pads: [1, 1, 1, 1, 1, 1] } },
];
const TRANSPOSES: readonly Window[] = [
  { w: [3, 2, 4, 4], attributes: { strides: [2, 2], pads: [1, 1, 1, 1] } },
  { w: [3, 2, 3, 3], attributes: { strides: [2, 2], pads: [1, 1, 1, 1], output_padding: [1, 1] } },
  { w: [3, 2, 3, 3], attributes: { strides: [3, 2], dilations: [1, 2] } },
  { w: [4, 2, 3, 3], input: [4, 3, 3], attributes: { group: 2, strides: [2, 2] } },
  { w: [3, 2, 3, 3], attributes: { strides: [2, 2], output_shape: [12, 10] } },
  { w: [3, 2, 3, 3], attributes: { strides: [2, 2], output_shape: [12, 10], auto_pad: 'SAME_UPPER' } },
  { w: [3, 2, 3, 3], attributes: { strides: [2, 2], auto_pad: 'SAME_UPPER' } },
  { w: [3, 2, 3, 3], attributes: { strides: [2, 2], auto_pad: 'SAME_LOWER' } },
  {
    w: [2, 3, 3, 3, 3],
    input: [2, 3, 4, 3],
    attributes: { strides: [2, 2, 2], pads: [1, 1, 1, 1, 1, 1], output_padding: [1, 1, 1] },
  },
  { w: [4, 2, 2, 3, 2], input: [4, 3, 3, 2], attributes: { group: 2, strides: [1, 2, 1], dilations: [2, 1, 1] } },
  { w: [2, 3, 4, 4, 4], input: [2, 2, 3, 3], attributes: { strides: [2, 2, 2], pads: [1, 1, 1, 1, 1, 1] } },
  { w: [2, 3, 1, 2, 2], input: [2, 3, 3, 3], attributes: { strides: [3, 2, 2], pads: [0, 0, 0, 0, 0, 0] } },
];
/** [N, C, ...] of the case's input under another number of axes, for which the network's own input is a picture. */
function places(m: ModelMaker, x: string, input: readonly number[]): string {
  return input.length === 3 ? x : m.node('Reshape', [x, m.ints([0, ...input.slice(0, 1), ...input.slice(1)])]);
}
const pictureFor = (input: readonly number[]): readonly number[] =>
  input.length === 4
    ? [input[0]!, input[1]! * input[2]!, input[3]!]
    : input.length === 2
      ? [1, input[0]!, input[1]!]
      : input;

const windowCase = (op: string, { w, input = [3, 6, 5], attributes = {} }: Window): OnnxCase => ({
  name: `${op} ${w} over ${input} ${JSON.stringify(attributes)}`,
  input: pictureFor(input),
  build: (m, x) => {
    const outputs = op === 'Conv' ? w[0]! : w[1]! * Number(attributes['group'] ?? 1);
    return m.node(op, [places(m, x, input), m.weights(...w), m.weights(outputs)], attributes);
  },
});
const convolutions: OnnxCase[] = [
  ...CONVOLUTIONS.map((window) => windowCase('Conv', window)),
  ...TRANSPOSES.map((window) => windowCase('ConvTranspose', window)),
  windowCase('Conv', { w: [4, 3, 3], input: [3, 9], attributes: { pads: [1, 2], strides: [2] } }),
  windowCase('ConvTranspose', { w: [3, 2, 4], input: [3, 9], attributes: { pads: [1, 1], strides: [2] } }),
  {
    name: 'Conv and ConvTranspose without biases',
    build: (m, x) => m.node('ConvTranspose', [m.node('Conv', [x, m.weights(4, 3, 2, 2)]), m.weights(4, 2, 2, 2)]),
  },
  {
    name: "Conv over pictures that are the model's own batch",
    onlyOpen: true,
    build: (m, x) => m.node('Conv', [m.node('Reshape', [x, m.ints([3, 1, 6, 5])]), m.weights(2, 1, 3, 3)]),
  },
];

const poolCases = (op: string, attributes: Attributes): OnnxCase =>
  on(op, { kernel_shape: [3, 3], ...attributes }, { input: [2, 7, 8], opset: 11 });
const pools: OnnxCase[] = [
  ...['MaxPool', 'AveragePool'].flatMap((op) => [
    poolCases(op, {}),
    poolCases(op, { strides: [2, 2], pads: [1, 1, 1, 1] }),
    poolCases(op, { strides: [2, 2], pads: [1, 0, 0, 1] }),
    poolCases(op, { kernel_shape: [2, 2], strides: [2, 2], ceil_mode: 1 }),
    // A last window that would begin in the padding is none.
    on(
      op,
      { kernel_shape: [2, 2], strides: [3, 3], pads: [1, 1, 1, 1], ceil_mode: 1 },
      { input: [2, 4, 7], opset: 11 },
    ),
    poolCases(op, { strides: [2, 2], pads: [1, 1, 1, 1], ceil_mode: 1, kernel_shape: [3, 2] }),
    poolCases(op, { auto_pad: 'SAME_UPPER', strides: [2, 2] }),
    poolCases(op, { auto_pad: 'SAME_LOWER', strides: [2, 3] }),
    ...[2, 4].map((rank): OnnxCase => {
      const input = rank === 2 ? [3, 11] : [2, 5, 4, 6];
      const n = rank - 1;
      const attributes = {
        kernel_shape: Array<number>(n).fill(3),
        strides: Array<number>(n).fill(2),
        pads: Array<number>(2 * n).fill(1),
      };
      return {
        name: `${op} over ${n} axes of places`,
        input: pictureFor(input),
        build: (m, x) => m.node(op, [places(m, x, input)], attributes),
      };
    }),
  ]),
  poolCases('AveragePool', { count_include_pad: 1, pads: [1, 1, 1, 1] }),
  poolCases('AveragePool', { count_include_pad: 1, pads: [1, 0, 2, 1], strides: [2, 2] }),
  poolCases('AveragePool', { count_include_pad: 1, pads: [1, 1, 1, 1], strides: [2, 3], ceil_mode: 1 }),
];

const resize = (name: string, attributes: Attributes, scales: readonly number[], opset = 13): OnnxCase => ({
  name: `Resize ${name} by ${scales}`,
  opset,
  build: (m, x) => m.node('Resize', [x, m.constant([]), m.constant([1, 1, ...scales])], attributes),
});
const resizeTo = (name: string, attributes: Attributes, sizes: readonly number[], opset = 13): OnnxCase => ({
  name: `Resize ${name} to ${sizes}`,
  opset,
  build: (m, x) => {
    const batch = m.node('Slice', [m.node('Shape', [x]), m.ints([0]), m.ints([2])]);
    return m.node('Resize', [x, '', '', m.node('Concat', [batch, m.ints(sizes)], { axis: 0 })], attributes);
  },
});
const MODES = ['half_pixel', 'pytorch_half_pixel', 'align_corners', 'asymmetric'];
const resizes: OnnxCase[] = [
  ...MODES.flatMap((mode) => [
    resize(`linear ${mode}`, { mode: 'linear', coordinate_transformation_mode: mode }, [2, 3]),
    resizeTo(`linear ${mode}`, { mode: 'linear', coordinate_transformation_mode: mode }, [4, 8]),
    resizeTo(`cubic ${mode}`, { mode: 'cubic', coordinate_transformation_mode: mode }, [9, 3]),
  ]),
  ...['floor', 'ceil', 'round_prefer_floor', 'round_prefer_ceil'].flatMap((nearest_mode) => [
    resizeTo(`nearest ${nearest_mode}`, { nearest_mode, coordinate_transformation_mode: 'half_pixel' }, [9, 3]),
    resize(`nearest ${nearest_mode}`, { nearest_mode, coordinate_transformation_mode: 'asymmetric' }, [2, 2]),
  ]),
  resize(
    'nearest as PyTorch writes it',
    { mode: 'nearest', coordinate_transformation_mode: 'asymmetric', nearest_mode: 'floor' },
    [3, 2],
    11,
  ),
  resize('nearest of all kinds', { nearest_mode: 'floor' }, [1.5, 2], 17),
  resizeTo('to one place', { mode: 'linear', coordinate_transformation_mode: 'pytorch_half_pixel' }, [1, 1]),
  resize('linear by fractions', { mode: 'linear' }, [1.7, 0.6]),
  resize(
    'half_pixel_symmetric',
    { mode: 'linear', coordinate_transformation_mode: 'half_pixel_symmetric' },
    [1.7, 0.6],
    19,
  ),
  resize(
    'tf_half_pixel_for_nn',
    { coordinate_transformation_mode: 'tf_half_pixel_for_nn', nearest_mode: 'floor' },
    [2, 2],
    11,
  ),
  {
    name: 'Resize of some axes',
    opset: 18,
    build: (m, x) => m.node('Resize', [x, '', m.constant([2, 3])], { axes: [3, 2], mode: 'linear' }),
  },
  ...['nearest', 'linear'].flatMap((mode): OnnxCase[] => [
    {
      name: `Upsample ${mode}, opset 9`,
      opset: 9,
      build: (m, x) => m.node('Upsample', [x, m.constant([1, 1, 2, 3])], { mode }),
    },
    {
      name: `Resize ${mode}, opset 10`,
      opset: 10,
      build: (m, x) => m.node('Resize', [x, m.constant([1, 1, 2, 3])], { mode }),
    },
  ]),
];

const gemm = (attributes: Attributes, b: readonly number[], c: readonly number[] | null): OnnxCase => ({
  name: `Gemm ${JSON.stringify(attributes)} ${b}, ${c}`,
  build: (m, x) =>
    m.node('Gemm', [m.node('Flatten', [x]), m.weights(...b), ...(c ? [m.weights(...c)] : [])], attributes),
});
const products: OnnxCase[] = [
  gemm({ transB: 1 }, [4, 90], [4]),
  gemm({}, [90, 4], [1, 4]),
  gemm({ transB: 1, alpha: float(0.5), beta: float(2) }, [4, 90], [1]),
  gemm({ transB: 1 }, [4, 90], null),
  {
    name: 'Gemm with the first factor transposed',
    onlyOpen: true,
    build: (m, x) =>
      m.node('Gemm', [m.node('Reshape', [x, m.ints([18, 5])]), m.weights(18, 4), m.weights(5, 1)], { transA: 1 }),
  },
  {
    name: 'Gemm of a constant times what is computed',
    onlyOpen: true,
    build: (m, x) =>
      m.node('Gemm', [m.weights(4, 18), m.node('Reshape', [x, m.ints([18, 5])]), m.weights(5)], { beta: float(0) }),
  },
  {
    name: 'Gemm of two that are computed',
    onlyOpen: true,
    build: (m, x) => {
      const y = m.node('Reshape', [x, m.ints([18, 5])]);
      return m.node('Gemm', [m.node('Exp', [y]), y, m.scalar(1)], { transA: 0, transB: 1, beta: float(0) });
    },
  },
  {
    name: 'MatMul with the same numbers in two shapes',
    build: (m, x) => {
      const weights = m.weights(5, 6);
      const other = m.node('Reshape', [weights, m.ints([6, 5])]);
      return m.node('MatMul', [m.node('MatMul', [x, weights]), other]);
    },
  },
  { name: 'MatMul with weights', build: (m, x) => m.node('MatMul', [x, m.weights(5, 4)]) },
  {
    name: 'MatMul of vectors with weights',
    build: (m, x) => m.node('MatMul', [m.node('Flatten', [x]), m.weights(90, 4)]),
  },
  { name: 'MatMul with a vector', build: (m, x) => m.node('MatMul', [x, m.weights(5)]) },
  { name: 'MatMul of weights with what is computed', build: (m, x) => m.node('MatMul', [m.weights(4, 6), x]) },
  { name: 'MatMul of a vector with what is computed', build: (m, x) => m.node('MatMul', [m.weights(6), x]) },
  { name: 'MatMul with weights of each channel', build: (m, x) => m.node('MatMul', [x, m.weights(3, 5, 4)]) },
  { name: 'MatMul of weights of each channel', build: (m, x) => m.node('MatMul', [m.weights(1, 3, 4, 6), x]) },
  {
    name: 'attention',
    build: (m, x) => {
      const keys = m.node('Transpose', [m.node('Exp', [x])], { perm: [0, 1, 3, 2] });
      const share = m.node('Softmax', [m.node('MatMul', [x, keys])], { axis: -1 });
      return m.node('MatMul', [share, m.node('Tanh', [x])]);
    },
  },
  {
    name: 'MatMul that broadcasts',
    build: (m, x) =>
      m.node('MatMul', [x, m.node('Transpose', [m.node('ReduceMean', [x], { axes: [1] })], { perm: [0, 1, 3, 2] })]),
  },
];

/** A recurrent layer over the rows of the picture, whose batch is the lanes' own. */
const recurrent = (
  op: string,
  name: string,
  attributes: Attributes,
  more: { biases?: boolean; start?: boolean; output?: number; opset?: number } = {},
): OnnxCase => ({
  name: `${op} over the rows of pictures, ${name}`,
  onlyOpen: more.start === true,
  ...(more.opset !== undefined && { opset: more.opset }),
  build: (m, x) => {
    const gates = (op === 'LSTM' ? 4 : 3) * 4;
    const directions = attributes['direction'] === 'bidirectional' ? 2 : 1;
    const rows = m.node('Transpose', [m.node('Reshape', [x, m.ints([0, 6, 15])])], { perm: [1, 0, 2] });
    const inputs = [rows, m.weights(directions, gates, 15), m.weights(directions, gates, 4)];
    if (more.biases !== false) inputs.push(m.weights(directions, 2 * gates));
    if (more.start)
      inputs.push('', m.weights(directions, 1, 4), ...(op === 'LSTM' ? [m.weights(directions, 1, 4)] : []));
    const names = ['all', 'last', 'cell'].slice(0, op === 'LSTM' ? 3 : 2);
    m.node(op, inputs, { hidden_size: 4, ...attributes }, names);
    // The batch is the second axis from the end; put it first.
    const output = names[more.output ?? 0]!;
    return m.node('Transpose', [output], { perm: output === 'all' ? [2, 0, 1, 3] : [1, 0, 2] });
  },
});
const recurrents: OnnxCase[] = [
  ...['LSTM', 'GRU'].flatMap((op) => [
    recurrent(op, 'forward', {}),
    recurrent(op, 'reverse', { direction: 'reverse' }),
    recurrent(op, 'both ways', { direction: 'bidirectional' }),
    recurrent(op, 'both ways, last step', { direction: 'bidirectional' }, { output: 1 }),
    recurrent(op, 'reverse, last step', { direction: 'reverse' }, { output: 1, biases: false }),
    recurrent(op, 'from a given state', { direction: 'bidirectional' }, { start: true }),
    recurrent(op, 'opset 9', {}, { opset: 9 }),
  ]),
  recurrent('LSTM', 'cell of both ways', { direction: 'bidirectional' }, { output: 2 }),
  recurrent('LSTM', 'cell from a given state', {}, { output: 2, start: true }),
  recurrent('LSTM', 'activations spelt out', { activations: { strings: ['Sigmoid', 'Tanh', 'Tanh'] } }),
  ...['forward', 'bidirectional'].map((direction) =>
    recurrent('GRU', `${direction}, reset after the product`, { linear_before_reset: 1, direction }),
  ),
  recurrent('GRU', 'reset after the product, from a given state', { linear_before_reset: 1 }, { start: true }),
  {
    name: 'an LSTM over the channels of pictures whose rows are its batch',
    onlyOpen: true,
    build: (m, x) => {
      const rows = m.node('Reshape', [x, m.ints([3, 6, 5])]);
      m.node(
        'LSTM',
        [rows, m.weights(2, 16, 5), m.weights(2, 16, 4), m.weights(2, 32)],
        { hidden_size: 4, direction: 'bidirectional' },
        ['all'],
      );
      return 'all';
    },
  },
  {
    name: 'an LSTM that starts where another one ended',
    build: (m, x) => {
      const rows = m.node('Transpose', [m.node('Reshape', [x, m.ints([0, 6, 15])])], { perm: [1, 0, 2] });
      const weights = (): string[] => [m.weights(1, 16, 15), m.weights(1, 16, 4), m.weights(1, 32)];
      m.node('LSTM', [rows, ...weights()], { hidden_size: 4 }, ['', 'h', 'c']);
      m.node('LSTM', [m.node('Neg', [rows]), ...weights(), '', 'h', 'c'], { hidden_size: 4 }, ['', 'last']);
      return m.node('Transpose', ['last'], { perm: [1, 0, 2] });
    },
  },
];

export const ONNX_CASES: readonly OnnxCase[] = [
  ...activations,
  ...softmaxes,
  ...elementwise,
  ...folded,
  ...shapes,
  ...reductions,
  ...normalisations,
  ...convolutions,
  ...pools,
  ...resizes,
  ...products,
  ...recurrents,
];
