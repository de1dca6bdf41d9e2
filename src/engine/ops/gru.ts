/**
 * The recurrent part of a GRU layer and its gradient. The input projection (x W + b) is made outside, once for all time
 * steps, as for the LSTM. Gates in the order z (update), r (reset), h (candidate), as Keras and ONNX have them:
 *   z = s(x_z + U_z h),  r = s(x_r + U_r h),  h' = z h + (1 - z) u  with the candidate
 *   u = tanh(x_h + U_h (r h))          (Cho et al. 2014; Keras reset_after=false, ONNX linear_before_reset=0), or
 *   u = tanh(x_h + r (U_h h + b_h))    (cuDNN, PyTorch, Keras reset_after=true, ONNX linear_before_reset=1).
 */
import type { GraphBuilder, Value } from '../graph/graph.js';
import { showShape, sizeOf } from '../graph/shape.js';
import { NeuroreelError } from '../../protocol/errors.js';
import { defineOp, type GradientContext, type NdArray, type OnnxContext, type OnnxWriter } from './definition.js';
import { add, mul } from './elementwise.js';
import { concat, padAxis, reshape, sliceAxis } from './layout.js';
import { matmul } from './matmul.js';
import { everything, wholeBox } from './reach.js';
import { sum } from './reduce.js';
import type * as tfjs from '@tensorflow/tfjs';

type GruAttributes = { resetAfter: boolean };

const logistic = (x: number): number => 1 / (1 + Math.exp(-x));

/**
 * Inputs: projected gates [T, N, 3H], recurrent weights [3H, H], where `resetAfter` optionally the recurrent bias [3H].
 * The state starts at zero. Outputs: hidden [T, N, H]; activated gates z, r, u [T, N, 3H]; and what the candidate's
 * reset was between [T, N, H]: U_h h + b_h where `resetAfter`, else r h.
 */
const GruOp = defineOp<GruAttributes>({
  name: 'Gru',
  infer([x, w, bias], { resetAfter }) {
    const [t, n, g] = x!.shape;
    const h = g! / 3;
    const fits = x!.shape.length === 3 && w!.shape.length === 2 && w!.shape[0] === g && w!.shape[1] === h;
    if (!fits || (bias && !(resetAfter && sizeOf(bias.shape) === g))) {
      throw new NeuroreelError('GRAPH_INVALID', `Gru: gates ${showShape(x!.shape)}, weights ${showShape(w!.shape)}.`);
    }
    const state = { shape: [t!, n!, h], dtype: 'float32' as const };
    return [state, { shape: x!.shape, dtype: 'float32' }, state];
  },
  gradient(context) {
    const { b, inputs, outputs, grads, wants, attributes } = context;
    const [hidden, gates, inner] = outputs as [Value, Value, Value];
    // Only the hidden states are given out by `gru`, so nothing can depend on the other outputs.
    if (!grads[0]) return inputs.map(() => null);
    const dx = b.node(GruGradOp, [grads[0], gates, hidden, inner, inputs[1]!], attributes)[0]!;
    if (!wants[1] && !wants[2]) return [dx, null, ...(inputs[2] ? [null] : [])];
    return [dx, ...weightGrads(context, dx)];
  },
  reference([x, w, bias], { resetAfter }) {
    const [t, n, g] = x!.shape as [number, number, number];
    const h = g / 3;
    const [hidden, gates, inner] = [
      new Float64Array(t * n * h),
      new Float64Array(t * n * g),
      new Float64Array(t * n * h),
    ];
    for (let row = 0; row < t * n; row++) {
      const old = row < n ? new Float64Array(h) : hidden.subarray((row - n) * h, (row - n + 1) * h);
      const u = (gate: number, state: Float64Array): number => dot(w!, gate, state) + (bias?.data[gate] ?? 0);
      const [z, r, candidate] = [0, 1, 2].map((q) => gates.subarray(row * g + q * h, row * g + (q + 1) * h)) as [
        Float64Array,
        Float64Array,
        Float64Array,
      ];
      z.forEach((_, k) => (z[k] = logistic(x!.data[row * g + k]! + u(k, old))));
      r.forEach((_, k) => (r[k] = logistic(x!.data[row * g + h + k]! + u(h + k, old))));
      const between = inner.subarray(row * h, (row + 1) * h);
      between.forEach((_, k) => (between[k] = resetAfter ? u(2 * h + k, old) : r[k]! * old[k]!));
      candidate.forEach((_, k) => {
        const recurrent = resetAfter ? r[k]! * between[k]! : u(2 * h + k, between);
        candidate[k] = Math.tanh(x!.data[row * g + 2 * h + k]! + recurrent);
        hidden[row * h + k] = z[k]! * old[k]! + (1 - z[k]!) * candidate[k];
      });
    }
    return [hidden, gates, inner];
  },
  onnx: lowerGru,
  tfjs: ({ tf, inputs, attributes }) => tfjsGru(tf, inputs, attributes),
  // All that came before.
  reach: ({ box, inputs: [x, ...others] }) => [
    [[0, box[0]![1]], box[1]!, [0, x!.shape[2]! - 1]],
    ...others.map(({ shape }) => wholeBox(shape)),
  ],
  macs: ([x, w]) => x!.shape[0]! * x!.shape[1]! * sizeOf(w!.shape),
});

