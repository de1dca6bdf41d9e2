/** Normalisations: with statistics that training left, or of the tensor itself. */
import { z } from 'zod';
import { sizeOf } from '../../../graph/shape.js';
import { add, mul, sub } from '../../../ops/elementwise.js';
import { localResponseNorm, power } from '../../../ops/power.js';
import { paired, reshaped, type Known } from '../known.js';
import { invalid, laneAxis, reread, view, type Live } from '../live.js';
import { defineOnnxOp, extent, flag, int, knownOf, liveOf, optionalKnown, type BuildContext } from './definition.js';
import { applied, pair } from './elementwise.js';
import { averaged } from './reduction.js';

/** Widest tensor that is normalised across channels: its window is a matrix of all channels. */
const MAX_LRN_CHANNELS = 4096;

/** The axes of [N, C, ...] after the channels. */
const places = (x: Live): number[] => x.shape.map((_, i) => i).filter((i) => i >= 2);

/** Numbers of each channel in a shape in which they broadcast over [N, C, ...]. */
function perChannel(numbers: Known, rank: number, channels: number, what: string): Known {
  if (numbers.data.length !== channels)
    invalid(`it has ${numbers.data.length} numbers (${what}) for ${channels} channels`);
  return reshaped(numbers, [channels, ...new Array<number>(rank - 2).fill(1)]);
}

/** x * scale + shift with statistics of training: y = (x - mean) / sqrt(variance + epsilon) * scale + shift. */
const BatchNormalization = defineOnnxOp({
  attributes: z.strictObject({
    epsilon: z.number().default(1e-5),
    momentum: z.number().optional(),
    spatial: int.default(1),
    training_mode: flag.default(false),
  }),
  inputs: [5, 5],
  unsupported: ({ training_mode, spatial }) =>
    training_mode ? 'training_mode' : spatial === 1 ? null : 'statistics of each place',
  build(c, [input, ...numbers], { epsilon }) {
    const x = liveOf(input);
    const names = ['scale', 'shift', 'mean', 'variance'];
    const [scale, shift, mean, variance] = names.map((what, i) =>
      perChannel(knownOf(numbers[i], what), x.shape.length, x.shape[1]!, what),
    ) as [Known, Known, Known, Known];
    const slope = paired(c.budget, scale, variance, (s, v) => s / Math.sqrt(v + epsilon));
    const moved = paired(c.budget, mean, slope, (m, s) => m * s);
    const offset = paired(c.budget, shift, moved, (s, m) => s - m);
    const y = pair({ ...c, name: `${c.name}.scale` }, x, slope, mul);
    return [pair({ ...c, name: `${c.name}.shift` }, y, offset, add)];
  },
});

/** (x - mean) / sqrt(variance + epsilon) over axes of the tensor itself. */
function standardised(c: BuildContext, x: Live, axes: readonly number[], epsilon: number): Live {
  const { b } = c.d;
  const centred = pair(c, x, averaged(c, x, axes), sub);
  const variance = averaged(
    c,
    applied(centred, (v) => mul(b, v, v)),
    axes,
  );
  const inverse = applied(variance, (v) => power(b, add(b, v, b.scalar(epsilon)), -0.5));
  return pair(c, centred, inverse, mul);
}

function scaled(c: BuildContext, x: Live, scale: Known, shift: Known | null): Live {
  const y = pair({ ...c, name: `${c.name}.scale` }, x, scale, mul);
  return shift ? pair({ ...c, name: `${c.name}.shift` }, y, shift, add) : y;
}

const InstanceNormalization = defineOnnxOp({
  attributes: z.strictObject({ epsilon: z.number().default(1e-5) }),
  inputs: [3, 3],
  build(c, [input, scale, shift], { epsilon }) {
    const x = liveOf(input);
    const rank = x.shape.length;
    if (rank < 3) invalid(`it takes tensors of 3 axes or more, not of ${rank}`);
    const axes = places(x);
    const numbers = [scale, shift].map((n) => perChannel(knownOf(n, 'scale and shift'), rank, x.shape[1]!, 'scale'));
    return [scaled(c, standardised(c, x, axes, epsilon), numbers[0]!, numbers[1]!)];
  },
});

const LayerNormalization = defineOnnxOp({
  attributes: z.strictObject({
    axis: int.default(-1),
    epsilon: z.number().default(1e-5),
    stash_type: int.optional(),
  }),
  inputs: [2, 3],
  build(c, [input, scale, shift], { axis, epsilon }) {
    const x = liveOf(input);
    const first = axis < 0 ? axis + x.shape.length : axis;
    const axes = x.shape.map((_, i) => i).filter((i) => i >= first);
    const y = standardised(c, x, axes, epsilon);
    return [scaled(c, y, knownOf(scale, 'scale'), optionalKnown(shift, 'shift'))];
  },
});

/** Up to opset 20 with numbers for each group, then for each channel. */
const GroupNormalization = defineOnnxOp({
  attributes: z.strictObject({
    epsilon: z.number().default(1e-5),
    num_groups: extent,
    stash_type: int.optional(),
  }),
  inputs: [3, 3],
  build(c, [input, scale, shift], { epsilon, num_groups: groups }) {
    const x = liveOf(input);
    const [n, channels] = x.shape as [number, number];
    if (channels % groups !== 0) invalid(`${channels} channels are no ${groups} groups`);
    laneAxis(x, 1);
    const grouped = reread(x, [n, groups, sizeOf(x.shape.slice(1)) / groups]);
    const y = reread(standardised(c, grouped, [2], epsilon), x.shape);
    const numbers = [scale, shift].map((given) => {
      const list = knownOf(given, 'scale and shift');
      const each = list.data.length === groups ? repeated(c, list, channels / groups) : list;
      return perChannel(each, x.shape.length, channels, 'scale');
    });
    return [scaled(c, y, numbers[0]!, numbers[1]!)];
  },
});

/** Each number several times. */
function repeated(c: BuildContext, x: Known, times: number): Known {
  const zeros: Known = { kind: 'float', shape: [1, times], data: new Float32Array(times) };
  return reshaped(
    paired(c.budget, reshaped(x, [x.data.length, 1]), zeros, (v) => v),
    [x.data.length * times],
  );
}

/** Across channels: x / (bias + alpha / size * sum of squares over `size` channels)^beta. */
const LRN = defineOnnxOp({
  attributes: z.strictObject({
    alpha: z.number().default(1e-4),
    beta: z.number().default(0.75),
    bias: z.number().default(1),
    size: extent,
  }),
  inputs: [1, 1],
  // The standard and those who export disagree on which side of the channel is the longer one.
  unsupported: ({ size }) => (size % 2 === 1 ? null : 'an even size'),
  build(c, [input], { alpha, beta, bias: k, size }) {
    const x = liveOf(input);
    const channels = x.shape[1]!;
    laneAxis(x, 1);
    places(x).forEach((axis) => laneAxis(x, axis));
    if (channels > MAX_LRN_CHANNELS) invalid(`it normalises across ${channels} channels`);
    const { b } = c.d;
    const around = x.shape.slice(2);
    const value = view(c.d, x, around.length === 2 ? x.shape.slice(1) : [channels, sizeOf(around), 1]);
    const y = localResponseNorm(b, value, { size, alpha, beta, k });
    return [{ ...x, value: y }];
  },
});

export const normalisationOps = {
  BatchNormalization,
  InstanceNormalization,
  LayerNormalization,
  GroupNormalization,
  LRN,
};
