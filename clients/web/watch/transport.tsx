/** Play, hold, scrub, speed and loop of a player. */
import type { JSX } from 'preact';
import type { Player } from './player.js';

const SPEEDS = [
  [0.25, '¼×'],
  [0.5, '½×'],
  [1, '1×'],
  [2, '2×'],
  [4, '4×'],
] as const;

export function Transport({ player }: { readonly player: Player }): JSX.Element {
  const frame = player.frame.value;
  const frames = player.frames.value;
  const playing = player.playing.value;
  return (
    <div class="transport" role="group" aria-label="Playback">
      <button type="button" class="round" aria-label={playing ? 'Hold' : 'Play'} onClick={() => player.toggle()}>
        <svg viewBox="0 0 24 24" aria-hidden="true">
          <path d={playing ? 'M7 5h4v14H7zM13 5h4v14h-4z' : 'M8 5l11 7-11 7z'} />
        </svg>
      </button>
      <input
        type="range"
        min={0}
        max={frames - 1}
        step={1}
        value={frame}
        aria-label="Frame"
        aria-valuetext={`frame ${frame + 1} of ${frames}`}
        onInput={({ currentTarget }) => {
          player.playing.value = false;
          player.seek(Number(currentTarget.value));
        }}
      />
      <output class="number">
        {frame + 1} / {frames}
      </output>
      <button
        type="button"
        class="toggle"
        aria-label="Loop"
        title="Loop"
        aria-pressed={player.loop.value}
        onClick={() => (player.loop.value = !player.loop.value)}
      >
        <svg viewBox="0 0 24 24" aria-hidden="true">
          <path d="M7 7h10v3l4-4-4-4v3H5v6h2zm10 10H7v-3l-4 4 4 4v-3h12v-6h-2z" />
        </svg>
      </button>
      <select
        aria-label="Speed"
        value={player.speed.value}
        onChange={({ currentTarget }) => (player.speed.value = Number(currentTarget.value))}
      >
        {SPEEDS.map(([value, text]) => (
          <option key={value} value={value}>
            {text}
          </option>
        ))}
      </select>
    </div>
  );
}
