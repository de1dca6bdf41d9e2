import { chmod, mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { decodeVideo, encodeVideo, findFfmpeg, openVideoWriter, VideoReader } from '../../src/video/index.js';
import { FfmpegProcess } from '../../src/video/ffmpeg-process.js';
import { binaryAt, fakeFfmpeg, isRunning, numberedFrames, temporaryFolder } from './helpers.js';

const folder = await temporaryFolder();
const base = { width: 64, height: 64, fps: 25 };
const frame = new Uint8Array(64 * 64 * 3);
const dying = await fakeFfmpeg(
  folder,
  'dying',
  `console.error('x264 [error]: out of patience');
   let read = 0;
   process.stdin.on('data', (chunk) => { read += chunk.length; if (read > 50000) process.exit(1); });`,
);
const hanging = await fakeFfmpeg(
  folder,
  'hanging',
  `require('node:fs').writeFileSync(process.argv.at(-1) + '.pid', String(process.pid)); setInterval(() => {}, 1000);`,
);
const lying = await fakeFfmpeg(
  folder,
  'lying',
  `process.stdin.resume(); process.stdin.on('end', () => process.exit(0));`,
);

/** Files in a new folder after something has been tried there. */
async function outputs(name: string): Promise<{ path: string; left: () => Promise<string[]> }> {
  const own = join(folder, name);
  await mkdir(own);
  return { path: join(own, 'video.mp4'), left: () => readdir(own) };
}

async function* endless(): AsyncGenerator<Uint8Array> {
  for (;;) yield frame;
}

describe('an ffmpeg that fails', () => {
  it('midway: the error carries what it said, and no file is left', async () => {
    const { path, left } = await outputs('dies');
    const error = await encodeVideo(endless(), {
      ...base,
      path,
      ffmpeg: await findFfmpeg({ FFMPEG_PATH: dying }),
    }).catch((e: unknown) => e);
    expect(error).toMatchObject({
      code: 'FFMPEG_FAILED',
      message: expect.stringMatching(/exit code 1: .*out of patience/) as string,
      details: { exitCode: 1 },
    });
    expect(await left()).toEqual([]);
  });

  it('by hanging: it is stopped after the time allowed', async () => {
    const { path, left } = await outputs('hangs');
    const options = { ...base, path, ffmpeg: binaryAt(hanging), stallMs: 300 };
    await expect(encodeVideo(endless(), options)).rejects.toMatchObject({
      code: 'FFMPEG_FAILED',
      message: expect.stringContaining('did nothing for 0.3 s') as string,
    });
    expect((await left()).filter((name) => !name.endsWith('.pid'))).toEqual([]);
  });

  it('by ending well without a file', async () => {
    const { path, left } = await outputs('lies');
    await expect(encodeVideo([frame], { ...base, path, ffmpeg: binaryAt(lying) })).rejects.toMatchObject({
      code: 'FFMPEG_FAILED',
      message: expect.stringContaining('encoded 0 of 1 frames') as string,
    });
    expect(await left()).toEqual([]);
  });

  it('by not being there, or not being a program: an error, never an exception in the event loop', async () => {
    const { path, left } = await outputs('missing');
    const gone = binaryAt(join(folder, 'gone'));
    await expect(encodeVideo([frame], { ...base, path, ffmpeg: gone })).rejects.toMatchObject({
      code: 'FFMPEG_MISSING',
    });
    const plain = join(folder, 'plain');
    await writeFile(plain, 'plain text');
    await chmod(plain, 0o644);
    const options = { ...base, path, ffmpeg: binaryAt(plain) };
    await expect(encodeVideo([frame], options)).rejects.toMatchObject({ code: 'FFMPEG_MISSING' });
    expect(await left()).toEqual([]);
  });

  it("while it reads a file: an exit code is the file's fault, a hang is not", async () => {
    const file = join(folder, 'any.mp4');
    await writeFile(file, 'anything');
    const failing = await fakeFfmpeg(folder, 'failing', `console.error('cannot read that'); process.exit(1);`);
    await expect(decodeVideo(file, { ffmpeg: binaryAt(failing) })).rejects.toMatchObject({
      code: 'VIDEO_UNREADABLE',
      message: expect.stringContaining('cannot read that') as string,
    });
    const sleeping = await fakeFfmpeg(folder, 'sleeping', `setInterval(() => {}, 1000);`);
    const options = { ffmpeg: binaryAt(sleeping), stallMs: 300 };
    await expect(decodeVideo(file, options)).rejects.toMatchObject({ code: 'FFMPEG_FAILED' });
  });
});

describe('aborting', () => {
  it('by the signal ends the process and leaves no file', async () => {
    const { path, left } = await outputs('signal');
    const controller = new AbortController();
    const reason = new Error('the job was cancelled');
    const writing = encodeVideo(endless(), { ...base, path, signal: controller.signal });
    const outcome = expect(writing).rejects.toBe(reason);
    setTimeout(() => controller.abort(reason), 300);
    await outcome;
    expect(await left()).toEqual([]);
  });

  it('ends even an ffmpeg that hangs: its process is gone when abort resolves', async () => {
    const process = new FfmpegProcess({
      binary: binaryAt(hanging),
      input: { options: [], file: null },
      output: { options: ['-an'], file: join(folder, 'hung') },
    });
    const writing = (async () => {
      for (;;) await process.write(new Uint8Array(1 << 20));
    })();
    const outcome = expect(writing).rejects.toMatchObject({ name: 'AbortError' });
    const pid = await started(process);
    expect(isRunning(pid)).toBe(true);
    await process.kill();
    await outcome;
    expect(isRunning(pid)).toBe(false);
    expect(process.pid).toBeUndefined();
  });

  it('between two frames leaves no file either, and finish says why there is none', async () => {
    const { path, left } = await outputs('between');
    const writer = await openVideoWriter({ ...base, path });
    await writer.write(frame);
    await writer.abort();
    expect(await left()).toEqual([]);
    await expect(writer.write(frame)).rejects.toMatchObject({ name: 'AbortError' });
    await expect(writer.finish()).rejects.toMatchObject({ name: 'AbortError' });
  });

  it('beforehand starts nothing', async () => {
    const { path, left } = await outputs('before');
    const signal = AbortSignal.abort(new Error('too late'));
    await expect(encodeVideo([frame], { ...base, path, signal })).rejects.toThrow('too late');
    await expect(decodeVideo(path, { signal })).rejects.toThrow('too late');
    expect(await left()).toEqual([]);
  });

  it('while decoding rejects with the reason', async () => {
    const { path } = await outputs('decoding');
    await encodeVideo(numberedFrames(50, 64, 64), { ...base, path });
    const controller = new AbortController();
    const reading = (async () => {
      for await (const { index } of new VideoReader(path, { width: 512, height: 512, signal: controller.signal })) {
        if (index === 1) controller.abort(new Error('enough'));
      }
    })();
    await expect(reading).rejects.toThrow('enough');
  });
});

describe('wrong input', () => {
  it('a frame of another size, an empty video and an error of the source leave no file', async () => {
    const { path, left } = await outputs('wrong');
    await expect(encodeVideo([frame, frame.subarray(3)], { ...base, path })).rejects.toThrow(/12285 bytes.*12288/);
    await expect(encodeVideo([], { ...base, path })).rejects.toThrow('at least one frame');
    async function* failing() {
      yield frame;
      throw new Error('the source broke');
    }
    await expect(encodeVideo(failing(), { ...base, path })).rejects.toThrow('the source broke');
    expect(await left()).toEqual([]);
  });

  it('a folder that does not exist, or a name that is a folder, is OUTPUT_UNWRITABLE', async () => {
    const path = join(folder, 'nowhere', 'video.mp4');
    await expect(encodeVideo([frame], { ...base, path })).rejects.toMatchObject({ code: 'OUTPUT_UNWRITABLE' });
    await expect(encodeVideo([frame], { ...base, path: folder })).rejects.toMatchObject({ code: 'OUTPUT_UNWRITABLE' });
  });

  it('an existing video stays until the new one is complete', async () => {
    const { path, left } = await outputs('existing');
    await writeFile(path, 'the old one');
    await expect(encodeVideo([], { ...base, path })).rejects.toThrow();
    expect(await left()).toEqual(['video.mp4']);
    const written = await encodeVideo([frame], { ...base, path });
    expect(written.frames).toBe(1);
    expect(await left()).toEqual(['video.mp4']);
  });

  it('frames may be overwritten as soon as write has resolved', async () => {
    const { path } = await outputs('reused');
    const writer = await openVideoWriter({ ...base, path });
    const reused = new Uint8Array(frame.length);
    for (let i = 0; i < 20; i++) await writer.write(reused.fill(i * 12));
    reused.fill(0);
    await writer.finish();
    const { frames, width, height } = await decodeVideo(path);
    for (let i = 0; i < 20; i++) expect(Math.abs(frames[i * width * height * 3 + 300]! - i * 12)).toBeLessThan(5);
  });
});

/** The process id, once ffmpeg has been started. */
async function started(process: FfmpegProcess): Promise<number> {
  while (process.pid === undefined) await new Promise((resolve) => setTimeout(resolve, 5));
  return process.pid;
}
