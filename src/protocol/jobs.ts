/**
 * Jobs as clients see them: the requests that make them, their states, their progress and their artifacts.
 * Each schema is the type, the validator and the documentation of the thing at once.
 */
import { z } from 'zod';
import { errorBody } from './http.js';
import { presetName } from './presets.js';
import { device } from './runtimes.js';
import { steering } from './steering.js';
import { layerName, synthesisOverrides, unitName, unitPosition } from './synthesis.js';

/** Largest number of frames of a video. */
export const MAX_FRAMES = 4096;

/** Points that the activation history of a job keeps at most; older ones are thinned out evenly. */
export const MAX_HISTORY = 512;

export const jobId = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/,
    'expected 1 to 64 letters, digits, dots, dashes and underscores, the first a letter or digit',
  )
  .describe('The id of a job: chosen by the client with PUT, by the server with POST.');

/** Most bytes of a picture in a request, as base64. */
const MAX_PICTURE = 4_000_000;

export const steeringPlan = z
  .array(
    z.strictObject({
      iteration: z.int().min(1).max(100_000).describe('The first iteration that it has effect on.'),
      change: steering,
    }),
  )
  .max(1000)
  .describe('Changes while the job runs, in order; those that a report lists make its run again.');

/** What requests for videos and for images have in common. */
const synthesisFields = {
  layer: layerName
    .optional()
    .describe('Name of a hidden layer whose unit is maximised; absent: the scores of the labels.'),
  position: unitPosition.optional(),
  prior: z
    .string()
    .min(1)
    .max(100)
    .optional()
    .describe(
      "Name of the prior; `pixels` or `fourier` for none (the image itself is the code); the model's default when absent.",
    ),
  preset: presetName.default('default'),
  settings: synthesisOverrides.optional(),
  picture: z
    .base64()
    .max(MAX_PICTURE)
    .optional()
    .describe(
      "An image file (PNG, JPEG, WebP), or of a video job a video of as many frames (MP4, WebM), as base64, of which a run that starts `from: 'picture'` takes the code.",
    ),
  seed: z.int().min(0).max(0xffffffff).default(1).describe('Seed of every random number of the job.'),
  iterations: z.int().min(1).max(100_000).optional().describe("Iterations; the preset's number when absent."),
  device: device.default('auto'),
  steering: steeringPlan.optional(),
  previewEvery: z
    .int()
    .min(1)
    .max(100_000)
    .optional()
    .describe('Frames are handed to the stream at least every so many iterations, even when nobody watches.'),
  keyframeEvery: z
    .int()
    .min(1)
    .max(100_000)
    .optional()
    .describe(
      'Small pictures of every so many iterations (64 at most) are kept, to replay how it evolved; none when absent.',
    ),
} as const;

export const videoJobRequest = z
  .strictObject({
    kind: z.literal('video').describe('A preferred video: one sequence of frames optimised for one unit.'),
    model: z.string().min(1).max(100).default('figures-lrcn').describe('Name of the recogniser (a model package).'),
    unit: unitName.optional().describe("The unit to maximise; the model's default unit when absent."),
    frames: z.int().min(1).max(MAX_FRAMES).default(160).describe('Frames of the video, all optimised together.'),
    ...synthesisFields,
    compareFree: z
      .boolean()
      .optional()
      .describe(
        'Whether the same is done with a free code for each frame, so that the report can say what the sequence cost.',
      ),
    fps: z.number().min(1).max(120).default(25).describe('Frames a second of the MP4.'),
  })
  .describe('Request for a preferred video.');

const modelName = z.string().min(1).max(100);

/** Most pictures of an image job. */
export const MAX_PICTURES = 256;

export const imageJobRequest = z
  .strictObject({
    kind: z.literal('image').describe('Preferred images for units of a classifier, all of them in one batch.'),
    model: modelName.default('tiny-objects').describe('Name of the classifier (a model package).'),
    units: z
      .array(unitName)
      .min(1)
      .max(MAX_PICTURES)
      .optional()
      .describe("The units to maximise, of one layer; the model's default unit when absent."),
    starts: z
      .int()
      .min(1)
      .max(MAX_PICTURES)
      .default(1)
      .describe('Pictures of each unit, each from a start of its own.'),
    ...synthesisFields,
  })
  .refine(({ units, starts }) => (units?.length ?? 1) * starts <= MAX_PICTURES, {
    path: ['starts'],
    error: `expected at most ${MAX_PICTURES} pictures in all (units times starts)`,
  })
  .describe('Request for preferred images.');

