/** Jobs that the server is asked for, again whenever something in the list of the newest has changed. */
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { Job } from '../../../src/protocol/jobs.js';
import { call } from './api.js';
import { jobs } from './job-list.js';
import { reportFailure } from './trouble.js';

/** @param query of `GET /v1/jobs`; null until the answer is there */
export function useJobs(query: string): readonly Job[] | null {
  const found = useSignal<readonly Job[] | null>(null);
  const changed = jobs.list.value?.map(({ id, state }) => `${id} ${state}`).join('\n');
  useEffect(() => {
    if (changed === undefined) return undefined;
    let wanted = true;
    call<{ jobs: Job[] }>('GET', `v1/jobs?${query}`).then((page) => {
      if (wanted) found.value = page.jobs;
    }, reportFailure);
    return () => void (wanted = false);
  }, [changed, query]);
  return found.value;
}
