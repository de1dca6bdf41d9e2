/** From what was seen of each clip to the numbers of each condition: means over clips, intervals, tests, verdicts. */
import type { ConditionResult, Estimate } from '../../protocol/audit-report.js';
import { Random } from '../random.js';
import { bootstrapMean, bootstrapShare, bootstrapStatistic, equivalenceBound } from './bootstrap.js';
import type { Condition } from './conditions.js';
import type { ClipOutcome, ConditionOutcome, ModelEvidence } from './evidence.js';
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
}

type Interval = Estimate & { readonly standardError: number };

/** Values of clips, one each, and the groups that they come in. */
interface Column {
  readonly values: readonly number[];
  readonly groups: readonly string[];
}

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

  /** Options of a resampling with random numbers of its own. */
  resampling(what: string, groups = this.groups): { random: Random; groups: readonly string[]; draws: number } {
    const { seed, bootstrapDraws } = this.#context;
    return { random: new Random(`${seed}/${this.#name}/${what}`), groups, draws: bootstrapDraws };
  }

  column(of: (outcome: ConditionOutcome, clip: ClipOutcome) => number): number[] {
    return this.outcomes.map((outcome, i) => of(outcome, this.clips[i]!));
  }

  /** Values of the clips for which there is one. */
  some(of: (outcome: ConditionOutcome, clip: ClipOutcome) => number | null): Column {
    const chosen = this.outcomes.flatMap((outcome, i) => {
      const value = of(outcome, this.clips[i]!);
      return value === null ? [] : [{ value, group: this.groups[i]! }];
    });
    return { values: chosen.map(({ value }) => value), groups: chosen.map(({ group }) => group) };
  }

  /** Mean with its interval; with bounds for values that have some. */
  mean(what: string, values: readonly number[], bounds?: readonly [number, number]): Interval {
    const resampling = this.resampling(what);
    if (bounds === undefined) return bootstrapMean(values, resampling);
    return bootstrapShare(values, { ...resampling, least: bounds[0], most: bounds[1] });
  }

  /** Share among the clips for which there is one; null without any. */
  share(what: string, { values, groups }: Column): Estimate | null {
    return values.length === 0 ? null : plain(bootstrapShare(values, this.resampling(what, groups)));
  }
}

/** How many times more draws the bound takes: it is an end, and has one number only. */
const BOUND_DRAWS = 2;

const SHARE = [0, 1] as const;
const DIFFERENCE = [-1, 1] as const;

/** The group of each clip; a clip without one is its own. */
export function groupsOf(clips: readonly ClipOutcome[]): string[] {
  return clips.map(({ group, name }) => (group === null ? `clip ${name}` : `group ${group}`));
}

export const plain = ({ value, low, high }: Estimate): Estimate => ({ value, low, high });

const right = ({ answer, target }: ClipOutcome): number | null => (target === null ? null : Number(answer === target));

/** Flip rate of the same order under other crops. */
export function noiseFloorOf(clips: readonly ClipOutcome[], context: SummaryContext): Estimate {
  const { seed, bootstrapDraws: draws } = context;
  const flips = clips.map((clip) => clip.noiseFlips);
  const random = new Random(`${seed}/noise floor/flips`);
  return plain(bootstrapShare(flips, { random, groups: groupsOf(clips), draws }));
}

