/** Runs an audit for a command, with its progress. */
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { AuditProgress } from '../../src/engine/audit/audit.js';
import type { ModelRegistry } from '../../src/engine/models/registry.js';
import { runAudit, type AuditRun } from '../../src/jobs/audit/run-audit.js';
import type { AuditReport } from '../../src/protocol/index.js';
import { FrameCache } from '../../src/video/index.js';
import type { Output } from './output.js';
import type { Environment } from './settings.js';

/** Where decoded frames are kept for the next time: `neuroreel/frames` in the XDG cache folder. */
export function frameCacheFolder(env: Environment = process.env): string {
  return join(env['XDG_CACHE_HOME'] || join(env['HOME'] || homedir(), '.cache'), 'neuroreel', 'frames');
}

/** The cache of decoded frames; null when it is to hold nothing. */
export function frameCache(megabytes: number, env: Environment = process.env): FrameCache | null {
  return megabytes === 0 ? null : new FrameCache(frameCacheFolder(env), megabytes * 1e6);
}

export type CliAudit = Omit<AuditRun, 'registry' | 'onStarted' | 'onProgress' | 'onNote'>;

/** Audits, and shows how far it is. Throws what `runAudit` throws. */
export async function auditWithProgress(out: Output, registry: ModelRegistry, run: CliAudit): Promise<AuditReport> {
  let bar: ReturnType<Output['progress']> | null = null;
  let started = performance.now();
  let fresh = 0;
  try {
    return await runAudit({
      ...run,
      registry,
      onStarted({ clips, models, found }) {
        if (found > 0) out.note(`${found} observations of an interrupted audit are taken over.`);
        bar = out.progress('auditing', clips * models.length);
        started = performance.now();
      },
      onProgress(progress) {
        if (!progress.resumed) fresh++;
        const left = progress.total === null ? null : progress.total - progress.done;
        const each = (performance.now() - started) / 1000 / Math.max(1, fresh);
        bar?.update(progress.done, progressWords(progress), left === null ? null : left * each);
      },
      onNote: (words) => out.note(words),
    });
  } finally {
    out.endProgress();
  }
}

function progressWords({ clip, flipRate }: AuditProgress): string {
  const flips = flipRate === null ? '' : `  flips ${(100 * flipRate).toFixed(1)} %`;
  return `clips  ${clip}${flips}`;
}
