/** Bilinear interpolation of pictures. */
import type { Value } from '../../../graph/graph.js';
import { transpose } from '../../../ops/layout.js';
import { dense } from '../../../ops/matmul.js';
import { layerInvalid, type LayerContext } from './definition.js';

/** Most numbers of the matrix that resizes an axis. */
const MAX_MATRIX = 2 ** 24;

/**
 * What lies where: the centres of the pictures' places (tf.image.resize of TensorFlow 2, and so Keras) or the upper left
 * corners (resizeBilinear of TensorFlow.js without options).
 */
export type Alignment = 'centres' | 'corner';

/** The matrix [to, from] that interpolates between the places of an axis; beyond the border lies the border's place. */
export function interpolation(from: number, to: number, alignment: Alignment): Float32Array {
  if (from * to > MAX_MATRIX) layerInvalid(`an axis of ${from} places cannot be resized to ${to}`);
  const matrix = new Float32Array(to * from);
  const shift = alignment === 'centres' ? 0.5 : 0;
  for (let i = 0; i < to; i++) {
    const at = Math.min(Math.max(((i + shift) * from) / to - shift, 0), from - 1);
    const low = Math.floor(at);
    matrix[i * from + low]! += 1 - (at - low);
    if (at > low) matrix[i * from + low + 1]! += at - low;
  }
  return matrix;
}

/** A picture [N, C, H, W] resized to [N, C, height, width], one axis after the other. */
export function bilinear(c: LayerContext, x: Value, [height, width]: readonly [number, number], to: Alignment): Value {
  const along = (value: Value, size: number, name: string): Value => {
    const from = value.shape[3]!;
    if (from === size) return value;
    return dense(c.b, value, c.constant(name, interpolation(from, size, to), [size, from]), null);
  };
  const wide = along(x, width, 'columns');
  if (x.shape[2] === height) return wide;
  const turned = along(transpose(c.b, wide, [0, 1, 3, 2]), height, 'rows');
  return transpose(c.b, turned, [0, 1, 3, 2]);
}
