/** Audits: the form that starts one, those that there are, and the report of one. */
import './audit.css';
import type { JSX } from 'preact';
import type { Job } from '../../../src/protocol/jobs.js';
import { linkTo, type Route } from '../app/router.js';
import { Empty } from '../shared/notice.js';
import { StateBadge } from '../shared/state-badge.js';
import { useJobs } from '../shared/use-jobs.js';
import { moment, nameOfJob } from '../shared/words.js';
import { JobPanel } from '../watch/job-panel.js';
import { AuditForm } from './audit-form.js';

/** Audits that are listed; the others are in the history. */
const MOST_LISTED = 20;

function Audits({
  list,
  shown,
}: {
  readonly list: readonly Job[] | null;
  readonly shown: string | undefined;
}): JSX.Element {
  return (
    <section class="card" aria-labelledby="audits-title">
      <h2 id="audits-title">Audits</h2>
      {list === null && <p class="quiet">Loading</p>}
      {list?.length === 0 && <p class="quiet">None yet.</p>}
      <ul class="jobs">
        {list?.map((job) => (
          <li key={job.id}>
            <a href={linkTo('audit', [job.id])} aria-current={job.id === shown ? 'true' : undefined}>
              <span class="job-name">{nameOfJob(job)}</span>
              <StateBadge state={job.state} small />
              <time class="quiet" dateTime={job.createdAt}>
                {moment(job.createdAt)}
              </time>
            </a>
          </li>
        ))}
      </ul>
      {list?.length === MOST_LISTED && <a href={linkTo('history', [], { kind: 'audit' })}>All audits</a>}
    </section>
  );
}

/** What an audit is for, where none was made. */
function Nothing(): JSX.Element {
  return (
    <section class="card">
      <Empty>
        <p>Does a recogniser use the order of frames, or single frames only?</p>
        <p>
          An audit shuffles the frames of real clips and counts how often the answer changes, beside how often it
          changes by itself. Choose a recogniser and press Audit.
        </p>
      </Empty>
    </section>
  );
}

export function AuditSection({ route }: { readonly route: Route }): JSX.Element {
  const audits = useJobs(`kind=audit&limit=${MOST_LISTED}`);
  const shown = route.parts[0] ?? audits?.[0]?.id;
  return (
    <div class={`audit-section ${route.parts.length > 0 ? 'asked' : ''}`}>
      <div class="audit-side">
        <section class="card" aria-labelledby="audit-title">
          <h1 id="audit-title" tabIndex={-1}>
            Audit
          </h1>
          <p class="quiet audit-question">Does a recogniser use the order of frames?</p>
          <AuditForm />
        </section>
        <Audits list={audits} shown={shown} />
      </div>
      {shown !== undefined && <JobPanel key={shown} id={shown} alone={false} />}
      {shown === undefined && audits !== null && <Nothing />}
    </div>
  );
}
