/** Numbers and states as people read them. */
import type { Job, JobRequest, JobState } from '../../../src/protocol/jobs.js';
import { modelNamed } from './models.js';

export const STATES: Readonly<Record<JobState, string>> = {
  queued: 'waiting',
  starting: 'starting',
  running: 'running',
  paused: 'paused',
  encoding: 'encoding',
  succeeded: 'finished',
  failed: 'failed',
  canceled: 'cancelled',
};

const FINAL: readonly JobState[] = ['succeeded', 'failed', 'canceled'];
export const hasEnded = (state: JobState): boolean => FINAL.includes(state);

/** @param seconds 0 or more */
export function duration(seconds: number): string {
  const whole = Math.round(seconds);
  const two = (value: number): string => String(value).padStart(2, '0');
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${two(whole % 60)} s`;
  return `${Math.floor(whole / 3600)} h ${two(Math.floor((whole % 3600) / 60))} min`;
}

/** A number in few digits. */
export function short(value: number): string {
  const size = Math.abs(value);
  if (size >= 1000) return Math.round(value).toLocaleString('en');
  return Number(value.toFixed(size >= 100 ? 1 : 2)).toString();
}

export const percent = (share: number | null | undefined): string =>
  share === null || share === undefined ? '–' : `${(100 * share).toFixed(1)} %`;

export const bytes = (count: number): string =>
  count < 1e6 ? `${Math.ceil(count / 1000)} kB` : `${(count / 1e6).toFixed(1)} MB`;

export const moment = (iso: string): string =>
  new Date(iso).toLocaleString([], { dateStyle: 'medium', timeStyle: 'short' });

export function sentenceCase(text: string): string {
  const words = text.replaceAll('_', ' ');
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** The label of a unit of a model, as far as it is known here. */
export function unitLabel(model: string, unit: number | string | undefined): string {
  const known = modelNamed(model);
  const named = unit ?? known?.default?.unit;
  if (typeof named === 'number') return known?.labels[named] ?? `unit ${named}`;
  return named ?? 'default unit';
}

function nameOfRequest(request: JobRequest): string {
  switch (request.kind) {
    case 'video':
      return sentenceCase(unitLabel(request.model, request.unit));
    case 'image': {
      const units = request.units ?? [undefined];
      const first = sentenceCase(unitLabel(request.model, units[0]));
      return units.length === 1 ? first : `${first} and ${units.length - 1} more`;
    }
    case 'figure':
      return `Figure: ${request.figure}`;
    case 'audit':
      return `Audit of ${[request.model, ...request.compare].join(' and ')}`;
    case 'batch':
      return `Batch: ${request.units === 'all' ? 'all units' : `${request.units.length} units`} of ${request.job.model}`;
  }
}

/** What a job is called: after its unit or its models; a figure as it calls itself, once that is known. */
export function nameOfJob({ request, run, steering }: Pick<Job, 'request' | 'run' | 'steering'>): string {
  if (request.kind === 'figure' && run !== null && 'title' in run) return sentenceCase(run.title);
  const known = request.kind === 'video' && run !== null && 'unit' in run;
  const begun = known ? sentenceCase(run.unit.label) : nameOfRequest(request);
  const units = steering.flatMap(({ change: { unit } }) => (unit === undefined ? [] : [unit]));
  if (units.length === 0 || !('model' in request)) return begun;
  return `${begun} → ${sentenceCase(unitLabel(request.model ?? '', units.at(-1)))}`;
}
