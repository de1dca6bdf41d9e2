/** An audit from files to a report: models from their packages, clips from videos, observations kept on the way. */
import { join } from 'node:path';
import { audit, type AuditedModel, type AuditProgress } from '../../engine/audit/audit.js';
import type { AuditClip, UnusableClip } from '../../engine/audit/clip-source.js';
import { RecogniserScorer } from '../../engine/audit/recogniser-scorer.js';
import { checkedSettings, type AuditSettings } from '../../engine/audit/settings.js';
import type { RecogniserPackage } from '../../engine/models/recogniser.js';
import type { ModelRegistry } from '../../engine/models/registry.js';
import { openRuntime } from '../../engine/runtimes/open.js';
import type { Runtime } from '../../engine/runtimes/runtime.js';
import { NeuroreelError, type AuditReport } from '../../protocol/index.js';
import type { FrameCache } from '../../video/index.js';
import {
  ClipReader,
  findFfmpeg,
  isVideoName,
  listClips,
  MOST_FRAMES,
  type ClipFile,
  type FfmpegBinary,
} from '../../video/index.js';
import { packageVersion } from '../package-root.js';
import { ObservationsFile } from './observations.js';
import { auditSynthesised } from './synthesised-videos.js';

export interface AuditRun extends AuditSettings {
  readonly registry: ModelRegistry;
  readonly model: string;
  /** Models to compare it with. */
  readonly compare?: readonly string[] | undefined;
  /** A folder of class folders or a list of clips; the model's own clips when absent. */
  readonly clips?: string | undefined;
  /** What these are called in the report and in errors; their path when absent. */
  readonly clipsName?: string | undefined;
  /** Folders with preferred videos that are audited as well. */
  readonly synthesised?: readonly string[] | undefined;
  /** Frames of a clip that are taken at most, 2 to 1000000; default 2048. */
  readonly frames?: number | undefined;
  /** `full` runs the whole network for every order. */
  readonly path?: 'auto' | 'full' | undefined;
  readonly runtime: string;
  /** `auto` when absent. */
  readonly device?: string | undefined;
  readonly threads?: number | undefined;
  /** File to keep observations in, to go on from after an interruption; absent: they are not kept. */
  readonly observations?: string | undefined;
  /** Whether what an earlier audit left in that file is forgotten. */
  readonly anew?: boolean | undefined;
  readonly cache?: FrameCache | null | undefined;
  readonly onStarted?: ((facts: AuditFacts) => void) | undefined;
  readonly onProgress?: ((progress: AuditProgress) => void) | undefined;
  /** Told of what is worth knowing but no result. */
  readonly onNote?: ((words: string) => void) | undefined;
  readonly betweenClips?: (() => Promise<void>) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What is known when the models are open and the clips are listed. */
export interface AuditFacts {
  readonly clips: number;
  readonly models: readonly string[];
  readonly conditions: readonly string[];
  readonly permutations: number;
  readonly runtime: string;
  /** Observations of an earlier, interrupted run that are there. */
  readonly found: number;
}

/**
 * Audits recognisers.
 * @throws {NeuroreelError} MODEL_UNKNOWN, MODEL_INVALID, MODEL_HASH_MISMATCH, REQUEST_INVALID, RUNTIME_UNAVAILABLE,
 *   FFMPEG_MISSING, and what the audit throws; the signal's reason when aborted
 */
export async function runAudit(run: AuditRun): Promise<AuditReport> {
  const { registry, signal } = run;
  const { parameters } = checkedSettings(run);
  const packages = [run.model, ...(run.compare ?? [])].map((name) => registry.loadRecogniser(name));
  const source = clipSource(run, packages[0]!);
  const files = await listClips(source.path, source.words);
  const ffmpeg = await findFfmpeg();
  const runtime = await openRuntime(run.runtime, run.device);
  const kept = await openObservations(run, packages, runtime, ffmpeg);
  const models = packages.map((model) => auditedModel(model, runtime, run));
  run.onStarted?.({
    clips: files.length,
    models: packages.map(({ manifest }) => manifest.name),
    conditions: parameters.conditions,
    permutations: parameters.permutations,
    runtime: runtime.description,
    found: kept?.size ?? 0,
  });
  try {
    const reader = new ClipReader({ ffmpeg, cache: run.cache, most: run.frames, onCut: run.onNote, signal });
    const audited = models.map(({ model }) => model);
    const { permutations, seed } = parameters;
    const { onNote } = run;
    return await audit({
      ...run,
      models: audited,
      synthesised: await auditSynthesised(run.synthesised ?? [], audited, {
        ffmpeg,
        permutations,
        seed,
        signal,
        onNote,
      }),
      clips: files.map((file) => clipOf(file, reader)),
      total: files.length,
      source: source.words,
      earlier: kept === null ? undefined : (model, clip, id) => kept.find(model, clip, id),
      onObservation: (observation) => kept?.add(observation),
      runtime: runtime.description,
      versions: { neuroreel: packageVersion, node: process.versions.node, ffmpeg: ffmpeg.version },
    });
  } finally {
    for (const { scorer } of models) await scorer.close();
    await kept?.close();
  }
}

function auditedModel(
  model: RecogniserPackage,
  runtime: Runtime,
  { threads, path }: AuditRun,
): { model: AuditedModel; scorer: RecogniserScorer } {
  const { name, labels, partners, sequence } = model.manifest;
  const scorer = new RecogniserScorer(model, runtime, { threads, path });
  return { scorer, model: { name, sha256: model.sha256, scorer, labels, partners, sequence } };
}

function clipSource(
  { clips, clipsName = clips }: Pick<AuditRun, 'clips' | 'clipsName'>,
  model: RecogniserPackage,
): { path: string; words: string } {
  const { name, clips: own } = model.manifest;
  if (clips !== undefined) return { path: clips, words: clipsName! };
  if (own !== undefined) return { path: join(model.directory, own), words: `the clips that ${name} brings` };
  throw new NeuroreelError('REQUEST_INVALID', `${name} brings no clips of its own: name a folder or a list of clips.`);
}

function clipOf(file: ClipFile, reader: ClipReader): AuditClip | UnusableClip {
  const { name, label, group } = file;
  if (!isVideoName(file.path)) return { name, unusable: 'its name is not that of a video' };
  return {
    name,
    label,
    ...(group !== null && { group }),
    read: ({ width, height, rule }) =>
      reader.read(file, { width, height, thin: rule?.rule === 'spread' ? 'evenly' : 'from-start' }),
    identity: () => reader.hash(file),
  };
}

/** Observations may only go together when everything that they depend on is the same. */
async function openObservations(
  run: AuditRun,
  packages: readonly RecogniserPackage[],
  runtime: Runtime,
  ffmpeg: FfmpegBinary,
): Promise<ObservationsFile | null> {
  if (run.observations === undefined) return null;
  const { plan } = checkedSettings(run);
  const identity = {
    models: packages.map(({ manifest, sha256 }) => ({ name: manifest.name, sha256 })),
    conditions: plan.conditions.map(({ name }) => name),
    permutations: plan.permutations,
    crops: plan.crops,
    seed: plan.seed,
    frames: run.frames ?? MOST_FRAMES,
    path: run.path ?? 'auto',
    runtime: runtime.description,
    ffmpeg: ffmpeg.version,
  };
  return ObservationsFile.open(run.observations, identity, run.anew ?? false);
}
