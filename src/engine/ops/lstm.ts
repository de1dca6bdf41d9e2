/**
 * The recurrent part of an LSTM layer and its gradient. The input projection (x W_x + b) is made outside, once for all
 * time steps: it does not depend on the order of frames. Gates in the order i, f, o, g, as Caffe has them.
 */
import type { GraphBuilder, Value } from '../graph/graph.js';
import { showShape, sizeOf } from '../graph/shape.js';
import { NeuroreelError } from '../../protocol/errors.js';
import { defineOp, type OnnxContext, type OnnxWriter } from './definition.js';
import { mul } from './elementwise.js';
import { padAxis, reshape, sliceAxis } from './layout.js';
import { matmul } from './matmul.js';
import { everything, wholeBox } from './reach.js';
import type * as tfjs from '@tensorflow/tfjs';

type None = Record<string, never>;

const logistic = (x: number): number => 1 / (1 + Math.exp(-x));

/**
 * Inputs: projected gates [T, N, 4H], recurrent weights [4H, H], optionally markers [T, N, 1] that multiply the state
 * before each step (0 restarts a sequence). The state starts at zero. Outputs: hidden [T, N, H], cell [T, N, H],
 * activated gates [T, N, 4H].
 */
const LstmOp = defineOp<None>({
  name: 'Lstm',
  infer([x, w, markers]) {
    const [t, n, g] = x!.shape;
    const h = g! / 4;
    const fits = x!.shape.length === 3 && w!.shape.length === 2 && w!.shape[0] === g && w!.shape[1] === h;
    if (!fits || (markers && sizeOf(markers.shape) !== t! * n!)) {
      throw new NeuroreelError('GRAPH_INVALID', `Lstm: gates ${showShape(x!.shape)}, weights ${showShape(w!.shape)}.`);
    }
    const state = { shape: [t!, n!, h], dtype: 'float32' as const };
    return [state, state, { shape: x!.shape, dtype: 'float32' }];
  },
  gradient({ b, inputs, outputs, grads, wants }) {
    const [x, w, markers] = inputs as [Value, Value, Value?];
    const [hidden, cell, gates] = outputs as [Value, Value, Value];
    const zero = b.constant(new Float32Array(sizeOf(hidden.shape)), hidden.shape);
    const args = [grads[0] ?? zero, grads[1] ?? zero, gates, cell, w];
    const dx = b.node(LstmGradOp, markers ? [...args, markers] : args, {})[0]!;
    return [dx, wants[1] ? recurrentWeightGrad(b, dx, hidden, x, markers) : null, ...(markers ? [null] : [])];
  },
  reference([x, w, markers]) {
    const [t, n, g] = x!.shape as [number, number, number];
    const h = g / 4;
    const [hidden, cell, gates] = [new Float64Array(t * n * h), new Float64Array(t * n * h), x!.data.slice()];
    for (let row = 0; row < t * n; row++) {
      const before = row - n;
      const keep = before < 0 ? 0 : (markers?.data[row] ?? 1);
      const at = (k: number): number => {
        let total = gates[row * g + k]!;
        for (let j = 0; keep !== 0 && j < h; j++) total += w!.data[k * h + j]! * hidden[before * h + j]! * keep;
        return total;
      };
      const activated = Float64Array.from({ length: g }, (_, k) => (k < 3 * h ? logistic(at(k)) : Math.tanh(at(k))));
      gates.set(activated, row * g);
      for (let k = 0; k < h; k++) {
        const old = keep === 0 ? 0 : cell[before * h + k]! * keep;
        const c = activated[h + k]! * old + activated[k]! * activated[3 * h + k]!;
        cell[row * h + k] = c;
        hidden[row * h + k] = activated[2 * h + k]! * Math.tanh(c);
      }
    }
    return [hidden, cell, gates];
  },
  onnx: lowerLstm,
  tfjs: ({ tf, inputs }) => tfjsLstm(tf, inputs),
  // All that came before.
  reach: ({ box, inputs: [x, ...others] }) => [
    [[0, box[0]![1]], box[1]!, [0, x!.shape[2]! - 1]],
    ...others.map(({ shape }) => wholeBox(shape)),
  ],
  macs: ([x, w]) => x!.shape[0]! * x!.shape[1]! * sizeOf(w!.shape),
});

/**
 * Gradient of `Lstm` to its projected gates. Inputs: gradients to hidden and to cell [T, N, H], activated gates, cell,
 * recurrent weights, optionally markers.
 */
