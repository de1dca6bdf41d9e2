import type { JSX } from 'preact';
import type { JobState } from '../../../src/protocol/jobs.js';
import { STATES } from './words.js';

interface StateBadgeProps {
  readonly state: JobState;
  readonly small?: boolean;
  readonly id?: string;
  /** Whether changes are announced. */
  readonly live?: boolean;
}

/** The state of a job in a word. */
export function StateBadge({ state, small = false, id, live = false }: StateBadgeProps): JSX.Element {
  return (
    <span id={id} class={`state ${small ? 'small' : ''}`} data-state={state} role={live ? 'status' : undefined}>
      {STATES[state]}
    </span>
  );
}
