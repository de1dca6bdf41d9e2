/**
 * Weights of a network that is described as code. The same description is built twice: for training, with the weights
 * as inputs of the graph, and for use, with the trained weights as constants.
 */
import type { GraphBuilder, Value } from '../graph/graph.js';
import { sizeOf, type Shape } from '../graph/shape.js';
import type { NamedTensor, Weights } from '../models/safetensors.js';
import { NeuroreelError } from '../../protocol/errors.js';
import { Random } from '../random.js';

/** Gives a weight by name; `spread` is the standard deviation it starts with (0: it starts at zero). */
export type Parameters = (name: string, shape: Shape, spread: number) => Value;

/** Standard deviation that keeps the variance through a rectified layer with this many inputs (He et al. 2015). */
export const heSpread = (fanIn: number): number => Math.sqrt(2 / fanIn);

/** Parameters that become inputs of the graph; `initial` collects their starting values, drawn from the seed. */
export function trainable(b: GraphBuilder, initial: Map<string, NamedTensor>, seed: number): Parameters {
  return (name, shape, spread) => {
    const random = new Random(`${seed}:${name}`);
    initial.set(name, { shape, data: random.normals(sizeOf(shape), spread) });
    return b.input(name, shape);
  };
}

/** Parameters that are constants; throws MODEL_INVALID when one is missing or has another shape. */
export function trained(b: GraphBuilder, weights: Weights): Parameters {
  return (name, shape) => {
    const tensor = weights.get(name);
    if (!tensor || tensor.shape.join() !== shape.join()) {
      throw new NeuroreelError('MODEL_INVALID', `The weights hold no "${name}" of shape [${shape.join(', ')}].`);
    }
    return b.constant(tensor.data, shape, name);
  };
}
