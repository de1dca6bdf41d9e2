/** `report.json` of a job: everything needed to make the same result again, and to judge it. */
import { z } from 'zod';
import { imageJobRequest, jobId, jobState, steeringPlan, videoJobRequest } from './jobs.js';

export const REPORT_FORMAT = 'neuroreel.video-report/1';

const modelIdentity = z.strictObject({
  name: z.string().describe('Name of the model package.'),
  sha256: z.string().describe('Hash over the package.'),
});

export const videoReport = z
  .strictObject({
    format: z.literal(REPORT_FORMAT),
    job: jobId,
    request: videoJobRequest.describe('The request with its defaults filled in.'),
    seed: z.int().min(0).describe('Seed of every random number.'),
    model: modelIdentity.describe('The recogniser.'),
    prior: modelIdentity.nullable().describe('The prior; null when the pixels themselves were optimised.'),
    unit: z.strictObject({ index: z.int().min(0), label: z.string() }).describe('The unit that was maximised.'),
    video: z
      .strictObject({ frames: z.int(), width: z.int(), height: z.int(), fps: z.number() })
      .describe('Size of the video as synthesised (the MP4 may be padded to even sizes).'),
    runtime: z.string().describe('The runtime that computed the steps.'),
    versions: z.record(z.string(), z.string()).describe('Versions of neuroreel, Node and the libraries that matter.'),
    ended: z.enum(['completed', 'zero-gradient', 'cancelled']).describe('Why the synthesis ended.'),
    iterations: z.int().min(0).describe('Iterations done.'),
    activations: z.array(z.number()).describe('Activation at each iteration, before its update.'),
    secondsPerIteration: z.number().describe('Mean wall-clock seconds of an iteration.'),
    finalActivation: z.number().describe('Activation of the final frames, scored as a real video would be.'),
    finalProbability: z.number().nullable().describe("The class's probability, scored as a real video would be."),
    realClips: z
      .strictObject({
        clips: z.string().describe('What the clips are.'),
        frames: z.int().min(1).describe('Frames of a clip.'),
        activations: z.array(z.number()).describe("The unit's activation for real clips of its class."),
        mean: z.number().describe('Mean of these activations.'),
        max: z.number().describe('Largest of these activations.'),
        smoothness: z.number().nullable().describe('Mean smoothness of the clips, as the field of that name below.'),
      })
      .nullable()
      .describe('For comparison; null when the model package brings no such numbers.'),
    smoothness: z.number().describe('Mean root mean square difference of neighbouring frames, pixels in [0, 1].'),
    freeCodes: z
      .strictObject({
        activation: z.number().describe('Activation of its final frames, scored as a real video would be.'),
        probability: z.number().nullable(),
        smoothness: z.number().describe('As the field of that name above.'),
        cost: z.number().describe('Its activation less that of the video: what the sequence cost.'),
      })
      .nullable()
      .default(null)
      .describe(
        'The same with a free code for each frame and nothing that keeps them smooth; null when not asked for.',
      ),
    events: z
      .array(z.strictObject({ state: jobState, at: z.iso.datetime() }))
      .describe('States of the job until the report was written, with their times.'),
    steering: steeringPlan.default([]).describe('What was changed while the job ran, and from which iteration on.'),
    synthesis: z
      .record(z.string(), z.unknown())
      .describe('Everything else that the engine reports: parameters of the preset, hashes, sizes.'),
  })
  .describe('Report of a video job.');
export type VideoReport = z.output<typeof videoReport>;

export const IMAGE_REPORT_FORMAT = 'neuroreel.image-report/1';

const pictureBox = z
  .strictObject({ top: z.int(), left: z.int(), height: z.int().min(1), width: z.int().min(1) })
  .describe('A part of a picture, in pixels.');

export const imageReport = z
  .strictObject({
    format: z.literal(IMAGE_REPORT_FORMAT),
    job: jobId,
    request: imageJobRequest.describe('The request with its defaults filled in.'),
    seed: z.int().min(0).describe('Seed of every random number.'),
    model: modelIdentity.describe('The classifier.'),
    prior: modelIdentity.nullable().describe('The prior; null when the pixels themselves were optimised.'),
    size: z
      .strictObject({ width: z.int(), height: z.int() })
      .describe('Size of the pictures as the network sees them.'),
    crop: pictureBox.nullable().describe('What a hidden unit sees of a picture: the part that the files show.'),
    pictures: z
      .array(
        z.strictObject({
          file: z.string().describe('Name of its file.'),
          unit: z.strictObject({ index: z.int().min(0), label: z.string() }),
          start: z.int().min(0).describe('Number of the start, from 0.'),
          activation: z
            .number()
            .describe("The unit's activation for the final picture, scored as any picture would be."),
          activations: z.array(z.number()).describe('Of an objective with several units: the activation of each.'),
          probability: z.number().nullable().describe("The label's probability; null of a hidden unit."),
          named: z.string().describe('The label that the network gives the picture.'),
        }),
      )
      .describe('The pictures: unit by unit, and start by start.'),
    runtime: z.string().describe('The runtime that computed the steps.'),
    versions: z.record(z.string(), z.string()).describe('Versions of neuroreel, Node and the libraries that matter.'),
    ended: z.enum(['completed', 'zero-gradient', 'cancelled']).describe('Why the synthesis ended.'),
    iterations: z.int().min(0).describe('Iterations done.'),
    activations: z.array(z.number()).describe('Mean activation of the pictures at each iteration, before its update.'),
    secondsPerIteration: z.number().describe('Mean wall-clock seconds of an iteration.'),
    events: z
      .array(z.strictObject({ state: jobState, at: z.iso.datetime() }))
      .describe('States of the job until the report was written, with their times.'),
    steering: steeringPlan.default([]).describe('What was changed while the job ran, and from which iteration on.'),
    synthesis: z
      .record(z.string(), z.unknown())
      .describe('Everything else that the engine reports: parameters of the preset, hashes, sizes.'),
  })
  .describe('Report of an image job.');
export type ImageReport = z.output<typeof imageReport>;
