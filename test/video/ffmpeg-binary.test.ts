import { chmod, copyFile, mkdir, rm, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { findFfmpeg, npmFfmpeg } from '../../src/video/ffmpeg-binary.js';
import { fakeFfmpeg, temporaryFolder } from './helpers.js';

const folder = await temporaryFolder();
const none = () => null;

describe('the search for ffmpeg', () => {
  it('takes FFMPEG_PATH first, then the system, then npm', async () => {
    const system = join(folder, 'system');
    await mkdir(system);
    const chosen = await fakeFfmpeg(folder, 'chosen', '');
    const onPath = await fakeFfmpeg(system, 'ffmpeg', '');
    const npm = () => chosen;
    const PATH = ['/nonexistent', system].join(delimiter);
    expect(await findFfmpeg({ FFMPEG_PATH: chosen, PATH }, npm)).toMatchObject({ path: chosen, source: 'FFMPEG_PATH' });
    expect(await findFfmpeg({ PATH }, npm)).toMatchObject({ path: onPath, source: 'system', version: '9.9-fake' });
    expect(await findFfmpeg({ PATH: '' }, npm)).toMatchObject({ path: chosen, source: 'npm' });
  });

  it('reads version and age of the binary that npm brought', async ({ skip }) => {
    if (npmFfmpeg() === null) skip(`npm has no ffmpeg for ${process.platform}-${process.arch}`);
    const binary = await findFfmpeg({});
    expect(binary.source).toBe('npm');
    expect(binary.libavutil?.[0]).toBeGreaterThanOrEqual(56);
  });

  it('makes the binary of npm executable, since no install script did', async () => {
    const made = await fakeFfmpeg(folder, 'made', '');
    const copy = join(folder, 'not-executable');
    await copyFile(made, copy);
    await chmod(copy, 0o644);
    expect(await findFfmpeg({}, () => copy)).toMatchObject({ path: copy, source: 'npm' });
  });

  it('passes over a program on the PATH that does not run, is no ffmpeg or cannot encode H.264', async () => {
    const folders = ['broken', 'other', 'poor'].map((name) => join(folder, name));
    await Promise.all(folders.map((name) => mkdir(name)));
    const scripts = ['exit 3', 'echo hello', 'echo "ffmpeg version 6.0"; echo "configuration: --enable-gpl"'];
    for (const [i, script] of scripts.entries()) {
      await writeFile(join(folders[i]!, 'ffmpeg'), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    }
    const error = await findFfmpeg({ PATH: folders.join(delimiter) }, none).catch((e: unknown) => e);
    expect(error).toMatchObject({ code: 'FFMPEG_MISSING' });
    expect((error as Error).message).toMatch(/broken\S* does not run.*other\S* is not ffmpeg.*poor.*libx264/);
  });

  it('says what is missing and what to do when there is none', async () => {
    const error = await findFfmpeg({ PATH: '' }, none).catch((e: unknown) => e);
    expect(error).toMatchObject({ code: 'FFMPEG_MISSING', remedy: expect.stringContaining('FFMPEG_PATH') as string });
  });

  it('never replaces a wrong FFMPEG_PATH by another program', async () => {
    const good = await fakeFfmpeg(folder, 'good', '');
    const wrong = join(folder, 'nothing-here');
    await expect(findFfmpeg({ FFMPEG_PATH: wrong }, () => good)).rejects.toMatchObject({
      code: 'FFMPEG_MISSING',
      message: expect.stringContaining(`${wrong} does not run (ENOENT)`) as string,
    });
  });

  it('notices that a program it found has been removed since', async () => {
    const path = await fakeFfmpeg(folder, 'leaving', '');
    expect(await findFfmpeg({ FFMPEG_PATH: path }, none)).toMatchObject({ path });
    await rm(path);
    await expect(findFfmpeg({ FFMPEG_PATH: path }, none)).rejects.toMatchObject({ code: 'FFMPEG_MISSING' });
  });
});