/** Product of a row of weights [G, H] with a state [H]. */
function dot(w: NdArray, row: number, state: Float64Array): number {
  let total = 0;
  for (let j = 0; j < state.length; j++) total += w.data[row * state.length + j]! * state[j]!;
  return total;
}

/**
 * Gradient of `Gru` to its projected gates. Inputs: gradient to hidden [T, N, H], the three outputs of `Gru` with gates
 * first (activated gates, hidden, inner), recurrent weights.
 */
const GruGradOp = defineOp<GruAttributes>({
  name: 'GruGrad',
  infer: ([, gates]) => [{ shape: gates!.shape, dtype: 'float32' }],
  reference([dh, gates, hidden, inner, w], { resetAfter }) {
    const [t, n, g] = gates!.shape as [number, number, number];
    const h = g / 3;
    const dx = new Float64Array(t * n * g);
    const fromLater = new Float64Array(n * h);
    /** Column j of the rows of weights from a gate on, times as many gradients. */
    const back = (from: number, grads: ArrayLike<number>, j: number): number => {
      let total = 0;
      for (let k = 0; k < grads.length; k++) total += grads[k]! * w!.data[(from + k) * h + j]!;
      return total;
    };
    for (let row = t * n - 1; row >= 0; row--) {
      const at = (q: number, k: number): number => gates!.data[row * g + q * h + k]!;
      const old = (k: number): number => (row < n ? 0 : hidden!.data[(row - n) * h + k]!);
      const each = (f: (k: number) => number): Float64Array => Float64Array.from({ length: h }, (_, k) => f(k));
      const total = each((k) => dh!.data[row * h + k]! + fromLater[(row % n) * h + k]!);
      const du = each((k) => total[k]! * (1 - at(0, k)) * (1 - at(2, k) ** 2));
      const dz = each((k) => total[k]! * (old(k) - at(2, k)) * at(0, k) * (1 - at(0, k)));
      const reset = each((k) => (resetAfter ? du[k]! * inner!.data[row * h + k]! : back(2 * h, du, k) * old(k)));
      const dr = each((k) => reset[k]! * at(1, k) * (1 - at(1, k)));
      [dz, dr, du].forEach((part, q) => dx.set(part, row * g + q * h));
      const scaled = du.map((d, k) => d * at(1, k));
      for (let k = 0; k < h; k++) {
        const candidate = resetAfter ? back(2 * h, scaled, k) : back(2 * h, du, k) * at(1, k);
        fromLater[(row % n) * h + k] = total[k]! * at(0, k) + back(0, dz, k) + back(h, dr, k) + candidate;
      }
    }
    return [dx];
  },
  onnx: lowerGruGrad,
  tfjs: ({ tf, inputs, attributes }) => [tfjsGruGrad(tf, inputs, attributes)],
  reach: everything,
  macs: ([, gates, , , w]) => gates!.shape[0]! * gates!.shape[1]! * sizeOf(w!.shape),
});

