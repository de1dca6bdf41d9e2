import { describe, expect, it } from 'vitest';
import { encoderArguments } from '../../src/video/index.js';
import type { EncoderOptions } from '../../src/video/index.js';

const small: EncoderOptions = { width: 64, height: 64, fps: 25 };
const after = (list: readonly string[], option: string) => list[list.indexOf(option) + 1];

describe('arguments of the encoder', () => {
  it('read raw RGB of the given size and rate', () => {
    const { input } = encoderArguments({ width: 227, height: 100, fps: 29.97 });
    expect(input.join(' ')).toBe('-f rawvideo -pix_fmt rgb24 -video_size 227x100 -framerate 29.97');
  });

  it('write H.264 that plays everywhere, with all four colour tags', () => {
    const { output } = encoderArguments(small);
    const options = '-c:v -preset -crf -g -pix_fmt -color_range -colorspace -color_primaries -color_trc -f'.split(' ');
    expect(options.map((option) => after(output, option)).join(' ')).toBe(
      'libx264 medium 18 30 yuv420p tv bt709 bt709 bt709 mp4',
    );
    expect(after(output, '-movflags')).toContain('+faststart');
    expect(after(output, '-vf')).toContain('out_color_matrix=bt709:out_range=tv');
  });

  it('fix everything that could change the bytes from run to run or machine to machine', () => {
    const { output } = encoderArguments(small);
    expect(['-threads', '-fflags', '-flags:v', '-map_metadata'].map((option) => after(output, option))).toEqual([
      '2',
      '+bitexact',
      '+bitexact',
      '-1',
    ]);
  });

  it.each([
    [{ width: 64, height: 64 }, 4, 256, 256],
    [{ width: 64, height: 48 }, 6, 384, 288],
    [{ width: 227, height: 227 }, 2, 454, 454],
    [{ width: 101, height: 101 }, 4, 404, 404],
    [{ width: 301, height: 257 }, 1, 302, 258],
    [{ width: 256, height: 300 }, 1, 256, 300],
    [{ width: 8191, height: 3 }, 1, 8192, 4],
    [{ width: 1, height: 1 }, 256, 256, 256],
    [{ width: 64, height: 64, upscale: 'none' as const }, 1, 64, 64],
    [{ width: 64, height: 64, minDisplaySize: 500 }, 8, 512, 512],
  ])('enlarge %o by %i to %i x %i', (options, scale, width, height) => {
    expect(encoderArguments({ fps: 25, ...options })).toMatchObject({ scale, width, height });
  });

  it('pad an odd side with its own last row or column, and only then', () => {
    expect(after(encoderArguments({ width: 301, height: 256, fps: 25 }).output, '-vf')).toMatch(
      /^pad=302:256:0:0,format=gbrp,fillborders=left=0:top=0:right=1:bottom=0:mode=smear,scale=302:256:/,
    );
    expect(after(encoderArguments({ width: 227, height: 227, fps: 25 }).output, '-vf')).toMatch(/^scale=454:454:/);
  });

  it('take the kernel that was asked for, and never the nearest pixel for chroma at the original size', () => {
    const flags = (options: Partial<EncoderOptions>) => /flags=(\w+)/.exec(filter(options))?.[1];
    const filter = (options: Partial<EncoderOptions>) =>
      after(encoderArguments({ ...small, ...options }).output, '-vf')!;
    expect(flags({})).toBe('bicubic');
    expect(flags({ upscale: 'nearest' })).toBe('neighbor');
    expect(flags({ upscale: 'lanczos' })).toBe('lanczos');
    expect(flags({ upscale: 'nearest', width: 256, height: 256 })).toBe('bicubic');
  });

  it.each([
    [{ width: 0 }, 'width'],
    [{ width: 64.5 }, 'width'],
    [{ height: 8193 }, 'height'],
    [{ height: NaN }, 'height'],
    [{ fps: 0.5 }, 'fps'],
    [{ fps: 241 }, 'fps'],
    [{ fps: NaN }, 'fps'],
    [{ crf: 52 }, 'crf'],
    [{ threads: 0 }, 'threads'],
    [{ minDisplaySize: 1e5 }, 'minDisplaySize'],
    [{ preset: '-y' as 'fast' }, 'preset'],
    [{ upscale: 'best' as 'none' }, 'upscale'],
  ])('are refused for %o', (wrong, name) => {
    expect(() => encoderArguments({ ...small, ...wrong })).toThrow(
      expect.objectContaining({ code: 'REQUEST_INVALID', message: expect.stringContaining(name) as string }) as Error,
    );
  });
});
