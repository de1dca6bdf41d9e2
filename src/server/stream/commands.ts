/** Commands of viewers to jobs: one entry of the table a command. */
import type { JobManager } from '../../jobs/manager.js';
import type { ClientMessage, Job } from '../../protocol/index.js';

type Command = Exclude<ClientMessage, { type: 'subscribe' | 'unsubscribe' | 'ping' }>;

/** What jobs can be told. */
export type JobControl = Pick<JobManager, 'pause' | 'resume' | 'cancel' | 'steer'>;

const COMMANDS: { readonly [T in Command['type']]: (jobs: JobControl, message: Extract<Command, { type: T }>) => Job } =
  {
    pause: (jobs, { job }) => jobs.pause(job),
    resume: (jobs, { job }) => jobs.resume(job),
    cancel: (jobs, { job }) => jobs.cancel(job),
    steer: (jobs, { job, changes }) => jobs.steer(job, changes),
  };

export function isCommand(message: ClientMessage): message is Command {
  return message.type in COMMANDS;
}

/** @throws {NeuroreelError} JOB_UNKNOWN, JOB_STATE_CONFLICT and whatever the command refuses */
export function commandJob(jobs: JobControl, message: Command): Job {
  const run = COMMANDS[message.type] as (jobs: JobControl, message: Command) => Job;
  return run(jobs, message);
}
