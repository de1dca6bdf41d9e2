/** Windows that slide over the places of a tensor: what convolutions and poolings have in common. */
import { z } from 'zod';
import { invalid } from './live.js';
import { extents, margins } from './ops/definition.js';

export const autoPad = z.enum(['NOTSET', 'SAME_UPPER', 'SAME_LOWER', 'VALID']).default('NOTSET');

/** Attributes of every sliding window. */
export const windowAttributes = {
  auto_pad: autoPad,
  dilations: extents.optional(),
  kernel_shape: extents.optional(),
  pads: margins.optional(),
  strides: extents.optional(),
};

export interface WindowAttributes {
  readonly auto_pad: z.output<typeof autoPad>;
  readonly dilations?: readonly number[] | undefined;
  readonly kernel_shape?: readonly number[] | undefined;
  readonly pads?: readonly number[] | undefined;
  readonly strides?: readonly number[] | undefined;
}

/** A window along one axis. */
export interface Window {
  readonly kernel: number;
  readonly stride: number;
  readonly dilation: number;
  readonly before: number;
  readonly after: number;
}

/** Padding before and after that an output as large as the input divided by the stride needs. */
export function sameMargins(total: number, upper: boolean): [number, number] {
  const small = Math.floor(total / 2);
  return upper ? [small, total - small] : [total - small, small];
}

/**
 * The windows along each axis of places.
 * @param places extents of the input's axes after the channels.
 * @param kernel extents of the weights, where there are any.
 */
export function windowsOf(places: readonly number[], a: WindowAttributes, kernel = a.kernel_shape): Window[] {
  const rank = places.length;
  const ones = places.map(() => 1);
  const [strides, dilations] = [a.strides ?? ones, a.dilations ?? ones];
  const pads = a.pads ?? [...ones, ...ones].map(() => 0);
  const fits = kernel?.length === rank && strides.length === rank && dilations.length === rank;
  if (!fits || pads.length !== 2 * rank || (a.kernel_shape && a.kernel_shape.join() !== kernel.join())) {
    return invalid(`its kernel, strides, dilations or pads do not fit ${rank} axes of places`);
  }
  return places.map((place, i) => {
    const [extent, stride, dilation] = [kernel[i]!, strides[i]!, dilations[i]!];
    if (a.auto_pad === 'NOTSET') {
      return { kernel: extent, stride, dilation, before: pads[i]!, after: pads[i + rank]! };
    }
    const total = (Math.ceil(place / stride) - 1) * stride + (extent - 1) * dilation + 1 - place;
    const same = sameMargins(Math.max(0, total), a.auto_pad === 'SAME_UPPER');
    const [before, after] = a.auto_pad === 'VALID' ? [0, 0] : same;
    return { kernel: extent, stride, dilation, before, after };
  });
}
