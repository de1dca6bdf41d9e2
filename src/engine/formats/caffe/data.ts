/**
 * What a network is fed: its `input` fields, and layers that would read data, of which only the shapes matter here. A
 * data layer says how many pictures it gives and how they are cropped; what it leaves open is null.
 */
import { z } from 'zod';
import { NeuroreelError } from '../../../protocol/errors.js';
import { boolean, dimension, optional, problemOf, repeated, required, shape, text, withDefault } from './schema.js';
import type { TextMessage } from './text.js';
import type { RawLayer } from './upgrade.js';

/** Sizes as far as the file gives them. */
export type OpenShape = readonly (number | null)[];

export interface NetInput {
  readonly name: string;
  readonly shape: OpenShape;
}

function invalid(message: string): never {
  throw new NeuroreelError('MODEL_INVALID', message);
}

function parsed<T>(schema: z.ZodType<T>, message: TextMessage, what: string): T {
  const result = schema.safeParse(message);
  return result.success ? result.data : invalid(`${what}: ${problemOf(result.error)}.`);
}

const fields = z.object({
  input: repeated(text, 64),
  input_dim: repeated(dimension, 256),
  input_shape: repeated(shape, 64),
});

/** The inputs that a network names in fields of its own: four sizes for each, or a shape for each. */
export function inputFields(net: TextMessage): NetInput[] {
  const { input, input_dim: sizes, input_shape: shapes } = parsed(fields, net, "The network's inputs");
  if (input.length === 0) return [];
  const whole = shapes.length > 0 ? shapes : input.map((_, i) => sizes.slice(4 * i, 4 * i + 4));
  const counted = shapes.length > 0 ? shapes.length === input.length : sizes.length === 4 * input.length;
  if (!counted) invalid(`The network names ${input.length} inputs, but gives the shapes of more or fewer.`);
  return input.map((name, i) => ({ name, shape: whole[i]! }));
}

const size = withDefault(z.int().min(0).max(65_536), 0);
/** Options of the data layers, under their common names. V1 has those of the transformation among them. */
const options = z.object({
  batch_size: optional(dimension),
  crop_size: size,
  new_height: size,
  new_width: size,
  is_color: withDefault(boolean, true),
  channels: optional(dimension),
  height: optional(dimension),
  width: optional(dimension),
});
const transform = z.object({ crop_size: size, force_gray: withDefault(boolean, false) });
const dataLayer = z.object({
  transform_param: optional(transform),
  data_param: optional(options),
  image_data_param: optional(options),
  memory_data_param: optional(options),
  window_data_param: optional(options),
  hdf5_data_param: optional(options),
});

/** Shape of the pictures of a data layer. */
function pictures(layer: RawLayer): OpenShape {
  const p = parsed(dataLayer, layer.message, `${layer.type} "${layer.name}"`);
  const own =
    p.data_param ?? p.image_data_param ?? p.memory_data_param ?? p.window_data_param ?? p.hdf5_data_param ?? null;
  const crop = p.transform_param?.crop_size || own?.crop_size || null;
  const grey = p.transform_param?.force_gray === true || own?.is_color === false;
  return [
    own?.batch_size ?? null,
    own?.channels ?? (grey ? 1 : 3),
    crop ?? own?.height ?? (own?.new_height || null),
    crop ?? own?.width ?? (own?.new_width || null),
  ];
}

const inputLayer = z.object({ input_param: required(z.object({ shape: repeated(shape, 64) })) });
const dummy = z.object({
  shape: repeated(shape, 64),
  num: repeated(dimension, 64),
  channels: repeated(dimension, 64),
  height: repeated(dimension, 64),
  width: repeated(dimension, 64),
});
const dummyLayer = z.object({ dummy_data_param: required(dummy) });

/** A shape for each top, or one for all of them. */
function shapesFor(layer: RawLayer, shapes: readonly OpenShape[]): NetInput[] {
  if (shapes.length !== layer.tops.length && shapes.length !== 1) {
    invalid(`${layer.type} "${layer.name}" has ${layer.tops.length} tops and ${shapes.length} shapes.`);
  }
  return layer.tops.map((name, i) => ({ name, shape: shapes[i] ?? shapes[0]! }));
}

/** Pictures first; what else a data layer gives, labels or clip markers, is one number for each. */
function fed(layer: RawLayer): NetInput[] {
  const shape = pictures(layer);
  return layer.tops.map((name, i) => ({ name, shape: i === 0 ? shape : [shape[0]!] }));
}

type Reader = (layer: RawLayer) => NetInput[];

const READERS: Readonly<Record<string, Reader>> = {
  Input: (layer) => shapesFor(layer, parsed(inputLayer, layer.message, `Input "${layer.name}"`).input_param.shape),
  DummyData(layer) {
    const p = parsed(dummyLayer, layer.message, `DummyData "${layer.name}"`).dummy_data_param;
    const at = (sizes: readonly number[], i: number): number | null => sizes[i] ?? sizes[0] ?? null;
    const older = p.num.map((n, i) => [n, at(p.channels, i), at(p.height, i), at(p.width, i)]);
    return shapesFor(layer, p.shape.length > 0 ? p.shape : older);
  },
  Data: fed,
  ImageData: fed,
  MemoryData: fed,
  WindowData: fed,
  HDF5Data: fed,
  // A program of the user's: only its place in the network says that it gives data.
  Python: fed,
};

/** The inputs that a layer stands for; null for a layer that reads no data. */
export function inputsOf(layer: RawLayer): NetInput[] | null {
  const reader = layer.bottoms.length === 0 && Object.hasOwn(READERS, layer.type) ? READERS[layer.type] : undefined;
  return reader ? reader(layer) : null;
}
