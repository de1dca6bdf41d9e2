/** Frames as a fragmented MP4, which a `<video>` can play while it is still being made. */
import { encoderArguments, type EncoderOptions } from './encoder-arguments.js';
import { findFfmpeg } from './ffmpeg-binary.js';
import { FfmpegProcess } from './ffmpeg-process.js';

/**
 * The bytes of the MP4, as ffmpeg makes them; ffmpeg ends with the iteration, however it ends.
 * @param frames RGB bytes [height, width, 3] each
 * @throws NeuroreelError FFMPEG_MISSING, FFMPEG_FAILED, REQUEST_INVALID
 */
export async function* fragmentedMp4(
  frames: AsyncIterable<Uint8Array>,
  options: EncoderOptions,
): AsyncGenerator<Buffer, void> {
  const { input, output } = encoderArguments(options);
  // Of options that come twice, ffmpeg takes the last.
  const fragments = ['-movflags', 'frag_keyframe+empty_moov+default_base_moof', '-g', '10', '-f', 'mp4'];
  const ffmpeg = new FfmpegProcess({
    binary: await findFfmpeg(),
    input: { options: input, file: null },
    output: { options: [...output, ...fragments], file: null },
  });
  const feeding = (async () => {
    for await (const frame of frames) await ffmpeg.write(frame);
    await ffmpeg.end();
  })();
  // A failure of ffmpeg is also one of reading, where it is thrown.
  feeding.catch((error: unknown) => void ffmpeg.kill(error));
  try {
    yield* ffmpeg.read();
    await feeding;
  } finally {
    await ffmpeg.kill();
  }
}
