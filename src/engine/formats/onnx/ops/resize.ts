/**
 * Enlarging and shrinking pictures. Each axis is resized alone: nearest places are picked, or repeated where the factor is
 * whole; linear and cubic interpolation is a product with a matrix along the axis.
 */
import { z } from 'zod';
import type { Value } from '../../../graph/graph.js';
import { sizeOf } from '../../../graph/shape.js';
import { conv2d } from '../../../ops/conv.js';
import { matmul } from '../../../ops/matmul.js';
import { listOf } from '../known.js';
import { invalid, laneAxis, laneShape, repeatRows, unsupported, view, type Live, type Operand } from '../live.js';
import { axesList, defineOnnxOp, flag, liveOf, normalAxes, optionalKnown, type BuildContext } from './definition.js';
import { pickedRows } from './layout.js';

const MAX_EXTENT = 65_536;
/** Most numbers of the matrix of an interpolation. */
const MAX_MATRIX = 2 ** 24;
/** Whole factors up to this are repetitions; a larger one picks rows. */
const MAX_REPEAT = 64;

const COORDINATES = [
  'half_pixel',
  'half_pixel_symmetric',
  'pytorch_half_pixel',
  'align_corners',
  'asymmetric',
  'tf_half_pixel_for_nn',
  'tf_crop_and_resize',
] as const;
type Coordinates = (typeof COORDINATES)[number];

const NEAREST = ['round_prefer_floor', 'round_prefer_ceil', 'floor', 'ceil'] as const;
type Nearest = (typeof NEAREST)[number];

/** One axis: how many places it has, is to have, and the factor between them as the file has it. */
interface Scaling {
  readonly from: number;
  readonly to: number;
  readonly factor: number;
}

/** Where in the source a place of the result lies. */
function sourceOf(x: number, { from, to, factor }: Scaling, mode: Coordinates): number {
  if (mode === 'asymmetric') return x / factor;
  if (mode === 'align_corners') return to === 1 ? 0 : (x * (from - 1)) / (to - 1);
  if (mode === 'tf_half_pixel_for_nn') return (x + 0.5) / factor;
  if (mode === 'pytorch_half_pixel') return to > 1 ? (x + 0.5) / factor - 0.5 : 0;
  if (mode === 'half_pixel_symmetric') {
    const offset = (from / 2) * (1 - to / (factor * from));
    return offset + (x + 0.5) / factor - 0.5;
  }
  return (x + 0.5) / factor - 0.5;
}

function rounded(x: number, mode: Nearest): number {
  if (mode === 'floor') return Math.floor(x);
  if (mode === 'ceil') return Math.ceil(x);
  return mode === 'round_prefer_floor' ? Math.ceil(x - 0.5) : Math.floor(x + 0.5);
}

const within = (at: number, extent: number): number => Math.min(Math.max(at, 0), extent - 1);

function nearest(c: BuildContext, x: Live, axis: number, scaling: Scaling, mode: Coordinates, round: Nearest): Live {
  const rows = Array.from({ length: scaling.to }, (_, i) =>
    within(rounded(sourceOf(i, scaling, mode), round), scaling.from),
  );
  const times = scaling.to / scaling.from;
  const repeats =
    Number.isInteger(times) && times <= MAX_REPEAT && rows.every((row, i) => row === Math.floor(i / times));
  if (!repeats) return pickedRows(c, x, axis, rows);
  const apart: Live = { ...x, shape: x.shape.toSpliced(axis + 1, 0, 1) };
  const repeated = repeatRows(c.d, apart, axis + 1, times);
  return { ...repeated, shape: x.shape.with(axis, scaling.to) };
}

/** Weights of neighbouring places by their distance; those beyond the border fall to the place at the border. */
type Kernel = { readonly reach: number; readonly weight: (distance: number) => number };

const LINEAR: Kernel = { reach: 1, weight: (distance) => Math.max(0, 1 - Math.abs(distance)) };

/** Keys 1981; `a` is -0.75 in PyTorch and -0.5 elsewhere. */
const cubic = (a: number): Kernel => ({
  reach: 2,
  weight(distance) {
    const t = Math.abs(distance);
    if (t >= 2) return 0;
    return t <= 1 ? ((a + 2) * t - (a + 3)) * t * t + 1 : ((a * t - 5 * a) * t + 8 * a) * t - 4 * a;
  },
});

/** The matrix [to, from] of an interpolation along an axis. */
function interpolation(scaling: Scaling, mode: Coordinates, kernel: Kernel): Float32Array {
  const { from, to } = scaling;
  const matrix = new Float32Array(to * from);
  for (let i = 0; i < to; i++) {
    const place = sourceOf(i, scaling, mode);
    const at = kernel.reach === 1 ? within(place, from) : place;
    const first = Math.floor(at) - kernel.reach + 1;
    for (let k = first; k < first + 2 * kernel.reach; k++) {
      matrix[i * from + within(k, from)]! += kernel.weight(at - k);
    }
  }
  return matrix;
}

