/** A job that makes frames: its screen, how far it is, its curve, what can be done to it. */
import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import type { Job } from '../../../src/protocol/jobs.js';
import { LineChart } from '../shared/chart.js';
import { ProgressBar, Stats } from '../shared/progress-bar.js';
import type { WatchedJob } from '../shared/watched-job.js';
import { short } from '../shared/words.js';
import { Actions } from './actions.js';
import { Files, useArtifacts, useReport } from './result.js';
import { Stage, type View } from './stage.js';
import { progressOf, timeOf } from './words.js';

const DEFAULT_FPS = 25;

interface PanelProps {
  readonly watched: WatchedJob;
  readonly job: Job;
}

function Facts({ watched, job, real }: PanelProps & { readonly real: number | null }): JSX.Element {
  const progress = watched.progress.value;
  const { iterations, values } = watched.curve.value;
  const [label, share] = progressOf(job, progress);
  const inAll = progress?.iterations ?? iterations.at(-1) ?? 1;
  return (
    <div class="facts">
      <ProgressBar name="Progress" label={label} share={share} state={job.state} />
      <Stats
        of={[
          ['Activation', progress === null ? '–' : short(progress.activation)],
          ['Iteration', progress === null ? '–' : `${progress.iteration} / ${progress.iterations}`],
          timeOf(job, progress),
          ['Seconds per step', progress === null ? '–' : progress.secondsPerIteration.toFixed(2)],
          ['Dropped frames', String(watched.dropped.value)],
          ['Runtime', job.run?.runtime ?? '–'],
        ]}
      />
      <LineChart
        id={`curve-${job.id}`}
        title="Activation per iteration"
        xName="iteration"
        yName="activation"
        x={iterations}
        xRange={[1, Math.max(2, inAll)]}
        lines={[{ name: 'activation', values }]}
        levels={real === null ? [] : [{ name: 'real clips', value: real }]}
        none="No activations yet"
      />
      <Actions job={job} noun="job" />
    </div>
  );
}

export function SynthesisPanel({ watched, job }: PanelProps): JSX.Element {
  const view = useSignal<View>('play');
  const artifacts = useArtifacts(job);
  const report = useReport<{ realClips?: { mean?: number } | null }>(artifacts);
  const fps = 'fps' in job.request ? job.request.fps : DEFAULT_FPS;
  return (
    <div class={`watch-body ${view.value === 'sheet' ? 'wide' : ''}`}>
      <div>
        <Stage watched={watched} job={job} fps={fps} artifacts={artifacts} onView={(chosen) => (view.value = chosen)} />
        {artifacts !== null && <Files id={job.id} artifacts={artifacts} />}
      </div>
      <Facts watched={watched} job={job} real={report?.realClips?.mean ?? null} />
    </div>
  );
}
