/**
 * The probe: does a recogniser use the order of frames? Clips are scored in their own order, in others, and in slightly
 * other crops; controls whose use of order is known are scored beside it.
 */
import { NeuroreelError } from '../../protocol/errors.js';
import { PROBE_REPORT_FORMAT, type ControlResult, type ProbeReport } from '../../protocol/probe-report.js';
import { BOOTSTRAP_DRAWS } from './bootstrap.js';
import { decompose, describeClip, summariseClasses, summariseReversal } from './class-summary.js';
import { conditionNamed, CONDITIONS, DEFAULT_CONDITIONS, type Condition } from './conditions.js';
import { bagOfFrames, directionOfMotion, DIRECTIONS, movingBars } from './controls.js';
import { observeClip, type ClipOutcome, type ClipPlan, type ProbeClip } from './outcomes.js';
import { RANDOMISATION_DRAWS } from './randomisation.js';
import type { ClipScorer } from './scorer.js';
import { groupsOf, noiseFloorOf, summariseCondition, type SummaryContext } from './summary.js';

export type { ProbeClip } from './outcomes.js';

/** A clip that its source could not read; it is listed, and the probe goes on. */
export interface UnreadableClip {
  readonly name: string;
  readonly unreadable: string;
}

export interface ProbeProgress {
  /** Clips dealt with, skipped ones included. */
  readonly done: number;
  readonly total: number | null;
  readonly skipped: number;
  /** Name of the last one. */
  readonly clip: string;
}

export interface ProbeOptions {
  readonly model: { readonly name: string; readonly sha256?: string };
  readonly scorer: ClipScorer;
  readonly clips: AsyncIterable<ProbeClip | UnreadableClip> | Iterable<ProbeClip | UnreadableClip>;
  /** Number of clips, for the progress; unknown when absent. */
  readonly total?: number;
  /** The recogniser's labels by unit. */
  readonly labels: readonly string[];
  /** Labels of actions that are each other played backwards, both ways. */
  readonly partners?: Readonly<Record<string, string>>;
  /** Names of conditions; `original` and `shuffle` are always among them. */
  readonly conditions?: readonly string[];
  /** R, random orders of each clip; default 20. */
  readonly permutations?: number;
  /** The excess flip rate from which on a difference matters, in (0, 1); default 0.05. */
  readonly delta?: number;
  readonly seed?: number;
  /** Crops of each clip for the noise floor, 1 to 24; default 4. */
  readonly crops?: number;
  /** At least 2000. */
  readonly bootstrapDraws?: number;
  readonly randomisationDraws?: number;
  /** Whether the controls are run; default true. */
  readonly controls?: boolean;
  readonly runtime?: string;
  readonly versions?: Readonly<Record<string, string>>;
  readonly onProgress?: (progress: ProbeProgress) => void;
  readonly signal?: AbortSignal;
}

interface Settings {
  readonly plan: ClipPlan;
  readonly context: SummaryContext;
}

/** Options with defaults, checked. */
function settingsOf(options: ProbeOptions): Settings {
  const { permutations = 20, delta = 0.05, seed = 1, crops = 4, bootstrapDraws = BOOTSTRAP_DRAWS } = options;
  const { randomisationDraws = RANDOMISATION_DRAWS, labels, scorer } = options;
  const check = (fits: boolean, sentence: string): void => {
    if (!fits) throw new NeuroreelError('REQUEST_INVALID', sentence);
  };
  const whole = (x: number, low: number, high: number): boolean => Number.isInteger(x) && x >= low && x <= high;
  check(whole(permutations, 1, 100_000), `permutations: expected 1 to 100000, got ${permutations}.`);
  check(delta > 0 && delta < 1, `delta: expected a number between 0 and 1, got ${delta}.`);
  check(whole(seed, 0, 0xffffffff), `seed: expected an integer from 0 to 4294967295, got ${seed}.`);
  check(whole(crops, 1, 24), `crops: expected 1 to 24, got ${crops}.`);
  check(whole(bootstrapDraws, 2000, 1_000_000), `bootstrapDraws: expected at least 2000, got ${bootstrapDraws}.`);
  check(
    whole(randomisationDraws, 1, 10_000_000),
    `randomisationDraws: expected at least 1, got ${randomisationDraws}.`,
  );
  check(labels.length === scorer.classes, `labels: the recogniser has ${scorer.classes}, got ${labels.length}.`);
  return {
    plan: { conditions: chosenConditions(options.conditions ?? DEFAULT_CONDITIONS), permutations, crops, seed },
    context: {
      model: options.model.name,
      labels,
      partners: options.partners ?? {},
      delta,
      seed,
      bootstrapDraws,
      randomisationDraws,
    },
  };
}

/** In the order of the table, whatever order they are asked for in. @throws {NeuroreelError} CONDITION_UNKNOWN */
function chosenConditions(names: readonly string[]): Condition[] {
  const chosen = new Set(['original', 'shuffle', ...names].map(conditionNamed));
  return CONDITIONS.filter((condition) => chosen.has(condition));
}

/**
 * Probes a recogniser. The same clips, seed and conditions give the same orders for every recogniser, and the same report.
 * @throws {NeuroreelError} PROBE_NO_CLIPS when no clip can be scored, CONDITION_UNKNOWN, REQUEST_INVALID, SCORES_INVALID;
 *   the signal's reason when aborted.
 */
