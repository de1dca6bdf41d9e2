/** What a server tells of its models beyond the list: manifest and hashes, layers, and real examples of their units. */
import { z } from 'zod';
import { modelSummary } from './http.js';
import { sequenceRule } from './manifest.js';

const count = z.int().min(0);
const sha256 = z.string().regex(/^[0-9a-f]{64}$/, 'expected 64 hexadecimal digits');

export const modelDetails = modelSummary
  .extend({
    description: z.string().describe('A few sentences for people.').optional(),
    source: z.string().describe('Where the weights come from.').optional(),
    files: z
      .array(z.strictObject({ path: z.string(), sha256: z.string().describe('SHA-256 of the file, hexadecimal.') }))
      .describe('The files of the package.')
      .optional(),
    sequence: sequenceRule.describe('How a recogniser is fed a video of any length.').optional(),
    partners: z
      .record(z.string(), z.string())
      .describe('Labels of actions that are each other played backwards.')
      .optional(),
    code: z.strictObject({ size: z.int(), layer: z.string() }).loose().describe('Of a prior.').optional(),
    ownClips: z.boolean().describe('Whether the package brings real clips.').optional(),
    quality: z
      .record(z.string(), z.union([z.number(), z.string()]))
      .describe('What was measured, by name.')
      .optional(),
  })
  .describe('An installed model package with what its manifest says.');
export type ModelDetails = z.output<typeof modelDetails>;

const costs = {
  weights: z.number().min(0).describe('Numbers that were trained; shared ones count where they are used first.'),
  macs: z.number().min(0).describe('Multiply-accumulates for one picture or frame.'),
  activationBytes: z.number().min(0).describe('Bytes of all that is computed for one picture or frame, in float32.'),
} as const;

const pair = z.tuple([z.number(), z.number()]);
const pictureBox = {
  size: pair.describe('Height and width in pixels of the picture.'),
  offset: pair.describe('Top and left; negative above and left of the picture.'),
} as const;

export const layerFacts = z.strictObject({
  name: z.string(),
  type: z.string().nullable().describe('As the source of the model calls it; null where that is not known.'),
  ops: z.array(z.string()).describe('The ops that compute it from the layers before.'),
  shape: z.array(z.int()).describe('Of its output; the first axis counts pictures, frames or time steps.'),
  ...costs,
  receptiveField: z
    .strictObject({ ...pictureBox, clipped: z.strictObject(pictureBox).describe('What of it lies in the picture.') })
    .nullable()
    .describe('Of the unit in the middle; null where there is no picture.'),
});
export type LayerFacts = z.output<typeof layerFacts>;

export const modelLayers = z
  .strictObject({
    model: z.string().describe('Name of the package, or path of the file.'),
    kind: z.enum(['recogniser', 'classifier', 'generator', 'prior']),
    origin: z.string(),
    randomWeights: z.boolean().describe('Whether there is no file of weights, so that they were drawn.'),
    input: z.strictObject({ width: z.int(), height: z.int() }).nullable().describe('Size of a picture, in pixels.'),
    code: z.array(z.int()).nullable().describe("Shape of a prior's code."),
    units: z.int().nullable().describe('Labelled units.'),
    per: z.enum(['frame', 'picture']).describe('What costs are for one of.'),
    graphs: z.array(
      z.strictObject({
        name: z.string(),
        inputs: z.array(z.strictObject({ name: z.string(), shape: z.array(z.int()) })),
        layers: z.array(layerFacts),
        ...costs,
      }),
    ),
    totals: z.strictObject(costs),
  })
  .describe('The layers of a model: what each gives, weighs, costs and sees of the picture.');
export type ModelLayers = z.output<typeof modelLayers>;

/** Real clips or pictures of a set that are scored at most. */
export const MAX_EXAMPLES = 2000;

const clipSetName = z
  .string()
  .regex(/^[A-Za-z0-9_][A-Za-z0-9 ._-]{0,99}$/, 'expected the name of a set of clips')
  .describe("Name of a set of the server (`GET /v1/clips`); the model's own clips when absent.");

/** Which real examples: body of the request that scores them. */
export const examplesRequest = z
  .strictObject({ clips: clipSetName.optional() })
  .describe('Which real clips (of a classifier: pictures) are to be scored.');

export const examplesQuery = z.strictObject({
  clips: clipSetName.optional(),
  unit: z
    .string()
    .min(1)
    .max(200)
    .optional()
    .describe("Index or label of the unit; the model's default unit, else the first, when absent."),
  limit: z.coerce.number().int().min(1).max(100).default(12).describe('Examples in the answer at most.'),
});
export type ExamplesQuery = z.output<typeof examplesQuery>;

export const exampleSource = z.strictObject({ clips: clipSetName.optional() });
export const exampleId = sha256.describe('SHA-256 of the content of the clip or picture, hexadecimal.');

export const unitExample = z.strictObject({
  id: exampleId,
  name: z.string().describe('Path within the set.'),
  label: z.string().nullable().describe('Its class, where the set says.'),
  frames: z.int().min(1).describe('Frames that were scored; 1 of a picture.'),
  activation: z.number().describe("The unit's activation, before softmax."),
  answer: z.string().describe('The label that the model gives it.'),
});
export type UnitExample = z.output<typeof unitExample>;

export const unitExamples = z
  .strictObject({
    model: z.string(),
    sha256: z.string().describe('Hash over the package.'),
    source: z.string().describe('What the examples are, in words.'),
    medium: z.enum(['clip', 'picture']),
    state: z
      .enum(['incomplete', 'waiting', 'scoring', 'complete', 'failed'])
      .describe('`incomplete`: some are not scored and nobody is at it; `waiting`: others are scored before.'),
    scored: count,
    total: count.describe(`Examples of the set, of which the first ${MAX_EXAMPLES} count.`),
    skipped: z
      .array(z.strictObject({ name: z.string(), reason: z.string() }))
      .describe('The first that cannot be scored.'),
    error: z.string().nullable().describe('Why it failed.'),
    unit: z.strictObject({ index: count, label: z.string() }),
    examples: z.array(unitExample).describe('Those that excite the unit most, first the highest.'),
    reference: z
      .strictObject({ clips: z.string(), activations: z.array(z.number()) })
      .nullable()
      .describe('Activations of real clips of its class that the package tells; null where it tells none.'),
  })
  .describe('Real clips or pictures that excite a unit most, by forward passes.');
export type UnitExamples = z.output<typeof unitExamples>;
