/** Whether what plays begins again at its end, and how fast it plays. */
import type { Signal } from '@preact/signals';
import type { JSX } from 'preact';

const SPEEDS = [
  [0.25, '¼×'],
  [0.5, '½×'],
  [1, '1×'],
  [2, '2×'],
  [4, '4×'],
] as const;

interface Playing {
  readonly loop: Signal<boolean>;
  /** Times the rate of the video. */
  readonly speed: Signal<number>;
}

export function LoopAndSpeed({ of: { loop, speed } }: { readonly of: Playing }): JSX.Element {
  return (
    <>
      <button
        type="button"
        class="toggle"
        aria-label="Loop"
        title="Loop"
        aria-pressed={loop.value}
        onClick={() => (loop.value = !loop.value)}
      >
        <svg viewBox="0 0 24 24" aria-hidden="true">
          <path d="M7 7h10v3l4-4-4-4v3H5v6h2zm10 10H7v-3l-4 4 4 4v-3h12v-6h-2z" />
        </svg>
      </button>
      <select
        aria-label="Speed"
        value={speed.value}
        onChange={({ currentTarget }) => (speed.value = Number(currentTarget.value))}
      >
        {SPEEDS.map(([value, text]) => (
          <option key={value} value={value}>
            {text}
          </option>
        ))}
      </select>
    </>
  );
}
