/** A batch: how many of its jobs are done, and each of them. */
import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import { useEffect } from 'preact/hooks';
import type { Job } from '../../../src/protocol/jobs.js';
import { linkTo } from '../app/router.js';
import { client } from '../shared/api.js';
import { ProgressBar, Stats } from '../shared/progress-bar.js';
import { StateBadge } from '../shared/state-badge.js';
import { reportFailure } from '../shared/trouble.js';
import type { WatchedJob } from '../shared/watched-job.js';
import { nameOfJob, short } from '../shared/words.js';
import { Actions } from './actions.js';
import { Files, useArtifacts } from './result.js';
import { progressOf, timeOf } from './words.js';

/** Jobs that are listed. */
const MOST_LISTED = 1000;

const NAMES: Readonly<Record<string, string>> = { 'index.html': 'All of them', 'batch.json': 'Report' };

/** The jobs of a batch, asked for again whenever one more has ended. */
function useChildren({ id, progress, state }: Job): readonly Job[] {
  const children = useSignal<readonly Job[]>([]);
  useEffect(() => {
    client.value.jobs
      .list({ parent: id, limit: MOST_LISTED })
      .then(({ jobs }) => (children.value = jobs.toReversed()), reportFailure);
  }, [id, progress?.iteration, state]);
  return children.value;
}

export function BatchPanel({ watched, job }: { readonly watched: WatchedJob; readonly job: Job }): JSX.Element {
  const progress = watched.progress.value;
  const [label, share] = progressOf(job, progress, 'job');
  const children = useChildren({ ...job, progress });
  const artifacts = useArtifacts(job);
  const { succeeded = 0, failed = 0, canceled = 0, jobs: all = 0 } = job.batch ?? {};
  return (
    <div class="facts">
      <ProgressBar name="Progress of the batch" label={label} share={share} state={job.state} />
      <Stats
        of={[
          ['Jobs', String(all)],
          ['Finished', String(succeeded)],
          ['Failed', String(failed)],
          ['Cancelled', String(canceled)],
          timeOf(job, progress),
        ]}
      />
      <Actions job={job} noun="batch" />
      {artifacts !== null && artifacts.length > 0 && <Files id={job.id} artifacts={artifacts} names={NAMES} />}
      <ul class="jobs" aria-label="Jobs of the batch">
        {children.map((child) => (
          <li key={child.id}>
            <a href={linkTo('watch', [child.id])}>
              <span class="job-name">{nameOfJob(child)}</span>
              <StateBadge state={child.state} small />
              <span class="quiet">
                {child.progress === null ? '' : `activation ${short(child.progress.activation)}`}
              </span>
            </a>
          </li>
        ))}
      </ul>
    </div>
  );
}
