/** Which jobs are listed: kept in the address, asked of the server. */
import type { JobKind, JobState } from '../../../src/protocol/jobs.js';

export interface Filters {
  /** Empty for all of them. */
  readonly state: string;
  readonly kind: string;
  readonly model: string;
  readonly text: string;
}

/** States as people choose among them; those that run are one choice. */
export const STATE_CHOICES: readonly (readonly [value: string, text: string])[] = [
  ['', 'any state'],
  ['queued,starting,running,paused,encoding', 'not finished'],
  ['succeeded' satisfies JobState, 'finished'],
  ['failed' satisfies JobState, 'failed'],
  ['canceled' satisfies JobState, 'cancelled'],
];

const KINDS: Readonly<Record<JobKind, string>> = {
  video: 'videos',
  image: 'images',
  figure: 'figures',
  audit: 'audits',
  batch: 'batches',
};
export const KIND_CHOICES: readonly (readonly [value: string, text: string])[] = [
  ['', 'any kind'],
  ...Object.entries(KINDS),
];

const FIELDS = ['state', 'kind', 'model', 'text'] as const;

export function filtersOf(query: URLSearchParams): Filters {
  const [state = '', kind = '', model = '', text = ''] = FIELDS.map((field) => query.get(field) ?? '');
  return { state, kind, model, text };
}

/** What is set, for the address and for the server alike. */
export function queryOf(filters: Filters): Record<string, string> {
  return Object.fromEntries(Object.entries(filters).filter(([, value]) => value !== '') as [string, string][]);
}

/** Jobs of an answer of the server. */
export const PAGE = 100;

export function pathOf(filters: Filters, cursor: string | null): string {
  const query = new URLSearchParams({ ...queryOf(filters), limit: String(PAGE) });
  if (cursor !== null) query.set('cursor', cursor);
  return `v1/jobs?${query.toString()}`;
}
