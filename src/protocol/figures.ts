/** `figure.json`: what is on a figure, panel by panel, and everything that is needed to make it again. */
import { z } from 'zod';
import type { FigureJobRequest } from './jobs.js';
import { presetName } from './presets.js';
import { layerName, synthesisOverrides, unitName, unitPosition } from './synthesis.js';

export const FIGURE_FORMAT = 'neuroreel.figure/1';

/** Most panels of a figure. */
export const MAX_PANELS = 1024;

const name = z.string().min(1).max(100);
const path = z.string().min(1).max(4096);

export const pictureRequest = z
  .strictObject({
    model: name.describe('A classifier, or a recogniser, whose pictures are videos.'),
    unit: unitName,
    layer: layerName.optional(),
    position: unitPosition.optional(),
    prior: name.optional().describe("The prior; the model's own when absent."),
    preset: presetName.default('default'),
    settings: synthesisOverrides.optional(),
    iterations: z.int().min(1).max(100_000).optional(),
    seed: z.int().min(0).max(0xffffffff).default(1),
    starts: z.int().min(1).max(64).default(1).describe('Pictures, each from a start of its own.'),
    frames: z.int().min(1).max(4096).default(16).describe('Of a recogniser: frames of each video.'),
    picture: path
      .optional()
      .describe(
        "A picture, or a video of as many frames, of which a run that starts `from: 'picture'` takes the code.",
      ),
    examples: path
      .optional()
      .describe('Real pictures, a folder of class folders or an archive of one, of which the patch prior is made.'),
  })
  .describe('One unit from some starts.');
export type PictureRequest = z.output<typeof pictureRequest>;
export type PictureRequestInput = z.input<typeof pictureRequest>;

const source = z.strictObject({ name: z.string(), sha256: z.string() });
const box = z.strictObject({ x: z.int(), y: z.int(), width: z.int().min(1), height: z.int().min(1) });

export const figurePanel = z
  .strictObject({
    row: z.int().min(0),
    column: z.int().min(0),
    kind: z.enum(['made', 'real', 'file']),
    label: z.string().describe('What stands below it.'),
    detail: z.string(),
    request: pictureRequest.nullable().describe('How it was made; null of what was not.'),
    start: z.int().min(0).nullable().describe('Which of the pictures of its request.'),
    source: z.string().nullable().describe('Of a real example or a file: where it is from.'),
    model: source.nullable(),
    prior: source.nullable(),
    unit: z.strictObject({ index: z.int().min(0), label: z.string() }).nullable(),
    activation: z.number().nullable().describe('Before softmax, of the final picture, scored as any picture would be.'),
    activations: z.array(z.number()).describe('Of an objective with several units: that of each.'),
    probability: z.number().nullable(),
    crop: box.nullable().describe('What the unit sees of the picture: the part that is shown.'),
    size: z.strictObject({ width: z.int(), height: z.int(), frames: z.int().min(1) }),
    inputs: z
      .array(z.strictObject({ path, sha256: z.string().nullable().describe('null of a folder.') }))
      .default([])
      .describe('Files that its request names, as they were.'),
  })
  .describe('A panel of a figure.');
export type FigurePanel = z.output<typeof figurePanel>;

const names = z.array(name).max(MAX_PANELS);

export const figureOptions = z
  .strictObject({
    model: name.optional(),
    units: z.array(unitName).max(MAX_PANELS).optional(),
    layer: layerName.optional(),
    position: unitPosition.optional(),
    layers: names.optional(),
    priors: names.optional(),
    models: names.optional().describe('Checkpoints.'),
    preset: presetName.optional(),
    settings: synthesisOverrides.optional(),
    starts: z.int().min(1).max(64).optional(),
    seed: z.int().min(0).max(0xffffffff).optional(),
    iterations: z.int().min(1).max(100_000).optional(),
    frames: z.int().min(1).max(4096).optional(),
    videos: z.array(path).max(MAX_PANELS).optional().describe('Videos to put side by side.'),
    real: path.optional().describe('Real examples, where the model brings none.'),
    picture: path.optional().describe('A picture, or a video, to start from.'),
  })
  .describe('What may be asked of a figure; what is absent is as the figure says.');
export type FigureOptions = z.output<typeof figureOptions>;

export const figureReport = z
  .strictObject({
    format: z.literal(FIGURE_FORMAT),
    figure: z.string().describe('Name of the figure.'),
    title: z.string(),
    subtitle: z.string(),
    rows: z.array(z.string()),
    columns: z.array(z.string()),
    options: figureOptions.describe('What was asked for, with defaults: all that makes the figure again.'),
    fps: z.number().min(1).max(120).default(12).describe('Frames a second of the MP4.'),
    single: z.boolean().default(false).describe('Whether each picture is a file by itself, too.'),
    panels: z.array(figurePanel).max(MAX_PANELS),
    files: z.array(z.string()),
    runtime: z.string().nullable(),
    versions: z.record(z.string(), z.string()),
    seconds: z.number().min(0),
  })
  .describe('Report of a figure.');
export type FigureReport = z.output<typeof figureReport>;

/** Fields of a request for a figure that a figure may make something of. */
export type FigureField = Exclude<keyof FigureJobRequest, 'kind' | 'figure' | 'device'>;

/** A figure that there is, for help and for forms. */
export interface FigureFacts {
  readonly name: string;
  /** Other figures of the paper that are the same of other models. */
  readonly also?: readonly string[];
  /** What is on it. */
  readonly describe: string;
  /** Kinds of the models that it is made of. */
  readonly models: readonly ('classifier' | 'recogniser')[];
  /** Fields of a request that it makes something of; others are ignored. */
  readonly takes: readonly FigureField[];
  /** Of these, those that have to be there. */
  readonly needs?: readonly FigureField[];
  /** What it has unless it is asked for something else; units only of the model that is named beside them. */
  readonly defaults: FigureOptions;
}
