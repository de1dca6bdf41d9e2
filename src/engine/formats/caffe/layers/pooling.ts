/** Pooling over pictures. Sizes are rounded up, unless the layer says otherwise. */
import { z } from 'zod';
import { averagePool2d, maxPool2d } from '../../../ops/pool.js';
import { layerUnsupported, like, pictureOf } from '../blob.js';
import { boolean, choice, extent, margin, optional, section, withDefault } from '../schema.js';
import { defineLayer } from './definition.js';

const config = section(
  'pooling_param',
  z.object({
    pool: withDefault(choice('MAX', 'AVE', 'STOCHASTIC'), 'MAX'),
    kernel_size: optional(extent),
    kernel_h: optional(extent),
    kernel_w: optional(extent),
    stride: optional(extent),
    stride_h: optional(extent),
    stride_w: optional(extent),
    pad: optional(margin),
    pad_h: optional(margin),
    pad_w: optional(margin),
    global_pooling: withDefault(boolean, false),
    round_mode: withDefault(choice('CEIL', 'FLOOR'), 'CEIL'),
  }),
);

/**
 * Averages divide by the window within the padded input. A window that would start beyond the padded input is dropped;
 * Caffe does so only where there is padding, and windows that hold nothing at all are refused here.
 */
const Pooling = defineLayer({
  config,
  unsupported(p) {
    if (p.pool === 'STOCHASTIC') return 'pool: STOCHASTIC';
    if (p.global_pooling) return null;
    return [p.kernel_h ?? p.kernel_size, p.kernel_w ?? p.kernel_size].includes(undefined) ? 'no kernel_size' : null;
  },
  build({ b }, [x], p) {
    const [, height, width] = pictureOf(x!);
    const whole = p.global_pooling;
    const kernel: [number, number] = whole
      ? [height, width]
      : [p.kernel_h ?? p.kernel_size!, p.kernel_w ?? p.kernel_size!];
    const strides: [number, number] = whole ? [1, 1] : [p.stride_h ?? p.stride ?? 1, p.stride_w ?? p.stride ?? 1];
    const [top, left] = whole ? [0, 0] : [p.pad_h ?? p.pad ?? 0, p.pad_w ?? p.pad ?? 0];
    const pads: [number, number, number, number] = [top, left, top, left];
    const ceil = p.round_mode === 'CEIL';
    const beyond = ([height, width] as const).some(
      (side, i) => Math.ceil((side - kernel[i]!) / strides[i]!) * strides[i]! >= side,
    );
    if (ceil && top === 0 && left === 0 && beyond) layerUnsupported('its last windows hold nothing');
    const options = { kernel, strides, pads, ceil };
    const value =
      p.pool === 'MAX'
        ? maxPool2d(b, x!.value, options)
        : averagePool2d(b, x!.value, { ...options, divisor: 'padded' });
    return [like(x!, value)];
  },
});

export const poolingLayers = { Pooling };
