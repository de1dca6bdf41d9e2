/**
 * Settings of a synthesis as data: what is maximised, how a sequence depends on what is optimised, by which rule, from where,
 * and what keeps it natural. Every part is chosen freely and combines with every other. Each schema is the type, the
 * validator and the documentation of the thing at once; presets (`presets.ts`) are values of these types.
 */
import { z } from 'zod';

/** Most numbers of a code or a direction in a request. */
const MAX_NUMBERS = 65_536;
/** Most units that one objective may name besides its first. */
const MAX_UNITS = 32;

const weight = z.number().min(0).max(1e6);
const finite = z.number().min(-1e6).max(1e6);

export const unitName = z
  .union([z.int().min(0).max(1_000_000), z.string().min(1).max(200)], 'expected an index from 0 or the text of a label')
  .describe('A unit: its index, or its label.');

export const layerName = z
  .string()
  .min(1)
  .max(200)
  .describe('Name of a layer; `logits` holds the scores of the labels.');

export const unitPosition = z
  .tuple([z.int().min(0).max(65_535), z.int().min(0).max(65_535)])
  .describe('Row and column in a layer that has them; its middle when absent.');

export const unitPlace = z
  .strictObject({ unit: unitName, layer: layerName.optional(), position: unitPosition.optional() })
  .describe("One more unit; of the request's layer when it names none.");

const window = z
  .int()
  .min(0)
  .max(4096)
  .optional()
  .describe('Of a recogniser: only this window of the video counts (from 0); all of them when absent.');

const others = z.array(unitPlace).min(1).max(MAX_UNITS);

const OBJECTIVES = [
  z
    .strictObject({ kind: z.literal('logit'), window })
    .describe("The unit's score before any softmax, averaged over steps and windows: what the paper maximises."),
  z
    .strictObject({ kind: z.literal('log_softmax'), window })
    .describe("The logarithm of the label's probability: the others are pushed down, too."),
  z
    .strictObject({ kind: z.literal('truncated_softmax'), window })
    .describe('Its gradient on the target alone, 1 - p: full strength until the network is sure (PPGN).'),
  z
    .strictObject({
      kind: z.literal('logit_difference'),
      rivals: z.array(unitName).max(1000).describe('Units to stay above, by index or label; none: all others.'),
      window,
    })
    .describe("The unit's score less the highest of its rivals."),
  z
    .strictObject({ kind: z.literal('channel'), window })
    .describe('The mean of a unit over all rows and columns of its layer.'),
  z
    .strictObject({
      kind: z.literal('direction'),
      vector: z.array(finite).min(1).max(MAX_NUMBERS).describe('One number a unit of the layer.'),
      window,
    })
    .describe('The dot product of a layer (at a position) with a vector.'),
  z
    .strictObject({
      kind: z.literal('weighted'),
      weight: finite.describe("Weight of the request's unit."),
      with: z
        .array(unitPlace.extend({ weight: finite.describe('Its weight.') }))
        .min(1)
        .max(MAX_UNITS)
        .describe('More units, with weights.'),
      window,
    })
    .describe('A weighted sum of units of any layers.'),
  z
    .strictObject({
      kind: z.literal('joint'),
      with: others.describe('The units besides that of the request.'),
      lambda: weight.describe('Weight of the length of the code, ||y||.'),
      gamma: weight.describe('Weight of the distances between the activations, added up over pairs.'),
      window,
    })
    .describe('Several units at once: a1 + a2 - lambda ||y|| - gamma |a1 - a2| (the supplement, S8, equation 2).'),
] as const;

const SEQUENCES = [
  z.strictObject({ form: z.literal('free') }).describe('Every frame has its own code.'),
  z
    .strictObject({
      form: z.literal('keyframes'),
      every: z.int().min(1).max(4096).describe('Frames between two keyframes.'),
      interpolation: z.enum(['linear', 'cubic']).describe('How frames between them are made (cubic: Catmull-Rom).'),
    })
    .describe('Codes of some frames are optimised; those between are interpolated.'),
  z
    .strictObject({
      form: z.literal('dct'),
      coefficients: z.int().min(1).max(4096).describe('The slowest so many; as many as frames are free codes.'),
    })
    .describe('The first coefficients of a cosine transform in time (orthonormal DCT-II) are optimised.'),
] as const;

