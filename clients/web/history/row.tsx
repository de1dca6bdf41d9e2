/** A job in the history: what it made, what it is, what can be done to it. */
import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import { memo } from 'preact/compat';
import type { Job } from '../../../src/protocol/jobs.js';
import { linkTo } from '../app/router.js';
import { COMPARED } from '../compare/job-shown.js';
import { call, send } from '../shared/api.js';
import { LazyPicture } from '../shared/lazy-picture.js';
import { StateBadge } from '../shared/state-badge.js';
import { failureOf, reportFailure } from '../shared/trouble.js';
import { duration, hasEnded, moment, nameOfJob, short } from '../shared/words.js';

interface RowProps {
  readonly job: Job;
  readonly chosen: boolean;
  readonly onChoose: (id: string) => void;
  readonly onChanged: (job: Job) => void;
  readonly onRemoved: (id: string) => void;
}

/** Model, time, how long it took, what it reached. */
function factsOf({ request, createdAt, startedAt, endedAt, progress, batch: counts }: Job): string {
  const model = request.kind === 'batch' ? request.job.model : request.model;
  const ended = startedAt !== null && endedAt !== null;
  const took = ended ? duration((Date.parse(endedAt) - Date.parse(startedAt)) / 1000) : undefined;
  const hasActivation = (request.kind === 'video' || request.kind === 'image') && progress !== null;
  const reached = hasActivation ? `activation ${short(progress.activation)}` : undefined;
  const done = counts === null ? undefined : `${counts.succeeded} of ${counts.jobs} done`;
  return [model, moment(createdAt), took, reached ?? done].filter((fact) => fact !== undefined).join(' · ');
}

/** What went wrong with an action, below the row. */
type Act = (work: () => Promise<void>) => Promise<void>;

function Deletion({
  name,
  onDelete,
  onKeep,
}: {
  readonly name: string;
  readonly onDelete: () => void;
  readonly onKeep: () => void;
}): JSX.Element {
  return (
    <span class="row-actions" role="group" aria-label={`Delete ${name}?`}>
      <button type="button" class="small danger" ref={(button) => button?.focus()} onClick={onDelete}>
        Delete for good
      </button>
      <button type="button" class="small" onClick={onKeep}>
        Keep
      </button>
    </span>
  );
}

function RowActions({
  job,
  name,
  act,
  onChanged,
  onRemoved,
}: Omit<RowProps, 'chosen' | 'onChoose'> & { readonly name: string; readonly act: Act }): JSX.Element {
  const asking = useSignal(false);
  const path = `v1/jobs/${encodeURIComponent(job.id)}`;
  const order = (command: string) => () => act(async () => onChanged(await call<Job>('POST', `${path}/${command}`)));
  const remove = (): void =>
    void act(async () => {
      await send('DELETE', path);
      onRemoved(job.id);
    });
  if (asking.value) return <Deletion name={name} onDelete={remove} onKeep={() => (asking.value = false)} />;
  const ended = hasEnded(job.state);
  return (
    <span class="row-actions">
      {(job.state === 'failed' || job.state === 'canceled') && (
        <button type="button" class="small" aria-label={`Try ${name} again`} onClick={order('retry')}>
          Try again
        </button>
      )}
      {ended ? (
        <button type="button" class="small danger" aria-label={`Delete ${name}`} onClick={() => (asking.value = true)}>
          Delete
        </button>
      ) : (
        <button type="button" class="small" aria-label={`Cancel ${name}`} onClick={order('cancel')}>
          Cancel
        </button>
      )}
    </span>
  );
}

/** Only what is finished can be compared. */
const isComparable = ({ request, state }: Job): boolean => COMPARED.includes(request.kind) && state === 'succeeded';

const addressOf = (job: Job): string => linkTo(job.request.kind === 'audit' ? 'audit' : 'watch', [job.id]);

function RowPicture({ job }: { readonly job: Job }): JSX.Element {
  return (
    <a class="row-picture" href={addressOf(job)} tabIndex={-1} aria-hidden="true">
      {job.state === 'succeeded' && (
        <LazyPicture url={`v1/jobs/${job.id}/thumbnail.webp`} alt="" width={160} height={40} />
      )}
    </a>
  );
}

function PlainRow({ job, chosen, onChoose, onChanged, onRemoved }: RowProps): JSX.Element {
  const problem = useSignal<string | null>(null);
  const name = nameOfJob(job);
  const act: Act = async (work) => {
    problem.value = null;
    try {
      await work();
    } catch (error) {
      const { message, remedy } = failureOf(error);
      problem.value = `${message} ${remedy}`;
      reportFailure(error, { shownInPlace: true });
    }
  };
  return (
    <li class="row" data-job={job.id} data-kind={job.request.kind}>
      <span class="row-choice">
        {isComparable(job) && (
          <input type="checkbox" checked={chosen} aria-label={`Compare ${name}`} onChange={() => onChoose(job.id)} />
        )}
      </span>
      <RowPicture job={job} />
      <span class="row-words">
        <a class="job-name" href={addressOf(job)}>
          {name}
        </a>
        <span class="quiet">{factsOf(job)}</span>
        {job.error !== null && <span class="field-error">{job.error.message}</span>}
        {problem.value !== null && (
          <span class="field-error" role="alert">
            {problem.value}
          </span>
        )}
      </span>
      <StateBadge state={job.state} small />
      <RowActions {...{ job, name, act, onChanged, onRemoved }} />
    </li>
  );
}

/** Drawn again only when something about it has changed: there can be thousands. */
export const Row = memo(PlainRow);
