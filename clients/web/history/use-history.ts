/** The jobs that fit, page after page; what changes meanwhile, and what is new, finds its way into the list. */
import { batch, signal, type Signal } from '@preact/signals';
import { useEffect, useMemo } from 'preact/hooks';
import type { Job } from '../../../src/protocol/jobs.js';
import { call } from '../shared/api.js';
import { jobs } from '../shared/job-list.js';
import { failureOf, reportFailure, type Failure } from '../shared/trouble.js';
import { pathOf, type Filters } from './filters.js';

interface Page {
  readonly jobs: readonly Job[];
  readonly next: string | null;
}

export class History {
  /** Newest first; null until the first page is there. */
  readonly list: Signal<readonly Job[] | null> = signal(null);
  readonly loading = signal(false);
  readonly failure = signal<Failure | null>(null);
  /** Whether there are more than are listed. */
  readonly more = signal(false);
  readonly #filters: Filters;
  #cursor: string | null = null;
  #open = true;

  constructor(filters: Filters) {
    this.#filters = filters;
  }

  /** Nothing that is still on its way is taken any more. */
  close(): void {
    this.#open = false;
  }

  /** The next page, the first one included. */
  async load(): Promise<void> {
    if (this.loading.value) return;
    this.loading.value = true;
    try {
      const page = await call<Page>('GET', pathOf(this.#filters, this.#cursor));
      if (!this.#open) return;
      batch(() => {
        const known = new Set(this.list.value?.map(({ id }) => id));
        this.list.value = [...(this.list.value ?? []), ...page.jobs.filter(({ id }) => !known.has(id))];
        this.#cursor = page.next;
        this.more.value = page.next !== null;
        this.failure.value = null;
      });
    } catch (error) {
      this.#failed(error);
    } finally {
      this.loading.value = false;
    }
  }

  /** Takes in what is new and what has changed among the newest. */
  async refresh(): Promise<void> {
    if (this.list.value === null) return this.load();
    try {
      const { jobs: newest } = await call<Page>('GET', pathOf(this.#filters, null));
      if (this.#open) this.#merge(newest);
    } catch (error) {
      this.#failed(error);
    }
    return undefined;
  }

  /** A job as it is now. */
  put(job: Job): void {
    this.list.value = this.list.value?.map((known) => (known.id === job.id ? job : known)) ?? null;
  }

  remove(id: string): void {
    this.list.value = this.list.value?.filter((job) => job.id !== id) ?? null;
  }

  #merge(newest: readonly Job[]): void {
    const known = this.list.value ?? [];
    const now = new Map(newest.map((job) => [job.id, job]));
    const ids = new Set(known.map(({ id }) => id));
    const last = newest.at(-1)?.createdAt ?? '';
    // What is not among the newest any more, but would have to be, fits no longer or was deleted.
    const kept = known.filter(({ id, createdAt }) => now.has(id) || createdAt < last || !this.#covers(newest));
    this.list.value = [...newest.filter(({ id }) => !ids.has(id)), ...kept.map((job) => now.get(job.id) ?? job)];
  }

  /** Whether the answer says all about its time. */
  #covers(newest: readonly Job[]): boolean {
    return newest.length > 0 || !this.more.value;
  }

  #failed(error: unknown): void {
    if (!this.#open) return;
    this.failure.value = failureOf(error);
    reportFailure(error, { shownInPlace: true });
  }
}

/** The history under these filters, as long as they stay. */
export function useHistory(filters: Filters): History {
  const key = JSON.stringify(filters);
  const history = useMemo(() => new History(filters), [key]);
  // The list of all newest jobs is asked for every few seconds: when something in it is new, it may be here as well.
  const news = jobs.list.value?.map(({ id, state, updatedAt }) => `${id} ${state} ${updatedAt}`).join('\n');
  useEffect(() => {
    if (news !== undefined) void history.refresh();
  }, [history, news]);
  useEffect(() => () => history.close(), [history]);
  return history;
}
