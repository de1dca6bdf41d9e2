/** Elementwise ops of one and of two tensors. Those of two broadcast as numpy does. */
import type { GraphBuilder, TensorType, Value } from '../graph/graph.js';
import { broadcastShape, broadcastStrides, sameShape, sizeOf, stridesOf, type Shape } from '../graph/shape.js';
import { defineOp, type GradientContext, type NdArray, type OpDefinition } from './definition.js';
import { sumTo } from './reduce.js';
import { elementwiseRows } from './rows.js';
import type * as tfjs from '@tensorflow/tfjs';

type None = Record<string, never>;
const none: None = {};

/** Calls `visit` with the flat index of the output and those of both inputs, under broadcasting. */
function forEachPair(a: Shape, b: Shape, out: Shape, visit: (o: number, i: number, j: number) => void): void {
  const strides = stridesOf(out);
  const sa = broadcastStrides(a, out);
  const sb = broadcastStrides(b, out);
  const size = sizeOf(out);
  for (let o = 0; o < size; o++) {
    let rest = o;
    let i = 0;
    let j = 0;
    for (let axis = 0; axis < out.length; axis++) {
      const index = Math.floor(rest / strides[axis]!);
      rest -= index * strides[axis]!;
      i += index * sa[axis]!;
      j += index * sb[axis]!;
    }
    visit(o, i, j);
  }
}

interface BinarySpec {
  readonly onnx: string;
  /** ONNX Runtime's kernel for WebGPU fails when it runs on shapes that broadcast. */
  readonly alikeOnWebgpu?: boolean;
  readonly compute: (a: number, b: number) => number;
  readonly tfjs: (tf: typeof tfjs, a: tfjs.Tensor, b: tfjs.Tensor) => tfjs.Tensor;
  readonly gradient: (
    b: GraphBuilder,
    g: Value,
    x: Value,
    y: Value,
    out: Value,
    wants: readonly boolean[],
  ) => [Value | null, Value | null];
}

function binary(name: string, spec: BinarySpec): OpDefinition<None> {
  return defineOp<None>({
    name,
    infer: ([x, y]) => [{ shape: broadcastShape(x!.shape, y!.shape, name), dtype: 'float32' }],
    gradient({ b, inputs, outputs, grads, wants }: GradientContext<None>) {
      const [x, y] = inputs as [Value, Value];
      const both = spec.gradient(b, grads[0]!, x, y, outputs[0]!, wants);
      return both.map((grad, i) => (grad && wants[i] ? sumTo(b, grad, inputs[i]!.shape) : null));
    },
    reference([x, y], _, [out]) {
      const data = new Float64Array(sizeOf(out!.shape));
      forEachPair(x!.shape, y!.shape, out!.shape, (o, i, j) => {
        data[o] = spec.compute(x!.data[i]!, y!.data[j]!);
      });
      return [data];
    },
    onnx(c) {
      const { shape } = c.outputTypes[0]!;
      const alike = spec.alikeOnWebgpu === true && c.device === 'webgpu';
      const inputs = c.inputs.map((input, i) =>
        alike && !sameShape(c.inputTypes[i]!.shape, shape) ? c.node('Expand', [input, c.integers(shape)]) : input,
      );
      c.node(spec.onnx, inputs, {}, c.outputs[0]);
    },
    tfjs: ({ tf, inputs }) => [spec.tfjs(tf, inputs[0]!, inputs[1]!)],
    rows: elementwiseRows,
  });
}

