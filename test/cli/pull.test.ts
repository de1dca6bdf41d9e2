import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { takeMember } from '../../clients/cli/pull/archive-member.js';
import { download, type DownloadOptions } from '../../clients/cli/pull/download.js';
import type { PublishedFile, PublishedModel } from '../../clients/cli/pull/published.js';
import { pull, type PullOptions } from '../../clients/cli/pull/pull.js';
import { readLabels } from '../../src/engine/formats/labels.js';
import { readPackage } from '../../src/engine/models/package.js';
import { sharedPart, sharedPath } from '../shared-data.js';
import { tarGz, zip, type Member } from './fixtures/archives.js';
import { serveFiles, type FileServer } from './fixtures/file-server.js';
import { openPlace } from './run-cli.js';

// Commands are processes of their own, which take their time on a machine that does much else.
vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

let folder: string;
let server: FileServer;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'neuroreel-pull-'));
  server = await serveFiles();
});
afterEach(async () => {
  await server.close();
  await rm(folder, { recursive: true, force: true });
});

const bytes = Buffer.from(Uint8Array.from({ length: 100_000 }, (_, i) => (i * 31) ^ (i >> 7)));
const hash = (kind: 'sha1' | 'sha256', data: Buffer): string => createHash(kind).update(data).digest('hex');
const refused = { code: 'DOWNLOAD_REFUSED' };

