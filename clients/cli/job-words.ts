/** Jobs of a server as people read them: a table, or one in full. */
import type { Artifact, Job, JobWithHistory } from '../../src/protocol/index.js';
import { bytesWords } from './doctor/check.js';
import { columns, duration, facts, figure } from './format.js';

/** What a job is about, in a few words: a unit, units, a figure. */
function subject({ request, run }: Job): string {
  if (run !== null && 'unit' in run) return run.units ? run.units.map(({ label }) => label).join(', ') : run.unit.label;
  switch (request.kind) {
    case 'video':
      return String(request.unit ?? '');
    case 'image':
      return (request.units ?? []).join(', ');
    case 'figure':
      return request.figure;
    case 'batch':
      return request.units === 'all' ? 'all units' : `${request.units.length} units`;
    default:
      return '';
  }
}

const modelOf = ({ request }: Job): string => (request.kind === 'batch' ? request.job.model : (request.model ?? ''));

function progressWords({ state, progress, batch }: Job): string {
  if (batch !== null) return `${batch.succeeded}/${batch.jobs} jobs`;
  if (progress === null) return '';
  if (state === 'encoding') return `${progress.framesEncoded}/${progress.framesToEncode} encoded`;
  const { iteration, iterations, etaSeconds } = progress;
  const left = state === 'running' ? `, ${duration(etaSeconds)} left` : '';
  return `${iteration}/${iterations}${left}`;
}

const shortened = (text: string, length: number): string =>
  text.length <= length ? text : `${text.slice(0, length - 3)}...`;

export function jobTable(jobs: readonly Job[]): string {
  if (jobs.length === 0) return 'There are no such jobs.';
  const rows = jobs.map((job) => [
    ...[job.id, job.request.kind, job.state, modelOf(job), shortened(subject(job), 24), progressWords(job)],
    job.createdAt.slice(0, 19).replace('T', ' '),
  ]);
  return columns([['JOB', 'KIND', 'STATE', 'MODEL', 'UNIT', 'PROGRESS', 'CREATED (UTC)'], ...rows]);
}

export function jobInFull(job: Job | JobWithHistory, artifacts: readonly Artifact[]): string {
  const { id, request, state, error, parent, batch, createdAt, startedAt, endedAt, progress } = job;
  const took =
    startedAt === null || endedAt === null ? '' : duration((Date.parse(endedAt) - Date.parse(startedAt)) / 1000);
  const text = facts([
    ...([
      ['job', id],
      ['kind', request.kind],
      ['state', state],
      ['model', modelOf(job)],
      ['about', subject(job)],
    ] as const),
    ...([
      ['batch', parent ?? ''],
      ['jobs', batch ?? undefined],
      ['progress', progressWords(job)],
      ['activation', progress === null || request.kind === 'batch' ? '' : figure(progress.activation)],
      ['error', error === null ? '' : `${error.code}: ${error.message}`],
    ] as const),
    ...([
      ['created', createdAt],
      ['started', startedAt ?? ''],
      ['ended', endedAt ?? ''],
      ['took', took],
      ['request', JSON.stringify(request)],
    ] as const),
  ]);
  if (artifacts.length === 0) return text;
  return `${text}\n\nfiles\n${columns(artifacts.map(({ name, bytes }) => [`  ${name}`, bytesWords(bytes)]))}`;
}