const AddOp = binary('Add', {
  onnx: 'Add',
  compute: (x, y) => x + y,
  tfjs: (tf, x, y) => tf.add(x, y),
  gradient: (_, g) => [g, g],
});
const SubOp = binary('Sub', {
  onnx: 'Sub',
  compute: (x, y) => x - y,
  tfjs: (tf, x, y) => tf.sub(x, y),
  gradient: (b, g, _x, _y, _o, wants) => [g, wants[1] ? neg(b, g) : null],
});
const MulOp = binary('Mul', {
  onnx: 'Mul',
  compute: (x, y) => x * y,
  tfjs: (tf, x, y) => tf.mul(x, y),
  gradient: (b, g, x, y, _o, wants) => [wants[0] ? mul(b, g, y) : null, wants[1] ? mul(b, g, x) : null],
});
const DivOp = binary('Div', {
  onnx: 'Div',
  compute: (x, y) => x / y,
  tfjs: (tf, x, y) => tf.div(x, y),
  gradient: (b, g, _x, y, out, wants) => [
    wants[0] ? div(b, g, y) : null,
    wants[1] ? neg(b, div(b, mul(b, g, out), y)) : null,
  ],
});
/** Gradient of the larger (smaller) of two goes to that one; to the first on ties. */
function selecting(name: 'Max' | 'Min', compute: (x: number, y: number) => number): OpDefinition<None> {
  return binary(name, {
    onnx: name,
    compute,
    tfjs: (tf, x, y) => (name === 'Max' ? tf.maximum(x, y) : tf.minimum(x, y)),
    gradient: (b, g, x, y) => {
      const first = name === 'Max' ? notLess(b, x, y) : notLess(b, y, x);
      const toFirst = mul(b, g, first);
      return [toFirst, sub(b, g, toFirst)];
    },
  });
}
const MaxOp = selecting('Max', Math.max);
const MinOp = selecting('Min', Math.min);

/** x to the power y; the gradient to y is that for x > 0. */
const PowOp = binary('Pow', {
  onnx: 'Pow',
  alikeOnWebgpu: true,
  compute: (x, y) => x ** y,
  tfjs: (tf, x, y) => tf.pow(x, y),
  gradient: (b, g, x, y, out, wants) => [
    wants[0] ? mul(b, g, mul(b, y, pow(b, x, sub(b, y, b.scalar(1))))) : null,
    wants[1] ? mul(b, g, mul(b, out, log(b, x))) : null,
  ],
});

/** 1 where x >= y, else 0; its derivative is zero. */
const NotLessOp = defineOp<None>({
  name: 'NotLess',
  infer: ([x, y]) => [{ shape: broadcastShape(x!.shape, y!.shape, 'NotLess'), dtype: 'float32' }],
  gradient: () => [null, null],
  reference([x, y], _, [out]) {
    const data = new Float64Array(sizeOf(out!.shape));
    forEachPair(x!.shape, y!.shape, out!.shape, (o, i, j) => {
      data[o] = x!.data[i]! >= y!.data[j]! ? 1 : 0;
    });
    return [data];
  },
  onnx(c) {
    c.node('Cast', [c.node('GreaterOrEqual', c.inputs)], { to: 1 }, c.outputs[0]);
  },
  tfjs: ({ tf, inputs }) => [tf.cast(tf.greaterEqual(inputs[0]!, inputs[1]!), 'float32')],
  rows: elementwiseRows,
});

interface UnarySpec {
  readonly onnx: string;
  readonly compute: (x: number) => number;
  readonly tfjs: (tf: typeof tfjs, x: tfjs.Tensor) => tfjs.Tensor;
  /** Absent: the derivative is zero everywhere. */
  readonly gradient?: (b: GraphBuilder, g: Value, x: Value, y: Value) => Value;
}

function unary(name: string, spec: UnarySpec): OpDefinition<None> {
  const { gradient } = spec;
  return defineOp<None>({
    name,
    infer: ([x]: readonly TensorType[]) => [{ shape: x!.shape, dtype: 'float32' }],
    gradient: ({ b, inputs, outputs, grads }: GradientContext<None>) => [
      gradient ? gradient(b, grads[0]!, inputs[0]!, outputs[0]!) : null,
    ],
    reference: ([x]: readonly NdArray[]) => [x!.data.map(spec.compute)],
    onnx(c) {
      c.node(spec.onnx, c.inputs, {}, c.outputs[0]);
    },
    tfjs: ({ tf, inputs }) => [spec.tfjs(tf, inputs[0]!)],
    rows: elementwiseRows,
  });
}