/** dL/dU [3H, H] and dL/db [3H]: gradients of the recurrent products against what they were taken of. */
function weightGrads({ b, inputs, outputs, attributes }: GradientContext<GruAttributes>, dx: Value): Value[] {
  const [hidden, gates, inner] = outputs as [Value, Value, Value];
  const [t, n, h] = hidden.shape as [number, number, number];
  const rows = (x: Value): Value => reshape(b, x, [t * n, -1]);
  const gate = (x: Value, from: number, to: number): Value => sliceAxis(b, x, 2, from * h, to * h);
  const earlier = t === 1 ? mul(b, hidden, b.scalar(0)) : padAxis(b, sliceAxis(b, hidden, 0, 0, t - 1), 0, 1, 0);
  if (!attributes.resetAfter) {
    const outer = matmul(b, rows(gate(dx, 0, 2)), rows(earlier), { transA: true });
    return [concat(b, [outer, matmul(b, rows(gate(dx, 2, 3)), rows(inner), { transA: true })], 0)];
  }
  const candidate = mul(b, gate(dx, 2, 3), gate(gates, 1, 2));
  const products = rows(concat(b, [gate(dx, 0, 2), candidate], 2));
  const dw = matmul(b, products, rows(earlier), { transA: true });
  return inputs[2] ? [dw, reshape(b, sum(b, products, [0]), inputs[2].shape)] : [dw];
}

/** The rows of recurrent weights for z and r, and those for the candidate. */
function splitWeights(c: OnnxContext<GruAttributes>, weights: string, h: number): [string, string] {
  const rows = (from: number, to: number): string =>
    c.node('Slice', [weights, c.integers([from]), c.integers([to]), c.integers([0])]);
  return [rows(0, 2 * h), rows(2 * h, 3 * h)];
}

function split(w: OnnxWriter, x: string, sizes: readonly number[]): string[] {
  const names = sizes.map(() => w.fresh('part'));
  w.nodes('Split', [x, w.integers(sizes)], names, { axis: -1 });
  return names;
}

function lowerGru(c: OnnxContext<GruAttributes>): void {
  const [, n, g] = c.inputTypes[0]!.shape as [number, number, number];
  const h = g / 3;
  const [x, weights, bias] = c.inputs as [string, string, string?];
  const [outer, last] = splitWeights(c, weights, h);
  const name = (hint: string): string => c.fresh(`gru_${hint}`);
  const ins = { h: name('h'), x: name('x') };
  const outs = { h: name('h1'), hs: name('hs'), gates: name('gates'), inner: name('inner') };
  const write = (w: OnnxWriter): void => {
    const [xs, xu] = split(w, ins.x, [2 * h, h]) as [string, string];
    const squash = (pre: string): [string, string, string] => {
      const zr = w.node('Sigmoid', [pre]);
      return [zr, ...(split(w, zr, [h, h]) as [string, string])];
    };
    const finish = ([zr, z]: [string, string, string], candidate: string): void => {
      const u = w.node('Tanh', [candidate]);
      w.node('Concat', [zr, u], { axis: -1 }, outs.gates);
      w.node('Add', [u, w.node('Mul', [z, w.node('Sub', [ins.h, u])])], {}, outs.h);
      w.node('Identity', [outs.h], {}, outs.hs);
    };
    if (c.attributes.resetAfter) {
      const products = w.node('Gemm', [ins.h, weights, ...(bias === undefined ? [] : [bias])], { transB: 1 });
      const [m, mu] = split(w, products, [2 * h, h]) as [string, string];
      const gates = squash(w.node('Add', [xs, m]));
      w.node('Identity', [mu], {}, outs.inner);
      finish(gates, w.node('Add', [xu, w.node('Mul', [gates[2], mu])]));
    } else {
      const gates = squash(w.node('Gemm', [ins.h, outer, xs], { transB: 1 }));
      w.node('Mul', [gates[2], ins.h], {}, outs.inner);
      finish(gates, w.node('Gemm', [outs.inner, last, xu], { transB: 1 }));
    }
  };
  const body = {
    name: name('step'),
    inputs: [
      { name: ins.h, shape: [n, h] },
      { name: ins.x, shape: [n, g] },
    ],
    outputs: [
      { name: outs.h, shape: [n, h] },
      { name: outs.hs, shape: [n, h] },
      { name: outs.gates, shape: [n, g] },
      { name: outs.inner, shape: [n, h] },
    ],
    write,
  };
  const zero = c.floats(new Float32Array(n * h), [n, h]);
  c.nodes('Scan', [zero, x], [name('hT'), ...c.outputs], { body: { graph: body }, num_scan_inputs: 1 });
}

