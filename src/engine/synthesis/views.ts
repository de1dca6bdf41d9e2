/**
 * What a network sees of the pictures in one iteration: moved and made larger or smaller at random, the same for all of them.
 * What it is shown thus is to be good from near and far, wherever it lies, and not in one grid of pixels alone
 * (Mordvintsev et al. 2015; Olah, Mordvintsev and Schubert 2017).
 */
import type { GraphBuilder, Value } from '../graph/graph.js';
import { alongColumns, alongRows } from '../models/resize.js';
import type { Random } from '../random.js';
import type { Tensors } from '../runtimes/runtime.js';
import type { Settings } from './presets.js';
import type { Task } from './scene.js';

export interface View {
  /** Pixels down and to the right. */
  readonly down: number;
  readonly right: number;
  /** 1 for pictures as they are, 2 for twice as large around their middle. */
  readonly scale: number;
}

/** Pictures as they are. */
export const PLAIN_VIEW: View = { down: 0, right: 0, scale: 1 };

/** Whether the settings have views that differ. */
export const hasViews = ({ jitter, zoom }: Pick<Settings, 'jitter' | 'zoom'>): boolean => jitter > 0 || zoom > 0;

/** A view within the settings. */
export function drawView(random: Random, { jitter, zoom }: Pick<Settings, 'jitter' | 'zoom'>): View {
  const shift = (): number => (jitter > 0 ? random.integer(2 * jitter + 1) - jitter : 0);
  const [down, right] = [shift(), shift()];
  return { down, right, scale: zoom > 0 ? 1 + random.uniform(-zoom, zoom) : 1 };
}

/**
 * Rows of weights, [n, n], that scale n numbers around their middle and move them on: linear between two of them, zero where
 * nothing is left.
 */
export function viewMatrix(n: number, by: number, scale: number): Float32Array {
  const matrix = new Float32Array(n * n);
  const middle = (n - 1) / 2;
  for (let to = 0; to < n; to++) {
    const place = (to - by - middle) / scale + middle;
    const before = Math.floor(place);
    const share = place - before;
    if (before >= 0 && before < n) matrix[to * n + before] = 1 - share;
    if (share > 0 && before + 1 >= 0 && before + 1 < n) matrix[to * n + before + 1] = share;
  }
  return matrix;
}

/** The values of the inputs that `viewed` declares. */
export function viewInputs({ model }: Task, { down, right, scale }: View): Tensors {
  const { height, width } = model.manifest.input;
  return { 'view.rows': viewMatrix(height, down, scale), 'view.columns': viewMatrix(width, right, scale) };
}

/** Pictures [N, 3, H, W] in a view; declares `view.rows` [H, H] and `view.columns` [W, W]. */
export function viewed(b: GraphBuilder, pictures: Value): Value {
  const [, , height, width] = pictures.shape as [number, number, number, number];
  const moved = alongRows(b, pictures, b.input('view.rows', [height, height]));
  return alongColumns(b, moved, b.input('view.columns', [width, width]));
}
