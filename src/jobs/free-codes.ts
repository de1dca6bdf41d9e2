/** What a sequence costs: the same run with a code of its own for each frame, and nothing that keeps them smooth. */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { Synthesis } from '../engine/synthesis/synthesise.js';
import type { SynthesisCheckpoint, SynthesisResult } from '../engine/synthesis/types.js';
import type { SynthesisOverrides, VideoReport } from '../protocol/index.js';
import { KeptRuns } from './unit-batch/kept-runs.js';
import type { JobContext } from './worker-contract.js';

/** Settings of the run with free codes. */
export const freeSettings = (settings: SynthesisOverrides = {}): SynthesisOverrides => ({
  ...settings,
  sequence: { form: 'free' },
  penalties: { ...settings.penalties, smoothness: 0, acceleration: 0, pace: 0 },
});

type Open = (settings: SynthesisOverrides, resume?: SynthesisCheckpoint) => Promise<Synthesis>;

/**
 * Makes the run with free codes, from where an earlier worker left it; it is kept in the work folder.
 * @param settings of the request
 * @throws {NeuroreelError} what the engine throws
 * @throws {JobCanceled} when the job was cancelled
 */
export async function freeCodes(
  context: Pick<JobContext, 'work' | 'checkpointSeconds' | 'betweenSteps'>,
  settings: SynthesisOverrides | undefined,
  seed: number,
  open: Open,
): Promise<SynthesisResult> {
  const keeper = new KeptRuns(join(context.work, 'free'));
  let run = await open(freeSettings(settings));
  const { model, prior, unit, runtime, settings: complete } = run.report();
  const about = JSON.stringify([model, prior, unit, runtime, complete]);
  const identity = createHash('sha256').update(about).digest('hex');
  const kept = await keeper.load(seed, identity);
  try {
    if (kept) {
      await run.close();
      run = await open(freeSettings(settings), kept);
    }
    let saved = performance.now();
    for (;;) {
      await context.betweenSteps();
      if ((await run.step({ pixels: false })) === null) break;
      if (performance.now() - saved < context.checkpointSeconds * 1000) continue;
      await keeper.save(seed, identity, run.checkpoint());
      saved = performance.now();
    }
    await keeper.save(seed, identity, run.checkpoint());
    return await run.finish();
  } finally {
    await run.close();
  }
}

/** For the report. */
export function freeReport(
  result: SynthesisResult,
  free: SynthesisResult,
  unit: number,
): NonNullable<VideoReport['freeCodes']> {
  return {
    activation: free.activation,
    probability: free.probabilities[unit] ?? null,
    smoothness: free.smoothness,
    cost: free.activation - result.activation,
  };
}
