/** What can be done to a job: hold it, let it go on, end it, try it again. */
import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import type { Job } from '../../../src/protocol/jobs.js';
import { client } from '../shared/api.js';
import { jobs } from '../shared/job-list.js';
import { dismissTrouble, reportFailure } from '../shared/trouble.js';
import { hasEnded } from '../shared/words.js';

type Command = 'pause' | 'resume' | 'cancel' | 'retry';

interface ActionsProps {
  readonly job: Job;
  /** What the job is called on its buttons. */
  readonly noun: string;
}

export function Actions({ job, noun }: ActionsProps): JSX.Element {
  const busy = useSignal(false);
  const order = async (command: Command): Promise<void> => {
    dismissTrouble();
    busy.value = true;
    try {
      await client.value.jobs[command](job.id);
      void jobs.refresh();
    } catch (error) {
      reportFailure(error);
    } finally {
      busy.value = false;
    }
  };
  const button = (command: Command, text: string, kind?: string): JSX.Element => (
    <button type="button" class={kind} disabled={busy.value} onClick={() => order(command)}>
      {text}
    </button>
  );
  return (
    <div class="actions">
      {job.state === 'running' && button('pause', 'Pause')}
      {job.state === 'paused' && button('resume', 'Resume', 'primary')}
      {!hasEnded(job.state) && button('cancel', `Cancel ${noun}`, 'danger')}
      {(job.state === 'failed' || job.state === 'canceled') && button('retry', 'Try again')}
    </div>
  );
}