/** All numbers of one condition; null when no clip is long enough for it. */
export function summariseCondition(
  condition: Condition,
  evidence: ModelEvidence,
  context: SummaryContext,
): ConditionResult | null {
  const table = new ConditionTable(condition.name, evidence.clips, context);
  if (table.clips.length === 0) return null;
  const { outcomes } = table;
  const identity = condition.name === 'original';
  const drops = table.column(({ drop }) => drop);
  const rightlyAnswered = table.some(({ flips }, clip) => (right(clip) === 1 ? flips : null));
  const strength = (key: keyof ConditionOutcome['strength']): number => mean(outcomes.map((o) => o.strength[key]));
  return {
    name: condition.name,
    description: condition.describe,
    permutation: condition.permutation,
    clips: outcomes.length,
    orders: Math.max(...outcomes.map(({ orders }) => orders)),
    strength: {
      displacement: strength('displacement'),
      expected: strength('expected'),
      adjacencyKept: strength('adjacencyKept'),
      longestRun: strength('longestRun'),
    },
    ...changesOf(table, identity),
    ...accuraciesOf(table),
    scoreDrop: plain(table.mean('score', drops)),
    effectSize: effectSize(drops),
    mcnemar: identity ? null : mcnemarOf(table),
    flipRateOfCorrect: table.share('flips of correct', rightlyAnswered),
    ...flipsOf(table, context, identity || !condition.permutation ? null : evidence.p(condition.name), condition.name),
  };
}

function changesOf(
  table: ConditionTable,
  identity: boolean,
): Pick<ConditionResult, 'probabilityChange' | 'divergence'> {
  const changes = table.column(({ probability, probabilityInOrder }) => probability - probabilityInOrder);
  const divergences = table.column(({ divergence }) => divergence);
  // In order nothing can change: there is no more to know than that.
  return {
    probabilityChange: plain(table.mean('probability', changes, identity ? undefined : DIFFERENCE)),
    divergence: plain(table.mean('divergence', divergences, identity ? undefined : SHARE)),
  };
}

function accuraciesOf(table: ConditionTable): Pick<ConditionResult, 'accuracy' | 'accuracyLoss'> {
  const here = table.some(({ correct }) => correct);
  const inOrder = table.some((_, clip) => right(clip));
  const accuracy = table.share('accuracy', here);
  if (accuracy === null || accuracy.value === 0) return { accuracy, accuracyLoss: null };
  const resampling = table.resampling('accuracy loss', here.groups);
  const loss = ([before, after]: readonly number[]): number => before! / after! - 1;
  return { accuracy, accuracyLoss: bootstrapStatistic([inOrder.values, here.values], loss, resampling) };
}

function mcnemarOf(table: ConditionTable): ConditionResult['mcnemar'] {
  let lost = 0;
  let gained = 0;
  table.outcomes.forEach(({ first }, i) => {
    const { answer, target } = table.clips[i]!;
    if (target === null) return;
    if (answer === target && first !== target) lost++;
    if (answer !== target && first === target) gained++;
  });
  return { lost, gained, p: exactMcNemar(lost, gained) };
}

/** Flips, their excess over the noise floor, and the verdict on them where one is due. */
function flipsOf(
  table: ConditionTable,
  context: SummaryContext,
  p: number | null,
  condition: string,
): Pick<ConditionResult, 'flipRate' | 'excessFlipRate' | 'randomisationP' | 'judgement'> {
  const flips = table.column((outcome) => outcome.flips);
  const identity = condition === 'original';
  const flipRate = table.mean('flips', flips, identity ? undefined : SHARE);
  const beyond = table.column((outcome, clip) => outcome.flips - clip.noiseFlips);
  const excess = table.mean('excess', beyond, identity ? undefined : DIFFERENCE);
  const known = { flipRate: plain(flipRate), excessFlipRate: plain(excess) };
  if (p === null) return { ...known, randomisationP: null, judgement: null };
  const judgement = judge({
    condition,
    effectSize: effectSize(table.column(({ drop }) => drop)),
    model: context.model,
    clips: table.clips.length,
    groups: new Set(table.groups).size,
    permutations: Math.max(...table.outcomes.map(({ orders }) => orders)),
    delta: context.delta,
    flipRate,
    excess,
    upperBound: equivalenceBound(beyond, { ...table.resampling('bound'), draws: BOUND_DRAWS * context.bootstrapDraws }),
    noiseFloor: noiseFloorOf(table.clips, context),
    p,
  });
  return { ...known, randomisationP: p, judgement };
}
