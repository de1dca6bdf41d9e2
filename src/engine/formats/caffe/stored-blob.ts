/** Reads a BlobProto of a `.caffemodel`: numbers as floats or doubles, packed or one by one, and a shape of either form. */
import { WireType, type BinaryReader } from '@bufbuild/protobuf/wire';
import { NeuroreelError } from '../../../protocol/errors.js';
import { eachField, guarded, type Budget } from './wire.js';

/** Field numbers: num, channels, height and width are 1 to 4, the older form of a shape. */
const LEGACY_FIELDS = 4;
const DATA = 5;
const SHAPE = 7;
const DOUBLE_DATA = 8;
const SHAPE_DIM = 1;

const MAX_AXES = 32;
/** Fields of one blob; numbers that follow each other, each with a tag, count as one. */
const MAX_FIELDS = 1_000_000;

export interface StoredBlob {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

function invalid(message: string): never {
  throw new NeuroreelError('MODEL_INVALID', message);
}

function dimensions(bytes: Uint8Array, budget: Budget, into: number[]): void {
  const push = (dim: bigint | number | string): void => {
    if (into.push(Number(dim)) > MAX_AXES) invalid(`A blob has more than ${MAX_AXES} axes.`);
  };
  eachField(bytes, budget, (field, wire, reader) => {
    if (field !== SHAPE_DIM) return false;
    if (wire === WireType.Varint) push(reader.int64());
    else if (wire === WireType.LengthDelimited) {
      const end = reader.uint32() + reader.pos;
      while (reader.pos < end) push(reader.int64());
    } else return false;
    return true;
  });
}

/** The numbers of one field. They are counted first, and kept in a second pass. */
class Numbers {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #field: number;
  readonly #width: 4 | 8;
  #into: Float32Array | null = null;
  count = 0;

  constructor(bytes: Uint8Array, field: number, width: 4 | 8) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#field = field;
    this.#width = width;
  }

  /** From here on, numbers are kept. */
  start(): Float32Array {
    this.#into = new Float32Array(this.count);
    this.count = 0;
    return this.#into;
  }

  /** Takes a field; false where it holds none of these numbers. */
  take(field: number, wire: WireType, reader: BinaryReader): boolean {
    if (field !== this.#field) return false;
    const width = this.#width;
    if (wire === (width === 4 ? WireType.Bit32 : WireType.Bit64)) {
      // There may be millions of single numbers: those that follow are taken here, without the general reader.
      const tag = (field << 3) | wire;
      do {
        this.#add(reader.pos, width);
        reader.pos += width;
      } while (this.#bytes[reader.pos] === tag && reader.pos++ >= 0);
      return true;
    }
    if (wire !== WireType.LengthDelimited) return false;
    const length = reader.uint32();
    if (length % width !== 0) invalid('A blob ends within a number.');
    this.#add(reader.pos, length);
    reader.pos += length;
    return true;
  }

  /** Throws RangeError where the file ends before its numbers. */
  #add(from: number, length: number): void {
    if (from + length > this.#bytes.length) throw new RangeError('premature end');
    const n = length / this.#width;
    const into = this.#into;
    if (into && n === 1) into[this.count] = this.#at(from);
    else if (into && this.#width === 4) {
      new Uint8Array(into.buffer, 4 * this.count, length).set(this.#bytes.subarray(from, from + length));
    } else if (into) {
      for (let i = 0; i < n; i++) into[this.count + i] = this.#at(from + 8 * i);
    }
    this.count += n;
  }

  #at(place: number): number {
    return this.#width === 4 ? this.#view.getFloat32(place, true) : this.#view.getFloat64(place, true);
  }
}

function checkCount(shape: readonly number[], count: number, expected: number, what: string): void {
  const shown = `[${shape.join(', ')}]`;
  if (!shape.every((dim) => Number.isSafeInteger(dim) && dim > 0)) {
    invalid(`${what} have an impossible shape ${shown}.`);
  }
  const size = shape.reduce((n, dim) => n * dim, 1);
  if (size !== count) invalid(`${what} are ${count} numbers for the shape ${shown}.`);
  if (count !== expected) invalid(`${what} have the shape ${shown}; ${expected} numbers are expected.`);
}

function allFinite(data: Float32Array): boolean {
  for (let i = 0; i < data.length; i++) if (!Number.isFinite(data[i])) return false;
  return true;
}

/**
 * Decodes a blob. Doubles count where there are any; of two forms of a shape the older one does, as in Caffe.
 * @param expected how many numbers there should be; nothing is allocated for another count.
 * @throws NeuroreelError MODEL_INVALID for a damaged blob, another count, a shape that does not fit its numbers, and
 * numbers that are not finite.
 */
export function readBlob(bytes: Uint8Array, expected: number, what: string): StoredBlob {
  return guarded(what, () => {
    const [floats, doubles] = [new Numbers(bytes, DATA, 4), new Numbers(bytes, DOUBLE_DATA, 8)];
    const budget = { left: MAX_FIELDS };
    const legacy = new Array<number>(LEGACY_FIELDS).fill(0);
    let old = false;
    const shape: number[] = [];
    eachField(bytes, budget, (field, wire, reader) => {
      if (floats.take(field, wire, reader) || doubles.take(field, wire, reader)) return true;
      if (field === SHAPE && wire === WireType.LengthDelimited) dimensions(reader.bytes(), budget, shape);
      else if (field <= LEGACY_FIELDS && wire === WireType.Varint) {
        legacy[field - 1] = reader.int32();
        old = true;
      } else return false;
      return true;
    });
    const numbers = doubles.count > 0 ? doubles : floats;
    const given = old ? legacy : shape;
    checkCount(given, numbers.count, expected, what);
    const data = numbers.start();
    eachField(bytes, { left: MAX_FIELDS }, (field, wire, reader) => numbers.take(field, wire, reader));
    if (!allFinite(data)) invalid(`${what} hold numbers that are not finite.`);
    return { shape: given, data };
  });
}
