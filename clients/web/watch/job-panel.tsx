/** One job on show: heading, error, and the panel of its kind. */
import type { FunctionComponent, JSX } from 'preact';
import type { Job, JobKind } from '../../../src/protocol/jobs.js';
import { AuditPanel } from '../audit/audit-panel.js';
import { linkTo } from '../app/router.js';
import { Notice } from '../shared/notice.js';
import { StateBadge } from '../shared/state-badge.js';
import { useWatchedJob, type WatchedJob } from '../shared/watched-job.js';
import { nameOfJob } from '../shared/words.js';
import { BatchPanel } from './batch-panel.js';
import { factsOf } from './facts-line.js';
import { SynthesisPanel } from './synthesis-panel.js';

type Panel = FunctionComponent<{ readonly watched: WatchedJob; readonly job: Job }>;

/** What shows a job of each kind. */
const PANELS: Readonly<Record<JobKind, Panel>> = {
  video: SynthesisPanel,
  image: SynthesisPanel,
  figure: SynthesisPanel,
  audit: AuditPanel,
  batch: BatchPanel,
};

interface JobPanelProps {
  readonly id: string;
  /** Whether it is the only one, and so has the heading of the page. */
  readonly alone: boolean;
  readonly onClose?: () => void;
}

export function JobPanel({ id, alone, onClose }: JobPanelProps): JSX.Element {
  const watched = useWatchedJob(id);
  const job = watched.job.value;
  const missing = watched.missing.value;
  const Heading = alone ? 'h1' : 'h2';
  const title = missing !== null ? 'This job is not there' : job === null ? 'Loading' : nameOfJob(job);
  const Body = job === null ? undefined : PANELS[job.request.kind];
  return (
    <article class="card watch" aria-label={title} data-job={id}>
      <div class="watch-head">
        <div>
          <Heading tabIndex={-1} class="job-title">
            {title}
          </Heading>
          {job !== null && <p class="quiet job-subtitle">{factsOf(job)}</p>}
        </div>
        <div class="watch-head-right">
          {job !== null && <StateBadge state={job.state} live />}
          {onClose !== undefined && (
            <button type="button" class="plain" aria-label={`Take ${title} away`} onClick={onClose}>
              ×
            </button>
          )}
        </div>
      </div>
      {missing !== null && (
        <>
          <Notice error={{ message: missing.message, remedy: 'It may have been deleted. Choose another one.' }} />
          <p>
            <a href={linkTo('history')}>All jobs</a>
          </p>
        </>
      )}
      {job?.error != null && <Notice error={job.error} />}
      {job !== null && missing === null && Body !== undefined && <Body watched={watched} job={job} />}
    </article>
  );
}
