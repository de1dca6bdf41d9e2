/** The parts of a TensorFlow.js layers `model.json` that are used, checked; unknown keys are passed over. */
import { z } from 'zod';

const MAX_RANK = 8;

export const layerName = z.string().min(1).max(256);
const dimension = z
  .int()
  .min(0)
  .max(2 ** 31 - 1);
/** Extents of things that layers do, such as kernels and paddings: no network goes beyond these. */
export const extent = z.int().min(1).max(4096);
export const margin = z.int().min(0).max(4096);
export const channels = z
  .int()
  .min(1)
  .max(2 ** 24);

export const quantization = z.looseObject({
  dtype: z.enum(['uint8', 'uint16', 'float16']),
  scale: z.number().default(1),
  min: z.number().default(0),
  original_dtype: z.enum(['float32', 'int32']).default('float32'),
});

export const weightEntry = z.looseObject({
  name: z.string().min(1).max(1024),
  shape: z.array(dimension).max(MAX_RANK),
  dtype: z.string().max(32),
  quantization: quantization.optional(),
});
export type WeightEntry = z.output<typeof weightEntry>;

export const weightGroup = z.looseObject({
  paths: z.array(z.string().min(1).max(1024)).max(10_000),
  weights: z.array(weightEntry).max(20_000),
});
export type WeightGroup = z.output<typeof weightGroup>;

/** A layer or a whole model as Keras serialises it. */
export const serialised = z.looseObject({ class_name: z.string().min(1).max(256), config: z.unknown() });
export type Serialised = z.output<typeof serialised>;

export const modelFile = z.looseObject({
  format: z.string().optional(),
  generatedBy: z.string().max(1000).nullish(),
  modelTopology: z.looseObject({}),
  weightsManifest: z.array(weightGroup).max(10_000),
});

export const layerEntry = z.looseObject({
  class_name: z.string().min(1).max(256),
  name: layerName.nullish(),
  config: z.looseObject({ name: layerName.nullish() }),
  inbound_nodes: z.array(z.unknown()).max(1000).nullish(),
});
export type LayerEntry = z.output<typeof layerEntry>;

export const nameOf = (entry: LayerEntry): string => entry.name ?? entry.config.name ?? entry.class_name.toLowerCase();

/** Classes of layers that are models themselves. */
export const MODEL_CLASSES: ReadonlySet<string> = new Set(['Sequential', 'Functional', 'Model']);

const layerList = z.array(layerEntry).min(1).max(5000);

export const sequentialConfig = z.union([
  layerList.transform((layers) => ({ name: undefined, layers })),
  z.looseObject({ name: layerName.nullish(), layers: layerList }),
]);

/** A tensor of a functional model: layer, which of its calls, which of the call's outputs. */
const tensorKey = z.tuple([layerName, z.int().min(0).max(10_000), z.int().min(0).max(1000)], z.unknown());
export type TensorKey = z.output<typeof tensorKey>;
/** The tensors that one call of a layer takes. */
export const inboundCall = z.array(tensorKey).min(1).max(1000);
const ends = z.union([z.array(tensorKey).min(1).max(1000), tensorKey.transform((key) => [key])]);

export const functionalConfig = z.looseObject({
  name: layerName.nullish(),
  layers: layerList,
  input_layers: ends,
  output_layers: ends,
});

/** Input shape with the batch first; null where it is left open. */
export const inputConfig = z.looseObject({
  name: layerName.nullish(),
  batch_input_shape: z.array(dimension.nullable()).min(2).max(MAX_RANK).nullish(),
  batch_shape: z.array(dimension.nullable()).min(2).max(MAX_RANK).nullish(),
});

/** The first problem that zod found, with the place where it is. */
export function problemOf(error: z.ZodError): string {
  const issue = error.issues[0];
  const place = issue?.path.join('.') ?? '';
  return place === '' ? (issue?.message ?? 'malformed') : `${place}: ${issue?.message}`;
}
