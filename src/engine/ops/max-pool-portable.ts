/**
 * The gradient of max pooling for devices other than the CPU, out of ops that every ONNX execution provider has. WebGPU
 * takes a MaxPool with its `Indices` output and then fails when it runs, and the order in which a GPU scatters numbers to
 * one place, and so the rounding of their sum, differs from run to run. Here each place of the window is looked at in turn.
 */
import type { Shape } from '../graph/shape.js';
import type { OnnxContext } from './definition.js';
import type { PoolAttributes } from './pool.js';

/** What is needed of a lowering's context; the attributes are passed along. */
type Context = Omit<OnnxContext<never>, 'attributes'>;

/** Below every number that a network computes; stands for what lies beyond the input. */
const LOWEST = -3.4e38;

/** Windows of more places than this that cover everything are searched at once instead of place by place. */
const MANY_PLACES = 49;

/** Rows and columns that the windows reach over, from the first row of padding on. */
const reach = (a: PoolAttributes): number[] => [0, 1].map((i) => (a.size[i]! - 1) * a.strides[i]! + a.kernel[i]!);

/** The input as the windows see it: padded on all sides. */
function padded(c: Context, x: string, [, , h, w]: Shape, a: PoolAttributes): string {
  const [rows, columns] = reach(a) as [number, number];
  const after = [Math.max(0, rows - h! - a.pads[0]!), Math.max(0, columns - w! - a.pads[1]!)];
  if ([...a.pads, ...after].every((n) => n === 0)) return x;
  return c.node('Pad', [x, c.integers([0, 0, ...a.pads, 0, 0, ...after]), c.floats([LOWEST], [])]);
}

/** For every place in a window, row by row, its row and column. */
const placesOf = ({ kernel: [rows, columns] }: PoolAttributes): (readonly [number, number])[] =>
  Array.from({ length: rows! * columns! }, (_, k) => [Math.floor(k / columns!), k % columns!] as const);

/**
 * Where in its window the largest element of each window is, counted row by row; the first on ties.
 * @param x what is pooled, [n, c, h, w]
 * @param maxima its pooling, [n, c, oh, ow]
 * @returns whole numbers as float32 [n, c, oh, ow]
 */
function placesOfMaxima(c: Context, x: string, shape: Shape, maxima: string, a: PoolAttributes): string {
  const seen = padded(c, x, shape, a);
  const places = placesOf(a);
  let place = c.floats([places.length - 1], []);
  for (let k = places.length - 2; k >= 0; k--) {
    const [row, column] = places[k]!;
    const ends = [row + (a.size[0]! - 1) * a.strides[0]! + 1, column + (a.size[1]! - 1) * a.strides[1]! + 1];
    const under = c.node('Slice', [
      seen,
      c.integers([row, column]),
      c.integers(ends),
      c.integers([2, 3]),
      c.integers(a.strides),
    ]);
    place = c.node('Where', [c.node('Equal', [under, maxima]), c.floats([k], []), place]);
  }
  return places.length > 1 ? place : c.node('Expand', [place, c.integers([...shape.slice(0, 2), ...a.size])]);
}

/**
 * Adds each number of g to the element at its place in its window.
 * @param place places as of `placesOfMaxima`, [n, c, oh, ow]
 * @param g numbers, [n, c, oh, ow]
 * @param shape that of the result, [n, c, h, w]
 * @returns the name of the result, which is `output` where that is given
 */
