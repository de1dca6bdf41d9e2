/** The screen of a job: its frames as they are now, one after the other or all at once; when it is done, its files. */
import { useSignal, useSignalEffect } from '@preact/signals';
import type { JSX } from 'preact';
import { useEffect, useMemo } from 'preact/hooks';
import type { Artifact, Job } from '../../../src/protocol/jobs.js';
import type { Frame } from '../../js/index.js';
import type { WatchedJob } from '../shared/watched-job.js';
import { nameOfJob } from '../shared/words.js';
import { Finished, viewName, viewsOf, type View } from './finished.js';
import { Player } from './player.js';
import type { Playhead } from './playhead.js';
import { Transport } from './transport.js';

const LIVE: readonly View[] = ['play', 'sheet'];

/** What the screen says while there is nothing to see. */
const WORDS: Readonly<Record<Job['state'], string>> = {
  queued: 'Starts when the job before it has ended',
  starting: 'Opening the models',
  running: 'Waiting for the first frames',
  paused: 'Paused before the first frames',
  encoding: 'Writing the files',
  succeeded: 'Loading',
  failed: 'No frames are left of this job',
  canceled: 'No frames are left of this job',
};

/** Shows frames as they come; of those that come while one is decoded, the newest. */
async function play(frames: AsyncIterable<Frame>, watched: WatchedJob, player: Player): Promise<void> {
  for await (const frame of frames) {
    const run = watched.job.value?.run;
    // A figure shows the pictures that are being made, one after the other.
    const count = run != null && 'frames' in run ? run.frames : frame.columns;
    if (frame.header.kind === 'sheet') await player.show(frame, count);
  }
}

function usePlayer(watched: WatchedJob, fps: number, playhead: Playhead): Player {
  const player = useMemo(() => new Player(), [watched]);
  player.fps = fps;
  useEffect(() => player.open(), [player]);
  const watch = watched.watch.value;
  useEffect(() => {
    if (watch === null) return undefined;
    const frames = watch.frames();
    void play(frames, watched, player).catch(() => undefined);
    return () => void frames.return?.();
  }, [watched, watch, player]);
  useEffect(() => {
    const redraw = (): void => player.redraw();
    window.addEventListener('resize', redraw);
    return () => window.removeEventListener('resize', redraw);
  }, [player]);
  useEffect(() => {
    playhead.seek = (frame) => {
      player.playing.value = false;
      player.seek(frame);
    };
  }, [player, playhead]);
  useSignalEffect(() => void (playhead.frame.value = player.frame.value));
  return player;
}

interface CanvasProps {
  readonly player: Player;
  readonly view: View;
  readonly name: string;
}

function Canvas({ player, view, name }: CanvasProps): JSX.Element {
  if (view === 'sheet') {
    return (
      <canvas
        class="sheet"
        role="img"
        aria-label={`${name}: all frames as they are now, row by row`}
        ref={(canvas) => void (player.sheetCanvas = canvas)}
        onClick={({ offsetX, offsetY }) => player.seek(player.frameAt(offsetX, offsetY))}
      />
    );
  }
  return (
    <canvas
      class="player"
      role="img"
      aria-label={`${name}: one frame after the other, as they are now`}
      ref={(canvas) => void (player.canvas = canvas)}
      onClick={() => player.toggle()}
    />
  );
}

function SmoothChoice({ player }: { readonly player: Player }): JSX.Element {
  return (
    <label class="check">
      <input
        type="checkbox"
        checked={player.smooth.value}
        onChange={({ currentTarget }) => {
          player.smooth.value = currentTarget.checked;
          player.redraw();
        }}
      />
      Smooth
    </label>
  );
}

interface StageProps {
  readonly watched: WatchedJob;
  readonly job: Job;
  readonly fps: number;
  /** Files of the finished job; null until then. */
  readonly artifacts: readonly Artifact[] | null;
  readonly playhead: Playhead;
  readonly onView: (view: View) => void;
}

export function Stage({ watched, job, fps, artifacts, playhead, onView }: StageProps): JSX.Element {
  const player = usePlayer(watched, fps, playhead);
  const wanted = useSignal<View>('play');
  const files = artifacts === null ? null : viewsOf(job, artifacts);
  const live = files === null && player.hasFrames.value;
  const views = files === null ? (live ? LIVE : []) : (Object.keys(files) as View[]);
  const view = views.includes(wanted.value) ? wanted.value : (views[0] ?? 'play');
  const url = files?.[view];
  useEffect(() => onView(view), [view]);
  return (
    <div class="stage">
      {views.length > 0 && (
        <div class="tabs" role="group" aria-label="View">
          {views.map((name) => (
            <button key={name} type="button" aria-pressed={view === name} onClick={() => (wanted.value = name)}>
              {viewName(name, job.request.kind, !live)}
            </button>
          ))}
          {live && <SmoothChoice player={player} />}
        </div>
      )}
      <div class={`screen ${live && !player.smooth.value ? 'pixels' : ''} ${views.length > 0 ? '' : job.state}`}>
        {url !== undefined && <Finished key={url} job={job} view={view} url={url} playhead={playhead} fps={fps} />}
        {live && <Canvas player={player} view={view} name={nameOfJob(job)} />}
        {views.length === 0 && <p class="screen-empty">{WORDS[job.state]}</p>}
      </div>
      {live && <Transport player={player} />}
    </div>
  );
}
