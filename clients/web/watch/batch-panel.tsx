/** A batch: how many of its jobs are done, and each of them. */
import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import { useEffect } from 'preact/hooks';
import type { Job } from '../../../src/protocol/jobs.js';
import { linkTo } from '../app/router.js';
import { client } from '../shared/api.js';
import { FileLink } from '../shared/files.js';
import { LazyPicture } from '../shared/lazy-picture.js';
import { ProgressBar, Stats } from '../shared/progress-bar.js';
import { StateBadge } from '../shared/state-badge.js';
import { reportFailure } from '../shared/trouble.js';
import type { WatchedJob } from '../shared/watched-job.js';
import { hasEnded, nameOfJob, short } from '../shared/words.js';
import { Actions } from './actions.js';
import { Again } from './again.js';
import { progressOf, timeOf } from './words.js';

/** Jobs that are listed. */
const MOST_LISTED = 1000;

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

/** All that is there so far as one page, to keep. */
function IndexLink({ id }: { readonly id: string }): JSX.Element {
  return (
    <ul class="artifacts" aria-label="Files of this batch">
      <li>
        <FileLink url={`v1/jobs/${encodeURIComponent(id)}/index.html`} name={`${id}-index.html`} open>
          All as one page
        </FileLink>
      </li>
    </ul>
  );
}

/** Where a job has left something, what it is; a strip of frames is four times as wide as a picture. */
function Part({ job, isStrip }: { readonly job: Job; readonly isStrip: boolean }): JSX.Element {
  const { id, state, progress } = job;
  return (
    <li>
      <a href={linkTo('watch', [id])}>
        {state === 'succeeded' ? (
          <LazyPicture
            url={`v1/jobs/${encodeURIComponent(id)}/thumbnail.webp`}
            alt=""
            width={isStrip ? 384 : 96}
            height={96}
          />
        ) : (
          <StateBadge state={state} small />
        )}
        <span class="job-name">{nameOfJob(job)}</span>
        <span class="quiet">{progress === null ? '' : `activation ${short(progress.activation)}`}</span>
      </a>
    </li>
  );
}

export function BatchPanel({ watched, job }: { readonly watched: WatchedJob; readonly job: Job }): JSX.Element {
  const progress = watched.progress.value;
  const [label, share] = progressOf(job, progress, 'job');
  const children = useChildren({ ...job, progress });
  const isOfVideos = job.request.kind === 'batch' && job.request.job.kind === 'video';
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
      {job.state !== 'succeeded' && <Actions job={job} noun="batch" />}
      {succeeded > 0 && <IndexLink id={job.id} />}
      {hasEnded(job.state) && <Again job={job} />}
      <ul class={`gallery ${isOfVideos ? 'of-videos' : ''}`} aria-label="Jobs of the batch">
        {children.map((child) => (
          <Part key={child.id} job={child} isStrip={isOfVideos} />
        ))}
      </ul>
    </div>
  );
}
