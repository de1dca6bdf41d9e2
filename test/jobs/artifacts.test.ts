import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { assertArtifact, listArtifacts, mediaType } from '../../src/jobs/artifacts.js';
import { temporaryFolder } from './fixtures/fixtures.js';

let folder: Awaited<ReturnType<typeof temporaryFolder>>;

beforeEach(async () => {
  folder = await temporaryFolder();
  await writeFile(join(folder.path, 'secret.txt'), 'secret');
  await mkdir(join(folder.path, 'artifacts', 'below'), { recursive: true });
  await writeFile(join(folder.path, 'artifacts', 'video.mp4'), '12345');
  await writeFile(join(folder.path, 'artifacts', '.hidden'), '');
  await symlink('../secret.txt', join(folder.path, 'artifacts', 'link.txt'));
});

afterEach(() => folder.remove());

describe('artifacts', () => {
  it('are the plain files of the folder, with size, type and address', async () => {
    expect(await listArtifacts('a', join(folder.path, 'artifacts'))).toEqual([
      { name: 'video.mp4', bytes: 5, type: 'video/mp4', url: '/v1/jobs/a/artifacts/video.mp4' },
    ]);
    expect(await listArtifacts('a', join(folder.path, 'none'))).toEqual([]);
  });

  it.each([
    '../secret.txt',
    'link.txt',
    'below',
    '.hidden',
    '.',
    '..',
    '',
    'a/b',
    'a\\b',
    'none.mp4',
    '\0',
    'x'.repeat(200),
  ])('named %j are unknown', async (name) => {
    const assertion = assertArtifact('a', join(folder.path, 'artifacts'), name);
    await expect(assertion).rejects.toThrowError(expect.objectContaining({ code: 'ARTIFACT_UNKNOWN' }));
  });

  it('have media types by their ending', () => {
    expect(['a.MP4', 'b.png', 'c.json', 'd.bin'].map(mediaType)).toEqual([
      'video/mp4',
      'image/png',
      'application/json; charset=utf-8',
      'application/octet-stream',
    ]);
  });
});
