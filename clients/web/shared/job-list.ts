/** The newest jobs of the server, kept fresh while the page is visible. */
import { signal } from '@preact/signals';
import type { Job } from '../../../src/protocol/jobs.js';
import { ClientError } from '../../js/errors.js';
import { client } from './api.js';
import { tellReachable } from './connection.js';
import { reportFailure } from './trouble.js';

const EVERY_MS = 4000;

const list = signal<readonly Job[] | null>(null);

export const jobs = {
  /** Newest first, without those of batches; null until they were loaded. */
  list,

  async refresh(): Promise<void> {
    try {
      list.value = (await client.value.jobs.list({ limit: 50 })).jobs;
      tellReachable(true);
    } catch (error) {
      tellReachable(!(error instanceof ClientError) || error.code !== 'SERVER_UNREACHABLE');
      reportFailure(error);
    }
  },

  /** Asks again every few seconds; a hidden page asks nothing. */
  keepFresh(): void {
    setInterval(() => document.visibilityState === 'visible' && void jobs.refresh(), EVERY_MS);
  },
};