const schedule = z
  .enum(['constant', 'linear', 'cosine', 'fade'])
  .describe(
    'How a rate changes: not at all; down to `end` along a line or a cosine; as it is for two thirds, then a cosine.',
  );

const OPTIMISERS = [
  z
    .strictObject({
      rule: z.literal('paper'),
      start: z.number().min(0).max(1e4).describe('Step size of the first iteration.'),
      end: z.number().min(0).max(1e4).describe('Step size of the (never reached) last iteration.'),
      schedule,
      decay: z.number().min(0).max(1).describe('What is optimised is multiplied by it after each update (L2 decay).'),
      normalise: z
        .enum(['all', 'each'])
        .describe('Gradients are divided by their mean over all frames, or over each; pictures count each by itself.'),
    })
    .describe('The update of Nguyen et al. 2016: a step of a fixed mean size along the gradient.'),
  z
    .strictObject({
      rule: z.literal('adam'),
      rate: z.number().min(0).max(1e3).describe('Rate of the first iteration.'),
      end: z.number().min(0).max(1).describe('Share of the rate that the schedule ends with.'),
      schedule,
      decay: z.number().min(0).max(1).describe('What is optimised is multiplied by it after each update (L2 decay).'),
    })
    .describe('Adam (Kingma and Ba 2015).'),
  z
    .strictObject({
      rule: z.literal('ppgn'),
      eps1: z.number().min(0).max(10).describe("Weight of E(G(y)) - y, towards codes that the prior's encoder finds."),
      eps2: z.number().min(0).max(1e4).describe('Weight of the gradient of the objective.'),
      eps3: z.number().min(0).max(10).describe('Standard deviation of the noise of each step, in units of the codes.'),
      schedule,
      end: z.number().min(0).max(1).describe('Share of eps2 that the schedule ends with.'),
      resetEvery: z.int().min(0).max(100_000).describe('The chain begins anew every so many iterations; 0: never.'),
    })
    .describe('A sampler: y += eps1 (E(G(y)) - y) + eps2 d log p / dy + N(0, eps3^2) (Nguyen et al. 2017).'),
] as const;

const BOUNDS = [
  z
    .strictObject({
      kind: z.literal('box'),
      scale: z.number().min(0.1).max(10).describe("Times the prior's own range around its mean."),
    })
    .describe('Codes are clipped to their range, number by number.'),
  z
    .strictObject({ kind: z.literal('sphere') })
    .describe('Codes are kept at the distance from the mean code that real ones have.'),
  z.strictObject({ kind: z.literal('none') }).describe('Codes may be anything.'),
] as const;

const STARTS = [
  z
    .strictObject({
      from: z.literal('noise'),
      identity: z.number().min(0).max(100).describe('Standard deviation of what all frames share.'),
      movement: z.number().min(0).max(100).describe('Standard deviation of what each control has for itself.'),
    })
    .describe('Random numbers from the seed.'),
  z.strictObject({ from: z.literal('zero') }).describe('All numbers are zero.'),
  z.strictObject({ from: z.literal('mean') }).describe('The mean code, without a prior the mean picture.'),
  z
    .strictObject({
      from: z.literal('sample'),
      scale: z.number().min(0).max(100).describe('How far from the mean code, in units of the distance of real codes.'),
    })
    .describe('Codes drawn as real ones lie: normal, with the mean and the covariance of real codes.'),
  z
    .strictObject({
      from: z.literal('code'),
      code: z
        .array(finite)
        .min(1)
        .max(MAX_NUMBERS)
        .describe('One code for all frames, or one a frame, one after the other.'),
      noise: z.number().min(0).max(100).describe('Standard deviation of what is added to it.'),
    })
    .describe('A given code.'),
  z
    .strictObject({
      from: z.literal('picture'),
      by: z.enum(['encoder', 'inversion']).describe("By the prior's encoder, or by gradient descent on the pixels."),
      iterations: z.int().min(1).max(10_000).describe('Iterations of an inversion.'),
      noise: z.number().min(0).max(100).describe('Standard deviation of what is added to the code.'),
    })
    .describe("The code of a real picture, or of each frame of a real video: the request's `picture`."),
] as const;

