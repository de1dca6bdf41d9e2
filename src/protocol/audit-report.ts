/** What an audit of recognisers' temporal sensitivity measured: the type, the validator and the docs of it at once. */
import { z } from 'zod';

export const AUDIT_REPORT_FORMAT = 'neuroreel.audit-report/1';

const name = z.string().max(1000);
const share = z.number().min(0).max(1);
const count = z.int().min(0);
const pValue = z.number().gt(0).max(1);

export const verdict = z
  .enum(['sensitive', 'insensitive', 'inconclusive'])
  .describe(
    '`insensitive`: the excess flip rate is shown to be below delta. `sensitive`: it is shown to be above zero, and ' +
      'the randomisation test agrees. `inconclusive`: neither.',
  );
export type Verdict = z.output<typeof verdict>;

export const estimate = z
  .strictObject({ value: z.number(), low: z.number(), high: z.number() })
  .describe('An estimate with its 95 % interval.');
export type Estimate = z.output<typeof estimate>;

const strength = z
  .strictObject({
    displacement: z.number().min(0).describe('D, the mean distance in frames of a frame from its own place.'),
    expected: z.number().min(0).describe('What D would be for a uniformly random order, (T^2 - 1) / 3T.'),
    adjacencyKept: share.describe('Share of frames still followed by their successor.'),
    longestRun: z.number().min(1).describe('Frames of the longest run that only goes forwards or only backwards.'),
  })
  .describe('How much the order is disturbed, mean over clips and orders.');
export type Strength = z.output<typeof strength>;

const judgement = z.strictObject({
  verdict,
  sentence: z.string().describe('The verdict in words, with N, R, delta, the intervals and the noise floor.'),
  upperBound: z.number().describe('One-sided 95 % upper bound of the excess flip rate; `insensitive` if below delta.'),
  detectable: z.boolean().describe('p < 0.05 and the lower bound of the excess flip rate is above zero.'),
  clipsToDecide: z
    .int()
    .min(1)
    .nullable()
    .describe('About how many clips would decide it; null when it is decided, or more of them would not help.'),
});
export type Judgement = z.output<typeof judgement>;

const condition = z.strictObject({
  name,
  description: z.string(),
  permutation: z.boolean().describe('Whether every frame is shown exactly once.'),
  clips: count.describe('Clips long enough for the condition.'),
  orders: count.describe('Orders tried for each clip.'),
  strength,
  flipRate: estimate.describe("Share of orders for which the answer is not the one given in the clip's own order."),
  flipRateOfCorrect: estimate.nullable().describe('TSS: the same among clips answered rightly; null without any.'),
  excessFlipRate: estimate.describe('Flip rate less that of the noise floor.'),
  accuracy: estimate.nullable().describe('Share of right answers under the condition; null without labelled clips.'),
  accuracyLoss: estimate.nullable().describe('Accuracy in order / accuracy here - 1 (tau, kappa); null at 0.'),
  probabilityChange: estimate.describe("The class's probability here less that in order."),
  divergence: estimate.describe('Jensen-Shannon divergence of the class probabilities, base 2, 0 to 1.'),
  scoreDrop: estimate.describe("The class's pre-softmax score in order less that here (d)."),
  effectSize: z.number().nullable().describe('d_z, the mean of d over its standard deviation; null when undefined.'),
  randomisationP: pValue.nullable().describe('Of the randomisation test of d; null unless a permutation.'),
  mcnemar: z
    .strictObject({
      lost: count.describe('Clips right in order and wrong here.'),
      gained: count.describe('Clips wrong in order and right here.'),
      p: pValue,
    })
    .nullable()
    .describe('Exact McNemar test of the accuracy, on the first order of each clip; null for the original order.'),
  judgement: judgement.nullable().describe('Null unless the condition is a permutation that is not the identity.'),
});
export type ConditionResult = z.output<typeof condition>;

const classResult = z.strictObject({
  label: name,
  clips: count,
  accuracy: share.describe('In order.'),
  accuracyShuffled: share,
  flipRate: estimate.describe('Under shuffle; a Wilson interval with the clips, not the orders, as the number.'),
  p: pValue.describe('Randomisation test within the class.'),
  adjustedP: pValue.describe('The same after Benjamini-Hochberg over the classes.'),
  partner: name.nullable().describe('Label of the time-reversed action.'),
  partnerShare: share.nullable().describe("Share of the reversed clips given the partner's label."),
});
export type ClassResult = z.output<typeof classResult>;

const clipResult = z.strictObject({
  name,
  label: name.nullable().describe("The true class; null when it is not known or not one of the recogniser's."),
  group: name.nullable(),
  frames: count,
  prediction: name.describe('In order.'),
  probability: share.describe("The true class's, in order; without one that of the answer."),
  noiseFlipRate: share.describe('Share of crops that change the answer.'),
  conditions: z
    .record(
      z.string(),
      z.strictObject({
        prediction: name.describe('The answer given most often.'),
        flipRate: share,
        correct: share.nullable().describe('Share of right answers; null without a true class.'),
        probability: share.describe("The class's, mean."),
        scoreDrop: z.number().describe("The class's score in order less its mean here (d)."),
        divergence: share.describe('Jensen-Shannon, mean.'),
      }),
    )
    .describe('By condition.'),
});
export type ClipResult = z.output<typeof clipResult>;

const control = z.strictObject({
  name,
  expectation: z.string(),
  found: z.string().describe('What it did, in words.'),
  passed: z.boolean(),
});
export type ControlResult = z.output<typeof control>;

const reason = z.strictObject({ name, reason: z.string().describe('The end of a sentence that begins with "It".') });
export type Reason = z.output<typeof reason>;

