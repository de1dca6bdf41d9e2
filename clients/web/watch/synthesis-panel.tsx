/** A job that makes frames: its screen, how far it is, its curves, what can be done to it. */
import { useComputed, useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import type { Job } from '../../../src/protocol/jobs.js';
import { LineChart } from '../shared/chart.js';
import { ProgressBar, Stats } from '../shared/progress-bar.js';
import type { WatchedJob } from '../shared/watched-job.js';
import { hasEnded, sentenceCase, short } from '../shared/words.js';
import { Actions } from './actions.js';
import { Again } from './again.js';
import { usePlayhead, type Playhead } from './playhead.js';
import { Files, useArtifacts, useReport } from './result.js';
import { SameBytes } from './same-bytes.js';
import { Stage } from './stage.js';
import { Changes, SteerForm } from './steering.js';
import { progressOf, timeOf } from './words.js';

const DEFAULT_FPS = 25;

/** Kinds that can be changed while they run. */
const STEERED = ['video', 'image'];

interface PanelProps {
  readonly watched: WatchedJob;
  readonly job: Job;
}

/** What its progress counts. */
const countedIn = ({ request }: Job): string => (request.kind === 'figure' ? 'picture' : 'iteration');

function Numbers({ watched, job }: PanelProps): JSX.Element {
  const progress = watched.progress.value;
  const counted = countedIn(job);
  const [label, share] = progressOf(job, progress, counted);
  const figure = progress?.figure;
  const words = figure !== undefined && job.state === 'running' ? `${label}: ${figure.picture}` : label;
  return (
    <>
      <ProgressBar name="Progress" label={words} share={share} state={job.state} />
      <Stats
        of={[
          ['Activation', progress === null ? '–' : short(progress.activation)],
          [sentenceCase(counted), progress === null ? '–' : `${progress.iteration} / ${progress.iterations}`],
          timeOf(job, progress),
          [
            `Seconds per ${counted === 'picture' ? counted : 'step'}`,
            progress === null ? '–' : progress.secondsPerIteration.toFixed(2),
          ],
          ['Dropped frames', String(watched.dropped.value)],
          ['Runtime', job.run?.runtime ?? '–'],
        ]}
      />
    </>
  );
}

function IterationChart({ watched, job, real }: PanelProps & { readonly real: number | null }): JSX.Element {
  const { iterations, values } = watched.curve.value;
  const inAll = watched.progress.value?.iterations ?? iterations.at(-1) ?? 1;
  const counted = countedIn(job);
  return (
    <LineChart
      id={`curve-${job.id}`}
      title={`Activation per ${counted}`}
      xName={counted}
      yName="activation"
      x={iterations}
      xRange={[1, Math.max(2, inAll)]}
      lines={[{ name: 'activation', values }]}
      levels={real === null ? [] : [{ name: 'real clips', value: real }]}
      none="No activations yet"
      height={210}
    />
  );
}

/** The activation over the time of the video, or of each picture; the frame on show is marked, and one can be clicked. */
function FrameChart({ watched, job, playhead }: PanelProps & { readonly playhead: Playhead }): JSX.Element | null {
  const mark = useComputed(() => playhead.frame.value + 1);
  const values = watched.progress.value?.frameActivations;
  if (values === undefined || values.length < 2) return null;
  const one = job.request.kind === 'image' ? 'picture' : 'frame';
  // Of very long videos each value is the mean of some neighbours.
  const frames = job.run !== null && 'frames' in job.run ? job.run.frames : values.length;
  const each = Math.ceil(frames / values.length);
  return (
    <LineChart
      id={`frames-${job.id}`}
      title={`Activation per ${one}`}
      xName={one}
      yName="activation"
      x={values.map((_, index) => index * each + 1)}
      xRange={[1, frames]}
      lines={[{ name: 'activation', values, colour: 'good' }]}
      none="No activations yet"
      height={160}
      mark={mark}
      onPick={(x) => playhead.seek(Math.min(frames, Math.max(1, Math.round(x))) - 1)}
    />
  );
}

export function SynthesisPanel({ watched, job }: PanelProps): JSX.Element {
  const isFigure = job.request.kind === 'figure';
  const wide = useSignal(isFigure);
  const playhead = usePlayhead();
  const artifacts = useArtifacts(job);
  const report = useReport<{ realClips?: { mean?: number } | null }>(artifacts);
  const fps = 'fps' in job.request ? job.request.fps : DEFAULT_FPS;
  return (
    <div class={`watch-body ${wide.value ? 'wide' : ''}`}>
      <div class="watch-screen">
        <Stage
          {...{ watched, job, fps, artifacts, playhead }}
          onView={(view) => (wide.value = view !== 'play' || isFigure)}
        />
        <FrameChart watched={watched} job={job} playhead={playhead} />
        {artifacts !== null && <Files id={job.id} artifacts={artifacts} />}
        {artifacts !== null && <Again job={job} />}
        {artifacts !== null && <SameBytes job={job} artifacts={artifacts} />}
      </div>
      <div class="facts">
        <div class="numbers">
          <Numbers watched={watched} job={job} />
          <Actions job={job} noun="job" />
        </div>
        <IterationChart watched={watched} job={job} real={report?.realClips?.mean ?? null} />
        {STEERED.includes(job.request.kind) && !hasEnded(job.state) && job.state !== 'encoding' && (
          <SteerForm watched={watched} job={job} />
        )}
        <Changes job={job} />
      </div>
    </div>
  );
}