export const penaltyWeights = z
  .strictObject({
    smoothness: weight.describe('Mean squared difference of neighbouring movements (whitened codes).'),
    acceleration: weight.describe('Mean squared second difference of movements.'),
    naturalness: weight.describe('Mean squared movement: how natural single frames stay.'),
    identity: weight.describe("Squared distance of the identity's mean square from 1, that of real ones."),
    energy: weight.describe("Mean squared distance of each frame's movement from the energy of real frames."),
    pace: weight.describe(
      "Squared relative distance of the video's smoothness from that of real clips of the label, where the model knows it.",
    ),
    manifold: weight.describe("Distance of codes from those that the prior's encoder finds in their pictures."),
    totalVariation: weight.describe('Mean squared difference of neighbouring pixels, 0..1.'),
    code: weight.describe('Length of the code, ||y||, of each picture or of the whole video.'),
    l2: weight.describe('Mean squared distance of pixels, 0..1, from the mean picture.'),
    patch: weight.describe("How unlike real pictures' patches the patches are: see docs/synthesis.md."),
  })
  .describe('Weights of what is subtracted from the objective; 0 leaves a term out.');

const union = <T extends readonly [z.ZodObject, ...z.ZodObject[]], D extends string>(discriminator: D, members: T) =>
  z.discriminatedUnion(discriminator, members as never) as unknown as z.ZodType<
    z.output<T[number]>,
    z.input<T[number]>
  >;

export const objective = union('kind', OBJECTIVES).describe('What is maximised.');
export const sequence = union('form', SEQUENCES).describe('How the codes of a sequence depend on what is optimised.');
export const optimiser = union('rule', OPTIMISERS).describe('The rule that changes it.');
export const bounds = union('kind', BOUNDS).describe('What codes are kept within.');
export const start = union('from', STARTS).describe('What a run starts with.');

const blur = z
  .strictObject({
    every: z.int().min(0).max(100_000).describe('Iterations between two blurs; 0: none.'),
    sigma: z.number().min(0).max(20).describe('Standard deviation of the Gaussian in pixels.'),
  })
  .describe('Blurs the pixels now and then (Yosinski et al. 2015); only where the pixels are the code.');

const common = {
  iterations: z.int().min(1).max(100_000).describe('Iterations of the run.'),
  codes: z
    .enum(['raw', 'whitened'])
    .describe('What is optimised: codes themselves, or numbers that real codes have like normal noise.'),
  fit: z
    .enum(['auto', 'crop', 'resize'])
    .describe(
      "How the prior's pictures become the network's input: their middle, or all of them resized; `auto`: their middle where they are large enough.",
    ),
  detail: z
    .number()
    .min(0)
    .max(10)
    .describe(
      "Strength of waves on top of a generator's pictures, at the size that the network sees: for what the generator cannot draw; 0: none.",
    ),
  penalties: penaltyWeights,
  noise: z
    .number()
    .min(0)
    .max(100)
    .describe('Standard deviation of noise on what is optimised, fading in the last third.'),
  jitter: z.int().min(0).max(64).describe('Largest shift of the whole clip in pixels, drawn anew in each iteration.'),
  zoom: z.number().min(0).max(0.5).describe('Largest change of its size, as a share, drawn anew in each iteration.'),
  blur,
} as const;

/** Complete settings of a run. */
export const synthesisSettings = z
  .strictObject({ objective, sequence, optimiser, bounds, start, ...common })
  .describe('Complete settings of a synthesis.');

