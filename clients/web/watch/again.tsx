/** What can be made of a finished job: the same again, beside it; something like it; a comparison. */
import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import type { Job } from '../../../src/protocol/jobs.js';
import { go, linkTo } from '../app/router.js';
import { call, client } from '../shared/api.js';
import { jobs } from '../shared/job-list.js';
import { reportFailure } from '../shared/trouble.js';

type Plan = { readonly iteration: number; readonly change: unknown }[];

/** The request that makes the same: with the changes that were made while the job ran, which its report lists. */
async function sameRequest({ id, request, steering }: Job): Promise<Job['request']> {
  if (steering.length === 0) return request;
  const report = await call<{ steering?: Plan }>('GET', `v1/jobs/${encodeURIComponent(id)}/artifacts/report.json`);
  return { ...request, steering: report.steering ?? [] } as Job['request'];
}

export function Again({ job }: { readonly job: Job }): JSX.Element {
  const busy = useSignal(false);
  const reproduce = async (): Promise<void> => {
    busy.value = true;
    try {
      const { id } = await client.value.jobs.submit(await sameRequest(job));
      void jobs.refresh();
      go(linkTo('watch', [job.id, id]));
    } catch (error) {
      reportFailure(error);
    } finally {
      busy.value = false;
    }
  };
  return (
    <div class="actions">
      <button
        type="button"
        disabled={busy.value}
        title="Runs the same request with the same seed; on the same runtime that gives the same bytes"
        onClick={reproduce}
      >
        Reproduce
      </button>
      <a class="button" href={linkTo('start', [], { from: job.id })}>
        Change and start
      </a>
    </div>
  );
}