const clipSetName = z.string().regex(/^[A-Za-z0-9_][A-Za-z0-9 ._-]{0,99}$/, 'expected the name of a set of clips');

export const auditJobRequest = z
  .strictObject({
    kind: z.literal('audit').describe('An audit: does a recogniser use the order of frames?'),
    model: modelName.default('figures-lrcn').describe('Name of the recogniser (a model package).'),
    compare: z
      .array(modelName)
      .max(8)
      .default([])
      .describe('More recognisers, shown the same clips in the same orders.'),
    clips: clipSetName
      .optional()
      .describe("Name of a set of clips of the server (`GET /v1/clips`); the model's own clips when absent."),
    conditions: z
      .array(z.string().min(1).max(100))
      .min(1)
      .max(100)
      .optional()
      .describe('What is done to the order of frames; everything that the clips allow when absent.'),
    permutations: z.int().min(1).max(100_000).default(20).describe('R, random orders of each clip.'),
    delta: z.number().gt(0).lt(1).default(0.05).describe('The excess flip rate from which on a difference matters.'),
    seed: z.int().min(0).max(0xffffffff).default(1).describe('Seed of every random number of the job.'),
    crops: z.int().min(1).max(24).default(4).describe('Crops of each clip that make the noise floor.'),
    frames: z.int().min(2).max(1_000_000).default(2048).describe('Frames of a clip that are taken at most.'),
    device: device.default('auto'),
  })
  .describe('Request for an audit.');

export const figureJobRequest = z
  .strictObject({
    kind: z
      .literal('figure')
      .describe('A figure: pictures or videos of several units, starts, layers ... on one board.'),
    figure: z
      .string()
      .regex(/^[A-Za-z0-9-]{1,40}$/, 'expected the name of a figure')
      .describe('Name of the figure, see docs/figures.md.'),
    model: modelName.optional().describe('The model; as the figure says when absent.'),
    units: z.array(unitName).min(1).max(MAX_PICTURES).optional().describe('The units, by index or label.'),
    layers: z.array(layerName).min(1).max(100).optional().describe('Hidden layers, of a figure of layers.'),
    priors: z.array(modelName).min(1).max(32).optional().describe('Priors; the first where a figure has only one.'),
    checkpoints: z.array(modelName).min(1).max(100).optional().describe('Models, of a figure of checkpoints.'),
    preset: presetName.optional().describe('Settings of the synthesis by name; as the figure says when absent.'),
    settings: synthesisOverrides.optional(),
    starts: z.int().min(1).max(64).optional().describe('Pictures of a unit, each from a start of its own.'),
    seed: z.int().min(0).max(0xffffffff).default(1).describe('Seed of the first start.'),
    iterations: z.int().min(1).max(100_000).optional().describe("Iterations; the preset's number when absent."),
    frames: z.int().min(1).max(MAX_FRAMES).optional().describe('Of a recogniser: frames of each video.'),
    real: clipSetName
      .optional()
      .describe("Name of a set of clips of the server, whose real examples are shown; the model's own when absent."),
    jobs: z
      .array(jobId)
      .min(2)
      .max(16)
      .optional()
      .describe('Finished video jobs, of a figure that puts videos beside each other.'),
    fps: z.int().min(1).max(120).default(12).describe('Frames a second of the MP4.'),
    device: device.default('auto'),
  })
  .describe('Request for a figure.');

/** Jobs of a batch at most. */
export const MAX_BATCH = 4096;

/** What the jobs of a batch have in common: a request of a kind that maximises a unit, without its unit. */
const { unit: _unit, ...videoTemplate } = videoJobRequest.shape;
const { units: _units, ...imageTemplate } = imageJobRequest.shape;
const batchTemplate = z.discriminatedUnion('kind', [z.strictObject(videoTemplate), z.strictObject(imageTemplate)]);

