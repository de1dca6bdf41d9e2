/** How much neighbouring frames differ. */

/**
 * Mean over neighbouring frames of the root mean square difference of pixels on the scale 0..1; 0 for one frame.
 * @param pixels bytes [frames, ...]
 */
export function smoothnessOf(pixels: Uint8Array, frames: number): number {
  if (frames < 2) return 0;
  const size = pixels.length / frames;
  let total = 0;
  for (let t = 1; t < frames; t++) {
    let squares = 0;
    for (let i = t * size; i < (t + 1) * size; i++) {
      const d = pixels[i]! - pixels[i - size]!;
      squares += d * d;
    }
    total += Math.sqrt(squares / size) / 255;
  }
  return total / (frames - 1);
}
