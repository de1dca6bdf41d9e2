/** What is maximised: one table, one entry an objective. To add one, add an entry, and its schema to the protocol. */
import type { SynthesisObjective } from '../../protocol/synthesis.js';
import type { GraphBuilder, Value } from '../graph/graph.js';
import { abs, add, div, exp, floor, max, mul, sqrt, sub } from '../ops/elementwise.js';
import { reshape, sliceAxis } from '../ops/layout.js';
import { mean, sum } from '../ops/reduce.js';
import { logSoftmax } from '../ops/softmax.js';
import type { Declared } from './controls.js';
import { picked } from './scene.js';

/** What an objective is built of. */
export interface ObjectiveContext {
  readonly b: GraphBuilder;
  /** Units of the layer, [S, W, C], of the windows that count. */
  readonly steps: Value;
  /** Scores of the unit and of the others that the objective names, [S, W, 1] each. */
  readonly scores: readonly Value[];
  /** Codes, [T, D]. */
  readonly codes: Value;
  /** Whether steps are pictures, each of which has an objective of its own. */
  readonly pictures: boolean;
  readonly controls: Declared;
}

type Kind = SynthesisObjective['kind'];
type Build<K extends Kind> = (context: ObjectiveContext, settings: Extract<SynthesisObjective, { kind: K }>) => Value;

const overall = (b: GraphBuilder, x: Value): Value => mean(b, x, undefined, false);

const unit = ({ b, scores }: ObjectiveContext): Value => overall(b, scores[0]!);

const LARGE = 2 ** 24;
/** A number without a gradient, rounded to 2^-24: that of a floor is nought. */
const held = (b: GraphBuilder, x: Value): Value => div(b, floor(b, mul(b, x, b.scalar(LARGE))), b.scalar(LARGE));

/** The largest number along the last axis, by halves. */
function highest(b: GraphBuilder, x: Value): Value {
  const axis = x.shape.length - 1;
  const width = x.shape[axis]!;
  if (width === 1) return x;
  const half = Math.ceil(width / 2);
  return highest(b, max(b, sliceAxis(b, x, axis, 0, half), sliceAxis(b, x, axis, width - half, width)));
}

/** Length of the code of each picture, [N, 1, 1], or of all frames of a video, [1, 1, 1]. */
export function codeLength(b: GraphBuilder, codes: Value, pictures: boolean): Value {
  const squares = sum(b, mul(b, codes, codes), pictures ? [1] : [0, 1]);
  return reshape(b, sqrt(b, max(b, squares, b.scalar(1e-12))), [-1, 1, 1]);
}

/** Activation of each unit for each picture, [N, 1, 1], or for the video, [1, 1, 1]. */
const perPicture = ({ b, scores, pictures }: ObjectiveContext): Value[] =>
  scores.map((score) => (pictures ? mean(b, score, [1]) : mean(b, score)));

export const OBJECTIVES: { readonly [K in Kind]: { readonly build: Build<K> } } = {
  logit: { build: unit },
  channel: { build: unit },
  direction: { build: unit },
  log_softmax: {
    build: ({ b, steps, controls }) => overall(b, picked(b, logSoftmax(b, steps), controls.rows(0))),
  },
  truncated_softmax: {
    build({ b, steps, scores, controls }) {
      const doubt = sub(b, b.scalar(1), exp(b, picked(b, logSoftmax(b, steps), controls.rows(0))));
      return overall(b, mul(b, held(b, doubt), scores[0]!));
    },
  },
  logit_difference: {
    build: ({ b, steps, scores, controls }) =>
      overall(b, sub(b, scores[0]!, highest(b, add(b, steps, controls.rivals())))),
  },
  weighted: {
    build(context, { weight, with: others }) {
      const { b } = context;
      const terms = perPicture(context).map((a, k) =>
        mul(b, a, b.scalar(k === 0 ? weight : (others[k - 1]?.weight ?? 0))),
      );
      return overall(
        b,
        terms.reduce((total, term) => add(b, total, term)),
      );
    },
  },
  joint: {
    build(context) {
      const { b, codes, pictures, controls } = context;
      const units = perPicture(context);
      const total = units.reduce((all, a) => add(b, all, a));
      const pairs = units.flatMap((a, i) => units.slice(i + 1).map((other) => abs(b, sub(b, a, other))));
      const apart = mul(
        b,
        pairs.reduce((all, d) => add(b, all, d)),
        controls.number('gamma'),
      );
      const length = mul(b, codeLength(b, codes, pictures), controls.number('lambda'));
      return overall(b, sub(b, sub(b, total, length), apart));
    },
  },
};

/** The objective as a scalar. */
export function objectiveOf(context: ObjectiveContext, settings: SynthesisObjective): Value {
  return (OBJECTIVES[settings.kind].build as Build<Kind>)(context, settings);
}
