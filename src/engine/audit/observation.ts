/**
 * What is kept of one clip scored by one recogniser: how its answers and scores fare under every condition. It is plain
 * JSON, a few hundred bytes and 4 bytes an order a condition, so that an audit can be interrupted and go on from a file
 * of these.
 */
import { z } from 'zod';

const index = z.int().min(0);
const share = z.number().min(0).max(1);

const strength = z.strictObject({
  displacement: z.number().min(0),
  expected: z.number().min(0),
  adjacencyKept: share,
  longestRun: z.number().min(1),
});

const conditionObservation = z
  .strictObject({
    orders: z.int().min(1).describe('Orders that were tried.'),
    answers: z.array(z.tuple([index, z.int().min(1)])).describe('Units and how many orders each was the answer for.'),
    first: index.describe('The answer for the first order.'),
    flips: share.describe('Share of orders whose answer is not the one in order.'),
    correct: share.nullable().describe('Share of right answers; null without a true class.'),
    unit: index.describe('The class whose scores are kept: the true one, else the one with the highest mean score.'),
    scores: z
      .string()
      .regex(/^[A-Za-z0-9+/]*={0,2}$/)
      .describe('Pre-softmax scores of that class in order and then by order: float32, little-endian, base64.'),
    probability: share.describe("That class's probability, mean over orders."),
    probabilityInOrder: share,
    divergence: share.describe('Jensen-Shannon divergence from the probabilities in order, mean over orders.'),
    strength,
  })
  .describe('A clip under one condition.');
export type ConditionObservation = z.output<typeof conditionObservation>;

export const clipObservation = z
  .strictObject({
    model: z.string(),
    clip: z.string(),
    id: z.string().nullable().describe("Hash of the clip's file, where there is one."),
    label: z.string().nullable().describe('As the clip is labelled.'),
    target: index.nullable().describe('Unit of the true class.'),
    group: z.string().nullable(),
    frames: z.int().min(1),
    answer: index.describe('In order.'),
    probability: share.describe("The true class's in order, else the answer's."),
    crops: z.int().min(0),
    cropFlips: share.describe('Share of crops whose answer differs.'),
    bag: z.number().min(0).nullable().describe('Largest change of the bag-of-frames control; null when not run.'),
    conditions: z.record(z.string(), conditionObservation),
  })
  .describe('One clip, scored by one recogniser.');
export type ClipObservation = z.output<typeof clipObservation>;

/** Numbers as float32 in base64. */
export function packScores(scores: ArrayLike<number>): string {
  const bytes = Buffer.alloc(4 * scores.length);
  for (let i = 0; i < scores.length; i++) bytes.writeFloatLE(scores[i]!, 4 * i);
  return bytes.toString('base64');
}

/** The numbers that `packScores` packed. */
export function unpackScores(text: string): Float32Array {
  const bytes = Buffer.from(text, 'base64');
  return Float32Array.from({ length: Math.floor(bytes.length / 4) }, (_, i) => bytes.readFloatLE(4 * i));
}
