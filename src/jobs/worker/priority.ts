/** Viewers and requests do not wait for a step: a worker's processes and threads go after the server's. */
import { readFileSync, writeFileSync } from 'node:fs';
import { getPriority, setPriority } from 'node:os';

/** Steps below the server's own priority ("nice") at which jobs run. */
const JOB_NICENESS = 5;

const below = (nice: number): number => Math.min(19, nice + JOB_NICENESS);

/** What the worker starts later (the runtime's threads, ffmpeg) inherits its priority. */
export function letServerGoFirst(): void {
  setPriority(0, below(getPriority(0)));
  letSessionOfServerGoFirst();
}

/**
 * Linux with autogroups weighs sessions against each other before the processes in them, and a worker has a session of its
 * own (see sched(7)): the session has to give way, too.
 */
function letSessionOfServerGoFirst(): void {
  try {
    const server = /nice (-?\d+)/.exec(readFileSync(`/proc/${process.ppid}/autogroup`, 'utf8'))?.[1];
    if (server !== undefined) writeFileSync('/proc/self/autogroup', String(below(Number(server))));
  } catch {
    // No autogroups here, or no leave to say so: the process's own priority has to do.
  }
}
