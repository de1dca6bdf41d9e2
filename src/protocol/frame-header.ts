/**
 * The 32 bytes before the picture in a binary message of the stream. Big-endian:
 *
 * | offset | type | field                                                                                       |
 * |--------|------|---------------------------------------------------------------------------------------------|
 * | 0      | u8   | version of this header: 1                                                                   |
 * | 1      | u8   | kind: 1 one frame, 2 sheet (all frames tiled, row by row), 3 strip (some, side by side)      |
 * | 2      | u8   | codec of the picture: 1 JPEG, 2 WebP, 3 PNG, 4 raw RGB bytes, row by row                     |
 * | 3      | u8   | flags: 1 of a replay                                                                        |
 * | 4      | u32  | stream: number of the subscription                                                          |
 * | 8      | u32  | step: iterations done when the frames were made                                             |
 * | 12     | u32  | frame: index of the frame; for a sheet, its number of columns                               |
 * | 16     | u16  | width of one frame (of one tile, for a sheet or strip) as encoded, pixels                   |
 * | 18     | u16  | height of it                                                                                |
 * | 20     | f32  | the unit's activation at that step                                                          |
 * | 24     | u64  | when the frames were made, microseconds since 1970-01-01 UTC                                |
 *
 * Imports nothing, so that a web page can load it as it is.
 */

export const FRAME_HEADER_BYTES = 32;
export const FRAME_HEADER_VERSION = 1;

/** Flag of pictures that were not made just now but are played from what a job kept. */
export const FRAME_FLAG_REPLAY = 1;

export type FrameKind = 'frame' | 'sheet' | 'strip';
export type FrameCodec = 'jpeg' | 'webp' | 'png' | 'raw';

export interface FrameHeader {
  readonly kind: FrameKind;
  readonly codec: FrameCodec;
  /** 0 .. 255 */
  readonly flags: number;
  /** Number of the subscription, 0 .. 2^32 - 1. */
  readonly stream: number;
  /** Iterations done, 0 .. 2^32 - 1. */
  readonly step: number;
  /** Index of the frame; for a sheet or strip, its number of columns. */
  readonly frame: number;
  /** Size of one frame or tile in pixels, 0 .. 65535. */
  readonly width: number;
  readonly height: number;
  /** Kept as a float32. */
  readonly activation: number;
  /** Microseconds since 1970-01-01 UTC, a whole number up to 2^53 - 1. */
  readonly microseconds: number;
}

const KINDS: readonly (FrameKind | undefined)[] = [undefined, 'frame', 'sheet', 'strip'];
const CODECS: readonly (FrameCodec | undefined)[] = [undefined, 'jpeg', 'webp', 'png', 'raw'];

/** @throws {RangeError} when a whole number does not fit its field */
function checked(name: string, value: number, max: number): number {
  if (!Number.isInteger(value) || value < 0 || value > max) {
    throw new RangeError(`frame header: ${name} must be a whole number from 0 to ${max}, got ${value}`);
  }
  return value;
}

/**
 * Writes a header to the first 32 bytes of `target`.
 * @throws {RangeError} when a number does not fit its field, or `target` is too short
 */
export function writeFrameHeader(header: FrameHeader, target: Uint8Array): void {
  if (target.byteLength < FRAME_HEADER_BYTES) throw new RangeError('frame header: needs 32 bytes');
  const view = new DataView(target.buffer, target.byteOffset, FRAME_HEADER_BYTES);
  view.setUint8(0, FRAME_HEADER_VERSION);
  view.setUint8(1, KINDS.indexOf(header.kind));
  view.setUint8(2, CODECS.indexOf(header.codec));
  view.setUint8(3, checked('flags', header.flags, 0xff));
  view.setUint32(4, checked('stream', header.stream, 0xffffffff));
  view.setUint32(8, checked('step', header.step, 0xffffffff));
  view.setUint32(12, checked('frame', header.frame, 0xffffffff));
  view.setUint16(16, checked('width', header.width, 0xffff));
  view.setUint16(18, checked('height', header.height, 0xffff));
  view.setFloat32(20, header.activation);
  view.setBigUint64(24, BigInt(checked('microseconds', header.microseconds, Number.MAX_SAFE_INTEGER)));
}

/** The header alone, for senders that do not copy the picture behind it. */
export function frameHeaderBytes(header: FrameHeader): Uint8Array {
  const bytes = new Uint8Array(FRAME_HEADER_BYTES);
  writeFrameHeader(header, bytes);
  return bytes;
}

/** A whole binary message: header, then picture. */
export function encodeFrame(header: FrameHeader, picture: Uint8Array): Uint8Array {
  const message = new Uint8Array(FRAME_HEADER_BYTES + picture.byteLength);
  writeFrameHeader(header, message);
  message.set(picture, FRAME_HEADER_BYTES);
  return message;
}

/**
 * Reads the header of a binary message and hands out the picture behind it (a view, not a copy).
 * @throws {RangeError} when the message is too short, or of another version, or of an unknown kind or codec
 */
export function decodeFrame(message: Uint8Array): { header: FrameHeader; picture: Uint8Array } {
  if (message.byteLength < FRAME_HEADER_BYTES) {
    throw new RangeError(`frame header: needs 32 bytes, got ${message.byteLength}`);
  }
  const view = new DataView(message.buffer, message.byteOffset, FRAME_HEADER_BYTES);
  const version = view.getUint8(0);
  if (version !== FRAME_HEADER_VERSION) throw new RangeError(`frame header: version ${version} is not known`);
  const kind = KINDS[view.getUint8(1)];
  const codec = CODECS[view.getUint8(2)];
  if (kind === undefined) throw new RangeError(`frame header: kind ${view.getUint8(1)} is not known`);
  if (codec === undefined) throw new RangeError(`frame header: codec ${view.getUint8(2)} is not known`);
  const header: FrameHeader = {
    kind,
    codec,
    flags: view.getUint8(3),
    stream: view.getUint32(4),
    step: view.getUint32(8),
    frame: view.getUint32(12),
    width: view.getUint16(16),
    height: view.getUint16(18),
    activation: view.getFloat32(20),
    microseconds: Number(view.getBigUint64(24)),
  };
  return { header, picture: message.subarray(FRAME_HEADER_BYTES) };
}
