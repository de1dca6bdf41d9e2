/**
 * A small antialiased rasteriser: tapered capsules (all pixels within a radius of a line segment), rectangles and soft
 * ellipses on a square RGB canvas of float values, each drawn within its bounding box only.
 */

/** Red, green, blue, each 0..255. */
export type Colour = readonly [number, number, number];

export const FRAME_SIZE = 64;

/** Width in pixels of the antialiased edge. A little more than 1: a small generator can reproduce it. */
const EDGE = 1.25;

const clamp = (x: number, low: number, high: number): number => (x < low ? low : x > high ? high : x);

/** The first and one past the last pixel whose centre can lie in [low, high]. */
function span(low: number, high: number): [number, number] {
  return [clamp(Math.floor(low), 0, FRAME_SIZE), clamp(Math.ceil(high), 0, FRAME_SIZE)];
}

export class Canvas {
  /** [64, 64, 3], 0..255. */
  readonly rgb = new Float32Array(FRAME_SIZE * FRAME_SIZE * 3);
  /** [64, 64], 0..1: how much of a pixel is figure, prop or (at half weight) moving scenery, and not background. */
  readonly cover = new Float32Array(FRAME_SIZE * FRAME_SIZE);

  /** Starts a frame: `upper` above the horizon (y in pixels from the top), `lower` below it; both [64, 64, 3]. */
  backdrop(upper: Float32Array, lower: Float32Array, horizon: number): void {
    const row = FRAME_SIZE * 3;
    this.cover.fill(0);
    for (let y = 0; y < FRAME_SIZE; y++) {
      const share = clamp((y + 0.5 - horizon) / 2 + 0.5, 0, 1);
      if (share === 0 || share === 1) {
        this.rgb.set((share === 0 ? upper : lower).subarray(y * row, (y + 1) * row), y * row);
        continue;
      }
      for (let i = y * row; i < (y + 1) * row; i++) this.rgb[i] = upper[i]! + share * (lower[i]! - upper[i]!);
    }
  }

  /** A capsule from (x0, y0) with radius r0 to (x1, y1) with radius r1, in pixels; `weight` as for a rectangle. */
  capsule(x0: number, y0: number, r0: number, x1: number, y1: number, r1: number, colour: Colour, weight = 1): void {
    const reach = (r0 > r1 ? r0 : r1) + EDGE;
    const [left, right] = span(Math.min(x0, x1) - reach, Math.max(x0, x1) + reach);
    const [top, bottom] = span(Math.min(y0, y1) - reach, Math.max(y0, y1) + reach);
    const dx = x1 - x0;
    const dy = y1 - y0;
    const inverse = 1 / (dx * dx + dy * dy + 1e-9);
    for (let y = top; y < bottom; y++) {
      const py = y + 0.5 - y0;
      for (let x = left; x < right; x++) {
        const px = x + 0.5 - x0;
        const t = clamp((px * dx + py * dy) * inverse, 0, 1);
        const ex = px - t * dx;
        const ey = py - t * dy;
        const alpha = (r0 + t * (r1 - r0) - Math.sqrt(ex * ex + ey * ey)) / EDGE + 0.5;
        if (alpha > 0) this.#blend(y * FRAME_SIZE + x, alpha < 1 ? alpha : 1, colour, weight);
      }
    }
  }

  /** A filled rectangle with antialiased sides. `weight` (0..1) is how much it counts as cover. */
  rectangle(x0: number, y0: number, x1: number, y1: number, colour: Colour, weight: number): void {
    const [left, right] = span(x0 - EDGE, x1 + EDGE);
    const [top, bottom] = span(y0 - EDGE, y1 + EDGE);
    for (let y = top; y < bottom; y++) {
      const tall = clamp(Math.min(y + 0.5 - y0, y1 - y - 0.5) / EDGE + 0.5, 0, 1);
      for (let x = left; x < right; x++) {
        const wide = clamp(Math.min(x + 0.5 - x0, x1 - x - 0.5) / EDGE + 0.5, 0, 1);
        if (tall * wide > 0) this.#blend(y * FRAME_SIZE + x, tall * wide, colour, weight);
      }
    }
  }

  /** A soft shadow: darkens by `strength` (0..1) at the centre, fading to nothing at the rim of the ellipse. */
  shadow(cx: number, cy: number, rx: number, ry: number, strength: number): void {
    const [left, right] = span(cx - rx, cx + rx);
    const [top, bottom] = span(cy - ry, cy + ry);
    for (let y = top; y < bottom; y++) {
      const py = (y + 0.5 - cy) / ry;
      for (let x = left; x < right; x++) {
        const px = (x + 0.5 - cx) / rx;
        const inside = 1 - px * px - py * py;
        if (inside > 0) this.#blend(y * FRAME_SIZE + x, strength * inside, [0, 0, 0], 0);
      }
    }
  }

  /** Writes the frame as bytes, rounded, at the offset: [64, 64, 3]. */
  write(target: Uint8Array, offset: number): void {
    for (let i = 0; i < this.rgb.length; i++) target[offset + i] = this.rgb[i]! + 0.5;
  }

  #blend(pixel: number, alpha: number, colour: Colour, weight: number): void {
    const rgb = this.rgb;
    const i = pixel * 3;
    rgb[i] = rgb[i]! + alpha * (colour[0] - rgb[i]!);
    rgb[i + 1] = rgb[i + 1]! + alpha * (colour[1] - rgb[i + 1]!);
    rgb[i + 2] = rgb[i + 2]! + alpha * (colour[2] - rgb[i + 2]!);
    if (alpha * weight > this.cover[pixel]!) this.cover[pixel] = alpha * weight;
  }
}
