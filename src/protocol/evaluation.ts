/** `report.json` of an evaluation: how good are the preferred pictures or videos of a model, beside real ones. */
import { z } from 'zod';
import { synthesisOverrides } from './synthesis.js';

export const EVALUATION_FORMAT = 'neuroreel.evaluation/1';

const share = z.number().min(0).max(1);
const source = z.strictObject({ name: z.string(), sha256: z.string() });

const judgement = z
  .strictObject({
    judge: z.string().describe('Name of a network that took no part in the synthesis.'),
    answer: z.string().describe('Its first label.'),
    rank: z
      .int()
      .min(1)
      .nullable()
      .describe("Place of the unit's label in its ranking; null where it has no such label."),
    probability: share.nullable().describe("Probability that it gives to the unit's label."),
  })
  .describe('What a judge makes of it.');

const neighbour = z.strictObject({
  space: z.string().describe('`pixels`, or a layer, or the code of a prior.'),
  name: z.string().describe('The nearest real example of the class.'),
  distance: z.number().min(0).describe('Root mean square distance to it.'),
  ratio: z
    .number()
    .min(0)
    .nullable()
    .describe("Over the median distance of the class's real examples to their nearest other one: near 0 for a copy."),
});

const made = z.strictObject({
  seed: z.int().min(0),
  start: z.int().min(0).describe('Number of the start within its run.'),
  activation: z.number().describe('Before softmax, scored as a real example would be.'),
  percentile: z.number().min(0).max(100).nullable().describe('Per cent of real examples of the class below it.'),
  judges: z.array(judgement),
  nearest: z.array(neighbour).describe('In each space.'),
  smoothness: z
    .number()
    .min(0)
    .nullable()
    .describe('Of a video: mean root mean square difference of neighbouring frames.'),
  reversed: z
    .array(z.strictObject({ judge: z.string(), answer: z.string(), partner: z.boolean() }))
    .describe("Of a video of a pair: what judges make of it played backwards, and whether it is the partner's label."),
});
export type MadeExample = z.output<typeof made>;

const diversity = z
  .strictObject({
    structure: z.number().nullable().describe('1 less the mean MS-SSIM over pairs.'),
    features: z.number().nullable().describe('Mean cosine distance over pairs, of the features before the scores.'),
  })
  .describe('How much examples of a unit differ; null for fewer than two.');

const method = z.strictObject({
  prior: source.nullable().describe('null: the pixels themselves.'),
  preset: z.string(),
  examples: z.array(made),
  diversity,
  secondsPerExample: z.number().min(0),
});
export type EvaluatedMethod = z.output<typeof method>;

const unit = z.strictObject({
  index: z.int().min(0),
  label: z.string(),
  partner: z.string().nullable().describe('Label of the action played backwards.'),
  real: z
    .strictObject({
      count: z.int().min(0),
      activations: z.array(z.number()).describe('Ascending.'),
      recognised: z.array(z.strictObject({ judge: z.string(), top1: share.nullable(), top5: share.nullable() })),
      reversed: z.array(z.strictObject({ judge: z.string(), partner: share })),
      diversity,
      smoothness: z.number().nullable(),
    })
    .describe('Real examples of the class, the control.'),
  prior: method.describe("With the model's prior."),
  baseline: method.nullable().describe('Without a prior: the pixels themselves are optimised.'),
});
export type EvaluatedUnit = z.output<typeof unit>;

const measured = z.strictObject({
  aboveReal95: share
    .nullable()
    .describe('Share of units whose mean activation is above the 95th percentile of real examples.'),
  percentile: z.number().nullable().describe('Median over units of the mean percentile.'),
  top1: z
    .array(z.strictObject({ judge: z.string(), share, units: share }))
    .describe('Share of examples whose label a judge gives, and of units most of whose examples are given it.'),
  top5: z.array(z.strictObject({ judge: z.string(), share, units: share })).describe('The same among its first five.'),
  structure: z.number().nullable(),
  features: z.number().nullable(),
  nearest: z
    .array(z.strictObject({ space: z.string(), ratio: z.number().nullable(), least: z.number().nullable() }))
    .describe('Median and least ratio to real examples, by space.'),
  smoothness: z.number().nullable().describe('Median over units of the ratio to that of real clips.'),
  smoothUnits: share.nullable().describe('Share of units within a factor of 2 of real clips.'),
  reversed: z
    .array(z.strictObject({ judge: z.string(), units: share, of: z.int().min(0) }))
    .describe("Share of the units of pairs whose reversed video is given the partner's label."),
  secondsPerExample: z.number().nullable(),
});
export type MeasuredMethod = z.output<typeof measured>;

export const evaluationReport = z
  .strictObject({
    format: z.literal(EVALUATION_FORMAT),
    model: source.extend({ kind: z.enum(['classifier', 'recogniser']), labels: z.int().min(1) }),
    judges: z.array(
      source.extend({
        unknown: z.array(z.string()).describe('Labels that it has no word for.'),
        shared: z.array(z.array(z.string())).describe('Labels that it calls the same.'),
      }),
    ),
    real: z.string().describe('What the real examples are.'),
    parameters: z.strictObject({
      starts: z.int().min(1),
      seed: z.int().min(0),
      preset: z.string(),
      frames: z.int().min(1).nullable().describe('Of a video.'),
      iterations: z.int().min(1).nullable(),
      settings: synthesisOverrides.nullable().default(null).describe('What replaced settings of the preset.'),
      examples: z.int().min(1).describe('Real examples of a class that are taken at most.'),
      baseline: z.boolean(),
    }),
    summary: z.strictObject({ prior: measured, baseline: measured.nullable(), real: measured }),
    units: z.array(unit).min(1),
    runtime: z.string(),
    versions: z.record(z.string(), z.string()),
    seconds: z.number().min(0),
  })
  .describe('Report of an evaluation.');
export type EvaluationReport = z.output<typeof evaluationReport>;