export const batchJobRequest = z
  .strictObject({
    kind: z.literal('batch').describe('A batch: one job for each of many units of a model.'),
    units: z
      .union([z.literal('all'), z.array(unitName).min(1)])
      .describe(
        `Units by index or label, each at most once and at most ${MAX_BATCH}; \`all\` for every unit of the model.`,
      ),
    job: batchTemplate.describe('The request of each of the jobs, without its unit.'),
  })
  .describe('Request for a batch of jobs.');

/** Every kind of job; a new kind is one more schema in this list (and one entry in `src/jobs/kinds.ts`). */
const KINDS = [videoJobRequest, imageJobRequest, figureJobRequest, auditJobRequest, batchJobRequest] as const;

/** Names of the kinds. */
export const JOB_KINDS = KINDS.map(({ shape }) => shape.kind.value);

const kindsExpected = `expected one of ${JOB_KINDS.map((kind) => `'${kind}'`).join(', ')}`;
export const jobRequest = z.discriminatedUnion('kind', KINDS, {
  error: (issue) => (issue.code === 'invalid_union' ? kindsExpected : undefined),
});

export type VideoJobRequest = z.output<typeof videoJobRequest>;
export type ImageJobRequest = z.output<typeof imageJobRequest>;
export type FigureJobRequest = z.output<typeof figureJobRequest>;
export type AuditJobRequest = z.output<typeof auditJobRequest>;
export type BatchJobRequest = z.output<typeof batchJobRequest>;
export type JobRequest = z.output<typeof jobRequest>;
/** A request as clients send it: fields with a default may be absent. */
export type JobRequestInput = z.input<typeof jobRequest>;
export type JobKind = JobRequest['kind'];

export const jobState = z
  .enum(['queued', 'starting', 'running', 'paused', 'encoding', 'succeeded', 'failed', 'canceled'])
  .describe('Where a job is in its life; docs/protocol.md has the table of transitions.');
export type JobState = z.output<typeof jobState>;

const auditProgress = z.strictObject({
  model: z.string().describe('Name of the recogniser that scored the last clip.'),
  clip: z.string().describe('Name of the last clip.'),
  skipped: z.int().min(0).describe('Clips that could not be scored.'),
  flipRate: z.number().min(0).max(1).nullable().describe('Of that recogniser, shuffled, so far.'),
  noiseFloor: z.number().min(0).max(1).nullable().describe('Its flip rate in order under other crops, so far.'),
});
export type AuditJobProgress = z.output<typeof auditProgress>;

const figureProgress = z.strictObject({
  picture: z.string().describe('What is being made: the model and its unit.'),
  iteration: z.int().min(0).describe('Iterations of the run that makes it.'),
  iterations: z.int().min(1).describe('Iterations of that run in all.'),
});
export type FigureJobProgress = z.output<typeof figureProgress>;

export const jobProgress = z
  .strictObject({
    iteration: z
      .int()
      .min(0)
      .describe('Iterations done; of an audit: clips, once for each model; of a figure: pictures.'),
    iterations: z.int().min(1).describe('Iterations (clips, pictures) in all.'),
    activation: z
      .number()
      .describe(
        "The unit's activation (pre-softmax, aggregated over the video) before this update; of an audit: the flip rate " +
          'of the shuffled clips so far.',
      ),
    smoothness: z
      .number()
      .describe('Mean root mean square difference of neighbouring frames, pixels in [0, 1]; 0 of an audit.'),
    secondsPerIteration: z.number().min(0).describe('Running mean of the wall-clock seconds of an iteration.'),
    etaSeconds: z.number().min(0).describe('Estimated seconds until the last iteration is done.'),
    framesEncoded: z
      .int()
      .min(0)
      .describe('Frames that went into the MP4 so far (0 until encoding starts); of images and audits: files written.'),
    framesToEncode: z.int().min(0).describe('Frames that the MP4 will have; of images and audits: files.'),
    frameActivations: z
      .array(z.number().nullable())
      .max(MAX_HISTORY)
      .optional()
      .describe(
        "The unit's activation at each frame (the mean over the windows that hold it; null where none does), or for each " +
          `picture of an image job; means of neighbours where there are more than ${MAX_HISTORY}.`,
      ),
    audit: auditProgress.optional().describe('Only of an audit.'),
    figure: figureProgress.optional().describe('Only of a figure.'),
  })
  .describe('How far a job is. Iterations and encoded frames are counted separately.');
