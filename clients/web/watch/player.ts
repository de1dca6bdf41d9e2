/**
 * Plays the frames of a sheet in a canvas, at their own speed, while newer sheets arrive; and shows the whole sheet.
 * What changes is told by signals; drawing is by hand, since it happens at every frame.
 */
import { signal } from '@preact/signals';
import type { Frame } from '../../js/index.js';

const MOST_SECONDS_A_TICK = 0.25;

export class Player {
  readonly hasFrames = signal(false);
  /** Index of the frame on show, and how many there are. */
  readonly frame = signal(0);
  readonly frames = signal(1);
  readonly playing = signal(!window.matchMedia('(prefers-reduced-motion: reduce)').matches);
  readonly loop = signal(true);
  readonly speed = signal(1);
  readonly smooth = signal(true);
  /** Frames a second at speed 1. */
  fps = 25;
  #canvas: HTMLCanvasElement | null = null;
  #sheetCanvas: HTMLCanvasElement | null = null;
  readonly #tile = document.createElement('canvas');
  #bitmap: ImageBitmap | null = null;
  #columns = 1;
  #width = 1;
  #height = 1;
  #position = 0;
  #last = 0;
  #drawn = -1;
  #request = 0;
  #closed = false;

  /** Starts to play; the function that is returned stops it for good. */
  open(): () => void {
    this.#closed = false;
    const tick = (now: number): void => {
      this.#tick(now);
      this.#request = requestAnimationFrame(tick);
    };
    this.#request = requestAnimationFrame(tick);
    return () => {
      cancelAnimationFrame(this.#request);
      this.#closed = true;
      this.#bitmap?.close();
      this.#bitmap = null;
    };
  }

  /** Where to draw: the frame, the whole sheet; null for nowhere. */
  set canvas(canvas: HTMLCanvasElement | null) {
    this.#canvas = canvas;
    this.#drawn = -1;
  }

  set sheetCanvas(canvas: HTMLCanvasElement | null) {
    this.#sheetCanvas = canvas;
    this.#drawn = -1;
  }

  /**
   * Takes a sheet.
   * @param frames how many there are in it
   * @throws {ClientError} IMAGE_UNREADABLE
   */
  async show(sheet: Frame, frames: number): Promise<void> {
    const bitmap = await sheet.bitmap();
    if (this.#closed) bitmap.close();
    else this.#take(bitmap, sheet, frames);
  }

  seek(frame: number): void {
    this.#position = frame;
    this.frame.value = frame;
  }

  /** Plays, from the start when it stands at the end; or holds. */
  toggle(): void {
    this.playing.value = !this.playing.value;
    if (this.playing.value && this.frame.value === this.frames.value - 1) this.seek(0);
  }

  /** Draws again: a size or the smoothing has changed. */
  redraw(): void {
    this.#drawn = -1;
  }

  /** The frame at a place of the sheet's canvas, in its CSS pixels. */
  frameAt(x: number, y: number): number {
    if (this.#bitmap === null || this.#sheetCanvas === null) return 0;
    const scale = this.#bitmap.width / this.#sheetCanvas.clientWidth;
    const column = Math.min(this.#columns - 1, Math.floor((x * scale) / this.#width));
    const row = Math.floor((y * scale) / this.#height);
    return Math.min(this.frames.value - 1, row * this.#columns + column);
  }

  #take(bitmap: ImageBitmap, { columns, header }: Frame, frames: number): void {
    this.#bitmap?.close();
    this.#bitmap = bitmap;
    this.#columns = columns;
    this.#width = header.width;
    this.#height = header.height;
    this.#tile.width = header.width;
    this.#tile.height = header.height;
    this.#drawn = -1;
    this.frames.value = frames;
    this.hasFrames.value = true;
  }

  #tick(now: number): void {
    const seconds = Math.min(MOST_SECONDS_A_TICK, (now - this.#last) / 1000);
    this.#last = now;
    if (this.#bitmap === null) return;
    if (this.playing.value) this.#advance(seconds);
    const frame = Math.min(this.frames.value - 1, Math.floor(this.#position));
    if (frame === this.#drawn) return;
    this.#drawn = frame;
    this.frame.value = frame;
    if (this.#canvas !== null) this.#drawFrame(this.#bitmap, this.#canvas, frame);
    if (this.#sheetCanvas !== null) this.#drawSheet(this.#bitmap, this.#sheetCanvas, frame);
  }

  #advance(seconds: number): void {
    const frames = this.frames.value;
    const next = this.#position + seconds * this.fps * this.speed.value;
    if (this.loop.value || next < frames) {
      this.#position = next % frames;
      return;
    }
    this.#position = frames - 1;
    this.playing.value = false;
  }

  #drawFrame(bitmap: ImageBitmap, canvas: HTMLCanvasElement, frame: number): void {
    const scale = Math.max(1, Math.ceil((canvas.clientWidth * devicePixelRatio) / this.#width));
    resize(canvas, this.#width * scale, this.#height * scale);
    const left = (frame % this.#columns) * this.#width;
    const top = Math.floor(frame / this.#columns) * this.#height;
    // By way of a canvas of its own, so that smoothing does not mix in the neighbouring tiles.
    const tile = this.#tile.getContext('2d', { alpha: false })!;
    tile.drawImage(bitmap, left, top, this.#width, this.#height, 0, 0, this.#width, this.#height);
    const context = this.#contextOf(canvas);
    context.drawImage(this.#tile, 0, 0, canvas.width, canvas.height);
  }

  #drawSheet(bitmap: ImageBitmap, canvas: HTMLCanvasElement, frame: number): void {
    const wanted = canvas.clientWidth * devicePixelRatio;
    if (wanted === 0) return;
    const scale = wanted / bitmap.width;
    resize(canvas, Math.round(wanted), Math.round(bitmap.height * scale));
    const context = this.#contextOf(canvas);
    context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
    const [width, height] = [this.#width * scale, this.#height * scale];
    context.lineWidth = 2 * devicePixelRatio;
    context.strokeStyle = '#fff';
    const left = (frame % this.#columns) * width;
    const top = Math.floor(frame / this.#columns) * height;
    context.strokeRect(left + 1, top + 1, width - 2, height - 2);
  }

  #contextOf(canvas: HTMLCanvasElement): CanvasRenderingContext2D {
    const context = canvas.getContext('2d', { alpha: false })!;
    context.imageSmoothingEnabled = this.smooth.value;
    context.imageSmoothingQuality = 'high';
    return context;
  }
}

function resize(canvas: HTMLCanvasElement, width: number, height: number): void {
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
}