const LstmGradOp = defineOp<None>({
  name: 'LstmGrad',
  infer: ([, , gates]) => [{ shape: gates!.shape, dtype: 'float32' }],
  reference([dh, dc, gates, cell, w, markers]) {
    const [t, n, g] = gates!.shape as [number, number, number];
    const h = g / 4;
    const dx = new Float64Array(t * n * g);
    const fromLater = { h: new Float64Array(n * h), c: new Float64Array(n * h) };
    for (let row = t * n - 1; row >= 0; row--) {
      const lane = row % n;
      const keep = row < n ? 0 : (markers?.data[row] ?? 1);
      for (let k = 0; k < h; k++) {
        const [i, f, o, u] = [0, 1, 2, 3].map((q) => gates!.data[row * g + q * h + k]!) as [
          number,
          number,
          number,
          number,
        ];
        const old = keep === 0 ? 0 : cell!.data[(row - n) * h + k]! * keep;
        const tc = Math.tanh(cell!.data[row * h + k]!);
        const dhk = dh!.data[row * h + k]! + fromLater.h[lane * h + k]!;
        const dck = dc!.data[row * h + k]! + fromLater.c[lane * h + k]! + dhk * o * (1 - tc * tc);
        const parts = [dck * u * i * (1 - i), dck * old * f * (1 - f), dhk * tc * o * (1 - o), dck * i * (1 - u * u)];
        parts.forEach((part, q) => (dx[row * g + q * h + k] = part));
        fromLater.c[lane * h + k] = dck * f * keep;
      }
      for (let j = 0; j < h; j++) {
        let total = 0;
        for (let k = 0; k < g; k++) total += dx[row * g + k]! * w!.data[k * h + j]!;
        fromLater.h[lane * h + j] = total * keep;
      }
    }
    return [dx];
  },
  onnx: lowerLstmGrad,
  tfjs: ({ tf, inputs }) => [tfjsLstmGrad(tf, inputs)],
  reach: everything,
  macs: ([, , gates, , w]) => gates!.shape[0]! * gates!.shape[1]! * sizeOf(w!.shape),
});

/** dL/dW [4H, H]: gradients of the gates against the hidden state that each step started from. */
function recurrentWeightGrad(b: GraphBuilder, dx: Value, hidden: Value, x: Value, markers: Value | undefined): Value {
  const [t, n, g] = x.shape as [number, number, number];
  const h = g / 4;
  const earlier = t === 1 ? mul(b, hidden, b.scalar(0)) : padAxis(b, sliceAxis(b, hidden, 0, 0, t - 1), 0, 1, 0);
  const kept = markers ? mul(b, earlier, reshape(b, markers, [t, n, 1])) : earlier;
  return matmul(b, reshape(b, dx, [t * n, g]), reshape(b, kept, [t * n, h]), { transA: true });
}

/** Splits [N, 4H] into its four gates. */
function splitGates(c: OnnxWriter, gates: string, h: number): [string, string, string, string] {
  const names = ['i', 'f', 'o', 'u'].map((hint) => c.fresh(hint)) as [string, string, string, string];
  c.nodes('Split', [gates, c.integers([h, h, h, h])], names, { axis: -1 });
  return names;
}

/** Places of the outputs of `Lstm`. */
const [HIDDEN, CELL, GATES] = [0, 1, 2];

