/** What a finished job shows on its screen: the video, the contact sheet, how it evolved. */
import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import type { Artifact, Job, JobKind } from '../../../src/protocol/jobs.js';
import { useFileAddress } from '../shared/files.js';
import { nameOfJob } from '../shared/words.js';
import type { Playhead } from './playhead.js';

export type View = 'play' | 'sheet' | 'evolution';

const OF_FRAMES: Readonly<Record<View, string>> = { play: 'Play', sheet: 'All frames', evolution: 'Evolution' };
/** What views are called, by the kind of the job. */
const VIEWS: Partial<Readonly<Record<JobKind, Readonly<Record<View, string>>>>> = {
  image: { ...OF_FRAMES, sheet: 'All images' },
  figure: { ...OF_FRAMES, sheet: 'Figure' },
};

/** What the view of a job is called; that of its finished files where it has ended. */
export const viewName = (view: View, kind: JobKind, ended: boolean): string =>
  ((ended ? VIEWS[kind] : undefined) ?? OF_FRAMES)[view];

/** Pictures that are shown instead of a video, the first that is there. */
const SHEETS = ['sheet.png', 'montage.png', 'figure.png'];
const VIDEOS = ['video.mp4', 'figure.mp4'];
const EVOLUTION = 'evolution.frames';
const REPLAY_RATE = 8;

const urlOf = (artifacts: readonly Artifact[], names: readonly string[]): string | null =>
  names.map((name) => artifacts.find((artifact) => artifact.name === name)?.url ?? null).find((url) => url !== null) ??
  null;

/** Where each view comes from; views that the job has nothing for are left out. */
export function viewsOf(job: Job, artifacts: readonly Artifact[]): Partial<Record<View, string>> {
  const video = urlOf(artifacts, VIDEOS);
  const sheet = urlOf(artifacts, SHEETS);
  const replay = `v1/jobs/${encodeURIComponent(job.id)}/replay.mp4?rate=${REPLAY_RATE}`;
  return {
    ...(video !== null && { play: video }),
    ...(sheet !== null && { sheet }),
    ...(urlOf(artifacts, [EVOLUTION]) !== null && { evolution: replay }),
  };
}

interface VideoProps {
  readonly address: string;
  readonly label: string;
  /** Told of the frame on show; undefined where frames mean nothing. */
  readonly playhead: Playhead | undefined;
  readonly fps: number;
}

function Video({ address, label, playhead, fps }: VideoProps): JSX.Element {
  const element = useRef<HTMLVideoElement>(null);
  const calm = window.matchMedia('(prefers-reduced-motion: reduce)').matches;
  useEffect(() => {
    const video = element.current;
    if (video === null || playhead === undefined) return undefined;
    let request = 0;
    const tell = (): void => {
      playhead.frame.value = Math.round(video.currentTime * fps);
      request = video.requestVideoFrameCallback(tell);
    };
    request = video.requestVideoFrameCallback(tell);
    playhead.seek = (frame) => void (video.currentTime = (frame + 0.5) / fps);
    return () => video.cancelVideoFrameCallback(request);
  }, [address, playhead, fps]);
  return (
    <video
      ref={element}
      class="video"
      src={address}
      controls
      loop
      muted
      playsInline
      autoplay={!calm}
      aria-label={label}
    />
  );
}

interface FinishedProps {
  readonly job: Job;
  readonly view: View;
  /** Of the file that the view shows. */
  readonly url: string;
  readonly playhead: Playhead;
  readonly fps: number;
}

export function Finished({ job, view, url, playhead, fps }: FinishedProps): JSX.Element {
  const address = useFileAddress(url);
  const name = nameOfJob(job);
  if (address === null) return <p class="screen-empty">Loading</p>;
  switch (view) {
    case 'sheet':
      return <img src={address} alt={`${viewName(view, job.request.kind, true)} of ${name}`} />;
    case 'play':
      return <Video address={address} label={`The finished video of ${name}`} playhead={playhead} fps={fps} />;
    case 'evolution':
      return <Video address={address} label={`How ${name} evolved`} playhead={undefined} fps={fps} />;
  }
}
