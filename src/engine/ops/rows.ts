/**
 * Rows of a tensor, the entries of its first axis: in the networks here frames, or pictures of a batch. An op whose output
 * rows each depend on the same row of its inputs can be run on some of them at a time.
 */
import type { TensorType } from '../graph/graph.js';

/** What computing some rows of the outputs takes of an input: the same rows, or all of it. */
export type RowUse = 'rows' | 'whole';

/** One use for each input; null where rows of the outputs depend on other rows. */
type RowUses = readonly RowUse[] | null;
type Types = readonly TensorType[];

const rowsOf = ({ shape }: TensorType): number => shape[0] ?? 1;

/** Elementwise with broadcasting: an input that has the output's first axis is used by rows, any other as a whole. */
export function elementwiseRows(inputs: Types, [out]: Types): RowUses {
  const uses = inputs.map((input): RowUse => {
    const aligned = input.shape.length === out!.shape.length && rowsOf(input) > 1;
    return aligned ? 'rows' : 'whole';
  });
  return uses.includes('rows') ? uses : null;
}

/** Rows of the first input, all of the others: layers with weights. */
export function firstInputRows(inputs: Types, [out]: Types): RowUses {
  return rowsOf(inputs[0]!) === rowsOf(out!) ? inputs.map((_, i) => (i === 0 ? 'rows' : 'whole')) : null;
}

/** Rows of every input. */
export function everyInputRows(inputs: Types, [out]: Types): RowUses {
  return inputs.every((input) => rowsOf(input) === rowsOf(out!)) ? inputs.map(() => 'rows') : null;
}

/** Rows of every input, unless the op works along the first axis. */
export const rowsUnless =
  <A>(alongFirst: (attributes: A) => boolean) =>
  (inputs: Types, outputs: Types, attributes: A): RowUses =>
    alongFirst(attributes) ? null : everyInputRows(inputs, outputs);
