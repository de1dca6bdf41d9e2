/** Keeps a synthesis as a job's checkpoint, and opens it again where it was, if it is still the same one. */
import type { Synthesis } from '../engine/synthesis/synthesise.js';
import type { SynthesisCheckpoint } from '../engine/synthesis/types.js';
import { NeuroreelError } from '../protocol/index.js';
import type { JobContext } from './worker-contract.js';

/** What a checkpoint belongs to: with other models or another runtime, the bytes would be none that a whole run gives. */
interface Facts {
  /** All of the engine's checkpoint but its numbers. */
  readonly rest: Omit<SynthesisCheckpoint, 'iteration' | 'arrays'>;
  readonly of: string;
}

function identity(synthesis: Synthesis): string {
  const { model, prior } = synthesis.report();
  return JSON.stringify([model, prior, synthesis.runtime]);
}

/** To be awaited before each step. */
export async function keepSynthesis(context: Pick<JobContext, 'keep'>, synthesis: Synthesis): Promise<void> {
  const { iteration, arrays, ...rest } = synthesis.checkpoint();
  const facts: Facts = { rest, of: identity(synthesis) };
  await context.keep({ iteration, arrays, facts });
}

/**
 * Opens a synthesis with what an earlier worker kept; from the beginning where that is nothing, or was kept of another
 * model.
 */
export async function openWhereItWas(
  context: Pick<JobContext, 'kept' | 'note'>,
  open: (resume: SynthesisCheckpoint | undefined) => Promise<Synthesis>,
): Promise<Synthesis> {
  const kept = await context.kept();
  if (kept === null) return open(undefined);
  const { rest, of } = kept.facts as Facts;
  try {
    const synthesis = await open({ iteration: kept.iteration, arrays: kept.arrays, ...rest });
    if (identity(synthesis) === of) return synthesis;
    await synthesis.close();
  } catch (error) {
    // Arrays that do not fit the model any more.
    if (!(error instanceof NeuroreelError || error instanceof RangeError)) throw error;
  }
  context.note('A model or the runtime was changed since the job was interrupted: it starts from its beginning.');
  return open(undefined);
}
