/** Runs the probe on clips from disk, with progress. */
import { join, resolve } from 'node:path';
import { probe } from '../../src/engine/audit/probe.js';
import { RecogniserScorer } from '../../src/engine/audit/recogniser-scorer.js';
import type { ModelRegistry } from '../../src/engine/models/registry.js';
import { openRuntime } from '../../src/engine/runtimes/open.js';
import { packageVersion } from '../../src/jobs/package-root.js';
import { NeuroreelError, type ProbeReport } from '../../src/protocol/index.js';
import { findFfmpeg } from '../../src/video/ffmpeg-binary.js';
import { listClips, MOST_FRAMES, readClips } from './clips.js';
import { duration } from './format.js';
import type { Output } from './output.js';

export interface ProbeRun {
  readonly model: string;
  /** A folder of class folders; the model's own clips when absent. */
  readonly clips?: string | undefined;
  readonly permutations?: number | undefined;
  readonly delta?: number | undefined;
  readonly seed?: number | undefined;
  /** Frames of a clip that are taken at most. */
  readonly frames?: number | undefined;
  readonly runtime: string;
  readonly device: string;
  readonly threads?: number | undefined;
  readonly signal: AbortSignal;
}

/**
 * Probes a recogniser.
 * @throws {NeuroreelError} MODEL_UNKNOWN, MODEL_INVALID, MODEL_HASH_MISMATCH, REQUEST_INVALID, RUNTIME_UNAVAILABLE,
 *   FFMPEG_MISSING, and what the probe throws; the signal's reason when aborted
 */
export async function runProbe(out: Output, registry: ModelRegistry, options: ProbeRun): Promise<ProbeReport> {
  const model = registry.loadRecogniser(options.model);
  const { manifest, directory, sha256 } = model;
  const folder = clipFolder(options, manifest.clips === undefined ? null : join(directory, manifest.clips));
  const files = await listClips(folder);
  const { version } = await findFfmpeg();
  const runtime = await openRuntime(options.runtime, options.device);
  const scorer = new RecogniserScorer(model, runtime, options.threads);
  const { permutations, delta, seed, frames: most = MOST_FRAMES, signal } = options;
  const bar = out.progress('probing', files.length);
  const started = performance.now();
  try {
    return await probe({
      model: { name: manifest.name, sha256 },
      scorer,
      clips: readClips(files, { manifest, most, signal, onCut: (words) => out.note(words) }),
      labels: manifest.labels,
      partners: manifest.partners,
      permutations,
      delta,
      seed,
      runtime: runtime.description,
      versions: { neuroreel: packageVersion, node: process.versions.node, ffmpeg: version },
      onProgress({ done, clip }) {
        const left = ((performance.now() - started) / 1000 / done) * (files.length - done);
        bar.update(done, `clips  ${clip}  ETA ${duration(left)}`);
      },
      signal,
    });
  } finally {
    out.endProgress();
    await scorer.close();
  }
}

function clipFolder({ clips, model }: ProbeRun, own: string | null): string {
  if (clips !== undefined) return resolve(clips);
  if (own !== null) return own;
  throw new NeuroreelError(
    'REQUEST_INVALID',
    `${model} brings no clips of its own: name a folder of clips with --clips.`,
  );
}
