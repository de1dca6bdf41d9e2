/** Says of jobs that are shown side by side and were asked for alike whether their videos are the same bytes. */
import type { JSX } from 'preact';
import { signal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { Artifact, Job } from '../../../src/protocol/jobs.js';

interface Done {
  readonly request: string;
  /** Hash of what was made. */
  readonly sha256: string;
}

/** Finished jobs on show, by id. */
const done = signal<Readonly<Record<string, Done>>>({});

/** The file that says what a job made. */
const MADE = ['video.mp4', 'montage.png', 'figure.png'];

/** Steering is left out: one job was changed while it ran, the other was asked to be. */
function askedFor({ steering: _, ...request }: Record<string, unknown>): string {
  return JSON.stringify(Object.entries(request).toSorted(([a], [b]) => a.localeCompare(b)));
}

export function SameBytes({
  job,
  artifacts,
}: {
  readonly job: Job;
  readonly artifacts: readonly Artifact[];
}): JSX.Element | null {
  const request = askedFor(job.request);
  const sha256 = MADE.map((name) => artifacts.find((artifact) => artifact.name === name)?.sha256).find(Boolean);
  useEffect(() => {
    if (sha256 === undefined) return undefined;
    done.value = { ...done.value, [job.id]: { request, sha256 } };
    return () => {
      const { [job.id]: _, ...rest } = done.value;
      done.value = rest;
    };
  }, [job.id, request, sha256]);
  const others = Object.entries(done.value).filter(([id, other]) => id !== job.id && other.request === request);
  if (others.length === 0) return null;
  return others.every(([, other]) => other.sha256 === sha256) ? (
    <p class="same">The same bytes as the job beside it.</p>
  ) : (
    <p class="same different">
      Asked for alike, but not the same bytes: another runtime or another model made one of them.
    </p>
  );
}