describe('a download', () => {
  const get = (more: Partial<DownloadOptions> = {}): Promise<void> =>
    download({ url: `${server.url}file`, to: join(folder, 'file'), maxBytes: 200_000, retryAfterMs: 1, ...more });

  beforeEach(() => void server.files.set('file', bytes));

  it('is whole, also by way of redirects, and tells how far it is', async () => {
    server.redirects.set('old', '/older').set('older', `${server.url}file`);
    const steps: [number, number | null][] = [];
    await get({ url: `${server.url}old`, onProgress: (...step) => steps.push(step) });
    expect(bytes.equals(await readFile(join(folder, 'file')))).toBe(true);
    expect(steps[0]).toEqual([0, bytes.length]);
    expect(steps.at(-1)).toEqual([bytes.length, bytes.length]);
    expect(await readdir(folder)).toEqual(['file']);
  });

  it('goes on where it broke off, in the same call', async () => {
    server.breaks.set('file', [30_000, 60_000]);
    await get();
    expect(bytes.equals(await readFile(join(folder, 'file')))).toBe(true);
    expect(server.asked).toEqual(['file -', 'file bytes=30000-', 'file bytes=60000-']);
  });

  it('goes on in a later call, and starts anew where the file is another by then', async () => {
    const cutOff = async (): Promise<void> => {
      server.breaks.set('file', [40_000, 40_000, 40_000, 40_000]);
      await expect(get()).rejects.toMatchObject({ code: 'DOWNLOAD_FAILED' });
      server.breaks.clear();
      server.asked.length = 0;
    };
    await cutOff();
    await get();
    expect(server.asked).toEqual(['file bytes=40000-']);
    expect(bytes.equals(await readFile(join(folder, 'file')))).toBe(true);
    await rm(join(folder, 'file'));
    await cutOff();
    server.version = 'two';
    server.files.set('file', Buffer.from(bytes).reverse());
    await get();
    expect(
      Buffer.from(bytes)
        .reverse()
        .equals(await readFile(join(folder, 'file'))),
    ).toBe(true);
  });

  it('takes no more than allowed, and leaves nothing of it', async () => {
    await expect(get({ maxBytes: 99_999 })).rejects.toMatchObject(refused);
    expect(existsSync(join(folder, 'file'))).toBe(false);
    expect(existsSync(join(folder, 'file.part'))).toBe(false);
  });

  it('fails where there is nothing, nobody, or no end of redirects; and stops when told to', async () => {
    const failure = (url: string): Promise<void> =>
      expect(get({ url })).rejects.toMatchObject({ code: 'DOWNLOAD_FAILED', message: expect.stringContaining(url) });
    await failure(`${server.url}nothing`);
    await failure('http://127.0.0.1:1/file');
    server.redirects.set('round', '/round').set('out', 'file:///etc/hostname');
    await failure(`${server.url}round`);
    await failure(`${server.url}out`);
    await expect(get({ url: 'ftp://somewhere/file' })).rejects.toMatchObject({ code: 'REQUEST_INVALID' });
    const reason = new Error('enough');
    await expect(get({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });
});

describe('an archive', () => {
  const take = async (name: string, archive: Buffer, maxBytes = 200_000): Promise<Buffer> => {
    await writeFile(join(folder, name), archive);
    const to = join(folder, 'taken');
    await takeMember({ archive: join(folder, name), member: 'in/it', to, maxBytes });
    return readFile(to);
  };
  const both: [string, (members: readonly Member[]) => Buffer | Promise<Buffer>][] = [
    ['a.tar.gz', tarGz],
    ['a.zip', zip],
  ];
  const other: Member = ['in/other', Buffer.from('other')];

  it.each(both)('%s gives the one file that is wanted', async (name, make) => {
    expect(bytes.equals(await take(name, await make([other, ['./top/in/it', bytes], other])))).toBe(true);
    expect((await readdir(folder)).sort()).toEqual([name, 'taken']);
  });

  it.each(both)('%s is refused without it, too large, damaged, or with paths out of it', async (name, make) => {
    const refuses = async (archive: Buffer, message: RegExp, maxBytes?: number): Promise<void> => {
      const error = { ...refused, message: expect.stringMatching(message) };
      await expect(take(name, archive, maxBytes)).rejects.toMatchObject(error);
      expect(existsSync(join(folder, 'taken'))).toBe(false);
    };
    await refuses(await make([other]), /has no file in\/it/);
    await refuses(await make([['in/it', bytes]]), /more than 99999 bytes/, 99_999);
    const whole = await make([['in/it', bytes]]);
    await refuses(whole.subarray(0, whole.length >> 1), /cannot be read/);
    for (const path of ['../in/it', '/in/it', 'a/../../in/it']) {
      await refuses(await make([[path, bytes]]), /path/);
    }
  });

  it('that holds a link instead of the file is refused', async () => {
    const link = await tarGz([['in/it', bytes, { type: 'symlink', linkname: '/etc/hostname' }]]);
    await expect(take('a.tar.gz', link)).rejects.toMatchObject(refused);
  });
});

const tiny = sharedPart('models', 'tiny-alexnet', 'tiny-alexnet.caffemodel');

describe.skipIf(tiny.missing)(`a pull${tiny.note}`, () => {
  const read = (name: string): Buffer => readFileSync(sharedPath('models', 'tiny-alexnet', name));
  const file = (path: string, more: Partial<PublishedFile> = {}): PublishedFile => ({
    ...{ url: `${server.url}${path}`, path, maxBytes: 2 ** 20 },
    ...more,
  });
  const published = (weights: PublishedFile): PublishedModel => {
    server.files.set('net/tiny.prototxt', read('tiny-alexnet.prototxt'));
    server.files.set('tiny.caffemodel', read('tiny-alexnet.caffemodel'));
    const network = file('net/tiny.prototxt', { sha256: hash('sha256', read('tiny-alexnet.prototxt')) });
    return { name: 'tiny', title: 'A tiny one', becomes: 'classifier', licence: 'free', network, weights };
  };
  const doPull = (model: PublishedModel, more: Partial<PullOptions> = {}): ReturnType<typeof pull> =>
    pull(model, { name: 'tiny', out: join(folder, 'out'), cache: join(folder, 'cache'), ...more });

  it('checks a known hash, and makes a package that says what it is made of', async () => {
    const weights = read('tiny-alexnet.caffemodel');
    const notes: string[] = [];
    const model = published(file('tiny.caffemodel', { sha1: hash('sha1', weights) }));
    const { directory, sha256 } = await doPull(model, { onNote: (note) => notes.push(note) });
    expect(notes).toEqual([]);
    expect(sha256).toBe(hash('sha256', weights));
    const { manifest } = readPackage(directory);
    expect(manifest).toMatchObject({
      ...{ name: 'tiny', kind: 'classifier', title: 'A tiny one', licence: 'free' },
      source: `${server.url}tiny.caffemodel; SHA-256 ${sha256}`,
      input: { order: 'bgr', mean: [104, 117, 123], scale: [1, 1, 1] },
    });
    expect(existsSync(join(folder, 'cache'))).toBe(false);
    await expect(doPull(model)).rejects.toMatchObject({ code: 'MODEL_EXISTS' });
  });

  it('refuses what has another hash, and fetches it anew the next time', async () => {
    const model = published(file('tiny.caffemodel', { sha1: '0'.repeat(40) }));
    await expect(doPull(model)).rejects.toMatchObject(refused);
    await expect(doPull(model)).rejects.toMatchObject(refused);
    expect(server.asked.filter((asked) => asked.startsWith('tiny'))).toHaveLength(2);
    const unknown = published(file('tiny.caffemodel'));
    await expect(doPull(unknown, { sha256: '0'.repeat(64) })).rejects.toMatchObject(refused);
    expect(existsSync(join(folder, 'out', 'tiny'))).toBe(false);
  });

  it.each([
    ['tiny.tar.gz', tarGz],
    ['tiny.zip', zip],
  ] as const)(
    'takes weights out of %s at a mirror, says that it trusts them, and keeps what it is to keep',
    async (name, make) => {
      const weights = read('tiny-alexnet.caffemodel');
      const notes: string[] = [];
      const model = published(file(name, { url: 'http://127.0.0.1:1/gone', member: 'tiny.caffemodel' }));
      server.files.set(name, await make([['release/tiny.caffemodel', weights]]));
      const options = { from: server.url, keep: true, onNote: (note: string) => notes.push(note) };
      await doPull(model, options);
      expect(notes).toMatchObject([expect.stringContaining(hash('sha256', weights))]);
      const demanding = { ...options, name: 'again', sha256: hash('sha256', weights) };
      await doPull(model, demanding);
      expect(notes).toHaveLength(1);
      expect(server.asked.filter((asked) => asked.startsWith(name))).toHaveLength(1);
    },
  );
});

describe('neuroreel models pull', () => {
  it('lists what is known', async () => {
    const place = await openPlace();
    const { code, stdout } = await place.run(['models', 'pull']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^caffenet$/m);
    expect(stdout).toContain('SHA-1 4c8d77deb20ea792f84eb5e6d0a11ca0a8660a46');
    expect(stdout).toContain('release_deepsim_v0/fc6/generator.caffemodel');
    const { document } = await place.run(['models', 'pull', '--json']);
    expect(document.published.map((model: { name: string }) => model.name)).toContain('lrcn');
    await place.remove();
  });

  it('says how to do it by hand where nothing can be fetched, and what it does not know', async () => {
    const place = await openPlace();
    const nowhere = ['--from', 'http://127.0.0.1:1'];
    const { code, stderr } = await place.run(['models', 'pull', 'generator-fc6', '--name', 'mine', ...nowhere]);
    expect(code).toBe(4);
    expect(stderr).toMatch(/^error DOWNLOAD_FAILED: http:\/\/127\.0\.0\.1:1\/nets\/.* cannot be reached: /m);
    expect(stderr).toContain('/release_deepsim_v0.zip\n');
    expect(stderr).toContain(
      'neuroreel models import generator.prototxt --weights generator.caffemodel --name mine --bounds fc6.txt --order bgr',
    );
    const page = await place.run(['models', 'pull', 'lrcn', '--json']);
    expect(page).toMatchObject({ code: 4, document: { error: { code: 'DOWNLOAD_FAILED' } } });
    expect(page.document.error.message).toContain('LRCN_video_weights.html');
    const unknown = await place.run(['models', 'pull', 'vgg', '--json']);
    expect(unknown).toMatchObject({ code: 3, document: { error: { code: 'MODEL_UNKNOWN' } } });
    await place.remove();
  });
});

describe('labels', () => {
  it('lose the numbers of their units where each has its own', async () => {
    const path = join(folder, 'labels.txt');
    await writeFile(path, 'abbey 0\nairport_terminal 1\n');
    expect(await readLabels(path)).toEqual(['abbey', 'airport_terminal']);
    await writeFile(path, 'class 0\nclass 1\n');
    expect(await readLabels(path)).toEqual(['class 0', 'class 1']);
  });
});
