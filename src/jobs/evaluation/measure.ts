/** Measures one unit: what was made for it, with a prior and without, and real examples of its class. */
import {
  cosineDistance,
  meanOverPairs,
  nearest,
  usualDistance,
  type Example,
} from '../../engine/evaluation/neighbours.js';
import { msSsim, scalesOf } from '../../engine/evaluation/ms-ssim.js';
import { rankOf, ranking, wordOfJudge } from '../../engine/evaluation/recognition.js';
import type { FeatureReader } from '../../engine/evaluation/features.js';
import { smoothnessOf } from '../../engine/synthesis/smoothness.js';
import type { EvaluatedMethod, EvaluatedUnit, MadeExample } from '../../protocol/index.js';
import { frameAt, percentileOf, type FrameSequence } from '../../video/index.js';
import { reversedClip, type RealExample } from './examples.js';
import type { MadeBatch, MadeClip } from './make.js';
import type { Scores, Viewer } from './scoring.js';

/** Frames of a video that are compared with those of others, evenly spread. */
const FRAMES_COMPARED = 8;
export const PIXELS_SPACE = 'pixels';

/** An example in every space. */
export interface Placed {
  readonly name: string;
  readonly clip: FrameSequence;
  readonly spaces: ReadonlyMap<string, Example>;
}

/** Who looks, and at what. */
export interface Bench {
  readonly model: Viewer;
  readonly judges: readonly Viewer[];
  readonly features: FeatureReader;
  readonly pictures: boolean;
}

/** What is known of the real examples of a label before anything is compared with them. */
export interface RealMeasures {
  readonly placed: readonly Placed[];
  readonly activations: readonly number[];
  /** By space: the usual distance to the nearest other one. */
  readonly usual: ReadonlyMap<string, number>;
  /** By judge: the label of its own that stands for the unit's, and for the partner's. */
  readonly words: ReadonlyMap<string, { readonly own: number | null; readonly partner: number | null }>;
  readonly report: EvaluatedUnit['real'];
}

const comparedFrames = (count: number): number[] => {
  const shown = Math.min(FRAMES_COMPARED, count);
  return Array.from({ length: shown }, (_, i) => (shown === 1 ? 0 : Math.round((i * (count - 1)) / (shown - 1))));
};

export async function place(name: string, clip: FrameSequence, features: FeatureReader): Promise<Placed> {
  const frames = comparedFrames(clip.count).map((t) => frameAt(clip, t));
  const spaces = new Map<string, Example>([
    [PIXELS_SPACE, { points: frames.map((frame) => Float32Array.from(frame, (byte) => byte / 255)) }],
  ]);
  for (const [space, points] of await features.read(Buffer.concat(frames))) spaces.set(space, { points });
  return { name, clip, spaces };
}

/** How much examples differ: pictures, or the middle frames of videos. */
function diversityOf(examples: readonly Placed[], last: string | null): EvaluatedMethod['diversity'] {
  const middles = examples.map(({ clip }) => frameAt(clip, clip.count >> 1));
  const [width, height] = [examples[0]?.clip.width ?? 0, examples[0]?.clip.height ?? 0];
  const similar = scalesOf(width, height) === 0 ? null : meanOverPairs(middles, (a, b) => msSsim(a, b, width, height));
  const means = last === null ? [] : examples.map(({ spaces }) => meanPoint(spaces.get(last)!));
  return { structure: similar === null ? null : 1 - similar, features: meanOverPairs(means, cosineDistance) };
}

function meanPoint({ points }: Example): Float32Array {
  return points[0]!.map((_, i) => points.reduce((sum, point) => sum + point[i]!, 0) / points.length);
}

/** Answers of a judge to clips. */
const scoresOf = async (viewer: Viewer, clips: readonly FrameSequence[]): Promise<Scores[]> => {
  const all: Scores[] = [];
  for (const clip of clips) all.push(await viewer.score(clip));
  return all;
};

const share = (flags: readonly boolean[]): number => flags.filter(Boolean).length / Math.max(1, flags.length);

/** Most real examples whose diversity is measured: pairs grow with the square. */
const MOST_PAIRED = 12;

