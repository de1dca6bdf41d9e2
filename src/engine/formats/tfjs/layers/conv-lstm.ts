/** The cell of an LSTM over pictures, whose products are convolutions (Shi et al. 2015). */
import { z } from 'zod';
import { conv2d } from '../../../ops/conv.js';
import { unroll } from '../../../ops/unroll.js';
import { channels } from '../schema.js';
import { lstmStep, recurrentConfig, type Cell } from './cells.js';
import { convolutionConfig, convolved, formatProblem, kernelInFront, tensorflowPads } from './convolution.js';
import { layerInvalid } from './definition.js';

const config = z.looseObject({ ...convolutionConfig(2), ...recurrentConfig, filters: channels });

/** Gates in the order i, f, c, o, along the channels. The state keeps its size: its convolution is padded. */
export const convLstmCell: Cell<z.output<typeof config>> = {
  config,
  gated: true,
  unsupported: formatProblem,
  project(c, x, { filters, ...options }) {
    if (x.shape.length !== 3) layerInvalid(`it takes a picture at each step, not [${x.shape.join(', ')}]`);
    return convolved(c, x, { ...options, filters: 4 * filters, groups: 1 });
  },
  width: ({ filters }) => 4 * filters,
  states(c, projected, settings) {
    const { filters, kernel_size: kernel } = settings;
    const size = [...kernel, filters, 4 * filters];
    const data = kernelInFront(c.weight('recurrent_kernel', size), size, true);
    const weights = c.constant('recurrent', data, [4 * filters, filters, ...kernel]);
    const pads = tensorflowPads('same', projected.shape.slice(3), kernel, [1, 1]);
    return unroll(
      c.b,
      projected,
      lstmStep(c, settings, (h) => conv2d(c.b, h, weights, null, { pads })),
    );
  },
  anyLength: () => false,
};