export type JobProgress = z.output<typeof jobProgress>;

export const activationHistory = z
  .strictObject({
    iterations: z.array(z.int()).describe('Iteration numbers, ascending.'),
    activations: z.array(z.number()).describe('The activation at each of them; of an audit the flip rate so far.'),
  })
  .describe(`The activation over the iterations so far, thinned out evenly to at most ${MAX_HISTORY} points.`);
export type ActivationHistory = z.output<typeof activationHistory>;

const unitIdentity = z.strictObject({ index: z.int().min(0), label: z.string() });

const synthesisRun = z
  .strictObject({
    width: z.int().min(1).describe('Width of a frame in pixels.'),
    height: z.int().min(1).describe('Height of a frame in pixels.'),
    frames: z.int().min(1).describe('Frames of the video; pictures of an image job.'),
    unit: unitIdentity.describe('The unit that is maximised, with its label; the first one of several.'),
    units: z.array(unitIdentity).optional().describe('Only of an image job: the unit of each picture.'),
    iterations: z.int().min(1).describe('Iterations in all.'),
    runtime: z.string().describe('The runtime that computes the steps.'),
  })
  .describe('Of a video or of images.');
export type SynthesisRun = z.output<typeof synthesisRun>;

const figureRun = z
  .strictObject({
    title: z.string().describe('What stands above the figure.'),
    panels: z.int().min(0).describe('Panels of the figure.'),
    pictures: z.int().min(0).describe('Pictures (or videos) that are made for it.'),
    runtime: z.string().nullable().describe('The runtime that computes the steps; null when there is nothing to make.'),
  })
  .describe('Of a figure.');
export type FigureJobRun = z.output<typeof figureRun>;

const auditRun = z
  .strictObject({
    models: z.array(z.string()).min(1).describe('The recognisers, the one in question first.'),
    clips: z.int().min(0).describe('Clips that are offered.'),
    conditions: z.array(z.string()).describe('What is done to the order of frames.'),
    permutations: z.int().min(1).describe('R, random orders of each clip.'),
    found: z.int().min(0).describe('Clips that were scored before an interruption, and are not scored again.'),
    runtime: z.string().describe('The runtime that computes the scores.'),
  })
  .describe('Of an audit.');

export const jobRun = z
  .union([synthesisRun, figureRun, auditRun])
  .describe('What the worker found out when it opened the models; absent until the job runs.');
export type JobRun = z.output<typeof jobRun>;

const webhookUrl = z.url({ protocol: /^https?$/ }).max(2048);

/** How a job is to be run, besides what it is to do: fields that stand beside those of the request. */
export const submission = z.strictObject({
  priority: z.int().min(-100).max(100).default(0).describe('Waiting jobs of a higher priority run first.'),
  webhook: z
    .strictObject({
      url: webhookUrl.describe('Where to POST each change of state to.'),
      secret: z.string().min(16).max(256).describe('Key of the signatures; never shown again.'),
      states: z.array(jobState).min(1).optional().describe('Only these states; all when absent.'),
    })
    .optional()
    .describe('Who is to be told of changes of state.'),
});
export type Submission = z.output<typeof submission>;

const steeringRecord = z
  .array(
    z.strictObject({
      iteration: z.int().min(1).nullable().describe('The first iteration that it had effect on; null until then.'),
      at: z.iso.datetime().describe('When it was asked for.'),
      change: steering,
      refused: z.string().optional().describe('Why it has no effect; absent of one that has.'),
    }),
  )
  .describe('What was changed while the job ran.');

/** What is sent to submit a job: a request, and beside its fields those of {@link submission}. */
export const jobSubmission = z.discriminatedUnion('kind', [
  z.strictObject({ ...videoJobRequest.shape, ...submission.shape }),
  z.strictObject({ ...imageJobRequest.shape, ...submission.shape }),
  z.strictObject({ ...figureJobRequest.shape, ...submission.shape }),
  z.strictObject({ ...auditJobRequest.shape, ...submission.shape }),
  z.strictObject({ ...batchJobRequest.shape, ...submission.shape }),
]);

