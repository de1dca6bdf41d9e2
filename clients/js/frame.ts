/** A picture that came over the stream, and ways to look at it. */
import { FRAME_FLAG_REPLAY, type FrameHeader } from '../../src/protocol/frame-header.js';
import { blobOf, imageBitmapOf, pixelsOf, type Pixels } from './decode.js';

export class Frame {
  /** The job that it is of. */
  readonly job: string;
  readonly header: FrameHeader;
  /** The encoded picture: a JPEG, WebP or PNG file, or RGB bytes row by row. */
  readonly picture: Uint8Array;

  constructor(job: string, header: FrameHeader, picture: Uint8Array) {
    this.job = job;
    this.header = header;
    this.picture = picture;
  }

  /** Iterations done when it was made. */
  get step(): number {
    return this.header.step;
  }

  /** The unit's activation at that step. */
  get activation(): number {
    return this.header.activation;
  }

  /** Index of the frame in the video; null of a sheet or strip. */
  get index(): number | null {
    return this.header.kind === 'frame' ? this.header.frame : null;
  }

  /** Tiles in a row: 1 of a single frame. */
  get columns(): number {
    return this.header.kind === 'frame' ? 1 : this.header.frame;
  }

  /** When it was made. */
  get time(): Date {
    return new Date(this.header.microseconds / 1000);
  }

  /** Whether it is played from what a job kept. */
  get isReplay(): boolean {
    return (this.header.flags & FRAME_FLAG_REPLAY) !== 0;
  }

  /** As a file for `URL.createObjectURL`. @throws {TypeError} of format `raw` */
  blob(): Blob {
    return blobOf(this.header.codec, this.picture);
  }

  /** Decoded, to be drawn on a canvas; call its `close` when done. In browsers only. */
  bitmap(): Promise<ImageBitmap> {
    return imageBitmapOf(this.header, this.picture);
  }

  /** Decoded into RGBA bytes, in Node and in browsers. @throws {ClientError} IMAGE_UNREADABLE */
  pixels(): Promise<Pixels> {
    return pixelsOf(this.header, this.picture);
  }
}
