/**
 * Finds the ffmpeg program: `FFMPEG_PATH`, then the system's `PATH`, then the binary that npm brought. A candidate counts
 * only when it runs and prints its version.
 */
import { execFile } from 'node:child_process';
import { access, chmod, constants } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { NeuroreelError } from '../protocol/errors.js';

export interface FfmpegBinary {
  /** Where the program is. */
  readonly path: string;
  /** As it states itself, e.g. `5.1.6-0+deb12u1`; builds from git say `N-47683-g0e8eb07980` whatever their age. */
  readonly version: string;
  readonly source: 'FFMPEG_PATH' | 'system' | 'npm';
  /** Version of libavutil, the one number that tells a build's age reliably; null when it is not printed. */
  readonly libavutil: readonly [major: number, minor: number] | null;
}

type Environment = Readonly<Record<string, string | undefined>>;

const VERSION_TIMEOUT_MS = 20_000;
const executableName = process.platform === 'win32' ? 'ffmpeg.exe' : 'ffmpeg';

/** Binaries found, by the variables that decide the search; checked again at each use, so a removed one is not reused. */
const found = new Map<string, FfmpegBinary>();

/**
 * The ffmpeg program to use.
 *
 * @param env the environment to search in; `FFMPEG_PATH` wins and is never silently replaced by another one.
 * @param npmBinary where npm put its binary, or null; tests pass their own.
 * @throws NeuroreelError FFMPEG_MISSING when no candidate runs; the message says what was wrong with each.
 */
export async function findFfmpeg(env: Environment = process.env, npmBinary = npmFfmpeg): Promise<FfmpegBinary> {
  const fromNpm = npmBinary();
  const key = JSON.stringify([env['FFMPEG_PATH'], env['PATH'], fromNpm]);
  const known = found.get(key);
  if (known && (await isExecutable(known.path))) return known;
  const binary = await search(env, fromNpm);
  found.set(key, binary);
  return binary;
}

async function search(env: Environment, fromNpm: string | null): Promise<FfmpegBinary> {
  if (env['FFMPEG_PATH']) {
    const result = await tryBinary(env['FFMPEG_PATH'], 'FFMPEG_PATH');
    if (typeof result !== 'string') return result;
    throw new NeuroreelError('FFMPEG_MISSING', `FFMPEG_PATH names no usable ffmpeg: ${result}.`);
  }
  const problems: string[] = [];
  for (const folder of (env['PATH'] ?? '').split(delimiter).filter(Boolean)) {
    const path = join(folder, executableName);
    if (!(await isExecutable(path))) continue;
    const result = await tryBinary(path, 'system');
    if (typeof result !== 'string') return result;
    problems.push(result);
  }
  if (fromNpm === null) {
    problems.push(`npm has no binary for ${process.platform}-${process.arch}`);
  } else {
    const result = await tryBinary(fromNpm, 'npm');
    if (typeof result !== 'string') return result;
    problems.push(result);
  }
  throw new NeuroreelError('FFMPEG_MISSING', `No usable ffmpeg was found: ${problems.join('; ')}.`);
}

/** The path of the binary inside @ffmpeg-installer's package for this platform; null where it has none. */
export function npmFfmpeg(): string | null {
  try {
    const installer = createRequire(import.meta.url).resolve('@ffmpeg-installer/ffmpeg');
    const platform = `@ffmpeg-installer/${process.platform}-${process.arch}/package.json`;
    return join(createRequire(installer).resolve(platform), '..', executableName);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'MODULE_NOT_FOUND') return null;
    throw error;
  }
}

/** Runs `ffmpeg -version`. Returns the binary, or in words why it is none. */
async function tryBinary(path: string, source: FfmpegBinary['source']): Promise<FfmpegBinary | string> {
  // Its package makes the file executable in an install script, and those do not run here.
  if (source === 'npm' && !(await isExecutable(path))) {
    try {
      await chmod(path, 0o755);
    } catch (error) {
      return `${path} cannot be made executable (${(error as Error).message})`;
    }
  }
  let text: string;
  try {
    text = await standardOutput(path, ['-version']);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return `${path} does not run (${typeof code === 'string' ? code : message.split('\n')[0]})`;
  }
  const version = /^ffmpeg version (\S+)/.exec(text)?.[1];
  if (!version) return `${path} is not ffmpeg`;
  if (source === 'system' && text.includes('configuration:') && !text.includes('--enable-libx264')) {
    return `${path} was built without the H.264 encoder libx264`;
  }
  const libavutil = /libavutil\s+(\d+)\.\s*(\d+)/.exec(text);
  return { path, version, source, libavutil: libavutil ? [Number(libavutil[1]), Number(libavutil[2])] : null };
}

/** Whether a program that was found has an encoder, such as `libx264`; false when it does not say. */
export async function hasEncoder({ path }: FfmpegBinary, encoder: string): Promise<boolean> {
  try {
    const lines = (await standardOutput(path, ['-hide_banner', '-encoders'])).split('\n');
    return lines.some((line) => line.trim().split(/\s+/)[1] === encoder);
  } catch {
    return false;
  }
}

async function standardOutput(path: string, args: string[]): Promise<string> {
  const options = { timeout: VERSION_TIMEOUT_MS, killSignal: 'SIGKILL', windowsHide: true } as const;
  return (await promisify(execFile)(path, args, options)).stdout;
}

async function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}
