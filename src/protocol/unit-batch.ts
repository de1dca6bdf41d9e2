/** `batch.json`: what a batch over the units of a model made, unit by unit; it is also what a later run skips. */
import { z } from 'zod';
import { pictureRequest } from './figures.js';

export const UNIT_BATCH_FORMAT = 'neuroreel.unit-batch/1';
export const UNIT_RESULT_FORMAT = 'neuroreel.unit/1';

const source = z.strictObject({ name: z.string(), sha256: z.string() });

export const unitResult = z
  .strictObject({
    format: z.literal(UNIT_RESULT_FORMAT),
    request: pictureRequest,
    fps: z.number().nullable(),
    model: source,
    prior: source.nullable(),
    unit: z.strictObject({ index: z.int().min(0), label: z.string() }),
    examples: z
      .array(
        z.strictObject({
          seed: z.int().min(0),
          start: z.int().min(0),
          activation: z.number(),
          probability: z.number().nullable(),
          smoothness: z.number().nullable().describe('Of a video.'),
          picture: z.string().describe('PNG: the picture, or the frame in the middle of the video.'),
          video: z.string().nullable(),
          sheet: z.string().nullable().describe('Of a video: all its frames.'),
        }),
      )
      .min(1),
    runtime: z.string(),
    versions: z.record(z.string(), z.string()),
    seconds: z.number().min(0).describe('Of the run that finished it.'),
  })
  .describe('What was made for a unit: `unit.json` in its folder.');
export type UnitResult = z.output<typeof unitResult>;

export const unitBatch = z
  .strictObject({
    format: z.literal(UNIT_BATCH_FORMAT),
    model: source,
    units: z.array(z.strictObject({ folder: z.string(), result: unitResult })),
    left: z.array(z.string()).describe('Labels of units that are not done.'),
  })
  .describe('A batch over units.');
export type UnitBatch = z.output<typeof unitBatch>;
