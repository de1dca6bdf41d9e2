/** The numbers of a tensor in an ONNX file: raw bytes, a field of their type, or a part of another file. */
import { NeuroreelError } from '../../../protocol/errors.js';
import { showShape, sizeOf } from '../../graph/shape.js';
import { fromHalf } from '../../models/half.js';
import { MAX_RANK, type Kind, type Known } from './known.js';
import type { TensorFile } from './wire.js';

type Reader = (view: DataView, at: number) => number;

interface StoredType {
  readonly kind: Kind;
  /** Bytes of a number. */
  readonly width: number;
  readonly read: Reader;
  /** A number of the typed field; floats of 16 bits stand there as their bits. */
  readonly typed?: (x: number) => number;
}

const BUFFER = new DataView(new ArrayBuffer(4));

/** The upper half of a float32. */
function fromBrain(bits: number): number {
  BUFFER.setUint32(0, bits << 16);
  return BUFFER.getFloat32(0);
}

const int = (width: number, read: Reader): StoredType => ({ kind: 'int', width, read });
const float = (width: number, read: Reader, typed?: (x: number) => number): StoredType =>
  typed ? { kind: 'float', width, read, typed } : { kind: 'float', width, read };

/** By the numbers of TensorProto.DataType. */
const TYPES: Readonly<Record<number, StoredType>> = {
  1: float(4, (view, at) => view.getFloat32(at, true)),
  2: int(1, (view, at) => view.getUint8(at)),
  3: int(1, (view, at) => view.getInt8(at)),
  4: int(2, (view, at) => view.getUint16(at, true)),
  5: int(2, (view, at) => view.getInt16(at, true)),
  6: int(4, (view, at) => view.getInt32(at, true)),
  7: int(8, (view, at) => Number(view.getBigInt64(at, true))),
  9: { kind: 'bool', width: 1, read: (view, at) => (view.getUint8(at) === 0 ? 0 : 1) },
  10: float(2, (view, at) => fromHalf(view.getUint16(at, true)), fromHalf),
  11: float(8, (view, at) => view.getFloat64(at, true)),
  12: int(4, (view, at) => view.getUint32(at, true)),
  13: int(8, (view, at) => Number(view.getBigUint64(at, true))),
  16: float(2, (view, at) => fromBrain(view.getUint16(at, true)), fromBrain),
};

/** What the numbers of a type are, or null for a type that is not read, such as text. */
export const kindOf = (type: number): Kind | null => TYPES[type]?.kind ?? null;

function typeOf(tensor: TensorFile): StoredType {
  const type = TYPES[tensor.type];
  if (type) return type;
  throw new NeuroreelError(
    'MODEL_FORMAT_UNSUPPORTED',
    `The tensor "${tensor.name}" is of the data type ${tensor.type}, which cannot be imported.`,
  );
}

function invalid(tensor: TensorFile, problem: string): never {
  throw new NeuroreelError('MODEL_INVALID', `The tensor "${tensor.name}" ${problem}.`);
}

/** Bytes of a tensor where they are stored as such. */
export function bytesOf(tensor: TensorFile): number {
  if (tensor.dims.length > MAX_RANK || !tensor.dims.every((dim) => Number.isSafeInteger(dim) && dim >= 0)) {
    invalid(tensor, `has the impossible shape ${showShape(tensor.dims)}`);
  }
  return sizeOf(tensor.dims) * typeOf(tensor).width;
}

/**
 * Decodes a tensor.
 * @param external its bytes, for one that is stored in another file.
 * @throws NeuroreelError MODEL_INVALID when there are not as many numbers as its shape wants,
 * MODEL_FORMAT_UNSUPPORTED for a data type that is not read.
 */
export function decodeTensor(tensor: TensorFile, external?: Uint8Array): Known {
  const type = typeOf(tensor);
  const wanted = bytesOf(tensor);
  const shape = [...tensor.dims];
  const size = sizeOf(shape);
  const bytes = external ?? tensor.raw;
  if (!bytes) return { kind: type.kind, shape, data: typedNumbers(tensor, type, size), name: tensor.name };
  if (bytes.length !== wanted) {
    invalid(tensor, `has ${bytes.length} bytes; its shape ${showShape(shape)} wants ${wanted}`);
  }
  return { kind: type.kind, shape, data: decodeBytes(bytes, type, tensor.type === 1), name: tensor.name };
}

function typedNumbers(tensor: TensorFile, { kind, typed }: StoredType, size: number): Float32Array | Float64Array {
  const given = tensor.typed?.numbers ?? new Float64Array(0);
  if (given.length !== size) {
    invalid(tensor, `has ${given.length} numbers; its shape ${showShape(tensor.dims)} wants ${size}`);
  }
  const data = kind === 'float' ? new Float32Array(size) : new Float64Array(size);
  for (let i = 0; i < size; i++) data[i] = typed ? typed(given[i]!) : given[i]!;
  return kind === 'bool' ? data.map((x) => (x === 0 ? 0 : 1)) : data;
}

function decodeBytes(
  bytes: Uint8Array,
  { kind, width, read }: StoredType,
  single: boolean,
): Float32Array | Float64Array {
  // A copy starts at a multiple of its width, as a typed array must.
  if (single) return new Float32Array(new Uint8Array(bytes).buffer);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const size = bytes.length / width;
  const data = kind === 'float' ? new Float32Array(size) : new Float64Array(size);
  for (let i = 0; i < size; i++) data[i] = read(view, i * width);
  return data;
}
