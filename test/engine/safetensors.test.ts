import { describe, expect, it } from 'vitest';
import { fromHalf, toHalf } from '../../src/engine/models/half.js';
import { asStored, readSafetensors, writeSafetensors, type NamedTensor } from '../../src/engine/models/safetensors.js';
import { Random } from '../../src/engine/random.js';
import { failure } from './small-models.js';

const random = new Random('safetensors');
const WEIGHTS = new Map<string, NamedTensor>([
  ['a.weight', { shape: [2, 3], data: random.normals(6) }],
  ['naïve "name"', { shape: [], data: Float32Array.of(-0.1) }],
  ['z', { shape: [1, 1, 7], data: random.normals(7, 1e-6) }],
]);
const wholeOf = (weights: ReadonlyMap<string, NamedTensor>) =>
  [...weights].map(([k, { shape, data }]) => [k, [...shape], [...data]]);

/** A file with any header and so many bytes after it. */
function file(header: unknown, body: number, length?: number | bigint): Buffer {
  const json = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(BigInt(length ?? json.length));
  return Buffer.concat([size, json, Buffer.alloc(body)]);
}

describe('safetensors', () => {
  it('keeps names, shapes, order and every bit in float32', () => {
    const bytes = writeSafetensors(WEIGHTS, 'F32', { made: 'here' });
    expect(wholeOf(readSafetensors(bytes))).toEqual(wholeOf(WEIGHTS));
    expect(bytes.length).toBe(8 + Number(Buffer.from(bytes).readBigUInt64LE()) + 4 * 14);
    expect(Number(Buffer.from(bytes).readBigUInt64LE()) % 8).toBe(0);
  });

  it('rounds to the nearest half-precision numbers in F16, which asStored gives without a file', () => {
    const rounded = wholeOf(WEIGHTS).map(([k, shape, data]) => [
      k,
      shape,
      (data as number[]).map((x) => fromHalf(toHalf(x))),
    ]);
    expect(wholeOf(readSafetensors(writeSafetensors(WEIGHTS, 'F16')))).toEqual(rounded);
    expect(wholeOf(asStored(WEIGHTS, 'F16'))).toEqual(rounded);
  });

  it('refuses to write a number that half precision would make infinite', () => {
    const large = new Map([['big', { shape: [2], data: Float32Array.of(1, 65520) }]]);
    expect(() => writeSafetensors(large, 'F16')).toThrow(failure('MODEL_INVALID', /"big" holds 65520/));
    expect(readSafetensors(writeSafetensors(large, 'F32')).get('big')!.data[1]).toBe(65520);
  });

  it('reads a file that lies anywhere in a larger buffer', () => {
    const bytes = writeSafetensors(WEIGHTS, 'F32');
    const larger = new Uint8Array(bytes.length + 13);
    larger.set(bytes, 5);
    expect(wholeOf(readSafetensors(larger.subarray(5, 5 + bytes.length)))).toEqual(wholeOf(WEIGHTS));
  });

  it('refuses a file that is cut off at any byte, or longer than its header says', () => {
    const bytes = writeSafetensors(WEIGHTS, 'F16');
    for (const length of Array.from(bytes, (_, i) => i)) {
      expect(() => readSafetensors(bytes.subarray(0, length)), `${length} bytes`).toThrow(failure('MODEL_INVALID'));
    }
    expect(() => readSafetensors(Buffer.concat([bytes, Buffer.alloc(1)]))).toThrow(failure('MODEL_INVALID'));
  });

  const entry = (shape: unknown, data_offsets: unknown, dtype: unknown = 'F32') => ({ dtype, shape, data_offsets });
  it.each<[string, Buffer]>([
    ['a header length beyond the file', file({}, 0, 1000)],
    ['a header length of 2^64 - 1', file({}, 0, 2n ** 64n - 1n)],
    ['a header that is not JSON', file('{"a":', 0)],
    ['a header that is a list', file([1, 2], 0)],
    ['a header of ten thousand brackets', file('['.repeat(1e4), 0)],
    ['an entry that is a number', file({ a: 4 }, 4)],
    ['an entry without offsets', file({ a: { dtype: 'F32', shape: [1] } }, 4)],
    ['an unknown type', file({ a: entry([1], [0, 8], 'F64') }, 8)],
    ['a negative size', file({ a: entry([-1], [0, 4]) }, 4)],
    ['a size of zero', file({ a: entry([0], [0, 0]) }, 0)],
    ['a fractional size', file({ a: entry([1.5], [0, 6]) }, 6)],
    ['nine axes', file({ a: entry(new Array(9).fill(1), [0, 4]) }, 4)],
    ['a shape of 2^53 numbers', file({ a: entry([2 ** 27, 2 ** 26], [0, 2 ** 55]) }, 4)],
    ['offsets backwards', file({ a: entry([1], [4, 0]) }, 4)],
    ['offsets beyond the file', file({ a: entry([2], [0, 8]) }, 4)],
    ['offsets that contradict the shape', file({ a: entry([2], [0, 4]) }, 4)],
    ['one offset', file({ a: entry([1], [0]) }, 4)],
    ['offsets that are texts', file({ a: entry([1], ['0', '4']) }, 4)],
    ['two tensors in one place', file({ a: entry([1], [0, 4]), b: entry([1], [0, 4]) }, 4)],
    ['overlapping tensors', file({ a: entry([2], [0, 8]), b: entry([2], [4, 12]) }, 12)],
    ['a gap between tensors', file({ a: entry([1], [0, 4]), b: entry([1], [8, 12]) }, 12)],
    ['bytes of no tensor', file({ a: entry([1], [0, 4]) }, 8)],
  ])('refuses %s', (_what, bytes) => {
    expect(() => readSafetensors(bytes, 'w.safetensors')).toThrow(failure('MODEL_INVALID', /^w\.safetensors is not/));
  });

  it('refuses ten thousand claims on the same bytes before it makes room for any', () => {
    const size = 2 ** 20;
    const header = Object.fromEntries(Array.from({ length: 1e4 }, (_, i) => [`t${i}`, entry([size], [0, 4 * size])]));
    expect(() => readSafetensors(file(header, 4 * size))).toThrow(failure('MODEL_INVALID', /does not begin where/));
  });
});