/** A variant with all fields but the one that tells it optional. */
const loose = <T extends z.ZodObject>(member: T, discriminator: string): z.ZodObject =>
  member.partial().required({ [discriminator]: true } as never);

const looseUnion = (
  discriminator: string,
  members: readonly z.ZodObject[],
): z.ZodType<Readonly<Record<string, unknown>>> =>
  z.discriminatedUnion(discriminator, members.map((m) => loose(m, discriminator)) as never);

const overrides = z
  .strictObject({
    objective: looseUnion('kind', OBJECTIVES).describe('What is maximised.'),
    sequence: looseUnion('form', SEQUENCES).describe('How the codes of a sequence depend on what is optimised.'),
    optimiser: looseUnion('rule', OPTIMISERS).describe('The rule that changes it.'),
    bounds: looseUnion('kind', BOUNDS).describe('What codes are kept within.'),
    start: looseUnion('from', STARTS).describe('What a run starts with.'),
    ...common,
    penalties: penaltyWeights.partial().describe('Weights of penalties.'),
    blur: blur.partial().describe('Blurs the pixels now and then.'),
  })
  .partial()
  .describe('Replaces settings of the preset.');

export type SynthesisObjective = z.output<(typeof OBJECTIVES)[number]>;
export type SynthesisSequence = z.output<(typeof SEQUENCES)[number]>;
export type SynthesisOptimiser = z.output<(typeof OPTIMISERS)[number]>;
export type SynthesisBounds = z.output<(typeof BOUNDS)[number]>;
export type SynthesisStart = z.output<(typeof STARTS)[number]>;
export type SynthesisPenalties = z.output<typeof penaltyWeights>;
export type UnitPlaceRequest = z.output<typeof unitPlace>;
export type SynthesisSettings = Omit<
  z.output<typeof synthesisSettings>,
  'objective' | 'sequence' | 'optimiser' | 'bounds' | 'start'
> & {
  objective: SynthesisObjective;
  sequence: SynthesisSequence;
  optimiser: SynthesisOptimiser;
  bounds: SynthesisBounds;
  start: SynthesisStart;
};

/** All fields but the one that tells the variant may be absent. */
type Loose<T, D extends string> = T extends unknown ? Partial<Omit<T, D>> & Pick<T, D & keyof T> : never;
export interface SynthesisOverrides extends Partial<
  Omit<SynthesisSettings, 'objective' | 'sequence' | 'optimiser' | 'bounds' | 'start' | 'penalties' | 'blur'>
> {
  objective?: Loose<SynthesisObjective, 'kind'>;
  sequence?: Loose<SynthesisSequence, 'form'>;
  optimiser?: Loose<SynthesisOptimiser, 'rule'>;
  bounds?: Loose<SynthesisBounds, 'kind'>;
  start?: Loose<SynthesisStart, 'from'>;
  penalties?: Partial<SynthesisPenalties>;
  blur?: Partial<SynthesisSettings['blur']>;
}

/** What a request may replace of its preset: any part; of a part, any field of the variant that it names. */
export const synthesisOverrides = overrides as unknown as z.ZodType<SynthesisOverrides, SynthesisOverrides>;

/** What may be changed while a run goes on. */
export const synthesisSteering = z
  .strictObject({
    rate: z.number().gt(0).max(1e6).optional().describe('The rate that the schedule begins with (a paper step, eps2).'),
    unit: unitName.optional().describe('The unit to maximise from now on, of the same layer.'),
    penalties: penaltyWeights.partial().optional().describe('New weights of penalties.'),
  })
  .describe('Changes of a run while it goes on.');
export type SynthesisSteering = z.output<typeof synthesisSteering>;

/** The parts of settings with their variants, for documentation and tools. */
export const SYNTHESIS_PARTS = {
  objective: { discriminator: 'kind', members: OBJECTIVES },
  sequence: { discriminator: 'form', members: SEQUENCES },
  optimiser: { discriminator: 'rule', members: OPTIMISERS },
  bounds: { discriminator: 'kind', members: BOUNDS },
  start: { discriminator: 'from', members: STARTS },
} as const;
