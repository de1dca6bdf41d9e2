/**
 * The audit: do recognisers use the order of frames? Clips are scored in their own order, in others, and in slightly
 * other crops; controls whose use of order is known are scored beside them. It goes clip by clip, so that it can be
 * followed, stopped, and taken up again where it was.
 */
import { NeuroreelError } from '../../protocol/errors.js';
import {
  AUDIT_REPORT_FORMAT,
  type AuditReport,
  type Comparison,
  type ControlResult,
  type ModelAudit,
  type Reason,
  type SynthesisedResult,
} from '../../protocol/audit-report.js';
import type { SequenceRule } from '../../protocol/manifest.js';
import { BagControl } from './bag-control.js';
import { confuseReversed, decompose, describeClip, summariseClasses, summariseReversal } from './class-summary.js';
import { framesOf, unfitness, type AuditClip, type ClipFrames, type UnusableClip } from './clip-source.js';
import { compareModels } from './comparison.js';

import { directionOfMotion, DIRECTIONS, movingBars } from './controls.js';
import { ModelEvidence } from './evidence.js';
import type { ClipObservation } from './observation.js';
import { observeClip } from './observe.js';
import type { ClipScorer } from './scorer.js';
import { checkedSettings, type AuditSettings, type CheckedSettings } from './settings.js';
import { groupsOf, noiseFloorOf, summariseCondition, type SummaryContext } from './summary.js';

/** A recogniser under audit. */
export interface AuditedModel {
  readonly name: string;
  readonly sha256?: string | undefined;
  readonly scorer: ClipScorer;
  /** By unit. */
  readonly labels: readonly string[];
  /** Labels of actions that are each other played backwards, both ways. */
  readonly partners?: Readonly<Record<string, string>> | undefined;
  /** How it is fed a video, for clips that are too long to be taken whole. */
  readonly sequence?: SequenceRule | undefined;
}

export interface AuditProgress {
  /** Clips dealt with, of all models together, skipped ones included. */
  readonly done: number;
  readonly total: number | null;
  readonly skipped: number;
  readonly model: string;
  /** Name of the last clip. */
  readonly clip: string;
  /** Shuffled flip rate and noise floor of that model so far; null before its first clip. */
  readonly flipRate: number | null;
  readonly noiseFloor: number | null;
  /** Whether the clip was found among earlier observations. */
  readonly resumed: boolean;
}

export interface AuditOptions extends AuditSettings {
  /** The model in question, and others to compare it with; with names unlike each other's. */
  readonly models: readonly AuditedModel[];
  readonly clips: AsyncIterable<AuditClip | UnusableClip> | Iterable<AuditClip | UnusableClip>;
  /** Number of clips, for the progress; unknown when absent. */
  readonly total?: number | undefined;
  /** Where the clips are from, for the report. */
  readonly source?: string | undefined;
  /** Whether the controls are run; default true. */
  readonly controls?: boolean | undefined;
  /** An observation of an earlier, interrupted audit with the same settings and models. */
  readonly earlier?: ((model: string, clip: string, id: string) => Promise<ClipObservation | null>) | undefined;
  /** Called with every new observation before the next clip is taken up; may keep it for `earlier`. */
  readonly onObservation?: ((observation: ClipObservation) => Promise<void> | void) | undefined;
  readonly onProgress?: ((progress: AuditProgress) => void) | undefined;
  /** Awaited between clips: may wait (for a pause) or throw (to stop). */
  readonly betweenClips?: (() => Promise<void>) | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly synthesised?: readonly SynthesisedResult[] | undefined;
  readonly runtime?: string | undefined;
  readonly versions?: Readonly<Record<string, string>> | undefined;
}

/** A model, and what is known of it so far. */
interface Examined {
  readonly model: AuditedModel;
  readonly evidence: ModelEvidence;
  readonly skipped: Reason[];
  readonly unlabelled: Reason[];
}

/**
 * Audits recognisers. The same clips, seed and conditions give the same orders for every recogniser, and the same report,
 * interrupted or not.
 * @throws {NeuroreelError} AUDIT_NO_CLIPS when the first model can score no clip, CONDITION_UNKNOWN, REQUEST_INVALID,
 *   SCORES_INVALID; the signal's reason when aborted.
 */
