/** A line of facts about the request of a job. */
import type { Job, JobRequest } from '../../../src/protocol/jobs.js';

type Of<K extends JobRequest['kind']> = Extract<JobRequest, { kind: K }>;

const FACTS: { readonly [K in JobRequest['kind']]: (request: Of<K>, job: Job) => readonly string[] } = {
  video: ({ model, layer, frames, preset, seed }, { run }) => [
    run !== null && 'unit' in run ? `unit ${run.unit.index} of ${model}` : model,
    ...(layer === undefined ? [] : [`layer ${layer}`]),
    `${frames} frames`,
    `preset ${preset}`,
    `seed ${seed}`,
  ],
  image: ({ model, layer, starts, preset, seed }) => [
    model,
    ...(layer === undefined ? [] : [`layer ${layer}`]),
    ...(starts === 1 ? [] : [`${starts} starts`]),
    `preset ${preset}`,
    `seed ${seed}`,
  ],
  figure: ({ figure, model, units, preset, seed }, { run }) => [
    ...(run !== null && 'title' in run ? [`figure ${figure}`] : []),
    ...(model === undefined ? [] : [model]),
    ...(units === undefined ? [] : [`${units.length} ${units.length === 1 ? 'unit' : 'units'}`]),
    ...(preset === undefined ? [] : [`preset ${preset}`]),
    `seed ${seed}`,
  ],
  batch: ({ job: { kind, preset, seed } }) => [`${kind} of each`, `preset ${preset}`, `seed ${seed}`],
  audit: ({ clips, permutations, delta, seed }, { run }) => [
    run !== null && 'clips' in run ? `${run.clips} clips` : (clips ?? "the model's clips"),
    `${permutations} orders each`,
    `delta ${100 * delta} %`,
    `seed ${seed}`,
  ],
};

export function factsOf(job: Job): string {
  const facts = FACTS[job.request.kind] as (request: JobRequest, job: Job) => readonly string[];
  return facts(job.request, job).join(' · ');
}
