/**
 * A blob of Caffe in a graph. Caffe counts the batch as any other axis, and its files fix it; our graphs are made for
 * one picture (or one step of one sequence) and run for any number. So the axes of a blob that stand for the batch are
 * kept apart from the others: the file's sizes of them matter for reading its reshapes only. In a graph of the whole
 * net as it stands in the file nothing is apart: there `batch` is empty, and `inner` is the blob's shape.
 */
import type { Value } from '../../graph/graph.js';
import { showShape } from '../../graph/shape.js';
import { NeuroreelError } from '../../../protocol/errors.js';

export interface Blob {
  /** [leading axes, ...inner]. There may be more or fewer leading axes than the file has batch axes. */
  readonly value: Value;
  /** Sizes in the file of the axes that stand for the batch: [], [N], or [T, N] for sequences. */
  readonly batch: readonly number[];
  readonly inner: readonly number[];
}

/** Shape of a blob in the file. */
export const shapeOf = (x: Blob): number[] => [...x.batch, ...x.inner];
export const rankOf = (x: Blob): number => x.batch.length + x.inner.length;
/** Number of axes of the value that come before `inner`. */
export const leadOf = (x: Blob): number => x.value.shape.length - x.inner.length;
/** A shape for `reshape` that keeps the leading axes. */
export const keeping = (x: Blob, inner: readonly number[]): number[] => [
  ...new Array<number>(leadOf(x)).fill(0),
  ...inner,
];

/** A blob with the batch of another one. */
export const like = (x: Blob, value: Value): Blob => ({ ...x, value, inner: value.shape.slice(leadOf(x)) });

export function layerInvalid(message: string): never {
  throw new NeuroreelError('GRAPH_INVALID', message);
}
export function layerUnsupported(message: string): never {
  throw new NeuroreelError('MODEL_FORMAT_UNSUPPORTED', message);
}

/** An axis as Caffe counts it, from the front or (negative) from the end, as an axis of the file's shape. */
export function fileAxis(x: Blob, axis: number): number {
  const normal = axis < 0 ? axis + rankOf(x) : axis;
  if (normal < 0 || normal >= rankOf(x)) layerInvalid(`axis ${axis} is outside of ${showShape(shapeOf(x))}`);
  return normal;
}

/** An axis as Caffe counts it as an axis of `inner`; the batch cannot be one. */
export function innerAxis(x: Blob, axis: number): number {
  const inner = fileAxis(x, axis) - x.batch.length;
  return inner < 0 ? layerUnsupported(`it works on axis ${axis}, across the batch`) : inner;
}

/** An axis as Caffe counts it as an axis of the value. */
export const valueAxis = (x: Blob, axis: number): number => innerAxis(x, axis) + leadOf(x);

/** Channels, height and width of a blob of pictures, whose value is [N, C, H, W]. */
export function pictureOf(x: Blob): [channels: number, height: number, width: number] {
  const [, channels, height, width] = x.value.shape;
  if (rankOf(x) !== 4 || x.value.shape.length !== 4) {
    layerInvalid(`it takes pictures, [N, C, H, W], not ${showShape(shapeOf(x))}`);
  }
  return [channels!, height!, width!];
}
