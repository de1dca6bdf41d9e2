/** Pictures of class folders, in a folder or in an archive. */
import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listPictures } from '../../src/video/picture-files.js';
import { resizeFrames } from '../../src/video/resize.js';
import { sharedPart, sharedPath } from '../shared-data.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'neuroreel-pictures-'));
  for (const [label, count] of [
    ['cat', 11],
    ['dog', 2],
  ] as const) {
    await mkdir(join(folder, 'set', label), { recursive: true });
    for (let i = 0; i < count; i++) await writeFile(join(folder, 'set', label, `p${i}.jpg`), `${label} ${i}`);
  }
  await writeFile(join(folder, 'set', 'README.md'), 'no picture');
  await writeFile(join(folder, 'set', 'cat', 'notes.txt'), 'no picture either');
  execFileSync('tar', ['-cf', join(folder, 'set.tar'), '-C', join(folder, 'set'), '.']);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('pictures', () => {
  it('of a folder and of an archive are the same, in natural order, with their classes', async () => {
    const [a, b] = [await listPictures(join(folder, 'set')), await listPictures(join(folder, 'set.tar'))];
    const facts = (list: typeof a) => list.map(({ name, label }) => [name.replace(/^\.\//, ''), label]);
    expect(facts(a)).toEqual(facts(b));
    expect(a.map(({ name }) => name).slice(0, 3)).toEqual(['cat/p0.jpg', 'cat/p1.jpg', 'cat/p2.jpg']);
    expect(a.at(10)!.name).toBe('cat/p10.jpg');
    const texts = await Promise.all(b.map(async (file) => Buffer.from(await file.read()).toString()));
    expect(texts.slice(-2)).toEqual(['dog 0', 'dog 1']);
  });

  it('are refused where there are none, and where an archive is damaged or cut short', async () => {
    await expect(listPictures(join(folder, 'nothing'))).rejects.toThrow('no folder or archive');
    await expect(listPictures(join(folder, 'set', 'cat'))).rejects.toThrow('has no pictures');
    const [noise, short] = [join(folder, 'noise.tar'), join(folder, 'short.tar')];
    await writeFile(noise, Buffer.alloc(2048, 7));
    await expect(listPictures(noise)).rejects.toThrow('is not a tar archive');
    await writeFile(short, await readFile(join(folder, 'set.tar')));
    await truncate(short, 512 * 3);
    await expect(listPictures(short)).rejects.toThrow(/cut short|has no pictures/);
  });

  const { missing, note } = sharedPart('images', 'tiny-imagenet-40-val.tar');
  it.skipIf(missing)(`of Tiny-ImageNet are 50 a class${note}`, async () => {
    const list = await listPictures(sharedPath('images', 'tiny-imagenet-40-val.tar'));
    expect(list).toHaveLength(2000);
    expect(new Set(list.map(({ label }) => label)).size).toBe(40);
    expect(Buffer.from(await list[7]!.read()).subarray(0, 2)).toEqual(Buffer.of(0xff, 0xd8));
  });

  it('become frames of another size, and are left alone where they have it', async () => {
    const clip = { frames: new Uint8Array(2 * 4 * 4 * 3).fill(77), count: 2, width: 4, height: 4 };
    expect(await resizeFrames(clip, 4, 4)).toBe(clip);
    const larger = await resizeFrames(clip, 6, 5);
    expect(larger).toMatchObject({ count: 2, width: 6, height: 5 });
    expect(larger.frames).toEqual(new Uint8Array(2 * 6 * 5 * 3).fill(77));
  });
});
