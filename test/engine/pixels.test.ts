import { describe, expect, it } from 'vitest';
import { GraphBuilder, type Value } from '../../src/engine/graph/graph.js';
import { bytesToRgb, centreCrop, convert, fromRgb, rgbToBytes, toRgb } from '../../src/engine/models/pixels.js';
import { Random } from '../../src/engine/random.js';
import { evaluate } from '../../src/engine/runtimes/reference/reference.js';
import type { PixelFormat } from '../../src/protocol/manifest.js';
import { failure, relativeError } from './small-models.js';

const SIZE = { width: 4, height: 3 };
const PLAIN: PixelFormat = { ...SIZE, order: 'rgb', mean: [0, 0, 0], scale: [1, 1, 1] };
const RGB: PixelFormat = { ...SIZE, order: 'rgb', mean: [123, 117, 104], scale: [1 / 58, 1 / 57, 1 / 50] };
const BGR: PixelFormat = { ...SIZE, order: 'bgr', mean: [104, 117, 123], scale: [1, 2, 3] };
const T = 2;
const PLANE = SIZE.width * SIZE.height;

function apply(
  shape: readonly number[],
  x: ArrayLike<number>,
  build: (b: GraphBuilder, x: Value) => Value,
): Float64Array {
  const b = new GraphBuilder();
  b.output('y', build(b, b.input('x', shape)));
  return evaluate(b.build(), { x })['y']!;
}

const SHAPE = [T, 3, SIZE.height, SIZE.width];
const bytes = Array.from({ length: T * 3 * PLANE }, (_, i) => (i * 37) % 256);
/** The number that a format has at a place for RGB bytes, by the definition in the manifest. */
function numbersOf(format: PixelFormat): number[] {
  return bytes.map((_, i) => {
    const [frame, channel, place] = [Math.floor(i / (3 * PLANE)), Math.floor(i / PLANE) % 3, i % PLANE];
    const colour = format.order === 'rgb' ? channel : 2 - channel;
    return (bytes[(frame * 3 + colour) * PLANE + place]! - format.mean[channel]!) * format.scale[channel]!;
  });
}

describe('pixel formats', () => {
  it.each(Object.entries({ PLAIN, RGB, BGR }))('%s: (byte - mean) * scale, and back', (_name, format) => {
    const numbers = numbersOf(format);
    expect(
      relativeError(
        apply(SHAPE, bytes, (b, x) => fromRgb(b, x, format)),
        numbers,
      ),
    ).toBeLessThan(1e-6);
    expect(
      relativeError(
        apply(SHAPE, numbers, (b, x) => toRgb(b, x, format)),
        bytes,
      ),
    ).toBeLessThan(1e-6);
  });

  it('convert into each other by way of the colours they mean', () => {
    for (const from of [PLAIN, RGB, BGR]) {
      for (const to of [PLAIN, RGB, BGR]) {
        const converted = apply(SHAPE, numbersOf(from), (b, x) => convert(b, x, from, to));
        expect(relativeError(converted, numbersOf(to))).toBeLessThan(1e-6);
      }
    }
  });

  it('add no node where both are alike', () => {
    const b = new GraphBuilder();
    const x = b.input('x', SHAPE);
    expect(convert(b, x, BGR, { ...BGR, width: 99 })).toBe(x);
  });

  it('of bytes are frames, rows, columns, colours; of numbers frames, colours, rows, columns', () => {
    const b = new GraphBuilder();
    const rgb = bytesToRgb(b, b.input('x', [T, SIZE.height, SIZE.width, 3], 'uint8'));
    b.output('numbers', rgb);
    b.output('bytes', rgbToBytes(b, rgb));
    const pixels = Uint8Array.from({ length: T * 3 * PLANE }, (_, i) => (i * 53) % 256);
    const { numbers, bytes: again } = evaluate(b.build(), { x: pixels });
    numbers!.forEach((number, i) => {
      const [frame, channel, place] = [Math.floor(i / (3 * PLANE)), Math.floor(i / PLANE) % 3, i % PLANE];
      expect(number).toBe(pixels[(frame * PLANE + place) * 3 + channel]);
    });
    expect([...again!]).toEqual([...pixels]);
  });

  it('round to the nearest byte and stay within 0 and 255', () => {
    const numbers = [-300, -0.6, -0.4, 0.4, 0.6, 127.49, 127.51, 254.6, 255.4, 255.6, 1e9, 10];
    const rounded = apply([1, 3, 2, 2], numbers, rgbToBytes);
    const wanted = numbers.map((x) => Math.min(Math.max(Math.round(x), 0), 255));
    numbers.forEach((_, i) => expect(rounded[(i % 4) * 3 + Math.floor(i / 4)]).toBe(wanted[i]));
  });
});

describe('the centre crop', () => {
  it.each([
    [256, 227, 14],
    [256, 224, 16],
    [9, 6, 1],
    [7, 7, 0],
  ])('of %i to %i begins at %i', (size, wanted, offset) => {
    // One channel of one frame is enough, and a line of it.
    const line = new Random(size).normals(size);
    const rows = apply([1, 1, size, 1], line, (b, x) => centreCrop(b, x, wanted, 1));
    expect([...rows]).toEqual([...line.subarray(offset, offset + wanted)]);
    const columns = apply([1, 1, 1, size], line, (b, x) => centreCrop(b, x, 1, wanted));
    expect([...columns]).toEqual([...line.subarray(offset, offset + wanted)]);
  });

  it('of a picture that is too small is an error that names both sizes', () => {
    const b = new GraphBuilder();
    const x = b.input('x', [1, 3, 10, 12]);
    expect(() => centreCrop(b, x, 11, 12)).toThrow(failure('REQUEST_INVALID', /12x10, smaller than the 12x11/));
    expect(() => centreCrop(b, x, 10, 13)).toThrow(failure('REQUEST_INVALID'));
  });
});
