/** The weights of a Keras model by layer and name, decoded when they are asked for. */
import { NeuroreelError } from '../../../protocol/errors.js';
import { sameShape, showShape, sizeOf, type Shape } from '../../graph/shape.js';
import { fromHalf } from '../../models/half.js';
import type { StoredWeight } from './files.js';

/** Parts of a weight's name beyond which it is not taken apart; real names have two to six. */
const MAX_PARTS = 12;

type Reader = (bytes: Buffer, i: number) => number;
const READERS: Readonly<Record<string, Reader>> = {
  float32: (bytes, i) => bytes.readFloatLE(4 * i),
  int32: (bytes, i) => bytes.readInt32LE(4 * i),
  float16: (bytes, i) => fromHalf(bytes.readUInt16LE(2 * i)),
  uint16: (bytes, i) => bytes.readUInt16LE(2 * i),
  uint8: (bytes, i) => bytes.readUInt8(i),
  bool: (bytes, i) => bytes.readUInt8(i),
};

/** The numbers of a weight; quantised ones are stored * scale + min. */
function decode({ entry, stored, bytes }: StoredWeight): Float32Array {
  const { scale, min, original_dtype } = entry.quantization ?? { scale: 1, min: 0, original_dtype: 'float32' };
  const affine = entry.quantization !== undefined && stored !== 'float16';
  const whole = affine && original_dtype === 'int32';
  const read = READERS[stored]!;
  const data = new Float32Array(sizeOf(entry.shape));
  for (let i = 0; i < data.length; i++) {
    const x = read(bytes, i);
    const value = affine ? x * scale + min : x;
    data[i] = whole ? Math.round(value) : value;
  }
  if (!data.every(Number.isFinite)) {
    throw new NeuroreelError('MODEL_INVALID', `The weights "${entry.name}" hold numbers that are not finite.`);
  }
  return data;
}

/** Numbers that may be decoded without more in the file, and how often all that is there may be. */
const FREE_NUMBERS = 2 ** 24;
const REPETITIONS = 16;

export class KerasWeights {
  /** How many numbers there are. */
  readonly size: number;
  #decoded = 0;
  /** By a run of parts of the name and its last part: `a/b/cell/kernel` is found under a/b, b, cell, a/b/cell ... */
  readonly #byRun = new Map<string, StoredWeight[]>();

  constructor(weights: readonly StoredWeight[]) {
    this.size = weights.reduce((n, { entry }) => n + sizeOf(entry.shape), 0);
    for (const weight of weights) {
      const parts = weight.entry.name.replace(/:\d+$/, '').split('/');
      if (parts.length > MAX_PARTS) {
        throw new NeuroreelError('MODEL_INVALID', `The weights' name "${weight.entry.name}" has too many parts.`);
      }
      const last = parts.length - 1;
      for (let from = 0; from < last; from++) {
        for (let to = from + 1; to <= last; to++) {
          const key = `${parts.slice(from, to).join('/')}\n${parts[last]}`;
          const known = this.#byRun.get(key);
          if (known) known.push(weight);
          else this.#byRun.set(key, [weight]);
        }
      }
    }
  }

  /**
   * A weight of a layer. Converters name weights `layer/kernel`, `outer/layer/kernel` or `layer/cell/kernel`.
   * @param layers names under which the weight may stand, the most telling first.
   * @throws NeuroreelError MODEL_INVALID when there is none of that name and shape, or more than one, or when all weights
   * together have been asked for more often than any network would.
   */
  find(layers: readonly string[], name: string, shape: Shape): Float32Array {
    const where = `"${name}" of layer "${layers[0]}"`;
    let other: Shape | undefined;
    for (const layer of layers) {
      const known = this.#byRun.get(`${layer}\n${name}`) ?? [];
      const fitting = known.filter(({ entry }) => sameShape(entry.shape, shape));
      const exact = fitting.filter(({ entry }) => entry.name === `${layer}/${name}`);
      const chosen = exact.length > 0 ? exact : fitting;
      if (chosen.length === 1) return this.#numbers(chosen[0]!);
      if (chosen.length > 1) {
        throw new NeuroreelError('MODEL_INVALID', `The file has several weights that may be ${where}.`);
      }
      other ??= known[0]?.entry.shape;
    }
    const found = other ? `has the shape ${showShape(other)}` : 'is missing';
    throw new NeuroreelError('MODEL_INVALID', `The weight ${where} ${found}; ${showShape(shape)} is expected.`);
  }
  #numbers(weight: StoredWeight): Float32Array {
    this.#decoded += sizeOf(weight.entry.shape);
    if (this.#decoded > FREE_NUMBERS + REPETITIONS * this.size) {
      throw new NeuroreelError('MODEL_INVALID', "The model's layers are called too often for weights of this size.");
    }
    return decode(weight);
  }
}
