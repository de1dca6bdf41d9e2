/** Audits: the form that starts one, and those that there are. */
import './audit.css';
import type { JSX } from 'preact';
import { linkTo } from '../app/router.js';
import { jobs } from '../shared/job-list.js';
import { StateBadge } from '../shared/state-badge.js';
import { moment, nameOfJob } from '../shared/words.js';
import { AuditForm } from './audit-form.js';

export function AuditSection(): JSX.Element {
  const audits = (jobs.list.value ?? []).filter(({ request }) => request.kind === 'audit');
  return (
    <div class="columns">
      <section class="card" aria-labelledby="audit-title">
        <h1 id="audit-title" tabIndex={-1}>
          Audit
        </h1>
        <p class="quiet">Does a recogniser use the order of frames?</p>
        <AuditForm />
      </section>
      <section class="card" aria-labelledby="audits-title">
        <h2 id="audits-title">Audits</h2>
        {audits.length === 0 && <p class="quiet">None yet.</p>}
        <ul class="jobs">
          {audits.map((job) => (
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
    </div>
  );
}
