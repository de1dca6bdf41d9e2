/** The kind `audit`, as it runs in a worker: clips through recognisers -> report, page, tables, plots. */
import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { AuditProgress } from '../../engine/audit/audit.js';
import { ModelRegistry } from '../../engine/models/registry.js';
import type { AuditJobRequest } from '../../protocol/index.js';
import { writeAuditFiles } from '../../report/write-audit.js';
import { FrameCache } from '../../video/index.js';
import { deviceOf, type EngineSettings } from '../kinds.js';
import type { ClipReport, JobContext } from '../worker-contract.js';
import { clipSet } from './clip-sets.js';
import { OBSERVATIONS_FILE } from './observations.js';
import { runAudit } from './run-audit.js';

export { prepareEngine as prepare } from '../prepare-engine.js';

type Context = JobContext<AuditJobRequest, EngineSettings>;

/**
 * Does an audit job. Observations are kept in the work folder: taken up again, the job scores no clip twice, and its
 * report is that of a job that was not interrupted.
 * @throws {NeuroreelError} what `runAudit` throws
 * @throws {JobCanceled} when the job was cancelled
 */
export async function run(context: Context): Promise<void> {
  const { request, settings, work, folder, signal } = context;
  const { model, compare, conditions, permutations, delta, seed, crops, frames } = request;
  const observations = join(work, OBSERVATIONS_FILE);
  const { frameCacheFolder, clipFolders = [], runtime, threads } = settings;
  const pace = new ClipPace();
  const report = await runAudit({
    ...{ model, compare, conditions, permutations, delta, seed, crops, frames, runtime, threads, observations, signal },
    device: deviceOf(request, settings),
    registry: ModelRegistry.open({ folders: settings.modelFolders }),
    clips: request.clips === undefined ? undefined : clipSet(clipFolders, request.clips),
    clipsName: request.clips,
    cache: frameCacheFolder === undefined ? null : new FrameCache(frameCacheFolder),
    onStarted: (facts) => context.started({ ...facts, models: [...facts.models], conditions: [...facts.conditions] }),
    onProgress: (progress) => context.clip(pace.reportOf(progress)),
    betweenClips: () => context.betweenSteps(),
  });
  context.encoding(0, 1);
  await writeAuditFiles(folder, report, (done, of) => context.encoding(done, of));
  await copyFile(observations, join(folder, OBSERVATIONS_FILE));
}

/** How long clips take. */
class ClipPace {
  #last = performance.now();

  reportOf({ done, total, resumed, model, clip, skipped, flipRate, noiseFloor }: AuditProgress): ClipReport {
    const now = performance.now();
    const seconds = resumed ? null : (now - this.#last) / 1000;
    this.#last = now;
    return { done, total: total ?? done, seconds, audit: { model, clip, skipped, flipRate, noiseFloor } };
  }
}
