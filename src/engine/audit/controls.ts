/**
 * Recognisers whose use of order is known, so that every audit shows that its instrument works: a bag of frames, which
 * cannot use the order, and a detector of the direction of motion, which uses nothing else.
 */
import { Random } from '../random.js';
import type { AuditClip } from './clip-source.js';
import type { FrameOrder } from './permutations.js';
import type { ClipFeatures, ClipScorer, OrderScores } from './scorer.js';

/** Cells of the grid of mean colours that the bag of frames sees, along each side. */
const GRID = 4;

/** The logits of each order, as a table with its softmax. */
function table(classes: number, orders: readonly FrameOrder[], logitsOf: (order: FrameOrder) => number[]): OrderScores {
  const logits = new Float32Array(orders.length * classes);
  const probabilities = new Float32Array(orders.length * classes);
  orders.forEach((order, r) => {
    const row = logitsOf(order);
    const most = Math.max(...row);
    const sum = row.reduce((total, z) => total + Math.exp(z - most), 0);
    logits.set(row, r * classes);
    probabilities.set(
      row.map((z) => Math.exp(z - most) / sum),
      r * classes,
    );
  });
  return { logits, probabilities };
}

/**
 * A recogniser that averages over the frames before it looks: coarse colours of the mean frame through random weights.
 * The frames are added up in one fixed order whatever order they are shown in, so the same frames give the same bits.
 */
export function bagOfFrames(options: {
  readonly classes: number;
  readonly width: number;
  readonly height: number;
  readonly seed?: number;
}): ClipScorer {
  const { classes, width, height, seed = 1 } = options;
  const size = GRID * GRID * 3;
  const weights = new Random(`${seed}/bag of frames`).normals(classes * size);
  return {
    classes,
    width,
    height,
    features: (pixels) => Promise.resolve(gridColours(pixels, width, height)),
    scores: (features, frames, orders) =>
      Promise.resolve(
        table(classes, orders, (order) => {
          const shown = new Int32Array(frames);
          for (const frame of order) shown[frame]!++;
          const bag = new Float64Array(size);
          shown.forEach((times, t) => bag.forEach((_, g) => (bag[g]! += (times / frames) * features[t * size + g]!)));
          return Array.from({ length: classes }, (_, c) =>
            bag.reduce((sum, x, g) => sum + x * weights[c * size + g]!, 0),
          );
        }),
      ),
  };
}

/** Mean colours of the cells of each frame, in [0, 1], [T, GRID * GRID * 3]. */
function gridColours(pixels: Uint8Array, width: number, height: number): Float32Array {
  const frames = pixels.length / (width * height * 3);
  const size = GRID * GRID * 3;
  const features = new Float32Array(frames * size);
  const perCell = (255 * width * height) / (GRID * GRID);
  let i = 0;
  for (let t = 0; t < frames; t++) {
    for (let y = 0; y < height; y++) {
      const row = Math.floor((y * GRID) / height) * GRID;
      for (let x = 0; x < width; x++) {
        const cell = t * size + (row + Math.floor((x * GRID) / width)) * 3;
        for (let c = 0; c < 3; c++) features[cell + c]! += pixels[i++]! / perCell;
      }
    }
  }
  return features;
}

/** Labels of the direction-of-motion control. */
export const DIRECTIONS = ['rightwards', 'leftwards'] as const;

/** How sure the detector is at full opponent energy. */
const GAIN = 8;

/**
 * A recogniser of the direction of motion: Reichardt detectors between neighbouring columns, rightward less leftward, over
 * neighbouring frames. Playing a clip backwards changes the sign of its score and nothing else.
 */
export function directionOfMotion({ width, height }: { readonly width: number; readonly height: number }): ClipScorer {
  return {
    classes: DIRECTIONS.length,
    width,
    height,
    features: (pixels) => Promise.resolve(columnProfiles(pixels, width, height)),
    scores: (features, _frames, orders) =>
      Promise.resolve(
        table(DIRECTIONS.length, orders, (order) => {
          const z = GAIN * opponentEnergy(features, width, order);
          return [z, -z];
        }),
      ),
  };
}

/** Mean brightness of each column of each frame, less the mean of the frame, [T, width]. */
function columnProfiles(pixels: Uint8Array, width: number, height: number): Float32Array {
  const frames = pixels.length / (width * height * 3);
  const profiles = new Float32Array(frames * width);
  for (let i = 0; i < pixels.length; i++) {
    const pixel = Math.floor(i / 3);
    const t = Math.floor(pixel / (width * height));
    profiles[t * width + (pixel % width)]! += pixels[i]! / (765 * height);
  }
  for (let t = 0; t < frames; t++) {
    const profile = profiles.subarray(t * width, (t + 1) * width);
    const level = profile.reduce((a, b) => a + b, 0) / width;
    profile.forEach((x, i) => (profile[i] = x - level));
  }
  return profiles;
}

function opponentEnergy(profiles: ClipFeatures, width: number, order: FrameOrder): number {
  let opponent = 0;
  let total = 1e-12;
  for (let t = 1; t < order.length; t++) {
    const before = profiles.subarray(order[t - 1]! * width);
    const after = profiles.subarray(order[t]! * width);
    for (let x = 1; x < width; x++) {
      opponent += before[x - 1]! * after[x]! - before[x]! * after[x - 1]!;
      total += before[x]! * before[x]!;
    }
  }
  return opponent / total;
}

/** Clips for the direction-of-motion control: a soft bar on a noisy ground that goes one pixel a frame, around the edge. */
export function* movingBars(options: {
  readonly clips: number;
  readonly frames: number;
  readonly width: number;
  readonly height: number;
  readonly seed: number;
}): Generator<AuditClip> {
  const { clips, frames, width, height, seed } = options;
  for (let i = 0; i < clips; i++) {
    const random = new Random(`${seed}/moving bar ${i}`);
    const step = i % 2 === 0 ? 1 : -1;
    const start = random.integer(width);
    const pixels = new Uint8Array(frames * width * height * 3);
    for (let p = 0; p < pixels.length; p += 3) {
      const pixel = p / 3;
      const centre = start + step * Math.floor(pixel / (width * height));
      const away = (((pixel % width) - centre) % width) + width;
      const distance = Math.min(away % width, width - (away % width));
      pixels.fill(Math.round(60 + 150 * Math.exp(-(distance ** 2) / 4) + 20 * random.uniform()), p, p + 3);
    }
    yield { name: `moving-bar-${i}`, label: DIRECTIONS[i % 2]!, read: () => Promise.resolve({ frames, pixels }) };
  }
}