const decomposition = z
  .strictObject({
    chance: share,
    appearance: estimate.describe('What one frame gives.'),
    frames: estimate.describe('What the set of frames adds.'),
    order: estimate.describe('What their order adds.'),
  })
  .describe('Where the accuracy above chance comes from: shares that add up to 1.');
export type Decomposition = z.output<typeof decomposition>;

const confusion = z.strictObject({
  label: name.describe('The true class.'),
  partner: name.nullable(),
  clips: count,
  answers: z.array(z.strictObject({ label: name, clips: count })).describe('Most frequent first.'),
});
export type Confusion = z.output<typeof confusion>;

export const modelAudit = z.strictObject({
  name,
  sha256: z.string().nullable().describe('Hash over the package, where known.'),
  verdict: verdict.describe('Of the condition `shuffle`: the whole video in random order.'),
  sentence: z.string().describe('The verdict in words.'),
  path: z
    .enum(['frame-wise', 'full'])
    .describe('Whether frames were put through the network once and only their features reordered.'),
  labels: count.describe('Units.'),
  partners: z.record(z.string(), z.string()).describe('Labels of actions that are each other played backwards.'),
  clipsScored: count.describe('N.'),
  clipsLabelled: count.describe('Those of them with a true class: accuracies are over these.'),
  groups: count.describe('Groups of clips that belong together; the bootstrap draws groups.'),
  noiseFloor: estimate.describe('Flip rate in the same order under another crop.'),
  tau: estimate.nullable().describe('Accuracy in order / accuracy shuffled - 1.'),
  kappa: estimate.nullable().describe('Accuracy in order / accuracy of the middle frame - 1.'),
  conditions: z.array(condition).min(1),
  conditionsLeftOut: z.array(reason),
  decomposition: decomposition
    .nullable()
    .describe('Null without the condition `static`, or when the accuracy is no better than chance.'),
  reversal: z
    .strictObject({
      clips: count.describe('Clips of classes that have a partner.'),
      partner: estimate.describe("Share of them given the partner's label when reversed (Wilson interval)."),
      own: share.describe('Share of them still given their own label.'),
    })
    .nullable()
    .describe('Null without the condition `reverse`, or without clips of classes that have a partner.'),
  reversalConfusion: z.array(confusion).describe('How the reversed clips of each class are named.'),
  classes: z.array(classResult),
  clips: z.array(clipResult),
  unlabelled: z
    .array(reason)
    .describe(
      'Clips without a true class for this recogniser. They count for flips; their score is that of the class with the ' +
        'highest mean over all orders.',
    ),
  skipped: z.array(reason).describe('Clips that could not be scored.'),
});
export type ModelAudit = z.output<typeof modelAudit>;

const comparison = z
  .strictObject({
    first: name,
    second: name,
    condition: name,
    clips: count.describe('Clips that both scored, in the same orders.'),
    groups: count,
    flipRates: z.strictObject({ first: share, second: share }),
    difference: estimate.describe('Flip rate of the first less that of the second: paired bootstrap.'),
    excessDifference: estimate.describe('The same of the excess over the noise floors.'),
    sentence: z.string(),
  })
  .describe('Two recognisers on the same clips and orders.');
export type Comparison = z.output<typeof comparison>;

const unitScore = z.strictObject({
  activation: z.number().describe('Pre-softmax score.'),
  probability: share,
});

const synthesised = z
  .strictObject({
    name: name.describe('Of the video.'),
    model: name,
    unit: z.strictObject({ index: count, label: name }),
    frames: count,
    orders: count.describe('Random orders of the whole video.'),
    inOrder: unitScore.extend({ answer: name }),
    shuffled: z.strictObject({
      activation: estimate.describe('Mean, and the central 95 % of the orders.'),
      probability: share,
      flipRate: share,
      p: pValue.describe('Share of orders, its own among them, that excite the unit as much: (1 + k) / (R + 1).'),
    }),
    reversed: unitScore.extend({ answer: name }),
    partner: z
      .strictObject({ label: name, inOrder: unitScore, reversed: unitScore })
      .nullable()
      .describe('The unit of the time-reversed action; null when the label has none.'),
    real: z
      .strictObject({ mean: z.number(), clips: count })
      .nullable()
      .describe('Activation of real clips of the class; null when the package brings no such numbers.'),
    sentence: z.string(),
  })
  .describe('A preferred video: does the activation that it was made for depend on the order of its frames?');
export type SynthesisedResult = z.output<typeof synthesised>;

export const auditReport = z
  .strictObject({
    format: z.literal(AUDIT_REPORT_FORMAT),
    verdict: verdict.describe('Of the first model.'),
    sentence: z.string().describe("The first model's verdict in words."),
    models: z.array(modelAudit).min(1).describe('The audited recognisers, the one in question first.'),
    comparisons: z.array(comparison).describe('The first model against each other one, by condition.'),
    synthesised: z.array(synthesised),
    controls: z.array(control).describe('If one has not passed, do not trust the verdict.'),
    parameters: z.strictObject({
      clips: z.string().describe('Where the clips are from.'),
      permutations: z.int().min(1).describe('R, random orders of each clip.'),
      delta: z.number().gt(0).lt(1).describe('The excess flip rate from which on a difference matters.'),
      seed: z.int().min(0),
      crops: z.int().min(1).describe('Crops of each clip, in its own order, that make the noise floor.'),
      conditions: z.array(name),
      bootstrapDraws: z.int().min(2000),
      randomisationDraws: z.int().min(1),
    }),
    runtime: z.string().nullable().describe('The runtime that computed the scores, where known.'),
    versions: z.record(z.string(), z.string()).describe('Versions of the software that matters.'),
  })
  .describe('Report of an audit: do recognisers use the order of frames?');
export type AuditReport = z.output<typeof auditReport>;
