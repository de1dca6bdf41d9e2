/** Plays the frames of a sheet in a canvas, at their own speed, while newer sheets arrive; and shows the whole sheet. */

export class Player {
  #canvas;
  #sheetCanvas;
  #tile = document.createElement('canvas');
  #onFrame;
  #bitmap = null;
  #columns = 1;
  #width = 1;
  #height = 1;
  #frames = 1;
  #position = 0;
  #last = 0;
  #drawn = -1;
  /** Changes with each job, so that a late picture of the one before is not shown. */
  #generation = 0;
  #decoding = false;
  #waiting = null;
  fps = 25;
  speed = 1;
  smooth = true;
  playing = !window.matchMedia('(prefers-reduced-motion: reduce)').matches;

  /** @param onFrame called with the index of the frame whenever it changes, and the number of frames */
  constructor(canvas, sheetCanvas, onFrame) {
    this.#canvas = canvas;
    this.#sheetCanvas = sheetCanvas;
    this.#onFrame = onFrame;
    sheetCanvas.addEventListener('click', (event) => this.#pick(event));
    requestAnimationFrame((now) => this.#tick(now));
  }

  get hasFrames() {
    return this.#bitmap !== null;
  }

  get frame() {
    return Math.min(this.#frames - 1, Math.floor(this.#position));
  }

  /** Takes a sheet; when they come faster than they can be decoded, the newest wins. */
  async show(header, jpeg, frames) {
    this.#waiting = { header, jpeg, frames };
    if (this.#decoding) return;
    this.#decoding = true;
    try {
      while (this.#waiting !== null) {
        const next = this.#waiting;
        const generation = this.#generation;
        this.#waiting = null;
        const bitmap = await createImageBitmap(new Blob([next.jpeg], { type: 'image/jpeg' }));
        if (generation === this.#generation) this.#take(bitmap, next);
        else bitmap.close();
      }
    } finally {
      this.#decoding = false;
    }
  }

  /** Forgets everything: another job is watched. */
  clear() {
    this.#generation++;
    this.#waiting = null;
    this.#bitmap?.close();
    this.#bitmap = null;
    this.#position = 0;
    this.#drawn = -1;
  }

  seek(frame) {
    this.#position = frame;
  }

  redraw() {
    this.#drawn = -1;
  }

  #take(bitmap, { header, frames }) {
    this.#bitmap?.close();
    this.#bitmap = bitmap;
    this.#columns = header.frame;
    this.#width = header.width;
    this.#height = header.height;
    this.#frames = frames;
    this.#tile.width = header.width;
    this.#tile.height = header.height;
    this.#drawn = -1;
  }

  #tick(now) {
    const seconds = Math.min(0.25, (now - this.#last) / 1000);
    this.#last = now;
    if (this.#bitmap !== null) {
      if (this.playing) this.#position = (this.#position + seconds * this.fps * this.speed) % this.#frames;
      if (this.frame !== this.#drawn) this.#draw();
    }
    requestAnimationFrame((next) => this.#tick(next));
  }

  #draw() {
    const frame = this.frame;
    this.#drawn = frame;
    if (!this.#canvas.hidden) this.#drawFrame(frame);
    if (!this.#sheetCanvas.hidden) this.#drawSheet(frame);
    this.#onFrame(frame, this.#frames);
  }

  #drawFrame(frame) {
    const scale = Math.max(1, Math.ceil((this.#canvas.clientWidth * devicePixelRatio) / this.#width));
    resize(this.#canvas, this.#width * scale, this.#height * scale);
    const left = (frame % this.#columns) * this.#width;
    const top = Math.floor(frame / this.#columns) * this.#height;
    // By way of a canvas of its own, so that smoothing does not mix in the neighbouring tiles.
    const tile = this.#tile.getContext('2d', { alpha: false });
    tile.drawImage(this.#bitmap, left, top, this.#width, this.#height, 0, 0, this.#width, this.#height);
    const context = this.#canvas.getContext('2d', { alpha: false });
    context.imageSmoothingEnabled = this.smooth;
    context.imageSmoothingQuality = 'high';
    context.drawImage(this.#tile, 0, 0, this.#canvas.width, this.#canvas.height);
  }

  #drawSheet(frame) {
    const wanted = this.#sheetCanvas.clientWidth * devicePixelRatio;
    const scale = wanted / this.#bitmap.width;
    resize(this.#sheetCanvas, Math.round(wanted), Math.round(this.#bitmap.height * scale));
    const context = this.#sheetCanvas.getContext('2d', { alpha: false });
    context.imageSmoothingEnabled = this.smooth;
    context.imageSmoothingQuality = 'high';
    context.drawImage(this.#bitmap, 0, 0, this.#sheetCanvas.width, this.#sheetCanvas.height);
    const width = this.#width * scale;
    const height = this.#height * scale;
    context.lineWidth = 2 * devicePixelRatio;
    context.strokeStyle = '#fff';
    const left = (frame % this.#columns) * width;
    const top = Math.floor(frame / this.#columns) * height;
    context.strokeRect(left + 1, top + 1, width - 2, height - 2);
  }

  #pick({ offsetX, offsetY }) {
    if (this.#bitmap === null) return;
    const scale = this.#bitmap.width / this.#sheetCanvas.clientWidth;
    const column = Math.floor((offsetX * scale) / this.#width);
    const row = Math.floor((offsetY * scale) / this.#height);
    this.seek(Math.min(this.#frames - 1, row * this.#columns + column));
  }
}

function resize(canvas, width, height) {
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
}
