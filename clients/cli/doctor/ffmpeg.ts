/** The check of ffmpeg: which one it is, and whether it can make MP4s. */
import { NeuroreelError } from '../../../src/protocol/index.js';
import { findFfmpeg, hasEncoder, npmFfmpeg } from '../../../src/video/ffmpeg-binary.js';
import type { Environment } from '../settings.js';
import type { Check } from './check.js';

const ENCODER = 'libx264';

/** How a program was found. */
const SOURCES = { FFMPEG_PATH: 'named by FFMPEG_PATH', system: "the system's", npm: 'brought by npm' } as const;

export async function ffmpegCheck(
  env: Environment = process.env,
  npmBinary: () => string | null = npmFfmpeg,
): Promise<Check> {
  const name = 'ffmpeg';
  try {
    const binary = await findFfmpeg(env, npmBinary);
    const { path, version, source } = binary;
    const found = `${version}, ${SOURCES[source]}, ${path}`;
    if (await hasEncoder(binary, ENCODER)) return { name, state: 'ok', found: `${found}, with ${ENCODER}` };
    const remedy = 'Let FFMPEG_PATH name an ffmpeg with libx264, or leave it unset.';
    return { name, state: 'problem', found: `${found}, without the encoder ${ENCODER}`, remedy, code: 'FFMPEG_FAILED' };
  } catch (error) {
    if (!(error instanceof NeuroreelError)) throw error;
    return { name, state: 'problem', found: error.message, remedy: error.remedy, code: error.code };
  }
}
