import type { JSX } from 'preact';
import type { JobState } from '../../../src/protocol/jobs.js';

interface ProgressBarProps {
  readonly name: string;
  /** What is going on, in words. */
  readonly label: string;
  /** 0 .. 1 */
  readonly share: number;
  readonly state: JobState;
}

/** How far a job is, as words, a share and a bar. */
export function ProgressBar({ name, label, share, state }: ProgressBarProps): JSX.Element {
  const percent = Math.floor(share * 100);
  return (
    <div class="progress">
      <div class="progress-text">
        <span class="progress-label">{label}</span>
        <span class="number">{percent} %</span>
      </div>
      <div
        class="progress-track"
        role="progressbar"
        aria-label={name}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={percent}
        aria-valuetext={label}
        data-state={state}
      >
        <div style={{ width: `${share * 100}%` }} />
      </div>
    </div>
  );
}

interface StatsProps {
  readonly of: readonly (readonly [name: string, value: string, id?: string])[];
}

/** Names and values in a grid. */
export function Stats({ of }: StatsProps): JSX.Element {
  return (
    <dl class="stats">
      {of.map(([name, value, id]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd id={id} class={value.length > 14 ? 'small' : undefined} title={value.length > 14 ? value : undefined}>
            {value}
          </dd>
        </div>
      ))}
    </dl>
  );
}
