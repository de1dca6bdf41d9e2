/** An audit as it runs, and its report when it has ended. */
import './audit.css';
import type { JSX } from 'preact';
import type { Job } from '../../../src/protocol/jobs.js';
import { LineChart } from '../shared/chart.js';
import { ProgressBar, Stats } from '../shared/progress-bar.js';
import type { WatchedJob } from '../shared/watched-job.js';
import { percent } from '../shared/words.js';
import { Actions } from '../watch/actions.js';
import { Files, useArtifacts, useReport } from '../watch/result.js';
import { progressOf, timeOf } from '../watch/words.js';
import type { AuditReport } from '../../../src/protocol/audit-report.js';
import { AuditResult } from './audit-result.js';

const FILES: Readonly<Record<string, string>> = {
  'report.html': 'Report',
  'report.json': 'Report (JSON)',
  'clips.csv': 'Clips (CSV)',
  'conditions.csv': 'Conditions (CSV)',
};

interface PanelProps {
  readonly watched: WatchedJob;
  readonly job: Job;
}

/** The label of the bar also names the clip. */
function progressWords({ watched, job }: PanelProps): [string, number] {
  const progress = watched.progress.value;
  const [label, share] = progressOf(job, progress, 'clip');
  const clip = progress?.audit?.clip;
  return [job.state === 'running' && clip !== undefined ? `${label}: ${clip}` : label, share];
}

function Live({ watched, job }: PanelProps): JSX.Element {
  const progress = watched.progress.value;
  const { iterations, values } = watched.curve.value;
  const inAll = progress?.iterations ?? iterations.at(-1) ?? 1;
  return (
    <>
      <Stats
        of={[
          ['Flip rate, shuffled', percent(progress?.audit?.flipRate), 'audit-flips'],
          ['Noise floor', percent(progress?.audit?.noiseFloor)],
          ['Clips', progress === null ? '–' : `${progress.iteration} / ${progress.iterations}`, 'audit-clips'],
          ['Skipped', String(progress?.audit?.skipped ?? 0)],
          timeOf(job, progress),
          ['Runtime', job.run?.runtime ?? '–'],
        ]}
      />
      <LineChart
        id="audit-chart"
        title="Flip rate of the shuffled clips so far"
        xName="clip"
        yName="flip rate, %"
        x={iterations}
        xRange={[1, Math.max(2, inAll)]}
        lines={[{ name: 'flip rate', values: values.map((share) => 100 * share) }]}
        none="No clips yet"
      />
    </>
  );
}

export function AuditPanel({ watched, job }: PanelProps): JSX.Element {
  const [label, share] = progressWords({ watched, job });
  const artifacts = useArtifacts(job);
  const report = useReport<AuditReport>(artifacts);
  return (
    <div class="audit-body">
      {job.state !== 'succeeded' && (
        <div class="facts">
          <ProgressBar name="Progress of the audit" label={label} share={share} state={job.state} />
          <Live watched={watched} job={job} />
        </div>
      )}
      <Actions job={job} noun="audit" />
      {artifacts !== null && <Files id={job.id} artifacts={artifacts} names={FILES} onlyNamed />}
      {report !== null && artifacts !== null && <AuditResult report={report} artifacts={artifacts} />}
    </div>
  );
}
