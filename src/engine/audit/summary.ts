/** From what was seen of each clip to the numbers of each condition: means over clips, intervals, tests, verdicts. */
import type { ConditionResult, Estimate } from '../../protocol/probe-report.js';
import { Random } from '../random.js';
import { bootstrapMean, equivalenceBound } from './bootstrap.js';
import type { Condition } from './conditions.js';
import type { ClipOutcome, ConditionOutcome } from './outcomes.js';
import { randomisationTest } from './randomisation.js';
import { effectSize, exactMcNemar, mean } from './statistics.js';
import { judge } from './verdict.js';

/** What the summary needs to know besides the outcomes. */
export interface SummaryContext {
  readonly model: string;
  readonly labels: readonly string[];
  /** Label of the time-reversed action, by label. */
  readonly partners: Readonly<Record<string, string>>;
  readonly delta: number;
  readonly seed: number;
  readonly bootstrapDraws: number;
  readonly randomisationDraws: number;
}

type Interval = Estimate & { readonly standardError: number };

/** The outcomes of the clips that a condition applies to, and how to sum them up. */
class ConditionTable {
  readonly clips: readonly ClipOutcome[];
  readonly outcomes: readonly ConditionOutcome[];
  readonly groups: readonly string[];
  readonly #name: string;
  readonly #context: SummaryContext;

  constructor(name: string, clips: readonly ClipOutcome[], context: SummaryContext) {
    this.#name = name;
    this.#context = context;
    this.clips = clips.filter((clip) => clip.conditions.has(name));
    this.outcomes = this.clips.map((clip) => clip.conditions.get(name)!);
    this.groups = groupsOf(this.clips);
  }

  random(what: string): Random {
    return new Random(`${this.#context.seed}/${this.#name}/${what}`);
  }

  column<T>(of: (outcome: ConditionOutcome, clip: ClipOutcome) => T): T[] {
    return this.outcomes.map((outcome, i) => of(outcome, this.clips[i]!));
  }

  interval(what: string, values: readonly number[], groups: readonly string[] = this.groups): Interval {
    return bootstrapMean(values, { random: this.random(what), groups, draws: this.#context.bootstrapDraws });
  }
}

/** The group of each clip; a clip without one is its own. */
export function groupsOf(clips: readonly ClipOutcome[]): string[] {
  return clips.map(({ group, name }) => (group === null ? `clip ${name}` : `group ${group}`));
}

const plain = ({ value, low, high }: Estimate): Estimate => ({ value, low, high });

/** Flip rate of the same order under other crops. */
export function noiseFloorOf(clips: readonly ClipOutcome[], context: SummaryContext): Estimate {
  const table = new ConditionTable('noise floor', [], context);
  const flips = clips.map((clip) => clip.noiseFlips);
  return plain(table.interval('flips', flips, groupsOf(clips)));
}

/** All numbers of one condition; null when no clip is long enough for it. */
export function summariseCondition(
  condition: Condition,
  clips: readonly ClipOutcome[],
  context: SummaryContext,
): ConditionResult | null {
  const table = new ConditionTable(condition.name, clips, context);
  if (table.clips.length === 0) return null;
  const { outcomes } = table;
  const identity = condition.name === 'original';
  const correctInOrder = mean(table.clips.map((clip) => Number(clip.prediction === clip.target)));
  const rightClips = table.clips.flatMap((clip, i) => (clip.prediction === clip.target ? [i] : []));
  const drops = table.column((outcome, clip) => mean(outcome.scores.map((score) => clip.score - score)));
  const correct = table.interval(
    'accuracy',
    table.column((outcome) => outcome.correct),
  );
  const tested = condition.permutation && !identity;
  const strength = (key: keyof ConditionOutcome['strength']): number => mean(outcomes.map((o) => o.strength[key]));
  return {
    name: condition.name,
    description: condition.describe,
    permutation: condition.permutation,
    clips: outcomes.length,
    orders: Math.max(...outcomes.map((outcome) => outcome.predictions.length)),
    strength: {
      displacement: strength('displacement'),
      expected: strength('expected'),
      adjacencyKept: strength('adjacencyKept'),
      longestRun: strength('longestRun'),
    },
    accuracy: plain(correct),
    accuracyLoss: correct.value === 0 ? null : correctInOrder / correct.value - 1,
    probabilityChange: plain(
      table.interval(
        'probability',
        table.column((outcome, clip) => outcome.probability - clip.probability),
      ),
    ),
    divergence: plain(
      table.interval(
        'divergence',
        table.column((outcome) => outcome.divergence),
      ),
    ),
    scoreDrop: plain(table.interval('score', drops)),
    effectSize: effectSize(drops),
    mcnemar: identity ? null : mcnemarOf(table),
    flipRateOfCorrect: flipsAmong(table, rightClips),
    ...flipsOf(table, context, tested ? { condition: condition.name, effectSize: effectSize(drops) } : null),
  };
}

function flipsAmong(table: ConditionTable, chosen: readonly number[]): Estimate | null {
  if (chosen.length === 0) return null;
  const flips = chosen.map((i) => table.outcomes[i]!.flips);
  return plain(
    table.interval(
      'flips of correct',
      flips,
      chosen.map((i) => table.groups[i]!),
    ),
  );
}

function mcnemarOf(table: ConditionTable): ConditionResult['mcnemar'] {
  let lost = 0;
  let gained = 0;
  table.outcomes.forEach(({ predictions }, i) => {
    const { prediction, target } = table.clips[i]!;
    if (prediction === target && predictions[0] !== target) lost++;
    if (prediction !== target && predictions[0] === target) gained++;
  });
  return { lost, gained, p: exactMcNemar(lost, gained) };
}

/** Flips, their excess over the noise floor, and the verdict on them where one is due. */
function flipsOf(
  table: ConditionTable,
  context: SummaryContext,
  tested: { readonly condition: string; readonly effectSize: number | null } | null,
): Pick<ConditionResult, 'flipRate' | 'excessFlipRate' | 'randomisationP' | 'judgement'> {
  const flipRate = table.interval(
    'flips',
    table.column((outcome) => outcome.flips),
  );
  const beyond = table.column((outcome, clip) => outcome.flips - clip.noiseFlips);
  const excess = table.interval('excess', beyond);
  const known = { flipRate: plain(flipRate), excessFlipRate: plain(excess) };
  if (tested === null) return { ...known, randomisationP: null, judgement: null };
  const { p } = randomisationTest(table.column(scoresOf), {
    random: table.random('randomisation'),
    draws: context.randomisationDraws,
  });
  const judgement = judge({
    ...tested,
    model: context.model,
    clips: table.clips.length,
    groups: new Set(table.groups).size,
    permutations: Math.max(...table.outcomes.map((outcome) => outcome.predictions.length)),
    delta: context.delta,
    flipRate,
    excess,
    upperBound: equivalenceBound(beyond, { random: table.random('bound'), groups: table.groups }),
    noiseFloor: noiseFloorOf(table.clips, context),
    p,
  });
  return { ...known, randomisationP: p, judgement };
}

/** The true class's scores, the one in order first. */
export function scoresOf(outcome: ConditionOutcome, clip: ClipOutcome): number[] {
  return [clip.score, ...outcome.scores];
}
