/** The newest jobs of the server, kept fresh while the page is visible. */
import { signal } from '@preact/signals';
import type { Job } from '../../../src/protocol/jobs.js';
import { call } from './api.js';
import { reportFailure } from './trouble.js';

const EVERY_MS = 4000;

const list = signal<readonly Job[] | null>(null);

export const jobs = {
  /** Newest first, without those of batches; null until they were loaded. */
  list,

  async refresh(): Promise<void> {
    try {
      list.value = (await call<{ jobs: Job[] }>('GET', 'v1/jobs?limit=50')).jobs;
    } catch (error) {
      reportFailure(error);
    }
  },

  /** Asks again every few seconds; a hidden page asks nothing. */
  keepFresh(): void {
    setInterval(() => document.visibilityState === 'visible' && void jobs.refresh(), EVERY_MS);
  },
};