function spread(c: Context, place: string, g: string, shape: Shape, a: PoolAttributes, output?: string): string {
  const [n, channels, h, w] = shape as [number, number, number, number];
  const [sy, sx] = a.strides as [number, number];
  const [rows, columns] = reach(a) as [number, number];
  const tall = Math.ceil(Math.max(rows, h + a.pads[0]!) / sy);
  const wide = Math.ceil(Math.max(columns, w + a.pads[1]!) / sx);
  const zero = c.floats([0], []);
  /** Sums for the rows y and columns x with y % sy = row and x % sx = column. */
  const phase = (row: number, column: number): string => {
    const terms = placesOf(a).flatMap(([i, j], k) => {
      if (i % sy !== row || j % sx !== column) return [];
      const here = c.node('Where', [c.node('Equal', [place, c.floats([k], [])]), g, zero]);
      const [down, right] = [(i - row) / sy, (j - column) / sx];
      const after = [tall - a.size[0]! - down, wide - a.size[1]! - right];
      return [c.node('Pad', [here, c.integers([0, 0, down, right, 0, 0, ...after])])];
    });
    if (terms.length === 0) return c.node('Expand', [zero, c.integers([n, channels, tall, wide])]);
    return terms.reduce((sum, term) => c.node('Add', [sum, term]));
  };
  const lines = Array.from({ length: sy }, (_, row) => {
    const parts = Array.from({ length: sx }, (_x, column) =>
      c.node('Reshape', [phase(row, column), c.integers([n, channels, tall, wide, 1])]),
    );
    const line = parts.length > 1 ? c.node('Concat', parts, { axis: 4 }) : parts[0]!;
    return c.node('Reshape', [line, c.integers([n, channels, tall, 1, wide * sx])]);
  });
  const all = lines.length > 1 ? c.node('Concat', lines, { axis: 3 }) : lines[0]!;
  const whole = c.node('Reshape', [all, c.integers([n, channels, tall * sy, wide * sx])]);
  const ends = [a.pads[0]! + h, a.pads[1]! + w];
  return c.node('Slice', [whole, c.integers(a.pads), c.integers(ends), c.integers([2, 3])], {}, output);
}

/** The gradient where one window of many places is all there is, as of a global pooling: found by one search. */
function globalGradient(c: Context, x: string, g: string, shape: Shape, a: PoolAttributes, output: string): void {
  const [n, channels, h, w] = shape as [number, number, number, number];
  const [rows, columns] = [Math.min(h, a.kernel[0]! - a.pads[0]!), Math.min(w, a.kernel[1]! - a.pads[1]!)];
  const window = c.node('Slice', [x, c.integers([0, 0]), c.integers([rows, columns]), c.integers([2, 3])]);
  const flat = c.node('Reshape', [window, c.integers([n, channels, rows * columns])]);
  const at = c.node('Cast', [c.node('ArgMax', [flat], { axis: 2 })], { to: 1 });
  const every = c.floats(
    Float32Array.from({ length: rows * columns }, (_, i) => i),
    [1, 1, rows * columns],
  );
  const here = c.node('Where', [
    c.node('Equal', [every, at]),
    c.node('Reshape', [g, c.integers([n, channels, 1])]),
    c.floats([0], []),
  ]);
  const back = c.node('Reshape', [here, c.integers([n, channels, rows, columns])]);
  c.node('Pad', [back, c.integers([0, 0, 0, 0, 0, 0, h - rows, w - columns])], {}, output);
}

/**
 * Writes the gradient of a max pooling.
 * @param pooled attributes of the ONNX op MaxPool that pools x
 */
export function portableMaxPoolGrad(c: OnnxContext<PoolAttributes>, pooled: Record<string, readonly number[]>): void {
  const a = c.attributes;
  const [x, g] = c.inputs as [string, string];
  const { shape } = c.inputTypes[0]!;
  const alone = a.size.every((n) => n === 1);
  if (alone && a.kernel[0]! * a.kernel[1]! > MANY_PLACES) return globalGradient(c, x, g, shape, a, c.outputs[0]!);
  const maxima = c.node('MaxPool', [x], pooled);
  spread(c, placesOfMaxima(c, x, shape, maxima, a), g, shape, a, c.outputs[0]);
}

/** Writes the places of the maxima, bytes [n, c, oh, ow]; `pooled` as above. */
export function portableMaxPoolPlaces(c: OnnxContext<PoolAttributes>, pooled: Record<string, readonly number[]>): void {
  const x = c.inputs[0]!;
  const maxima = c.node('MaxPool', [x], pooled);
  c.node('Cast', [placesOfMaxima(c, x, c.inputTypes[0]!.shape, maxima, c.attributes)], { to: 2 }, c.outputs[0]);
}

/** Writes the gradient of a max pooling from the places of its maxima, bytes, and the gradient to these. */
export function portableMaxPoolScatter(c: OnnxContext<PoolAttributes & { input: readonly number[] }>): void {
  const places = c.node('Cast', [c.inputs[0]!], { to: 1 });
  spread(c, places, c.inputs[1]!, c.outputTypes[0]!.shape, c.attributes, c.outputs[0]);
}
