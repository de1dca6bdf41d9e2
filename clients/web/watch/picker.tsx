/** The list of jobs beside the screen: one click shows a job, a second button puts it beside those on show. */
import type { JSX } from 'preact';
import { linkTo } from '../app/router.js';
import { jobs } from '../shared/job-list.js';
import { StateBadge } from '../shared/state-badge.js';
import { moment, nameOfJob } from '../shared/words.js';

const MOST_SIDE_BY_SIDE = 6;

interface PickerProps {
  readonly shown: readonly string[];
  readonly show: (ids: readonly string[]) => void;
}

export function Picker({ shown, show }: PickerProps): JSX.Element {
  const list = jobs.list.value ?? [];
  return (
    <aside class="card picker" aria-labelledby="jobs-title">
      <div class="picker-head">
        <h2 id="jobs-title">Jobs</h2>
        <a class="button small" href={linkTo('start')}>
          New job
        </a>
      </div>
      {list.length === 0 && <p class="quiet">No jobs yet.</p>}
      <ul class="jobs">
        {list.map((job) => {
          const on = shown.includes(job.id);
          const name = nameOfJob(job);
          return (
            <li key={job.id}>
              <a href={linkTo('watch', [job.id])} aria-current={on ? 'true' : undefined}>
                <span class="job-name">{name}</span>
                <StateBadge state={job.state} small />
                <time class="quiet" dateTime={job.createdAt}>
                  {moment(job.createdAt)}
                </time>
              </a>
              <button
                type="button"
                class="plain"
                disabled={on || shown.length >= MOST_SIDE_BY_SIDE}
                aria-label={`Show ${name} beside the others`}
                title="Show beside the others"
                onClick={() => show([...shown, job.id])}
              >
                +
              </button>
            </li>
          );
        })}
      </ul>
    </aside>
  );
}
