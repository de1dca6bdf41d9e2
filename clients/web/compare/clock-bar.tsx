/** Play, hold, step, scrub, speed and loop of the clock that all videos follow. */
import type { JSX } from 'preact';
import { LoopAndSpeed } from '../shared/loop-and-speed.js';
import type { Clock } from './clock.js';

const ICONS = {
  play: 'M8 5l11 7-11 7z',
  hold: 'M7 5h4v14H7zM13 5h4v14h-4z',
  back: 'M7 5h3v14H7zM20 5v14l-9-7z',
  on: 'M14 5h3v14h-3zM4 5v14l9-7z',
} as const;

function Icon({ of }: { readonly of: keyof typeof ICONS }): JSX.Element {
  return (
    <svg viewBox="0 0 24 24" aria-hidden="true">
      <path d={ICONS[of]} />
    </svg>
  );
}

const seconds = (value: number): string => value.toFixed(2);

/** The place in time, and the way to another. */
function Scrub({ clock }: { readonly clock: Clock }): JSX.Element {
  const [position, duration] = [clock.position.value, clock.duration.value];
  return (
    <>
      <input
        type="range"
        min={0}
        max={duration}
        step={clock.frame}
        value={position}
        disabled={duration === 0}
        aria-label="Time"
        aria-valuetext={`${seconds(position)} of ${seconds(duration)} seconds`}
        onInput={({ currentTarget }) => {
          clock.playing.value = false;
          clock.seek(Number(currentTarget.value));
        }}
      />
      <output class="number">
        {seconds(position)} / {seconds(duration)} s
      </output>
    </>
  );
}

export function ClockBar({ clock }: { readonly clock: Clock }): JSX.Element {
  const playing = clock.playing.value;
  return (
    <div class="card clock-bar" role="group" aria-label="Playback of all">
      <div class="clock-buttons">
        <button type="button" class="round small" aria-label="One frame back" onClick={() => clock.step(-1)}>
          <Icon of="back" />
        </button>
        <button type="button" class="round" aria-label={playing ? 'Hold' : 'Play'} onClick={() => clock.toggle()}>
          <Icon of={playing ? 'hold' : 'play'} />
        </button>
        <button type="button" class="round small" aria-label="One frame on" onClick={() => clock.step(1)}>
          <Icon of="on" />
        </button>
      </div>
      <Scrub clock={clock} />
      <LoopAndSpeed of={clock} />
    </div>
  );
}
