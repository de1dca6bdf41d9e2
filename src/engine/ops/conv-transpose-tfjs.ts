/**
 * The transposed convolution on TensorFlow.js, without the products by zero that stuffing the input with zeros costs: with
 * the backend's own kernel, or where that is slow, as one plain convolution for each phase of the stride.
 */
import type { Shape } from '../graph/shape.js';
import type * as tfjs from '@tensorflow/tfjs';

type Tf = typeof tfjs;
type Geometry = { strides: readonly number[]; pads: readonly number[]; size: readonly number[] };

/** Adds zeros below and to the right of [N, H, W, C], or cuts, and cuts what `pads` says above and to the left. */
function cropped(tf: Tf, x: tfjs.Tensor4D, { pads, size }: Geometry): tfjs.Tensor4D {
  const [n, h, w, c] = x.shape;
  const [rows, columns] = [pads[0]! + size[0]!, pads[1]! + size[1]!];
  const widths: [number, number][] = [
    [0, 0],
    [0, Math.max(0, rows - h)],
    [0, Math.max(0, columns - w)],
    [0, 0],
  ];
  const whole = rows > h || columns > w ? tf.pad(x, widths) : x;
  return tf.slice(whole, [0, pads[0]!, pads[1]!, 0], [n, size[0]!, size[1]!, c]);
}

/** With the kernel of the backend: right on all of them, fast on TensorFlow's and on plain JavaScript. */
function native(tf: Tf, g: tfjs.Tensor4D, w: tfjs.Tensor4D, strides: readonly [number, number]): tfjs.Tensor4D {
  const [n, oh, ow] = g.shape;
  const [kh, kw, channels] = w.shape;
  const full: [number, number, number, number] = [n, (oh - 1) * strides[0] + kh, (ow - 1) * strides[1] + kw, channels];
  return tf.conv2dTranspose(g, w, full, [...strides], 'valid');
}

/** Every `stride`-th tap from `first` on along an axis of weights, in the order of the inputs that they meet. */
function tapsOf(tf: Tf, w: tfjs.Tensor4D, axis: 0 | 1, first: number, stride: number): tfjs.Tensor4D {
  const taps: number[] = [];
  for (let tap = first; tap < w.shape[axis]; tap += stride) taps.unshift(tap);
  return tf.gather(w, tf.tensor1d(taps, 'int32'), axis);
}

/** Outputs s*q + a of the full result for every phase a, put into each other's gaps. */
function phases(tf: Tf, g: tfjs.Tensor4D, w: tfjs.Tensor4D, [sy, sx]: readonly [number, number]): tfjs.Tensor4D {
  const [n, oh, ow] = g.shape;
  const [kh, kw, channels] = w.shape;
  const [tall, wide] = [oh + Math.ceil(kh / sy) - 1, ow + Math.ceil(kw / sx) - 1];
  const phase = (row: number, column: number): tfjs.Tensor4D => {
    if (row >= kh || column >= kw) return tf.zeros([n, tall, wide, channels]);
    const taps = tapsOf(tf, tapsOf(tf, w, 0, row, sy), 1, column, sx);
    const before = [taps.shape[0] - 1, taps.shape[1] - 1] as const;
    const padded = tf.pad(g, [
      [0, 0],
      [before[0], tall - oh],
      [before[1], wide - ow],
      [0, 0],
    ]);
    return tf.conv2d(padded, tf.transpose(taps, [0, 1, 3, 2]), 1, 'valid');
  };
  const lines = Array.from({ length: sy }, (_, row) => {
    const parts = Array.from({ length: sx }, (_x, column) => phase(row, column));
    return tf.reshape(tf.stack(parts, 3), [n, tall, wide * sx, channels]);
  });
  return tf.reshape(tf.stack(lines, 2), [n, tall * sy, wide * sx, channels]);
}

/**
 * @param g NHWC, one group
 * @param weights [O, C, kh, kw] as seen by the convolution
 * @param out shape of the result, NCHW
 * @returns NHWC
 */
export function tfjsTransposedGroup(
  tf: Tf,
  g: tfjs.Tensor,
  weights: tfjs.Tensor,
  out: Shape,
  a: Geometry,
): tfjs.Tensor {
  const kernel = tf.transpose(weights, [2, 3, 1, 0]) as tfjs.Tensor4D;
  const strides = [a.strides[0]!, a.strides[1]!] as const;
  const build = tf.getBackend() === 'wasm' ? phases : native;
  const full = build(tf, g as tfjs.Tensor4D, kernel, strides);
  return cropped(tf, full, { ...a, size: out.slice(2) });
}