export async function probe(options: ProbeOptions): Promise<ProbeReport> {
  const settings = settingsOf(options);
  const { signal } = options;
  signal?.throwIfAborted();
  const control = options.controls === false ? null : bagControl(options.scorer, settings);
  const observed: ClipOutcome[] = [];
  const skipped: { name: string; reason: string }[] = [];
  for await (const clip of options.clips) {
    signal?.throwIfAborted();
    const reason = unfit(clip, options);
    if (reason === null) {
      const fit = clip as ProbeClip;
      const target = options.labels.indexOf(fit.label!);
      observed.push(await observeClip(options.scorer, fit, target, settings.plan, signal));
      await control?.observe(fit, signal);
    } else {
      skipped.push({ name: clip.name, reason });
    }
    const done = observed.length + skipped.length;
    options.onProgress?.({ done, total: options.total ?? null, skipped: skipped.length, clip: clip.name });
  }
  signal?.throwIfAborted();
  if (!observed.some((clip) => clip.conditions.has('shuffle'))) throw noClips(skipped);
  const controls = control === null ? [] : [control.result(), await motionControl(settings, signal)];
  return reportOf(options, settings, observed, skipped, controls);
}

function noClips(skipped: readonly { name: string; reason: string }[]): NeuroreelError {
  const first = skipped[0];
  const why = first
    ? `${skipped.length} skipped, the first, ${first.name}, because ${first.reason}`
    : 'there were none';
  return new NeuroreelError('PROBE_NO_CLIPS', `No clip could be scored: ${why}.`, { details: skipped });
}

/** Why a clip cannot be scored, as the end of a sentence; null when it can. */
function unfit(clip: ProbeClip | UnreadableClip, { scorer, labels }: ProbeOptions): string | null {
  if ('unreadable' in clip) return clip.unreadable;
  const { frames, label, pixels } = clip;
  const least = Math.max(2, scorer.minimumFrames ?? 1);
  if (label === null || label === '') return 'it has no label';
  if (!labels.includes(label)) return `the recogniser has no label ${JSON.stringify(label)}`;
  if (!Number.isInteger(frames) || frames < 1) return 'it has no frames';
  if (frames < least)
    return `it is too short: ${frames === 1 ? '1 frame' : `${frames} frames`}, at least ${least} are needed`;
  const bytes = frames * scorer.width * scorer.height * 3;
  if (pixels.length !== bytes) return `it has ${pixels.length} bytes of pixels, not ${bytes}`;
  return null;
}

/** The bag of frames on the very clips and orders of the probe: what it says must not change by a single bit. */
function bagControl({ classes, width, height }: ClipScorer, { plan }: Settings) {
  const bag = bagOfFrames({ classes, width, height, seed: plan.seed });
  const permutations = plan.conditions.filter((condition) => condition.permutation);
  let largest = 0;
  let flips = 0;
  return {
    async observe(clip: ProbeClip, signal?: AbortSignal): Promise<void> {
      const outcome = await observeClip(bag, clip, 0, { ...plan, conditions: permutations, crops: 0 }, signal);
      for (const { scores, flips: flipped } of outcome.conditions.values()) {
        for (const score of scores) largest = Math.max(largest, Math.abs(score - outcome.score));
        flips += flipped;
      }
    },
    result: (): ControlResult => ({
      name: 'bag of frames',
      expectation: 'the score changes by exactly 0 under every permutation',
      found: `largest change ${largest}`,
      passed: largest === 0 && flips === 0,
    }),
  };
}

const BARS = { clips: 40, frames: 16, width: 16, height: 4 };

/** The direction-of-motion detector on clips of moving bars, which are there whatever the probe's clips show. */
async function motionControl({ plan }: Settings, signal?: AbortSignal): Promise<ControlResult> {
  const { sentence, verdict } = await probe({
    model: { name: 'direction of motion' },
    scorer: directionOfMotion(BARS),
    clips: movingBars({ ...BARS, seed: plan.seed }),
    labels: DIRECTIONS,
    conditions: [],
    seed: plan.seed,
    controls: false,
    signal,
  });
  return {
    name: 'direction of motion',
    expectation: 'found sensitive on moving bars',
    found: sentence,
    passed: verdict === 'sensitive',
  };
}

function reportOf(
  options: ProbeOptions,
  { plan, context }: Settings,
  clips: readonly ClipOutcome[],
  skipped: ProbeReport['skipped'],
  controls: ControlResult[],
): ProbeReport {
  const results = plan.conditions.map((condition) => summariseCondition(condition, clips, context));
  const conditions = results.filter((result) => result !== null);
  const judgement = conditions.find((result) => result.name === 'shuffle')!.judgement!;
  const { model, scorer } = options;
  return {
    format: PROBE_REPORT_FORMAT,
    verdict: judgement.verdict,
    sentence: judgement.sentence,
    model: { name: model.name, sha256: model.sha256 ?? null },
    runtime: options.runtime ?? null,
    versions: { ...options.versions },
    path: scorer.frameWise === false ? 'full' : 'frame-wise',
    parameters: {
      permutations: plan.permutations,
      delta: context.delta,
      seed: plan.seed,
      crops: plan.crops,
      bootstrapDraws: context.bootstrapDraws,
      randomisationDraws: context.randomisationDraws,
      partners: { ...context.partners },
    },
    clipsScored: clips.length,
    groups: new Set(groupsOf(clips)).size,
    noiseFloor: noiseFloorOf(clips, context),
    conditions,
    conditionsLeftOut: plan.conditions
      .filter((_, i) => results[i] === null)
      .map(({ name, minFrames }) => ({ name, reason: `no clip has the ${minFrames} frames that it needs` })),
    decomposition: decompose(conditions, scorer.classes),
    reversal: summariseReversal(clips, context),
    classes: summariseClasses(clips, context),
    controls,
    clips: clips.map((clip) => describeClip(clip, context.labels)),
    skipped: [...skipped],
  };
}
