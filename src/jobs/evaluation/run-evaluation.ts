/** An evaluation from models to a report: preferred pictures or videos of units are made, judged and compared with real ones. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { FeatureReader } from '../../engine/evaluation/features.js';
import { summarise, summariseReal } from '../../engine/evaluation/summary.js';
import { generatorPrior } from '../../engine/models/prior.js';
import { isClassifier, unitIndex, type ModelRegistry } from '../../engine/models/registry.js';
import { openRuntime } from '../../engine/runtimes/open.js';
import type { Runtime } from '../../engine/runtimes/runtime.js';
import {
  isWithoutGenerator,
  PIXELS,
  EVALUATION_FORMAT,
  evaluationReport,
  NeuroreelError,
  parseWith,
  type EvaluatedUnit,
  type EvaluationReport,
  type SynthesisOverrides,
} from '../../protocol/index.js';
import type { FrameSequence } from '../../video/index.js';
import { packageVersion } from '../package-root.js';
import { KeptRuns } from '../unit-batch/kept-runs.js';
import { realSource, type EvaluatedModel, type RealExample, type RealSource } from './examples.js';
import { makeExamples, type MakeSettings } from './make.js';
import { measureMade, measureReal, type Bench, type Placed, type RealMeasures } from './measure.js';
import { openViewer } from './scoring.js';

export interface EvaluationRun {
  readonly registry: ModelRegistry;
  readonly model: string;
  /** The model's own when absent. */
  readonly prior?: string | undefined;
  readonly preset: string;
  /** Replace settings of the preset, of what is made with the prior. */
  readonly settings?: SynthesisOverrides | undefined;
  readonly iterations?: number | undefined;
  /** Folder for runs that were interrupted: the same evaluation goes on with them; nothing is kept when absent. */
  readonly work?: string | undefined;
  /** Indices or labels; all when absent. */
  readonly units?: readonly (string | number)[] | undefined;
  /** Examples of a unit, each from a start of its own, 1 to 64. */
  readonly starts: number;
  readonly seed: number;
  /** Frames of a video; as many as the first real clip has when absent. */
  readonly frames?: number | undefined;
  /** Networks that take no part in the synthesis. */
  readonly judges: readonly string[];
  /** Folder or archive of real examples; the clips that the model brings when absent. */
  readonly real?: string | undefined;
  /** Real examples of a class that are taken at most. */
  readonly examples: number;
  /** Whether the pixels themselves are optimised as well. */
  readonly baseline: boolean;
  readonly runtime: string;
  readonly device?: string | undefined;
  readonly threads?: number | undefined;
  readonly onStarted?: ((units: number) => void) | undefined;
  readonly onStep?: ((label: string, iteration: number, iterations: number) => void) | undefined;
  readonly onUnit?: ((done: number, label: string) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What a unit's pictures are drawn from. */
export interface UnitPictures {
  readonly label: string;
  readonly real: readonly Placed[];
  readonly prior: readonly FrameSequence[];
  readonly baseline: readonly FrameSequence[];
  /** Clips of real examples by name. */
  readonly realByName: ReadonlyMap<string, FrameSequence>;
}

export interface Evaluation {
  readonly report: EvaluationReport;
  readonly pictures: readonly UnitPictures[];
}

/**
 * Evaluates a model and its prior.
 * @throws {NeuroreelError} MODEL_UNKNOWN, UNIT_UNKNOWN, REQUEST_INVALID, and what a synthesis throws; the signal's reason
 */
export async function runEvaluation(run: EvaluationRun): Promise<Evaluation> {
  const began = performance.now();
  const model = run.registry.loadWithUnits(run.model);
  const { labels } = model.manifest;
  const units = (run.units ?? labels).map((unit) => unitIndex(model.manifest, unit));
  const judges = run.judges.map((name) => judgeFor(run, model, name));
  const source = await realSource(model, run.real, run.examples, run.signal);
  const runtime = await openRuntime(run.runtime, run.device);
  const bench = await openBench(run, model, judges, runtime);
  run.onStarted?.(units.length);
  try {
    const done: { unit: EvaluatedUnit; pictures: UnitPictures; real: RealMeasures }[] = [];
    for (const unit of units) {
      run.signal?.throwIfAborted();
      done.push(await evaluateUnit(run, model, unit, bench, source, runtime));
      run.onUnit?.(done.length, labels[unit]!);
    }
    const report = reportOf(run, model, bench, source, done, runtime, (performance.now() - began) / 1000);
    if (run.work !== undefined) await rm(run.work, { recursive: true, force: true });
    return { report, pictures: done.map(({ pictures }) => pictures) };
  } finally {
    for (const viewer of [bench.model, ...bench.judges]) await viewer.close();
    await bench.features.close();
  }
}

function judgeFor({ registry }: EvaluationRun, model: EvaluatedModel, name: string): EvaluatedModel {
  const judge = registry.loadWithUnits(name);
  const { kind } = model.manifest;
  if (judge.manifest.kind !== kind) {
    throw new NeuroreelError(
      'REQUEST_INVALID',
      `${name} is no ${kind}: it cannot judge what ${model.manifest.name} sees.`,
    );
  }
  if (judge.sha256 === model.sha256) {
    throw new NeuroreelError('REQUEST_INVALID', `${name} is the model itself: a judge has to be another network.`);
  }
  return judge;
}

async function openBench(
  run: EvaluationRun,
  model: EvaluatedModel,
  judges: readonly EvaluatedModel[],
  runtime: Runtime,
): Promise<Bench> {
  const name = run.prior ?? model.manifest.defaults.prior;
  const prior = isWithoutGenerator(name) ? null : generatorPrior(run.registry.loadPrior(name));
  return {
    model: await openViewer(model, runtime, run.threads),
    judges: await Promise.all(judges.map((judge) => openViewer(judge, runtime, run.threads))),
    features: await FeatureReader.open(model, prior, runtime, run.threads),
    pictures: isClassifier(model),
  };
}

async function evaluateUnit(
  run: EvaluationRun,
  model: EvaluatedModel,
  unit: number,
  bench: Bench,
  source: RealSource,
  runtime: Runtime,
): Promise<{ unit: EvaluatedUnit; pictures: UnitPictures; real: RealMeasures }> {
  const label = model.manifest.labels[unit]!;
  const partner = (model.manifest.kind === 'recogniser' && model.manifest.partners[label]) || null;
  const examples = await source.of(label);
  const others = partner === null ? [] : await source.of(partner);
  const real = await measureReal(bench, { index: unit, own: label, partner }, examples, others);
  const settings: MakeSettings = {
    ...{ registry: run.registry, model, preset: run.preset, settings: run.settings, iterations: run.iterations },
    ...{ prior: run.prior, runtime, seed: run.seed, starts: run.starts, threads: run.threads, signal: run.signal },
    keeper: keeperOf(run, `${unit}-prior`),
    onStep: (iteration, iterations) => run.onStep?.(label, iteration, iterations),
    frames: run.frames ?? examples[0]?.clip.count ?? 32,
  };
  const made = await makeExamples(unit, settings);
  const prior = await measureMade(bench, unit, made, real, run.preset);
  // Without a prior of its own there is nothing to compare with.
  const without = { ...settings, prior: PIXELS, settings: undefined, keeper: keeperOf(run, `${unit}-pixels`) };
  const bare = run.baseline && made.prior !== null ? await makeExamples(unit, without) : null;
  const baseline = bare && (await measureMade(bench, unit, bare, real, run.preset));
  return {
    unit: { index: unit, label, partner, real: real.report, prior: prior.method, baseline: baseline?.method ?? null },
    pictures: picturesOf(label, examples, real, made.clips, bare?.clips ?? []),
    real,
  };
}

const keeperOf = ({ work }: EvaluationRun, name: string): KeptRuns | undefined =>
  work === undefined ? undefined : new KeptRuns(join(work, name));

type Clips = readonly { readonly clip: FrameSequence }[];

function picturesOf(
  label: string,
  examples: readonly RealExample[],
  real: RealMeasures,
  made: Clips,
  bare: Clips,
): UnitPictures {
  return {
    label,
    real: real.placed,
    prior: made.map(({ clip }) => clip),
    baseline: bare.map(({ clip }) => clip),
    realByName: new Map(examples.map(({ name, clip }) => [name, clip])),
  };
}

type Done = readonly { readonly unit: EvaluatedUnit; readonly real: RealMeasures }[];

function reportOf(
  run: EvaluationRun,
  model: EvaluatedModel,
  bench: Bench,
  source: RealSource,
  done: Done,
  runtime: Runtime,
  seconds: number,
): EvaluationReport {
  const units = done.map(({ unit }) => unit);
  const names = bench.judges.map(({ name }) => name);
  const { name, kind, labels } = model.manifest;
  const pictures = kind === 'classifier';
  return parseWith(
    evaluationReport,
    {
      format: EVALUATION_FORMAT,
      model: { name, sha256: model.sha256, kind, labels: labels.length },
      judges: bench.judges.map(({ name: judge, sha256 }) => ({ name: judge, sha256, ...wordsFor(judge, done) })),
      real: source.words,
      parameters: {
        ...{ starts: run.starts, seed: run.seed, preset: run.preset, examples: run.examples, baseline: run.baseline },
        frames: pictures ? null : (run.frames ?? null),
        ...{ iterations: run.iterations ?? null, settings: run.settings ?? null },
      },
      summary: {
        prior: summarise(units, names, (unit) => unit.prior),
        baseline: summarise(units, names, (unit) => unit.baseline),
        real: summariseReal(units, names),
      },
      units,
      runtime: runtime.description,
      versions: { neuroreel: packageVersion, node: process.versions.node },
      seconds,
    },
    'INTERNAL',
  );
}

/** What a judge has no word for, and what it calls the same. */
function wordsFor(judge: string, done: Done): { unknown: string[]; shared: string[][] } {
  const byWord = new Map<number | null, string[]>();
  for (const { unit, real } of done) {
    const { own } = real.words.get(judge)!;
    byWord.set(own, [...(byWord.get(own) ?? []), unit.label]);
  }
  const unknown = byWord.get(null) ?? [];
  byWord.delete(null);
  return { unknown, shared: [...byWord.values()].filter((labels) => labels.length > 1) };
}
