/**
 * Tensors whose numbers are known when a model is imported: weights, and the arithmetic of shapes that exporters leave in
 * a model. They may be empty or have axes of size 0, unlike the tensors of a graph.
 */
import { NeuroreelError } from '../../../protocol/errors.js';
import { broadcastShape, broadcastStrides, showShape, sizeOf, stridesOf, type Shape } from '../../graph/shape.js';

/** What numbers are: `int` of any width, `bool` as 0 and 1. */
export type Kind = 'float' | 'int' | 'bool';

export interface Known {
  readonly kind: Kind;
  readonly shape: Shape;
  /** Row-major; float32 for weights, float64 where numbers are whole. */
  readonly data: Float32Array | Float64Array;
  /** Name in the file, for weights that are used as they are. */
  readonly name?: string;
}

/** Most axes of a tensor. */
export const MAX_RANK = 8;

function invalid(message: string): never {
  throw new NeuroreelError('GRAPH_INVALID', message);
}

/** Throws GRAPH_INVALID unless every dimension is a whole number that is not negative. */
export function checkKnownShape(shape: Shape): void {
  if (shape.length > MAX_RANK || !shape.every((dim) => Number.isSafeInteger(dim) && dim >= 0)) {
    invalid(`it has an impossible shape ${showShape(shape)}`);
  }
}

/**
 * Bounds the work and the memory that a file can cause while it is imported: numbers that may be computed in all, in
 * proportion to the size of the file itself.
 */
export class Budget {
  #left: number;

  constructor(bytesOfFile: number) {
    this.#left = 2 ** 24 + bytesOfFile;
  }

