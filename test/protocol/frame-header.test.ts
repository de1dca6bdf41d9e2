import { describe, expect, it } from 'vitest';
import {
  decodeFrame,
  encodeFrame,
  FRAME_HEADER_BYTES,
  writeFrameHeader,
  type FrameHeader,
} from '../../src/protocol/frame-header.js';

const header: FrameHeader = {
  kind: 'sheet',
  codec: 'jpeg',
  flags: 0,
  stream: 0xfffffffe,
  step: 70_000,
  frame: 16,
  width: 64,
  height: 65535,
  activation: 1.5,
  microseconds: 1_700_000_000_123_456,
};

describe('frame header', () => {
  it('gives back what it was given, and the picture behind it', () => {
    const picture = Uint8Array.of(1, 2, 3);
    const { header: back, picture: same } = decodeFrame(encodeFrame(header, picture));
    expect(back).toEqual(header);
    expect([...same]).toEqual([1, 2, 3]);
  });

  it('has each field where the documentation says, big-endian', () => {
    const bytes = Buffer.from(encodeFrame(header, new Uint8Array()));
    expect(bytes.length).toBe(FRAME_HEADER_BYTES);
    expect([...bytes.subarray(0, 4)]).toEqual([1, 2, 1, 0]);
    expect(bytes.readUInt32BE(4)).toBe(0xfffffffe);
    expect(bytes.readUInt32BE(8)).toBe(70_000);
    expect(bytes.readUInt32BE(12)).toBe(16);
    expect(bytes.readUInt16BE(16)).toBe(64);
    expect(bytes.readUInt16BE(18)).toBe(65535);
    expect(bytes.readFloatBE(20)).toBe(1.5);
    expect(bytes.readBigUInt64BE(24)).toBe(1_700_000_000_123_456n);
  });

  it('reads a message that lies in the middle of a larger buffer', () => {
    const large = new Uint8Array(100);
    large.set(encodeFrame(header, Uint8Array.of(9)), 7);
    const { header: back, picture } = decodeFrame(large.subarray(7, 7 + FRAME_HEADER_BYTES + 1));
    expect(back).toEqual(header);
    expect([...picture]).toEqual([9]);
  });

  it.each([
    ['stream', 2 ** 32],
    ['step', -1],
    ['frame', 1.5],
    ['width', 65536],
    ['height', -1],
    ['flags', 256],
    ['microseconds', 2 ** 53],
  ] as const)('refuses a %s of %d', (field, value) => {
    expect(() => encodeFrame({ ...header, [field]: value }, new Uint8Array())).toThrow(RangeError);
  });

  it('refuses what is no frame message: too short, another version, unknown kind or codec', () => {
    const good = encodeFrame(header, new Uint8Array());
    const changed = (at: number, to: number): Uint8Array => Uint8Array.from(good, (byte, i) => (i === at ? to : byte));
    expect(() => decodeFrame(good.subarray(0, 31))).toThrow(/32 bytes/);
    expect(() => decodeFrame(changed(0, 2))).toThrow(/version 2/);
    expect(() => decodeFrame(changed(1, 9))).toThrow(/kind 9/);
    expect(() => decodeFrame(changed(1, 0))).toThrow(/kind 0/);
    expect(() => decodeFrame(changed(2, 9))).toThrow(/codec 9/);
    expect(() => writeFrameHeader(header, new Uint8Array(31))).toThrow(/32 bytes/);
  });
});
