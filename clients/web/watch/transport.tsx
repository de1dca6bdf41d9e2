/** Play, hold, scrub, speed and loop of a player. */
import type { JSX } from 'preact';
import { LoopAndSpeed } from '../shared/loop-and-speed.js';
import type { Player } from './player.js';

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
      <LoopAndSpeed of={player} />
    </div>
  );
}
