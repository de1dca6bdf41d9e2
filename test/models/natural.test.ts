/** The recipes of natural images: reading the data, what training shows, and the networks' shapes. */
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { CLASSES, NATURAL_LABELS } from '../../models/natural/classes.js';
import { OBJECTS, SECOND, classifierNetwork, lastOf } from '../../models/natural/classifier.js';
import { IMAGE_BYTES, IMAGE_SIZE, augmented, covered, imagesOfTar, indicesOf } from '../../models/natural/dataset.js';
import { MAPS_CODE, VECTOR_CODE, encoderNetwork, generatorNetwork } from '../../models/natural/generator.js';
import { tarFiles } from '../../models/natural/tar.js';
import { GraphBuilder } from '../../src/engine/graph/graph.js';
import type { NamedTensor } from '../../src/engine/models/safetensors.js';
import { Random } from '../../src/engine/random.js';
import { trainable } from '../../src/engine/training/parameters.js';

/** A ustar of these files. */
function tarOf(files: readonly (readonly [string, Buffer])[]): Buffer {
  const parts = files.flatMap(([name, bytes]) => {
    const header = Buffer.alloc(512);
    header.write(name, 0);
    header.write(`${bytes.length.toString(8).padStart(11, '0')}\0`, 124);
    header.write('0', 156);
    header.write('ustar\0', 257);
    return [header, bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)];
  });
  return Buffer.concat([...parts, Buffer.alloc(1024)]);
}

const jpeg = (side: number, colour: { r: number; g: number; b: number }, grey = false): Promise<Buffer> => {
  const image = sharp({ create: { width: side, height: side, channels: 3, background: colour } });
  return (grey ? image.greyscale() : image).jpeg({ quality: 100 }).toBuffer();
};

describe('reading the data', () => {
  it('takes the images of known classes, sorted by class and name, greyscale ones as three equal channels', async () => {
    const red = await jpeg(IMAGE_SIZE, { r: 200, g: 30, b: 30 });
    const grey = await jpeg(IMAGE_SIZE, { r: 90, g: 90, b: 90 }, true);
    const archive = tarOf([
      [`${CLASSES[3][0]}/b.JPEG`, red],
      [`${CLASSES[1][0]}/a.JPEG`, grey],
      ['n99999999/a.JPEG', red],
      [`${CLASSES[1][0]}/notes.txt`, Buffer.from('none')],
    ]);
    const { pixels, classes } = await imagesOfTar(archive, 'test.tar');
    expect([...classes]).toEqual([1, 3]);
    expect(pixels.length).toBe(2 * IMAGE_BYTES);
    expect(new Set(pixels.subarray(0, 3)).size).toBe(1);
    expect(pixels[IMAGE_BYTES]).toBeGreaterThan(190);
    expect(pixels[IMAGE_BYTES + 1]).toBeLessThan(50);
  });

  it('refuses an image of another size, and one that is none', async () => {
    const small = tarOf([[`${CLASSES[0][0]}/a.JPEG`, await jpeg(32, { r: 1, g: 2, b: 3 })]]);
    await expect(imagesOfTar(small, 'x')).rejects.toMatchObject({ code: 'TRAINING_DATA_INVALID' });
    const none = tarOf([[`${CLASSES[0][0]}/a.JPEG`, Buffer.from('no image')]]);
    await expect(imagesOfTar(none, 'x')).rejects.toMatchObject({ code: 'TRAINING_DATA_INVALID' });
  });

  it('refuses an archive that is cut off or that is no archive', () => {
    const archive = tarOf([['a/b', Buffer.alloc(5000, 1)]]);
    expect(() => [...tarFiles(archive.subarray(0, 3000), 'x')]).toThrow(/no whole tar/);
    expect(() => [...tarFiles(Buffer.alloc(2048, 7), 'x')]).toThrow(/no whole tar/);
  });
});

describe('what training shows', () => {
  const pixels = new Uint8Array(IMAGE_BYTES).map((_, i) => (i * 7) % 256);
  const data = { pixels, classes: Uint8Array.of(0) };

  it('is the image itself, or its mirror image, where nothing may change', () => {
    const into = new Uint8Array(IMAGE_BYTES);
    augmented(data, 0, new Random('same'), { smallest: 1, colour: 0 }, into, 0);
    const mirrored = pixels.map((_, i) => {
      const [row, column, c] = [Math.floor(i / 192), Math.floor((i % 192) / 3), i % 3];
      return pixels[row * 192 + (63 - column) * 3 + c]!;
    });
    expect([pixels, mirrored].map((one) => Buffer.compare(one, into))).toContain(0);
  });

  it('is a function of the seed', () => {
    const made = ['a', 'a', 'b'].map((seed) => {
      const into = new Uint8Array(IMAGE_BYTES);
      augmented(data, 0, new Random(seed), { smallest: 0.5, colour: 0.3 }, into, 0);
      return Buffer.from(into).toString('hex');
    });
    expect(made[0]).toBe(made[1]);
    expect(made[0]).not.toBe(made[2]);
  });

  it('covers a square of each image, at the border a part of one, and leaves the images as they were', () => {
    const images = new Uint8Array(20 * IMAGE_BYTES).fill(7);
    const copy = covered(images, new Random('cover'), 20);
    expect(images.every((x) => x === 7)).toBe(true);
    for (let n = 0; n < 20; n++) {
      const grey = copy.subarray(n * IMAGE_BYTES, (n + 1) * IMAGE_BYTES).filter((x) => x === 128).length / 3;
      expect(grey).toBeGreaterThanOrEqual(100);
      expect(grey).toBeLessThanOrEqual(400);
    }
  });

  it('takes each image once an epoch', () => {
    const seen = [0, 1, 2, 3, 4].flatMap((step) => indicesOf(step, 4, 10, 1));
    expect([...seen.slice(0, 10)].sort()).toEqual([...seen.slice(10)].sort());
    expect(new Set(seen.slice(0, 10)).size).toBe(10);
  });
});

describe('the networks', () => {
  it.each([OBJECTS, SECOND])('score 40 classes from maps of 128x4x4', (architecture) => {
    const b = new GraphBuilder();
    const p = trainable(b, new Map<string, NamedTensor>(), 1);
    const image = b.input('image', [2, 3, IMAGE_SIZE, IMAGE_SIZE]);
    const layers = classifierNetwork(b, image, p, architecture);
    expect(layers['logits']!.shape).toEqual([2, NATURAL_LABELS.length]);
    expect(layers['fc6']!.shape).toEqual([2, architecture.fc6]);
    const maps = lastOf(Object.fromEntries(Object.entries(layers).filter(([name]) => /^(conv|pool)/.test(name))));
    expect(maps.shape).toEqual([2, 128, 4, 4]);
  });

  it.each([VECTOR_CODE, MAPS_CODE])('encode an image and show a code of $size numbers', (kind) => {
    const b = new GraphBuilder();
    const p = trainable(b, new Map<string, NamedTensor>(), 1);
    const image = b.input('image', [2, 3, IMAGE_SIZE, IMAGE_SIZE]);
    const known = trainable(b, new Map<string, NamedTensor>(), 2);
    const code = encoderNetwork(b, image, kind, known);
    expect(code.shape).toEqual([2, kind.size]);
    expect(generatorNetwork(b, code, kind, p).shape).toEqual([2, 3, IMAGE_SIZE, IMAGE_SIZE]);
  });
});
