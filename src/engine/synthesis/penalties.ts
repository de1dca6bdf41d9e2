/** What is subtracted from the objective: one table, one entry a penalty, each a number that its weight multiplies. */
import type { SynthesisPenalties } from '../../protocol/synthesis.js';
import type { GraphBuilder, Value } from '../graph/graph.js';
import { add, max, mul, sqrt, sub } from '../ops/elementwise.js';
import { sliceAxis } from '../ops/layout.js';
import { mean } from '../ops/reduce.js';
import type { CodesOfState } from './codes.js';
import { paceOf, type Declared } from './controls.js';
import { codeLength } from './objectives.js';
import { patchUnlikelihood } from './patches.js';
import { isOfPictures, type Task } from './scene.js';
import { spreadOut } from './whitening.js';

export interface PenaltyContext extends CodesOfState {
  readonly b: GraphBuilder;
  readonly task: Task;
  /** The prior's pictures, and those that the network sees. */
  readonly drawn: Value;
  readonly pictures: Value;
  readonly controls: Declared;
}

interface Penalty {
  /** Frames of a sequence that it takes; pictures are none. */
  readonly frames?: number;
  /** Null where it has no meaning: it is left out. */
  readonly build: (context: PenaltyContext) => Value | null;
}

export const meanSquare = (b: GraphBuilder, x: Value): Value => mean(b, mul(b, x, x), undefined, false);

/** x[i+1] - x[i] along an axis. */
function difference(b: GraphBuilder, x: Value, axis: number): Value {
  const n = x.shape[axis]!;
  return sub(b, sliceAxis(b, x, axis, 1, n), sliceAxis(b, x, axis, 0, n - 1));
}

/** The network's pictures on the scale 0..1, but for the mean. */
function onUnitScale(b: GraphBuilder, { model }: Task, pictures: Value): Value {
  const { scale } = model.manifest.input;
  return mul(
    b,
    pictures,
    b.constant(
      scale.map((s) => 1 / (255 * s)),
      [1, 3, 1, 1],
    ),
  );
}

/** Real identities are about as long as normal noise: a mean square of 1, not of 0, whose picture is nobody's. */
function unusual({ b, task, identity }: PenaltyContext): Value | null {
  if (!identity) return null;
  if (isOfPictures(task)) return meanSquare(b, sub(b, mean(b, mul(b, identity, identity), [1]), b.scalar(1)));
  const excess = sub(b, meanSquare(b, identity), b.scalar(1));
  return mul(b, excess, excess);
}

/**
 * Mean over frames of the squared distance of a movement's energy from 1: that of real frames, in units of their codes'
 * spread. It keeps poses as far from the mean pose as real ones are.
 */
function idleness({ b, task: { prior }, identity, movement }: PenaltyContext): Value {
  const { statistics } = prior;
  const known = identity !== null && statistics.factors !== null;
  const moved = known ? spreadOut(b, movement, statistics, 'within') : movement;
  const scale = known ? 1 / statistics.spread ** 2 : 1;
  const energy = mul(b, mean(b, mul(b, moved, moved), [1]), b.scalar(scale));
  return meanSquare(b, sub(b, energy, b.scalar(1)));
}

/** Mean squared difference of neighbouring pixels on the scale 0..1, down and across. */
function variation({ b, task, pictures }: PenaltyContext): Value {
  const unit = onUnitScale(b, task, pictures);
  return add(b, meanSquare(b, difference(b, unit, 2)), meanSquare(b, difference(b, unit, 3)));
}

/**
 * Squared relative distance of the video's smoothness, the mean root mean square difference of neighbouring frames, from
 * that of real clips of the label: videos that a recogniser is content with move less.
 */
function sluggishness({ b, task, pictures, controls }: PenaltyContext): Value | null {
  if (paceOf(task) === null) return null;
  const unit = onUnitScale(b, task, pictures);
  const change = difference(b, unit, 0);
  const steps = sqrt(b, max(b, mean(b, mul(b, change, change), [1, 2, 3]), b.scalar(1e-8)));
  const away = sub(b, mul(b, mean(b, steps, undefined, false), controls.number('pace')), b.scalar(1));
  return mul(b, away, away);
}

/** A natural code comes back from its own picture; a blend of two does not (the idea of PPGN's first term). */
function astray({ b, task, codes, drawn }: PenaltyContext): Value | null {
  const { encode, statistics } = task.prior;
  if (!encode) return null;
  const away = sub(b, encode(b, drawn), codes);
  return mul(b, meanSquare(b, away), b.scalar(1 / statistics.spread ** 2));
}

export const PENALTIES: Readonly<Record<keyof SynthesisPenalties, Penalty>> = {
  smoothness: { frames: 2, build: ({ b, movement }) => meanSquare(b, difference(b, movement, 0)) },
  acceleration: {
    frames: 3,
    build: ({ b, movement }) => meanSquare(b, difference(b, difference(b, movement, 0), 0)),
  },
  naturalness: { build: ({ b, movement }) => meanSquare(b, movement) },
  identity: { build: unusual },
  energy: { build: idleness },
  pace: { frames: 2, build: sluggishness },
  manifold: { build: astray },
  totalVariation: { build: variation },
  code: { build: ({ b, task, codes }) => mean(b, codeLength(b, codes, isOfPictures(task)), undefined, false) },
  l2: { build: ({ b, task, pictures }) => meanSquare(b, onUnitScale(b, task, pictures)) },
  patch: { build: ({ b, task, pictures }) => patchUnlikelihood(b, onUnitScale(b, task, pictures), task.patches) },
};