function lowerGruGrad(c: OnnxContext<GruAttributes>): void {
  const [dh, gates, hidden, inner, weights] = c.inputs as [string, string, string, string, string];
  const [t, n, g] = c.inputTypes[1]!.shape as [number, number, number];
  const h = g / 3;
  const { resetAfter } = c.attributes;
  const [outer, last] = splitWeights(c, weights, h);
  const name = (hint: string): string => c.fresh(`gru_${hint}`);
  const zero = c.floats(new Float32Array(n * h), [n, h]);
  const earlier = c.node('Slice', [hidden, c.integers([0]), c.integers([t - 1]), c.integers([0])]);
  const before = c.node('Concat', [c.floats(new Float32Array(n * h), [1, n, h]), earlier], { axis: 0 });
  const ins = ['later', 'dh', 'gates', 'old', 'inner'].map(name) as [string, string, string, string, string];
  const outs = ['dh', 'dx'].map(name) as [string, string];
  const write = (w: OnnxWriter): void => {
    const one = w.floats([1], []);
    const times = (...xs: string[]): string => xs.reduce((x, y) => w.node('Mul', [x, y]));
    const plus = (x: string, y: string): string => w.node('Add', [x, y]);
    const complement = (x: string): string => w.node('Sub', [one, x]);
    const [z, r, u] = split(w, ins[2], [h, h, h]) as [string, string, string];
    const total = plus(ins[0], ins[1]);
    const du = times(total, complement(z), complement(times(u, u)));
    const dz = times(total, w.node('Sub', [ins[3], u]), z, complement(z));
    const inside = resetAfter ? '' : w.node('Gemm', [du, last]);
    const dr = times(resetAfter ? times(du, ins[4]) : times(inside, ins[3]), r, complement(r));
    w.node('Concat', [dz, dr, du], { axis: -1 }, outs[1]);
    const through = resetAfter
      ? w.node('Gemm', [w.node('Concat', [dz, dr, times(du, r)], { axis: -1 }), weights])
      : w.node('Gemm', [w.node('Concat', [dz, dr], { axis: -1 }), outer, times(inside, r)]);
    w.node('Add', [times(total, z), through], {}, outs[0]);
  };
  const scanned = [dh, gates, before, ...(resetAfter ? [inner] : [])];
  const body = {
    name: name('back'),
    inputs: ins.slice(0, 1 + scanned.length).map((input, i) => ({ name: input, shape: [n, i === 2 ? g : h] })),
    outputs: outs.map((output, i) => ({ name: output, shape: [n, i === 1 ? g : h] })),
    write,
  };
  c.nodes('Scan', [zero, ...scanned], [name('dh0'), c.outputs[0]!], {
    body: { graph: body },
    num_scan_inputs: scanned.length,
    scan_input_directions: scanned.map(() => 1),
    scan_output_directions: [1],
  });
}

type Tensor2 = tfjs.Tensor2D;

