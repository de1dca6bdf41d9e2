/** Arithmetic of tensor shapes: sizes, strides, broadcasting. All shapes are static lists of positive integers. */
import { NeuroreelError } from '../../protocol/errors.js';

export type Shape = readonly number[];

/** Largest number of elements a single tensor may have; anything above comes from a broken or hostile file. */
export const MAX_ELEMENTS = 2 ** 31 - 1;

/** Number of elements of a shape; 1 for a scalar (`[]`). */
export function sizeOf(shape: Shape): number {
  let size = 1;
  for (const dim of shape) size *= dim;
  return size;
}

/** Row-major strides of a shape, in elements. */
export function stridesOf(shape: Shape): number[] {
  const strides = new Array<number>(shape.length).fill(1);
  for (let i = shape.length - 2; i >= 0; i--) strides[i] = strides[i + 1]! * shape[i + 1]!;
  return strides;
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((dim, i) => dim === b[i]);
}

export function showShape(shape: Shape): string {
  return `[${shape.join(', ')}]`;
}

/** Throws GRAPH_INVALID unless every dimension is a positive integer and the whole is within MAX_ELEMENTS. */
export function checkShape(shape: Shape, what: string): void {
  if (!shape.every((dim) => Number.isSafeInteger(dim) && dim > 0) || sizeOf(shape) > MAX_ELEMENTS) {
    throw new NeuroreelError('GRAPH_INVALID', `${what} has an impossible shape ${showShape(shape)}.`);
  }
}

/** The shape of an elementwise operation on two shapes, as numpy broadcasts them. */
export function broadcastShape(a: Shape, b: Shape, what: string): number[] {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, i) => {
    const da = a[a.length - rank + i] ?? 1;
    const db = b[b.length - rank + i] ?? 1;
    if (da !== db && da !== 1 && db !== 1) {
      throw new NeuroreelError('GRAPH_INVALID', `${what}: ${showShape(a)} and ${showShape(b)} do not broadcast.`);
    }
    return Math.max(da, db);
  });
}

/** Strides with which a tensor of shape `from` is read as if it had shape `to` (0 along broadcast axes). */
export function broadcastStrides(from: Shape, to: Shape): number[] {
  const own = stridesOf(from);
  const offset = to.length - from.length;
  return to.map((_, i) => (i < offset || from[i - offset] === 1 ? 0 : own[i - offset]!));
}

/** Throws GRAPH_INVALID unless an axis is one of a tensor of this rank; nodes hold axes counted from the front. */
export function checkAxis(axis: number, rank: number, what: string): void {
  if (!Number.isInteger(axis) || axis < 0 || axis >= rank) {
    throw new NeuroreelError('GRAPH_INVALID', `${what}: a tensor of rank ${rank} has no axis ${axis}.`);
  }
}

/** Row and column of the middle of maps [.., H, W]: floor(size / 2). */
export function centreOf(shape: Shape): [number, number] {
  const [height, width] = shape.slice(-2) as [number, number];
  return [Math.floor(height / 2), Math.floor(width / 2)];
}

/** An axis counted from the front; negative axes count from the end. Throws GRAPH_INVALID when out of range. */
export function normalAxis(axis: number, rank: number, what: string): number {
  const normal = axis < 0 ? axis + rank : axis;
  if (!Number.isInteger(normal) || normal < 0 || normal >= rank) {
    throw new NeuroreelError('GRAPH_INVALID', `${what}: axis ${axis} is outside a tensor of rank ${rank}.`);
  }
  return normal;
}
