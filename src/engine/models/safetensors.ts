/**
 * Weights in the safetensors format: an 8-byte little-endian length, a JSON header that says type, shape and place of
 * each tensor, then the numbers. Read with every bound checked, since the file may come from anywhere.
 */
import { z } from 'zod';
import { NeuroreelError } from '../../protocol/errors.js';
import { MAX_ELEMENTS, sizeOf, type Shape } from '../graph/shape.js';
import { fromHalf, toHalf } from './half.js';

export interface NamedTensor {
  readonly shape: Shape;
  readonly data: Float32Array;
}
export type Weights = ReadonlyMap<string, NamedTensor>;

const WIDTHS = { F32: 4, F16: 2 } as const;
const MAX_HEADER = 16 * 2 ** 20;
/** The smallest number that half precision rounds to infinity. */
const HALF_OVERFLOW = 65520;

const entrySchema = z.object({
  dtype: z.enum(['F32', 'F16']),
  shape: z.array(z.int().positive()).max(8),
  data_offsets: z.tuple([z.int().nonnegative(), z.int().nonnegative()]),
});
const headerSchema = z.record(z.string(), z.unknown());
type Entry = z.output<typeof entrySchema>;

/**
 * The bytes of a safetensors file, in half precision or float32. Tensors keep their order.
 * @throws NeuroreelError MODEL_INVALID when a finite number is beyond the range of half precision.
 */
export function writeSafetensors(
  weights: Weights,
  precision: keyof typeof WIDTHS,
  metadata: Record<string, string> = {},
): Uint8Array {
  const header: Record<string, unknown> = Object.keys(metadata).length > 0 ? { __metadata__: metadata } : {};
  let offset = 0;
  for (const [name, { shape, data }] of weights) {
    const end = offset + data.length * WIDTHS[precision];
    header[name] = { dtype: precision, shape, data_offsets: [offset, end] };
    offset = end;
  }
  const plain = Buffer.from(JSON.stringify(header));
  const json = Buffer.concat([plain, Buffer.alloc((8 - (plain.length % 8)) % 8, ' ')]);
  const file = Buffer.alloc(8 + json.length + offset);
  file.writeBigUInt64LE(BigInt(json.length), 0);
  json.copy(file, 8);
  let at = 8 + json.length;
  for (const [name, { data }] of weights) {
    for (const x of data) {
      if (precision === 'F16' && Number.isFinite(x) && Math.abs(x) >= HALF_OVERFLOW) {
        throw new NeuroreelError('MODEL_INVALID', `"${name}" holds ${x}, which is too large for half precision.`);
      }
      at = precision === 'F32' ? file.writeFloatLE(x, at) : file.writeUInt16LE(toHalf(x), at);
    }
  }
  return file;
}

/**
 * Reads a safetensors file.
 * @throws NeuroreelError MODEL_INVALID when it is truncated or its header is wrong in any way.
 */
export function readSafetensors(bytes: Uint8Array, name = 'The weights file'): Map<string, NamedTensor> {
  const broken = (why: string): never => {
    throw new NeuroreelError('MODEL_INVALID', `${name} is not a whole safetensors file: ${why}.`);
  };
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (file.length < 8) return broken('it is shorter than its length field');
  const length = Number(file.readBigUInt64LE(0));
  if (length > MAX_HEADER || 8 + length > file.length) return broken('its header is longer than the file');
  let header: Record<string, unknown>;
  try {
    header = headerSchema.parse(JSON.parse(file.toString('utf8', 8, 8 + length)));
  } catch {
    return broken('its header is not JSON');
  }
  const body = file.subarray(8 + length);
  const entries = Object.entries(header).flatMap(([key, value]): [string, Entry][] => {
    if (key === '__metadata__') return [];
    const entry = entrySchema.safeParse(value);
    if (!entry.success) return broken(`the entry of "${key}" is malformed or of a type other than F16 and F32`);
    return [[key, entry.data]];
  });
  checkPlaces(entries, body.length, broken);
  const tensors = new Map<string, NamedTensor>();
  for (const [key, { dtype, shape, data_offsets }] of entries) {
    const [begin] = data_offsets;
    const data = new Float32Array(sizeOf(shape));
    for (let i = 0; i < data.length; i++) {
      data[i] = dtype === 'F32' ? body.readFloatLE(begin + 4 * i) : fromHalf(body.readUInt16LE(begin + 2 * i));
    }
    tensors.set(key, { shape, data });
  }
  return tensors;
}

/** The format wants the tensors to fill the file, one after the other: none can be claimed twice, none can be missing. */
function checkPlaces(entries: readonly [string, Entry][], length: number, broken: (why: string) => never): void {
  const inOrder = [...entries].sort(([, p], [, q]) => p.data_offsets[0] - q.data_offsets[0]);
  let at = 0;
  for (const [key, { dtype, shape, data_offsets }] of inOrder) {
    const [begin, end] = data_offsets;
    const size = sizeOf(shape);
    if (size > MAX_ELEMENTS || end - begin !== size * WIDTHS[dtype] || end > length) {
      return broken(`"${key}" does not lie within it`);
    }
    if (begin !== at) return broken(`"${key}" does not begin where the tensor before it ends`);
    at = end;
  }
  if (at !== length) broken(`${length - at} bytes belong to no tensor`);
}

/** Weights as they will be after writing and reading: what is measured of a model should be measured of these. */
export function asStored(weights: Weights, precision: keyof typeof WIDTHS): Weights {
  return readSafetensors(writeSafetensors(weights, precision));
}
