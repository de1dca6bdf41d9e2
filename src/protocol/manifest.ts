/** `model.json`: what a model package says of itself. One schema for shipped, imported and trained models. */
import { z } from 'zod';

export const MANIFEST_FORMAT = 'neuroreel.model/1';

export const packageFilePath = z
  .string()
  .max(200)
  .regex(/^(?!\.)[\w][\w.-]*(\/[\w][\w.-]*)*$/)
  .describe('Path within the package, with / between folders.');

export const packageName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9._-]{0,63}$/)
  .describe('Name of the package and of its folder.');

const fileEntry = z.strictObject({
  path: packageFilePath,
  sha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .describe('SHA-256 of the file, hexadecimal.'),
});

const side = z.int().min(1).max(4096);
const perChannel = z.array(z.number()).length(3);

/** How bytes and the network's numbers relate: number = (byte - mean) * scale, channel by channel. */
const pixels = z.strictObject({
  width: side,
  height: side,
  order: z.enum(['rgb', 'bgr']).describe('Order of the colour channels.'),
  mean: perChannel.describe('Subtracted from the bytes 0..255, in the order of the channels.'),
  scale: perChannel.describe('Multiplied with after that.').refine((s) => s.every((x) => x !== 0), 'must not be 0'),
});

const common = {
  format: z.literal(MANIFEST_FORMAT),
  name: packageName,
  title: z.string().max(200),
  description: z.string().max(4000).default(''),
  licence: z.string().max(200).describe('SPDX identifier, or what the source says.'),
  source: z.string().max(1000).describe('Where the weights come from.'),
  files: z.strictObject({
    graph: fileEntry.describe('Graphs, in the format neuroreel.graph/1.'),
    weights: fileEntry.describe('Weights, as safetensors.'),
    reference: fileEntry.optional().describe('Activations of real clips, in the format neuroreel.reference/1.'),
  }),
  quality: z
    .record(z.string(), z.union([z.number(), z.string()]))
    .default({})
    .describe('What was measured, by name.'),
};

const labels = z.array(z.string().max(200)).min(1).max(100_000).describe('One label a unit, in order.');

const defaults = z
  .strictObject({ unit: z.string().optional(), prior: z.string().optional() })
  .default({})
  .describe('What a request gets that does not say.');

/** How a recogniser is fed a video of any length, and over what its scores are averaged. */
export const sequenceRule = z.discriminatedUnion('rule', [
  z.strictObject({
    rule: z.literal('windows'),
    length: z.int().min(1).max(4096).describe('Frames of a window.'),
    stride: z.int().min(1).max(4096).describe('Frames between the starts of two windows.'),
  }),
  z.strictObject({
    rule: z.literal('spread'),
    length: z.int().min(1).max(4096).describe('Frames taken, evenly spaced over the video.'),
  }),
  z.strictObject({ rule: z.literal('whole') }),
]);
export type SequenceRule = z.output<typeof sequenceRule>;

export const recogniserManifest = z.strictObject({
  ...common,
  kind: z.literal('recogniser'),
  input: pixels,
  labels,
  sequence: sequenceRule,
  partners: z
    .record(z.string(), z.string())
    .default({})
    .describe('Labels of actions that are each other played backwards.'),
  clips: z.string().optional().describe('Folder of real clips within the package, one folder a label.'),
  defaults,
});

export const classifierManifest = z.strictObject({
  ...common,
  kind: z.literal('classifier'),
  input: pixels,
  labels,
  defaults,
});

export const priorManifest = z.strictObject({
  ...common,
  kind: z.literal('prior'),
  code: z.strictObject({
    size: z.int().min(1).max(1_000_000).describe('Numbers of a code.'),
    layer: z.string().describe('What the code is, for example the layer that was inverted.'),
    shape: z
      .array(z.int().min(1))
      .max(4)
      .optional()
      .describe('Shape of a code that is no vector, without the batch; its product is the size.'),
  }),
  output: pixels,
});

export const modelManifest = z.discriminatedUnion('kind', [recogniserManifest, classifierManifest, priorManifest]);

export type PixelFormat = z.output<typeof pixels>;
export type RecogniserManifest = z.output<typeof recogniserManifest>;
export type ClassifierManifest = z.output<typeof classifierManifest>;
export type PriorManifest = z.output<typeof priorManifest>;
export type ModelManifest = z.output<typeof modelManifest>;
export type ModelManifestInput = z.input<typeof modelManifest>;

export const REFERENCE_FORMAT = 'neuroreel.reference/1';

/** Activations of each unit for real clips of its class: what a preferred video is compared with. */
export const referenceActivations = z.strictObject({
  format: z.literal(REFERENCE_FORMAT),
  clips: z.string().describe('What the clips are.'),
  frames: z.int().min(1).describe('Frames of a clip.'),
  activations: z.record(z.string(), z.array(z.number()).min(1)).describe('By label.'),
  smoothness: z.record(z.string(), z.number()).describe('Mean smoothness of the clips, by label.'),
});
export type ReferenceActivations = z.output<typeof referenceActivations>;
