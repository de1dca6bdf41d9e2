/** Videos and pictures: ffmpeg in and out, still images, contact sheets, plots. */
export * from './decoder.js';
export * from './encoder.js';
export { encoderArguments } from './encoder-arguments.js';
export type { EncoderArguments, EncoderOptions } from './encoder-arguments.js';
export { findFfmpeg } from './ffmpeg-binary.js';
export type { FfmpegBinary } from './ffmpeg-binary.js';
export { eachFrame, frameAt } from './frames.js';
export type { FrameSequence } from './frames.js';
export * from './plot.js';
export * from './sheet.js';
export * from './stills.js';
