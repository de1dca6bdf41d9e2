/** Videos and pictures: ffmpeg in and out, still images, contact sheets, plots. */
export { isVideoName, listClips } from './clip-files.js';
export type { ClipFile } from './clip-files.js';
export { ClipReader, MOST_FRAMES } from './clip-reader.js';
export type { ClipReaderOptions } from './clip-reader.js';
export * from './decoder.js';
export * from './encoder.js';
export { encoderArguments } from './encoder-arguments.js';
export type { EncoderArguments, EncoderOptions } from './encoder-arguments.js';
export { findFfmpeg } from './ffmpeg-binary.js';
export type { FfmpegBinary } from './ffmpeg-binary.js';
export { DEFAULT_CACHE_BYTES, FrameCache } from './frame-cache.js';
export { eachFrame, frameAt } from './frames.js';
export type { FrameSequence } from './frames.js';
export * from './plot.js';
export * from './sheet.js';
export * from './stills.js';
export { escapeXml, FONT_FAMILY } from './svg.js';
