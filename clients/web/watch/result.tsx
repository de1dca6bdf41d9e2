/** What a finished job left: its files as links, and what its report says for the page. */
import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { Artifact, Job } from '../../../src/protocol/jobs.js';
import { call, client } from '../shared/api.js';
import { FileLink } from '../shared/files.js';
import { reportFailure } from '../shared/trouble.js';
import { bytes } from '../shared/words.js';

/** Names of files, the most wanted first. */
const NAMES: Readonly<Record<string, string>> = {
  'video.mp4': 'Video',
  'sheet.png': 'Contact sheet',
  'activation.png': 'Plot',
  'report.json': 'Report',
};

/** The files of a job that has succeeded; null until they are known. */
export function useArtifacts({ id, state }: Job): readonly Artifact[] | null {
  const [artifacts, setArtifacts] = useState<{ id: string; list: readonly Artifact[] } | null>(null);
  const done = state === 'succeeded';
  useEffect(() => {
    if (!done) return;
    client.value.jobs.artifacts(id).then((list) => setArtifacts({ id, list }), reportFailure);
  }, [id, done]);
  return artifacts !== null && artifacts.id === id && done ? artifacts.list : null;
}

/** A file of JSON that a job left; null until it is there, or when there is none. */
export function useReport<T>(artifacts: readonly Artifact[] | null, name = 'report.json'): T | null {
  const [report, setReport] = useState<T | null>(null);
  const url = artifacts?.find((artifact) => artifact.name === name)?.url;
  useEffect(() => {
    setReport(null);
    if (url !== undefined) call<T>('GET', url).then(setReport, reportFailure);
  }, [url]);
  return report;
}

interface FilesProps {
  readonly id: string;
  readonly artifacts: readonly Artifact[];
  /** Names for people, in order; files that are not named come last. */
  readonly names?: Readonly<Record<string, string>>;
  readonly onlyNamed?: boolean;
}

/** Files as links, with their sizes. */
export function Files({ id, artifacts, names = NAMES, onlyNamed = false }: FilesProps): JSX.Element {
  const place = ({ name }: Artifact): number => Object.keys(names).indexOf(name) + 1 || Infinity;
  const shown = artifacts.filter(({ name }) => !onlyNamed || name in names).toSorted((a, b) => place(a) - place(b));
  return (
    <ul class="artifacts" aria-label="Files of this job">
      {shown.map((artifact) => (
        <li key={artifact.name}>
          <FileLink url={artifact.url} name={`${id}-${artifact.name}`} open={artifact.name.endsWith('.html')}>
            {names[artifact.name] ?? artifact.name}
          </FileLink>{' '}
          <span class="quiet">{bytes(artifact.bytes)}</span>
        </li>
      ))}
    </ul>
  );
}
