/** Where the weights of a Caffe network come from: a `.caffemodel`, or chance. */
import { NeuroreelError } from '../../../protocol/errors.js';
import { sameShape, showShape, sizeOf, type Shape } from '../../graph/shape.js';
import { Random } from '../../random.js';
import type { WeightSpec } from './layers/definition.js';
import { readBlob } from './stored-blob.js';
import type { LayerCall } from './net.js';
import type { StoredLayer } from './wire.js';

/** Most weights that are drawn at random; the largest networks in use have half of it. */
const MAX_RANDOM = 2 ** 28;
const SEED = 'caffe';

export interface WeightSource {
  /**
   * Numbers of weight i of a layer.
   * @param count how many weights the layer should have in all; null where it is another layer's place to say.
   * @throws NeuroreelError MODEL_INVALID where there are none of that shape.
   */
  numbers(call: LayerCall, i: number, spec: WeightSpec, count: number | null): Float32Array;
}

/**
 * Keeps layers of one name apart, and gives layers that share weights the same: those of the last one, as Caffe leaves it
 * when it has copied the weights of every layer in turn.
 */
export class NetWeights implements WeightSource {
  readonly #source: WeightSource;
  readonly #owners = new Map<string, LayerCall>();
  readonly #sharing = new Map<string, { call: LayerCall; index: number }>();

  constructor(source: WeightSource, calls: readonly LayerCall[]) {
    this.#source = source;
    for (const call of calls) {
      call.shared.forEach((name, index) => name !== '' && this.#sharing.set(name, { call, index }));
    }
  }

  numbers(call: LayerCall, i: number, spec: WeightSpec, count: number | null): Float32Array {
    const { call: owner, index } = this.#sharing.get(call.shared[i] ?? '') ?? { call, index: i };
    const known = this.#owners.get(owner.name) ?? owner;
    this.#owners.set(owner.name, owner);
    if (known !== owner) {
      throw new NeuroreelError('MODEL_INVALID', `Two layers with weights are named "${owner.name}".`);
    }
    return this.#source.numbers(owner, index, spec, owner === call ? count : null);
  }
}

const withoutOnes = (shape: Shape): Shape => shape.slice(shape.findIndex((dim) => dim !== 1) >>> 0);

/** Weights of a file. Older files have four axes for every blob, of which the first are 1. */
export class FileWeights implements WeightSource {
  readonly #layers: ReadonlyMap<string, StoredLayer>;
  readonly #what: string;

  constructor(layers: ReadonlyMap<string, StoredLayer>, what: string) {
    this.#layers = layers;
    this.#what = what;
  }

  numbers(call: LayerCall, i: number, { name, shape }: WeightSpec, count: number | null): Float32Array {
    const layer = this.#layers.get(call.name);
    const where = `${call.typeName} "${call.name}"`;
    if (!layer) throw new NeuroreelError('MODEL_INVALID', `${this.#what} has no weights for ${where}.`);
    const blob = layer.blobs[i];
    if (!blob || (count !== null && layer.blobs.length !== count)) {
      const counts = `${layer.blobs.length} blobs for ${where}; ${count ?? i + 1} are expected`;
      throw new NeuroreelError('MODEL_INVALID', `${this.#what} has ${counts}.`);
    }
    const what = `${this.#what}: the ${name} of ${where}`;
    const stored = readBlob(blob, sizeOf(shape), what);
    if (!sameShape(withoutOnes(stored.shape), withoutOnes(shape))) {
      const shapes = `${showShape(stored.shape)}; ${showShape(shape)} is expected`;
      throw new NeuroreelError('MODEL_INVALID', `${what} have the shape ${shapes}.`);
    }
    return stored.data;
  }
}

/**
 * Weights drawn at random, the same ones each time: uniform with the variance 2 / inputs, with which activations neither
 * die nor explode over layers with rectifiers (He et al. 2015).
 */
export class RandomWeights implements WeightSource {
  #drawn = 0;

  numbers(call: LayerCall, _i: number, { name, shape, random: rule }: WeightSpec): Float32Array {
    const size = sizeOf(shape);
    this.#drawn += size;
    if (!(this.#drawn <= MAX_RANDOM)) {
      const what = `With ${showShape(shape)} for the ${name} of ${call.typeName} "${call.name}"`;
      throw new NeuroreelError('MODEL_INVALID', `${what}, the network has more than ${MAX_RANDOM} weights.`);
    }
    if ('all' in rule) return new Float32Array(size).fill(rule.all);
    const reach = Math.sqrt(6 / rule.fan);
    return new Random(`${SEED}:${call.name}:${name}`).uniforms(size, -reach, reach);
  }
}
