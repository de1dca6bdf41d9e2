import { describe, expect, it } from 'vitest';
import { after, JOB_EVENTS, next, TRANSITIONS, type JobEventName } from '../../src/jobs/states.js';
import { FINAL_STATES, isFinal, jobState, type JobState } from '../../src/protocol/index.js';

/** Where each event leads from each state, written out on its own; what is not here cannot happen. */
const ARROWS: Readonly<Record<string, JobState>> = {
  'queued start': 'starting',
  'queued pause': 'paused',
  'queued fail': 'failed',
  'queued cancel': 'canceled',
  'starting run': 'running',
  'starting pause': 'paused',
  'starting fail': 'failed',
  'starting cancel': 'canceled',
  'starting requeue': 'queued',
  'running pause': 'paused',
  'running encode': 'encoding',
  'running succeed': 'succeeded',
  'running fail': 'failed',
  'running cancel': 'canceled',
  'running requeue': 'queued',
  'paused run': 'running',
  'paused succeed': 'succeeded',
  'paused fail': 'failed',
  'paused cancel': 'canceled',
  'paused requeue': 'queued',
  'encoding succeed': 'succeeded',
  'encoding fail': 'failed',
  'encoding cancel': 'canceled',
  'encoding requeue': 'queued',
  'failed retry': 'queued',
  'canceled retry': 'queued',
};

const STATES = jobState.options;
const EVENTS = Object.keys(JOB_EVENTS) as JobEventName[];
const PAIRS = STATES.flatMap((state) => EVENTS.map((event) => [state, event] as const));

describe('states of a job', () => {
  it.each(PAIRS)('%s, %s', (state, event) => {
    const to = ARROWS[`${state} ${event}`] ?? null;
    expect(after(state, event)).toBe(to);
    if (to !== null) expect(next('a', state, event)).toBe(to);
    else {
      const refused = expect.objectContaining({ code: 'JOB_STATE_CONFLICT', details: { state } });
      expect(() => next('a', state, event)).toThrowError(refused);
    }
  });

  it('are final exactly when nothing but a retry leads out of them', () => {
    const ends = STATES.filter((state) => Object.keys(TRANSITIONS[state]).every((event) => event === 'retry'));
    expect(ends).toEqual([...FINAL_STATES]);
    expect(STATES.filter(isFinal)).toEqual([...FINAL_STATES]);
  });

  it('all come from queued and all lead to an end', () => {
    const reachable = (from: JobState, seen = new Set<JobState>([from])): Set<JobState> => {
      for (const to of Object.values(TRANSITIONS[from])) if (!seen.has(to)) reachable(to, seen.add(to));
      return seen;
    };
    expect([...reachable('queued')].sort()).toEqual([...STATES].sort());
    for (const state of STATES) expect([...reachable(state)].some(isFinal)).toBe(true);
  });
});
