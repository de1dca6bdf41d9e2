import { describe, expect, it } from 'vitest';
import { assertTransition, mayFollow, TRANSITIONS } from '../../src/jobs/states.js';
import { FINAL_STATES, isFinal, jobState, type JobState } from '../../src/protocol/index.js';

/** The life of a job as the architecture draws it, each arrow on its own. */
const ARROWS = new Set([
  'queued>starting',
  'queued>canceled',
  'starting>running',
  'starting>failed',
  'starting>canceled',
  'starting>queued',
  'running>paused',
  'running>encoding',
  'running>failed',
  'running>canceled',
  'running>queued',
  'paused>running',
  'paused>failed',
  'paused>canceled',
  'paused>queued',
  'encoding>succeeded',
  'encoding>failed',
  'encoding>canceled',
  'encoding>queued',
]);

const ALL = jobState.options;
const PAIRS = ALL.flatMap((from) => ALL.map((to) => [from, to] as const));

describe('states of a job', () => {
  it.each(PAIRS)('%s -> %s', (from, to) => {
    const allowed = ARROWS.has(`${from}>${to}`);
    expect(mayFollow(from, to)).toBe(allowed);
    if (allowed) expect(() => assertTransition('a', from, to)).not.toThrow();
    else
      expect(() => assertTransition('a', from, to)).toThrowError(
        expect.objectContaining({ code: 'JOB_STATE_CONFLICT' }),
      );
  });

  it('are final exactly when nothing follows', () => {
    expect(ALL.filter((state) => TRANSITIONS[state].length === 0)).toEqual([...FINAL_STATES]);
    expect(ALL.filter(isFinal)).toEqual([...FINAL_STATES]);
  });

  it('all come from queued and all lead to an end', () => {
    const reachable = (from: JobState, seen = new Set<JobState>([from])): Set<JobState> => {
      for (const next of TRANSITIONS[from]) if (!seen.has(next)) reachable(next, seen.add(next));
      return seen;
    };
    expect([...reachable('queued')].sort()).toEqual([...ALL].sort());
    for (const state of ALL) expect([...reachable(state)].some(isFinal)).toBe(true);
  });
});