  /** Takes from the budget before the work is done; throws GRAPH_INVALID when nothing is left. */
  spend(numbers: number): void {
    this.#left -= numbers;
    if (!(this.#left >= 0)) invalid('the file asks for far more numbers to be computed than it holds');
  }
}

function emptyArray(kind: Kind, size: number): Float32Array | Float64Array {
  return kind === 'float' ? new Float32Array(size) : new Float64Array(size);
}

/** A tensor whose element at each place is asked for by its flat index. */
export function known(budget: Budget, kind: Kind, shape: Shape, element: (i: number) => number): Known {
  checkKnownShape(shape);
  const size = sizeOf(shape);
  budget.spend(size);
  const data = emptyArray(kind, size);
  for (let i = 0; i < size; i++) data[i] = element(i);
  return { kind, shape: [...shape], data };
}

/** A list of whole numbers. */
export const integers = (list: readonly number[]): Known => ({
  kind: 'int',
  shape: [list.length],
  data: Float64Array.from(list),
});

/** The same numbers under another shape. */
export function reshaped(x: Known, shape: Shape): Known {
  checkKnownShape(shape);
  if (sizeOf(shape) !== x.data.length) invalid(`${showShape(x.shape)} cannot be read as ${showShape(shape)}`);
  return { ...x, shape: [...shape] };
}

/** Calls `visit` for each row of `shape`, its last axis, with the flat index at which it begins in a strided source. */
function forEachRow(
  shape: Shape,
  strides: readonly number[],
  start: number,
  visit: (from: number, to: number) => void,
): void {
  const outer = shape.slice(0, -1);
  const width = shape.at(-1) ?? 1;
  const index = new Array<number>(outer.length).fill(0);
  const rows = sizeOf(outer);
  let from = start;
  for (let row = 0; row < rows; row++) {
    visit(from, row * width);
    for (let axis = outer.length - 1; axis >= 0; axis--) {
      from += strides[axis]!;
      if (++index[axis]! < outer[axis]!) break;
      from -= strides[axis]! * outer[axis]!;
      index[axis] = 0;
    }
  }
}

/** Axes at the end that lie one after the other in the source, as one. */
function withLongRows(shape: Shape, strides: readonly number[]): { shape: number[]; strides: number[] } {
  const merged = { shape: [...shape], strides: [...strides] };
  while (merged.shape.length > 1) {
    const [outer, inner] = [merged.shape.length - 2, merged.shape.length - 1];
    if (merged.strides[outer] !== merged.strides[inner]! * merged.shape[inner]!) break;
    merged.shape.splice(outer, 2, merged.shape[outer]! * merged.shape[inner]!);
    merged.strides.splice(outer, 1);
  }
  return merged;
}

/** A tensor read through other strides: transposed, sliced, repeated. */
export function strided(budget: Budget, x: Known, shape: Shape, strides: readonly number[], start = 0): Known {
  checkKnownShape(shape);
  budget.spend(sizeOf(shape));
  const data = emptyArray(x.kind, sizeOf(shape));
  const rows = withLongRows(shape, strides);
  const [width, stride] = [rows.shape.at(-1) ?? 1, rows.strides.at(-1) ?? 1];
  if (data.length > 0) {
    forEachRow(rows.shape, rows.strides, start, (from, to) => {
      if (stride === 1) data.set(x.data.subarray(from, from + width), to);
      else for (let i = 0; i < width; i++) data[to + i] = x.data[from + i * stride]!;
    });
  }
  return { kind: x.kind, shape: [...shape], data };
}

/** A tensor repeated along its axes of size 1, and along new ones, up to a shape that it broadcasts to. */
export const broadcast = (budget: Budget, x: Known, shape: Shape): Known =>
  strided(budget, x, shape, broadcastStrides(x.shape, shape));

/** Axis `order[i]` becomes axis i. */
export function transposed(budget: Budget, x: Known, order: readonly number[]): Known {
  const strides = stridesOf(x.shape);
  return strided(
    budget,
    x,
    order.map((axis) => x.shape[axis]!),
    order.map((axis) => strides[axis]!),
  );
}

/** Rows of an axis in a given order. */
export function picked(budget: Budget, x: Known, axis: number, indices: ArrayLike<number>): Known {
  const inner = sizeOf(x.shape.slice(axis + 1));
  const [rows, count] = [x.shape[axis]!, indices.length];
  const shape = x.shape.map((dim, i) => (i === axis ? count : dim));
  return known(budget, x.kind, shape, (i) => {
    const place = Math.floor(i / inner);
    const outer = Math.floor(place / count);
    return x.data[(outer * rows + indices[place % count]!) * inner + (i % inner)]!;
  });
}

export function joined(budget: Budget, parts: readonly Known[], axis: number): Known {
  const first = parts[0]!;
  for (const { shape } of parts) {
    if (shape.length !== first.shape.length || !shape.every((dim, i) => i === axis || dim === first.shape[i])) {
      invalid(`${showShape(shape)} does not continue ${showShape(first.shape)} along axis ${axis}`);
    }
  }
  const total = parts.reduce((n, { shape }) => n + shape[axis]!, 0);
  const shape = first.shape.map((dim, i) => (i === axis ? total : dim));
  checkKnownShape(shape);
  budget.spend(sizeOf(shape));
  const data = emptyArray(first.kind, sizeOf(shape));
  const inner = sizeOf(shape.slice(axis + 1));
  const outer = sizeOf(shape.slice(0, axis));
  let offset = 0;
  for (const part of parts) {
    const run = part.shape[axis]! * inner;
    for (let o = 0; o < outer; o++) data.set(part.data.subarray(o * run, (o + 1) * run), o * total * inner + offset);
    offset += run;
  }
  return { kind: first.kind, shape, data };
}

/** A function of each element, rounded as numbers of its kind are. */
export const mapped = (budget: Budget, x: Known, f: (x: number) => number, kind: Kind = x.kind): Known =>
  known(budget, kind, x.shape, (i) => f(x.data[i]!));

/** A function of two tensors element by element; they broadcast. */
export function paired(
  budget: Budget,
  x: Known,
  y: Known,
  f: (x: number, y: number) => number,
  kind: Kind = x.kind,
): Known {
  const shape = broadcastKnown(x.shape, y.shape);
  checkKnownShape(shape);
  budget.spend(sizeOf(shape));
  const data = emptyArray(kind, sizeOf(shape));
  if (data.length === 0) return { kind, shape, data };
  const width = shape.at(-1) ?? 1;
  const [p, q] = [broadcastStrides(x.shape, shape), broadcastStrides(y.shape, shape)];
  const [step, other] = [p.at(-1) ?? 0, q.at(-1) ?? 0];
  const starts: number[] = [];
  forEachRow(shape, p, 0, (from) => starts.push(from));
  let row = 0;
  forEachRow(shape, q, 0, (from, to) => {
    const first = starts[row++]!;
    for (let i = 0; i < width; i++) data[to + i] = f(x.data[first + i * step]!, y.data[from + i * other]!);
  });
  return { kind, shape, data };
}

/** As `broadcastShape`, also for axes of size 0. */
export function broadcastKnown(a: Shape, b: Shape): number[] {
  const rank = Math.max(a.length, b.length);
  const empty = [...a, ...b].includes(0);
  if (!empty) return broadcastShape(a, b, 'constants');
  return Array.from({ length: rank }, (_, i) => {
    const da = a[a.length - rank + i] ?? 1;
    const db = b[b.length - rank + i] ?? 1;
    if (da !== db && da !== 1 && db !== 1) invalid(`${showShape(a)} and ${showShape(b)} do not broadcast`);
    return da === 1 ? db : da;
  });
}

/** The numbers of a tensor that must be a list, such as axes or sizes, of whole numbers. */
export function listOf(x: Known, what: string): number[] {
  if (x.shape.length > 1 || x.data.length > 1_000_000)
    invalid(`its ${what} are no list, but of shape ${showShape(x.shape)}`);
  return [...x.data];
}

/** The only number of a tensor. */
export function scalarOf(x: Known, what: string): number {
  if (x.data.length !== 1) invalid(`its ${what} is no single number, but of shape ${showShape(x.shape)}`);
  return x.data[0]!;
}

/** What is made of something once, and kept as long as that is. */
export class Once<T> {
  readonly #made = new WeakMap<object, T>();

  get(key: object, make: () => T): T {
    const known = this.#made.get(key);
    if (known !== undefined) return known;
    const made = make();
    this.#made.set(key, made);
    return made;
  }
}
