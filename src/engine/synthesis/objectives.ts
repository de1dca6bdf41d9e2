/** What is maximised: one table, one entry an objective. To add one, add an entry. */
import type { GraphBuilder, Value } from '../graph/graph.js';
import type { VideoScores } from '../models/recogniser.js';
import { sliceAxis } from '../ops/layout.js';
import { mean } from '../ops/reduce.js';
import { logSoftmax } from '../ops/softmax.js';

export interface Objective {
  readonly describe: string;
  /** A scalar: the score of a unit over the whole video. */
  build(b: GraphBuilder, scores: VideoScores, unit: number): Value;
}

const ofUnit = (b: GraphBuilder, x: Value, unit: number): Value =>
  mean(b, sliceAxis(b, x, -1, unit, unit + 1), undefined, false);

export const OBJECTIVES = {
  logit: {
    describe: "the unit's pre-softmax score, averaged over steps and windows",
    build: (b, { steps }, unit) => ofUnit(b, steps, unit),
  },
  log_softmax: {
    describe: "the logarithm of the unit's probability, averaged over steps and windows",
    build: (b, { steps }, unit) => ofUnit(b, logSoftmax(b, steps), unit),
  },
} as const satisfies Record<string, Objective>;

export type ObjectiveName = keyof typeof OBJECTIVES;
