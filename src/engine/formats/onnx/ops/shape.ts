/** Ops that read a tensor under another shape, tell its shape, or make constants. */
import { z } from 'zod';
import { sizeOf } from '../../../graph/shape.js';
import {
  broadcast,
  broadcastKnown,
  integers,
  known,
  listOf,
  reshaped,
  scalarOf,
  type Kind,
  type Known,
} from '../known.js';
import { invalid, isLive, reread, unsupported, type Live } from '../live.js';
import { kindOf } from '../tensors.js';
import {
  axesList,
  defineOnnxOp,
  flag,
  int,
  knownOf,
  liveOf,
  none,
  normalAxes,
  optionalKnown,
  type FoldContext,
} from './definition.js';
import { pair } from './elementwise.js';
import { add } from '../../../ops/elementwise.js';

/** A shape that a reshape asks for: 0 keeps the size of the same axis, -1 takes what is left. */
function wantedShape(from: readonly number[], wanted: readonly number[], zeroIsZero: boolean): number[] {
  const shape = wanted.map((dim, i) =>
    dim === 0 && !zeroIsZero ? (from[i] ?? invalid(`axis ${i} has no size`)) : dim,
  );
  const free = shape.indexOf(-1);
  if (free >= 0) {
    shape[free] = 1;
    shape[free] = sizeOf(from) / sizeOf(shape);
  }
  const fits = shape.every((dim) => Number.isSafeInteger(dim) && dim >= 0) && sizeOf(shape) === sizeOf(from);
  if (!fits) invalid(`[${from.join(', ')}] cannot be read as [${wanted.join(', ')}]`);
  return shape;
}

/** An op that only gives a tensor another shape: the same for constants and for what is computed. */
function view<A>(
  attributes: z.ZodType<A>,
  inputs: readonly [number, number],
  shapeOf: (from: readonly number[], list: number[] | null, attributes: A) => number[],
) {
  return defineOnnxOp<A>({
    attributes,
    inputs,
    fold: (_, [x, list], a) => [reshaped(x!, shapeOf(x!.shape, list ? listOf(list, 'shape') : null, a))],
    build(_, [x, list], a) {
      const given = optionalKnown(list, 'shape');
      return [reread(liveOf(x), shapeOf(x!.shape, given ? listOf(given, 'shape') : null, a))];
    },
  });
}

const Reshape = view(z.strictObject({ allowzero: flag.default(false) }), [2, 2], (from, list, { allowzero }) =>
  wantedShape(from, list!, allowzero),
);

const Flatten = view(z.strictObject({ axis: int.default(1) }), [1, 1], (from, _, { axis }) => {
  const at = axis < 0 ? axis + from.length : axis;
  if (at < 0 || at > from.length) invalid(`axis ${axis} is outside a tensor of ${from.length} axes`);
  return [sizeOf(from.slice(0, at)), sizeOf(from.slice(at))];
});

/** Axes are an attribute up to opset 12, then an input. */
const axes = z.strictObject({ axes: axesList.optional() });

const Squeeze = view(axes, [1, 2], (from, list, a) => {
  const given = list ?? a.axes ?? null;
  const gone = given ? normalAxes(given, from.length) : from.flatMap((dim, i) => (dim === 1 ? [i] : []));
  if (gone.some((axis) => from[axis] !== 1)) invalid(`[${from.join(', ')}] is not 1 along [${gone.join(', ')}]`);
  return from.filter((_, i) => !gone.includes(i));
});

const Unsqueeze = view(axes, [1, 2], (from, list, a) => {
  const given = list ?? a.axes ?? invalid('it names no axes');
  const rank = from.length + given.length;
  const added = normalAxes(given, rank);
  const rest = [...from];
  return Array.from({ length: rank }, (_, i) => (added.includes(i) ? 1 : rest.shift()!));
});

const Shape = defineOnnxOp({
  attributes: z.strictObject({ start: int.default(0), end: int.optional() }),
  inputs: [1, 1],
  fold: (_, [x], { start, end }) => [integers(x!.shape.slice(start, end))],
  build: (_, [x], { start, end }) => [integers(x!.shape.slice(start, end))],
});

const Size = defineOnnxOp({
  attributes: none,
  inputs: [1, 1],
  fold: (_, [x]) => [reshaped(integers([sizeOf(x!.shape)]), [])],
  build: (_, [x]) => [reshaped(integers([sizeOf(x!.shape)]), [])],
});

const Identity = defineOnnxOp({
  attributes: none,
  inputs: [1, 1],
  fold: (_, [x]) => [x!],
  build: (_, [x]) => [x!],
});

/** Random in training, nothing at any other time. */
const Dropout = defineOnnxOp({
  attributes: z.strictObject({ ratio: z.number().optional(), seed: int.optional() }),
  inputs: [1, 3],
  fold: (_, [x]) => [x!],
  build(_, [x, , training]) {
    if (training && scalarOf(knownOf(training, 'training_mode'), 'training_mode') !== 0) {
      unsupported('it is in its training mode');
    }
    return [x!];
  },
});