const NegOp = unary('Neg', { onnx: 'Neg', compute: (x) => -x, tfjs: (tf, x) => tf.neg(x), gradient: neg });
const ExpOp = unary('Exp', {
  onnx: 'Exp',
  compute: Math.exp,
  tfjs: (tf, x) => tf.exp(x),
  gradient: (b, g, _, y) => mul(b, g, y),
});
const LogOp = unary('Log', {
  onnx: 'Log',
  compute: Math.log,
  tfjs: (tf, x) => tf.log(x),
  gradient: (b, g, x) => div(b, g, x),
});
const SqrtOp = unary('Sqrt', {
  onnx: 'Sqrt',
  compute: Math.sqrt,
  tfjs: (tf, x) => tf.sqrt(x),
  gradient: (b, g, _, y) => div(b, mul(b, g, b.scalar(0.5)), y),
});
const AbsOp = unary('Abs', {
  onnx: 'Abs',
  compute: Math.abs,
  tfjs: (tf, x) => tf.abs(x),
  gradient: (b, g, x) => mul(b, g, sign(b, x)),
});
const SignOp = unary('Sign', { onnx: 'Sign', compute: Math.sign, tfjs: (tf, x) => tf.sign(x) });
const FloorOp = unary('Floor', { onnx: 'Floor', compute: Math.floor, tfjs: (tf, x) => tf.floor(x) });
const TanhOp = unary('Tanh', {
  onnx: 'Tanh',
  compute: Math.tanh,
  tfjs: (tf, x) => tf.tanh(x),
  gradient: (b, g, _, y) => mul(b, g, sub(b, b.scalar(1), mul(b, y, y))),
});
const SigmoidOp = unary('Sigmoid', {
  onnx: 'Sigmoid',
  compute: (x) => 1 / (1 + Math.exp(-x)),
  tfjs: (tf, x) => tf.sigmoid(x),
  gradient: (b, g, _, y) => mul(b, g, mul(b, y, sub(b, b.scalar(1), y))),
});

export const add = (b: GraphBuilder, x: Value, y: Value): Value => b.node(AddOp, [x, y], none)[0]!;
export const sub = (b: GraphBuilder, x: Value, y: Value): Value => b.node(SubOp, [x, y], none)[0]!;
export const mul = (b: GraphBuilder, x: Value, y: Value): Value => b.node(MulOp, [x, y], none)[0]!;
export const div = (b: GraphBuilder, x: Value, y: Value): Value => b.node(DivOp, [x, y], none)[0]!;
export const max = (b: GraphBuilder, x: Value, y: Value): Value => b.node(MaxOp, [x, y], none)[0]!;
export const min = (b: GraphBuilder, x: Value, y: Value): Value => b.node(MinOp, [x, y], none)[0]!;
/** x to the power y, element by element; `power` of `power.ts` is faster where y is one constant. */
export const pow = (b: GraphBuilder, x: Value, y: Value): Value => b.node(PowOp, [x, y], none)[0]!;
export const notLess = (b: GraphBuilder, x: Value, y: Value): Value => b.node(NotLessOp, [x, y], none)[0]!;
export function neg(b: GraphBuilder, x: Value): Value {
  return b.node(NegOp, [x], none)[0]!;
}
export const exp = (b: GraphBuilder, x: Value): Value => b.node(ExpOp, [x], none)[0]!;
export const log = (b: GraphBuilder, x: Value): Value => b.node(LogOp, [x], none)[0]!;
export const sqrt = (b: GraphBuilder, x: Value): Value => b.node(SqrtOp, [x], none)[0]!;
export const abs = (b: GraphBuilder, x: Value): Value => b.node(AbsOp, [x], none)[0]!;
export const sign = (b: GraphBuilder, x: Value): Value => b.node(SignOp, [x], none)[0]!;
/** The largest whole number that is not above x; its derivative is zero. */
export const floor = (b: GraphBuilder, x: Value): Value => b.node(FloorOp, [x], none)[0]!;
export const tanh = (b: GraphBuilder, x: Value): Value => b.node(TanhOp, [x], none)[0]!;
export const sigmoid = (b: GraphBuilder, x: Value): Value => b.node(SigmoidOp, [x], none)[0]!;

export const elementwiseOps = [
  AddOp,
  SubOp,
  MulOp,
  DivOp,
  MaxOp,
  MinOp,
  PowOp,
  NotLessOp,
  NegOp,
  ExpOp,
  LogOp,
  SqrtOp,
  AbsOp,
  SignOp,
  FloorOp,
  TanhOp,
  SigmoidOp,
];