/** The product with a matrix [to, from] along an axis. */
function along(c: BuildContext, x: Live, axis: number, matrix: Float32Array, to: number): Live {
  const { d } = c;
  const from = x.shape[axis]!;
  const inner = sizeOf(laneShape(x).slice(laneAxis(x, axis) + 1));
  const name = `${c.name}.along${axis}`;
  const product = (): Value => {
    if (inner === 1) return matmul(d.b, view(d, x, [from]), d.weight(name, matrix, [to, from]), { transB: true });
    // A convolution with one tap mixes the rows as if they were channels.
    return conv2d(d.b, view(d, x, [from, 1, inner]), d.weight(name, matrix, [to, from, 1, 1]), null);
  };
  return { ...x, shape: x.shape.with(axis, to), value: product() };
}

const attributes = z.strictObject({
  mode: z.enum(['nearest', 'linear', 'cubic']).default('nearest'),
  coordinate_transformation_mode: z.enum(COORDINATES).default('half_pixel'),
  nearest_mode: z.enum(NEAREST).default('round_prefer_floor'),
  cubic_coeff_a: z.number().default(-0.75),
  exclude_outside: flag.default(false),
  extrapolation_value: z.number().optional(),
  antialias: flag.default(false),
  axes: axesList.optional(),
  keep_aspect_ratio_policy: z.string().default('stretch'),
});
type Attributes = z.output<typeof attributes>;

function problem(a: Attributes): string | null {
  if (a.coordinate_transformation_mode === 'tf_crop_and_resize') return 'tf_crop_and_resize';
  if (a.antialias) return 'antialias';
  if (a.exclude_outside && a.mode === 'cubic') return 'exclude_outside';
  return a.keep_aspect_ratio_policy === 'stretch' ? null : `keep_aspect_ratio_policy ${a.keep_aspect_ratio_policy}`;
}

/** How each of some axes is scaled, from a list of factors or of sizes. */
function scalingsOf(
  extents: readonly number[],
  scales: readonly number[] | null,
  sizes: readonly number[] | null,
): Scaling[] {
  const list = scales ?? sizes ?? invalid('it has neither scales nor sizes');
  if (list.length !== extents.length) invalid(`it scales ${list.length} axes of ${extents.length}`);
  return extents.map((from, i) => {
    const to = scales ? Math.floor(from * scales[i]!) : list[i]!;
    const factor = scales ? scales[i]! : to / from;
    if (!(Number.isInteger(to) && to >= 1 && to <= MAX_EXTENT)) invalid(`it resizes an axis of ${from} to ${to}`);
    return { from, to, factor };
  });
}

function resized(c: BuildContext, x: Live, axis: number, scaling: Scaling, a: Attributes): Live {
  if (scaling.from === scaling.to && scaling.factor === 1) return x;
  const mode = a.coordinate_transformation_mode;
  c.budget.spend(scaling.to);
  if (a.mode === 'nearest') return nearest(c, x, axis, scaling, mode, a.nearest_mode);
  if (scaling.from * scaling.to > MAX_MATRIX)
    unsupported(`an interpolation of ${scaling.from} to ${scaling.to} places`);
  c.budget.spend(scaling.from * scaling.to);
  const kernel = a.mode === 'linear' ? LINEAR : cubic(a.cubic_coeff_a);
  return along(c, x, axis, interpolation(scaling, mode, kernel), scaling.to);
}

const given = (x: Operand | null | undefined, what: string): number[] | null => {
  const numbers = optionalKnown(x, what);
  return numbers && numbers.data.length > 0 ? listOf(numbers, what) : null;
};

/** Opset 10 has scales only, and no word on coordinates; then there are a region, scales and sizes. */
const Resize = defineOnnxOp({
  attributes,
  inputs: [1, 4],
  unsupported: problem,
  build(c, [input, ...lists], a) {
    const x = liveOf(input);
    const [scales, sizes] = c.opset < 11 ? [lists[0], null] : [lists[1], lists[2]];
    const axes = a.axes ? normalAxes(a.axes, x.shape.length) : x.shape.map((_, i) => i);
    const extents = axes.map((axis) => x.shape[axis]!);
    const scalings = scalingsOf(extents, given(scales, 'scales'), given(sizes, 'sizes'));
    const settings = c.opset < 11 ? beforeCoordinates(a, scalings) : a;
    return [axes.reduce((y, axis, i) => resized(c, y, axis, scalings[i]!, settings), x)];
  },
});

/** What opsets 9 and 10 mean: places of the result at multiples of the factor. */
function beforeCoordinates(a: Attributes, scalings: readonly Scaling[]): Attributes {
  if (scalings.some(({ factor }) => factor < 1)) unsupported('shrinking in an opset before 11');
  return { ...a, coordinate_transformation_mode: 'asymmetric', nearest_mode: 'floor' };
}

const Upsample = defineOnnxOp({
  attributes: z.strictObject({
    mode: z.enum(['nearest', 'linear']).default('nearest'),
    scales: z.array(z.number()).optional(),
  }),
  inputs: [1, 2],
  build(c, [input, list], { mode, scales }) {
    const x = liveOf(input);
    const scalings = scalingsOf(x.shape, given(list, 'scales') ?? scales ?? null, null);
    const settings = beforeCoordinates({ ...attributes.parse({}), mode }, scalings);
    return [scalings.reduce((y, scaling, axis) => resized(c, y, axis, scaling, settings), x)];
  },
});

export const resizeOps = { Resize, Upsample };
