/**
 * The arguments that make ffmpeg turn raw RGB frames on its standard input into an H.264 MP4 that plays everywhere: a
 * pure function, checked before any process is started.
 */
import { NeuroreelError } from '../protocol/errors.js';
import { MAX_SIDE } from './frames.js';

export interface EncoderOptions {
  /** Size of the frames that are written, 1 to 8192 pixels. */
  readonly width: number;
  readonly height: number;
  /** Frames per second, 1 to 240. */
  readonly fps: number;
  /**
   * How frames smaller than `minDisplaySize` are enlarged, by a whole factor: `nearest` keeps square pixels, `bicubic`
   * (the default) and `lanczos` smooth; `none` leaves the size alone.
   */
  readonly upscale?: 'nearest' | 'bicubic' | 'lanczos' | 'none';
  /** The shorter side of the picture is enlarged to at least this many pixels, 1 to 8192. Default 256. */
  readonly minDisplaySize?: number;
  /** Constant rate factor of x264, 0 (lossless) to 51. Default 18, which looks like the original. */
  readonly crf?: number;
  /** Speed of x264 against the size of the file. Default `medium`. */
  readonly preset?: (typeof PRESETS)[number];
  /**
   * Encoder threads, 1 to 64. Default 2, whatever the machine has: x264's output depends on this number, and the same
   * frames shall give the same bytes.
   */
  readonly threads?: number;
}

export interface EncoderArguments {
  /** Options before `-i`. */
  readonly input: string[];
  /** Options before the output's name. */
  readonly output: string[];
  /** Size of the encoded picture: enlarged, and even on both sides. */
  readonly width: number;
  readonly height: number;
  /** The whole factor of the enlargement. */
  readonly scale: number;
}

const PRESETS = [
  'ultrafast',
  'superfast',
  'veryfast',
  'faster',
  'fast',
  'medium',
  'slow',
  'slower',
  'veryslow',
] as const;
const UPSCALES = ['nearest', 'bicubic', 'lanczos', 'none'] as const;
/** Rounding of swscale that does not depend on the processor, and chroma taken from every pixel. */
const EXACT = 'accurate_rnd+full_chroma_int+full_chroma_inp+bitexact';

/**
 * Arguments to encode RGB frames as H.264 in MP4: yuv420p, bt709 in limited range with all four tags, a key frame at
 * least every 30 frames, `moov` before `mdat`, and the same bytes from the same frames.
 *
 * @throws NeuroreelError REQUEST_INVALID when an option is out of its range.
 */
export function encoderArguments(options: EncoderOptions): EncoderArguments {
  const { width, height, fps, crf, preset, threads, upscale } = checked(options);
  const scale = upscale === 'none' ? 1 : wholeFactor(width, height, options.minDisplaySize ?? 256);
  const display = { width: even(width * scale), height: even(height * scale) };
  return {
    input: ['-f', 'rawvideo', '-pix_fmt', 'rgb24', '-video_size', `${width}x${height}`, '-framerate', String(fps)],
    output: [
      ...['-hide_banner', '-loglevel', 'warning', '-nostats', '-progress', 'pipe:2'],
      ...['-map', '0:v:0', '-an', '-filter_threads', '1'],
      ...['-vf', filters(width, height, scale, upscale)],
      ...['-c:v', 'libx264', '-preset', preset, '-crf', String(crf), '-g', '30', '-threads', String(threads)],
      ...['-pix_fmt', 'yuv420p', '-color_range', 'tv', '-colorspace', 'bt709'],
      ...['-color_primaries', 'bt709', '-color_trc', 'bt709'],
      ...['-map_metadata', '-1', '-fflags', '+bitexact', '-flags:v', '+bitexact'],
      ...['-movflags', '+faststart+write_colr', '-f', 'mp4'],
    ],
    ...display,
    scale,
  };
}

/**
 * One scaler does the enlargement and the conversion to bt709, so colours are rounded once. An odd side is padded by
 * repeating its last row or column, which shows less than a black line (`fillborders` wants planar pixels).
 */
function filters(width: number, height: number, scale: number, upscale: (typeof UPSCALES)[number]): string {
  const padRight = even(width * scale) - width * scale;
  const padBottom = even(height * scale) - height * scale;
  const pad =
    padRight || padBottom
      ? `pad=${width + padRight}:${height + padBottom}:0:0,format=gbrp,` +
        `fillborders=left=0:top=0:right=${padRight}:bottom=${padBottom}:mode=smear,`
      : '';
  const kernel = scale === 1 || upscale === 'none' ? 'bicubic' : upscale === 'nearest' ? 'neighbor' : upscale;
  const size = `${even(width * scale)}:${even(height * scale)}`;
  return `${pad}scale=${size}:flags=${kernel}+${EXACT}:out_color_matrix=bt709:out_range=tv,format=yuv420p`;
}

/** The smallest factor that reaches `minSide` and makes both sides even; smaller where a side would pass the limit. */
function wholeFactor(width: number, height: number, minSide: number): number {
  const step = width % 2 || height % 2 ? 2 : 1;
  const wanted = Math.ceil(minSide / Math.min(width, height));
  if (wanted <= 1) return 1;
  const allowed = Math.floor(MAX_SIDE / Math.max(width, height) / step) * step;
  return Math.max(1, Math.min(Math.ceil(wanted / step) * step, allowed));
}

function even(size: number): number {
  return size + (size % 2);
}

function checked(options: EncoderOptions) {
  const { width, height, fps, minDisplaySize = 256, upscale = 'bicubic' } = options;
  const { crf = 18, preset = 'medium', threads = 2 } = options;
  whole('width', width, 1, MAX_SIDE);
  whole('height', height, 1, MAX_SIDE);
  whole('minDisplaySize', minDisplaySize, 1, MAX_SIDE);
  whole('threads', threads, 1, 64);
  whole('crf', crf, 0, 51);
  if (!(fps >= 1 && fps <= 240)) throw invalid('fps', fps, 'a number from 1 to 240');
  if (!PRESETS.includes(preset)) throw invalid('preset', preset, `one of ${PRESETS.join(', ')}`);
  if (!UPSCALES.includes(upscale)) throw invalid('upscale', upscale, `one of ${UPSCALES.join(', ')}`);
  return { width, height, fps, crf, preset, threads, upscale };
}

function whole(name: string, value: number, low: number, high: number): void {
  if (!Number.isInteger(value) || value < low || value > high) {
    throw invalid(name, value, `a whole number from ${low} to ${high}`);
  }
}

function invalid(name: string, value: unknown, expected: string): NeuroreelError {
  return new NeuroreelError('REQUEST_INVALID', `The video's ${name} is ${String(value)}; it must be ${expected}.`);
}
