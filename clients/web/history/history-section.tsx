/** All jobs, newest first. */
import type { JSX } from 'preact';
import { linkTo } from '../app/router.js';
import { jobs } from '../shared/job-list.js';
import { Empty } from '../shared/notice.js';
import { StateBadge } from '../shared/state-badge.js';
import { moment, nameOfJob } from '../shared/words.js';

export function HistorySection(): JSX.Element {
  const list = jobs.list.value;
  return (
    <section class="card" aria-labelledby="history-title">
      <h1 id="history-title" tabIndex={-1}>
        History
      </h1>
      {list === null && <p class="quiet">Loading</p>}
      {list?.length === 0 && (
        <Empty>
          <p>No jobs yet.</p>
          <p>
            <a href={linkTo('start')}>Start one</a>
          </p>
        </Empty>
      )}
      <ul class="jobs">
        {list?.map((job) => (
          <li key={job.id}>
            <a href={linkTo('watch', [job.id])}>
              <span class="job-name">{nameOfJob(job)}</span>
              <StateBadge state={job.state} small />
              <time class="quiet" dateTime={job.createdAt}>
                {moment(job.createdAt)}
              </time>
            </a>
          </li>
        ))}
      </ul>
    </section>
  );
}