function lowerLstm(c: OnnxContext<None>): void {
  const [t, n, g] = c.inputTypes[0]!.shape as [number, number, number];
  const h = g / 4;
  const weights = c.inputs[1]!;
  const markers = c.inputs[2] === undefined ? undefined : c.node('Reshape', [c.inputs[2], c.integers([t, n, 1])]);
  const name = (hint: string): string => c.fresh(`lstm_${hint}`);
  const ins = { h: name('h'), c: name('c'), x: name('x'), m: name('m') };
  const outs = { h: name('h1'), c: name('c1'), hs: name('hs'), cs: name('cs'), gates: name('gates') };
  const write = (w: OnnxWriter): void => {
    const keep = (state: string): string => (markers === undefined ? state : w.node('Mul', [state, ins.m]));
    const pre = w.node('Gemm', [keep(ins.h), weights, ins.x], { transB: 1 });
    const [squashed, raw] = [w.fresh('squashed'), w.fresh('raw')];
    w.nodes('Split', [pre, w.integers([3 * h, h])], [squashed, raw], { axis: -1 });
    const sigmoids = w.node('Sigmoid', [squashed]);
    const u = w.node('Tanh', [raw]);
    if (c.needed(GATES)) w.node('Concat', [sigmoids, u], { axis: -1 }, outs.gates);
    const [i, f, o] = [w.fresh('i'), w.fresh('f'), w.fresh('o')];
    w.nodes('Split', [sigmoids, w.integers([h, h, h])], [i, f, o], { axis: -1 });
    w.node('Add', [w.node('Mul', [f, keep(ins.c)]), w.node('Mul', [i, u])], {}, outs.c);
    w.node('Mul', [o, w.node('Tanh', [outs.c])], {}, outs.h);
    w.node('Identity', [outs.h], {}, outs.hs);
    if (c.needed(CELL)) w.node('Identity', [outs.c], {}, outs.cs);
  };
  const state = [n, h];
  // Forwards only the hidden state is needed; to write the others down would cost as much again.
  const scans = [
    { name: outs.hs, shape: state, output: HIDDEN },
    { name: outs.cs, shape: state, output: CELL },
    { name: outs.gates, shape: [n, g], output: GATES },
  ].filter(({ output }) => output === HIDDEN || c.needed(output));
  const body = {
    name: name('step'),
    inputs: [
      { name: ins.h, shape: state },
      { name: ins.c, shape: state },
      { name: ins.x, shape: [n, g] },
      ...(markers === undefined ? [] : [{ name: ins.m, shape: [n, 1] }]),
    ],
    outputs: [{ name: outs.h, shape: state }, { name: outs.c, shape: state }, ...scans],
    write,
  };
  const zero = c.floats(new Float32Array(n * h), state);
  const scanned = markers === undefined ? [c.inputs[0]!] : [c.inputs[0]!, markers];
  const results = scans.map(({ output }) => c.outputs[output]!);
  c.nodes('Scan', [zero, zero, ...scanned], [name('hT'), name('cT'), ...results], {
    body: { graph: body },
    num_scan_inputs: scanned.length,
  });
}

function lowerLstmGrad(c: OnnxContext<None>): void {
  const [dh, dc, gates, cell, weights] = c.inputs as [string, string, string, string, string];
  const [t, n, g] = c.inputTypes[2]!.shape as [number, number, number];
  const h = g / 4;
  const markers = c.inputs[5] === undefined ? undefined : c.node('Reshape', [c.inputs[5], c.integers([t, n, 1])]);
  const name = (hint: string): string => c.fresh(`lstm_${hint}`);
  const before = c.node(
    'Concat',
    [
      c.floats(new Float32Array(n * h), [1, n, h]),
      c.node('Slice', [cell, c.integers([0]), c.integers([t - 1]), c.integers([0])]),
    ],
    { axis: 0 },
  );
  const ins = ['dh', 'dc', 'gh', 'gc', 'gates', 'cell', 'old', 'm'].map(name);
  const [lh, lc, gh, gc, gate, now, old, marker] = ins as [
    string,
    string,
    string,
    string,
    string,
    string,
    string,
    string,
  ];
  const outs = ['dh', 'dc', 'dx'].map(name) as [string, string, string];
  const write = (w: OnnxWriter): void => {
    const keep = (x: string): string => (markers === undefined ? x : w.node('Mul', [x, marker]));
    const one = w.floats([1], []);
    const times = (...xs: string[]): string => xs.reduce((x, y) => w.node('Mul', [x, y]));
    const complement = (x: string): string => w.node('Sub', [one, x]);
    const [i, f, o, u] = splitGates(w, gate, h);
    const tc = w.node('Tanh', [now]);
    const dhk = w.node('Add', [lh, gh]);
    const through = times(dhk, o, complement(times(tc, tc)));
    const dck = w.node('Add', [w.node('Add', [lc, gc]), through]);
    const parts = [
      times(dck, u, i, complement(i)),
      times(dck, keep(old), f, complement(f)),
      times(dhk, tc, o, complement(o)),
      times(dck, i, complement(times(u, u))),
    ];
    const dx = w.node('Concat', parts, { axis: -1 });
    w.node('Identity', [dx], {}, outs[2]);
    w.node('Identity', [keep(w.node('Gemm', [dx, weights]))], {}, outs[0]);
    w.node('Identity', [keep(times(dck, f))], {}, outs[1]);
  };
  const state = [n, h];
  const scanned = [dh, dc, gates, cell, before, ...(markers === undefined ? [] : [markers])];
  const shapes = [state, state, state, state, [n, g], state, state, [n, 1]];
  const body = {
    name: name('back'),
    inputs: ins.slice(0, 2 + scanned.length).map((input, i) => ({ name: input, shape: shapes[i]! })),
    outputs: outs.map((output, i) => ({ name: output, shape: i === 2 ? [n, g] : state })),
    write,
  };
  const zero = c.floats(new Float32Array(n * h), state);
  c.nodes('Scan', [zero, zero, ...scanned], [name('dh0'), name('dc0'), c.outputs[0]!], {
    body: { graph: body },
    num_scan_inputs: scanned.length,
    scan_input_directions: scanned.map(() => 1),
    scan_output_directions: [1],
  });
}

