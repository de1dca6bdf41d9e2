/** What can be done to a job: hold it, let it go on, end it, try it again. */
import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import type { Job } from '../../../src/protocol/jobs.js';
import { call } from '../shared/api.js';
import { dismissTrouble, reportFailure } from '../shared/trouble.js';
import { hasEnded } from '../shared/words.js';

interface ActionsProps {
  readonly job: Job;
  /** What the job is called on its buttons. */
  readonly noun: string;
}

export function Actions({ job, noun }: ActionsProps): JSX.Element {
  const busy = useSignal(false);
  const order = async (command: string): Promise<void> => {
    dismissTrouble();
    busy.value = true;
    try {
      await call('POST', `v1/jobs/${job.id}/${command}`);
    } catch (error) {
      reportFailure(error);
    } finally {
      busy.value = false;
    }
  };
  const button = (command: string, text: string, kind?: string): JSX.Element => (
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
