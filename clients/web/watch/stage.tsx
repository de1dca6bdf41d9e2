/** The screen of a job: its frames as they are now, one after the other or all at once; when it is done, its files. */
import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import type { Frame } from '../../js/index.js';
import type { Artifact, Job } from '../../../src/protocol/jobs.js';
import { useFileAddress } from '../shared/files.js';
import type { WatchedJob } from '../shared/watched-job.js';
import { nameOfJob } from '../shared/words.js';
import { Player } from './player.js';
import { Transport } from './transport.js';

export type View = 'play' | 'sheet' | 'evolution';

const VIEWS: Readonly<Record<View, string>> = { play: 'Play', sheet: 'All frames', evolution: 'Evolution' };

/** What the screen says while there is nothing to see. */
const WORDS: Readonly<Record<Job['state'], string>> = {
  queued: 'Starts when the job before it has ended',
  starting: 'Opening the models',
  running: 'Waiting for the first frames',
  paused: 'Paused before the first frames',
  encoding: 'Writing the video',
  succeeded: 'Loading the video',
  failed: 'No frames are left of this job',
  canceled: 'No frames are left of this job',
};

/** Shows frames as they come; of those that come while one is decoded, the newest. */
async function play(frames: AsyncIterable<Frame>, watched: WatchedJob, player: Player): Promise<void> {
  for await (const frame of frames) {
    const run = watched.job.value?.run;
    if (run != null && 'frames' in run && frame.header.kind === 'sheet') await player.show(frame, run.frames);
  }
}

function usePlayer(watched: WatchedJob, fps: number): Player {
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
  return player;
}

function Canvases({
  player,
  view,
  name,
}: {
  readonly player: Player;
  readonly view: View;
  readonly name: string;
}): JSX.Element {
  const label = `${name}: frame ${player.frame.value + 1} of ${player.frames.value} as it is now`;
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
  return <canvas class="player" role="img" aria-label={label} ref={(canvas) => void (player.canvas = canvas)} />;
}

interface FinishedProps {
  readonly job: Job;
  readonly artifacts: readonly Artifact[];
  readonly view: View;
}

/** The finished video, its contact sheet, or how it evolved. */
function Finished({ job, artifacts, view }: FinishedProps): JSX.Element {
  const url = (name: string): string | null => artifacts.find((artifact) => artifact.name === name)?.url ?? null;
  const wanted = {
    play: url('video.mp4'),
    sheet: url('sheet.png'),
    evolution: url('evolution.frames') === null ? null : `v1/jobs/${job.id}/replay.mp4?rate=8`,
  }[view];
  const address = useFileAddress(wanted);
  const name = nameOfJob(job);
  const calm = window.matchMedia('(prefers-reduced-motion: reduce)').matches;
  if (address === null) return <p class="screen-empty">{WORDS.succeeded}</p>;
  if (view === 'sheet') return <img src={address} alt={`All frames of the finished video of ${name}, row by row`} />;
  const words = view === 'play' ? `The finished video of ${name}` : `How the video of ${name} evolved`;
  return (
    <video key={view} class="video" src={address} controls loop muted playsInline autoplay={!calm} aria-label={words} />
  );
}

interface StageProps {
  readonly watched: WatchedJob;
  readonly job: Job;
  readonly fps: number;
  /** Files of the finished job; null until then. */
  readonly artifacts: readonly Artifact[] | null;
  readonly onView: (view: View) => void;
}

export function Stage({ watched, job, fps, artifacts, onView }: StageProps): JSX.Element {
  const player = usePlayer(watched, fps);
  const view = useSignal<View>('play');
  const screen = useRef<HTMLDivElement>(null);
  const done = job.state === 'succeeded' && artifacts !== null;
  const live = !done && player.hasFrames.value;
  const evolved = done && artifacts.some(({ name }) => name === 'evolution.frames');
  const views: View[] = evolved ? ['play', 'sheet', 'evolution'] : ['play', 'sheet'];
  const choose = (chosen: View): void => {
    view.value = chosen;
    onView(chosen);
  };
  return (
    <div class="stage">
      {(live || done) && (
        <div class="tabs" role="group" aria-label="View">
          {views.map((name) => (
            <button key={name} type="button" aria-pressed={view.value === name} onClick={() => choose(name)}>
              {VIEWS[name]}
            </button>
          ))}
          {live && (
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
          )}
        </div>
      )}
      <div
        ref={screen}
        class={`screen ${player.smooth.value || done ? '' : 'pixels'} ${live || done ? '' : job.state}`}
      >
        {done && <Finished job={job} artifacts={artifacts} view={view.value} />}
        {live && <Canvases player={player} view={view.value} name={nameOfJob(job)} />}
        {!done && !live && <p class="screen-empty">{WORDS[job.state]}</p>}
      </div>
      {live && <Transport player={player} />}
    </div>
  );
}
