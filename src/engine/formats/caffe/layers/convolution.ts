/** Convolutions and their transposes over pictures. */
import { z } from 'zod';
import { conv2d, convTranspose2d } from '../../../ops/conv.js';
import { layerInvalid, like, pictureOf, type Blob } from '../blob.js';
import { boolean, channels, extent, margin, optional, repeated, section, withDefault } from '../schema.js';
import { defineLayer, type LayerContext, type LayerType, type WeightSpec } from './definition.js';

type Pair = [vertical: number, horizontal: number];

const convolution = section(
  'convolution_param',
  z
    .object({
      num_output: z.tuple([channels]).transform(([n]) => n),
      bias_term: withDefault(boolean, true),
      kernel_size: repeated(extent, 3),
      kernel_h: optional(extent),
      kernel_w: optional(extent),
      stride: repeated(extent, 3),
      stride_h: optional(extent),
      stride_w: optional(extent),
      pad: repeated(margin, 3),
      pad_h: optional(margin),
      pad_w: optional(margin),
      dilation: repeated(extent, 3),
      group: withDefault(channels, 1),
      axis: withDefault(z.int(), 1),
    })
    .transform((p, context) => {
      const pair = (name: string, both: readonly number[], one: (number | undefined)[], otherwise?: number): Pair => {
        const [vertical, horizontal] = both.length === 1 ? [both[0], both[0]] : both;
        const given: (number | undefined)[] = both.length > 0 ? [vertical, horizontal] : one;
        const known = given.map((n) => n ?? otherwise);
        if (known.includes(undefined) || (both.length > 0 && one.some((n) => n !== undefined)) || both.length > 2) {
          context.addIssue({ code: 'custom', message: `${name} is given in a way that is not understood` });
        }
        return [known[0] ?? 1, known[1] ?? 1];
      };
      return {
        outputs: p.num_output,
        bias: p.bias_term,
        kernel: pair('kernel_size', p.kernel_size, [p.kernel_h, p.kernel_w]),
        strides: pair('stride', p.stride, [p.stride_h, p.stride_w], 1),
        margins: pair('pad', p.pad, [p.pad_h, p.pad_w], 0),
        dilations: pair('dilation', p.dilation, [], 1),
        groups: p.group,
        axis: p.axis,
      };
    }),
);
type Config = z.output<typeof convolution>;

/** Weights [first, second / groups, kh, kw]: outputs and inputs of a convolution, the other way round for its transpose. */
function weightsOf(config: Config, x: Blob, transposed: boolean): WeightSpec[] {
  const { outputs, groups, kernel, strides } = config;
  const [inputs] = pictureOf(x);
  if (inputs % groups !== 0 || outputs % groups !== 0) {
    layerInvalid(`${groups} groups do not divide ${inputs} inputs and ${outputs} outputs`);
  }
  const [first, second] = transposed ? [inputs, outputs] : [outputs, inputs];
  const taps = kernel[0] * kernel[1];
  // Of a transposed convolution's taps, one in strides[0] * strides[1] meets each output.
  const met = transposed ? Math.max(1, taps / (strides[0] * strides[1])) : taps;
  return [
    {
      name: 'weights',
      shape: [first, second / groups, ...kernel],
      random: { fan: (inputs / groups) * met },
    },
    ...(config.bias ? [{ name: 'bias', shape: [outputs], random: { all: 0 } }] : []),
  ];
}

function layer(transposed: boolean): LayerType<Config> {
  return defineLayer({
    config: convolution,
    unsupported: ({ axis }) => (axis === 1 || axis === -3 ? null : `axis ${axis}`),
    weights: (config, [x]) => weightsOf(config, x!, transposed),
    build(c: LayerContext, [x], { strides, margins, dilations, groups, bias }) {
      const pads = [...margins, ...margins];
      const options = { strides, pads, dilations, groups };
      const [weights, shift] = [c.weight(0), bias ? c.weight(1) : null];
      const value = transposed
        ? convTranspose2d(c.b, x!.value, weights, shift ? { ...options, bias: shift } : options)
        : conv2d(c.b, x!.value, weights, shift, options);
      return [like(x!, value)];
    },
  });
}

export const convolutionLayers = { Convolution: layer(false), Deconvolution: layer(true) };