/** @param partner real examples of the partner's label, to learn what judges call it */
export async function measureReal(
  bench: Bench,
  label: { readonly index: number; readonly own: string; readonly partner: string | null },
  examples: readonly RealExample[],
  partner: readonly RealExample[],
): Promise<RealMeasures> {
  const clips = examples.map(({ clip }) => clip);
  const placed: Placed[] = [];
  for (const { name, clip } of examples) placed.push(await place(name, clip, bench.features));
  const activations = (await scoresOf(bench.model, clips))
    .map(({ logits }) => logits[label.index]!)
    .sort((a, b) => a - b);
  const words = new Map<string, { own: number | null; partner: number | null }>();
  const recognised: EvaluatedUnit['real']['recognised'] = [];
  const reversed: EvaluatedUnit['real']['reversed'] = [];
  for (const judge of bench.judges) {
    const scores = await scoresOf(judge, clips);
    const others =
      label.partner === null
        ? []
        : await scoresOf(
            judge,
            partner.map(({ clip }) => clip),
          );
    const own = wordOfJudge(label.own, judge.labels, scores.map(firstOf));
    const theirs = label.partner === null ? null : wordOfJudge(label.partner, judge.labels, others.map(firstOf));
    words.set(judge.name, { own, partner: theirs });
    const ranks = own === null ? null : scores.map(({ probabilities }) => rankOf(probabilities, own));
    const within = (most: number): number | null =>
      ranks === null || ranks.length === 0 ? null : share(ranks.map((rank) => rank <= most));
    recognised.push({ judge: judge.name, top1: within(1), top5: within(5) });
    if (theirs !== null && theirs !== own && clips.length > 0) {
      const backwards = await scoresOf(judge, clips.map(reversedClip));
      reversed.push({ judge: judge.name, partner: share(backwards.map((one) => firstOf(one) === theirs)) });
    }
  }
  const spaces = [PIXELS_SPACE, ...bench.features.spaces.names];
  const usual = spaces.map((space) => [space, usualDistance(placed.map((one) => one.spaces.get(space)!))] as const);
  const smooth = clips.filter(({ count }) => count > 1).map(({ frames, count }) => smoothnessOf(frames, count));
  return {
    ...{ placed, activations, words },
    usual: new Map(usual),
    report: {
      ...{ count: examples.length, activations, recognised, reversed },
      diversity: diversityOf(placed.slice(0, MOST_PAIRED), bench.features.spaces.last),
      smoothness: smooth.length === 0 ? null : smooth.reduce((a, b) => a + b, 0) / smooth.length,
    },
  };
}

const firstOf = ({ probabilities }: Scores): number => ranking(probabilities)[0]!;

/** Measures what was made for a unit; `placed` in the result is where it stands in the spaces. */
export async function measureMade(
  bench: Bench,
  unit: number,
  batch: MadeBatch,
  real: RealMeasures,
  preset: string,
): Promise<{ method: EvaluatedMethod; placed: Placed[] }> {
  const placed: Placed[] = [];
  const examples: MadeExample[] = [];
  for (const made of batch.clips) {
    const one = await place(`${made.seed}-${made.start}`, made.clip, bench.features);
    placed.push(one);
    examples.push(await measureOne(bench, unit, made, one, real));
  }
  const diversity = diversityOf(placed, bench.features.spaces.last);
  return { method: { prior: batch.prior, preset, examples, diversity, secondsPerExample: batch.seconds }, placed };
}

async function measureOne(
  bench: Bench,
  unit: number,
  { seed, start, clip, smoothness }: MadeClip,
  placed: Placed,
  real: RealMeasures,
): Promise<MadeExample> {
  const activation = (await bench.model.score(clip)).logits[unit]!;
  const judges: MadeExample['judges'] = [];
  const reversed: MadeExample['reversed'] = [];
  for (const judge of bench.judges) {
    const { own, partner } = real.words.get(judge.name)!;
    const { probabilities } = await judge.score(clip);
    judges.push({
      judge: judge.name,
      answer: judge.labels[ranking(probabilities)[0]!]!,
      rank: own === null ? null : rankOf(probabilities, own),
      probability: own === null ? null : probabilities[own]!,
    });
    if (partner === null || partner === own) continue;
    const answer = firstOf(await judge.score(reversedClip(clip)));
    reversed.push({ judge: judge.name, answer: judge.labels[answer]!, partner: answer === partner });
  }
  return {
    ...{ seed, start, activation, judges, reversed },
    percentile: real.activations.length === 0 ? null : percentileOf(real.activations, activation),
    nearest: real.placed.length === 0 ? [] : nearestOf(placed, real),
    smoothness: bench.pictures ? null : smoothness,
  };
}

function nearestOf(placed: Placed, real: RealMeasures): MadeExample['nearest'] {
  return [...placed.spaces].map(([space, example]) => {
    const [first] = nearest(
      example,
      real.placed.map((one) => one.spaces.get(space)!),
      1,
    );
    const usual = real.usual.get(space)!;
    const ratio = Number.isFinite(usual) && usual > 0 ? first!.distance / usual : null;
    return { space, name: real.placed[first!.index]!.name, distance: first!.distance, ratio };
  });
}
