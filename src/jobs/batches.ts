/** Batches: what jobs a batch consists of, and what their states make of it. */
import {
  MAX_BATCH,
  NeuroreelError,
  parseWith,
  jobId,
  jobRequest,
  type BatchJobRequest,
  type Job,
  type JobProgress,
  type JobRequest,
  type JobState,
  type ModelSummary,
} from '../protocol/index.js';

export interface BatchPart {
  readonly id: string;
  readonly request: JobRequest;
}

type Unit = number | string;

/**
 * The jobs of a batch, in order, with ids `BATCH.0001` and so on.
 * @param model of the batch's template
 * @throws {NeuroreelError} REQUEST_INVALID for too many or repeated units, and for an id that is too long to number
 */
export function partsOf(id: string, request: BatchJobRequest, model: ModelSummary): BatchPart[] {
  const units: Unit[] = request.units === 'all' ? model.labels.map((_, index) => index) : request.units;
  if (units.length === 0 || units.length > MAX_BATCH) {
    throw refused(`A batch has 1 to ${MAX_BATCH} units, not ${units.length}.`);
  }
  const indices = units.map((unit) => (typeof unit === 'number' ? unit : model.labels.indexOf(unit)));
  const twice = units.find((_, i) => indices.indexOf(indices[i]!) !== i);
  if (twice !== undefined) throw refused(`The unit ${JSON.stringify(twice)} is in the batch twice.`);
  return units.map((unit, i) => {
    const part = `${id}.${String(i + 1).padStart(4, '0')}`;
    if (!jobId.safeParse(part).success) throw refused(`The id ${id} is too long for a batch: 59 characters at most.`);
    const which = request.job.kind === 'image' ? { units: [unit] } : { unit };
    return { id: part, request: parseWith(jobRequest, { ...request.job, ...which }) };
  });
}

function refused(message: string): NeuroreelError {
  return new NeuroreelError('REQUEST_INVALID', message);
}

/** How many jobs of a batch ended how. */
export function countsOf(states: readonly JobState[]): NonNullable<Job['batch']> {
  const count = (state: JobState): number => states.filter((one) => one === state).length;
  return {
    jobs: states.length,
    succeeded: count('succeeded'),
    failed: count('failed'),
    canceled: count('canceled'),
  };
}

/** Progress of a batch: jobs that ended as its iterations. @param seconds wall-clock seconds of a job, so far */
export function progressOf(counts: NonNullable<Job['batch']>, seconds: number): JobProgress {
  const done = counts.succeeded + counts.failed + counts.canceled;
  return {
    ...{ iteration: done, iterations: counts.jobs, activation: 0, smoothness: 0 },
    ...{ secondsPerIteration: seconds, etaSeconds: seconds * (counts.jobs - done) },
    ...{ framesEncoded: 0, framesToEncode: 0 },
  };
}

/** The error of a batch whose jobs have ended, not all of them well; null when they have. */
export function errorOf(
  id: string,
  { jobs, succeeded, failed, canceled }: NonNullable<Job['batch']>,
): NeuroreelError | null {
  if (succeeded === jobs) return null;
  const message = `Of the ${jobs} jobs of ${id}, ${failed} failed and ${canceled} were cancelled.`;
  return new NeuroreelError('BATCH_INCOMPLETE', message);
}