const batchCounts = z
  .strictObject({
    jobs: z.int().min(0).describe('Jobs of the batch.'),
    succeeded: z.int().min(0),
    failed: z.int().min(0),
    canceled: z.int().min(0),
  })
  .describe('Jobs of the batch by how they ended.');

export const job = z
  .strictObject({
    id: jobId,
    request: jobRequest.describe('The request with its defaults filled in.'),
    state: jobState,
    priority: z.int().describe('Waiting jobs of a higher priority run first.'),
    parent: jobId.nullable().describe('The batch that the job belongs to.'),
    batch: batchCounts.nullable().describe('Only of a batch.'),
    webhook: webhookUrl.nullable().describe('Who is told of changes of state.'),
    steering: steeringRecord,
    crashes: z.int().min(0).describe('Times that its worker or the server died under it since it last got further.'),
    createdAt: z.iso.datetime().describe('When the job was submitted (ISO 8601, UTC).'),
    updatedAt: z.iso.datetime().describe('When its state changed last.'),
    startedAt: z.iso.datetime().nullable().describe('When a worker took it up.'),
    endedAt: z.iso.datetime().nullable().describe('When it succeeded, failed or was canceled.'),
    run: jobRun.nullable(),
    progress: jobProgress.nullable(),
    error: errorBody.nullable().describe('Why the job failed.'),
    events: z
      .array(z.strictObject({ state: jobState, at: z.iso.datetime() }))
      .describe('Every state the job was in, with the time it entered it.'),
    eventLoopMaxPauseMs: z
      .number()
      .nullable()
      .describe("Longest pause of the server's event loop while the job ran, in milliseconds; null until it ends."),
  })
  .describe('A job.');
export type Job = z.output<typeof job>;

export const jobWithHistory = job.extend({ history: activationHistory });
export type JobWithHistory = z.output<typeof jobWithHistory>;

export const jobList = z.strictObject({
  jobs: z.array(job).describe('Newest first.'),
  next: z.string().nullable().describe('The `cursor` of what follows; null at the end.'),
});

/** Jobs in one answer at most. */
export const MAX_LISTED = 1000;

/** A text with commas as a list of things. */
const commaSeparated = <T extends z.ZodType<string, string>>(one: T) =>
  z
    .string()
    .max(1000)
    .transform((text) => text.split(','))
    .pipe(z.array(one));

/** Query of the list of jobs. */
export const jobQuery = z.strictObject({
  state: commaSeparated(jobState).optional().describe('States, separated by commas.'),
  kind: commaSeparated(z.string().min(1).max(20)).optional().describe('Kinds, separated by commas.'),
  model: z.string().min(1).max(100).optional().describe('Name of the model.'),
  text: z.string().min(1).max(200).optional().describe('Text that occurs in the id or the request.'),
  parent: z
    .union([z.literal('any'), jobId])
    .optional()
    .describe('The jobs of this batch; `any`: those of all batches, too. Without it, jobs of batches are left out.'),
  limit: z.coerce.number().int().min(1).max(MAX_LISTED).default(200).describe('Jobs in the answer at most.'),
  cursor: z
    .string()
    .regex(/^[0-9]{1,15}$/, 'expected the `next` of an earlier answer')
    .optional()
    .describe('`next` of the answer before.'),
});
export type JobQuery = z.output<typeof jobQuery>;

export const idempotencyKey = z
  .string()
  .regex(/^[\x21-\x7e]{1,255}$/, 'expected 1 to 255 visible ASCII characters')
  .describe('Of the header `Idempotency-Key`: the same key with the same body is the same job.');

export const artifact = z
  .strictObject({
    name: z.string().describe('File name within the job.'),
    bytes: z.int().min(0).describe('Size in bytes.'),
    type: z.string().describe('Media type.'),
    sha256: z.string().describe('Hash of its content, which is its ETag, too.'),
    url: z.string().describe('Path to get it from.'),
  })
  .describe('A file that a job left.');
export type Artifact = z.output<typeof artifact>;

export const clipSetList = z
  .strictObject({ clips: z.array(z.string()).describe('Names, in natural order.') })
  .describe('Sets of clips that audits can be run on, besides those that models bring.');

export const artifactList = z.strictObject({ artifacts: z.array(artifact) });