function tfjsGru(tf: typeof tfjs, [x, w, bias]: readonly tfjs.Tensor[], { resetAfter }: GruAttributes): tfjs.Tensor[] {
  const [, n, g] = x!.shape as [number, number, number];
  const h = g / 3;
  const wt = tf.transpose(w!) as Tensor2;
  const [outer, last] = tf.split(wt, [2 * h, h], 1) as [Tensor2, Tensor2];
  let hidden: tfjs.Tensor = tf.zeros([n, h]);
  const out: Record<'h' | 'g' | 'i', tfjs.Tensor[]> = { h: [], g: [], i: [] };
  for (const step of tf.unstack(x!)) {
    const [xs, xu] = tf.split(step, [2 * h, h], 1) as [tfjs.Tensor, tfjs.Tensor];
    const products = resetAfter ? tf.matMul(hidden, wt) : tf.matMul(hidden, outer);
    const [m, mu] = tf.split(bias ? tf.add(products, bias) : products, resetAfter ? [2 * h, h] : [2 * h], 1);
    const zr = tf.sigmoid(tf.add(xs, m!));
    const [z, r] = tf.split(zr, 2, 1) as [tfjs.Tensor, tfjs.Tensor];
    const inner = resetAfter ? mu! : tf.mul(r, hidden);
    const u = tf.tanh(tf.add(xu, resetAfter ? tf.mul(r, inner) : tf.matMul(inner as Tensor2, last)));
    hidden = tf.add(u, tf.mul(z, tf.sub(hidden, u)));
    out.h.push(hidden);
    out.g.push(tf.concat([zr, u], 1));
    out.i.push(inner);
  }
  return [tf.stack(out.h), tf.stack(out.g), tf.stack(out.i)];
}

function tfjsGruGrad(tf: typeof tfjs, inputs: readonly tfjs.Tensor[], { resetAfter }: GruAttributes): tfjs.Tensor {
  const [dh, gates, hidden, inner] = inputs.slice(0, 4).map((x): tfjs.Tensor[] => tf.unstack(x));
  const [t, n, g] = inputs[1]!.shape as [number, number, number];
  const h = g / 3;
  const weights = inputs[4] as Tensor2;
  const [outer, last] = tf.split(weights, [2 * h, h], 0) as [Tensor2, Tensor2];
  const times = (...xs: tfjs.Tensor[]): tfjs.Tensor => xs.reduce((x, y) => tf.mul(x, y));
  const complement = (x: tfjs.Tensor): tfjs.Tensor => tf.sub(1, x);
  let later: tfjs.Tensor = tf.zeros([n, h]);
  const out: tfjs.Tensor[] = [];
  for (let k = t - 1; k >= 0; k--) {
    const [z, r, u] = tf.split(gates![k]!, 3, 1) as [tfjs.Tensor, tfjs.Tensor, tfjs.Tensor];
    const old = k === 0 ? tf.zeros([n, h]) : hidden![k - 1]!;
    const total = tf.add(dh![k]!, later);
    const du = times(total, complement(z), complement(tf.square(u)));
    const dz = times(total, tf.sub(old, u), z, complement(z));
    const inside = resetAfter ? du : tf.matMul(du, last);
    const dr = times(inside, resetAfter ? inner![k]! : old, r, complement(r));
    const through = resetAfter
      ? tf.matMul(tf.concat([dz, dr, tf.mul(du, r)], 1), weights)
      : tf.add(tf.matMul(tf.concat([dz, dr], 1) as Tensor2, outer), tf.mul(inside, r));
    later = tf.add(tf.mul(total, z), through);
    out.unshift(tf.concat([dz, dr, du], 1));
  }
  return tf.stack(out);
}

/**
 * Runs a GRU layer from a zero state.
 *
 * @param gates projected gates x W + b [T, N, 3H] in the order z, r, h.
 * @param weights recurrent weights U [3H, H].
 * @param recurrentBias bias of the recurrent products [3H], or null.
 * @returns hidden states [T, N, H].
 */
export function gru(
  b: GraphBuilder,
  gates: Value,
  weights: Value,
  recurrentBias: Value | null,
  { resetAfter }: GruAttributes,
): Value {
  // Without the reset between them the two biases are one.
  const input = recurrentBias && !resetAfter ? add(b, gates, recurrentBias) : gates;
  const inputs = recurrentBias && resetAfter ? [input, weights, recurrentBias] : [input, weights];
  return b.node(GruOp, inputs, { resetAfter })[0]!;
}

export const gruOps = [GruOp, GruGradOp];