/** Numbers of one kind as another: towards zero to whole ones. */
function castTo(x: Known, kind: Kind, spend: (numbers: number) => void): Known {
  if (x.kind === kind) return x;
  spend(x.data.length);
  const convert: Record<Kind, (v: number) => number> = {
    float: (v) => v,
    int: (v) => (Number.isNaN(v) ? 0 : Math.trunc(v)),
    bool: (v) => (v === 0 ? 0 : 1),
  };
  const data = kind === 'float' ? Float32Array.from(x.data) : Float64Array.from(x.data, convert[kind]);
  return { kind, shape: x.shape, data };
}

const castKind = (type: number): Kind => kindOf(type) ?? unsupported(`the data type ${type}`);

function castLive(x: Live, kind: Kind): Live {
  // What is computed are floats, and masks of 0 and 1, which are numbers of any kind.
  if (kind === 'float' || x.mask) return { ...x, mask: kind === 'bool' };
  return unsupported(`what is computed from the input is made whole numbers (${kind})`);
}

const Cast = defineOnnxOp({
  attributes: z.strictObject({ to: int, saturate: int.optional() }),
  inputs: [1, 1],
  unsupported: ({ to }) => (kindOf(to) ? null : `the data type ${to}`),
  fold: ({ budget }, [x], { to }) => [castTo(x!, castKind(to), (n) => budget.spend(n))],
  build: (_, [x], { to }) => [castLive(liveOf(x), castKind(to))],
});

const CastLike = defineOnnxOp({
  attributes: z.strictObject({ saturate: int.optional() }),
  inputs: [2, 2],
  fold: ({ budget }, [x, like]) => [castTo(x!, like!.kind, (n) => budget.spend(n))],
  build(c, [x, like]) {
    const kind = isLive(like!) ? (like.mask ? 'bool' : 'float') : like!.kind;
    return [isLive(x!) ? castLive(x, kind) : castTo(x!, kind, (n) => c.budget.spend(n))];
  },
});

const tensor = z.custom<Known>((x) => typeof x === 'object' && x !== null && 'kind' in x);
const list = z.array(z.number());

const constantAttributes = z.strictObject({
  value: tensor.optional(),
  value_float: z.number().optional(),
  value_floats: list.optional(),
  value_int: z.number().optional(),
  value_ints: list.optional(),
});

const Constant = defineOnnxOp({
  attributes: constantAttributes,
  inputs: [0, 0],
  fold({ name }, _, a) {
    if (a.value) return [a.value.name ? a.value : { ...a.value, name: `${name}.value` }];
    const floats = a.value_floats ?? (a.value_float === undefined ? null : [a.value_float]);
    const ints = a.value_ints ?? (a.value_int === undefined ? null : [a.value_int]);
    const numbers = floats ?? ints ?? invalid('it has no value');
    const shape = a.value_floats || a.value_ints ? [numbers.length] : [];
    const data = floats ? Float32Array.from(numbers) : Float64Array.from(numbers);
    return [{ kind: floats ? 'float' : 'int', shape, data }];
  },
});

const ConstantOfShape = defineOnnxOp({
  attributes: z.strictObject({ value: tensor.optional() }),
  inputs: [1, 1],
  fold({ budget }, [shape], { value }) {
    const fill = value ? scalarOf(value, 'value') : 0;
    return [known(budget, value?.kind ?? 'float', listOf(shape!, 'shape'), () => fill)];
  },
});

const Range = defineOnnxOp({
  attributes: none,
  inputs: [3, 3],
  fold({ budget }, [start, limit, delta]) {
    const [from, to, step] = [start, limit, delta].map((x) => scalarOf(x!, 'range')) as [number, number, number];
    const count = Math.max(0, Math.ceil((to - from) / step));
    if (!Number.isSafeInteger(count)) invalid(`a range from ${from} to ${to} by ${step}`);
    return [known(budget, start!.kind, [count], (i) => from + i * step)];
  },
});

/** Zeros in a shape that repeats a tensor up to another shape when they are added. */
export function zerosAlong({ budget }: FoldContext, from: readonly number[], to: readonly number[]): Known {
  const offset = to.length - from.length;
  const shape = to.map((dim, i) => (dim === (from[i - offset] ?? 1) ? 1 : dim));
  return known(budget, 'float', shape, () => 0);
}

/** The shape that a tensor is repeated to. */
function expandedShape(from: readonly number[], wanted: Known): number[] {
  const to = listOf(wanted, 'shape');
  if (!to.every((dim) => Number.isSafeInteger(dim) && dim >= 0)) invalid(`it repeats up to [${to.join(', ')}]`);
  return broadcastKnown(from, to);
}

const Expand = defineOnnxOp({
  attributes: none,
  inputs: [2, 2],
  fold: ({ budget }, [x, shape]) => [broadcast(budget, x!, expandedShape(x!.shape, shape!))],
  build(c, [input, wanted]) {
    const x = liveOf(input);
    const shape = expandedShape(x.shape, knownOf(wanted, 'shape'));
    const zeros = zerosAlong(c, x.shape, shape);
    if (shape.length === x.shape.length && zeros.data.length === 1) return [x];
    return [{ ...pair(c, x, zeros, add), mask: x.mask ?? false }];
  },
});

export const shapeOps = {
  Reshape,
  Flatten,
  Squeeze,
  Unsqueeze,
  Shape,
  Size,
  Identity,
  Dropout,
  Cast,
  CastLike,
  Constant,
  ConstantOfShape,
  Range,
  Expand,
};
