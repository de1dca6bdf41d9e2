/** What the page says about how far a job is. */
import type { Job, JobProgress } from '../../../src/protocol/jobs.js';
import { duration, hasEnded } from '../shared/words.js';

/** Words and share of the bar: iterations first, then encoded frames. `one` is what an iteration is called. */
export function progressOf(job: Job, progress: JobProgress | null, one = 'iteration'): [label: string, share: number] {
  const inAll = job.run !== null && 'iterations' in job.run ? job.run.iterations : 0;
  const { iteration = 0, iterations = inAll, framesEncoded = 0, framesToEncode = 0 } = progress ?? {};
  const reached = iterations === 0 ? 0 : iteration / iterations;
  const after = `after ${iteration} ${one}s`;
  switch (job.state) {
    case 'queued':
      return [iteration > 0 ? 'Interrupted; goes on in its turn' : 'Waiting for the job before it', reached];
    case 'starting':
      return ['Opening the models', reached];
    case 'encoding':
      return [`Writing: ${framesEncoded} of ${framesToEncode}`, framesEncoded / Math.max(1, framesToEncode)];
    case 'succeeded':
      return ['Finished', 1];
    case 'failed':
      return [iteration > 0 ? `Failed ${after}` : 'Failed', reached];
    case 'canceled':
      return [iteration > 0 ? `Cancelled ${after}` : 'Cancelled before it ran', reached];
    default:
      return [
        iterations > 0 ? `${one.charAt(0).toUpperCase()}${one.slice(1)} ${iteration} of ${iterations}` : 'Running',
        reached,
      ];
  }
}

/** Time left, or taken when it is over: a name and a value. */
export function timeOf(
  { state, startedAt, endedAt }: Job,
  progress: JobProgress | null,
): [name: string, value: string] {
  if (!hasEnded(state)) return ['Time left', progress === null ? '–' : duration(progress.etaSeconds)];
  const known = startedAt !== null && endedAt !== null;
  return ['Time taken', known ? duration((Date.parse(endedAt) - Date.parse(startedAt)) / 1000) : '–'];
}