export async function audit(options: AuditOptions): Promise<AuditReport> {
  const settings = checkedSettings(options);
  checkModels(options.models);
  options.signal?.throwIfAborted();
  const examined = options.models.map((model): Examined => {
    return { model, evidence: new ModelEvidence(settings.parameters), skipped: [], unlabelled: [] };
  });
  const bag = options.controls === false ? null : new BagControl(options.models[0]!.scorer, settings.plan);
  await examine(options, settings, examined, bag);
  if (!examined[0]!.evidence.clips.some((clip) => clip.conditions.has('shuffle'))) throw noClips(examined[0]!.skipped);
  const controls = bag === null ? [] : [bag.result(), await motionControl(settings.plan.seed, options.signal)];
  return reportOf(options, settings, examined, controls);
}

function checkModels(models: readonly AuditedModel[]): void {
  const fail = (message: string): never => {
    throw new NeuroreelError('REQUEST_INVALID', message);
  };
  if (models.length === 0) fail('An audit needs a model.');
  models.forEach(({ name, labels, scorer }, i) => {
    if (labels.length !== scorer.classes) {
      fail(`labels: the recogniser ${name} has ${scorer.classes}, got ${labels.length}.`);
    }
    if (models.findIndex((other) => other.name === name) !== i) fail(`The model ${name} is named twice.`);
  });
}

function noClips(skipped: readonly Reason[]): NeuroreelError {
  const first = skipped[0];
  const why = first
    ? `${skipped.length} skipped, the first, ${first.name}, because ${first.reason}`
    : 'there were none';
  return new NeuroreelError('AUDIT_NO_CLIPS', `No clip could be scored: ${why}.`, { details: skipped });
}

/** Takes all clips through all models. */
async function examine(
  options: AuditOptions,
  settings: CheckedSettings,
  examined: readonly Examined[],
  bag: BagControl | null,
): Promise<void> {
  const { clips, signal, onProgress, total, betweenClips } = options;
  let done = 0;
  for await (const clip of clips) {
    for (const [i, subject] of examined.entries()) {
      await betweenClips?.();
      signal?.throwIfAborted();
      const resumed = await examineClip(clip, subject, options, settings, i === 0 ? bag : null);
      done++;
      onProgress?.({
        done,
        total: total === undefined ? null : total * examined.length,
        skipped: examined.reduce((sum, { skipped }) => sum + skipped.length, 0),
        model: subject.model.name,
        clip: clip.name,
        ...subject.evidence.soFar(),
        resumed,
      });
    }
  }
}

/** Scores one clip with one model, or finds it scored, or lists why not. Tells whether it was found. */
async function examineClip(
  clip: AuditClip | UnusableClip,
  { model, evidence, skipped, unlabelled }: Examined,
  options: AuditOptions,
  settings: CheckedSettings,
  bag: BagControl | null,
): Promise<boolean> {
  if ('unusable' in clip) {
    skipped.push({ name: clip.name, reason: clip.unusable });
    return false;
  }
  const id = options.earlier === undefined ? null : ((await clip.identity?.()) ?? null);
  const earlier = id === null ? null : await options.earlier!(model.name, clip.name, id);
  const found = earlier ?? (await score(clip, model, id, options, settings, bag));
  if (typeof found === 'string') {
    skipped.push({ name: clip.name, reason: found });
    return false;
  }
  const strange = strangeness(clip, model);
  if (strange !== null) unlabelled.push({ name: clip.name, reason: strange });
  if (earlier === null) await options.onObservation?.(found);
  if (found.bag !== null) bag?.add(found.bag);
  evidence.add(found);
  return earlier !== null;
}

async function score(
  clip: AuditClip,
  model: AuditedModel,
  id: string | null,
  { signal }: AuditOptions,
  { plan }: CheckedSettings,
  bag: BagControl | null,
): Promise<ClipObservation | string> {
  const { scorer, labels, sequence } = model;
  const wish = { width: scorer.width, height: scorer.height, rule: sequence };
  const frames: ClipFrames | string = await framesOf(clip, wish);
  if (typeof frames === 'string') return frames;
  const unfit = unfitness(frames, wish, scorer.minimumFrames);
  if (unfit !== null) return unfit;
  const loaded = { name: clip.name, ...frames };
  const index = clip.label === null ? -1 : labels.indexOf(clip.label);
  const target = index < 0 ? null : index;
  const observed = await observeClip(scorer, loaded, target, plan, signal);
  return {
    model: model.name,
    clip: clip.name,
    id,
    label: clip.label,
    target,
    group: clip.group ?? null,
    frames: frames.frames,
    ...observed,
    bag: bag === null ? null : await bag.change(loaded, signal),
  };
}