type Tensor2 = tfjs.Tensor2D;

const markerAt = (markers: tfjs.Tensor | undefined, t: number, n: number): tfjs.Tensor | undefined =>
  markers?.reshape([-1, n, 1]).slice([t, 0, 0], [1, n, 1]).reshape([n, 1]);

function tfjsLstm(tf: typeof tfjs, [x, w, markers]: readonly tfjs.Tensor[]): tfjs.Tensor[] {
  const [t, n, g] = x!.shape as [number, number, number];
  const h = g / 4;
  const steps = tf.unstack(x!, 0) as Tensor2[];
  const wt = tf.transpose(w!) as Tensor2;
  let hidden: tfjs.Tensor = tf.zeros([n, h]);
  let cell: tfjs.Tensor = tf.zeros([n, h]);
  const out: { h: tfjs.Tensor[]; c: tfjs.Tensor[]; g: tfjs.Tensor[] } = { h: [], c: [], g: [] };
  for (let k = 0; k < t; k++) {
    const marker = markerAt(markers, k, n);
    if (marker) [hidden, cell] = [tf.mul(hidden, marker), tf.mul(cell, marker)];
    const pre = tf.add(steps[k]!, tf.matMul(hidden as Tensor2, wt));
    const squashed = tf.sigmoid(tf.slice(pre, [0, 0], [n, 3 * h]));
    const u = tf.tanh(tf.slice(pre, [0, 3 * h], [n, h]));
    const [i, f, o] = tf.split(squashed, 3, 1) as [tfjs.Tensor, tfjs.Tensor, tfjs.Tensor];
    cell = tf.add(tf.mul(f, cell), tf.mul(i, u));
    hidden = tf.mul(o, tf.tanh(cell));
    out.h.push(hidden);
    out.c.push(cell);
    out.g.push(tf.concat([squashed, u], 1));
  }
  return [tf.stack(out.h), tf.stack(out.c), tf.stack(out.g)];
}

function tfjsLstmGrad(tf: typeof tfjs, inputs: readonly tfjs.Tensor[]): tfjs.Tensor {
  const [dh, dc, gates, cell] = inputs.slice(0, 4).map((x): tfjs.Tensor[] => tf.unstack(x));
  const [t, n, g] = inputs[2]!.shape as [number, number, number];
  const zero = tf.zeros([n, g / 4]);
  let [lh, lc]: tfjs.Tensor[] = [zero, zero];
  const out: tfjs.Tensor[] = [];
  for (let k = t - 1; k >= 0; k--) {
    const [i, f, o, u] = tf.split(gates![k]!, 4, 1) as [tfjs.Tensor, tfjs.Tensor, tfjs.Tensor, tfjs.Tensor];
    const marker = markerAt(inputs[5], k, n);
    const keep = (x: tfjs.Tensor): tfjs.Tensor => (marker ? tf.mul(x, marker) : x);
    const old = k === 0 ? zero : keep(cell![k - 1]!);
    const tc = tf.tanh(cell![k]!);
    const times = (...xs: tfjs.Tensor[]): tfjs.Tensor => xs.reduce((x, y) => tf.mul(x, y));
    const complement = (x: tfjs.Tensor): tfjs.Tensor => tf.sub(1, x);
    const dhk = tf.add(dh![k]!, lh!);
    const dck = tf.add(tf.add(dc![k]!, lc!), times(dhk, o, complement(tf.square(tc))));
    const dx = tf.concat(
      [
        times(dck, u, i, complement(i)),
        times(dck, old, f, complement(f)),
        times(dhk, tc, o, complement(o)),
        times(dck, i, complement(tf.square(u))),
      ],
      1,
    );
    lh = keep(tf.matMul(dx, inputs[4] as Tensor2));
    lc = keep(tf.mul(dck, f));
    out.unshift(dx);
  }
  return tf.stack(out);
}

export interface LstmOutputs {
  readonly hidden: Value;
  readonly cell: Value;
}

/** Runs an LSTM layer over projected gates [T, N, 4H] from a zero state; see `LstmOp`. */
export function lstm(b: GraphBuilder, gates: Value, weights: Value, markers?: Value): LstmOutputs {
  const [hidden, cell] = b.node(LstmOp, markers ? [gates, weights, markers] : [gates, weights], {});
  return { hidden: hidden!, cell: cell! };
}

export const lstmOps = [LstmOp, LstmGradOp];