/** Why a clip has no true class for a model, as the end of a sentence; null when it has. */
function strangeness({ label }: AuditClip, { labels }: AuditedModel): string | null {
  if (label === null || label === '') return 'it has no label';
  return labels.includes(label) ? null : `the recogniser has no label ${JSON.stringify(label)}`;
}

const BARS = { clips: 40, frames: 16, width: 16, height: 4 };

/** The direction-of-motion detector on clips of moving bars, which are there whatever the audit's clips show. */
async function motionControl(seed: number, signal?: AbortSignal): Promise<ControlResult> {
  const { sentence, verdict } = await audit({
    models: [{ name: 'direction of motion', scorer: directionOfMotion(BARS), labels: DIRECTIONS }],
    clips: movingBars({ ...BARS, seed }),
    conditions: [],
    seed,
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
  options: AuditOptions,
  settings: CheckedSettings,
  examined: readonly Examined[],
  controls: ControlResult[],
): AuditReport {
  const models = examined.map((subject) => modelAuditOf(subject, settings));
  return {
    format: AUDIT_REPORT_FORMAT,
    verdict: models[0]!.verdict,
    sentence: models[0]!.sentence,
    models,
    comparisons: comparisonsOf(examined, settings),
    synthesised: [...(options.synthesised ?? [])],
    controls,
    parameters: { clips: options.source ?? 'not told', ...settings.parameters },
    runtime: options.runtime ?? null,
    versions: { ...options.versions },
  };
}

function modelAuditOf({ model, evidence, skipped, unlabelled }: Examined, settings: CheckedSettings): ModelAudit {
  const { plan, parameters } = settings;
  const { clips } = evidence;
  const context: SummaryContext = {
    model: model.name,
    labels: model.labels,
    partners: model.partners ?? {},
    delta: parameters.delta,
    seed: parameters.seed,
    bootstrapDraws: parameters.bootstrapDraws,
  };
  const results = plan.conditions.map((condition) => summariseCondition(condition, evidence, context));
  const conditions = results.filter((result) => result !== null);
  const named = (name: string) => conditions.find((result) => result.name === name);
  const judgement = named('shuffle')?.judgement ?? nothingSeen(model.name);
  return {
    name: model.name,
    sha256: model.sha256 ?? null,
    verdict: judgement.verdict,
    sentence: judgement.sentence,
    path: model.scorer.frameWise === false ? 'full' : 'frame-wise',
    labels: model.labels.length,
    partners: { ...context.partners },
    clipsScored: clips.length,
    clipsLabelled: clips.filter(({ target }) => target !== null).length,
    groups: new Set(groupsOf(clips)).size,
    noiseFloor: noiseFloorOf(clips, context),
    tau: named('shuffle')?.accuracyLoss ?? null,
    kappa: named('static')?.accuracyLoss ?? null,
    conditions,
    conditionsLeftOut: plan.conditions
      .filter((_, i) => results[i] === null)
      .map(({ name, minFrames }) => ({ name, reason: `no clip has the ${minFrames} frames that it needs` })),
    decomposition: decompose(clips, context),
    reversal: summariseReversal(clips, context),
    reversalConfusion: confuseReversed(clips, context),
    classes: summariseClasses(evidence, context),
    clips: clips.map((clip) => describeClip(clip, context.labels)),
    unlabelled: [...unlabelled],
    skipped: [...skipped],
  };
}

/** For a model of comparison that could score no clip. */
function nothingSeen(model: string): { verdict: 'inconclusive'; sentence: string } {
  return { verdict: 'inconclusive', sentence: `inconclusive: no clip could be scored with ${model}.` };
}

function comparisonsOf(examined: readonly Examined[], { plan, parameters }: CheckedSettings): Comparison[] {
  const [first, ...others] = examined.map(({ model, evidence }) => ({ name: model.name, clips: evidence.clips }));
  const { seed, bootstrapDraws: draws } = parameters;
  return others.flatMap((other) =>
    plan.conditions
      .filter(({ permutation, name }) => permutation && name !== 'original')
      .flatMap(({ name }) => compareModels(first!, other, name, { seed, draws }) ?? []),
  );
}
